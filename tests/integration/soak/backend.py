"""backend PORT HOST... - a backend of the soak: a thread for each connection, every byte checked.

What must not happen is a line on stdout.  Ends with its parent."""
import socket
import sys
import threading

import wire


def _serve(s, c):
    source, sink = wire.Stream(s, c.seed), wire.Stream(s, c.seed)
    if c.mode == wire.EXCHANGE:
        for _ in range(c.rounds):
            source.check(c.up)
            sink.send(c.down)
        source.check_end()
    elif c.mode == wire.BOTH:
        reader = threading.Thread(target=_guarded, args=(source.check, c.up))
        reader.start()
        sink.send(c.down)
        reader.join()
        source.check_end()
    elif c.mode == wire.CLIENT_FIN:
        source.check(c.up)
        source.check_end()
        sink.send(c.down)
    elif c.mode == wire.SERVER_FIN:
        sink.send(c.down)
        s.shutdown(socket.SHUT_WR)
        source.check(c.up)
        source.check_end()
    elif c.mode == wire.SERVER_RESET:
        sink.send(c.down)
        wire.reset(s)
    else:
        sink.send(c.down)
        source.check_end()


def _guarded(act, *args):
    try:
        act(*args)
    except wire.Corrupt as e:
        print(f"corrupt: {e}", flush=True)
    except OSError:
        pass  # whether that was right is for the client to say


def _handle(s, hosts):
    with s:
        s.settimeout(wire.PATIENCE_S)
        hello, command = wire.read_command(s)
        if not any(host in hello for host in hosts):
            print(f"misrouted: {hello!r}", flush=True)
            return
        s.settimeout(None)  # some clients are idle for the whole run; who is stuck, the client tells
        _serve(s, command)


def main():
    port, *hosts = sys.argv[1:]
    hosts = [host.encode() for host in hosts]
    with socket.create_server(("127.0.0.1", int(port)), backlog=1024) as listener:
        if port == "0":
            print(listener.getsockname()[1], flush=True)
        while True:
            s, _ = listener.accept()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_guarded, args=(_handle, s, hosts), daemon=True).start()


if __name__ == "__main__":
    main()
