"""What the Sealway pods of a namespace log, read from the node's files: those of a pod that has
ended are gone from the API server, but not for who has them open."""

import collections
import datetime
import re
import threading
import time

WORDS = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
PERIOD_S = 0.2
LATE_S = 15
LEEWAY_S = 2  # of two programs that look at one clock, when either may be kept from its processor


class Line:
    """One line of Sealway's log, in a pod's words."""

    def __init__(self, pod, text):
        self.pod = pod
        self.text = text
        self.words = {key: value.strip('"') for key, value in WORDS.findall(text)}

    def __getitem__(self, key):
        return self.words.get(key, "")

    @property
    def ended(self):
        """When the connection did, in seconds since 1970."""
        return datetime.datetime.fromisoformat(self["time"].replace("Z", "+00:00")).timestamp()

    @property
    def duration_s(self):
        return float(self["duration_ms"]) / 1000

    @property
    def accepted(self):
        return self.ended - self.duration_s

    @property
    def endpoint(self):
        """The address of the backend that it went to, if any."""
        return self["endpoint"].rpartition(":")[0]


class AccessLogs:
    """Follows them all from the time when it is made."""

    def __init__(self, node, ns):
        self.pods = node.dir / "pods"
        self.ns = ns
        self.files = {}  # by inode: (pod, open file), for logs are renamed when they grow
        self.by_port = collections.defaultdict(list)  # connections, by the client's port
        self.others = []
        self.lock = threading.Lock()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self):
        while not self.ending.wait(PERIOD_S):
            self.read()

    def stop(self):
        """What was written until now can still be asked for."""
        self.read()
        self.ending.set()
        self.thread.join()
        with self.lock:
            for _, file in self.files.values():
                file.close()

    def read(self):
        """Take what has been written by now, unless it is stopped."""
        with self.lock:
            if self.ending.is_set():
                return
            self._open_new()
            for pod, file in self.files.values():
                self._read(pod, file)

    def _open_new(self):
        for path in self.pods.glob(f"{self.ns}_*/controller/*.log"):
            try:
                inode = path.stat().st_ino
                if inode not in self.files:
                    self.files[inode] = (path.parts[-3].split("_")[1], open(path, "rb"))
            except FileNotFoundError:
                continue

    def _read(self, pod, file):
        while True:
            at = file.tell()
            line = file.readline()
            if not line.endswith(b"\n"):
                file.seek(at)
                return
            self._take(Line(pod, line.decode(errors="replace").rstrip().split(" ", 3)[3]))

    def _take(self, line):
        if line["client"]:
            self.by_port[int(line["client"].rpartition(":")[2])].append(line)
        else:
            self.others.append(line)

    def of_connection(self, failure):
        """The line of a client's connection; None if no Sealway pod has seen it end.  Its port may
        have been another's before and since, for the same host even."""
        self.read()
        first = failure["began"] - LEEWAY_S
        last = (failure["talked"] or failure["at"]) + LEEWAY_S
        with self.lock:  # a line without a name is of one whose hello was not read
            found = [line for line in self.by_port.get(failure["port"], ())
                     if first <= line.accepted <= last and line["sni"] in (failure["host"], "-")]
        return min(found, key=lambda line: abs(line.ended - failure["at"]), default=None)

    def wait_for(self, failures):
        """Until there is a line of each, for a while: a pod writes it when it knows of the end."""
        end = time.monotonic() + LATE_S
        while (time.monotonic() < end
               and not all(self.of_connection(each) for each in failures if each["port"])):
            time.sleep(PERIOD_S)

    def drained(self, pod):
        """The connections that this pod closed as its drain was over."""
        self.read()
        with self.lock:
            return [line for lines in self.by_port.values() for line in lines
                    if line.pod == pod and line["reason"] == "drain"]

    def announced(self, pod):
        """How many it said it would close then."""
        self.read()
        with self.lock:
            said = [re.search(r"drain timeout: closing (\d+)", line.text)
                    for line in self.others if line.pod == pod]
        return sum(int(each[1]) for each in said if each)
