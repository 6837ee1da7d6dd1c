"""haproxy in TCP mode: a map from name to one of eight backends."""

import signal

from conductor import names
from peers.program import Program, find, first_line

CONF = """global
    nbthread {workers}
    maxconn {connections}
    {globals}
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    {defaults}
frontend tls
    bind {ip}:{port} backlog 16384
    tcp-request inspect-delay 5s
    tcp-request content accept if {{ req.ssl_hello_type 1 }}
    use_backend %[req.ssl_sni,map({dir}/routes)]
"""


class Haproxy(Program):
    globals = defaults = ""
    reload_signal = signal.SIGUSR2

    @staticmethod
    def missing():
        return None if find("haproxy") else "haproxy is not installed"

    @staticmethod
    def version():
        return first_line([find("haproxy"), "-v"]).split()[2]

    def write(self):
        lines = (f"{names.host(i)} b{i % names.BACKENDS}\n" for i in self.hosts)
        (self.dir / "routes").write_text("".join(lines))
        conf = CONF.format(workers=self.workers, connections=(self.lab.files - 1000) // 2,
                           globals=self.globals, defaults=self.defaults, ip=names.PROXY_IP,
                           port=self.port, dir=self.dir)
        for i in range(names.BACKENDS):
            conf += f"backend b{i}\n    server s {names.backend_ip(i)}:{names.PORT}\n"
        (self.dir / "haproxy.cfg").write_text(conf)

    def argv(self):
        return [find("haproxy"), "-W", "-db", "-f", str(self.dir / "haproxy.cfg")]


class Haproxy64k(Haproxy):
    globals = "tune.bufsize 65536"


class HaproxyForce1m(Haproxy):
    globals = "tune.pipesize 1048576\n    maxpipes 200"
    defaults = "option splice-request\n    option splice-response"
