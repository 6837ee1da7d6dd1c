"""What goes wrong on a node costs no connection: 200 new ones a second all the while, and 500 that
are kept, half of them on each of two Sealway pods.  See losses.py for what a fault may cost."""

import faults
import losses
from faults import Scene
from once import FULL

ROUNDS = 3 if FULL else 1


def _undergo(node, name, fault):
    scene = Scene.at(node)
    for _ in range(ROUNDS):
        scene.undergo(name, fault)


def a_rolling_restart_of_the_backends_costs_nothing(node):
    _undergo(node, "backends restarted", faults.restart_backends)


def scaling_the_backends_to_1_and_5_and_1_costs_nothing(node):
    _undergo(node, "backends scaled 1-5-1", faults.scale_backends)


def a_backend_deleted_without_grace_costs_what_was_on_it(node):
    _undergo(node, "backend deleted", faults.delete_backend)


def a_backend_whose_process_is_killed_costs_what_was_on_it(node):
    _undergo(node, "backend's process killed", faults.kill_backend)


def an_upgrade_of_sealway_costs_what_outlives_the_drain(node):
    _undergo(node, "helm upgrade", faults.upgrade_sealway)


def a_sealway_pod_deleted_costs_what_outlives_the_drain(node):
    _undergo(node, "Sealway pod deleted", faults.delete_sealway)


def a_restart_of_the_api_server_costs_nothing(node):
    _undergo(node, "API server restarted", faults.restart_apiserver)


def a_restart_of_the_kubelet_costs_nothing(node):
    _undergo(node, "kubelet restarted", faults.restart_kubelet)


def between_the_faults_nothing_is_lost(node):
    scene = Scene.at(node)
    losses.show(scene.rows)
    kept = scene.stop()["open"]
    for each in scene.traffic.slow[:10]:
        print(f"{'':13}slow: {losses.describe(each, scene.logs.of_connection(each))}")
    others = [losses.describe(each, scene.logs.of_connection(each))
              for each in scene.failures_beside_faults()]
    assert not others, "\n".join(others[:10])
    assert kept == faults.KEPT, f"{kept} kept connections at the end"


def _end(_):
    """Where the last test was not chosen, or did not come so far."""
    if Scene.current is not None:
        Scene.current.stop()
