"""A real etcd and a real kube-apiserver on loopback, for one run of the tests.

Everything is below one directory; what was started is ended by its pid, also when the tests fail.
"""

import base64
import datetime
import http.client
import itertools
import json
import pathlib
import ssl
import subprocess
import time

from api import Api, ApiError
from process import Process, wait_until

# In a namespace of our own all are free, and clients are given none of these by the kernel.
PORTS = itertools.count(20000)
TOKEN_LEEWAY_S = 60  # so long after its end an API server takes a token, for clocks that differ

AUDIT_POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
"""


class Lab:
    """The API server, its keys, and one who may do everything."""

    def __init__(self, program, directory, flags=()):
        self.program = program
        self.dir = pathlib.Path(directory)
        self.flags = list(flags)
        self.port, self.etcd_port, self.peer_port = next(PORTS), next(PORTS), next(PORTS)
        self.url = f"https://127.0.0.1:{self.port}"
        self.keys = self.dir / "pki"
        self.audit = self.dir / "audit.jsonl"
        self.etcd = self.apiserver = None
        self.api = Api(self.port, self.context)
        self.ca = self.key("ca.crt")
        self.starting = []  # (from, to) in seconds since 1970: started, but not ready

    # ---- processes

    def start(self):
        (self.dir / "audit.yaml").write_text(AUDIT_POLICY)
        subprocess.run([self.program, "pki", self.keys, self.url, "127.0.0.1,localhost,10.96.0.1"],
                       check=True)
        self.start_etcd()
        self.start_apiserver()

    def key(self, name):
        return str(self.keys / name)

    def start_etcd(self):
        client = f"https://127.0.0.1:{self.etcd_port}"
        peer = f"http://127.0.0.1:{self.peer_port}"
        self.etcd = Process("etcd", [
            self.program, "etcd", "--name=test", f"--data-dir={self.dir / 'etcd'}",
            "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            # By its name in etcd 3.5, which 3.6 still takes.
            f"--initial-cluster=test={peer}", "--experimental-watch-progress-notify-interval=5s",
            f"--cert-file={self.key('etcd.crt')}", f"--key-file={self.key('etcd.key')}",
            "--client-cert-auth", f"--trusted-ca-file={self.key('ca.crt')}",
        ], self.dir)

    def start_apiserver(self, flags=None):
        if flags is not None:
            self.flags = list(flags)
        key = self.key
        began = time.time()
        self.apiserver = Process("apiserver", [
            self.program, "apiserver",
            "--bind-address=127.0.0.1", f"--secure-port={self.port}",
            "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
            f"--etcd-servers=https://127.0.0.1:{self.etcd_port}", f"--etcd-cafile={key('ca.crt')}",
            f"--etcd-certfile={key('etcd-client.crt')}", f"--etcd-keyfile={key('etcd-client.key')}",
            "--etcd-compaction-interval=0",
            f"--tls-cert-file={key('apiserver.crt')}",
            f"--tls-private-key-file={key('apiserver.key')}",
            f"--client-ca-file={key('ca.crt')}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key('sa.pub')}",
            f"--service-account-signing-key-file={key('sa.key')}",
            "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112",
            "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
            f"--audit-policy-file={self.dir / 'audit.yaml'}", f"--audit-log-path={self.audit}",
            "--shutdown-delay-duration=0s", *self.flags,
        ], self.dir)
        self.wait_ready()
        self.starting.append((began, time.time()))

    def wait_ready(self):
        def is_ready():
            if not self.apiserver.is_alive():
                raise RuntimeError("the API server ended:\n" + self.apiserver.tail())
            try:
                return self.request("GET", "/readyz", parse=False) == "ok"
            except (OSError, http.client.HTTPException, ApiError):
                return False
        wait_until(is_ready, "the API server", step=0.1)

    def stop_apiserver(self):
        """With watches open it does not end by itself."""
        self.api.close()
        self.apiserver.stop(1)

    def kill_apiserver(self):
        self.api.close()
        self.apiserver.kill()

    def was_starting(self, when):
        """Whether it could not yet know who may do what."""
        return any(began <= when <= ready for began, ready in self.starting)

    def restart_apiserver(self, flags=None):
        self.stop_apiserver()
        self.start_apiserver(flags)

    def stop(self):
        self.api.close()
        for process in (self.apiserver, self.etcd):
            if process is not None:
                process.stop(3)

    def compact(self):
        subprocess.run([self.program, "compact", f"https://127.0.0.1:{self.etcd_port}", self.keys],
                       check=True, stderr=subprocess.DEVNULL)

    # ---- requests

    def context(self, client=True):
        context = ssl.create_default_context(cafile=self.ca)
        if client:
            context.load_cert_chain(self.key("admin.crt"), self.key("admin.key"))
        return context

    def version(self):
        """Of Kubernetes, as v1.36.3."""
        return self.request("GET", "/version")["gitVersion"]

    def new_api(self):
        """Another connection, for another thread."""
        return Api(self.port, self.context)

    def request(self, *args, **how):
        return self.api.request(*args, **how)

    def kubectl(self, *args, stdin=None, check=True):
        """By flags: the kubeconfig has the first CA, and tests rotate it."""
        who = [f"--server={self.url}", f"--certificate-authority={self.ca}",
               f"--client-certificate={self.key('admin.crt')}",
               f"--client-key={self.key('admin.key')}"]
        return subprocess.run([self.program, "kubectl", *who, *args],
                              input=stdin, capture_output=True, text=True, check=check)

    def token(self, ns, name, seconds=3600):
        """A token of a service account, as a pod gets it."""
        answer = self.request(
            "POST", f"/api/v1/namespaces/{ns}/serviceaccounts/{name}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
             "spec": {"expirationSeconds": max(seconds, 600)}})
        return answer["status"]["token"]

    def short_token(self, ns, name, uid, seconds):
        """One that is refused sooner than the API server would give out; signed with its own key."""
        end = int(time.time()) + seconds - TOKEN_LEEWAY_S
        claims = {"iss": "https://kubernetes.default.svc",
                  "aud": ["https://kubernetes.default.svc"],
                  "sub": f"system:serviceaccount:{ns}:{name}",
                  "iat": end - 600, "nbf": end - 600, "exp": end,
                  "kubernetes.io": {"namespace": ns, "serviceaccount": {"name": name, "uid": uid}}}
        parts = [{"alg": "RS256", "typ": "JWT"}, claims]
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", self.key("sa.key")],
            input=signed.encode(), capture_output=True, check=True).stdout
        return signed + "." + base64url(signature)

    def audited(self, user):
        """What the API server wrote down of somebody's requests, in the order they ended."""
        with open(self.audit, encoding="utf-8") as lines:
            return [Audited(line) for line in lines if user in line and line.endswith("\n")]


class Audited:
    """One request: its verb, what it was about, and what was decided."""

    def __init__(self, line):
        entry = json.loads(line)
        about = entry.get("objectRef", {})
        self.stage = entry["stage"]
        self.verb = entry["verb"]
        self.group = about.get("apiGroup", "")
        self.resource = "/".join(about[k] for k in ("resource", "subresource") if k in about)
        self.path = entry["requestURI"]
        self.code = entry.get("responseStatus", {}).get("code", 0)
        self.decision = entry.get("annotations", {}).get("authorization.k8s.io/decision", "")
        moment = entry["requestReceivedTimestamp"].rstrip("Z")
        self.when = datetime.datetime.fromisoformat(moment + "+00:00").timestamp()

    def __repr__(self):
        return f"{self.verb} {self.path}: {self.code} {self.decision}"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
