"""The browsers, without a window and driven from outside: Chromium by the DevTools protocol over a
pipe, Firefox by Marionette.  Each lives on, opens a page of the server, and runs scripts in it."""

import json
import os
import select
import socket
import time

from harness.clients import CLIENT_NAME, Client
from harness.process import LIMIT_S, START_S, Failed, free_port, which

WHO = """return document.body.innerText.trim();"""

PROTOCOL = """return performance.getEntriesByType('navigation')[0].nextHopProtocol;"""

WEB_SOCKET = """
return await new Promise((resolve) => {
  const text = 'hello '.repeat(20);
  const socket = new WebSocket('wss://' + location.host + '/ws');
  socket.onopen = () => socket.send(text);
  socket.onmessage = (event) => {
    resolve(event.data === text ? 'ok echoed' : 'error another echo');
    socket.close();
  };
  socket.onerror = () => resolve('refused');
});"""

BULK = """
const hex = async (data) => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', data)),
  (byte) => byte.toString(16).padStart(2, '0')).join('');
const get = async () => hex(await (await fetch('/store', {cache: 'no-store'})).arrayBuffer());
if (!PUT) return await get() === 'DIGEST' ? 'ok down only, the server takes no PUT' : 'refused';
const data = new Uint8Array(10 << 20);
for (let at = 0; at < data.length; at += 65536) {
  crypto.getRandomValues(data.subarray(at, at + 65536));
}
await fetch('/store', {method: 'PUT', body: data});
return await get() === await hex(data) ? 'ok both ways' : 'refused';"""

# For Firefox, with its own rights.
FORGET_SESSIONS = """
const security = Cc['@mozilla.org/psm;1'].getService(Ci.nsINSSComponent);
security.clearSSLExternalAndInternalSessionCache();"""

CLOSE_CONNECTIONS = """Services.obs.notifyObservers(null, 'net:prune-all-connections');"""


class Browser(Client):
    features = ("tls1.3", "h2", "ws", "10MB")
    roles = {"tls1.3": "site", "10MB": "store"}
    program = ""
    names = "*.stacks.test"  # those that are here, on loopback

    def __init__(self, world):
        super().__init__(world)
        self.child = None
        self.starts = 0

    def missing(self):
        if not which(self.program):
            return f"{self.program} is not installed"
        return None if self.world.nss else "certutil or pk12util is not installed"

    def version(self):
        return self.world.tools.last_line(self.program, "--version")

    def start(self):
        """Start it and leave it ready for visit()."""
        raise NotImplementedError

    def visit(self, url):
        raise NotImplementedError

    def tls_version(self):
        """Of the connection that the page came by: "1.3"."""
        raise NotImplementedError

    def script(self, body):
        """The result of an asynchronous function's body, run in the page."""
        raise NotImplementedError

    def end(self):
        if self.child:
            self.world.children.end(self.child)
        self.child = None

    def run(self, feature, target):
        try:
            if self.child is None:
                self.starts += 1
                self.home = self.world.directory / f"{self.name}-{self.starts}"
                self.start()
            return self.feature(feature, target)
        except (Failed, OSError, LookupError) as why:
            self.end()
            return f"error {why}"

    def feature(self, feature, target):
        self.visit(f"https://{target.name}:{target.port}/who")
        who = self.script(WHO)
        if (target.server.site_says or target.name) not in who:
            return f"refused {who[:80]!r}"
        if feature == "ws":
            return self.script(WEB_SOCKET)
        if feature == "10MB":
            return self.script(BULK.replace("DIGEST", self.world.bulk_digest.hex())
                               .replace("PUT", str(target.server.takes_put).lower(), 1))
        if feature in ("h2", "mtls"):
            return f"ok {self.script(PROTOCOL)}"
        version = self.tls_version()
        return f"{'ok' if feature.endswith(version) else 'error'} TLS {version}"


class Chromium(Browser):
    name = program = "chromium"

    def start(self):
        self.world.certs.nss_database(self.home / ".pki" / "nssdb")
        its_in, our_out = os.pipe()
        our_in, its_out = os.pipe()
        self.child = self.world.children.start(
            self.name,
            ["bash", "-c", f'exec "$@" 3<&{its_in} 4>&{its_out}', "bash", self.program,
             "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-extensions", "--disable-dev-shm-usage", "--remote-debugging-pipe",
             f"--user-data-dir={self.home}",
             f"--host-resolver-rules=MAP {self.names} 127.0.0.1, MAP * ^NOTFOUND"],
            pass_fds=(its_in, its_out), env=dict(os.environ, HOME=str(self.home)))
        os.close(its_in)
        os.close(its_out)
        self.out, self.answers, self.number, self.session = our_out, Messages(our_in), 0, None
        page = self.call("Target.createTarget", url="about:blank", limit_s=START_S)["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self.call("Page.enable")

    def end(self):
        if self.child:
            os.close(self.out)
            os.close(self.answers.fd)
        super().end()

    def call(self, method, limit_s=LIMIT_S, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        answer = self.answers.find(lambda m: m.get("id") == self.number, limit_s)
        if "error" in answer:
            raise Failed(answer["error"]["message"])
        return answer["result"]

    def visit(self, url):
        self.answers.latest.clear()
        self.call("Network.enable")
        went = self.call("Page.navigate", url=url)
        if "errorText" in went:
            raise Failed(went["errorText"])
        self.answers.find(lambda m: m.get("method") == "Page.loadEventFired", LIMIT_S)
        self.call("Network.disable")  # its events have all of a PUT in them

    def tls_version(self):
        response = self.answers.latest["Network.responseReceived"]["response"]
        return response["securityDetails"]["protocol"].removeprefix("TLS ")

    def script(self, body):
        said = self.call("Runtime.evaluate", expression=f"(async () => {{ {body} }})()",
                         awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            return f"refused {said['exceptionDetails'].get('exception', {}).get('description')}"
        return said["result"]["value"]


class Messages:
    """JSON messages, each ended by a NUL, from a pipe."""

    def __init__(self, fd):
        self.fd = fd
        self.have = b""
        self.latest = {}  # of each kind of event

    def find(self, wanted, limit_s):
        """Skip messages until one is wanted."""
        until = time.monotonic() + limit_s
        while True:
            while b"\0" not in self.have:
                if not wait_readable(self.fd, until - time.monotonic()):
                    raise Failed("the browser does not answer")
                more = os.read(self.fd, 65536)
                if not more:
                    raise Failed("the browser has ended")
                self.have += more
            text, self.have = self.have.split(b"\0", 1)
            message = json.loads(text)
            self.latest[message.get("method")] = message.get("params")
            if wanted(message):
                return message


def wait_readable(fd, limit_s):
    return bool(select.select([fd], [], [], max(0, limit_s))[0])


class Firefox(Browser):
    name = "firefox"
    program = "firefox-esr"
    features = ("tls1.2", "resume1.3", "resume1.2", "mtls", *Browser.features)
    roles = {**Browser.roles, "tls1.2": "site", "resume1.3": "site", "resume1.2": "site",
             "mtls": "sitemtls"}
    PREFS = {"network.dns.forceResolve": "127.0.0.1", "network.proxy.type": 0,
             "network.captive-portal-service.enabled": False, "app.update.enabled": False,
             "network.connectivity-service.enabled": False,
             "browser.shell.checkDefaultBrowser": False,
             "datareporting.policy.dataSubmissionEnabled": False, "app.normandy.enabled": False,
             "browser.startup.page": 0, "toolkit.telemetry.reportingpolicy.firstRun": False,
             "security.default_personal_cert": "Select Automatically",
             "network.trr.mode": 5, "browser.safebrowsing.malware.enabled": False,
             "browser.safebrowsing.phishing.enabled": False, "services.settings.server": "",
             "extensions.systemAddon.update.enabled": False}

    def start(self):
        self.world.certs.nss_database(self.home, CLIENT_NAME)
        port = free_port()
        prefs = dict(self.PREFS, **{"marionette.port": port})
        lines = (f"user_pref({json.dumps(key)}, {json.dumps(value)});\n"
                 for key, value in prefs.items())
        (self.home / "user.js").write_text("".join(lines))
        self.child = self.world.children.start(
            self.name, [self.program, "--headless", "--no-remote", "--profile", self.home,
                        "--marionette", "--remote-allow-system-access", "about:blank"],
            env=dict(os.environ, HOME=str(self.home), MOZ_DISABLE_CONTENT_SANDBOX="1"))
        self.socket = self.connect(port)
        self.have, self.number = b"", 0
        self.receive(START_S)  # it introduces itself
        self.call("WebDriver:NewSession", {"pageLoadStrategy": "normal"})
        self.call("WebDriver:SetTimeouts", {"script": LIMIT_S * 1000, "pageLoad": LIMIT_S * 1000})

    def connect(self, port):
        until = time.monotonic() + START_S
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=START_S)
            except OSError:
                if time.monotonic() > until or self.child.poll() is not None:
                    raise
                time.sleep(0.1)

    def receive(self, limit_s):
        self.socket.settimeout(limit_s)
        while True:
            length, colon, rest = self.have.partition(b":")
            if colon and len(rest) >= int(length):
                self.have = rest[int(length):]
                return json.loads(rest[:int(length)])
            more = self.socket.recv(65536)
            if not more:
                raise Failed("the browser has ended")
            self.have += more

    def call(self, method, params):
        self.number += 1
        text = json.dumps([0, self.number, method, params]).encode()
        self.socket.sendall(f"{len(text)}:".encode() + text)
        _, _, error, result = self.receive(LIMIT_S + 5)
        if error:
            raise Failed(error["message"])
        return result

    def visit(self, url):
        self.call("WebDriver:Navigate", {"url": url})

    def privileged(self, body):
        """script() in the browser itself, with what it knows of the connection to the page."""
        self.call("Marionette:SetContext", {"value": "chrome"})
        try:
            return self.script(f"const connection = gBrowser.securityUI.secInfo; {body}")
        finally:
            self.call("Marionette:SetContext", {"value": "content"})

    def tls_version(self):
        return f"1.{self.privileged('return connection.protocolVersion - 1;')}"

    def resume(self):
        """Visit the page again by a new session, then by that.  The ticket may come after the page,
        and too late for the next connection: there are a few of them."""
        url, said = self.script("return location.href;"), []
        self.privileged(CLOSE_CONNECTIONS + FORGET_SESSIONS)
        while len(said) < 5 and "resumed" not in said:
            self.privileged(CLOSE_CONNECTIONS)
            self.visit(url)
            said.append(self.privileged("return connection.resumed ? 'resumed' : 'full';"))
        return f"ok {said[0]} then {said[-1]}"

    def feature(self, feature, target):
        """The server of TLS 1.2 speaks 1.3, too, so that the browser must not."""
        highest = 3 if feature.endswith("1.2") else 4
        self.privileged(f"Services.prefs.setIntPref('security.tls.version.max', {highest});"
                        + CLOSE_CONNECTIONS)
        said = super().feature(feature, target)
        return self.resume() if feature.startswith("resume") and said.startswith("ok") else said

    def script(self, body):
        wrapped = ("const done = arguments[0];"
                   f"(async () => {{ {body} }})().then(done, (e) => done('refused ' + e));")
        return self.call("WebDriver:ExecuteAsyncScript", {"script": wrapped, "args": []})["value"]
