"""acts - what the clients of the soak do, each again and again in a thread of its own."""
import random
import threading
import time
import traceback

import clients
import wire

KIB = 1 << 10
MIB = 1 << 20
_ALERT = b"\x15\x03\x03\x00\x02\x02"  # of internal_error: no backend can be reached


class Tally:
    """Bytes and connections of one host, all threads together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.connections = self.sent = self.received = self.cut = 0

    def add(self, connections=0, sent=0, received=0, cut=0):
        with self.lock:
            self.connections += connections
            self.sent += sent
            self.received += received
            self.cut += cut


class Connection:
    """A client's connection: its hello and command are sent."""

    def __init__(self, to, host, command, tally):
        self.tally = tally
        self.command = command
        first = clients.hello(host) + command.packed()
        self.s = clients.connect(to)
        tally.add(connections=1)
        self.s.settimeout(wire.PATIENCE_S)
        self.up = wire.Stream(self.s, command.seed)
        self.down = wire.Stream(self.s, command.seed)
        try:
            self.s.sendall(first)
        except BaseException:
            self.s.close()
            raise
        self.first = len(first)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()
        self.tally.add(sent=self.first + self.up.at, received=self.down.at)

    def exchange(self):
        self.up.send(self.command.up)
        self.down.check(self.command.down)

    def end(self):
        self.s.shutdown(wire.socket.SHUT_WR)
        self.down.check_end()


def command(mode, up, down, rounds=1):
    return wire.Command(mode, wire.any_seed(), rounds, up, down)


def exchange(to, host, tally, up, down, rounds=1):
    with Connection(to, host, command(wire.EXCHANGE, up, down, rounds), tally) as c:
        for _ in range(rounds):
            c.exchange()
        c.end()


def short(to, host, tally):
    exchange(to, host, tally, 200, random.randrange(1, 5000))


def requests(to, host, tally):
    exchange(to, host, tally, 256, KIB, rounds=100)


def download(to, host, tally):
    exchange(to, host, tally, 100, random.randrange(MIB, 32 * MIB))


def upload(to, host, tally):
    exchange(to, host, tally, random.randrange(MIB, 32 * MIB), 100)


def both_ways(to, host, tally):
    size = random.randrange(MIB, 8 * MIB)
    with Connection(to, host, command(wire.BOTH, size, size), tally) as c:
        sender = threading.Thread(target=c.up.send, args=(size,))
        sender.start()
        c.down.check(size)
        sender.join()
        c.end()


def half_closed(to, host, tally):
    size = random.choice((10, 64 * KIB, 2 * MIB))
    with Connection(to, host, command(wire.CLIENT_FIN, size, size), tally) as c:
        c.up.send(size)
        c.s.shutdown(wire.socket.SHUT_WR)
        c.down.check(size)
        c.down.check_end()
    with Connection(to, host, command(wire.SERVER_FIN, size, size), tally) as c:
        c.down.check(size)
        c.down.check_end()
        c.up.send(size)


def slow_reader(to, host, tally):
    size = 8 * MIB
    with Connection(to, host, command(wire.EXCHANGE, 10, size), tally) as c:
        c.s.setsockopt(wire.socket.SOL_SOCKET, wire.socket.SO_RCVBUF, 64 * KIB)
        c.up.send(10)
        c.down.check(size, lambda: time.sleep(0.005))
        c.end()


def resets(to, host, tally):
    """Both peers: what was in flight may be lost, but not the reset, nor the order of bytes.  The
    client's comes while more is held back for it than it takes."""
    size = random.choice((100, 16 * MIB))
    with Connection(to, host, command(wire.CLIENT_RESET, 0, size), tally) as c:
        c.s.setsockopt(wire.socket.SOL_SOCKET, wire.socket.SO_RCVBUF, 64 * KIB)
        c.down.check(random.randrange(1, size // 8))
        wire.reset(c.s)
    with Connection(to, host, command(wire.SERVER_RESET, 0, size), tally) as c:
        try:
            c.down.check(size)
            c.down.check_end()
        except ConnectionResetError:
            return
        raise wire.Corrupt("a reset that looks like an orderly end")


def doomed(to, host, tally):
    """Its backend comes and goes: it may be cut, or refused by an alert, and must end.  Some are
    short, so that a slow machine, too, finishes one between two kills."""
    try:
        exchange(to, host, tally, 64 * KIB, random.choice((KIB, 256 * KIB, 4 * MIB)), rounds=4)
        return
    except ConnectionError:
        pass
    except wire.Corrupt as e:
        if not e.got.startswith(_ALERT):
            raise
    tally.add(cut=1)
    time.sleep(0.02)


class Actor(threading.Thread):
    """One act again and again until told to stop."""

    def __init__(self, act, to, host, tally, stop):
        super().__init__(daemon=True, name=f"{act.__name__} {host}")
        self.act = act
        self.args = to, host, tally
        self.stop = stop
        self.rounds = 0
        self.failure = None

    def run(self):
        try:
            while not self.stop.is_set():
                self.act(*self.args)
                self.rounds += 1
        except Exception:  # pylint: disable=broad-except
            self.failure = traceback.format_exc()
            self.stop.set()
