"""The options of `sealway serve`, and the chart's table of them: options.yaml.

What an option takes, its default and its help come from the program; whether it is set by a value
of its own (set) or makes no sense in a pod (refused) is kept from the table there is.
"""

import json
import os
import re
import subprocess

import yaml

from paths import CHART

TABLE = CHART / "options.yaml"
HEAD = """\
# The options of `sealway serve`: what they take, their default and their meaning, made from its
# --help by `make chart-update`.  Written by hand are `set`, the values that are in place of an
# option, and `refused`, why it makes no sense in a pod; all others are set by controller.config.
"""
COLUMN = 38  # where the words of --help begin


def _rows(text):
    """(head, words) of every option; the words may begin on the line below, and go on."""
    rows = []
    for line in text.splitlines():
        if re.match(r"  --[a-z]", line):
            fits = line[COLUMN - 1:COLUMN] in (" ", "") and len(line) > COLUMN
            rows.append([line[:COLUMN].strip() if fits else line.strip(),
                         line[COLUMN:].strip() if fits else ""])
        elif rows and line.startswith(" " * COLUMN):
            rows[-1][1] = (rows[-1][1] + " " + line.strip()).strip()
    return rows


def of_program():
    """{name: {takes, default, help}}, in the order of --help."""
    done = subprocess.run([os.environ["SEALWAY_BIN"], "serve", "--help"], check=True, text=True,
                          capture_output=True)
    options = {}
    for head, words in _rows(done.stdout):
        name, _, takes = head.removeprefix("--").partition(" ")
        help_text, default = re.fullmatch(r"(.*) \[default: (.*)\]", words).groups()
        options[name] = {"takes": takes, "default": default, "help": help_text}
    assert len(options) > 30, "the options of --help could not be read"
    return options


def of_chart():
    return yaml.safe_load(TABLE.read_text())


def table_of(program, chart):
    """What the table has to be: the program's options, with what was written by hand."""
    return {name: {**row, **{key: chart[name][key] for key in ("set", "refused")
                             if key in chart.get(name, {})}}
            for name, row in program.items()}


def dump(table):
    """All texts in quotes: to Helm, N and off are booleans."""
    lines = [HEAD]
    for name, row in table.items():
        lines.append(f"{name}:\n")
        lines += [f"  {key}: {json.dumps(text)}\n" for key, text in row.items()]
    return "".join(lines)


def schema(row):
    """Of a value in controller.config; what no schema can say well, the template does."""
    words = [word for word in row["takes"].split("|") if word]
    result = {"description": f"{row['help']} (default: {row['default']})"}
    if not words:
        result["type"] = ["boolean", "null"]
    elif not re.search("[A-Z]", row["takes"]):
        is_switch = "on" in words
        result["enum"] = words + ([True, False] if is_switch else []) + [None]
    elif "NS,..." in words:
        result["type"] = ["string", "array", "null"]
        result["items"] = {"type": "string"}
    else:
        result["type"] = ["string", "number", "null"] + (["boolean"] if "off" in words else [])
    return result
