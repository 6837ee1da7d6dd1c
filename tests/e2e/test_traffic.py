"""Connections go on, whatever becomes of endpoints and API server."""

import os
import time

from network import name_of
from objects import site, slice_of
from traffic import Traffic

AWAY_S = 120 if os.environ.get("FULL") else 20
HOSTS = ["steady.e2e.test", "flapping.e2e.test"]


def _put_hosts(scene):
    scene.renew()
    scene.put(*site("steady", ["10.77.0.1", "10.77.0.2"]),
              *site("flapping", ["10.77.0.3", "10.77.0.4"]))
    for host, last in zip(HOSTS, (1, 3)):
        wanted = [name_of(f"10.77.0.{last}"), name_of(f"10.77.0.{last + 1}")]
        scene.sealway.wait_reached_set(host, wanted)


def a_thousand_flaps_of_endpoints_fail_no_connection(scene):
    _put_hosts(scene)
    with Traffic(scene.sealway.client, HOSTS) as traffic:
        for i in range(1000):
            flapping = slice_of("flapping", "flapping", [f"10.77.0.{3 + i % 7}", "10.77.0.4"])
            scene.put(flapping)
    traffic.check(at_least=200)
    scene.put(slice_of("flapping", "flapping", ["10.77.0.10"]))
    scene.sealway.wait_reached("flapping.e2e.test", name_of("10.77.0.10"))


def an_api_server_killed_and_restarted_fails_no_connection(scene):
    _put_hosts(scene)
    began = time.time()
    with Traffic(scene.sealway.client, HOSTS) as traffic:
        scene.lab.kill_apiserver()
        scene.lab.start_apiserver()
        ready = time.time()
        scene.put(slice_of("flapping", "flapping", ["10.77.0.11"]))
        scene.sealway.wait_reached("flapping.e2e.test", name_of("10.77.0.11"), 60)
        print(f"  away for {ready - began:.1f} s: a change is seen {time.time() - ready:.1f} s after")
    traffic.check(at_least=200)
    scene.sealway.check_no_storm(began)


def an_api_server_that_is_away_leaves_the_table_and_its_return_is_seen(scene):
    _put_hosts(scene)
    with Traffic(scene.sealway.client, HOSTS) as traffic:
        left = time.time()
        scene.lab.kill_apiserver()
        time.sleep(AWAY_S)
        began = time.time()
        scene.lab.start_apiserver()
        ready = time.time()
        scene.put(slice_of("flapping", "flapping", ["10.77.0.12"]))
        scene.sealway.wait_reached("flapping.e2e.test", name_of("10.77.0.12"), 90)
        print(f"  away for {ready - left:.1f} s: a change is seen {time.time() - ready:.1f} s after")
    traffic.check(at_least=200)
    scene.sealway.check_no_storm(began)
