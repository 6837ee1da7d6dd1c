"""Two releases in one cluster do not touch each other's objects, nor serve the same Ingresses."""

import chart

SECOND = chart.case("second")


def _key(one):
    return (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"])


def _shared(first, second):
    return {_key(one) for one in first} & {_key(one) for one in second}


def releases_of_two_names_in_one_namespace_share_nothing():
    first = chart.objects(release="front")
    assert not _shared(first, chart.objects(*SECOND, release="inside"))


def releases_of_one_name_in_two_namespaces_share_nothing():
    first = chart.objects(ns="edge")
    assert not _shared(first, chart.objects(*SECOND, ns="inside"))


def pairs_of_namespace_and_release_that_read_alike_share_nothing():
    """team-a and sealway, team and a: joined by a dash they would be one name."""
    for values in (SECOND, (*SECOND, *chart.case("namespaced"))):
        first = chart.objects(*values, ns="team-a", release="sealway")
        shared = _shared(first, chart.objects(*values, ns="team", release="a"))
        assert {kind for kind, *_ in shared} <= {"IngressClass"}, shared


def with_the_same_values_they_share_the_class_and_nothing_else():
    first = chart.objects(ns="edge")
    assert _shared(first, chart.objects(ns="inside")) == {("IngressClass", None, "sealway")}


def each_has_its_own_class_lease_and_pods():
    front, inside = chart.objects(release="front"), chart.objects(*SECOND, release="inside")
    for argument in ("--controller-class=", "--election-lease=", "--publish-service="):
        values = [next(a for a in chart.controller(found)["args"] if a.startswith(argument))
                  for found in (front, inside)]
        assert values[0] != values[1], values
    selectors = [chart.one_of_kind(found, "Deployment")["spec"]["selector"]["matchLabels"]
                 for found in (front, inside)]
    assert selectors[0] != selectors[1]


def all_that_is_created_is_in_the_namespace_that_was_asked_for():
    for args, ns in (((), chart.NS), (("--set", "namespaceOverride=edge"), "edge")):
        for one in chart.objects(*args):
            if one["kind"] not in chart.CLUSTER_SCOPED:
                assert one["metadata"]["namespace"] == ns, _key(one)
