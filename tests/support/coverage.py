#!/usr/bin/env python3
"""coverage.py BUILD_DIR - what a run of the tests of a cov build has covered, held against floors.

Prints lines and branches of src/ and cmd/ by file (gcov -b), then which calls for memory were made
to fail in some test (BUILD_DIR/failalloc.log, written by tests/support/failalloc.c).

Branches are gcov's, one for each way out of a condition, unoptimised; those of a line with ASSERT
or one of uthash's macros are not counted, for no test can or should take them all.  Both sums are
printed.
"""
import collections
import glob
import json
import os
import re
import subprocess
import sys

# What reads text and bytes from outside (clients, the API server and its answers, manifests,
# kubeconfigs and what plugins print, options, requests to the admin port), or escapes them for a
# log, JSON or a terminal: a test that is missing there is an attack that is not.  Not meant is what
# only fetches the bytes or acts on what was read, the heads of HTTP, which are libcurl's and
# libevent's to read, files of the kernel's own, and Events and metrics, made of what came through
# these.
PARSERS = re.compile(
    r"(src/(admin/(acceptheader|adminaccess|adminquery)|"
    r"app/(option(pairs|s|store|value)|textout)|"
    r"base/(json|jsonout|log|netaddr|utf8)|"
    r"controller/kubediscovery|"
    r"kube/(execcredential|jsonsplit|leaserecord|resourceversion|serverurl|watchevent|"
    r"kube(base64|config.*|file|headers|json|kind|page|path|pem|server|status|token|warnings|"
    r"watchstream))|"
    r"manifest/(doc.*|jsontext|manifesttext|yaml.*)|"
    r"model/(annotation.*|decode.*|k8sname|kindname)|"
    r"proxy/(hello|refuse)|route/hostname|tls/.*)|cmd/sealway/cmd)\.c$")
PARSER_FLOOR = {"lines": 98.0, "branches": 95.0}
FLOOR = {"lines": 98.0, "branches": 94.0}  # of all together

NOT_COUNTED = re.compile(r"\bASSERT\(|\bHASH_[A-Z_]+\(")
ALLOCATORS = "malloc|calloc|realloc|strdup|strndup|aligned_alloc"


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


class Count:
    """Things to cover: how many there are, how many were."""

    def __init__(self):
        self.n = self.hit = 0

    def add(self, was_hit):
        self.n += 1
        self.hit += was_hit

    def merge(self, other):
        self.n += other.n
        self.hit += other.hit

    def share(self):
        return 100.0 * self.hit / self.n if self.n else 100.0


class File:
    """One source file's counts."""

    def __init__(self, name, gcov_lines):
        self.name = name
        self.counts = {"lines": Count(), "branches": Count(), "raw": Count()}
        with open(name, encoding="utf-8") as f:
            source = f.read().split("\n")
        for line in gcov_lines:
            self.counts["lines"].add(line["count"] > 0)
            counted = not NOT_COUNTED.search(source[line["line_number"] - 1])
            for branch in line["branches"]:
                self.counts["raw"].add(branch["count"] > 0)
                if counted:
                    self.counts["branches"].add(branch["count"] > 0)

    def is_below(self, floor):
        return any(self.counts[what].share() < floor[what] for what in floor)

    def __str__(self):
        lines, branches = self.counts["lines"], self.counts["branches"]
        return (f"{lines.share():6.1f}% of {lines.n:5} lines {branches.share():6.1f}% of "
                f"{branches.n:5} branches  {self.name}")


def read_files(build):
    notes = sorted(glob.glob(f"{build}/obj/src/**/*.gcda", recursive=True) +
                   glob.glob(f"{build}/obj/cmd/**/*.gcda", recursive=True))
    for note in notes:
        for f in json.loads(run("gcov", "-b", "-j", "-t", note))["files"]:
            # Headers are in many objects; what they hold inline is small.
            if re.match(r"(src|cmd)/.*\.c$", f["file"]) and os.path.exists(f["file"]):
                yield File(f["file"], f["lines"])


def places(program, offsets):
    """Offsets into a program or object as the lines they stand for."""
    text = run("addr2line", "-e", program, *offsets) if offsets else ""
    for line in text.splitlines():
        path, _, number = line.split(" ")[0].rpartition(":")
        yield os.path.relpath(path), int(number) if number.isdigit() else 0


def allocating_calls(build):
    """Where the objects of src/ and cmd/ call for memory; a build for coverage inlines nothing."""
    call = re.compile(
        rf"^\s*([0-9a-f]+): R_(?:X86_64_PLT32|AARCH64_CALL26)\s+(?:{ALLOCATORS})(?:-|$)", re.M)
    for name in sorted(glob.glob(f"{build}/obj/src/*/*.o") + glob.glob(f"{build}/obj/cmd/*/*.o")):
        yield from places(name, ["0x" + at for at in call.findall(run("objdump", "-dr", name))])


def failed_calls(build):
    offsets = collections.defaultdict(set)
    try:
        with open(f"{build}/failalloc.log", encoding="utf-8") as f:
            for line in f:
                program, offset = line.split()
                # What is noted is where the call returns to.
                offsets[program].add(hex(int(offset, 16) - 1))
    except FileNotFoundError:
        pass
    for program in offsets:
        yield from places(program, sorted(offsets[program]))


def main():
    build = sys.argv[1]
    files = sorted(read_files(build), key=lambda f: f.name)
    total = {what: Count() for what in ("lines", "branches", "raw")}
    bad = 0

    for f in files:
        for what in total:
            total[what].merge(f.counts[what])
        is_parser = PARSERS.match(f.name)
        below = is_parser and f.is_below(PARSER_FLOOR)
        bad += bool(below)
        print(f, " parser" if is_parser else "", " BELOW ITS FLOOR" if below else "", sep="")
    print(", ".join(f"{what} {c.share():.1f}% ({c.hit} of {c.n})" for what, c in total.items()))
    for what, least in FLOOR.items():
        if total[what].share() < least:
            print(f"{what} are below the floor of {least} %")
            bad += 1

    calls = set(allocating_calls(build))
    failed = calls & set(failed_calls(build))
    for name, line in sorted(calls - failed):
        print(f"{name}:{line}: this call for memory has failed in no test")
    print(f"{len(failed)} of {len(calls)} calls for memory have failed in a test")
    return 1 if bad or failed != calls or not files else 0


if __name__ == "__main__":
    sys.exit(main())
