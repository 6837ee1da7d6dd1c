"""Programs of our own, one or two for each stack that is a library: clients that take one job after
the other, and servers that tell their ports."""

import re
import secrets
import subprocess

from harness.clients import Client
from harness.process import START_S, Failed, Lines, which
from harness.servers import WEB, Server


class JobClient(Client):
    """One of our own programs: it lives on, and takes one job after the other."""

    jobs = {"tls1.3": "ping tls=1.3", "tls1.2": "ping tls=1.2", "resume1.3": "resume tls=1.3",
            "resume1.2": "resume tls=1.2", "mtls": "ping cert={cert}", "nocert": "ping",
            "reneg": "reneg tls=1.2", "10MB": "bulk", "fin-client": "fin-client",
            "fin-server": "fin-server token={token}", "h2": "h2", "ws": "ws", "0-rtt": "early"}
    features = ("tls1.3", "tls1.2", "h2", "ws", "resume1.3", "resume1.2", "mtls", "nocert", "10MB",
                "fin-client", "fin-server")

    def __init__(self, world):
        super().__init__(world)
        self.child = None
        self.token = secrets.token_hex(8)

    def argv(self):
        raise NotImplementedError

    def ask(self, line):
        if self.child is None:
            self.child = self.world.children.start(f"{self.name}-client", self.argv(),
                                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.lines = Lines(self.child)
        try:
            self.child.stdin.write(line.encode() + b"\n")
            self.child.stdin.flush()
            return self.lines.next(START_S)
        except (Failed, OSError) as why:
            self.world.children.end(self.child)
            self.child = None
            return f"error {why}"

    def job(self, feature, target):
        words = [self.jobs[feature].format(cert=self.cert, token=self.token),
                 f"addr={target.addr}", f"name={target.name}", f"ca={self.ca}"]
        if feature == "0-rtt":
            request = target.server.early_exchange(target)[0].decode()
            for plain, escaped in ((" ", "\\s"), ("\r", "\\r"), ("\n", "\\n")):
                request = request.replace(plain, escaped)
            words += [f"request={request}"] + ["answered=1"] * target.server.answers_early
        return " ".join(words)

    def run(self, feature, target):
        said = self.ask(self.job(feature, target))
        if feature == "fin-server" and said.startswith("ok sent "):
            if target.server.confirms("received " + said.removeprefix("ok sent ")):
                return "ok received"
            return "error the server did not get what was sent"
        return said


class ProgramServer(Server):
    """One of our own programs, which tells its ports."""

    own_roles = ("echo", "mtls", "first", "web", "webmtls")
    aliases = {"half": "echo", "h2": "web", **WEB}
    takes_put = True

    def argv(self):
        raise NotImplementedError

    def start(self):
        child = self.child([*self.argv(), self.world.certs.directory, self.domain],
                           stdout=subprocess.PIPE)
        self.lines = Lines(child)
        while len(self.ports) < len(self.own_roles):
            word, role, port = self.lines.next(START_S).split()
            if word != "listening":
                raise Failed(f"{self.name} said {word}")
            self.ports[role] = int(port)

    def confirms(self, text):
        return self.lines.wait_for(text)


class Go:
    name = "go"

    def missing(self):
        return self.world.tools.go_missing()

    def version(self):
        return self.world.tools.go_version()


class GoClient(Go, JobClient):
    def argv(self):
        return [self.world.tools.go("client")]


class GoServer(Go, ProgramServer):
    def argv(self):
        return [self.world.tools.go("server")]


class Java:
    name = "java"

    def missing(self):
        return self.world.tools.java_missing()

    def version(self):
        return self.world.tools.java_version()


class JavaClient(Java, JobClient):
    features = (*JobClient.features, "reneg")

    def argv(self):
        return self.world.tools.java("Client")


class JavaServer(Java, ProgramServer):
    aliases = {"half": "echo", **WEB}  # the JDK has no HTTP/2 server

    def argv(self):
        return self.world.tools.java("Server")


class Node:
    name = "node"

    def missing(self):
        return None if which("node") else "node is not installed"

    def version(self):
        return "Node " + self.world.tools.first_line("node", "--version")


class NodeClient(Node, JobClient):
    features = (*JobClient.features, "reneg")

    def argv(self):
        return ["node", self.world.tools.source("node/client.js")]


class NodeServer(Node, ProgramServer):
    def argv(self):
        return ["node", self.world.tools.source("node/server.js")]


class Python:
    name = "python"

    def version(self):
        return self.world.tools.first_line("python3", "-c", "import sys, ssl; "
                                           "print('Python', sys.version.split()[0], 'with',"
                                           " ssl.OPENSSL_VERSION)")


class PythonClient(Python, JobClient):
    features = tuple(f for f in JobClient.features if f != "h2")

    def argv(self):
        return ["python3", self.world.tools.source("python/client.py")]


class PythonServer(Python, ProgramServer):
    own_roles = ("echo", "mtls", "first")
    aliases = {"half": "echo"}
    lacks = "the server is one of raw TLS, without HTTP"
    takes_put = False

    def argv(self):
        return ["python3", self.world.tools.source("python/server.py")]


class RustClient(JobClient):
    name = "rustls"
    features = (*(f for f in JobClient.features if f != "h2"), "0-rtt")

    def missing(self):
        return self.world.tools.rust_missing()

    def argv(self):
        return [self.world.tools.rust()]

    def version(self):
        cargo = self.world.tools.source("rust/Cargo.toml").read_text()
        return "rustls " + re.search(r'^rustls = .* "=(.*?)"', cargo, re.MULTILINE).group(1)


class MbedtlsClient(JobClient):
    name = "mbedtls"
    features = ("tls1.2", "ws", "resume1.2", "mtls", "nocert", "reneg", "10MB", "fin-client",
                "fin-server")

    def program(self):
        return self.world.tools.c("mbedtls_client", "-lmbedtls", "-lmbedx509", "-lmbedcrypto")

    def missing(self):
        return self.world.tools.reason(self.program)

    def argv(self):
        return [self.program()]

    def version(self):
        return self.world.tools.first_line(self.program(), "--version")
