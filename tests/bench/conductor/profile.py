"""How much of everything: a whole run, a quick one, and one only to see that all of it works."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Profile:
    name: str
    rounds: int            # counted; one more warms up
    sparse: int            # who is not judged by it has a turn in each of so many rounds
    turn_ms: int           # measured in a turn, and before that
    warm_ms: int
    streams: tuple         # (at a time, bytes of each transfer)
    tables: tuple          # hosts
    idle: int              # connections
    idle_ms: int
    idle_rounds: int
    change_rounds: int
    changes: int           # of the table, in each round under load
    change_every_ms: int
    change_hosts: int
    change_calm_ms: int    # under the same load without a change
    change_rest_ms: int    # under new load, for what was closed to be gone
    large_hosts: int
    large_changes: int
    syscall_ms: int
    rate: int = 2500       # connections a second, open loop
    connections: int = 64  # at a time
    workers_share: bool = True  # two have one CPU, for there is none for the second


FULL = Profile(
    "full", rounds=40, sparse=6, turn_ms=220, warm_ms=30,
    streams=((8, 16 << 20), (100, 2 << 20)), tables=(10, 1000, 10000, 100000),
    idle=9000, idle_ms=1500, idle_rounds=2, change_rounds=3, changes=5, change_every_ms=1000,
    change_hosts=10000, change_calm_ms=3000, change_rest_ms=2000, large_hosts=100000,
    large_changes=3, syscall_ms=3000)

QUICK = dataclasses.replace(
    FULL, name="quick", rounds=8, sparse=4, turn_ms=100, warm_ms=20,
    streams=((8, 8 << 20), (100, 1 << 20)), tables=(10, 10000), idle=2000, idle_ms=500,
    idle_rounds=1, change_rounds=1, changes=3, change_every_ms=700, change_calm_ms=700,
    change_rest_ms=1000, large_hosts=0, large_changes=0, syscall_ms=1000)

SMOKE = dataclasses.replace(
    QUICK, name="smoke", rounds=2, sparse=1, turn_ms=30, warm_ms=10,
    streams=((8, 256 << 10), (100, 32 << 10)), tables=(10, 100), idle=50,
    idle_ms=20, changes=1, change_every_ms=100, change_hosts=100, change_calm_ms=50,
    change_rest_ms=100, syscall_ms=100, rate=200, connections=8)
