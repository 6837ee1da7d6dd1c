"""nginx, as a server only."""

import os
import pathlib

from harness import plain
from harness.process import free_port, which
from harness.servers import BULK, WEB, PortedServer


class NginxServer(PortedServer):
    """nginx ends TLS: for HTTP by itself, for raw TCP (its stream module) and WebSocket in front of
    plain servers of ours."""

    name = "nginx"
    own_roles = ("echo", "mtls", "web", "webmtls")
    aliases = {"half": "echo", "h2": "web", "early": "web", **WEB}
    takes_put = True
    MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")

    def __init__(self, world):
        super().__init__(world)
        if not self.MODULE.exists():
            self.own_roles = ("web", "webmtls")
            self.skipped = {f"{self.MODULE.name} is not installed": ("echo", "half", "mtls")}

    def missing(self):
        return None if which("nginx") else "nginx is not installed"

    def version(self):
        return self.world.tools.first_line(which("nginx"), "-v")

    def early_exchange(self, target):
        return (f"GET /who HTTP/1.1\r\nHost: {target.name}\r\n\r\n".encode(),
                b"\r\n\r\n" + target.name.encode())

    def start(self):
        directory = self.world.directory / "nginx"
        (directory / "files").mkdir(parents=True)
        self.plain = plain.Servers()

        def argv(port):
            self.ports = {role: free_port() for role in self.own_roles}
            self.ports[self.own_roles[0]] = port
            (directory / "nginx.conf").write_text(self.config(directory))
            return [which("nginx"), "-e", "stderr", "-p", directory, "-c",
                    directory / "nginx.conf"]
        self.listen(self.own_roles[0], argv)

    def config(self, directory):
        stream = ""
        if "echo" in self.own_roles:
            stream = f"load_module {self.MODULE};\nstream {{\n proxy_half_close on;\n"
            stream += self.stream_server("echo", "") + self.stream_server("mtls", self.demand())
            stream += "}\n"
        return HTTP_CONFIG.format(
            directory=directory, stream=stream, user=user_line(),
            web=self.http_server("web", "ssl_early_data on;", directory),
            webmtls=self.http_server("webmtls", self.demand(), directory))

    def demand(self):
        return f"ssl_verify_client on; ssl_client_certificate {self.world.certs.ca};"

    def tls(self, role):
        return (f"ssl_certificate {self.cert(role)}; ssl_certificate_key {self.cert(role)};"
                " ssl_protocols TLSv1.2 TLSv1.3;")

    def stream_server(self, role, more):
        return (f" server {{ listen 127.0.0.1:{self.ports[role]} ssl; {self.tls(role)} {more}"
                f" proxy_pass 127.0.0.1:{self.plain.echo_port}; }}\n")

    def http_server(self, role, more, directory):
        return HTTP_SERVER.format(port=self.ports[role], tls=self.tls(role), more=more,
                                  host=self.host(role), directory=directory,
                                  ws_port=self.plain.ws_port)


def user_line():
    return "user root;" if os.geteuid() == 0 else ""


HTTP_CONFIG = """{stream}{user}
daemon off;
master_process off;
pid {directory}/nginx.pid;
events {{ worker_connections 256; }}
http {{
 access_log off;
 default_type text/plain;
 client_max_body_size 20m;
 client_body_temp_path {directory}/body;
 proxy_temp_path {directory}/proxy;
 fastcgi_temp_path {directory}/fastcgi;
 uwsgi_temp_path {directory}/uwsgi;
 scgi_temp_path {directory}/scgi;
 ssl_session_cache shared:stacks:1m;
{web}{webmtls}}}
"""

HTTP_SERVER = """ server {{
  listen 127.0.0.1:{port} ssl http2; {tls} {more}
  location /who {{ return 200 "{host}\\n"; }}
  location /store {{ root {directory}/files; dav_methods PUT; }}
  location /ws {{
   proxy_pass http://127.0.0.1:{ws_port};
   proxy_http_version 1.1;
   proxy_set_header Upgrade $http_upgrade;
   proxy_set_header Connection upgrade;
  }}
 }}
"""
assert BULK <= 20 << 20  # client_max_body_size above
