"""Images in files: ours, as `make image` writes it, and small ones of a program and what it reads.

Both are kept outside the tree, and made anew when what is in them changes.
"""

import contextlib
import fcntl
import functools
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import tarfile
import time

import components
import paths
from commands import call

USER = "65532:65532"  # a number, so that runAsNonRoot can be checked


def cache():
    home = pathlib.Path(os.environ.get("HOME") or "/root")
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return pathlib.Path(os.environ.get("SEALWAY_CLUSTER_CACHE") or base / "sealway-cluster")


# ---- ours

@functools.cache
def sealway_archive():
    """(file, repository:tag) of the image of this tree, or of $SEALWAY_ARCHIVE."""
    version = re.search(r"^VERSION *:= *(\S+)$", (paths.TREE / "Makefile").read_text(), re.M)[1]
    if os.environ.get("SEALWAY_ARCHIVE"):
        return pathlib.Path(os.environ["SEALWAY_ARCHIVE"]), f"sealway:{version}"
    path = cache() / f"sealway-{_tree_digest()}.tar"
    with locked("sealway"):
        if not path.exists():
            _forget_old()
            call([paths.HERE / "image.sh", path])
    return path, f"sealway:{version}"


def _forget_old():
    """What another run may be about to read is younger."""
    for old in cache().glob("sealway-*.tar"):
        if time.time() - old.stat().st_mtime > 86400:
            old.unlink()


def _tree_digest():
    """Of what the image is built from: what .dockerignore lets through, and how."""
    ignore = (paths.TREE / ".dockerignore").read_text().split("\n")
    tops = ["Dockerfile", "deploy/image", *(line[1:] for line in ignore if line.startswith("!"))]
    digest = hashlib.sha256()
    for top in map(paths.TREE.joinpath, tops):
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(paths.TREE)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


# ---- of a program

def app_archive(name, program, files=(), args=()):
    """(file, repository:tag) of an image whose entry point is `program`, as /NAME.

    `files` are pairs of a path here and its path in the image; a directory is taken whole.
    """
    reference = f"sealway.test/{name}:1"
    layer = _layer([(program, f"/{name}"), *files])
    path = cache() / f"app-{name}.tar"
    with locked(f"app-{name}"):
        write_archive(path, reference, layer, {
            "Entrypoint": [f"/{name}", *args], "User": USER, "WorkingDir": "/"})
    return path, reference


def _layer(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for source, target in files:
            tar.add(source, str(target).lstrip("/"), filter=_as_roots)
    return out.getvalue()


def _as_roots(member):
    """Without what differs from one machine to the next."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def write_archive(path, reference, layer, config):
    """As `docker save` does it, of one layer."""
    described = json.dumps({
        "architecture": _architecture(), "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }).encode()
    name = hashlib.sha256(described).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": [reference], "Layers": ["layer.tar"]}]
    new = path.with_suffix(".new")
    with tarfile.open(new, "w") as tar:
        for member, data in (("layer.tar", layer), (name, described),
                             ("manifest.json", json.dumps(manifest).encode())):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    new.rename(path)


def _architecture():
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


# ---- in C, without a library

def compiled(name):
    """The path of a static program of NAME.c, which is beside this file."""
    source, program = paths.HERE / f"{name}.c", cache() / name
    with locked(name):
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run([os.environ.get("CC", "cc"), "-O2", "-static", "-s", "-o", program,
                            source], check=True)
    return program


def pause_archive():
    """The image that every pod has, under the name that containerd is told."""
    path = cache() / "pause.tar"
    layer = _layer([(compiled("pause"), "/pause")])
    with locked("pause-image"):
        write_archive(path, components.PAUSE, layer, {"Entrypoint": ["/pause"], "User": USER})
    return path


@contextlib.contextmanager
def locked(name):
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / f"lock-{name}", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
