"""What is recorded: a name, the client, how it tells its version, and its commands."""

import dataclasses

NAME = "www.example.com"
ALPNS = ",".join(f"protocol-{i:02}/1.0" for i in range(40))
RUSTLS_VERSION = r"""sed -n 's/^rustls = .* "=\(.*\)",.*/rustls \1/p' {cargo}"""
LONG = ".".join(["x" * 63] * 3 + ["y" * 61])  # 253 bytes: as long as a name gets


@dataclasses.dataclass(frozen=True)
class Recording:
    """Words in braces are filled in: {addr} and {port} of the listener, {dir} a scratch directory,
    certificates, programs of tests/stacks."""

    name: str  # of the file; {} is the version
    client: str  # what must be there
    version: str  # the command that tells it
    commands: tuple
    nth: int = 1  # which of its connections is recorded
    role: str = "echo"  # of the server that those before it reach

    def described(self):
        """The last command as a reader would type it."""
        text = self.commands[-1]
        for word, readable in (("{addr}", "127.0.0.1:PORT"), ("{port}", "PORT"), ("{dir}/", ""),
                               ("{nss}/", ""), ("{ech}", "CONFIG"), ("{ech_hex}", "CONFIG"),
                               ("{ca}", "ca.pem"), ("{client}", "client.pem"),
                               ("{big}", "client.pem"), ("{huge}", "client.pem"),
                               ("{go}", "programs/go/client"),
                               ("{java}", "programs/java/Client.java"),
                               ("{node}", "programs/node/client.js"),
                               ("{node24}", "programs/node/client.js"),
                               ("{python}", "programs/python/client.py"),
                               ("{rust}", "programs/rust"),
                               ("{mbedtls}", "programs/c/mbedtls_client")):
            text = text.replace(word, readable)
        if self.nth > 1:
            text += f" (connection {self.nth})"
        return text if len(text) < 400 else text[:400] + "..."


def openssl(name, options, **more):
    base = f"openssl s_client -connect {{addr}} {options}"
    return Recording(f"openssl-{{}}-{name}", "openssl", "openssl version", (base,), **more)


def openssl_again(name, options, role="get", last=""):
    """With a session of a first connection."""
    first = f"openssl s_client -connect {{addr}} -ign_eof {options} -sess_out {{dir}}/session"
    second = f"openssl s_client -connect {{addr}} {options} -sess_in {{dir}}/session {last}"
    return Recording(f"openssl-{{}}-{name}", "openssl", "openssl version",
                     (first, second.strip()), nth=2, role=role)


def gnutls(name, options, **more):
    return Recording(f"gnutls-{{}}-{name}", "gnutls-cli", "gnutls-cli --version",
                     (f"gnutls-cli --insecure --port {{port}} 127.0.0.1 {options}",), **more)


def nss(name, options, **more):
    return Recording(f"nss-{{}}-{name}", "tstclnt",
                     "dpkg-query -W -f NSS:${{Version}} libnss3-tools",
                     (f"tstclnt -h 127.0.0.1 -p {{port}} -d sql:{{nss}}/bare {options}",), **more)


def ours(name, client, word, version, job, **more):
    """A program of tests/stacks."""
    if more.get("nth"):
        job += " ca={ca}"
    return Recording(name, client, version, (f"{{{word}}} {job}",), **more)


def go(name, job, **more):
    return ours(f"go-{{}}{name}", "go", "go", "go version", job, **more)


def java(name, job, **more):
    return ours(f"java-{{}}{name}", "java", "java", "java --version", job, **more)


def node(name, job, **more):
    return ours(f"node-{{}}{name}", "node", "node", "node --version", job, **more)


def python(name, job, **more):
    return ours(f"python-{{}}{name}", "python3", "python", "python3 --version", job, **more)


def rust(name, job, **more):
    return ours(f"rustls-{{}}{name}", "rust", "rust", RUSTLS_VERSION, job, **more)


def mbedtls(name, job, **more):
    return ours(f"mbedtls-{{}}{name}", "mbedtls", "mbedtls", "{mbedtls} --version", job, **more)


def curl(name, options):
    command = (f"curl -sk --noproxy * --resolve {NAME}:{{port}}:127.0.0.1{options}"
               f" https://{NAME}:{{port}}/")
    return Recording(f"curl-{{}}{name}", "curl", "curl --version", (command,))


def browser(name, program, nth=1):
    return Recording(f"{name}-{{}}{'-again' * (nth > 1)}", program, f"{program} --version",
                     (f"{program} --headless https://{NAME}:{{port}}/",), nth=nth, role="get")


HELLO = f"hello addr={{addr}} name={NAME}"
AGAIN = f"resume addr={{addr}} name={NAME}"

RECORDINGS = (
    openssl("tls13", f"-servername {NAME} -alpn h2,http/1.1"),
    openssl("tls12", f"-tls1_2 -servername {NAME}"),
    openssl("no-name", "-noservername"),
    openssl("tls10", f"-tls1 -cipher DEFAULT@SECLEVEL=0 -servername {NAME}"),
    openssl("only-tls13", f"-tls1_3 -servername {NAME}"),
    openssl("many-alpns", f"-servername {NAME} -alpn {ALPNS}"),
    openssl("long-name", f"-servername {LONG}"),
    openssl("upper-case", f"-servername {NAME.upper()}"),
    openssl("trailing-dot", f"-servername {NAME}."),
    openssl("address", "-servername 192.0.2.1"),
    openssl("small-records", f"-max_send_frag 512 -servername {NAME} -alpn {ALPNS}"),
    openssl_again("resume-tls13", f"-tls1_3 -servername {NAME}"),
    openssl_again("resume-tls12", f"-tls1_2 -servername {NAME}"),
    openssl_again("big-ticket", f"-tls1_3 -servername {NAME} -cert {{big}}", "webmtls"),
    openssl_again("huge-ticket", f"-tls1_3 -servername {NAME} -cert {{huge}}", "webmtls"),
    openssl_again("big-ticket-tls12", f"-tls1_2 -servername {NAME} -cert {{big}}", "webmtls"),
    openssl_again("early-data", f"-tls1_3 -servername {NAME}", "early",
                  "-early_data {dir}/request"),
    curl("", ""),
    curl("-tls12", " --tls-max 1.2"),
    gnutls("tls13", f"--sni-hostname {NAME} --alpn h2"),
    gnutls("tls12", f"--sni-hostname {NAME} --priority NORMAL:-VERS-TLS-ALL:+VERS-TLS1.2"),
    gnutls("no-name", "--disable-sni"),
    gnutls("many-alpns", f"--sni-hostname {NAME} " + " ".join(
        f"--alpn {name}" for name in ALPNS.split(",")[:8])),
    gnutls("resume", f"--sni-hostname {NAME} --resume --waitresumption", nth=2),
    gnutls("early-data", f"--sni-hostname {NAME} --priority NORMAL:-VERS-ALL:+VERS-TLS1.3 --resume"
           " --waitresumption --earlydata={dir}/request", nth=2, role="early"),
    nss("tls13", f"-a {NAME}"),
    nss("tls12", f"-a {NAME} -V tls1.2:tls1.2"),
    nss("no-name", ""),
    nss("ech-grease", f"-a {NAME} -i 100"),
    nss("ech", f"-a {NAME} -N {{ech}}"),
    nss("resume", f"-a {NAME} -O -u -L 2 -A {{dir}}/request", nth=2, role="get"),
    mbedtls("-tls12", HELLO),
    mbedtls("-alpn", HELLO + " alpn=h2,http/1.1"),
    mbedtls("-no-name", "hello addr={addr}"),
    mbedtls("-resume", AGAIN, nth=2),
    go("", HELLO + " alpn=h2"),
    go("-tls12", HELLO + " tls=1.2"),
    go("-no-name", "hello addr={addr}"),
    go("-many-alpns", HELLO + f" alpn={ALPNS}"),
    go("-resume", AGAIN, nth=2),
    go("-ech", HELLO + " alpn=h2 ech={ech}"),
    java("", HELLO),
    java("-alpn", HELLO + " alpn=h2,http/1.1"),
    java("-tls12", HELLO + " tls=1.2"),
    java("-no-name", "hello addr={addr}"),
    java("-resume", AGAIN, nth=2),
    node("", HELLO),
    node("-h2", f"h2 addr={{addr}} name={NAME}"),
    node("-tls12", HELLO + " tls=1.2"),
    node("-resume", AGAIN, nth=2),
    ours("node-{}", "npx", "node24", "npx --yes --package=node@24 -- node --version", HELLO),
    python("", HELLO),
    python("-tls12", HELLO + " tls=1.2"),
    python("-resume", AGAIN, nth=2),
    rust("", HELLO + " alpn=h2"),
    rust("-tls12", HELLO + " tls=1.2"),
    rust("-resume", AGAIN, nth=2),
    rust("-ech", HELLO + " ech={ech_hex}"),
    rust("-early-data", f"early addr={{addr}} name={NAME} request=early\\n", nth=2, role="early"),
    browser("chromium", "chromium"),
    browser("firefox", "firefox-esr"),
    browser("chromium", "chromium", nth=3),
    browser("firefox", "firefox-esr", nth=2),
)
