"""The servers: each listens for its roles, and says where.

    echo     gives back what it gets            mtls     the same, with a client certificate
    half     echo that answers behind our FIN   first    ends its own direction at once
    web      /who and /store over HTTP          webmtls  the same, with a client certificate
    h2, ws   web that speaks HTTP/2, WebSocket  early    takes 0-RTT data
    get      10 MB to read                   store   10 MB to write and read
    page     its name, and no more           site    a page for a browser, with its name
    sitemtls the same, with a client certificate
"""

from harness.process import Failed, free_port, wait_open

DOMAIN = "stacks.test"
BULK = 10 << 20
WEB = {**dict.fromkeys(("ws", "get", "page", "site", "store"), "web"), "sitemtls": "webmtls"}


class Server:
    """One program, or several of one kind; ports and hosts by role."""

    name = ""
    own_roles = ("echo", "mtls", "web", "webmtls")  # each has a port and a certificate
    aliases = {}  # further roles of the same port
    lacks = "no role for it"  # why there are clients that it makes no pair with
    skipped = {}  # roles that it has elsewhere and not here, by reason
    takes_put = False  # /store can be written
    site_says = ""  # what its page for a browser says instead of its name
    answers_early = True  # 0-RTT data have an answer as other data have

    def __init__(self, world):
        self.world = world
        self.domain = f"{self.name}.{DOMAIN}"
        self.ports = {}

    def missing(self):
        """Why it cannot run here; None when it can."""
        return None

    def host(self, role):
        return f"{self.aliases.get(role, role)}.{self.domain}"

    def port(self, role):
        """Of a role, None if the server has no such."""
        return self.ports.get(self.aliases.get(role, role))

    def issue(self):
        for role in self.own_roles:
            self.world.certs.issue(self.host(role))

    def cert(self, role):
        return self.world.certs.path(self.host(role))

    def name_line(self, role):
        """What a web server of this role answers to /who."""
        return f"{self.host(role)}\n".encode()

    def child(self, argv, **how):
        return self.world.children.start(self.name, argv, **how)

    def version(self):
        return ""

    def start(self):
        raise NotImplementedError

    def confirms(self, text):
        """Whether the server has said this line by itself."""
        raise NotImplementedError

    def early_exchange(self, _):
        """What to send to the role "early", and what then comes back."""
        return b"early bird\n", b"early bird\n"


class PortedServer(Server):
    """Programs that must be told their port: a free one, and another should it be taken by then."""

    def listen(self, role, argv_for, **how):
        for _ in range(3):
            port = free_port()
            child = self.child(argv_for(port), **how)
            try:
                wait_open(port, child)
            except Failed:
                self.world.children.end(child)
                continue
            self.ports[role] = port
            return child
        raise Failed(f"{self.name} does not start; see {self.world.children.directory}")
