"""Every option of the program has its place in the chart, and arrives as it was meant."""

import os
import subprocess

import chart
import options


def every_option_of_the_program_is_a_value_or_is_refused_with_a_reason():
    program, table = options.of_program(), options.of_chart()
    missing = program.keys() - table.keys()
    assert not missing, f"{sorted(missing)}: run `make chart-update`, or write down a value for it"
    assert not table.keys() - program.keys(), sorted(table.keys() - program.keys())
    for name, row in table.items():
        assert not ("set" in row and "refused" in row), name
        assert row.get("refused", "x") and row.get("set", "x"), name


def every_option_is_rendered_by_some_values():
    rendered = {arg.lstrip("-").partition("=")[0] for name in chart.cases()
                for arg in chart.controller(chart.of_case(name))["args"][1:]}
    wanted = {name for name, row in options.of_chart().items() if "refused" not in row}
    # Flags that contradict others of the same case.
    assert wanted - rendered <= {"ingress-class-only"}, sorted(wanted - rendered)


def _refusal(args):
    """What the program says of arguments, and of a kubeconfig that is not there."""
    done = subprocess.run([os.environ["SEALWAY_BIN"], *args, "--kubeconfig=/nowhere/kubeconfig"],
                          text=True, capture_output=True, check=False, timeout=10)
    assert done.returncode == 2, (done.returncode, done.stderr)
    return done.stderr


def the_program_takes_every_argument_that_is_rendered():
    for name in chart.cases():
        found = chart.of_case(name)
        containers = [chart.controller(found)] + [one for pod in chart.test_pods(found)
                                                  for one in pod["spec"]["initContainers"]]
        for container in containers:
            said = _refusal(container["args"])
            assert "/nowhere/kubeconfig" in said, f"{name}: {said}"


def an_argument_that_is_wrong_would_be_noticed():
    assert "/nowhere/kubeconfig" not in _refusal(["serve", "--hello-timeout=5"])


def a_default_that_is_taken_away_leaves_the_program_its_own():
    found = chart.objects("--set", "controller.config.drain-delay=null")
    assert not [arg for arg in chart.controller(found)["args"] if "drain-delay" in arg]
    assert chart.pod_template(found)["spec"]["terminationGracePeriodSeconds"] > 5 + 300


def words_that_yaml_takes_for_booleans_are_words():
    for value, boolean in (("on", "true"), ("off", "false")):
        found = chart.objects("--set", f"controller.config.half-close={value}")
        same = chart.objects("--set-json", f"controller.config.half-close={boolean}")
        assert f"--half-close={value}" in chart.controller(found)["args"]
        assert chart.controller(found)["args"] == chart.controller(same)["args"]


def large_numbers_stay_numbers():
    for value in ("1000000", "16777216"):
        found = chart.objects("--set-json", f"controller.config.max-connections={value}")
        assert f"--max-connections={value}" in chart.controller(found)["args"]


def time_to_stop_is_more_than_the_drain_takes():
    for delay, timeout, least in (("15s", "300s", 315), ("0s", "0s", 0), ("1500ms", "10m", 602),
                                  ("1m", "2h", 7260)):
        found = chart.objects("--set", f"controller.config.drain-delay={delay}",
                              "--set", f"controller.config.drain-timeout={timeout}")
        grace = chart.pod_template(found)["spec"]["terminationGracePeriodSeconds"]
        assert least + 5 <= grace <= least + 20, (delay, timeout, grace)
