"""What the chart gives a release: its service account, its rights, its class and its Lease."""

import subprocess

NS = "sealway-system"
CHART = "../../charts/sealway"
TEMPLATES = ("rbac", "serviceaccount", "ingressclass", "lease")


def render(helm, kube, release, values=()):
    """The templates that decide what the program may do, as `helm install` would apply them."""
    argv = [helm, "template", release, CHART, "--kube-version", kube, "-n", NS]
    for template in TEMPLATES:
        argv += ["-s", f"templates/{template}.yaml"]
    for value in values:
        argv += ["--set", value]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"helm template {release}: {done.stderr}")
    return done.stdout


def account_of(release):
    return release + "-sealway"


def install(lab, helm, release, values=()):
    lab.kubectl("apply", "-f", "-", stdin=render(helm, lab.version(), release, values))


def roles_of(lab, account):
    """(path, role) of all that are bound to the service account."""
    api = "/apis/rbac.authorization.k8s.io/v1/"
    subject = {"kind": "ServiceAccount", "name": account, "namespace": NS}
    found = []
    for kind in ("clusterrolebindings", "rolebindings"):
        for binding in lab.request("GET", api + kind)["items"]:
            if subject in binding.get("subjects", ()):
                ns = binding["metadata"].get("namespace")
                where = f"namespaces/{ns}/" if ns else ""
                role = binding["roleRef"]
                path = f"{api}{where}{role['kind'].lower()}s/{role['name']}"
                found.append((path, lab.request("GET", path)))
    return found


def rights(lab, account):
    """(API group, resource, verb) of every right that the service account has."""
    return {(group, resource, verb)
            for _, role in roles_of(lab, account) for rule in role["rules"]
            for group in rule["apiGroups"] for resource in rule["resources"]
            for verb in rule["verbs"]}
