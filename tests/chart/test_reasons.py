"""Everything that the chart asks of a cluster has a reason in its README, and none is left over."""

import re

import chart
from paths import README

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
CASES = [name for name in chart.cases() if name != "everything"]  # which has what users add


def _reasons(title):
    """{first column: last column} of the table under a heading."""
    section = README.read_text().split(f"\n### {title}\n")[1].split("\n#")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines()
            if line.startswith("| `")]
    return {row[0].strip("`"): row[-1] for row in rows}


def _check(title, found):
    reasons = _reasons(title)
    assert found == reasons.keys(), f"{title}: {found ^ reasons.keys()}"
    assert all(len(words) > 15 for words in reasons.values()), reasons


def _rule_name(rule, resource):
    group = rule["apiGroups"][0]
    return f"{group + '/' if group else ''}{resource}: {', '.join(rule['verbs'])}"


def every_right_has_a_reason():
    _check("Rights", {_rule_name(rule, resource) for name in CASES
                      for role in chart.of_kind(chart.of_case(name), "Role", "ClusterRole")
                      for rule in role["rules"] for resource in rule["resources"]})


def _controllers():
    return [chart.controller(chart.of_case(name)) for name in CASES]


def every_port_has_a_reason():
    _check("Ports", {port["name"] for c in _controllers() for port in c["ports"]})


def every_mount_has_a_reason():
    mounts = {mount["mountPath"] for c in _controllers() for mount in c.get("volumeMounts", [])}
    for name in CASES:
        spec = chart.pod_template(chart.of_case(name))["spec"]
        mounts |= {TOKEN} if spec["automountServiceAccountToken"] else set()
    _check("Mounts", mounts)


def every_variable_has_a_reason():
    _check("Environment", {env["name"] for c in _controllers() for env in c["env"]})


def every_capability_sysctl_and_use_of_the_host_has_a_reason():
    found = set()
    for name in CASES:
        spec = chart.pod_template(chart.of_case(name))["spec"]
        context = chart.controller(chart.of_case(name))["securityContext"]
        found |= set(context["capabilities"].get("add", []))
        found |= {sysctl["name"] for sysctl in spec["securityContext"].get("sysctls", [])}
        found |= {"hostNetwork"} if spec.get("hostNetwork") else set()
        found |= {"hostPort" for port in chart.controller(chart.of_case(name))["ports"]
                  if "hostPort" in port}
    _check("Capabilities, sysctls and the host", found)


def defaults_that_it_tells_are_those_of_the_values():
    text = README.read_text()
    for port in chart.controller(chart.objects())["ports"]:
        assert re.search(rf"^\| `{port['name']}` \| {port['containerPort']} \|", text, re.MULTILINE)
