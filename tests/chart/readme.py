"""README.md of the chart: readme.md, with tables of the values and of the options."""

import json
import re

import yaml

import options
from paths import CHART, HERE

SOURCE = HERE / "readme.md"
VALUES_YAML = CHART / "values.yaml"


def comments():
    """{path of a value: its comment}, of comments that begin with two dashes."""
    found, path, words = {}, [], None
    for line in VALUES_YAML.read_text().splitlines():
        comment = re.match(r" *# (-- )?(.*)", line)
        key = re.match(r"( *)([\w.\"-]+):", line)
        if comment and comment[1]:
            words = [comment[2]]
        elif comment and words is not None:
            words.append(comment[2])
        elif key:
            path = path[:len(key[1]) // 2] + [key[2]]
            if words is not None:
                found[".".join(path)] = " ".join(words)
            words = None
        else:
            words = None
    return found


def default_of(path, value):
    for name in path.split("."):
        value = value[name]
    return value


def cell(text):
    return text.replace("|", "\\|")


def shown(value):
    """A default, in one line; what is long is left to values.yaml."""
    text = json.dumps(value)
    return f"`{cell(text)}`" if len(text) <= 90 else "see values.yaml"


def values_table():
    values = yaml.safe_load(VALUES_YAML.read_text())
    rows = [f"| `{path}` | {shown(default_of(path, values))} | {cell(words)} |\n"
            for path, words in comments().items()]
    return "| value | default | meaning |\n|---|---|---|\n" + "".join(rows)


def option_row(name, row):
    takes = f"{name}: {row['takes'] or 'true'}"
    return f"| `{cell(takes)}` | {cell(row['default'])} | {cell(row['help'])} |\n"


def options_table():
    rows = [option_row(name, row) for name, row in options.of_chart().items()
            if "set" not in row and "refused" not in row]
    return "| option | program's default | meaning |\n|---|---|---|\n" + "".join(rows)


def others_table():
    """Options that are not for controller.config."""
    rows = []
    for name, row in options.of_chart().items():
        if "set" in row:
            values = re.sub(r"(controller\.[\w.]+)", r"`\1`", row["set"])
            rows.append(f"| `--{name}` | {values} |\n")
        elif "refused" in row:
            rows.append(f"| `--{name}` | not in a pod: {row['refused']} |\n")
    return "| option | instead |\n|---|---|\n" + "".join(rows)


def make():
    text = SOURCE.read_text()
    for mark, table in (("values", values_table), ("options", options_table),
                        ("others", others_table)):
        text = text.replace(f"<!-- {mark} -->\n", table())
    return text
