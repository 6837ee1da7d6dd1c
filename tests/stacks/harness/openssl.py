"""OpenSSL: s_client and s_server."""

import os
import subprocess
import threading

from harness.servers import PortedServer
from harness.talking import TalkingClient


class Openssl:
    name = "openssl"

    def version(self):
        return self.world.tools.first_line("openssl", "version")


class OpensslClient(Openssl, TalkingClient):
    done = b"Verify return code: 0 (ok)"

    def command(self, target, *more):
        return ["openssl", "s_client", "-connect", target.addr, "-servername", target.name,
                "-verify_hostname", target.name, "-CAfile", self.ca, "-verify_return_error", *more]

    def only(self, version):
        return {"1.3": ["-tls1_3"], "1.2": ["-tls1_2"]}.get(version, [])

    def mtls(self, target, *_):
        return self.ping(target, "-cert", self.cert)

    def session(self, target, *more):
        """A file with a session of this target; None when there came none."""
        file = self.world.directory / "openssl.session"
        file.unlink(missing_ok=True)
        with self.talk(target, *more, "-sess_out", file) as talk:
            if not talk.until(self.done) or self.echoed(talk):
                return None
            talk.say(b"Q\n")
            talk.child.wait(5)
        return file if file.exists() else None

    def resume(self, target, *only):
        file = self.session(target, *only)
        if not file:
            return "refused no session"
        with self.talk(target, *only, "-sess_in", file) as talk:
            said = talk.until(b"\nReused, ", b"\nNew, ")
            if not said or self.echoed(talk):
                return "refused no second connection"
            return "ok full then " + ("resumed" if said == b"\nReused, " else "full")

    def early(self, target, *_):
        file = self.early_session(target)
        if not file:
            return "refused no session"
        request, answer = target.server.early_exchange(target)
        data = self.world.directory / "openssl.early"
        data.write_bytes(request)
        with self.talk(target, "-tls1_3", "-sess_in", file, "-early_data", data) as talk:
            said = talk.until(b"Early data was accepted", b"Early data was rejected",
                              b"Early data was not sent")
            if said != b"Early data was accepted":
                return f"refused {said}"
            if target.server.answers_early and not talk.until(answer):
                return "refused no answer to the early data"
            return "ok accepted"

    def early_session(self, target):
        """A session of this target that allows early data."""
        file = self.world.directory / "openssl.session"
        file.unlink(missing_ok=True)
        with self.talk(target, "-tls1_3", "-ign_eof", "-sess_out", file) as talk:
            if not talk.until(self.done):
                return None
            request, answer = target.server.early_exchange(target)
            talk.say(request)
            if not talk.until(answer):  # the ticket has come before
                return None
        return file if file.exists() else None

    def renegotiate(self, target, *_):
        with self.talk(target, "-tls1_2") as talk:
            if not talk.until(self.done):
                return "error no handshake"
            talk.say(b"R\n")
            talk.until(b"RENEGOTIATING")
            # Silence would be an answer, too; every server here says something sooner.
            return self.echoed(talk) or "ok"

    def bulk(self, target, *_):
        return self.pour(target, "-quiet", "-nbio")


class OpensslServer(Openssl, PortedServer):
    """s_server: what it receives it prints, what it reads it sends; piped together it is an echo.
    It serves one connection after the other."""

    own_roles = ("echo", "mtls", "early", "get", "webmtls")
    aliases = {"page": "get"}
    lacks = "s_server serves one connection at a time, and a browser opens more"

    def s_server(self, role, *more):
        def argv(port):
            return ["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}",
                    "-cert", self.cert(role), *more]
        return argv

    def start(self):
        demand = ("-Verify", "1", "-verify_return_error", "-CAfile", self.world.certs.ca)
        self.start_echo("echo", "-client_renegotiation", "-legacy_renegotiation")
        self.start_echo("mtls", *demand)
        self.start_echo("early", "-early_data", "-no_anti_replay")
        files = self.world.directory / "openssl-files"
        files.mkdir()
        (files / "store").write_bytes(self.world.bulk)
        (files / "who").write_bytes(self.name_line("get"))
        self.listen("get", self.s_server("get", "-WWW"), cwd=files)
        files = self.world.directory / "openssl-files-mtls"
        files.mkdir()
        (files / "who").write_bytes(self.name_line("webmtls"))
        self.listen("webmtls", self.s_server("webmtls", "-WWW", *demand), cwd=files)

    def start_echo(self, role, *more):
        child = self.listen(role, self.s_server(role, *more), stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, bufsize=0)
        threading.Thread(target=pump, args=(child,), daemon=True).start()


def pump(child):
    """What a program writes it reads again."""
    try:
        while data := os.read(child.stdout.fileno(), 65536):
            while data:
                data = data[os.write(child.stdin.fileno(), data):]
    except (OSError, ValueError):
        pass  # it has ended
