"""The roles give what the program uses in each mode, and nothing else."""

import chart

READ = ("list", "watch")
SERVICES = {("", "services", verb) for verb in READ}
SLICES = {("discovery.k8s.io", "endpointslices", verb) for verb in READ}
ENDPOINTS = {("", "endpoints", verb) for verb in READ}
INGRESSES = {("networking.k8s.io", "ingresses", verb) for verb in READ}
CLASSES = {("networking.k8s.io", "ingressclasses", verb) for verb in READ}
STATUS = {("networking.k8s.io", "ingresses/status", "patch")}
EVENTS = {("events.k8s.io", "events", verb) for verb in ("create", "patch")}
LEASE = {("coordination.k8s.io", "leases", verb) for verb in ("get", "patch")}
ALL = SERVICES | SLICES | INGRESSES | CLASSES | STATUS | EVENTS


def _rights(roles):
    return {(group, resource, verb) for role in roles for rule in role["rules"]
            for group in rule["apiGroups"] for resource in rule["resources"]
            for verb in rule["verbs"]}


def _in_cluster(found):
    return _rights(chart.of_kind(found, "ClusterRole"))


def _in(found, ns):
    return _rights(r for r in chart.of_kind(found, "Role") if r["metadata"]["namespace"] == ns)


def services_can_be_read():
    assert SERVICES <= _in_cluster(chart.objects())


def endpoint_slices_can_be_read():
    assert SLICES <= _in_cluster(chart.objects())


def ingresses_can_be_read():
    assert INGRESSES <= _in_cluster(chart.objects())


def ingress_classes_can_be_read():
    assert CLASSES <= _in_cluster(chart.objects())


def status_can_be_written():
    assert STATUS <= _in_cluster(chart.objects())


def events_can_be_written():
    assert EVENTS <= _in_cluster(chart.objects())


def the_lease_can_be_taken_and_no_other():
    found = chart.objects()
    assert _in(found, chart.NS) == LEASE
    lease = chart.one_of_kind(found, "Lease")["metadata"]
    rule = chart.one_of_kind(found, "Role")["rules"][0]
    assert rule["resourceNames"] == [lease["name"]] and lease["namespace"] == chart.NS
    assert f"--election-lease={lease['name']}" in chart.controller(found)["args"]


def nothing_else_is_given():
    assert _in_cluster(chart.objects()) == ALL


def endpoints_are_read_instead_of_slices_where_that_was_chosen():
    found = chart.objects("--set", "controller.endpointsApi=endpoints")
    assert _in_cluster(found) == ALL - SLICES | ENDPOINTS


def status_is_not_writable_where_nothing_is_published():
    found = chart.objects("--set", "controller.publishService.enabled=false")
    assert _in_cluster(found) == ALL - STATUS
    assert not [a for a in chart.controller(found)["args"] if "publish" in a]


def without_writing_there_is_no_right_to_write_and_no_lease():
    found = chart.objects("--set", "controller.write=off")
    assert _in_cluster(found) == ALL - STATUS - EVENTS
    assert not chart.of_kind(found, "Role", "RoleBinding", "Lease")


def in_some_namespaces_there_are_roles_only():
    found = chart.of_case("namespaced")
    assert not chart.of_kind(found, *chart.CLUSTER_SCOPED)
    for ns in ("team-a", "team-b"):
        assert _in(found, ns) == ALL - CLASSES
    assert _in(found, chart.NS) == LEASE
    args = chart.controller(found)["args"]
    assert "--watch-namespace=team-a,team-b" in args and "--ingress-class=sealway" in args


def a_service_out_of_sight_is_not_published():
    found = chart.objects("--set", "controller.scope.enabled=true",
                          "--set", "controller.scope.namespaces={team-a}")
    assert not [a for a in chart.controller(found)["args"] if "publish" in a]
    assert _in(found, "team-a") == ALL - CLASSES - STATUS
    own = chart.objects("--set", "controller.scope.enabled=true")
    assert f"--publish-service={chart.NS}/sealway" in chart.controller(own)["args"]


def every_binding_is_of_a_role_that_is_there_to_the_account_of_the_pod():
    for name in chart.cases():
        found = chart.of_case(name)
        account = chart.pod_template(found)["spec"]["serviceAccountName"]
        ns = chart.one_of_kind(found, "Deployment", "DaemonSet")["metadata"]["namespace"]
        roles = {(r["kind"], r["metadata"].get("namespace"), r["metadata"]["name"])
                 for r in chart.of_kind(found, "Role", "ClusterRole")}
        bound = set()
        for b in chart.of_kind(found, "RoleBinding", "ClusterRoleBinding"):
            bound.add((b["roleRef"]["kind"], b["metadata"].get("namespace"), b["roleRef"]["name"]))
            assert b["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": ns}]
        assert bound == roles, name
