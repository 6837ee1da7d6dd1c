"""A table that changes under load: how soon a new host is routed, what the load feels of it, and
what is left of it afterwards.

Ours is told by a changed manifest, the others by their reload, after their files were written: the
clock runs from the rename or the signal.  Every table the load has known keeps a crowd of
connections, as long-lived ones do; what an old process keeps for them stays.
"""

import time

from conductor.records import FAULTS

KEY, LARGE = "changes", "changes-large"
ROLES = ("nginx", "haproxy-64k", "sniproxy", "go", "sealway")
REQUESTERS, REQUESTS = 200, 2000  # connections that stay, and requests a second over them
CONNECTIONS = 300                 # short ones a second
CROWD = 50
NAMES = 1000                      # that they ask for
PROBE_MS = 20000
LONG_MS = 600000                  # until it is told to end


class Scene:
    """One contender in one round."""

    def __init__(self, lab, contender, hosts):
        self.lab, self.load = lab, lab.load
        self.program, self.start_s = lab.start(contender, hosts)
        self.routed_ms, self.probes = [], []

    def begin_load(self, ms=LONG_MS):
        return {"rr": self.begin("rr", "-c", REQUESTERS, "-r", REQUESTS, "-t", ms),
                "short": self.begin("short", "-c", 2000, "-r", CONNECTIONS, "-t", ms)}

    def begin(self, mode, *options):
        names = min(NAMES, len(self.program.hosts))
        return self.load.begin(self.program, mode, "-H", names, *options)

    def end_load(self, children, now=False):
        return {mode: self.load.end(child, now) for mode, child in children.items()}

    def change(self):
        """One host more; None: it was not routed in time."""
        host = len(self.program.hosts)
        probe = self.load.begin(self.program, "probe", "-n", host, "-t", PROBE_MS)
        time.sleep(0.05)  # it is trying by then
        told = self.program.add(host)
        result = self.load.end(probe)
        self.probes.append(result)
        self.routed_ms.append((result["now_ns"] - told) / 1e6 if result["units"] else None)

    def crowd(self):
        """Connections that stay until they are told."""
        return self.begin("idle", "-c", CROWD, "-t", LONG_MS)

    def memory(self):
        """Asked for its table first: what the answer takes is in what is measured every time."""
        table_bytes = self.program.table_bytes()
        return {"processes": len(self.program.pids()), "pss_kib": self.program.pss_kib(),
                "own_kib": self.program.own_kib(), "table_bytes": table_bytes}

    def warm_up(self, profile):
        """Every name asked for, beside as many held connections as there will be: what a proxy
        takes at the first time, counters of a route for one, is taken then, and is no change's."""
        crowds = [self.crowd() for _ in range(profile.changes)]
        ms = 2000 * min(NAMES, len(self.program.hosts)) // profile.rate
        each = self.begin("short", "-c", 2000, "-r", profile.rate, "-t", ms)
        return [self.load.end(each), *(self.load.end(c, now=True) for c in crowds)]

    def rest(self, profile):
        """The load on new connections, until old processes and all that was closed are gone."""
        loads = self.begin_load()
        time.sleep(profile.change_rest_ms / 1000)
        return loads, self.memory()

    def close(self):
        self.lab.stop(self.program)


def faults(parts):
    """Of all that the load told; what came too late for its rate, too."""
    return {fault: sum(p.get(fault, 0) for p in parts) for fault in (*FAULTS, "late")}


def under_load(lab, contender, profile):
    scene = Scene(lab, contender, profile.change_hosts)
    warm = scene.warm_up(profile)
    calm = scene.end_load(scene.begin_load(profile.change_calm_ms))
    (loads, before), crowds, own_kib_each = scene.rest(profile), [], []
    for _ in range(profile.changes):
        next_at = time.monotonic() + profile.change_every_ms / 1000
        scene.change()
        crowds.append(scene.crowd())
        time.sleep(max(0.0, next_at - time.monotonic()))
        own_kib_each.append(scene.program.own_kib())
    after = scene.memory()
    stirred = scene.end_load(loads, now=True)
    stayed = [scene.load.end(c, now=True) for c in crowds]
    loads, alone = scene.rest(profile)
    parts = [*warm, *calm.values(), *stirred.values(), *scene.end_load(loads, now=True).values(),
             *scene.probes, *stayed]
    scene.close()
    return {"hosts": profile.change_hosts, "routed_ms": scene.routed_ms, "start_s": scene.start_s,
            "calm": calm, "stirred": stirred, "before": before, "after": after, "alone": alone,
            "own_kib_each": own_kib_each, **faults(parts)}


def large(lab, contender, profile):
    """Nothing but the change, of a large table, and what that table takes."""
    scene = Scene(lab, contender, profile.large_hosts)
    before = scene.memory()
    for _ in range(profile.large_changes):
        scene.change()
        time.sleep(0.5)
    after = scene.memory()
    scene.close()
    return {"hosts": profile.large_hosts, "routed_ms": scene.routed_ms, "start_s": scene.start_s,
            "before": before, "after": after, **faults(scene.probes)}


def run(lab, contenders, profile, records, tell):
    mine = [c for c in contenders if c.role in ROLES]
    for n in range(1, profile.change_rounds + 1):
        for contender in mine:
            tell(f"the table changes, {n} of {profile.change_rounds}: {contender.name}")
            records.add(KEY, contender.name, n, under_load(lab, contender, profile))
    if profile.large_hosts:
        for contender in mine:
            tell(f"the table changes, {profile.large_hosts:,} hosts: {contender.name}")
            records.add(LARGE, contender.name, 1, large(lab, contender, profile))
