"""What the tests of a lane share: an API server, all backends, and the instance most are about."""

import os

import chart
import objects
from lab import Lab
from sealway import Sealway

NAMESPACES = (chart.NS, objects.NS, "team-a", "team-b")

# Every release beside the first has a class of its own, as the chart says.
RELEASES = {
    "x": (),
    "scoped": ("controller.ingressClassResource.name=scoped",
               "controller.ingressClassResource.controllerValue=sealway.io/scoped",
               "controller.scope.enabled=true", "controller.scope.namespaces={team-a}"),
    "legacy": ("controller.ingressClassResource.name=legacy",
               "controller.ingressClassResource.controllerValue=sealway.io/legacy",
               "controller.endpointsApi=endpoints"),
    "writer": ("controller.ingressClassResource.name=writer",
               "controller.ingressClassResource.controllerValue=sealway.io/writer"),
}


class Scene:
    """Started once; every test leaves it as it was, but for what has names of its own."""

    def __init__(self, directory, backends_ca, alone):
        self.dir = directory
        self.backends_ca = backends_ca
        self.alone = alone  # set once no other lane runs
        self.lab = Lab(os.environ["E2E_KUBE"], directory)
        self.instances = []
        self.installed = set()
        self.current = None

    def start(self):
        self.lab.start()
        for name in NAMESPACES:
            self.lab.api.create(objects.namespace(name))

    @property
    def sealway(self):
        """The instance that most tests are about."""
        if self.current is None:
            self.renew()
        return self.current

    def renew(self):
        """An instance in place of the one before: trouble that one remembers makes it wait."""
        if self.current is not None:
            self.current.stop()
        self.current = self.instance(f"sealway-{len(self.instances)}").start()

    def install(self, release):
        """What the chart gives it, once."""
        if release not in self.installed:
            chart.install(self.lab, os.environ["E2E_HELM"], release, RELEASES[release])
            self.installed.add(release)

    def instance(self, name, release="x", options=()):
        """One more, not started yet; it ends with the scene at the latest."""
        self.install(release)
        one = Sealway(self, name, chart.account_of(release), options)
        self.instances.append(one)
        return one

    def stop_instances(self):
        for one in self.instances:
            one.stop()
        self.current = None

    def stop(self):
        self.stop_instances()
        self.lab.stop()

    def put(self, *items):
        for item in items:
            self.lab.api.put(item)

    def delete(self, *items):
        for item in items:
            self.lab.api.delete(item)
