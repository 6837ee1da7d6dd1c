"""The kinds of Services there are, and what their EndpointSlices say of each endpoint."""

from network import CLOSED_PORT, OTHER_PORT, PORT, name_of
from objects import endpoint, ingress, service, slice_of

DRAINING = {"ready": False, "serving": True, "terminating": True}
GONE = {"ready": False, "serving": False, "terminating": True}
NOT_READY = {"ready": False, "serving": False, "terminating": False}


def _reaches(scene, name, slices, wanted, **spec):
    """A Service with these slices is reached at exactly these backends."""
    scene.put(service(name, **spec), *slices, ingress(name, f"{name}.e2e.test"))
    scene.sealway.wait_reached_set(f"{name}.e2e.test", wanted)


def several_slices_of_a_service_are_all_used(scene):
    addresses = ["10.77.0.11", "10.77.0.12", "10.77.0.13"]
    _reaches(scene, "slices", [slice_of(f"slices-{i}", "slices", [address])
                               for i, address in enumerate(addresses)],
             [name_of(address) for address in addresses])


def one_port_name_has_the_number_that_each_slice_gives_it(scene):
    _reaches(scene, "numbers",
             [slice_of("numbers-a", "numbers", ["10.77.0.11"], port=PORT),
              slice_of("numbers-b", "numbers", ["10.77.0.12"], port=OTHER_PORT),
              slice_of("numbers-c", "numbers", ["10.77.0.13"], port=CLOSED_PORT,
                       port_name="another")],
             [name_of("10.77.0.11"), name_of("10.77.0.12", OTHER_PORT)])


def an_endpoint_in_two_slices_that_is_ready_in_one_is_used(scene):
    _reaches(scene, "twice",
             [slice_of("twice-a", "twice", [endpoint("10.77.0.14", **NOT_READY)]),
              slice_of("twice-b", "twice", ["10.77.0.14"])], [name_of("10.77.0.14")])


def only_ready_endpoints_are_used_while_there_are_some(scene):
    _reaches(scene, "ready",
             [slice_of("ready", "ready", [
                 "10.77.0.15", endpoint("10.77.0.16", **DRAINING),
                 endpoint("10.77.0.17", **NOT_READY), endpoint("10.77.0.18", **GONE)])],
             [name_of("10.77.0.15")])


def endpoints_that_terminate_but_serve_are_used_when_none_is_ready(scene):
    _reaches(scene, "draining",
             [slice_of("draining-a", "draining", [
                 endpoint("10.77.0.16", **DRAINING), endpoint("10.77.0.17", **NOT_READY)]),
              slice_of("draining-b", "draining", [
                  endpoint("10.77.0.18", **GONE), endpoint("10.77.0.19", **DRAINING)])],
             [name_of("10.77.0.16"), name_of("10.77.0.19")])


def an_endpoint_without_conditions_is_ready(scene):
    silent = {"addresses": ["10.77.0.20"]}
    _reaches(scene, "silent", [slice_of("silent", "silent", [silent])], [name_of("10.77.0.20")])


def a_service_that_publishes_unready_addresses_is_reached_there(scene):
    """Then a slice says ready of an endpoint that does not serve, or terminates."""
    _reaches(scene, "unready",
             [slice_of("unready", "unready", [
                 endpoint("10.77.0.21", ready=True, serving=False, terminating=False),
                 endpoint("10.77.0.22", ready=True, serving=False, terminating=True)])],
             [name_of("10.77.0.21"), name_of("10.77.0.22")], publishNotReadyAddresses=True)


def a_service_with_an_address_is_reached_at_its_endpoints(scene):
    _reaches(scene, "address", [slice_of("address", "address", ["10.77.0.23"])],
             [name_of("10.77.0.23")], clusterIP="")


def a_headless_service_is_reached_at_the_port_of_its_slice(scene):
    """Whatever number the Service itself has: no address translates it."""
    _reaches(scene, "headless",
             [slice_of("headless", "headless", ["10.77.0.24"], port=OTHER_PORT)],
             [name_of("10.77.0.24", OTHER_PORT)], clusterIP="None")


def a_dual_stack_service_is_reached_in_both_families(scene):
    _reaches(scene, "dual",
             [slice_of("dual-4", "dual", ["10.77.0.25"]),
              slice_of("dual-6", "dual", ["fd00:77::1"])],
             [name_of("10.77.0.25"), name_of("fd00:77::1")], clusterIP="",
             ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv4", "IPv6"])


def a_service_without_a_selector_is_reached_at_slices_made_by_hand(scene):
    by_hand = slice_of("by-hand", "selectorless", ["10.77.0.26"])
    by_hand["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] = "staff"
    _reaches(scene, "selectorless", [by_hand], [name_of("10.77.0.26")], selector=None)
