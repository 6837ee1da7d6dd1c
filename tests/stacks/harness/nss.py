"""NSS: tstclnt."""

from harness.clients import CLIENT_NAME
from harness.process import Failed, which
from harness.talking import TalkingClient


class NssClient(TalkingClient):
    """tstclnt.  It verifies the name of -a, which it also sends."""

    name = "nss"
    # No 0-RTT: whether tstclnt has read its data by the time it could send them is a race.
    features = ("tls1.3", "tls1.2", "resume1.3", "resume1.2", "mtls", "nocert", "reneg", "10MB")
    roles = {"resume1.3": "page", "resume1.2": "page"}
    done = b"SSL version "
    over = b"Read from server 0 bytes"

    def missing(self):
        if not which("tstclnt"):
            return "tstclnt is not installed"
        return None if self.world.nss else "certutil or pk12util is not installed"

    def version(self):
        return "NSS " + self.world.tools.package_version("libnss3-tools")

    def command(self, target, *more):
        # -O: choosing a certificate asynchronously, tstclnt now and then reads on too early.
        return ["tstclnt", "-O", "-h", "127.0.0.1", "-a", target.name, "-p", str(target.port),
                "-d", f"sql:{self.world.nss / ('client' if '-n' in more else 'bare')}", *more]

    def only(self, version):
        return ["-V", f"tls{version}:tls{version}"] if version[0] == "1" else []

    def ping(self, target, *more):
        return super().ping(target, "-v", *more)

    def mtls(self, target, *_):
        return self.ping(target, "-n", CLIENT_NAME)

    def twice(self, target, *more):
        """Ask, be hung up on, and do so again."""
        request = self.world.directory / "nss.request"
        request.write_text(f"GET /who HTTP/1.0\r\nHost: {target.name}\r\n\r\n")
        return self.talk(target, "-v", "-u", "-L", "2", "-A", request, *more)

    def resume(self, target, *only):
        said = []
        with self.twice(target, *only) as talk:
            for _ in range(2):
                if not talk.until(self.done):
                    return "refused no handshake"
                hits = talk.until(b"\n0 cache hits", b"\n1 cache hits")
                said.append("resumed" if hits == b"\n1 cache hits" else "full")
        return "ok " + " then ".join(said)

    def renegotiate(self, target, *_):
        with self.talk(target, *self.only("1.2"), "-v", "-r", "1") as talk:
            if not talk.until(self.done):
                return "error no handshake"
            try:
                if talk.until(self.done, self.over, limit_s=3) != self.done:
                    return "refused"
            except Failed:
                return "refused by a warning"  # of which tstclnt says nothing, and goes on
            return self.echoed(talk) or "ok"

    def bulk(self, target, *_):
        return self.pour(target)
