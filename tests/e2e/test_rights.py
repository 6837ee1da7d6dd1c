"""Each right that the chart gives is needed: without it a test fails, and for its lack."""

import contextlib
import time

import chart
from process import patience, wait_until
from scene import RELEASES
from test_changes import (a_service_is_created_changed_and_deleted,
                          an_endpointslice_is_created_changed_and_deleted,
                          an_ingress_is_created_changed_and_deleted,
                          an_ingressclass_is_created_changed_and_deleted)
from test_routing import a_client_reaches_the_backend_its_name_is_routed_to
from test_scope import an_instance_told_so_takes_endpoints_and_sees_them_change
from test_writing import (a_leader_that_stops_gives_the_lease_back,
                          a_warning_that_comes_again_is_counted_in_its_event,
                          a_wrong_ingress_is_told_on_itself_and_so_is_its_mending,
                          one_of_two_replicas_writes_and_the_other_takes_over_when_it_is_killed,
                          the_address_stands_in_the_status_while_an_ingress_is_served)

# (release, API group, resource, verb): the test that fails without it.
NEEDED = {
    ("x", "", "services", "list"): a_client_reaches_the_backend_its_name_is_routed_to,
    ("x", "", "services", "watch"): a_service_is_created_changed_and_deleted,
    ("x", "discovery.k8s.io", "endpointslices", "list"):
        a_client_reaches_the_backend_its_name_is_routed_to,
    ("x", "discovery.k8s.io", "endpointslices", "watch"):
        an_endpointslice_is_created_changed_and_deleted,
    ("x", "networking.k8s.io", "ingresses", "list"):
        a_client_reaches_the_backend_its_name_is_routed_to,
    ("x", "networking.k8s.io", "ingresses", "watch"): an_ingress_is_created_changed_and_deleted,
    ("x", "networking.k8s.io", "ingressclasses", "list"):
        an_ingressclass_is_created_changed_and_deleted,
    ("x", "networking.k8s.io", "ingressclasses", "watch"):
        an_ingressclass_is_created_changed_and_deleted,
    ("legacy", "", "endpoints", "list"):
        an_instance_told_so_takes_endpoints_and_sees_them_change,
    ("legacy", "", "endpoints", "watch"):
        an_instance_told_so_takes_endpoints_and_sees_them_change,
    ("writer", "networking.k8s.io", "ingresses/status", "patch"):
        the_address_stands_in_the_status_while_an_ingress_is_served,
    ("writer", "events.k8s.io", "events", "create"):
        a_wrong_ingress_is_told_on_itself_and_so_is_its_mending,
    ("writer", "events.k8s.io", "events", "patch"):
        a_warning_that_comes_again_is_counted_in_its_event,
    ("writer", "coordination.k8s.io", "leases", "get"):
        one_of_two_replicas_writes_and_the_other_takes_over_when_it_is_killed,
    ("writer", "coordination.k8s.io", "leases", "patch"):
        a_leader_that_stops_gives_the_lease_back,
}
PATIENCE_S = 8
SERIES_S = 20  # so late it is written that an Event has happened again
# Who may list but not watch lists again, after 0.8 s at the least, 1.6 s and 3.2 s: of three changes
# the last is seen too late.
WATCH_S = 2.5


def _may(lab, account, group, resource, verb):
    resource, _, subresource = resource.partition("/")
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
        "user": f"system:serviceaccount:{chart.NS}:{account}", "resourceAttributes": {
            "group": group, "resource": resource, "subresource": subresource, "verb": verb,
            "namespace": chart.NS, "name": f"{account}-leader"}}}
    answer = lab.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return answer["status"]["allowed"]


@contextlib.contextmanager
def _without(lab, account, group, resource, verb):
    """Meanwhile the API server denies that, and nothing else."""
    before = chart.roles_of(lab, account)
    for path, role in chart.roles_of(lab, account):
        for rule in role["rules"]:
            if group in rule["apiGroups"] and resource in rule["resources"]:
                rule["verbs"].remove(verb)
        role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
        lab.request("PUT", path, role)
    wait_until(lambda: not _may(lab, account, group, resource, verb), "the right taken away")
    try:
        yield
    finally:
        for path, role in before:
            del role["metadata"]["resourceVersion"]
            lab.request("PUT", path, role)
        wait_until(lambda: _may(lab, account, group, resource, verb), "the right given back")


def _fails(scene, test, seconds):
    """What the test says, with instances of its own."""
    try:
        with patience(seconds):
            test(scene)
    except (AssertionError, OSError) as error:
        return str(error).splitlines()[0]
    finally:
        scene.stop_instances()
    return None


def _is_needed(scene, right, test):
    release, *what = right
    group, resource, verb = what
    account = chart.account_of(release)
    seconds = (WATCH_S if verb == "watch" else SERIES_S if resource == "events" else PATIENCE_S)
    began = time.time()
    with _without(scene.lab, account, *what):
        failure = _fails(scene, test, seconds)
    said = f"without {verb} {resource}: {test.__name__}"
    assert failure is not None, f"{said} does not fail"
    denied = {(entry.group, entry.resource, entry.verb) for entry in
              scene.lab.audited(f":{account}")
              if entry.when >= began and entry.decision == "forbid"}
    assert denied == {tuple(what)}, f"{said} fails, but {denied} was denied"
    print(f"  {said} fails after {time.time() - began:.1f} s: {failure}")


def each_right_is_needed_by_a_test(scene):
    given = set()
    for release in RELEASES:
        scene.install(release)
        given |= chart.rights(scene.lab, chart.account_of(release))
    assert given == {right[1:] for right in NEEDED}
    for right, test in NEEDED.items():
        _is_needed(scene, right, test)
