"""What is printed: one line a pair, then whatever is not as it should be, then the counts."""

from harness.clients import ROLES
from harness.matrix import PECULIAR, common, kind, normal

MARKS = {"ok": "ok", "refused": "no"}
SHOWN = " " * 13  # tests/support/run_tests.sh shows such lines of a test that passed, too
LEGEND = """
ok    done, directly and through the proxy alike     no    refused alike, as that pair does
.     not done by these two here: see README.md      DIFF  directly so, otherwise through the proxy
-     left out this time                             FAIL  alike, but not what it should be
"""


def short(text, length=300):
    return text if len(text) <= length else text[:length] + "..."


def verdict(cell):
    if not cell.equal:
        return "DIFF"
    return MARKS.get(kind(cell.direct), "FAIL") if cell.as_wanted else "FAIL"


def heading():
    print(f"\n{'client':<9}{'server':<9}" + "".join(f"{feature:>11}" for feature in ROLES))


def pair(client, server, cells):
    verdicts = dict.fromkeys(common(client, server), "-")
    verdicts |= {cell.feature: verdict(cell) for cell in cells}
    print(f"{client.name:<9}{server.name:<9}"
          + "".join(f"{verdicts.get(feature, '.'):>11}" for feature in ROLES), flush=True)


def faults(cells):
    """Explain each cell that is wrong; their number."""
    wrong = [cell for cell in cells if verdict(cell) in ("DIFF", "FAIL")]
    for cell in wrong:
        print(f"  {cell.client} to {cell.server}, {cell.feature}:\n"
              f"    directly: {short(cell.direct)}\n    proxied:  {short(cell.proxied)}")
    return len(wrong)


def peculiarities(cells):
    """Explain each cell that is right only because it is known."""
    for cell in cells:
        if (cell.client, cell.server, cell.feature) in PECULIAR:
            _, why = PECULIAR[cell.client, cell.server, cell.feature]
            print(f"  {cell.client} to {cell.server}, {cell.feature}: {cell.direct}: {why}")


def partly(cells):
    """Who did not move all of the 10 MB, and why."""
    by_reason = {}
    for cell in cells:
        if cell.feature == "10MB" and verdict(cell) == "ok" and cell.direct != "ok both ways":
            name = f"{cell.client}-{cell.server}"
            by_reason.setdefault(cell.direct.removeprefix("ok "), []).append(name)
    left_out("some of 10MB", by_reason)


def programs(title, things):
    print(f"\n{title}")
    for thing in things:
        print(f"  {thing.name:<9} {thing.version()}")


def skipped(what, missing):
    for name, why in missing:
        print(f"{SHOWN}skip {what} {name}: {why}")


def left_out(what, by_reason):
    """What this form of the matrix leaves to another."""
    for why, names in by_reason.items():
        print(f"{SHOWN}skip {what} {', '.join(names)}: {why}")


def slowest(cells):
    """Where the time went, to see what hangs although it ends well."""
    for cell in sorted(cells, key=lambda cell: -cell.seconds)[:3]:
        print(f"  slow: {cell.client} to {cell.server}, {cell.feature}: {cell.seconds:.1f} s")


def counts(cells, wrong, connections, seconds):
    good = max(0, len(cells) - wrong)
    done = sum(normal(cell.direct).startswith("ok") for cell in cells)
    print(LEGEND)
    pairs = len({(cell.client, cell.server) for cell in cells})
    print(f"{SHOWN}{pairs} pairs, {len(cells)} features, each directly and through the proxy: "
          f"{done} done, {len(cells) - done} refused, {wrong} not as they should be; "
          f"{connections} connections through the proxy; {seconds:.0f} s")
    print(f"[  PASSED  ] {good} test(s).")
    if wrong:
        print(f"[  FAILED  ] {wrong} test(s).")
    print(f"{good} passed, {wrong} failed")
