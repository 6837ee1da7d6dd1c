"""What is made from the chart is up to date."""

import difflib
import json

import yaml

import derived
import readme
from options import TABLE
from paths import DEPLOY, GOLDEN, README, ROOT, SCHEMA

OPEN = ("controller.config", "controller.updateStrategy")  # the schema knows more than is set

def _check(path):
    made = derived.all_files()[path]()
    there = path.read_text() if path.exists() else ""
    name = str(path.relative_to(ROOT))
    difference = "".join(difflib.unified_diff(there.splitlines(True), made.splitlines(True), name,
                                              "what it should be", n=1))
    assert not difference, difference[:4000] + "\nif that is meant: make chart-update"


def the_readme_is_that_of_the_values():
    _check(README)


def every_value_has_a_comment():
    def leaves(values, path):
        for name, value in values.items():
            at = f"{path}.{name}" if path else name
            if at in commented:
                continue
            assert isinstance(value, dict) and value, f"values.yaml: {at} has no comment"
            leaves(value, at)
    commented = readme.comments()
    leaves(yaml.safe_load(readme.VALUES_YAML.read_text()), "")


def the_schema_has_no_value_that_there_is_not():
    def check(schema, values, path):
        for name, inner in schema.items():
            if path or name != "global":
                assert name in values, f"values.schema.json: {path}{name}: values.yaml has none"
            if path + name not in OPEN and "properties" in inner:
                check(inner["properties"], values[name], f"{path}{name}.")
    check(json.loads(SCHEMA.read_text())["properties"],
          yaml.safe_load(readme.VALUES_YAML.read_text()), "")


def the_plain_manifests_are_those_of_the_chart():
    _check(DEPLOY)


def the_table_of_options_is_that_of_the_program():
    _check(TABLE)


def the_schema_has_every_option():
    _check(SCHEMA)


def renderings_are_those_of_the_golden_files():
    for path in derived.all_files():
        if path.parent == GOLDEN:
            _check(path)
