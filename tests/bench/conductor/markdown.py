"""The figures as a table for a document: ours, nginx, the best peer, and how ours is to that.

Of nginx's two settings the better one is shown.
"""

ROWS = (  # of which contender, figure, title
    ("sealway", "short", "short connection, µs"),
    ("sealway-first-eof", "short", "the same, closing at first EOF, µs"),
    ("sealway", "rate", "connection at 2,500 a second, µs"),
    ("sealway", "rr", "request of 256 B, response of 1 KB, µs"),
    ("sealway", "down8", "GB down, 8 streams, s"),
    ("sealway", "up8", "GB up, 8 streams, s"),
    ("sealway", "down100", "GB down, 100 streams, s"),
    ("sealway", "up100", "GB up, 100 streams, s"),
    ("sealway", "hello-post-quantum", "short connection, hello of 1.8 KB, µs"),
    ("sealway", "hosts-10000", "short connection, 10,000 hosts, µs"),
    ("sealway", "hosts-100000", "short connection, 100,000 hosts, µs"),
    ("sealway", "syscalls-short", "system calls of a short connection"),
    ("sealway", "syscalls-rr", "system calls of a request"),
    ("sealway", "idle", "memory of an idle connection, KiB"),
    ("sealway", "routed", "until a changed table of 10,000 hosts routes, ms"),
    ("sealway", "routed-large", "until a changed table of 100,000 hosts routes, ms"),
    ("sealway", "processes", "processes after changes under load"),
    ("sealway", "grown", "memory grown by them, connections of each table held, MiB"),
    ("sealway", "grown-alone", "the same, those connections closed, MiB"),
    ("sealway", "memory-large", "memory with 100,000 hosts, MiB"),
)
NGINX = ("nginx", "nginx-64k")
FEWEST = 6  # rounds of an interval


def best_of(session, kind, names):
    """(figure, name) of the least median; None: nobody has any."""
    found = [(figure, name) for name in names
             if (figure := kind.figure(session.records, name))]
    return min(found, key=lambda pair: pair[0].median, default=None)


def ratio_cell(ratio):
    """Only what has rounds enough has an interval."""
    if ratio is None:
        return ""
    if len(ratio.rounds) < FEWEST:
        return f"{ratio.median:.2f}"
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def row(session, kind, title, mine, peers):
    def number(figure):
        return f"{figure.median:,.{kind.digits}f}"
    nginx, best = best_of(session, kind, NGINX), best_of(session, kind, peers)
    cells = [title, number(mine), number(nginx[0]) if nginx else "",
             f"{number(best[0])} {best[1]}" if best else "",
             ratio_cell(mine.over(best[0])) if best else ""]
    return f"| {' | '.join(cells)} |"


def table(session):
    kinds = {kind.key: kind for kind in session.kinds}
    peers = [c.name for c in session.contenders if not c.ours]
    lines = ["| less is better | Sealway | nginx | best peer | Sealway / best peer |",
             "|---|---:|---:|---:|---:|"]
    for name, key, title in ROWS:
        mine = kinds[key].figure(session.records, name) if key in kinds else None
        if mine:
            lines.append(row(session, kinds[key], title, mine, peers))
    return "\n".join(lines) + "\n"
