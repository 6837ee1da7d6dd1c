"""What the API server wrote down: all that was asked was allowed, all that is allowed was asked."""

import chart

OPTIONAL = {"scoped": {("list", "ingressclasses")}}


def _accounts(scene):
    """One instance of each: the API server tells accounts apart, not instances."""
    return {one.account: one for one in scene.instances}.values()


def _denied(scene, instance):
    """An API server that has just started knows nobody's rights yet."""
    return [entry for entry in instance.requests()
            if entry.decision != "allow" and not scene.lab.was_starting(entry.when)
            and (entry.verb, entry.resource) not in OPTIONAL.get(instance.name, ())]


def every_request_was_allowed(scene):
    for instance in _accounts(scene):
        assert instance.requests(), f"{instance.name} has asked for nothing"
        denied = _denied(scene, instance)
        assert not denied, f"{instance.name}: {len(denied)} denied, first {denied[0]}"


def every_right_to_read_was_used(scene):
    """The right to read Endpoints by the instance that is told to."""
    for instance in _accounts(scene):
        given = {right for right in chart.rights(scene.lab, instance.account)
                 if right[2] in ("list", "watch")}
        used = {(entry.group, entry.resource, entry.verb) for entry in instance.requests()
                if entry.decision == "allow"}
        assert given, f"{instance.account} has no rights"
        assert given <= used, f"{instance.account} did not need {sorted(given - used)}"


def nothing_was_asked_without_a_right_that_the_chart_gives(scene):
    """Beside discovery, which everybody may ask."""
    for instance in _accounts(scene):
        given = chart.rights(scene.lab, instance.account)
        for entry in instance.requests():
            if entry.resource and entry.decision == "allow":
                asked = (entry.group, entry.resource, entry.verb)
                assert asked in given, f"{instance.name}: {entry}"
