"""GnuTLS: gnutls-cli and gnutls-serv."""

from harness.process import which
from harness.servers import PortedServer
from harness.talking import TalkingClient


class Gnutls:
    name = "gnutls"

    def missing(self):
        return None if which("gnutls-cli") else "gnutls-cli is not installed"

    def version(self):
        return self.world.tools.first_line("gnutls-cli", "--version")


class GnutlsClient(Gnutls, TalkingClient):
    features = (*TalkingClient.features, "fin-client")
    methods = {**TalkingClient.methods, "fin-client": "client_first"}
    done = b"- Handshake was completed"
    bulk_size = 1 << 18  # 6 MB of records; all of the 10 MB would take minutes a pair
    bulk_said = "256 kB both ways, each byte a record"

    def command(self, target, *more):
        return ["gnutls-cli", f"--x509cafile={self.ca}", f"--sni-hostname={target.name}",
                f"--verify-hostname={target.name}", f"--port={target.port}", *more, "127.0.0.1"]

    def only(self, version):
        return [f"--priority=NORMAL:-VERS-ALL:+VERS-TLS{version}"] if version[0] == "1" else []

    def mtls(self, target, *_):
        return self.ping(target, f"--x509keyfile={self.cert}", f"--x509certfile={self.cert}")

    def resume(self, target, *only):
        with self.talk(target, *only, "--resume", "--waitresumption") as talk:
            if not talk.until(self.done):
                return "refused no handshake"
            said = talk.until(b"*** This is a resumed session", self.done)
            if not said or self.echoed(talk):
                return "refused no second connection"
            return "ok full then " + ("full" if said == self.done else "resumed")

    def early(self, target, *_):
        request, answer = target.server.early_exchange(target)
        data = self.world.directory / "gnutls.early"
        data.write_bytes(request)
        with self.talk(target, *self.only("1.3"), "--resume", "--waitresumption",
                       f"--earlydata={data}") as talk:
            if not talk.until(b"*** This is a resumed session"):
                return "refused not resumed"
            if target.server.answers_early and not talk.until(answer):
                return "refused no answer to the early data"
            return "ok"

    def renegotiate(self, target, *_):
        with self.talk(target, *self.only("1.2"), "--rehandshake") as talk:
            if not talk.until(self.done):
                return "error no handshake"
            if not talk.until(b"ReHandshake was completed"):
                return "refused"
            return self.echoed(talk) or "ok"

    def bulk(self, target, *_):
        return self.pour(target, "--logfile=gnutls.log")

    def client_first(self, target, *_):
        """It ends its direction with its input, and still takes what comes."""
        data = b"a line of thirty-two characters\n" * 2000
        _, output = self.world.children.run(self.command(target, "--logfile=gnutls.log"), data,
                                            cwd=self.world.directory)
        if not output.endswith(data + f"end of {len(data)}\n".encode()):
            return f"refused {len(output)} bytes came back of {len(data)}"
        return "ok answered"


class GnutlsServer(Gnutls, PortedServer):
    site_says = "This is GnuTLS"
    answers_early = False  # it takes them, but keeps them to itself
    own_roles = ("echo", "mtls", "early", "get", "page", "site", "webmtls")

    def gnutls_serv(self, role, *more):
        def argv(port):
            return ["gnutls-serv", "--quiet", f"--port={port}", f"--x509certfile={self.cert(role)}",
                    f"--x509keyfile={self.cert(role)}", *more]
        return argv

    def start(self):
        demand = ("--require-client-cert", "--verify-client-cert",
                  f"--x509cafile={self.world.certs.ca}")
        no_demand = ("--disable-client-cert",)
        self.listen("echo", self.gnutls_serv("echo", "--echo", "--crlf", *no_demand))
        self.listen("mtls", self.gnutls_serv("mtls", "--echo", "--crlf", *demand))
        self.listen("early", self.gnutls_serv("early", "--echo", "--crlf", "--earlydata",
                                              *no_demand))
        self.listen("site", self.gnutls_serv("site", "--http", *no_demand))
        for role, data, more in (("get", self.world.bulk, no_demand),
                                 ("page", self.name_line("page"), no_demand),
                                 ("webmtls", self.name_line("webmtls"), demand)):
            file = self.world.directory / f"gnutls-{role}"
            file.write_bytes(data)
            self.listen(role, self.gnutls_serv(role, "--http", f"--httpdata={file}", *more))
