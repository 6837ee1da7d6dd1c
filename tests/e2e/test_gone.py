"""A watch whose place in history is gone begins again with a list, and nothing is missed."""

import contextlib
import signal
import time

from network import name_of
from objects import ingress, service, site, slice_of
from process import wait_until

NO_CACHE = "--watch-cache-sizes=ingresses.networking.k8s.io#0"


@contextlib.contextmanager
def _asleep(scene):
    """Meanwhile the program sees nothing of what happens."""
    scene.sealway.process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        scene.sealway.process.signal(signal.SIGCONT)


def _relists(scene):
    return scene.sealway.metric("sealway_kube_relists_total", resource="ingresses")


def _is_listed_again(scene, flags, forget=lambda: None):
    """What changes while the program sleeps and its history goes is known when it wakes."""
    scene.renew()
    old, changed = site("old", ["10.77.0.1"]), site("changed", ["10.77.0.2"])
    scene.put(*old, *changed)
    scene.sealway.wait_reached("old.e2e.test", name_of("10.77.0.1"))
    scene.sealway.wait_reached("changed.e2e.test", name_of("10.77.0.2"))
    relists, began = _relists(scene), time.time()
    with _asleep(scene):
        scene.put(service("noise"))  # so that what it knows of Ingresses is not the newest
        scene.lab.kill_apiserver()
        scene.lab.start_apiserver(flags)
        scene.put(*site("new", ["10.77.0.3"]), slice_of("changed", "changed", ["10.77.0.4"]),
                  ingress("changed", "changed-name.e2e.test"))
        scene.delete(*old)
        forget()
    scene.sealway.wait_reached("new.e2e.test", name_of("10.77.0.3"))
    scene.sealway.wait_reached("changed-name.e2e.test", name_of("10.77.0.4"))
    scene.sealway.wait_reached("changed.e2e.test", None)
    scene.sealway.wait_reached("old.e2e.test", None)
    wait_until(lambda: _relists(scene) > relists, "one list more", 30)
    scene.sealway.check_no_storm(began)
    scene.delete(*site("new", []), service("noise"))


def a_restarted_api_server_without_the_history_is_listed_again(scene):
    _is_listed_again(scene, [])


def a_history_compacted_in_etcd_is_listed_again(scene):
    """Without a watch cache only etcd has it."""
    _is_listed_again(scene, [NO_CACHE], scene.lab.compact)
