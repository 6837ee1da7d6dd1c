#!/usr/bin/python3
"""same_metrics.py OPENMETRICS TEXT - parse two pages of the same metrics, one in each format.

Both must parse by the Python client's own parsers, and say the same: the same families with the
same help and type, the same samples with the same labels and values.  Prints the number of samples.
"""
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text


def facts(families):
    """What can be compared: text has no info type, and no units."""
    types, helps, samples = {}, {}, {}
    for family in families:
        name = family.name
        if family.type == "info" or name.endswith("_info"):
            name = name.removesuffix("_info") + "_info"
        types[name] = "gauge" if family.type == "info" else family.type
        helps[name] = family.documentation
        for s in family.samples:
            key = (s.name, tuple(sorted(s.labels.items())))
            if key in samples:
                sys.exit(f"{key} stands twice")
            samples[key] = float(s.value)
    return types, helps, samples


def read(path):
    with open(path, encoding="utf-8", newline="") as page:
        return page.read()


def main():
    openmetrics = facts(parse_openmetrics(read(sys.argv[1])))
    text = facts(parse_text(read(sys.argv[2])))
    for what, ours, theirs in zip(("type", "help", "sample"), openmetrics, text):
        for key in ours.keys() | theirs.keys():
            if ours.get(key) != theirs.get(key):
                sys.exit(f"{what} of {key}: OpenMetrics {ours.get(key)!r}, text {theirs.get(key)!r}")
    print(len(text[2]))


main()
