"""A certificate authority of the tests, and certificates by it; each made once."""

import paths  # pylint: disable=unused-import
from network import openssl

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


class Authority:
    """Below `directory`, and there as long as that is."""

    def __init__(self, directory, name):
        self.dir = directory
        self.cert, self.key = directory / "ca.crt", directory / "ca.key"
        directory.mkdir(parents=True, exist_ok=True)
        if not self.cert.exists():
            openssl("req", "-x509", *NEW_KEY, "-subj", f"/CN={name}",
                    "-keyout", self.key, "-out", self.cert)

    def issue(self, name, *hosts):
        """(certificate, key) of somebody called so: a server of these hosts, or else a client."""
        cert, key = self.dir / f"{name}.crt", self.dir / f"{name}.key"
        purpose = "serverAuth" if hosts else "clientAuth"
        extensions = ["basicConstraints=CA:FALSE", f"extendedKeyUsage={purpose}"]
        if hosts:
            extensions.append("subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts))
        if not cert.exists():
            openssl("req", "-x509", *NEW_KEY, "-subj", f"/CN={name}",
                    "-CA", self.cert, "-CAkey", self.key,
                    *(word for one in extensions for word in ("-addext", one)),
                    "-keyout", key, "-out", cert)
        return cert, key
