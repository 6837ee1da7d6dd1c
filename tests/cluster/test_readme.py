"""The five minutes of README.md, followed as they stand."""

import pathlib
import shutil
import tempfile
import time

import images
from loader import libraries_of
from once import FULL
from reader import Reader, blocks_of, rename_image

HEADING = "Five minutes on a cluster"
REGISTRY = "registry.example.com"
AFTER_THE_REGISTRY = """kubectl -n sealway rollout status deployment/sealway --timeout=2m
helm uninstall sealway --namespace sealway --wait --cascade foreground
"""


def _empty(node):
    """As a new cluster is, as far as the document knows of it."""
    node.helm("uninstall", "sealway", "--namespace", "sealway", "--ignore-not-found", "--wait",
              "--cascade=foreground")
    node.kubectl("delete", "namespace", "sealway", "shop", "--ignore-not-found")


def _load_nginx(node, directory):
    """Debian's stands in for the one that a cluster pulls: its name, its way of being started."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    archive, _ = images.app_archive("nginx", program, libraries_of(pathlib.Path(program)),
                                    args=("-c", "/etc/nginx/nginx.conf", "-g", "daemon off;"))
    node.load_image(rename_image(archive, "nginx:1.28", directory / "nginx.tar"))


def _follow(reader):
    """All of it; the way by a registry, and what takes everything away again, with FULL=1."""
    for block in blocks_of("README.md", HEADING):
        is_end = "helm uninstall" in block.text
        if is_end:
            reader.follow(blocks_of("docs/troubleshooting.md", "Troubleshooting")[0])
            reader.close_others()
        if FULL or not (is_end or REGISTRY in block.text):
            reader.follow(block)
        if FULL and REGISTRY in block.text and "helm" in block.text:
            reader.run(AFTER_THE_REGISTRY)


def five_minutes_lead_from_an_empty_cluster_to_a_routed_host(node):
    _empty(node)
    with tempfile.TemporaryDirectory(prefix="sealway-reader.") as directory:
        directory = pathlib.Path(directory)
        _load_nginx(node, directory)
        reader = Reader(node, directory)
        began = time.monotonic()
        try:
            _follow(reader)
        finally:
            reader.close_others()
    assert reader.compared >= 4 and reader.forwarded >= 1, (reader.compared, reader.forwarded)
    print(f"{'':13}{time.monotonic() - began:.1f} s for the five minutes of README.md")


def _end(node):
    """Pods may still drain."""
    node.helm("uninstall", "sealway", "--namespace", "sealway", "--ignore-not-found")
    node.kubectl("delete", "namespace", "shop", "--ignore-not-found", "--wait=false")
