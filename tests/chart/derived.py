"""The files that are made from the chart: path to text."""

import json
import re

import chart
import options
import readme
from paths import DEPLOY, GOLDEN, README, SCHEMA

DEPLOY_HEAD = """\
# Sealway with the default values of charts/sealway, for clusters without Helm; made by
# `make chart-update`.
#
# The image is built and pushed, or imported, before: see the README. Put its name in place of
# {image}, and
#
#   kubectl apply -f deploy/kubernetes.yaml
#
# Kubernetes 1.25 does not know unhealthyPodEvictionPolicy: there take that line away before.
---
apiVersion: v1
kind: Namespace
metadata:
  name: {ns}
  labels:
    app.kubernetes.io/name: sealway
    pod-security.kubernetes.io/enforce: restricted
"""
OF_HELM = re.compile(r"^ +(helm\.sh/chart|app\.kubernetes\.io/managed-by): .*\n", re.MULTILINE)
# What has files of its own, and tests that compare them.
ELSEWHERE = {"ConfigMap": "  sealway.json: |\n", "PrometheusRule": "  groups:\n"}


def manifests():
    found = chart.text("--no-hooks")
    image = chart.controller(chart.objects("--no-hooks"))["image"]
    return DEPLOY_HEAD.format(image=image, ns=chart.NS) + OF_HELM.sub("", found)


def golden(name):
    """The rendering, without what has files of its own."""
    parts = []
    for part in chart.text(*chart.case(name)).split("---\n"):
        kind = re.search(r"^kind: (\w+)", part, re.MULTILINE)
        mark = ELSEWHERE.get(kind and kind[1])
        parts.append(part.partition(mark)[0] + mark if mark else part)
    return "---\n".join(parts)


def schema():
    """That of controller.config is made from the options; the rest is written by hand."""
    whole = json.loads(SCHEMA.read_text())
    config = whole["properties"]["controller"]["properties"]["config"]
    config["properties"] = {name: options.schema(row) for name, row in options.of_chart().items()
                            if "set" not in row and "refused" not in row}
    return json.dumps(whole, indent=2) + "\n"


def option_table():
    return options.dump(options.table_of(options.of_program(), options.of_chart()))


def all_files():
    """{path: what makes it}; the table of options first, which others are made from."""
    files = {options.TABLE: option_table, SCHEMA: schema, README: readme.make, DEPLOY: manifests}
    for name in chart.cases():
        files[GOLDEN / f"{name}.yaml"] = lambda name=name: golden(name)
    return files
