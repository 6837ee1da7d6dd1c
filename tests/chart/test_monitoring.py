"""What monitors Sealway: rules and dashboard as the chart renders them.

That every expression has data is tested with a real Prometheus: tests/metrics/live.py.
"""

import json
import shutil
import subprocess
import tempfile

import yaml

import chart
from paths import CHART
from skipped import Skipped

RULES = CHART / "rules" / "sealway.rules.yaml"
DASHBOARD = CHART / "dashboards" / "sealway.json"


def _rendered_groups():
    return chart.one_of_kind(chart.of_case("monitoring"), "PrometheusRule")["spec"]["groups"]


def promtool_takes_the_rules_that_are_rendered():
    if shutil.which("promtool") is None:
        raise Skipped("promtool (prometheus) is not installed (deps.sh chart)")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as out:
        yaml.safe_dump({"groups": _rendered_groups()}, out)
        out.flush()
        done = subprocess.run(["promtool", "check", "rules", out.name], text=True,
                              capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def rules_are_those_of_the_file_less_what_is_disabled():
    wanted = yaml.safe_load(RULES.read_text())["groups"]
    for group in wanted:
        group["rules"] = [{**rule, "labels": {**rule["labels"], "team": "platform"}}
                          for rule in group["rules"] if rule["alert"] != "SealwayAbsent"]
    assert _rendered_groups()[:-1] == wanted
    assert _rendered_groups()[-1]["rules"][0]["alert"] == "ManyNames"


def the_dashboard_is_that_of_the_file():
    data = chart.one_of_kind(chart.of_case("monitoring"), "ConfigMap")["data"]
    assert json.loads(data["sealway.json"]) == json.loads(DASHBOARD.read_text())
    # kubectl apply keeps what it applied in an annotation of 256 KiB at most.
    assert len(data["sealway.json"]) < 240 * 1024
