"""Several releases on one cluster: each keeps to its class, or to its namespaces."""

import time

import helm
from atwork import OTHER_PORT, PORT, Client, Release, backend, delete, put, site
from lab import Audited

SHARED = "two-classes"
MINE, THEIRS = "team-a", "team-b"

ONE_POD = {"controller": {"replicaCount": 1}}


def _publishes(address):
    return {"controller": {"publishAddresses": [address]}}


def _published(node, ns, name):
    """The addresses in the status of an Ingress."""
    found = node.get(f"/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses/{name}")
    return found and [one["ip"] for one in found["status"]["loadBalancer"].get("ingress", ())]


def _wait_published(node, ns, name, addresses):
    node.wait(lambda: _published(node, ns, name) == addresses, 60,
              f"{addresses} in the status of {name}")


def _leader(release):
    """Who holds its Lease, once somebody does."""
    def held():
        lease, = release.items("leases")
        return lease["spec"].get("holderIdentity", "") and lease
    lease = release.node.wait(held, 60, f"a leader of {release.name}")
    return lease["metadata"]["name"], lease["spec"]["holderIdentity"].partition("_")[0]


def _versions(release):
    """{kind and name: version} of what it consists of, but of what changes all the time."""
    kinds = "deployments,services,serviceaccounts,roles,rolebindings,poddisruptionbudgets"
    return {(one["kind"], one["metadata"]["name"]): one["metadata"]["resourceVersion"]
            for one in release.items(kinds)}


def _cluster_scoped(node, release):
    kinds = "clusterroles,clusterrolebindings,ingressclasses"
    said = node.kubectl("get", kinds, "--output=name",
                        f"--selector=app.kubernetes.io/instance={release.name}")
    return set(said.split())


def two_releases_serve_and_write_what_names_their_class_and_the_end_of_one_is_no_matter(node):
    helm.namespace(node, SHARED)
    front = Release(node, "sealway-front", ONE_POD, _publishes("192.0.2.1"))
    inside = Release(node, "sealway-inside", ONE_POD, _publishes("192.0.2.2"))
    outer = site(node, "outer", SHARED, front.name)
    inner = site(node, "inner", SHARED, inside.name, OTHER_PORT)
    with front:
        with inside:
            put(node, *outer, *inner)
            at_front = Client(node, front.port, backend(node))
            at_inside = Client(node, inside.port, backend(node))
            at_front.wait_reached("outer", PORT)
            at_inside.wait_reached("inner", OTHER_PORT)
            assert at_front.reached("inner.e2e.test") is None
            assert at_inside.reached("outer.e2e.test") is None
            _wait_published(node, SHARED, "outer", ["192.0.2.1"])
            _wait_published(node, SHARED, "inner", ["192.0.2.2"])
            for release in (front, inside):
                lease, holder = _leader(release)
                assert lease == f"{release.name}-leader" and release.name in holder, (lease, holder)
            before = _versions(front)
            assert len(before) >= 4 and len(_cluster_scoped(node, front)) == 3, before
        node.wait(lambda: not inside.pods(), 60, "the end of the other release")
        assert not _cluster_scoped(node, inside)
        assert _versions(front) == before and len(_cluster_scoped(node, front)) == 3
        at_front.wait_reached("outer", PORT)
        put(node, *site(node, "later", SHARED, front.name, OTHER_PORT))
        at_front.wait_reached("later", OTHER_PORT)


def _denied(node, release, since):
    """What the API server did not let it do since then."""
    account = f"system:serviceaccount:{release.namespace}:{release.name}"
    with open(node.dir / "audit.jsonl", encoding="utf-8") as lines:
        asked = [Audited(line) for line in lines if f'"{account}"' in line and line.endswith("\n")]
    assert len(asked) >= 4, asked
    return {(one.verb, one.resource) for one in asked
            if one.decision != "allow" and one.when >= since}


def a_release_with_roles_alone_serves_its_namespaces_and_nothing_else(node):
    for ns in (MINE, THEIRS):
        helm.namespace(node, ns)
    began = time.time()
    release = Release(node, "sealway-team", ONE_POD, _publishes("192.0.2.3"), {"controller": {
        "scope": {"enabled": True, "namespaces": [MINE]},
        "ingressClassResource": {"enabled": False}}})
    with release:
        put(node, *site(node, "mine", MINE, release.name),
            *site(node, "theirs", THEIRS, release.name))
        client = Client(node, release.port, backend(node))
        client.wait_reached("mine", PORT)
        assert client.reached("theirs.e2e.test") is None
        _wait_published(node, MINE, "mine", ["192.0.2.3"])
        assert _published(node, THEIRS, "theirs") == []
        assert not _cluster_scoped(node, release), _cluster_scoped(node, release)
        pod, = release.instances()
        text = release.logs(pod)
        assert "level=warn" not in text and "level=error" not in text, text
        # No Role can let it read classes: it goes by their names, and asks now and then.
        denied = _denied(node, release, began)
        assert denied <= {("list", "ingressclasses")}, denied
        delete(node, *site(node, "mine", MINE, release.name))
        client.wait_reached("mine", None)
