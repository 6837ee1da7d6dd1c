"""curl, here with OpenSSL."""

import hashlib
import re

from harness.clients import Client
from harness.process import which


class CurlClient(Client):
    name = "curl"
    features = ("tls1.3", "tls1.2", "h2", "mtls", "nocert", "10MB")
    roles = {"tls1.3": "page", "tls1.2": "page", "10MB": "get", "mtls": "webmtls",
             "nocert": "webmtls"}

    def missing(self):
        return None if which("curl") else "curl is not installed"

    def version(self):
        return re.sub(r" \(.*?\)", "", self.world.tools.first_line("curl", "--version"))[:40]

    def curl(self, target, path, *more):
        url = f"https://{target.name}:{target.port}{path}"
        return self.world.children.run(
            ["curl", "-sS", "--noproxy", "*", "--cacert", self.ca, "--resolve",
             f"{target.name}:{target.port}:127.0.0.1", *more, url], cwd=self.world.directory)

    def run(self, feature, target):
        return {"tls1.3": self.who, "tls1.2": self.who, "h2": self.who, "mtls": self.who,
                "nocert": self.who, "10MB": self.bulk}[feature](feature, target)

    def who(self, feature, target):
        more = {"tls1.3": ("--tlsv1.3",), "tls1.2": ("--tls-max", "1.2"),
                "mtls": ("--cert", self.cert)}.get(feature, ())
        if feature != "h2":
            more += ("--http1.1",)
        status, output = self.curl(target, "/who", "-w", "HTTP/%{http_version}", *more)
        if status in (35, 52, 55, 56):  # SSL connect error, empty reply, send and receive errors
            return f"refused {output.decode(errors='replace')}"
        if status != 0:
            return f"error {output.decode(errors='replace')}"
        body, _, version = output.rpartition(b"HTTP/")
        if b"400 Bad Request" in body:
            return "refused 400"  # nginx's answer to who shows no certificate
        if body != f"{target.name}\n".encode():
            return f"error {len(body)} bytes that are not the server's name"
        return f"ok HTTP/{version.decode()}"

    def bulk(self, _, target):
        data = self.world.directory / "bulk"
        said = "down only, the server takes no PUT"
        if target.server.takes_put:
            status, output = self.curl(target, "/store", "-T", data)
            if status != 0:
                return f"refused {output[-200:]}"
            said = "both ways"
        status, output = self.curl(target, "/store", "--http1.1")
        if status != 0 or hashlib.sha256(output).digest() != self.world.bulk_digest:
            return f"refused {status}, {len(output)} bytes"
        return f"ok {said}"
