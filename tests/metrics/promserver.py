"""promserver - a real Prometheus on a free port, asked over its API."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import report
import sealway


class Prometheus:
    """A context manager.  `jobs`: {name: [(ip, port), ...]}; `rules`: files."""

    def __init__(self, jobs, rules):
        if shutil.which("prometheus") is None:
            raise report.Skipped("prometheus is not installed (deps.sh test)")
        self.dir = tempfile.TemporaryDirectory(prefix="sealway-prometheus-")
        self.url = self.process = None
        # What a Kubernetes service discovery would attach, so that labels collide as they do there.
        attached = {"namespace": "ingress", "service": "sealway-metrics", "pod": "sealway-0"}
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s",
                       "evaluation_interval": "1s"},
            "rule_files": [os.path.abspath(path) for path in rules],
            "scrape_configs": [
                {"job_name": job, "honor_labels": True, "static_configs": [
                    {"targets": [f"{ip}:{port}" for ip, port in targets], "labels": attached}]}
                for job, targets in jobs.items()]}
        with open(self._path("config.yml"), "w", encoding="utf-8") as out:
            json.dump(config, out)  # JSON is YAML

    def _path(self, name):
        return os.path.join(self.dir.name, name)

    def __enter__(self):
        with open(self._path("log"), "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", "--config.file=" + self._path("config.yml"),
                 "--storage.tsdb.path=" + self._path("data"),
                 "--web.listen-address=127.0.0.1:0"],
                stdout=log, stderr=log, preexec_fn=sealway.die_with_us)
        try:
            sealway.wait_until("Prometheus is ready", self._is_ready, 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.dir.cleanup()

    def _is_ready(self):
        with open(self._path("log"), encoding="utf-8") as log:
            text = log.read()
        assert self.process.poll() is None, text
        found = re.search(r'msg="Listening on" address=(\S+)', text)
        if found is None:
            return False
        self.url = "http://" + found.group(1)
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=20) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def get(self, path, **parameters):
        """The data of an answer of the API."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{path} {parameters}: {e.read().decode()}") from None

    def query(self, expr):
        """The samples of an instant query that are numbers: [(labels, value), ...]."""
        data = self.get("query", query=expr)
        rows = data["result"] if data["resultType"] == "vector" else []
        return [(row["metric"], float(row["value"][1])) for row in rows
                if row["value"][1] != "NaN"]
