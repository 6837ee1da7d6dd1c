"""What is written back: who leads, the status of Ingresses, Events on them."""

import time

import chart
from network import name_of
from objects import ingress, service, site, slice_of
from process import wait_until

ADDRESS = "192.0.2.7"
LEASE = "writer-sealway-leader"
LEASE_S = 15
LATE_S = 15  # 3.5 s until a last renewal is seen, 1 s once it is over, and stalls of the machine
CLASS = "sealway.io/writer"
OPTIONS = ["--write", "on", "--election-lease", LEASE, "--publish-address",
           ADDRESS, "--controller-class", CLASS]


def _replica(scene, name):
    return scene.instance(name, "writer", OPTIONS)


def _of_class(items):
    items[-1]["spec"]["ingressClassName"] = "writer"
    return items


def _addresses(scene, name):
    found = scene.lab.request("GET", f"/apis/networking.k8s.io/v1/namespaces/shop/ingresses/{name}")
    entries = found["status"].get("loadBalancer", {}).get("ingress") or []
    return [entry.get("ip") or entry.get("hostname") for entry in entries]


def _set_addresses(scene, name, entries):
    scene.lab.request("PATCH",
                      f"/apis/networking.k8s.io/v1/namespaces/shop/ingresses/{name}/status",
                      {"status": {"loadBalancer": {"ingress": entries}}},
                      content_type="application/merge-patch+json")


def _events(scene, name):
    path = "/apis/events.k8s.io/v1/namespaces/shop/events"
    return [(event["type"], event["reason"], event["note"])
            for event in scene.lab.request("GET", path)["items"]
            if event["regarding"]["name"] == name]


def _described(scene, name):
    return scene.lab.kubectl("describe", "ingress", "-n", "shop", name).stdout


def _counts(scene, name):
    """How often each Warning on it has happened."""
    path = "/apis/events.k8s.io/v1/namespaces/shop/events"
    return [event.get("series", {}).get("count", 1)
            for event in scene.lab.request("GET", path)["items"]
            if event["regarding"]["name"] == name and event["type"] == "Warning"]


def _holder(scene):
    path = f"/apis/coordination.k8s.io/v1/namespaces/{chart.NS}/leases/{LEASE}"
    return scene.lab.request("GET", path)["spec"].get("holderIdentity")


def _leads(instance):
    return instance.metric("sealway_leader") == 1


def _writes(instance, since):
    return [entry for entry in instance.requests(since)
            if entry.verb in ("patch", "create", "update") and entry.resource != "leases"]


def the_address_stands_in_the_status_while_an_ingress_is_served(scene):
    instance = _replica(scene, "writer-status").start()
    wait_until(lambda: _leads(instance), "leading")
    web = _of_class(site("published", ["10.77.0.1"]))
    scene.put(*web)
    wait_until(lambda: _addresses(scene, "published") == [ADDRESS], "the address")
    _set_addresses(scene, "published", [{"hostname": "other.example.com"}, {"ip": ADDRESS}])
    web[-1]["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/x"
    web[-1]["spec"]["ingressClassName"] = "of-nobody"
    scene.put(web[-1])
    wait_until(lambda: _addresses(scene, "published") == ["other.example.com"],
               "only what others wrote")
    assert instance.stop() == 0


def a_wrong_ingress_is_told_on_itself_and_so_is_its_mending(scene):
    instance = _replica(scene, "writer-events").start()
    scene.put(service("mended"), slice_of("mended", "mended", ["10.77.0.1"]),
              ingress("mended", "mended.e2e.test", class_name="writer", port=9999))
    wait_until(lambda: any(kind == "Warning" and reason == "ServicePortNotFound"
                           and "9999" in note and "443" in note
                           for kind, reason, note in _events(scene, "mended")), "the Warning")
    assert "ServicePortNotFound" in _described(scene, "mended")
    scene.put(ingress("mended", "mended.e2e.test", class_name="writer"))
    wait_until(lambda: ("Normal", "Resolved") in [event[:2] for event in _events(scene, "mended")],
               "the Normal Event")
    assert "Resolved" in _described(scene, "mended")
    assert instance.stop() == 0


def a_warning_that_comes_again_is_counted_in_its_event(scene):
    """No second Event that says the same."""
    instance = _replica(scene, "writer-series").start()
    wrong = ingress("again", "again.e2e.test", class_name="writer", port=9999)
    scene.put(service("again"), slice_of("again", "again", ["10.77.0.1"]), wrong)
    wait_until(lambda: _counts(scene, "again") == [1], "the Warning")
    scene.put(ingress("again", "again.e2e.test", class_name="writer"))
    instance.wait_reached("again.e2e.test", name_of("10.77.0.1"))
    scene.put(wrong)
    wait_until(lambda: _counts(scene, "again") == [2], "the Warning counted again")
    assert instance.stop() == 0


def one_of_two_replicas_writes_and_the_other_takes_over_when_it_is_killed(scene):
    first = _replica(scene, "writer-first").start()
    wait_until(lambda: _leads(first), "the first to lead")
    second = _replica(scene, "writer-second").start()
    scene.put(*_of_class(site("taken-over", ["10.77.0.1"])))
    wait_until(lambda: _addresses(scene, "taken-over") == [ADDRESS], "the address")
    assert not _leads(second)
    first.process.child.kill()
    killed, began = time.monotonic(), time.time()
    _set_addresses(scene, "taken-over", None)
    wait_until(lambda: _leads(second), "the second to lead", LEASE_S + LATE_S)
    took = time.monotonic() - killed
    wait_until(lambda: _addresses(scene, "taken-over") == [ADDRESS], "the address again")
    print(f"  the other leads {took:.1f} s after the leader was killed")
    written = [entry for entry in _writes(second, began) if "taken-over" in entry.path]
    assert len(written) == 1, written
    assert second.stop() == 0


def a_leader_that_stops_gives_the_lease_back(scene):
    first = _replica(scene, "writer-giving").start()
    wait_until(lambda: _leads(first), "the first to lead")
    second = _replica(scene, "writer-taking").start()
    holder = _holder(scene)
    assert first.stop() == 0
    began = time.monotonic()
    assert _holder(scene) != holder
    wait_until(lambda: _leads(second), "the second to lead", LEASE_S + LATE_S)
    took = time.monotonic() - began
    print(f"  the other leads {took:.1f} s after the leader was stopped")
    assert took < LEASE_S, took
    assert second.stop() == 0


def what_may_not_be_written_is_not(scene):
    """No status on an Ingress whose class is another controller's, whoever serves it."""
    instance = scene.instance("writer-foreign", "writer",
                              [*OPTIONS, "--ingress-class", "foreign"]).start()
    wait_until(lambda: _leads(instance), "leading")
    scene.put({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
               "metadata": {"name": "foreign"}, "spec": {"controller": "example.com/other"}})
    theirs = site("theirs-status", ["10.77.0.1"])
    theirs[-1]["spec"]["ingressClassName"] = "foreign"
    theirs[-1]["metadata"]["annotations"] = {"sealway.io/tls-mode": "passthrough"}
    scene.put(*theirs, *_of_class(site("ours-status", ["10.77.0.2"])))
    wait_until(lambda: _addresses(scene, "ours-status") == [ADDRESS], "the address of ours")
    instance.wait_reached("theirs-status.e2e.test", name_of("10.77.0.1"))
    assert _addresses(scene, "theirs-status") == []
    assert instance.stop() == 0


def every_right_to_write_was_used(scene):
    account = "writer-sealway"
    given = {right for right in chart.rights(scene.lab, account)
             if right[2] not in ("list", "watch")}
    asked = [entry for entry in scene.lab.audited(f"system:serviceaccount:{chart.NS}:{account}")
             if entry.decision == "allow"]
    used = {(entry.group, entry.resource, entry.verb) for entry in asked}
    assert given and given <= used, given - used
