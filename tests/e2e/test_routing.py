"""Real clients reach the backends that the objects name."""

import ssl

from network import name_of
from objects import ingress, service, site, slice_of


def a_client_reaches_the_backend_its_name_is_routed_to(scene):
    scene.put(*site("web", ["10.77.0.1"]), *site("api", ["10.77.0.2"]))
    scene.sealway.wait_reached("web.e2e.test", name_of("10.77.0.1"))
    scene.sealway.wait_reached("api.e2e.test", name_of("10.77.0.2"))


def connections_are_spread_over_all_endpoints(scene):
    addresses = ["10.77.0.3", "10.77.0.4", "10.77.0.5"]
    scene.put(*site("many", addresses))
    scene.sealway.wait_reached_set("many.e2e.test", [name_of(a) for a in addresses])


def a_wildcard_is_routed_and_an_exact_name_comes_before_it(scene):
    scene.put(service("wild"), slice_of("wild", "wild", ["10.77.0.6"]),
              ingress("wild", "*.wild.e2e.test"), *site("exact", ["10.77.0.7"],
                                                        host="exact.wild.e2e.test"))
    scene.sealway.wait_reached("exact.wild.e2e.test", name_of("10.77.0.7"))
    scene.sealway.wait_reached("any.wild.e2e.test", name_of("10.77.0.6"))


def an_unknown_name_is_refused_by_an_alert(scene):
    try:
        answer = scene.sealway.client.ask("unknown.e2e.test")
    except ssl.SSLError as error:
        assert "unrecognized name" in str(error).lower().replace("_", " "), error
    else:
        raise AssertionError(f"{answer} answered")


def an_ingress_of_another_class_is_not_served(scene):
    foreign = site("foreign", ["10.77.0.8"])
    foreign[-1]["spec"]["ingressClassName"] = "nginx"
    scene.put(*foreign, *site("after-foreign", ["10.77.0.9"]))
    scene.sealway.wait_reached("after-foreign.e2e.test", name_of("10.77.0.9"))
    assert scene.sealway.client.reached("foreign.e2e.test") is None
