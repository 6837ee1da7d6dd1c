"""A reader of a document, who follows one section of it on the node.

The commands are taken from the document as tests/docs takes them, and run as they stand.  Where the
node is not what they are for, programs stand in: they note what they were asked, and it is done for
the node once the block has ended.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import time

import paths
import images
from node import built
from process import end_with_parent

sys.path.append(str(paths.TREE / "tests" / "docs"))
# pylint: disable=wrong-import-position
import compare
from markdown import Document

BLOCK_S = 600
TURN_S = 6  # that somebody takes to turn to another terminal
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
TAKEN = ("charts", "deploy")  # of the tree
NOTING = ("docker", "kind", "minikube", "sudo")
NOTE = '#!/bin/sh\nprintf "%s\\n" "$(basename "$0") $*" >>"$NOTES"\n'


def blocks_of(path, heading):
    """Those of a section of a document of the tree."""
    return [block for block in Document(paths.TREE, paths.TREE / path).blocks
            if block.heading == heading]


class Reader:
    """Someone in the top directory of the tree, with a terminal and a cluster."""

    def __init__(self, node, directory):
        self.node = node
        self.dir = directory / "sealway"
        self.notes = directory / "notes"
        self.notes.touch()
        self.printed = None
        self.others = []  # what runs in other terminals
        self.compared = self.forwarded = 0
        self.env = self._environment(directory / "bin")
        self.dir.mkdir()
        for name in TAKEN:
            (self.dir / name).symlink_to(paths.TREE / name)

    def _environment(self, tools):
        tools.mkdir()
        programs = {name: NOTE for name in NOTING}
        programs["kubectl"] = f'#!/bin/sh\nexec {built("kube")} kubectl "$@"\n'
        programs["helm"] = f'#!/bin/sh\nexec {built("helm")} "$@"\n'
        programs["make"] = f'#!/bin/sh\nexec {paths.HERE}/make.sh "$@"\n'
        for name, text in programs.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        archive, _ = images.sealway_archive()
        return {**self.node.environment(), "PATH": f"{tools}:{os.environ['PATH']}",
                "NOTES": str(self.notes), "ARCHIVE_OF_TREE": str(archive),
                "MACHINE_NET": f"/proc/{os.getpid()}/ns/net",
                "MACHINE_PATH": os.environ["PATH"],
                "MACHINE_HOME": os.environ.get("HOME") or "/root",
                **{f"MACHINE_{name}": os.environ.get(name, "") for name in PROXIES}}

    def close_others(self):
        while self.others:
            other = self.others.pop()
            other.kill()
            other.communicate()

    # ---- reading

    def follow(self, block):
        """One block: commands, or what the ones before have printed."""
        if block.kind == "output":
            self._compare(block)
        elif block.kind in ("run", "not run") and "port-forward" in block.text:
            self._in_another_terminal(block.text)
        elif block.kind in ("run", "not run"):
            self.run(block.text)

    def _shell(self, text, out):
        argv = self.node.in_node(["bash", "-euo", "pipefail", "-c", text])
        return subprocess.Popen(argv, cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL,
                                stdout=out, stderr=subprocess.STDOUT, text=True,
                                preexec_fn=end_with_parent)

    def run(self, text):
        shell = self._shell(text, subprocess.PIPE)
        self.printed, _ = shell.communicate(timeout=BLOCK_S)
        assert shell.returncode == 0, f"status {shell.returncode}:\n{text}\n{self.printed}"
        self._play()

    def _in_another_terminal(self, text):
        """Until it says that it is there for others."""
        other = self._shell(text, subprocess.PIPE)
        self.others.append(other)
        said = other.stdout.readline()
        assert said.startswith("Forwarding from"), f"{text}\n{said}{other.stdout.read()}"
        self.forwarded += 1
        time.sleep(TURN_S)

    def _compare(self, block):
        assert compare.matches(block.text, self.printed), \
            f"line {block.line}: shown:\n{block.text}\nprinted:\n{self.printed}"
        self.compared += 1

    # ---- what stands in for a registry, and for the programs of other clusters

    def _play(self):
        """An image that was pushed or loaded is brought to the node."""
        words = [line.split() for line in self.notes.read_text().splitlines()]
        self.notes.write_text("")
        for name in {word for line in words for word in line if word.endswith(".tar")}:
            self.node.load_image(self.dir / name)
        for _, _, name in (line for line in words if line[:2] == ["docker", "push"]):
            self.node.load_image(rename_image(images.sealway_archive()[0], name,
                                              self.dir / "pushed.tar"))


def rename_image(archive, name, path):
    """Write an image as another file, in which it is called so; nodes complete such names."""
    with tarfile.open(archive) as old, tarfile.open(path, "w") as new:
        for member in old:
            data = old.extractfile(member) if member.isfile() else None
            if member.name == "manifest.json":
                manifest = [{**json.load(data)[0], "RepoTags": [name]}]
                text = json.dumps(manifest).encode()
                member.size, data = len(text), io.BytesIO(text)
            new.addfile(member, data)
    return path
