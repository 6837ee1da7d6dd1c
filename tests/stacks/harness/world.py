"""What all pairs share: a directory, certificates, tools, running servers, and the proxy."""

import hashlib
import os
import pathlib
import shutil
import tempfile

from harness.certs import Certs
from harness.clients import CLIENT_NAME
from harness.process import Children
from harness.proxy import ROOT, Proxy
from harness.servers import BULK
from harness.tools import Tools


class World:
    def __init__(self, server_classes):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sealway-stacks."))
        self.children = Children(self.directory)
        self.proxy = None
        try:
            self.prepare(server_classes)
        except BaseException:
            self.stop()
            raise

    def prepare(self, server_classes):
        directory = self.directory / "certs"
        directory.mkdir()
        self.certs = Certs(directory)
        self.certs.issue(CLIENT_NAME)
        self.nss = self.directory / "nss"
        if not (self.certs.nss_database(self.nss / "bare")
                and self.certs.nss_database(self.nss / "client", CLIENT_NAME)):
            self.nss = None  # certutil is missing
        build = pathlib.Path(os.environ.get("STACKS_BUILD", ROOT / "build" / "stacks"))
        build.mkdir(parents=True, exist_ok=True)
        hosts = self.directory / "hosts"
        self.tools = Tools(build, hosts)
        self.bulk = os.urandom(BULK)
        self.bulk_digest = hashlib.sha256(self.bulk).digest()
        (self.directory / "bulk").write_bytes(self.bulk)
        self.servers, self.missing_servers = [], []
        for server in (kind(self) for kind in server_classes):
            why = server.missing()
            if why:
                self.missing_servers.append((server.name, why))
            else:
                self.servers.append(server)
        for server in self.servers:
            server.issue()
        names = [server.host(role) for server in self.servers for role in server.own_roles]
        hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in names))

    def start(self):
        for server in self.servers:
            server.start()
        self.proxy = Proxy(self, [(server.host(role), port) for server in self.servers
                                  for role, port in server.ports.items()])

    def stop(self):
        """End all that runs and remove the directory."""
        self.children.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
