"""What is done to a running instance is what it counts, to the last byte; and how pages look."""
import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys

import backends
import clients
import families
import manifests
import mix
import report
import sealway

TIMES = 5


def each_closed_label_stands_at_zero_from_the_start():
    with mix.Mix() as m, sealway.Sealway(m.manifests) as s:
        p = s.scrape()
        for family, (label, words) in families.CLOSED_SETS.items():
            found = {dict(key)[label] for key in p.of(family)}
            assert found == set(words), f"{family}: {found} instead of {words}"
        for (name, labels), value in p.samples.items():
            if p.types[p.family_of(name)] != "gauge":
                assert value == 0 or name.startswith(families.OF_THE_PROCESS), (name, labels, value)


def check_listener(p, tally):
    """What is counted for each listener."""
    assert p.sum("sealway_connections_accepted_total") == tally.n
    report.same("hellos", p.by("sealway_client_hello_total", "result"), tally.hellos)
    report.same("matches", p.by("sealway_route_match_total", "result"), +tally.matches)
    report.same("features", p.by("sealway_client_hello_features_total", "feature"), tally.features)
    complete = sum(tally.matches.values())
    for histogram in ("sealway_client_hello_size_bytes", "sealway_client_hello_duration_seconds"):
        assert p.sum(histogram + "_count") == complete, histogram
    assert p.sum("sealway_connections_active") == 0


def check_routes(p, tally):
    """What is counted for each route."""
    closed = {(dict(key)["route"], dict(key)["reason"]): n
              for key, n in p.of("sealway_connections_closed_total").items() if n != 0}
    report.same("closed", closed, tally.closed)
    lived = {}
    for (route, _), n in tally.closed.items():
        lived[route] = lived.get(route, 0) + n
    report.same("durations", p.by("sealway_connection_duration_seconds_count", "route"), lived)
    report.same("received", p.by("sealway_received_bytes_total", "route"), tally.sent)
    report.same("sent", p.by("sealway_sent_bytes_total", "route"), +tally.received)


def check_dials(p, tally):
    """Connections that came to dial, in three ways of counting."""
    ok, refused = (p.sum("sealway_upstream_connect_total", result=r) for r in ("ok", "refused"))
    relayed = sum(n for (route, _), n in tally.closed.items()
                  if route not in ("", mix.GONE, mix.EMPTY))
    failed = tally.closed[mix.GONE, "connect_failed"]
    assert ok == relayed == p.sum("sealway_upstream_connect_duration_seconds_count")
    assert refused == failed + p.sum("sealway_upstream_retries_total")
    assert p.sum("sealway_upstream_connect_total") == ok + refused
    assert p.sum("sealway_denied_total") == tally.closed[mix.EMPTY, "no_endpoint"]
    assert p.sum("sealway_endpoint_ejections_total", service=mix.GONE) >= 1
    report.same("endpoints", p.by("sealway_endpoints", "service"),
                {r: 2 if r == mix.HALF else 1
                 for r in (mix.ECHO, mix.TLS, mix.BYE, mix.RESET, mix.GONE, mix.HALF)})


def what_was_done_is_what_is_counted():
    tally = mix.Tally()
    with mix.Mix() as m, sealway.Sealway(m.manifests) as s:
        for _ in range(TIMES):
            for act in mix.acts().values():
                tally.run(s.listen, act)
        p = s.scrape_idle()
    check_listener(p, tally)
    check_routes(p, tally)
    check_dials(p, tally)
    assert p.sum("sealway_log_lines_dropped_total") == 0
    assert p.sum("sealway_log_lines_held_back_total") == 0


def timeouts_are_counted_by_their_reason():
    hello = clients.hello(mix.host(mix.ECHO))
    with mix.Mix() as m, sealway.Sealway(m.manifests, "--hello-timeout", "2s", "--idle-timeout",
                                         "4s", "--half-close-timeout", "2s") as s, \
            backends.Backend(backends.never_end) as deaf:
        manifests.write(m.manifests, "deaf",
                        manifests.route("mix", "deaf", "deaf.mix.test", deaf.address))
        s.wait_for("sealway_config_generation", 2)
        with clients.connect(s.listen) as half:
            half.sendall(clients.hello("deaf.mix.test"))
            half.shutdown(socket.SHUT_WR)
            with clients.hold(s.listen, hello) as idle, clients.connect(s.listen) as late:
                late.sendall(hello[:100])
                for c in (late, half, idle):
                    clients.drain(c)
        p = s.scrape_idle()
    report.same("closed", p.by("sealway_connections_closed_total", "reason"),
                {"hello_timeout": 1, "half_close_timeout": 1, "idle_timeout": 1})


def a_cap_is_counted_and_gauges_fall_back_to_zero():
    hello = clients.hello(mix.host(mix.ECHO))
    with mix.Mix() as m, sealway.Sealway(m.manifests, "--max-connections", "4") as s:
        with contextlib.ExitStack() as held:
            for _ in range(4):
                held.enter_context(clients.hold(s.listen, hello))
            for _ in range(3):
                clients.send_and_drain(s.listen, b"")
            p = s.wait_for("sealway_connections_closed_total", 3, reason="limit")
            report.same("active", p.by("sealway_connections_active", "phase"), {"relay": 4})
        assert p.sum("sealway_connections_limit") == 4
        report.same("refused", p.by("sealway_connections_refused_total", "reason"),
                    {"max_connections": 3})
        p = s.scrape_idle()
        report.same("active", p.by("sealway_connections_active", "phase"), {})
        assert p.sum("sealway_connections_accepted_total") == 7
    with mix.Mix() as m, sealway.Sealway(m.manifests, "--max-connections-per-client", "1") as s:
        with clients.hold(s.listen, hello):
            clients.send_and_drain(s.listen, b"")
            p = s.wait_for("sealway_connections_refused_total", 1)
        report.same("refused", p.by("sealway_connections_refused_total", "reason"),
                    {"per_client": 1})


def a_draining_instance_is_not_ready():
    hello = clients.hello(mix.host(mix.ECHO))
    with mix.Mix() as m, sealway.Sealway(m.manifests, "--drain-delay", "20s") as s:
        assert s.scrape().sum("sealway_ready") == 1
        assert s.scrape().sum("sealway_draining") == 0
        with clients.hold(s.listen, hello):
            s.process.send_signal(signal.SIGTERM)
            p = s.wait_for("sealway_draining", 1)
        assert p.sum("sealway_ready") == 0


def no_label_holds_what_a_client_sent():
    names = [f"flood-{i:05}.example" for i in range(3000)]
    base = clients.hello(names[0])
    with mix.Mix() as m, sealway.Sealway(m.manifests) as s:
        clients.send_and_drain(s.listen, base)
        before = s.scrape_idle()
        for name in names:
            clients.send_and_drain(s.listen, base.replace(names[0].encode(), name.encode()))
        after = s.scrape_idle()
    assert after.samples.keys() == before.samples.keys()
    assert "flood" not in after.text
    assert after.sum("sealway_connections_closed_total", reason="no_route") == 3001
    held = after.sum("sealway_log_lines_held_back_total", reason="no_route")
    assert 0 < held < 3001
    report.figure(f"{len(after.samples)} series before and after 3,001 unknown names")


def without_metrics_by_route_there_is_one_sum():
    tally = mix.Tally()
    with mix.Mix() as m, sealway.Sealway(m.manifests, "--per-route-metrics", "off",
                                         "--catch-all", "mix") as s:
        manifests.write(m.manifests, "rest", [manifests.ingress("mix", "rest", None, mix.ECHO)])
        s.wait_for("sealway_config_generation", 2)
        before = s.scrape()
        for name, act in mix.acts().items():
            if name not in ("unknown name", "no name"):
                tally.run(s.listen, act)
        sent, received = clients.echo(s.listen, clients.hello("any.example"))
        p = s.scrape_idle()
    routes = {dict(labels).get("route") for _, labels in p.samples}
    assert routes == {None, ""}, routes
    assert p.samples.keys() == before.samples.keys()
    assert p.sum("sealway_connections_closed_total") == tally.n + 1
    assert p.sum("sealway_received_bytes_total") == sum(tally.sent.values()) + sent
    assert p.sum("sealway_sent_bytes_total") == sum(tally.received.values()) + received
    assert p.sum("sealway_route_match_total", result="default") == 1


def both_formats_are_what_the_python_client_reads():
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
        from prometheus_client.parser import text_string_to_metric_families as plain
    except ImportError:
        raise report.Skipped("python3-prometheus-client is not installed (deps.sh test)") from None
    with mix.Mix() as m, sealway.Sealway(m.manifests) as s:
        for act in mix.acts().values():
            act.do(s.listen)
        s.scrape_idle()
        text, openmetrics = s.get("/metrics"), s.get("/metrics", sealway.OPENMETRICS)
    assert openmetrics.endswith("# EOF\n") and "# EOF" not in text
    found = {}
    for name, parse, body in (("text", plain, text), ("openmetrics", strict, openmetrics)):
        samples = {(x.name, tuple(sorted(x.labels.items()))): x.value
                   for family in parse(body) for x in family.samples}
        found[name] = {key: value for key, value in samples.items()
                       if not re.match("process_|sealway_config_age", key[0])}
    report.same("text and openmetrics", found["text"], found["openmetrics"])
    report.figure(f"{len(found['text'])} series read alike from both formats")


def promtool_has_nothing_to_say_about_a_live_page():
    if shutil.which("promtool") is None:
        raise report.Skipped("promtool (prometheus) is not installed (deps.sh test)")
    with mix.Mix() as m, sealway.Sealway(m.manifests) as s:
        for act in mix.acts().values():
            act.do(s.listen)
        text = s.get("/metrics")
    lint = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                          capture_output=True, check=False)
    assert lint.returncode == 0 and lint.stdout + lint.stderr == "", lint.stdout + lint.stderr


if __name__ == "__main__":
    sys.setswitchinterval(0.001)  # backends answer from threads of this program
    report.run(each_closed_label_stands_at_zero_from_the_start, what_was_done_is_what_is_counted,
               timeouts_are_counted_by_their_reason, a_cap_is_counted_and_gauges_fall_back_to_zero,
               a_draining_instance_is_not_ready,
               no_label_holds_what_a_client_sent, without_metrics_by_route_there_is_one_sum,
               both_formats_are_what_the_python_client_reads,
               promtool_has_nothing_to_say_about_a_live_page)
