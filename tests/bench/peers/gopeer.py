"""The Go program of gopeer/, written as ingress-nginx's ssl-passthrough is."""

import os
import shutil
import subprocess

from conductor import names
from peers.program import Program

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "gopeer")
GO = shutil.which("go") or next(
    (path for path in ("/usr/local/go/bin/go", "/usr/lib/go/bin/go") if os.path.exists(path)), None)


class GoPeer(Program):
    @staticmethod
    def missing():
        return None if GO else "go is not installed"

    @staticmethod
    def version():
        return subprocess.run([GO, "env", "GOVERSION"], capture_output=True, text=True, cwd=SOURCE,
                              check=True).stdout.strip().removeprefix("go")

    @staticmethod
    def build(program):
        """Needs no network.  Why it could not be built; None: it stands there."""
        if GO is None:
            return GoPeer.missing()
        env = dict(os.environ, CGO_ENABLED="0", GOTOOLCHAIN="local", GOFLAGS="-buildvcs=false")
        done = subprocess.run([GO, "build", "-o", program, "."], cwd=SOURCE, env=env,
                              capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else "it could not be built: " + done.stderr.strip()

    def write(self):
        (self.dir / "routes").write_text(self.route_lines("{name} {to}"))

    def argv(self):
        return [self.lab.built("gopeer"), f"{names.PROXY_IP}:{self.port}",
                str(self.dir / "routes")]
