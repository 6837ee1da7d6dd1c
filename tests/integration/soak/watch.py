"""watch - a process's memory and descriptors while it works."""
import os
import threading
import time


def _kib(path, field):
    with open(path, encoding="ascii") as f:
        for line in f:
            if line.startswith(field):
                return int(line.split()[1])
    raise ValueError(f"no {field} in {path}")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def pipes(pid):
    """Ends of pipes among them."""
    found = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("pipe:")
        except FileNotFoundError:
            pass  # closed meanwhile
    return found


class Watch(threading.Thread):
    """A sample a second: (s, RSS KiB, PSS KiB, descriptors, ends of pipes)."""

    def __init__(self, pid, stop):
        super().__init__(daemon=True)
        self.pid = pid
        self.stop = stop
        self.samples = []

    def run(self):
        while not self.stop.wait(1):
            rollup = f"/proc/{self.pid}/smaps_rollup"
            self.samples.append((time.monotonic(), _kib(rollup, "Rss:"), _kib(rollup, "Pss:"),
                                 descriptors(self.pid), pipes(self.pid)))

    def most_pipes(self):
        return max(row[4] for row in self.samples)

    def second_half(self):
        return self.samples[len(self.samples) // 2:]

    def slope(self, column):
        """Per minute, by least squares over the second half."""
        points = [(row[0] / 60, row[column]) for row in self.second_half()]
        n = len(points)
        mean_x = sum(x for x, _ in points) / n
        mean_y = sum(y for _, y in points) / n
        spread = sum((x - mean_x) ** 2 for x, _ in points)
        return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
