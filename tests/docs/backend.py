"""A TLS server in place of the pods that a document deploys."""

import http.server
import ssl
import subprocess
import threading


def _handler(text):
    class Says(http.server.BaseHTTPRequestHandler):
        """Answers every request with one line."""

        def do_GET(self):  # pylint: disable=invalid-name
            body = (text + "\n").encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    return Says


class Backend:
    """Serves with the certificate that the reader has made in `directory`: tls.crt and tls.key."""

    def __init__(self, address, port, directory, text):
        subprocess.run(["ip", "addr", "add", f"{address}/32", "dev", "lo"], check=True)
        self.server = http.server.ThreadingHTTPServer((address, port), _handler(text))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
