"""The plain servers behind nginx: an echo that answers behind a FIN, and a WebSocket echo."""

import base64
import hashlib
import socket
import threading

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Servers:
    def __init__(self):
        self.echo_port = listen(echo)
        self.ws_port = listen(web_socket)


def listen(serve):
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept_all, args=(listener, serve), daemon=True).start()
    return listener.getsockname()[1]


def accept_all(listener, serve):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_one, args=(connection, serve), daemon=True).start()


def serve_one(connection, serve):
    with connection:
        try:
            serve(connection)
        except OSError:
            pass  # clients that fail are what some of the features are about


def echo(connection):
    count = 0
    while data := connection.recv(65536):
        count += len(data)
        connection.sendall(data)
    connection.sendall(f"end of {count}\n".encode())


def web_socket(connection):
    """Echoes masked frames of up to 125 bytes; a close is answered."""
    stream = connection.makefile("rb")
    key = ""
    while (line := stream.readline().decode("latin-1").strip()):
        name, _, value = line.partition(":")
        if name.lower() == "sec-websocket-key":
            key = value.strip()
    proof = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
    connection.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                        f"Connection: Upgrade\r\nSec-WebSocket-Accept: {proof}\r\n\r\n").encode())
    while len(head := stream.read(6)) == 6:
        masked = stream.read(head[1] & 0x7f)
        text = bytes(byte ^ head[2 + i % 4] for i, byte in enumerate(masked))
        connection.sendall(bytes([head[0], len(text)]) + text)
        if head[0] & 0x0f == 8:
            return
