"""changes - the table of the soak, and a change of it each second."""
import socket
import threading
import traceback

import clients
import manifests
import wire

NS = "soak"
_PATIENCE_S = 10


def host(name):
    return f"{name}.soak.test"


def write_steady(directory, places):
    """places: {name: (ip, port)}; each has a route of its own."""
    objects = []
    for name, place in places.items():
        objects += manifests.route(NS, name, host(name), place)
    manifests.write(directory, "steady", objects)


class Changes(threading.Thread):
    """Endpoints that move, and a host that is another one each second and must be served."""

    def __init__(self, directory, to, places, tally, stop):
        super().__init__(daemon=True)
        self.directory = directory
        self.to = to
        self.places = places
        self.tally = tally
        self.stop = stop
        self.done = 0
        self.failure = None

    def change(self):
        place = self.places[self.done % len(self.places)]
        objects = manifests.route(NS, "moving", host("moving"), place)
        objects += manifests.route(NS, "newest", host(f"newest-{self.done}"), place)
        manifests.write(self.directory, "moving", objects)

    def _is_served(self, name):
        command = wire.Command(wire.EXCHANGE, wire.any_seed(), 1, 1, 1)
        with clients.connect(self.to) as s:
            self.tally.add(connections=1)
            s.settimeout(wire.PATIENCE_S)
            s.sendall(clients.hello(name) + command.packed())
            up, down = wire.Stream(s, command.seed), wire.Stream(s, command.seed)
            try:
                up.send(1)
                down.check(1)
                s.shutdown(socket.SHUT_WR)
                down.check_end()
            except (wire.Corrupt, ConnectionError):
                return False  # an alert: not yet
            return True

    def run(self):
        try:
            while not self.stop.wait(1):
                self.change()
                self._wait_for(host(f"newest-{self.done}"))
                self.done += 1
        except Exception:  # pylint: disable=broad-except
            self.failure = traceback.format_exc()
            self.stop.set()

    def _wait_for(self, name):
        for _ in range(_PATIENCE_S * 20):
            if self._is_served(name):
                return
            if self.stop.wait(0.05):
                return
        raise AssertionError(f"{name} was not served within {_PATIENCE_S} s")
