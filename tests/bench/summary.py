#!/usr/bin/env python3
"""Results of run.sh to one table: median (min-max) over the rounds, ratios inside each round."""
import json
import statistics
import sys

PEERS = ["nginx", "nginx-64k", "sealway", "sealway-first-fin"]
# mode, heading, what one unit of the figure is, divisor of the result's units
FIGURES = [
    ("short", "short connection, us", 1e3, 1),
    ("rr", "request, us", 1e3, 1),
    ("down", "download, s/GB", 1e9, 1e9),
    ("up", "upload, s/GB", 1e9, 1e9),
]


def spread(values, digits):
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def main(results_path, summary_path):
    cost = {}  # (mode, peer) -> {round: cost}
    rate = {}
    idle = {}
    with open(results_path, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            result, peer = entry["result"], entry["peer"]
            if result["mode"] == "idle":
                idle[peer] = result
            elif entry["round"] > 0:
                unit = next(f for f in FIGURES if f[0] == result["mode"])
                key = (result["mode"], peer)
                units = result["units"] / unit[3]
                cost.setdefault(key, {})[entry["round"]] = result["cpu_ns"] / unit[2] / units
                rate.setdefault(key, {})[entry["round"]] = units / (result["wall_ns"] / 1e9)

    summary = {"rounds": len(next(iter(cost.values()))), "cost": {}, "idle": {}}
    print(f"CPU time of the proxy, median (min-max) of {summary['rounds']} rounds\n")
    for mode, heading, _, _ in FIGURES:
        print(f"{heading:24} {'cost':26} {'/ nginx':20} {'/ nginx-64k':20} per second")
        for peer in PEERS:
            mine = cost[mode, peer]
            row = {"median": statistics.median(mine.values()), "rounds": list(mine.values())}
            cells = [spread(mine.values(), 3 if mode in ("down", "up") else 1)]
            for base in ("nginx", "nginx-64k"):
                ratios = [mine[r] / cost[mode, base][r] for r in mine]
                row["over_" + base] = statistics.median(ratios)
                cells.append(spread(ratios, 2))
            row["per_second"] = statistics.median(rate[mode, peer].values())
            summary["cost"].setdefault(mode, {})[peer] = row
            print(f"  {peer:22} {cells[0]:26} {cells[1]:20} {cells[2]:20} {row['per_second']:.4g}")
        print()
    for peer, result in idle.items():
        kib = (result["pss_kib"] - result["pss_before_kib"]) / result["units"]
        cpu = 100 * result["cpu_ns"] / result["wall_ns"]
        summary["idle"][peer] = {"pss_kib": kib, "cpu_percent": cpu, "connections": result["units"]}
        print(f"idle: {peer:10} {result['units']} connections, {kib:.2f} KiB each (PSS), "
              f"{cpu:.2f} % of a CPU, {result['answering']} still answering, "
              f"{result['pss_before_kib'] / 1024:.1f} MiB before")
    with open(summary_path, "w", encoding="utf-8") as f:
        json.dump(summary, f, indent=1)


main(sys.argv[1], sys.argv[2])
