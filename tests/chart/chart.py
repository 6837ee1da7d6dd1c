"""Renderings of the chart, by Helm."""

import functools
import os
import re
import subprocess

import yaml

from paths import CHART, KUBE, VALUES

RELEASE, NS = "sealway", "sealway"
CLUSTER_SCOPED = ("ClusterRole", "ClusterRoleBinding", "IngressClass", "Namespace")
HOOKED = "helm.sh/hook"


OLDEST = "1.25"  # that the chart is for


def _tried():
    """The versions of Kubernetes whose API servers the tests run, from the oldest on."""
    found = [re.search(r"^\tk8s\.io/kubernetes v(\d+\.\d+)\.", path.read_text(), re.MULTILINE)[1]
             for path in KUBE.glob("go*.mod")]
    return sorted(found, key=lambda version: [int(number) for number in version.split(".")])


OLDEST_TRIED, *_, NEWEST = _tried()


def helm(*args):
    """The finished process, whatever came of it."""
    return subprocess.run([os.environ["HELM"], *map(str, args)], text=True, capture_output=True,
                          check=False)


def try_render(*args, release=RELEASE, ns=NS, kube=NEWEST, chart=CHART):
    return helm("template", release, chart, "-n", ns, "--kube-version", kube, *args)


@functools.lru_cache(maxsize=None)
def text(*args, **how):
    """As `helm template` writes it."""
    done = try_render(*args, **how)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.lru_cache(maxsize=None)
def objects(*args, **how):
    """All objects of a rendering."""
    return [one for one in yaml.safe_load_all(text(*args, **how)) if one]


def case(name):
    """The arguments that say which values."""
    return ("-f", str(VALUES / f"{name}.yaml"))


def cases():
    return sorted(path.stem for path in VALUES.glob("*.yaml"))


def of_case(name, **how):
    return objects(*case(name), **how)


def of_kind(found, *kinds):
    return [one for one in found if one["kind"] in kinds]


def one_of_kind(found, *kinds):
    wanted = of_kind(found, *kinds)
    assert len(wanted) == 1, f"{len(wanted)} of kind {' or '.join(kinds)}"
    return wanted[0]


def pod_template(found):
    return one_of_kind(found, "Deployment", "DaemonSet")["spec"]["template"]


def controller(found):
    return next(c for c in pod_template(found)["spec"]["containers"] if c["name"] == "controller")


def test_pods(found):
    return of_kind(found, "Pod")
