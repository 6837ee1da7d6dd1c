"""Create, update and delete of each kind are seen."""

from network import OTHER_PORT, name_of
from objects import ingress, ingress_class, service, site, slice_of

CLASS = "ingressclass.kubernetes.io/is-default-class"
OURS = "sealway.io/ingress-controller"


def an_ingress_is_created_changed_and_deleted(scene):
    see = scene.sealway.wait_reached
    items = site("one", ["10.77.0.1"])
    scene.put(*site("two", ["10.77.0.2"]), *items)
    see("one.e2e.test", name_of("10.77.0.1"))
    scene.put(ingress("one", "renamed.e2e.test"))
    see("renamed.e2e.test", name_of("10.77.0.1"))
    see("one.e2e.test", None)
    scene.put(ingress("one", "renamed.e2e.test", service="two"))
    see("renamed.e2e.test", name_of("10.77.0.2"))
    scene.delete(items[-1])
    see("renamed.e2e.test", None)


def a_service_is_created_changed_and_deleted(scene):
    see = scene.sealway.wait_reached
    name, other = "svc", [{"name": "other", "port": 443}]
    scene.put(slice_of("svc", name, ["10.77.0.3"]), ingress(name, "svc.e2e.test"),
              slice_of("svc-other", name, ["10.77.0.4"], port=OTHER_PORT, port_name="other"))
    see("svc.e2e.test", None)
    scene.put(service(name))
    see("svc.e2e.test", name_of("10.77.0.3"))
    scene.put(service(name, ports=other))
    see("svc.e2e.test", name_of("10.77.0.4", OTHER_PORT))
    scene.delete(service(name))
    see("svc.e2e.test", None)


def an_endpointslice_is_created_changed_and_deleted(scene):
    see = scene.sealway.wait_reached
    name = "eps"
    scene.put(service(name), ingress(name, "eps.e2e.test"))
    see("eps.e2e.test", None)
    scene.put(slice_of(name, name, ["10.77.0.5"]))
    see("eps.e2e.test", name_of("10.77.0.5"))
    scene.put(slice_of(name, name, ["10.77.0.6"]))
    see("eps.e2e.test", name_of("10.77.0.6"))
    scene.delete(slice_of(name, name, ["10.77.0.6"]))
    see("eps.e2e.test", None)


def an_ingressclass_is_created_changed_and_deleted(scene):
    see = scene.sealway.wait_reached
    own = ingress_class("our-own", OURS)
    named, unnamed = site("named", ["10.77.0.7"]), site("unnamed", ["10.77.0.8"])
    named[-1]["spec"]["ingressClassName"] = "our-own"
    del unnamed[-1]["spec"]["ingressClassName"]
    scene.put(*named, *unnamed)
    see("named.e2e.test", None)
    scene.put(own)
    see("named.e2e.test", name_of("10.77.0.7"))
    see("unnamed.e2e.test", None)
    own["metadata"]["annotations"] = {CLASS: "true"}
    scene.put(own)
    see("unnamed.e2e.test", name_of("10.77.0.8"))
    scene.delete(own)
    see("named.e2e.test", None)
    see("unnamed.e2e.test", None)
