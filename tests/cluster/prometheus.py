"""Debian's Prometheus, in the node's network, by the scrape job that docs/operations.md shows.

Debian builds it without the discovery of pods.  So the discovery is a process of its own: that of
Prometheus' own source (discovery/), with the service account's token, whose findings Debian's reads
from a file.
"""

import http.client
import json
import re
import shutil
import urllib.parse

import yaml

import paths
import helm
import namespaces
from commands import call
from components import API_PORT
from process import Process

OPERATIONS = paths.TREE / "docs" / "operations.md"
ACCOUNT = ("monitoring", "prometheus")
WEB_PORT = 9090  # nobody else of the node's network has it


def shown(name):
    """The objects of a file that the document shows."""
    block = re.search(rf"^<!-- file: {re.escape(name)} -->\n```yaml\n(.*?)^```$",
                      OPERATIONS.read_text(), re.M | re.S)
    assert block, f"{OPERATIONS.name} has no {name}"
    return list(yaml.safe_load_all(block[1]))


def _give_rights(node, namespace):
    helm.namespace(node, ACCOUNT[0])
    account = {"apiVersion": "v1", "kind": "ServiceAccount",
               "metadata": {"name": ACCOUNT[1], "namespace": ACCOUNT[0]}}
    rights = shown("prometheus-rights.yml")
    for one in rights:
        one["metadata"]["namespace"] = namespace
    node.kubectl("apply", "-f", "-", input=yaml.safe_dump_all([account, *rights]))


def _kubeconfig(node):
    """Of who may do no more than the document says."""
    token = node.kubectl("create", "token", ACCOUNT[1], f"--namespace={ACCOUNT[0]}")
    return {"apiVersion": "v1", "kind": "Config", "current-context": "pods",
            "clusters": [{"name": "node", "cluster": {
                "server": f"https://{node.ip}:{API_PORT}",
                "certificate-authority": str(node.dir / "pki" / "ca.crt")}}],
            "users": [{"name": "prometheus", "user": {"token": token}}],
            "contexts": [{"name": "pods", "context": {"cluster": "node", "user": "prometheus"}}]}


def build():
    """The path of the program that discovers."""
    return call([paths.HERE / "discovery" / "build.sh"]).strip()


class Prometheus:
    """With the rights of a service account, for the pods of one namespace."""

    def __init__(self, node, namespace, rules):
        self.node, self.namespace = node, namespace
        _give_rights(node, namespace)
        self.dir = node.dir / "prometheus"
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir()
        self.found = self.dir / "found.json"
        self._write("kubeconfig", _kubeconfig(node))
        self._configure(rules)
        self.processes = []

    def _write(self, name, content):
        (self.dir / name).write_text(json.dumps(content))

    def _configure(self, rules):
        """As it is shown, but for the place of the discovery; and with a scrape a second."""
        config, = shown("prometheus-pods.yml")
        job, = config["scrape_configs"]
        discovery, = job.pop("kubernetes_sd_configs")
        assert discovery["namespaces"] == {"names": ["sealway"]}, discovery
        self._write("discovery.yml", {**discovery, "namespaces": {"names": [self.namespace]},
                                      "kubeconfig_file": str(self.dir / "kubeconfig")})
        job["file_sd_configs"] = [{"files": [str(self.found)], "refresh_interval": "1s"}]
        self._write("prometheus.yml", {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s",
                       "evaluation_interval": "1s"}, "rule_files": [str(rules)], **config})

    def __enter__(self):
        self._run("discovery", build(), self.dir / "discovery.yml", self.found)
        self._run("prometheus", "prometheus", f"--config.file={self.dir / 'prometheus.yml'}",
                  f"--storage.tsdb.path={self.dir / 'data'}", "--log.level=warn",
                  f"--web.listen-address=127.0.0.1:{WEB_PORT}")
        self.node.wait(self._is_ready, 120, "Prometheus")
        return self

    def _run(self, name, *argv):
        self.processes.append(Process(name, self.node.in_node(argv), self.dir))

    def __exit__(self, *_):
        for process in self.processes:
            process.stop(5)

    def _is_ready(self):
        for process in self.processes:
            assert process.is_alive(), process.tail()
        try:
            return self._get("/-/ready")[0] == 200
        except OSError:
            return False

    def _get(self, path):
        with namespaces.within(self.node.node_ns):
            connection = http.client.HTTPConnection("127.0.0.1", WEB_PORT, timeout=60)
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, answer.read().decode()
            finally:
                connection.close()

    def get(self, path, **parameters):
        """The data of an answer of its API."""
        status, text = self._get(f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        assert status == 200, f"{path} {parameters}: {text}"
        return json.loads(text)["data"]

    def query(self, expression):
        """[(labels, value)] of an instant query."""
        found = self.get("query", query=expression)
        rows = found["result"] if found["resultType"] == "vector" else []
        return [(row["metric"], float(row["value"][1])) for row in rows]

    def discovered(self):
        """{address: labels} of all that was discovered, before it is relabelled."""
        try:
            found = json.loads(self.found.read_text())
        except FileNotFoundError:
            return {}
        return {address: each["labels"] for each in found for address in each["targets"]}

    def targets(self):
        """{instance: (health, labels)} of what it scrapes."""
        active = self.get("targets", state="active")["activeTargets"]
        return {one["labels"]["instance"]: (one["health"], one["labels"]) for one in active}
