"""The tables that are printed."""

import collections

from conductor import musts
from conductor.contenders import TWIN
from conductor.machine import QUIET_BUSY, QUIET_LOAD
from conductor.records import SURE, TIE, compare

BULK_BASES = ("nginx", "nginx-64k", "haproxy-force-1m", "go")
BASES = ("nginx", "haproxy-64k", "go")


def number(figure, digits):
    return f"{figure.median:,.{digits}f}"


def spread(figure, digits):
    if len(figure.rounds) == 1:
        return number(figure, digits)
    return f"{number(figure, digits)} ({figure.low:,.{digits}f}-{figure.high:,.{digits}f})"


def reach(ratio):
    """Of programs that are the same: how far from 1 their interval goes."""
    return max(ratio.high - 1, 1 - ratio.low)


def table(rows, heads):
    """Columns as wide as what they hold; the first to the left, the others to the right."""
    rows = [heads, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines)


class Report:
    def __init__(self, session):
        self.s = session
        self.records = session.records
        self.names = [c.name for c in session.contenders]
        self.peers = [c.name for c in session.contenders if not c.ours]

    # ---- the machine

    def machine(self):
        m = self.s.machine
        lines = [
            f"{m['cpu']}, {m['cpus']} CPUs, {m['memory_mib']} MiB; Linux {m['kernel']}, "
            f"{m['system']}; {m['began']}",
            f"the proxy on CPU {m['proxy_cpus'][0]}, load and backends on CPU "
            f"{', '.join(map(str, m['load_cpus']))}; {self.s.profile.rounds} rounds of turns of "
            f"{self.s.profile.turn_ms} ms ({self.s.profile.name})",
            f"in brackets behind a median: where it is, in {SURE:.0%} of all cases (of fewer than "
            "six rounds: the range)",
            f"load average before {m['load_before']}, others' work before {m['busy_before']} CPUs"
            + (f", during the rounds {min(m['others']):.2f} to {max(m['others']):.2f}"
               if m.get("others") else ""),
        ]
        lines += self.warnings()
        lines += [f"not measured: {sentence}" for sentence in self.s.missing]
        lines.append("")
        width = max(map(len, self.names))
        lines += [f"  {c.name:{width}}  {c.version}; {c.settings}" for c in self.s.contenders]
        return "\n".join(lines)

    def warnings(self):
        m, found = self.s.machine, []
        if m["busy_before"] > QUIET_BUSY or m["load_before"] > QUIET_LOAD:
            found.append("other work before the start")
        if m.get("others") and max(m["others"]) > QUIET_BUSY:
            found.append("other work during the rounds")
        return [f"WARNING: the machine is not quiet ({' and '.join(found)}): believe no small gap"
                ] if found else []

    # ---- figures

    def block(self, kind):
        """One figure: everybody's cost, ratios inside the rounds, units a second, latencies."""
        rows = []
        bases = BULK_BASES if kind.unit == "s/GB" else BASES if kind.per_second else BASES[:1]
        for name in self.names:
            figure = kind.figure(self.records, name)
            if figure is None:
                continue
            row = [name, spread(figure, kind.digits)]
            for base in bases:
                ratio = figure.over(kind.figure(self.records, base))
                row.append(spread(ratio, 2) if ratio and base != name else "-")
            rows.append(row + self.speed(kind, name))
        if not rows:
            return ""
        unit = f", {kind.unit}" if kind.unit else ""
        heads = [f"{kind.title}{unit}", "median", *(f"/ {base}" for base in bases)]
        heads += ["a second", "p50 us", "p99 us", "late", "failed"] if kind.per_second else []
        keep = [i for i in range(len(heads)) if i < 2 or any(row[i] != "-" for row in rows)]
        return table([[row[i] for i in keep] for row in rows], [heads[i] for i in keep])

    def speed(self, kind, name):
        if not kind.per_second:
            return []
        def median(of):
            return self.records.figure(kind.key, name, of).median
        faults = self.records.faults(name, kind.key)
        percentiles = ["-", "-"]
        if kind.unit != "s/GB":
            percentiles = [f"{median(lambda r, p=p: r[p]):,.0f}" for p in ("p50_us", "p99_us")]
            rate = f"{median(kind.per_second):,.0f}"
        else:
            rate = f"{median(kind.per_second) / 1e9:.2f} GB"
        late = str(self.records.late(name, kind.key)) if kind.paced else "-"
        return [rate, *percentiles, late, str(sum(faults.values()))]

    def blocks(self):
        return "\n\n".join(filter(None, map(self.block, self.s.kinds)))

    # ---- conclusions

    def best_peer(self, kind):
        found = [(figure.median, name) for name in self.peers
                 if (figure := kind.figure(self.records, name))]
        return min(found)[1] if found else None

    def summary_rows(self, name="sealway"):
        for kind in self.s.kinds:
            figure, best = kind.figure(self.records, name), self.best_peer(kind)
            if figure is None or best is None:
                continue
            other = kind.figure(self.records, best)
            yield kind, figure, best, other, figure.over(other)

    def nginx(self, kind):
        figure = kind.figure(self.records, "nginx")
        return number(figure, kind.digits) if figure else "-"

    def summary(self):
        """Ours beside nginx and the best peer of each figure."""
        rows = [[f"{kind.title}{', ' + kind.unit if kind.unit else ''}",
                 spread(figure, kind.digits), self.nginx(kind),
                 f"{number(other, kind.digits)} {best}",
                 spread(ratio, 2) if ratio else "-", compare(ratio)]
                for kind, figure, best, other, ratio in self.summary_rows()]
        return table(rows, ["sealway and the best peer, figure by figure (less is better)",
                            "sealway", "nginx", "best peer", "ratio", ""])

    def against(self, base):
        """Two builds of ours, one over the other in each round."""
        rows = []
        for mine, its in (("sealway", base), ("sealway-first-eof", f"{base}-first-eof")):
            for kind in self.s.kinds:
                new, old = (kind.figure(self.records, name) for name in (mine, its))
                if new and old:
                    ratio = new.over(old)
                    rows.append([f"{kind.title}{', ' + kind.unit if kind.unit else ''}", mine,
                                 spread(new, kind.digits), spread(old, kind.digits),
                                 spread(ratio, 2) if ratio else "-", compare(ratio)])
        return table(rows, [f"sealway and {base}", "", "sealway", base, "ratio", ""])

    def twins(self):
        """Of the rounds, what the same program once more came to."""
        return [(kind, ratio) for kind in self.s.kinds
                if (mine := kind.figure(self.records, "sealway"))
                and (ratio := mine.over(kind.figure(self.records, TWIN)))]

    def resolution(self):
        """What a gap must be to be seen here."""
        twins = self.twins()
        if not twins:
            return ""
        rows = [[kind.title, spread(ratio, 3), f"{abs(ratio.median - 1):.1%}",
                 f"{reach(ratio):.1%}"]
                for kind, ratio in twins]
        return table(rows, ["sealway and the same program once more", "ratio", "differed by",
                            "a gap that can be told"]) + (
            f"\nan identical program differed by up to "
            f"{max(abs(ratio.median - 1) for _, ratio in twins):.1%} here")

    def faults(self):
        rows = []
        for name in self.names:
            faults = self.records.faults(name)
            rows.append([name, *map(str, faults.values()), str(self.records.late(name))])
        return table(rows, ["what went wrong, all scenarios", "errors", "misrouted", "crossed",
                            "stuck", "left over", "told by backends", "(late)"])

    def musts(self):
        rows = []
        for must in self.s.musts:
            value = "-" if must.value is None else f"{must.value:.3g}"
            low, high = must.within or (None, None)
            within = f"{low:.3g} to {high:.3g}" if low != high else ""
            rows.append([must.what, f"<= {must.limit:g}", value, within, must.verdict, must.note])
        if not rows:
            return "too short to judge by"
        count = collections.Counter(must.verdict for must in self.s.musts)
        head = f"what must hold (a gap below {TIE:.0%} is a tie)"
        return table(rows, [head, "limit", "is", "interval", "", ""]) + "\n" + ", ".join(
            f"{count[verdict]} {verdict}" for verdict in musts.VERDICTS)

    def text(self):
        parts = [self.machine(), self.blocks(), *map(self.against, self.s.also), self.summary(),
                 self.resolution(), self.faults(), self.musts()]
        return "\n\n".join(filter(None, parts)) + "\n"
