"""The clients.  run() does one feature towards one target and says what became of it in one line:
"ok ...", "refused ..." (the other side ended it), or "error ..." (anything else).

Features are those of ROLES; a client has the roles it can talk to."""

import dataclasses

# Each feature and the role of a server that it takes.
ROLES = {"tls1.3": "echo", "tls1.2": "echo", "h2": "h2", "ws": "ws", "resume1.3": "echo",
         "resume1.2": "echo", "0-rtt": "early", "mtls": "mtls", "nocert": "mtls", "reneg": "echo",
         "10MB": "echo", "fin-client": "half", "fin-server": "first"}
CLIENT_NAME = "client.stacks.test"


@dataclasses.dataclass(frozen=True)
class Target:
    """Where to connect, whom to expect there, and the server behind."""

    name: str
    port: int
    server: object

    @property
    def addr(self):
        return f"127.0.0.1:{self.port}"


class Client:
    name = ""
    features = ()
    roles = {}  # where they differ from ROLES

    def __init__(self, world):
        self.world = world
        self.ca = world.certs.ca
        self.cert = world.certs.path(CLIENT_NAME)

    def missing(self):
        """Why it cannot run here; None when it can."""
        return None

    def version(self):
        return ""

    def role(self, feature):
        return self.roles.get(feature, ROLES[feature])

    def run(self, feature, target):
        raise NotImplementedError
