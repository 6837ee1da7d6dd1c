"""Pods meet level restricted of the Pod Security Standards, control by control."""

import yaml

import chart
from paths import DEPLOY

RESTRICTED = ("defaults", "namespaced", "second", "scaled", "legacy", "monitoring")
PRIVILEGED = ("daemonset-hostport", "daemonset-hostnetwork")
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
           "projected", "secret"}
SAFE_SYSCTLS = {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range",
                "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
                "net.ipv4.ping_group_range"}


def _containers(spec):
    return spec["containers"] + spec.get("initContainers", [])


def _effective(spec, container, field):
    """Of the container, or the pod's where it has none."""
    own = container.get("securityContext", {})
    return own[field] if field in own else spec.get("securityContext", {}).get(field)


def _pod_faults(spec):
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield field
    for volume in spec.get("volumes", []):
        if not (volume.keys() - {"name"}) <= VOLUMES:
            yield f"volume {volume}"
    for sysctl in spec.get("securityContext", {}).get("sysctls", []):
        if sysctl["name"] not in SAFE_SYSCTLS:
            yield f"sysctl {sysctl['name']}"


def _container_faults(spec, container):
    context = container.get("securityContext", {})
    capabilities = context.get("capabilities", {})
    if context.get("privileged"):
        yield "privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities are not dropped"
    if not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield "capabilities are added"
    if _effective(spec, container, "runAsNonRoot") is not True:
        yield "runAsNonRoot"
    if _effective(spec, container, "runAsUser") == 0:
        yield "runAsUser"
    profile = _effective(spec, container, "seccompProfile") or {}
    if profile.get("type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile"
    if context.get("procMount", "Default") != "Default":
        yield "procMount"
    for field in ("seLinuxOptions", "windowsOptions", "appArmorProfile"):
        if _effective(spec, container, field):
            yield field
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "hostPort"


def _faults(spec):
    return list(_pod_faults(spec)) + [fault for container in _containers(spec)
                                      for fault in _container_faults(spec, container)]


def _pod_specs(name):
    found = chart.of_case(name)
    return [chart.pod_template(found)["spec"]] + [p["spec"] for p in chart.test_pods(found)]


def pods_are_restricted():
    for name in RESTRICTED:
        for spec in _pod_specs(name):
            assert not _faults(spec), (name, _faults(spec))


def pods_that_hold_ports_of_nodes_are_not_and_nothing_else_is_wrong_with_them():
    assert _faults(_pod_specs("daemonset-hostport")[0]) == ["hostPort"]
    assert _faults(_pod_specs("daemonset-hostnetwork")[0]) == ["hostNetwork", "runAsNonRoot",
                                                              "runAsUser"]


def more_than_restricted_asks_is_kept():
    for name in RESTRICTED + PRIVILEGED:
        for spec in _pod_specs(name):
            assert all(c["securityContext"]["readOnlyRootFilesystem"] for c in _containers(spec))
            assert spec["enableServiceLinks"] is False


def the_uid_is_a_number_of_our_own():
    for name in RESTRICTED:
        for spec in _pod_specs(name):
            assert spec["securityContext"]["runAsUser"] == 64646
            assert spec["securityContext"]["runAsGroup"] == 64646


def a_low_port_takes_one_capability_or_one_sysctl():
    root = chart.controller(chart.of_case("daemonset-hostnetwork"))
    assert root["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
    scaled = chart.pod_template(chart.of_case("scaled"))["spec"]
    assert scaled["securityContext"]["sysctls"] == [
        {"name": "net.ipv4.ip_unprivileged_port_start", "value": "443"}]
    node = chart.pod_template(chart.objects(
        "--set", "controller.hostNetwork=true", "--set", "controller.containerPort.https=443",
        "--set", "controller.lowPorts=node"))["spec"]
    assert _faults(node) == ["hostNetwork"]


def a_program_with_a_file_capability_may_have_it_wherever_it_is_started():
    for port in (443, 8443):  # it starts nowhere else, whatever it binds
        found = chart.objects("--set", f"controller.containerPort.https={port}",
                              "--set", "controller.lowPorts=file")
        specs = [chart.pod_template(found)["spec"]]
        specs += [pod["spec"] for pod in chart.test_pods(found)]
        assert len(specs) == 2
        for spec in specs:
            assert not _faults(spec), _faults(spec)  # restricted, and so no privilege escalation
            for container in _containers(spec):
                assert container["securityContext"]["capabilities"]["add"] == ["NET_BIND_SERVICE"]


def only_the_pod_mounts_the_token():
    found = chart.objects()
    assert chart.one_of_kind(found, "ServiceAccount")["automountServiceAccountToken"] is False
    assert chart.pod_template(found)["spec"]["automountServiceAccountToken"] is True


def the_plain_manifests_have_the_namespace_enforce_it():
    namespace = next(yaml.safe_load_all(DEPLOY.read_text()))
    assert namespace["kind"] == "Namespace" and namespace["metadata"]["name"] == chart.NS
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
