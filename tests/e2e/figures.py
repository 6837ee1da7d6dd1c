"""Figures, printed and not asserted: first table, memory, and how soon a change is in use."""

import os
import threading
import time

from network import name_of
from objects import ingress, site

FULL = bool(os.environ.get("FULL"))
NS = "team-b"
IN_A_ROW = 16  # connections that reach two workers, but for one time in 30,000


def _fill(scene, first, count):
    """Have so many Ingresses with a Service and an EndpointSlice each, by two connections."""
    def create(numbers):
        api = scene.lab.new_api()
        for i in numbers:
            for item in site(f"n{i:05}", [f"10.77.0.{1 + i % 40}"], NS):
                api.create(item)
        api.close()
    threads = [threading.Thread(target=create, args=(range(first + k, count, 2),)) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _first_table(scene, count, name):
    """A new instance, and what it took."""
    began = time.monotonic()
    instance = scene.instance(name).start()
    table_s = time.monotonic() - began
    instance.wait_reached(f"n{count - 1:05}.e2e.test", name_of(f"10.77.0.{1 + (count - 1) % 40}"))
    time.sleep(1)
    print(f"  {count} Ingresses: first table after {table_s:.2f} s, RSS {instance.rss_mib():.1f} MiB")
    return instance


def _seconds_until_routed(client, host, began):
    """From then until the first of so many connections in a row that were routed."""
    routed, first = 0, began
    while routed < IN_A_ROW:
        asked = time.monotonic()
        if client.reached(host) is None:
            routed = 0
        else:
            first = asked if routed == 0 else first
            routed += 1
    return first - began


def _print_latency(scene, instance, changes):
    """Each change gives an Ingress a name that nobody had."""
    took = []
    for i in range(changes):
        host = f"change{i}.e2e.test"
        scene.put(ingress(f"n{i:05}", host, ns=NS))
        took.append(_seconds_until_routed(instance.client, host, time.monotonic()))
    took.sort()
    p50, p99 = (took[min(len(took) - 1, int(len(took) * p))] * 1000 for p in (0.5, 0.99))
    print(f"  from the answer to a PUT to routed on every worker, {changes} changes at 1000 Ingresses:"
          f" p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {took[-1] * 1000:.1f} ms")


def figures_at_a_thousand_ingresses(scene):
    _fill(scene, 0, 1000)
    scene.alone.wait()
    instance = _first_table(scene, 1000, "thousand")
    _print_latency(scene, instance, 500 if FULL else 50)
    instance.stop()


def figures_at_ten_thousand_ingresses(scene):
    if not FULL:
        print("  only with FULL=1")
        return
    _fill(scene, 1000, 10000)
    _first_table(scene, 10000, "ten-thousand").stop()
