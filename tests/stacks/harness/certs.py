"""An authority of our own, and certificates from it in the forms the programs want."""

import subprocess

from harness.process import which

PASSWORD = "stacks"


class Certs:
    """ca.pem, and NAME.pem (key and certificate) and NAME.p12 for each name."""

    def __init__(self, directory):
        self.directory = directory
        self.ca = directory / "ca.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-noenc", "-days", "2", "-subj", "/CN=stacks authority", "-keyout", "ca.key",
                     "-out", "ca.pem")

    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.directory, check=True, capture_output=True)

    def path(self, name):
        return self.directory / f"{name}.pem"

    def issue(self, name, extra_names=()):
        """A certificate for one DNS name, good for servers and clients."""
        extensions = self.directory / "extensions"
        names = ",".join(f"DNS:{n}" for n in (name, *extra_names))
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
                     "-subj", f"/CN={name}", "-keyout", "new.key", "-out", "new.csr")
        self.openssl("x509", "-req", "-in", "new.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-CAcreateserial", "-days", "2", "-extfile", "extensions", "-out", "new.crt")
        self.openssl("pkcs12", "-export", "-inkey", "new.key", "-in", "new.crt", "-name", name,
                     "-passout", f"pass:{PASSWORD}", "-out", f"{name}.p12")
        pem = [(self.directory / f"new.{part}").read_text() for part in ("key", "crt")]
        self.path(name).write_text("".join(pem))
        return self.path(name)

    def nss_database(self, directory, client=None):
        """Make an NSS database that trusts us and may hold a client certificate; whether it could
        be made."""
        if not which("certutil") or not which("pk12util"):
            return False
        directory.mkdir(parents=True)
        commands = [["certutil", "-N", "--empty-password"],
                    ["certutil", "-A", "-n", "stacks", "-t", "C,,", "-i", self.ca]]
        if client:
            commands += [["pk12util", "-i", self.directory / f"{client}.p12", "-W", PASSWORD]]
        for argv in commands:
            subprocess.run([*argv, "-d", f"sql:{directory}"], check=True, capture_output=True)
        return True
