"""A Kubernetes node with its control plane, in namespaces of its own on this machine.

Everything it writes is below one directory, and everything it runs is below one process, which is
process 1 of a pid namespace (init.sh): once that is gone, so are pods and mounts.
"""

import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import paths
import components
import images
import namespaces
from api import Api, ApiError
from commands import call
from machine import UNSHARE, check_privileges, without_proxies
from pods import is_ready
from process import end_with_parent, wait_until

PATIENCE_S = 120  # a machine may have much else to do
STOP_S = 1        # an API server with watches open does not end by itself


class NodeError(RuntimeError):
    """The node does not do what it should; the text says which part, and what that said."""


class NotOurs(NodeError):
    """There is a node of this name that is not this one to end; the text says how to go on."""


class NodeApi(Api):
    """Requests from the clients' namespace, of any thread."""

    def __init__(self, node):
        super().__init__(components.API_PORT, node.context, node.ip)
        self.node = node
        self.lock = threading.RLock()

    def request(self, *args, **how):
        with self.lock, self.node.as_client():
            return super().request(*args, **how)


class Node:
    """One node.  Several may stand side by side, each under its name."""

    ip, client_ip = namespaces.NODE_IP, namespaces.CLIENT_IP

    def __init__(self, name="sealway", directory=None):
        self.name = name
        base = pathlib.Path(directory or tempfile.gettempdir())
        self.dir = base.resolve() / f"sealway-node-{name}"
        self.kube = self.dir / "kube"
        self.kubeconfig = str(self.dir / "pki" / "admin.kubeconfig")
        self.node_ns, self.client_ns = f"{name}-node", f"{name}-client"
        self.cgroup = f"sealway-node-{name}"
        self.api = NodeApi(self)
        self.images = set()  # files, with the time when they were written

    # ---- start and stop

    def start(self, stays=False):
        """Have it run, and wait until it is ready.  One that `stays` outlives this process."""
        if not self.is_up():
            self.stop()  # what is left of one before
            try:
                self._start(stays)
            except BaseException:
                self._keep_logs()
                self.stop()
                raise
        self._wait_ready()
        return self

    def _start(self, stays):
        check_privileges()
        program, pause = built("kube"), images.pause_archive()
        namespaces.make_pair(self.node_ns, self.client_ns, components.PODS)
        self.dir.mkdir(mode=0o700)  # from now on they are ours, see stop()
        components.write(self.dir, self.cgroup, snapshotter_for(self.dir))
        (self.dir / "home").mkdir()
        run([program, "pki", self.dir / "pki", f"https://{self.ip}:{components.API_PORT}",
             f"127.0.0.1,localhost,{components.FIRST_SERVICE},{self.ip}"])
        self.kube.symlink_to(program)
        self._start_init(program, stays)
        for unit in ("containerd", "etcd", "apiserver"):
            self.want(unit)
        self.wait(self._has_containerd, PATIENCE_S, "containerd", "containerd")
        self.load_image(pause)
        self._wait_apiserver()
        for unit in ("controller-manager", "scheduler", "kubelet", "proxy"):
            self.want(unit)

    def _start_init(self, program, stays):
        """`unshare` ends with us, unless it shall not; and process 1 with `unshare`."""
        with open(self.dir / "init.log", "wb") as log:
            child = subprocess.Popen(
                ["nsenter", f"--net={namespaces.path_of(self.node_ns)}", *UNSHARE,
                 paths.HERE / "init.sh", self.dir, program],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=without_proxies(),
                preexec_fn=None if stays else end_with_parent)
        self._remember("unshare", child.pid)
        children = f"/proc/{child.pid}/task/{child.pid}/children"

        def find_init():
            if child.poll() is not None:
                raise NodeError("process 1 of the node ended: " + self._log("init"))
            with contextlib.suppress(OSError):
                return pathlib.Path(children).read_text().split()
            return None
        init = int(self.wait(find_init, PATIENCE_S, "process 1 of the node")[0])
        self._remember("init", init)
        self.wait((self.dir / "initialised").exists, PATIENCE_S, "the namespaces of the node")

    def _has_containerd(self):
        return subprocess.run(self.inside("ctr", f"--address={components.SOCKET}", "version"),
                              capture_output=True, check=False).returncode == 0

    def _wait_apiserver(self):
        self.wait(self._is_apiserver_ready, PATIENCE_S, "the API server", "apiserver")

    def _is_apiserver_ready(self):
        try:
            return self.api.request("GET", "/readyz", parse=False) == "ok"
        except (OSError, http.client.HTTPException, ApiError):
            return False

    def _wait_ready(self):
        self._wait_apiserver()
        self.wait(self.is_ready, PATIENCE_S, "a node that is Ready", "kubelet", "containerd")
        self.wait(self._has_accounts, PATIENCE_S, "service accounts", "controller-manager")
        self.wait(lambda: self._is_healthy(10256), PATIENCE_S, "kube-proxy", "proxy")

    def is_ready(self):
        """What the node says of itself."""
        found = self.get("/api/v1/nodes/node") or {"status": {}}
        return is_ready(found)

    def _has_accounts(self):
        return self.get("/api/v1/namespaces/default/serviceaccounts/default")

    def _is_healthy(self, port):
        """What a component says on a port of the node's loopback interface."""
        with namespaces.within(self.node_ns):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                return False
            finally:
                connection.close()

    def is_up(self):
        return is_alive(*self._state("init"))

    def stop(self):
        """End what this node started, and leave nothing of it.  What has its names, but no
        directory that says so, is another's."""
        self.api.close()
        self.images.clear()
        if not self.dir.exists():
            self._check_names()
            return
        for who in ("init", "unshare"):
            pid, since = self._state(who)
            if is_alive(pid, since):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda p=pid, s=since: not is_alive(p, s), f"the end of {who}", PATIENCE_S)
        for name in (self.node_ns, self.client_ns):
            namespaces.end(name)
            namespaces.remove(name)
        for group in sorted(pathlib.Path("/sys/fs/cgroup").glob(f"*/{self.cgroup}")):
            remove_cgroup(group)
        remove_cgroup(pathlib.Path("/sys/fs/cgroup") / self.cgroup)
        shutil.rmtree(self.dir)

    def _check_names(self):
        names = [name for name in (self.node_ns, self.client_ns) if namespaces.exists(name)]
        if names:
            raise NotOurs(
                f"there is no {self.dir}, so the network namespaces {' and '.join(names)} are "
                "another's; `run.sh down` with the TMPDIR of who started that node ends it, "
                "NODE=name starts another one beside it, and should nobody have them, "
                "`ip netns delete` takes them away")

    @contextlib.contextmanager
    def locked(self):
        """For who starts, tests or stops it: one at a time on this machine."""
        with open(f"/run/{self.cgroup}.lock", "a+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise NotOurs(f"process {file.read().strip()} is at work with the node "
                              f"{self.name}; wait for its end, or take another: NODE=name"
                              ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def _state(self, who):
        """(process, when it was started), or (0, None)."""
        try:
            return json.loads((self.dir / f"{who}.json").read_text())
        except FileNotFoundError:
            return 0, None

    def _remember(self, who, pid):
        """With the time, because another process gets the number later."""
        (self.dir / f"{who}.json").write_text(json.dumps([pid, started(pid)]))

    def _log(self, name):
        log = self.dir / (f"log/{name}.log" if name != "init" else "init.log")
        text = log.read_text(errors="replace") if log.exists() else "nothing"
        return "\n".join(text.splitlines()[-15:])

    def _keep_logs(self):
        """What went wrong is not taken away with the rest."""
        if os.environ.get("KEEP") and (self.dir / "log").exists():
            kept = tempfile.mkdtemp(prefix="sealway-node-logs.")
            shutil.copytree(self.dir / "log", kept, dirs_exist_ok=True)
            print(f"logs: {kept}", file=sys.stderr)

    # ---- its components

    def want(self, unit):
        (self.dir / "wanted" / unit).touch()

    def unwant(self, unit):
        """End a component; it stays away until it is wanted again."""
        (self.dir / "wanted" / unit).unlink(missing_ok=True)
        self._end(unit)

    def _pid(self, unit):
        """As its keeper wrote it down; "" while it does not run."""
        try:
            return (self.dir / "pid" / unit).read_text().strip()
        except FileNotFoundError:
            return ""

    def signal(self, unit, number):
        """SIGSTOP and SIGCONT, for instance; whether there was such a process."""
        pid = self._pid(unit)
        return pid != "" and subprocess.run(
            self.inside("kill", f"-{int(number)}", pid), check=False,
            stderr=subprocess.DEVNULL).returncode == 0

    def _end(self, unit):
        before = self._pid(unit)

        def is_gone():
            return before == "" or self._pid(unit) != before
        self.signal(unit, signal.SIGTERM)
        try:
            self.wait(is_gone, STOP_S, unit + " to end")
        except TimeoutError:
            self.signal(unit, signal.SIGKILL)
            self.wait(is_gone, PATIENCE_S, unit + " to end")

    @contextlib.contextmanager
    def _away(self, unit):
        """Whatever goes wrong, the other tests have it again."""
        try:
            self.unwant(unit)
            yield
        finally:
            self.want(unit)

    def restart_apiserver(self, away_s=0):
        """It is ready again when this returns."""
        with self._away("apiserver"):
            self.api.close()
            time.sleep(away_s)
        self._wait_apiserver()

    def restart_kubelet(self, away_s=0):
        """It is healthy again when this returns."""
        with self._away("kubelet"):
            time.sleep(away_s)
        self.wait(lambda: self._is_healthy(10248), PATIENCE_S, "the kubelet", "kubelet")

    # ---- what one can do with it

    def inside(self, *argv):
        """argv, in all of the node's namespaces."""
        return ["nsenter", "--target", str(self._state("init")[0]), "--mount", "--uts", "--ipc",
                "--net", "--pid", "--", *map(str, argv)]

    def in_node(self, argv):
        """argv, with the node's network and this machine's files."""
        return ["nsenter", f"--net={namespaces.path_of(self.node_ns)}", "--", *map(str, argv)]

    def in_client(self, argv):
        """argv, with the network of the clients and this machine's files."""
        return ["nsenter", f"--net={namespaces.path_of(self.client_ns)}", "--", *map(str, argv)]

    def as_client(self):
        """`with node.as_client():` what this thread opens is in the clients' network."""
        return namespaces.within(self.client_ns)

    def environment(self):
        """For kubectl and helm, which keep things at home."""
        return {**without_proxies(), "KUBECONFIG": self.kubeconfig, "HOME": str(self.dir / "home")}

    def kubectl(self, *args, input=None, check=True):
        return run(self.in_node([self.kube, "kubectl", *args]), input, check,
                   self.environment())

    def helm(self, *args, input=None, check=True):
        return run(self.in_node([built("helm"), *args]), input, check, self.environment())

    def get(self, path):
        """An object; None where there is none, or nobody to say so."""
        try:
            return self.api.request("GET", path)
        except (OSError, http.client.HTTPException):
            return None
        except ApiError as error:
            if error.status in (404, 500, 503):
                return None
            raise

    def load_image(self, path):
        """Have an image of a file (docker archive or OCI layout, in a tar) for pods; once is
        enough."""
        image = (path, os.stat(path).st_mtime_ns)
        if image in self.images:
            return
        with open(path, "rb") as archive:
            done = subprocess.run(
                self.inside("ctr", f"--address={components.SOCKET}", "--namespace=k8s.io",
                            "images", "import", "-"),
                stdin=archive, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NodeError(f"import of {path}: {done.stdout}{done.stderr}")
        self.images.add(image)

    def wait(self, function, seconds, what, *units):
        """Ask until the answer is true, and return it; the time over, say what `units` logged."""
        try:
            return wait_until(function, what, seconds, step=0.05)
        except TimeoutError as error:
            if not units:
                raise
            said = "".join(f"\n{unit}: {self._log(unit)}" for unit in units)
            raise TimeoutError(f"{error}{said}") from None

    def context(self):
        """TLS as who may do everything."""
        key = self.dir / "pki"
        context = ssl.create_default_context(cafile=key / "ca.crt")
        context.load_cert_chain(key / "admin.crt", key / "admin.key")
        return context


def built(name):
    """The path of what is built once: kube or helm."""
    script = {"kube": "build.sh", "helm": "helm.sh"}[name]
    return call([paths.E2E / "kube" / script]).strip()


def run(argv, input=None, check=True, env=None):
    """What a command wrote; one that failed is an error that has all it said."""
    done = subprocess.run(list(map(str, argv)), input=input, capture_output=True, text=True,
                          check=False, env=env)
    if check and done.returncode != 0:
        raise NodeError(f"{' '.join(map(str, argv))}: status {done.returncode}\n"
                        f"{done.stdout}{done.stderr}")
    return done.stdout


def started(pid):
    """When a process was started, in ticks of this machine; None for one that has ended."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def is_alive(pid, since):
    return since is not None and started(pid) == since


def remove_cgroup(group):
    """Its processes have ended, of which the kernel may not have told it yet."""
    if not group.exists():
        return
    for path, _, _ in os.walk(group, topdown=False):
        def is_removed(each=path):
            with contextlib.suppress(OSError):
                os.rmdir(each)
            return not os.path.exists(each)
        wait_until(is_removed, f"the end of {path}", PATIENCE_S)


def snapshotter_for(directory):
    """Files of containers lie over each other where that can be, else they are copied."""
    with tempfile.TemporaryDirectory(dir=directory) as at:
        for name in ("lower", "upper", "work", "merged"):
            os.mkdir(f"{at}/{name}")
        options = f"lowerdir={at}/lower,upperdir={at}/upper,workdir={at}/work"
        tried = subprocess.run(["unshare", "--mount", "mount", "-t", "overlay", "-o", options,
                                "overlay", f"{at}/merged"], check=False, capture_output=True)
    return "overlayfs" if tried.returncode == 0 else "native"
