"""The program under test, as the service account that it would have in a cluster."""

import json
import os
import re
import urllib.request

import chart
from network import Client
from process import Process, wait_until

FIRST_TABLE_S = 30
WORKERS = 2
WATCHED = ("ingresses", "ingressclasses", "services", "endpointslices")

KUBECONFIG = """apiVersion: v1
kind: Config
current-context: test
contexts: [{{name: test, context: {{cluster: test, user: sealway, namespace: "{ns}"}}}}]
clusters: [{{name: test, cluster: {{server: "{url}", certificate-authority: "{ca}"}}}}]
users: [{{name: sealway, user: {{tokenFile: "{token}"}}}}]
"""


class Sealway:
    """One running instance, and what it says about itself."""

    def __init__(self, scene, name, account, options=()):
        self.scene = scene
        self.name = name
        self.account = account
        self.user = f"system:serviceaccount:{chart.NS}:{account}"
        self.options = options
        self.dir = scene.dir / name
        self.dir.mkdir(exist_ok=True)  # a test that is run again has the same names
        self.process = self.client = self.admin = None

    # ---- what it is given

    def write(self, name, text):
        """Have a file with that content at once, as a kubelet does."""
        new = self.dir / (name + ".new")
        new.write_text(text)
        os.replace(new, self.dir / name)

    def write_token(self, token):
        self.write("token", token)

    def write_ca(self, ca_file):
        with open(ca_file, encoding="ascii") as text:
            self.write("ca.crt", text.read())

    def uid(self):
        path = f"/api/v1/namespaces/{chart.NS}/serviceaccounts/{self.account}"
        return self.scene.lab.request("GET", path)["metadata"]["uid"]

    # ---- its life

    def start(self, token=None):
        """Start it; it accepts connections, so has its first table, when this returns."""
        lab = self.scene.lab
        self.write_token(token or lab.token(chart.NS, self.account))
        self.write_ca(lab.ca)
        self.write("kubeconfig", KUBECONFIG.format(
            url=lab.url, ca=self.dir / "ca.crt", token=self.dir / "token", ns=chart.NS))
        ports = self.dir / "ports.json"
        ports.unlink(missing_ok=True)
        self.process = Process(self.name, [
            os.environ["SEALWAY_BIN"], "serve", "--kubeconfig", self.dir / "kubeconfig",
            "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", str(WORKERS),
            "--ports-file", ports, "--access-log", "off", "--drain-delay", "0s",
            "--drain-timeout", "1s", *self.options], self.scene.dir)

        def bound():
            if not self.process.is_alive():
                raise RuntimeError("the program ended:\n" + self.process.tail())
            return ports.exists()
        try:
            wait_until(bound, f"first table of {self.name}", FIRST_TABLE_S, step=0.005)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.process.tail(5)}") from None
        said = json.loads(ports.read_text())
        self.admin = said["admin"]
        self.client = Client(int(said["listen"][0].rpartition(":")[2]), self.scene.backends_ca)
        return self

    def stop(self):
        """Its exit status."""
        return None if self.process is None else self.process.stop(10)

    # ---- what it says

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=10) as answer:
            return answer.read().decode()

    def metric(self, name, **labels):
        """The sum over all series of that name that have these labels."""
        total = 0.0
        for line in self.get("/metrics").splitlines():
            match = re.match(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                pairs = dict(re.findall(r'([a-z_]+)="([^"]*)"', match[2] or ""))
                if all(pairs.get(key) == value for key, value in labels.items()):
                    total += float(match[3])
        return total

    def rss_mib(self):
        with open(f"/proc/{self.process.child.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024

    def requests(self, since=0.0):
        """What it has asked the API server since then."""
        return [entry for entry in self.scene.lab.audited(self.user) if entry.when >= since]

    def check_no_storm(self, since):
        """Nothing was listed again and again, and no watch begun again and again."""
        asked = [entry for entry in self.requests(since) if entry.stage == "ResponseStarted"
                 or (entry.verb, entry.stage) == ("list", "ResponseComplete")]
        # An API server that has just started may say "too many requests" to what it allows.
        granted = [(entry.verb, entry.resource) for entry in asked
                   if entry.decision == "allow" and entry.code < 400]
        for resource in WATCHED:
            lists = granted.count(("list", resource))
            watches = granted.count(("watch", resource))
            assert lists <= 2 and watches <= 3, f"{resource}: {lists} lists, {watches} watches"
        assert len(asked) <= 15 * len(WATCHED), f"{len(asked)} requests"

    # ---- what it is seen to do

    def is_everywhere(self):
        """Whether every worker has the same table: what one was just seen to do, all do."""
        page = self.get("/metrics")
        adopted = re.findall(r"^sealway_config_adopted_generation\{.*\} (\d+)$", page, re.M)
        assert len(adopted) == WORKERS, adopted
        return len(set(adopted)) == 1

    def wait_reached(self, host, wanted, seconds=30):
        """Until that backend, by whichever worker, answers to the name; None: nobody."""
        def is_so():
            return self.client.reached(host) == wanted and self.is_everywhere()
        try:
            wait_until(is_so, f"{host} at {wanted}", seconds)
        except TimeoutError as error:
            raise AssertionError(f"{error}; it is at {self.client.reached(host)}\n" +
                                 self.process.tail(5)) from None

    def wait_reached_set(self, host, wanted, seconds=30):
        """Until exactly these backends, by whichever worker, answer to the name."""
        seen = set()

        def is_so():
            seen.clear()
            seen.add(self.client.reached(host))
            if not seen <= set(wanted) or not self.is_everywhere():
                return False
            seen.update(self.client.reached(host) for _ in range(12 * len(wanted)))
            return seen == set(wanted)
        try:
            wait_until(is_so, f"{host} at {wanted}", seconds)
        except TimeoutError as error:
            raise AssertionError(f"{error}; it is at {seen}") from None
