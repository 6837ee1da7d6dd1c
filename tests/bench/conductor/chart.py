"""The chart: a panel for each figure that matters most, a bar for each contender, shortest first.

Plain SVG with its own background, light or dark as the reader's system is.  Nothing is measured in
a font, for none is known: room is left for the widest of those named.
"""

import math
import textwrap
from xml.sax.saxutils import escape

from conductor.contenders import OURS, TWIN

PANELS = {
    "short": ("CPU time of a short connection", "µs"),
    "rr": ("CPU time of a request and response", "µs"),
    "down8": ("CPU time to relay a download", "ms per GB"),
    "up8": ("CPU time to relay an upload", "ms per GB"),
    "idle": ("Memory of an idle connection", "KiB"),
    "routed": ("Time until a changed table routes", "ms"),
}
FACTOR = {"down8": 1000, "up8": 1000}  # to the panel's unit

WIDTH, MARGIN, COLUMNS = 920, 24, 2
GAP = 36
PANEL = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) // COLUMNS
LABEL, VALUE = 138, 54  # room in front of a bar, and behind it
BAR, STEP = 14, 22
HEAD, PANEL_HEAD = 84, 30
WIDEST = 0.64  # of a character, as a part of the font's size

STYLE = """
text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans",
       Helvetica, Arial, sans-serif; font-size: 12px; fill: #1f2328; }
.page { fill: #ffffff; stroke: #d1d9e0; }
.title { font-size: 18px; font-weight: 600; }
.panel { font-size: 13px; font-weight: 600; }
.muted { fill: #59636e; }
.bold { font-weight: 600; }
.peer { fill: #b6bfc8; }
.ours { fill: #0969da; }
.half { fill: #6cb0f5; }
.range { stroke: #1f2328; stroke-width: 1; opacity: 0.55; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .page { fill: #0d1117; stroke: #3d444d; }
  .muted { fill: #9198a1; }
  .peer { fill: #4d5660; }
  .ours { fill: #4493f8; }
  .half { fill: #2a5f9e; }
  .range { stroke: #e6edf3; }
}
"""


def text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">'
            f"{escape(words)}</text>")


def written(value):
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def wrap(words, width, size=12):
    return textwrap.wrap(words, int(width / (WIDEST * size)))


def bars_of(session, kind):
    """(contender, figure), the least first."""
    found = [(c, figure) for c in session.contenders
             if c.role != TWIN and (figure := kind.figure(session.records, c.name))
             and math.isfinite(figure.high)]
    return sorted(found, key=lambda pair: pair[1].median)


def bar(x, y, contender, figure, most, factor):
    room = PANEL - LABEL - VALUE
    def at(value):
        return x + LABEL + room * value / most
    kind = {"sealway": "ours", "sealway-first-eof": "half"}.get(contender.role, "peer")
    bold = "bold" if contender.role in OURS else ""
    width = max(1.0, room * figure.median / most)
    middle = y + BAR / 2
    parts = [text(x + LABEL - 8, y + BAR - 3, contender.name, bold, "end"),
             f'<rect x="{x + LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" '
             f'class="{kind}"/>']
    if figure.high > figure.low:
        parts.append(f'<path d="M{at(figure.low):.1f} {middle}H{at(figure.high):.1f}" '
                     'class="range"/>')
    parts.append(text(max(at(figure.high), x + LABEL + width) + 6, y + BAR - 3,
                      written(figure.median * factor), bold))
    return "".join(parts)


def panel(x, y, title, unit, bars, factor):
    most = max(figure.high for _, figure in bars) or 1
    parts = [f'{text(x, y + 12, title, "panel")}'
             f'{text(x + PANEL, y + 12, unit, "muted", "end")}']
    for i, (contender, figure) in enumerate(bars):
        parts.append(bar(x, y + PANEL_HEAD + i * STEP, contender, figure, most, factor))
    return "\n".join(parts)


def panels(session):
    kinds = {kind.key: kind for kind in session.kinds}
    for key, (title, unit) in PANELS.items():
        bars = bars_of(session, kinds[key])
        if bars:
            yield title, unit, bars, FACTOR.get(key, 1)


def release(kernel):
    """Its number, without what the machine's owner calls this build."""
    return kernel.partition("-")[0]


def foot_lines(session):
    m, p = session.machine, session.profile
    rounds = f"medians of up to {p.rounds} rounds, lines from end to end of their 95 % intervals"
    told = (f"One worker pinned to one CPU; load and backends on another. CPU times: {rounds}; "
            f"{p.idle:,} idle connections; {p.change_hosts:,} hosts when the table changes. "
            "No TLS cryptography is in any figure, for none of these decrypts. "
            f"{m['cpu']}, Linux {release(m['kernel'])}, {m['system']}, {m['began'][:10]}. "
            + "; ".join(f"{c.name} {c.version}" for c in session.contenders
                        if c.role in ("nginx", "haproxy-64k", "sniproxy", "go")) + ".")
    return wrap(told, WIDTH - 2 * MARGIN)


def draw(session):
    y, parts, found = HEAD, [], list(panels(session))
    for first in range(0, len(found), COLUMNS):
        row = found[first:first + COLUMNS]
        for column, (title, unit, bars, factor) in enumerate(row):
            parts.append(panel(MARGIN + column * (PANEL + GAP), y, title, unit, bars, factor))
        y += PANEL_HEAD + STEP * max(len(bars) for _, _, bars, _ in row) + 22
    for line in foot_lines(session):
        parts.append(text(MARGIN, y + 8, line, "muted"))
        y += 17
    height = y + MARGIN - 6
    heading = (text(MARGIN, 38, "Sealway and its peers: what one unit of work costs", "title")
               + text(MARGIN, 60, "Shorter is better. Each figure by itself, measured side by side "
                      "in the same rounds.", "muted"))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img" '
            'aria-label="Bar charts of what a unit of work costs Sealway and its peers">\n'
            f"<style>{STYLE}</style>\n"
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6" '
            'class="page"/>\n' + heading + "\n" + "\n".join(parts) + "\n</svg>\n")
