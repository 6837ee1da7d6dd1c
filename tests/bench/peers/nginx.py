"""nginx with its stream module: ssl_preread and a map from name to backend."""

import os

from conductor import names
from peers.program import Program, find, first_line

MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"

CONF = """{module}daemon off;
user root;
worker_processes {workers};
worker_rlimit_nofile {files};
pid {dir}/nginx.pid;
error_log stderr;
events {{ worker_connections {connections}; multi_accept {multi_accept}; }}
stream {{
    map_hash_max_size {hash_size};
    map_hash_bucket_size 128;
    map $ssl_preread_server_name $backend {{
        include {dir}/routes;
    }}
    server {{
        listen {ip}:{port} reuseport backlog=16384;
        ssl_preread on;
        proxy_buffer_size {buffer};
        proxy_pass $backend;
    }}
}}
"""


class Nginx(Program):
    buffer, multi_accept = "16k", "off"

    @staticmethod
    def missing():
        if find("nginx") is None:
            return "nginx is not installed"
        return None if os.path.exists(MODULE) else "libnginx-mod-stream is not installed"

    @staticmethod
    def version():
        return first_line([find("nginx"), "-v"]).rpartition("/")[2]

    def write(self):
        (self.dir / "routes").write_text(self.route_lines("{name} {to};"))
        (self.dir / "nginx.conf").write_text(CONF.format(
            module=f"load_module {MODULE};\n", workers=self.workers, files=self.lab.files,
            connections=min(self.lab.files, 65536) - 100, dir=self.dir, port=self.port,
            ip=names.PROXY_IP, buffer=self.buffer, multi_accept=self.multi_accept,
            hash_size=max(4096, 2 * len(self.hosts))))

    def argv(self):
        return [find("nginx"), "-e", "stderr", "-p", str(self.dir),
                "-c", str(self.dir / "nginx.conf")]


class Nginx64k(Nginx):
    buffer, multi_accept = "64k", "on"
