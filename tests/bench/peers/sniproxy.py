"""sniproxy: a list of patterns."""

from conductor import names
from peers.program import Program, find, first_line

CONF = """user root
pidfile {dir}/sniproxy.pid
error_log {{
    filename {dir}/error.log
    priority error
}}
listen {ip}:{port} {{
    proto tls
    table hosts
}}
table hosts {{
{routes}}}
"""


class Sniproxy(Program):
    @staticmethod
    def missing():
        return None if find("sniproxy") else "sniproxy is not installed"

    @staticmethod
    def version():
        return first_line([find("sniproxy"), "-V"]).split()[-1]

    def write(self):
        routes = self.route_lines("    ^{name}$ {to}").replace(".bench.test", r"\.bench\.test")
        (self.dir / "sniproxy.conf").write_text(
            CONF.format(dir=self.dir, ip=names.PROXY_IP, port=self.port, routes=routes))

    def argv(self):
        return [find("sniproxy"), "-f", "-c", str(self.dir / "sniproxy.conf")]
