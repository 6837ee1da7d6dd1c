"""A real Prometheus scrapes instances under traffic: every panel and every alert has its data."""
import contextlib
import json
import os
import re
import tempfile
import threading
import time

import apiserver
import clients
import manifests
import mix
import promserver
import report
import sealway

DASHBOARD = "charts/sealway/dashboards/sealway.json"
RULES = "charts/sealway/rules/sealway.rules.yaml"
SECONDS = 75 if report.is_full() else 15
WINDOW = 5
PATIENCE = 60
VARIABLES = {"$__rate_interval": f"{WINDOW}s", "$job": "sealway|cluster", "$instance": ".*",
             "$namespace": ".*", "$route": ".*", "$top": "10"}
HEAVY = "heavy.mix.test"
HEAVY_BYTES = 32 << 20
LIGHT = HEAVY_BYTES / WINDOW / 4


def dashboard():
    with open(DASHBOARD, encoding="utf-8") as f:
        return json.load(f)


def filled_in(expr):
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, f"a variable that is not known: {expr}"
    return expr


def without_thresholds(text):
    """The rules as they would always fire: no comparison with a number, no waiting."""
    text = re.sub(r"\babsent\(", "count(", text)
    text = re.sub(r" (==|!=|>=|<=|>|<) [0-9.]+(?=$| )", "", text, flags=re.MULTILINE)
    return re.sub(r"^ +for: .*\n", "", text, flags=re.MULTILINE)


def until_none(wrong):
    """Poll until wrong() returns nothing: a busy machine may miss a scrape or an evaluation."""
    end = time.monotonic() + PATIENCE
    while found := wrong():
        assert time.monotonic() < end, "\n".join(found)
        time.sleep(0.1)


class Traffic(threading.Thread):
    """Every act again and again, and a table that changes once a second."""

    def __init__(self, m, instances):
        super().__init__(daemon=True)
        self.m = m
        self.instances = instances
        self.stop = threading.Event()
        self.rounds = 0

    def run(self):
        acts = mix.acts()
        while not self.stop.is_set():
            for instance in self.instances:
                for act in acts.values():
                    act.do(instance.listen)
            self.rounds += 1
            host = f"again{self.rounds}.mix.test"
            manifests.write(self.m.manifests, "again",
                            [manifests.ingress("mix", "again", host, mix.ECHO)])
            self.stop.wait(0.3)


def write_rejected(m):
    """An Ingress that is not served as written."""
    manifests.write(m.manifests, "rejected", [manifests.ingress("mix", "bad", "bad.mix.test",
                                                                "nobody")])


def send_much(to):
    part = bytes(64 << 10)
    with clients.hold(to, clients.hello(HEAVY)) as s:
        for _ in range(HEAVY_BYTES // len(part)):
            s.sendall(part)
            clients.receive(s, len(part))


class Scene:
    """Two replicas under traffic, an idle instance, one with an API server, and Prometheus: all for
    SECONDS."""

    def __init__(self, stack):
        self.m = stack.enter_context(mix.Mix())
        manifests.write(self.m.manifests, "heavy",
                        [manifests.ingress("mix", "heavy", HEAVY, mix.ECHO)])
        write_rejected(self.m)
        self.busy = [stack.enter_context(sealway.Sealway(self.m.manifests)) for _ in range(2)]
        idle_files = stack.enter_context(tempfile.TemporaryDirectory())
        manifests.write(idle_files, "idle", manifests.route("idle", "idle", "idle.test",
                                                            self.m.addresses[mix.ECHO][0]))
        idle = stack.enter_context(sealway.Sealway(idle_files))
        cluster = stack.enter_context(stack.enter_context(apiserver.ApiServer()).client())
        always = os.path.join(idle.dir.name, "always.yaml")
        with open(RULES, encoding="utf-8") as rules, open(always, "w", encoding="utf-8") as out:
            out.write(without_thresholds(rules.read()).replace("- name: ", "- name: always-"))
        self.prometheus = stack.enter_context(promserver.Prometheus(
            {"sealway": [s.admin for s in self.busy], "idle": [idle.admin],
             "cluster": [cluster.admin]}, [RULES, always]))

    def run(self):
        traffic = Traffic(self.m, self.busy)
        end = time.monotonic() + SECONDS
        traffic.start()
        try:
            gone = self.let_heavy_go()
            time.sleep(max(WINDOW, end - time.monotonic()))
            self.check()
            self.check_heavy(time.monotonic() - gone)
        finally:
            traffic.stop.set()
            traffic.join()
        report.figure(f"{traffic.rounds} rounds of {len(mix.acts())} acts on two instances")

    def check(self):
        self.check_scrapes()
        self.check_dashboard()
        self.check_variables()
        self.check_alerts()
        self.check_idle()

    def check_scrapes(self):
        def down():
            return [f"{target['scrapeUrl']}: {target['health']} {target['lastError']}"
                    for target in self.prometheus.get("targets")["activeTargets"]
                    if target["health"] != "up"]
        until_none(down)

    def check_dashboard(self):
        exprs = [(panel["title"], target["expr"]) for panel in dashboard()["panels"]
                 for target in panel.get("targets", [])]
        left = list(exprs)

        def empty():
            """Of those that never had data so far."""
            left[:] = [(title, expr) for title, expr in left
                       if not self.prometheus.query(filled_in(expr))]
            return [f"a panel without data: {title}: {expr}" for title, expr in left]
        until_none(empty)
        report.figure(f"{len(exprs)} expressions of the dashboard return series")

    def check_variables(self):
        for variable in dashboard()["templating"]["list"]:
            if variable["type"] == "query":
                series, label = re.fullmatch(r"label_values\((.*), (\w+)\)",
                                             variable["definition"]).groups()
                values = self.prometheus.get(f"label/{label}/values",
                                             **{"match[]": filled_in(series)})
                assert values, variable["name"]
                assert "ingress" not in values, f"{variable['name']}: a label of the target"

    def alert_rules(self):
        """The rules as they are, and as they always fire."""
        real, always = [], []
        for group in self.prometheus.get("rules", type="alert")["groups"]:
            (always if group["name"].startswith("always-") else real).extend(group["rules"])
        assert len(always) == len(real) > 0
        return real, always

    def check_alerts(self):
        def ill():
            """A single evaluation that a busy machine delayed may be refused as out of order."""
            return [f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}"
                    for rules in self.alert_rules() for rule in rules if rule["health"] != "ok"]

        always = {}

        def without_data():
            always.update((rule["name"], rule) for rule in self.alert_rules()[1]
                          if rule["alerts"] or rule["name"] not in always)
            return [f"{rule['name']} has no data: {rule['query']}" for rule in always.values()
                    if not rule["alerts"]]
        until_none(ill)
        until_none(without_data)
        for rule in always.values():
            for alert in rule["alerts"]:
                for name, text in alert["annotations"].items():
                    assert "<error" not in text and "<no value>" not in text, (name, text)
        report.figure(f"{len(always)} expressions of alerts return series, thresholds left out")

    def check_idle(self):
        """Nothing is even pending for it, but for what a missed scrape or two bring about."""
        def pending():
            return [a["labels"] for rule in self.alert_rules()[0] for a in rule["alerts"]]

        def of_idle():
            return [str(a) for a in pending() if a.get("job") == "idle"]

        def unseen():  # what the busy ones have
            wanted = "SealwayServiceWithoutEndpoints"
            return [] if wanted in {a["alertname"] for a in pending()} else [f"no {wanted}"]
        until_none(of_idle)
        until_none(unseen)

    @staticmethod
    def rate_of_bytes():
        return f'sum(rate(sealway_received_bytes_total{{route!="_removed"}}[{WINDOW}s]))'

    def let_heavy_go(self):
        """A route that has sent much goes once that is past, as Prometheus sees it; when."""
        def value(expr):
            return next((v for _, v in self.prometheus.query(expr)), None)

        def seen(route):
            total = value(f'sum(sealway_received_bytes_total{{route="{route}"}})')
            return total is not None and total >= HEAVY_BYTES

        def is_past():
            rate = value(self.rate_of_bytes())
            return rate is not None and rate < LIGHT
        send_much(self.busy[0].listen)
        sealway.wait_until("the bytes are seen", lambda: seen("heavy"))
        sealway.wait_until("they are past", is_past)
        os.unlink(os.path.join(self.m.manifests, "heavy.yaml"))
        gone = time.monotonic()
        sealway.wait_until("the route went", lambda: seen("_removed"))
        return gone

    def check_heavy(self, seconds):
        """What a route had counted does not come again, as a rate of the aggregate."""
        expr = f"max_over_time({self.rate_of_bytes()}[{int(seconds)}s:1s])"  # nothing before
        assert self.prometheus.query(expr)[0][1] < LIGHT
        spike = self.prometheus.query(expr.replace('{route!="_removed"}', ""))
        assert spike[0][1] > LIGHT, "the aggregate would not have shown it either"


def a_real_prometheus_has_data_for_every_panel_and_alert():
    with contextlib.ExitStack() as stack:
        Scene(stack).run()


if __name__ == "__main__":
    report.run(a_real_prometheus_has_data_for_every_panel_and_alert)
