"""The alerts: promtool takes them, each has a test that passes, a healthy instance has none."""
import os
import re
import shutil
import subprocess
import tempfile

import apiserver
import backends
import clients
import manifests
import report
import sealway

RULES = "charts/sealway/rules/sealway.rules.yaml"
TESTS = "tests/data/rules"
FIELDS = ("expr", "severity", "summary", "description", "runbook")
HOURS = 3


def promtool(*arguments):
    if shutil.which("promtool") is None:
        raise report.Skipped("promtool (prometheus) is not installed (deps.sh test)")
    done = subprocess.run(["promtool", *arguments], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts():
    """{name: its lines} of the file."""
    with open(RULES, encoding="utf-8") as f:
        parts = re.split(r"^ +- alert: (\w+)$", f.read(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def promtool_takes_the_rules():
    promtool("check", "rules", RULES)


def every_alert_says_what_to_do():
    for name, text in alerts().items():
        for field in FIELDS:
            assert re.search(rf"\b{field}: ?\S", text), f"{name} has no {field}"
        for word in ("Means:", "Check:", "Mend:"):
            assert word in text, f"the runbook of {name} has no line {word}"


def every_alert_fires_when_it_should_and_not_otherwise():
    tested = {name.removesuffix(".yaml") for name in os.listdir(TESTS)}
    assert tested == alerts().keys(), tested ^ alerts().keys()
    for name in tested:
        with open(os.path.join(TESTS, name + ".yaml"), encoding="utf-8") as f:
            text = f.read()
        assert f'alertname="{name}"' in text and "exp_samples: []" in text, name
    promtool("test", "rules", *(os.path.join(TESTS, name + ".yaml") for name in sorted(tested)))


def idle_page(directory):
    """What an instance shows that has a healthy route, was used once, and is left alone."""
    with backends.Backend(backends.echo) as backend:
        manifests.write(directory, "shop", manifests.route("shop", "web", "web.test",
                                                           backend.address))
        with sealway.Sealway(directory) as s:
            clients.echo(s.listen, clients.hello("web.test"))
            return s.scrape_idle()


def idle_page_of_a_cluster():
    """The same with an API server, and nothing to route."""
    with apiserver.ApiServer() as api, api.client() as s:
        return s.wait_for("sealway_leader", 1)


def as_input(name, labels, value, job="sealway"):
    inside = ",".join(f'{label}="{v}"' for label, v in labels)
    return (f"      - series: '{name}{{job=\"{job}\",instance=\"a\"{',' if inside else ''}"
            f"{inside}}}'\n        values: '{value}x{HOURS * 60}'\n")


def no_alert_fires_on_an_idle_instance():
    with tempfile.TemporaryDirectory() as directory:
        pages = {"sealway": idle_page(directory).samples,
                 "cluster": idle_page_of_a_cluster().samples}
        path = os.path.join(directory, "idle.test")
        with open(path, "w", encoding="utf-8") as out:
            out.write(f"rule_files: ['{os.path.abspath(RULES)}']\ntests:\n"
                      "  - interval: 1m\n    input_series:\n")
            for job, samples in pages.items():
                out.write(as_input("up", (), 1, job))
                for (name, labels), value in samples.items():
                    out.write(as_input(name, labels, value, job))
            out.write("    promql_expr_test:\n")
            for expr, samples in (("ALERTS", "[]"), ("count(sealway_build_info)",
                                                     "[{labels: '{}', value: 2}]")):
                out.write(f"      - expr: {expr}\n        eval_time: {HOURS}h\n"
                          f"        exp_samples: {samples}\n")
        promtool("test", "rules", path)


if __name__ == "__main__":
    report.run(promtool_takes_the_rules, every_alert_says_what_to_do,
               every_alert_fires_when_it_should_and_not_otherwise,
               no_alert_fires_on_an_idle_instance)
