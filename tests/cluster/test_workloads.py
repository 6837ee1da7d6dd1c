"""What real services in pods and their clients see of Sealway between them: nothing."""

import array
import hashlib
import json

import postgres
from pods import NS
from workloads import PASSWORD, Workloads, host

REQUESTS = 200
NUMBERS = 2 << 20  # of eight bytes each
MEGABYTES = 4      # of a table


def _of(answers, key):
    return {answer[key] for answer in answers}


def http2_is_negotiated_with_the_pod_and_a_connection_carries_many_requests(node):
    answers = Workloads.at(node).ask(host("web"), path=f"?[1-{REQUESTS}]")
    assert _of(answers, "protocol") == {"HTTP/2.0"}, _of(answers, "protocol")
    assert len(_of(answers, "pod")) == 1 and len(_of(answers, "connection")) == 1, answers
    assert [a["request"] for a in answers] == list(range(1, REQUESTS + 1)), answers


def http1_is_spoken_with_who_does_not_offer_more(node):
    answers = Workloads.at(node).ask(host("web"), "--http1.1", path="?[1-3]")
    assert _of(answers, "protocol") == {"HTTP/1.1"}
    assert [answer["request"] for answer in answers] == [1, 2, 3], answers


def connections_reach_both_replicas_each_by_its_own_address(node):
    work = Workloads.at(node)
    seen = set()

    def are_both_seen():
        seen.update(_of(work.ask(host("web")), "pod"))
        return len(seen) == 2
    node.wait(are_both_seen, 60, "answers of two pods")
    pods = json.loads(node.kubectl("get", "pods", "--namespace", NS, "--output=json",
                                   "--selector=app=web"))["items"]
    addresses = {pod["status"]["podIP"] for pod in pods}

    def dialled():
        lines = [line for line in work.logged(host("web")) if line["endpoint"]]
        return {line["endpoint"].rpartition(":")[0] for line in lines}
    node.wait(lambda: len(dialled()) == 2, 60, "lines of the access log about two endpoints")
    assert dialled() == addresses and len(addresses) == 2, (dialled(), addresses)


def large_bodies_arrive_as_they_were_sent_in_both_directions(node):
    work = Workloads.at(node)
    data = array.array("Q", range(NUMBERS)).tobytes()
    sent, received = node.dir / "sent", node.dir / "received"
    sent.write_bytes(data)
    wanted = hashlib.sha256(data).hexdigest()
    for version in ("--http2", "--http1.1"):
        answer, = work.ask(host("web"), version, "--data-binary", f"@{sent}", path="sum")
        assert answer == {"bytes": len(data), "sha256": wanted}, answer
        work.ask(host("web"), version, "--output", received, path=f"numbers/{NUMBERS}")
        assert hashlib.sha256(received.read_bytes()).hexdigest() == wanted, version


def the_certificate_is_the_pods_own_and_clients_verify_it(node):
    work = Workloads.at(node)
    mistrusting = work.curl(host("web"), "--cacert", work.clients.cert)
    assert mistrusting.returncode == 60, mistrusting  # curl: the certificate cannot be verified
    unknown = work.curl(host("unknown"))
    assert unknown.returncode == 35 and "unrecognized name" in unknown.stderr, unknown


def the_access_log_has_the_address_of_the_client_outside_of_the_cluster(node):
    work = Workloads.at(node)
    work.ask(host("web"))
    line = work.wait_logged(host("web"), lambda line: "h2" in (line["alpn"] or ""))
    assert line["client"].startswith(node.client_ip + ":"), line
    assert (line["namespace"], line["ingress"], line["service"]) == (NS, "web", "web"), line


def a_service_sees_its_clients_certificate(node):
    work = Workloads.at(node)
    cert, key = work.clients.issue("alice")
    answer, = work.ask(host("mtls"), "--cert", cert, "--key", key)
    assert answer["client"] == "alice", answer


def _is_refused(work, alert, *args):
    """By that alert, which the reset behind it may overtake."""
    refused = work.curl(host("mtls"), "--tlsv1.3", *args)
    assert refused.returncode != 0, refused
    return alert in refused.stderr.lower()


def a_client_without_a_certificate_is_refused_by_the_service_and_not_by_us(node):
    work = Workloads.at(node)
    cert, key = work.authority.issue("mallory")
    node.wait(lambda: _is_refused(work, "certificate required"), 60, "the alert of the service")
    node.wait(lambda: _is_refused(work, "unknown ca", "--cert", cert, "--key", key), 60,
              "its alert about another's certificate")
    line = work.wait_logged(host("mtls"), lambda line: line["closed_by"] == "server")
    # Its whole first flight came before; ours are seven bytes, and of no endpoint.
    assert line["endpoint"] and line["bytes_out"] > 500, line


def grpc_calls_and_streams_go_through_one_connection(node):
    work = Workloads.at(node)
    heard = work.client("client_grpc.py", f"{node.ip}:{work.port}", host("grpc"),
                        work.authority.cert, 50, 50, 3)
    pod = heard["said"][0].split()[0]
    assert heard["said"] == [f"{pod} call {i}" for i in range(50)], heard
    assert heard["talked"] == [f"{pod} {i + 1} text {i}" for i in range(50)], heard
    assert heard["large"] == len(pod) + 1, heard["large"]
    line = work.wait_logged(host("grpc"), lambda line: line["bytes_in"] > 3 << 20)
    assert "h2" in line["alpn"], line


def postgresql_is_reached_by_clients_that_begin_with_tls(node):
    work = Workloads.at(node)
    if work.no_postgres:
        print(f"skip postgresql_is_reached_by_clients_that_begin_with_tls: {work.no_postgres}")
        return
    seen = work.client("client_postgres.py", node.ip, work.port, host("postgres"),
                       work.authority.cert, PASSWORD, MEGABYTES, modules=postgres.client_path())
    assert seen["rows"] == MEGABYTES << 14 and seen["version"].startswith("17."), seen
    assert seen["sent"] == seen["stored"] == seen["received"], seen
    line = work.wait_logged(host("postgres"), lambda line: line["bytes_in"] > MEGABYTES << 20)
    assert line["alpn"] == "postgresql" and line["bytes_out"] > MEGABYTES << 20, line


def ports_are_found_by_name_and_by_number_and_behind_a_service_without_address(node):
    work = Workloads.at(node)
    for name, port in (("web", "8443"), ("other", "9443"), ("headless", "8443")):
        answer, = work.ask(host(name))
        assert answer["port"] == port, answer


def a_wildcard_is_one_label_and_its_certificate_is_verified(node):
    work = Workloads.at(node)
    answer, = work.ask(host("any.wild"))
    assert answer["host"].startswith(host("any.wild")), answer
    for name in ("wild", "two.labels.wild"):
        refused = work.curl(host(name))
        assert "unrecognized name" in refused.stderr, refused


def of_two_ingresses_the_older_serves_and_the_younger_is_told(node):
    work = Workloads.at(node)
    # Its name comes first, so that only its age puts it behind.
    younger = work.ingress("a-younger", "mtls", "https", host("twice"))
    work.apply(younger)
    try:
        told = node.wait(lambda: _events_of(node, "a-younger"), 60, "an Event on the younger")
        assert "HostAlreadyClaimed" in _of(told, "reason"), told
        assert any(f"{NS}/twice" in event["message"] for event in told), told
        assert work.ask(host("twice"))[0]["client"] == ""
    finally:
        work.delete(younger)


def _events_of(node, name):
    said = node.kubectl("get", "events", "--namespace", NS, "--output=json",
                        f"--field-selector=involvedObject.name={name}")
    return json.loads(said)["items"]


def _end(node):
    Workloads.end(node)
