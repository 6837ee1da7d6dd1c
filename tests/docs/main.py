"""Holds the documents against the program: main.py [FILE...].  See README.md here."""

import os
import pathlib
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "e2e"))

# pylint: disable=wrong-import-position
import links
import names
import selftest
from cluster import cluster_or_none
from markdown import Document
from ready import Failed, NoCluster, Skipped
from session import Session

FILES = ("README.md", "docs/migrating.md", "docs/operations.md", "docs/security.md",
         "docs/troubleshooting.md", "CONTRIBUTING.md", "SECURITY.md")
LINKED = FILES + ("CHANGELOG.md", "src/README.md", "charts/README.md", "charts/sealway/README.md",
                  "tests/e2e/README.md", "tests/bench/README.md", "tests/docs/README.md",
                  "tests/cluster/README.md")

# Built from its module, helm takes every API server for an old one that it has not asked.
TOOLS = {
    "kubectl": 'exec "$DOCS_KUBE" kubectl "$@"',
    "helm": 'exec "$DOCS_HELM" "$@" $([ "$1" = template ] && echo --kube-version 1.36)',
}


class Results:
    """Counted and told as the other tests tell theirs."""

    def __init__(self):
        self.passed = self.failed = self.skipped = self.without_cluster = 0

    def ok(self, name):
        self.passed += 1
        print(f"ok {name}", flush=True)

    def fail(self, name, why):
        self.failed += 1
        print(f"FAIL {name}: {why}", flush=True)

    def skip(self, name, why):
        self.skipped += 1
        self.without_cluster += isinstance(why, NoCluster)
        print(f"skip {name}: {why}", flush=True)

    def tell_what_was_not_tried(self):
        if self.skipped:
            print(f"skip {self.skipped} blocks in all")
        if self.without_cluster:
            print(f"skip {self.without_cluster} of them need an API server, so the commands for a "
                  "cluster were NOT tried: run make e2e, which builds it, or FULL=1 make docs-test")

    def check(self, name, found):
        """One result for a list of problems."""
        found = list(found)
        if found:
            self.fail(name, "\n  ".join([f"{len(found)} found", *found]))
        else:
            self.ok(name)


def environment(directory):
    """What a reader has on the PATH: kubectl and helm, and nobody's settings."""
    tools = directory / "bin"
    tools.mkdir()
    os.symlink(os.environ["SEALWAY_BIN"], tools / "sealway")
    for tool, script in TOOLS.items():
        if os.environ.get(script.split()[1].strip('"$')):
            (tools / tool).write_text("#!/bin/sh\n" + script + "\n")
            (tools / tool).chmod(0o755)
    env = {key: value for key, value in os.environ.items()
           if not key.startswith("SEALWAY_") and key != "KUBECONFIG"}
    env.update(PATH=f"{tools}:/usr/sbin:{env['PATH']}", HOME=str(directory), TZ="UTC", LC_ALL="C",
               SEALWAY_BIN=os.environ["SEALWAY_BIN"])
    return env


def took(began):
    seconds = time.monotonic() - began
    return f" ({seconds:.1f} s)" if seconds >= 1 else ""


def run_blocks(document, directory, env, cluster, results):
    here = directory / document.name.replace("/", "-")
    here.mkdir()
    session = Session(here, ROOT, dict(env), cluster)
    del session.env["SEALWAY_BIN"]
    try:
        for block in document.blocks:
            name = f"{document.name}:{block.line} {block.kind} ({block.heading})"
            began = time.monotonic()
            try:
                session.do(block)
            except Failed as why:
                results.fail(name, why)
            except Skipped as why:
                results.skip(name, why)
            else:
                if block.kind in ("run", "output", "file"):
                    results.ok(f"{name}{took(began)}")
    finally:
        session.stop_server()
        session.close()
    if any(block.new_text is not None for block in document.blocks):
        document.update()


def check_texts(documents, results):
    """What can be seen without running anything of them."""
    read = {document.name: document for document in documents}
    told = [read[name] for name in FILES if name in read]
    results.check("every_block_is_run_or_says_why_not",
                  (f"{d.name}:{line}: {what}" for d in told for line, what in d.problems))
    results.check("links_lead_somewhere",
                  (f"{d.name}:{line}: {what}" for d, line, what in links.problems(documents, ROOT)))
    program = names.Program(os.environ["SEALWAY_BIN"], ROOT)
    results.check("names_in_the_documents_exist",
                  (f"{d.name}:{line}: {what}" for d, line, what in names.problems(told, program)))
    results.check("names_of_the_program_are_documented", names.missing(told, program))
    if "docs/troubleshooting.md" in read:
        results.check("reasons_in_tables_exist",
                      names.unknown_reasons(read["docs/troubleshooting.md"], program))
    results.check("make_targets_in_the_documents_exist", names.unknown_targets(told, ROOT))
    results.check("make_help_lists_every_target", names.unlisted_targets(ROOT))


def main():
    began = time.monotonic()
    results = Results()
    for test in selftest.ALL:
        test()
        results.ok(test.__name__)
    documents = [Document(ROOT, ROOT / name) for name in LINKED if (ROOT / name).exists()]
    check_texts(documents, results)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="sealway-docs."))
    cluster = cluster_or_none(directory)
    try:
        env = environment(directory)
        for document in documents:
            if document.name in FILES and (not sys.argv[1:] or document.name in sys.argv[1:]):
                run_blocks(document, directory, env, cluster, results)
    finally:
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(directory, ignore_errors=True)
    results.tell_what_was_not_tried()
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{results.passed} passed, {results.failed} failed")
    return 1 if results.failed else 0


sys.exit(main())
