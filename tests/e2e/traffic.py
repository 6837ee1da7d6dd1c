"""Clients that never stop: fresh connections one after the other, and some that stay open."""

import threading
import time

from network import ask_on


class Traffic:
    """`with Traffic(...) as traffic:` connects all the while; what failed is kept as text."""

    def __init__(self, client, hosts, threads=3, pause=0.002):
        self.client, self.hosts, self.pause = client, hosts, pause
        self.answered = 0
        self.failed = []
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.kept = []
        self.threads = [threading.Thread(target=self.connect_all_the_while)
                        for _ in range(threads)]

    def __enter__(self):
        self.kept = [self.client.connect(host) for host in self.hosts]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        for connection in self.kept:
            with connection:
                self.try_once(lambda c=connection: ask_on(c))

    def connect_all_the_while(self):
        while not self.ending.is_set():
            for host in self.hosts:
                self.try_once(lambda name=host: self.client.ask(name))
                time.sleep(self.pause)

    def try_once(self, ask):
        try:
            ask()
        except OSError as error:
            with self.lock:
                self.failed.append(f"{time.strftime('%T')} {error!r}")
        else:
            with self.lock:
                self.answered += 1

    def check(self, at_least):
        """No connection failed, and there were enough for that to say something."""
        assert not self.failed, f"{len(self.failed)} of {self.answered} failed: {self.failed[:3]}"
        assert self.answered >= at_least, f"only {self.answered} connections"
