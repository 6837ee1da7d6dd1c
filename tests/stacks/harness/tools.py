"""Finding and building the programs: what is there, in which version, and why something is not."""

import os
import pathlib
import re
import shutil
import subprocess

from harness.process import Failed, which

SOURCES = pathlib.Path(__file__).resolve().parent.parent / "programs"
GO_AT_LEAST = (1, 19)
RUST_AT_LEAST = (1, 71)  # what rustls wants
JAVA_AT_LEAST = (11,)  # source launcher, TLS 1.3, java.net.http


def version_in(text):
    """Its numbers; none of what has no version to show."""
    found = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(int(n) for n in found.group().split(".")) if found else ()


class Tools:
    """Programs of ours, built once into `build` and kept there for the next run."""

    def __init__(self, build, hosts_file):
        self.build = build
        self.hosts_file = hosts_file  # names for Java, which asks no one else then
        self.built = {}

    @staticmethod
    def source(path):
        return SOURCES / path

    @staticmethod
    def first_line(*argv):
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        lines = done.stdout.decode(errors="replace").splitlines()
        return lines[0].strip() if lines else ""

    @staticmethod
    def last_line(*argv):
        """Of stdout: Debian's wrappers may complain on stderr."""
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        lines = done.stdout.decode(errors="replace").splitlines()
        return lines[-1].strip() if lines else ""

    def package_version(self, package):
        return self.first_line("dpkg-query", "-W", "-f", "${Version}", package)

    def older(self, program, least, *argv):
        """Why a program cannot be used; None when it can."""
        if not which(program):
            return f"{program} is not installed"
        line = self.first_line(program, *argv)
        if not version_in(line):  # a wrapper without a program, for one
            return f"{program} does not run: {line}"
        if version_in(line) < least:
            return f"{line} is older than {'.'.join(map(str, least))}"
        return None

    def make(self, what, argv, **how):
        """Run a compiler; its complaint is the reason a program is missing."""
        done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, **how)
        if done.returncode != 0:
            lines = done.stdout.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise Failed(f"{what} is not built: {lines[-1][:200]}")

    def once(self, what, build):
        """build() the first time; later its result, or its failure again."""
        if what not in self.built:
            try:
                self.built[what] = build()
            except Failed as why:
                self.built[what] = why
        if isinstance(self.built[what], Failed):
            raise self.built[what]
        return self.built[what]

    def reason(self, build):
        """Why build() fails; None when it does not."""
        try:
            build()
        except Failed as why:
            return str(why)
        return None

    # Go

    def go_missing(self):
        return self.older("go", GO_AT_LEAST, "version") or self.reason(lambda: self.go("client"))

    def go_version(self):
        return self.first_line("go", "version")

    def go(self, program):
        return self.once("the Go programs", self.build_go) / program

    def build_go(self):
        """In a module made here: its version is Go's own, which decides what it does by default."""
        target, programs = self.build / "go", self.build / "go-programs"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.source("go"), target)
        env = dict(os.environ, GOTOOLCHAIN="local", GOFLAGS="-mod=mod -buildvcs=false")
        self.make("the Go module", ["go", "mod", "init", "stacks"], cwd=target, env=env)
        programs.mkdir(exist_ok=True)  # what is as it was is not linked again
        self.make("the Go programs", ["go", "build", "-o", programs, "./..."], cwd=target, env=env)
        return programs

    # Java

    def java_missing(self):
        older = self.older("java", JAVA_AT_LEAST, "-version")
        if older:
            return older
        # The source launcher's; Debian's JRE has it, too.
        found = subprocess.run(("java", "--describe-module", "jdk.compiler"), check=False,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return None if b"jdk.compiler@" in found.stdout else "there is a java, but no compiler"

    def java_version(self):
        return self.first_line("java", "-version")

    def java(self, program):
        return ["java", "-XX:+UseSerialGC",
                f"-Djdk.net.hosts.file={self.hosts_file}", self.source(f"java/{program}.java")]

    # C, against whichever library

    def c(self, program, *libraries):
        def build():
            target = self.build / program
            if not which("cc"):
                raise Failed("cc is not installed")
            self.make(program, ["cc", "-O1", "-Wall", "-Wextra", "-o", target,
                                self.source(f"c/{program}.c"), *libraries])
            return target
        return self.once(program, build)

    # Rust

    def rust_missing(self):
        return (self.older("cargo", RUST_AT_LEAST, "--version")
                or self.older("rustc", RUST_AT_LEAST, "--version") or self.reason(self.rust))

    def rust(self):
        def build():
            # Beside what it chose and built the last time, which it then takes again.
            target = self.build / "rust"
            shutil.copytree(self.source("rust"), target, dirs_exist_ok=True)
            self.make("the rustls client", ["cargo", "build", "--quiet"], cwd=target)
            return target / "target" / "debug" / "stacks-client"
        return self.once("the rustls client", build)
