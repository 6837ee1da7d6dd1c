"""apiserver - as little of an API server as an instance needs: empty lists, watches, a Lease."""
import http.server
import json
import os
import tempfile
import threading
import urllib.parse

import sealway

KINDS = {"ingresses": ("networking.k8s.io/v1", "IngressList"),
         "ingressclasses": ("networking.k8s.io/v1", "IngressClassList"),
         "endpointslices": ("discovery.k8s.io/v1", "EndpointSliceList"),
         "services": ("v1", "ServiceList")}
KUBECONFIG = """current-context: test
contexts: [{{name: test, context: {{cluster: test, user: test, namespace: test}}}}]
clusters: [{{name: test, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: test, user: {{}}}}]
"""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, thing, code=200):
        body = json.dumps(thing).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def chunk(self, thing):
        line = json.dumps(thing).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()

    def watch(self, api, kind):
        """A bookmark a second, until the server ends."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.server.ends.wait(1):
            self.chunk({"type": "BOOKMARK",
                        "object": {"apiVersion": api, "kind": kind.removesuffix("List"),
                                   "metadata": {"resourceVersion": "1"}}})
        self.close_connection = True

    def do_GET(self):  # pylint: disable=invalid-name
        url = urllib.parse.urlsplit(self.path)
        resource = url.path.rpartition("/")[2]
        if resource in KINDS:
            api, kind = KINDS[resource]
            if "watch" in urllib.parse.parse_qs(url.query):
                self.watch(api, kind)
            else:
                self.answer({"apiVersion": api, "kind": kind, "items": [],
                             "metadata": {"resourceVersion": "1"}})
        elif "/leases/" in url.path:
            self.answer(self.server.lease)
        elif url.path.startswith("/apis/discovery.k8s.io"):
            self.answer({"kind": "APIResourceList", "apiVersion": "v1",
                         "groupVersion": "discovery.k8s.io/v1", "resources": [
                             {"name": "endpointslices", "singularName": "", "namespaced": True,
                              "kind": "EndpointSlice", "verbs": ["list", "watch"]}]})
        else:
            self.answer({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                         "reason": "NotFound", "message": self.path}, 404)

    def do_PATCH(self):  # pylint: disable=invalid-name
        patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        lease = self.server.lease
        lease["spec"] = {**lease["spec"], **patch.get("spec", {})}
        self.answer(lease)


class ApiServer:
    """A context manager; `kubeconfig` is a file that names it."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.ends = threading.Event()
        self.server.lease = {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {},
            "metadata": {"name": "sealway-leader", "namespace": "test", "resourceVersion": "1"}}
        self.dir = tempfile.TemporaryDirectory(prefix="sealway-kube-")
        self.kubeconfig = os.path.join(self.dir.name, "kubeconfig")

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        with open(self.kubeconfig, "w", encoding="utf-8") as out:
            out.write(KUBECONFIG.format(port=self.server.server_address[1]))
        return self

    def __exit__(self, *_):
        self.server.ends.set()
        self.server.shutdown()
        self.server.server_close()
        self.dir.cleanup()

    def client(self):
        """An instance that takes its objects from here, and writes."""
        return sealway.Sealway(None, "--kubeconfig", self.kubeconfig, "--write", "on",
                               "--publish-address", "192.0.2.1")
