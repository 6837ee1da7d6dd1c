"""Runs the blocks of one document in their order, in a directory of its own.

The directory has what the reader stands in: build/sealway, charts, deploy.  Each block is a shell
that stops at the first command that fails; what it leaves running ends with the document.
"""

import contextlib
import os
import signal
import subprocess
import tempfile

import compare
from ready import Failed, NoCluster, Skipped, wait_ready

BLOCK_S = 180


class Session:
    """The directory, its programs, and what was printed last."""

    def __init__(self, directory, root, environment, cluster):
        self.dir = directory
        self.env = environment
        self.cluster = cluster
        self.printed = None
        self.groups = []      # of every shell: what it left running is in it
        self.server = None    # the block in the background
        for name in ("charts", "deploy", "docs", "tests", "Makefile"):
            os.symlink(root / name, directory / name)
        (directory / "build").mkdir()
        os.symlink(environment["SEALWAY_BIN"], directory / "build" / "sealway")

    def close(self):
        for group in self.groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def do(self, block):
        if block.kind == "file":
            self._write(block)
        elif block.kind == "output":
            self._check(block)
        elif block.kind == "setup":
            self._set_up(block.text)
        elif block.kind == "stand-in":
            self._stand_in(block)
        elif block.kind == "run":
            self._run(block)
        elif block.kind == "not run":
            self.printed = None

    def _write(self, block):
        path = self.dir / block.rest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)

    def _check(self, block):
        if self.printed is None:
            raise Skipped("what it is the output of did not run")
        if compare.matches(block.text, self.printed):
            return
        if os.environ.get("UPDATE") and "..." not in block.text:
            block.new_text = self.printed
        else:
            raise Failed("shown:\n" + block.text + "printed:\n" + self.printed)

    def _run(self, block):
        words = block.words()
        if "cluster" in words:
            self.printed = None
            self._need_cluster()
        if "helm" in words and not self.env.get("DOCS_HELM"):
            raise Skipped("no helm: tests/e2e/kube/helm.sh builds it")
        status = next((int(word.split()[1]) for word in words if word.startswith("exit ")), 0)
        if "background" in words:
            self._background(block.text)
        else:
            self._shell(block.text, status)

    def _set_up(self, text):
        """What a reader has done before; its first line may say how, as a run block's comment."""
        how, _, commands = text.partition("\n")
        if how == "cluster":
            self._need_cluster()
            self._shell(commands, 0)
        elif how == "background":
            self._background(commands)
        else:
            self._shell(text, 0)

    def _need_cluster(self):
        if self.cluster is None:
            why = "no API server was built: make e2e builds it"
            raise Failed(why) if os.environ.get("SEALWAY_DOCS_CLUSTER") else NoCluster(why)
        self.cluster.ensure_started()
        self.env["KUBECONFIG"] = self.cluster.kubeconfig

    def _stand_in(self, block):
        self._need_cluster()
        self.stop_server()
        getattr(self.cluster, "play_" + block.rest.replace("-", "_"))(self.dir)

    def stop_server(self):
        """A reader would have ended it before the next one takes its ports."""
        if self.server is not None:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()
            self.server = None
        if self.cluster is not None:
            self.cluster.stop_instance()

    def _start(self, text, out):
        shell = subprocess.Popen(["bash", "-euo", "pipefail", "-c", text], cwd=self.dir,
                                 env=self.env, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        self.groups.append(shell.pid)
        return shell

    def _background(self, text):
        self.stop_server()
        log = self.dir / "sealway.log"
        with open(log, "wb") as out:
            self.server = self._start(text, out)
        (self.dir / "server.pid").write_text(str(self.server.pid))
        try:
            wait_ready("what runs in the background")
        except Failed as error:
            raise Failed(f"{error}\n{log.read_text(errors='replace')}") from None
        self.printed = None

    def _shell(self, text, wanted):
        """What stays in the background keeps a file open, and no pipe that would be waited for."""
        with tempfile.TemporaryFile() as out:
            shell = self._start(text, out)
            try:
                status = shell.wait(BLOCK_S)
            except subprocess.TimeoutExpired:
                raise Failed(f"still running after {BLOCK_S} s") from None
            out.seek(0)
            self.printed = out.read().decode(errors="replace")
        if status != wanted:
            raise Failed(f"exit status {status}, not {wanted}:\n{self.printed}")
