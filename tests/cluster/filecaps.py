"""An image whose program has the file capability to bind low ports, as setcap(8) gives it."""

import hashlib
import io
import json
import tarfile

PROGRAM = "usr/bin/sealway"
CAP_NET_BIND_SERVICE = 10
VERSION = 2 << 24  # VFS_CAP_REVISION_2 of linux/capability.h
EFFECTIVE = 1


def _attribute(is_effective):
    """struct vfs_cap_data: version and flag, then permitted and inheritable bits, twice 32."""
    words = (VERSION | (EFFECTIVE if is_effective else 0), 1 << CAP_NET_BIND_SERVICE, 0, 0, 0)
    return b"".join(word.to_bytes(4, "little") for word in words).decode()


def _with_attribute(layer, is_effective):
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(layer)) as old, \
            tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in old:
            if member.name == PROGRAM:
                member.pax_headers = {
                    **member.pax_headers,
                    "SCHILY.xattr.security.capability": _attribute(is_effective)}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return out.getvalue()


def _has_program(layer):
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return PROGRAM in tar.getnames()


def with_file_capability(source, target, reference, is_effective):
    """Write the archive of an image anew, under another name."""
    with tarfile.open(source) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
    manifest, = json.loads(files["manifest.json"])
    config = json.loads(files[manifest["Config"]])
    layers = [files[name] for name in manifest["Layers"]]
    layers = [_with_attribute(layer, is_effective) if _has_program(layer) else layer
              for layer in layers]
    config["rootfs"]["diff_ids"] = ["sha256:" + hashlib.sha256(layer).hexdigest()
                                    for layer in layers]
    names = [f"layer-{i}.tar" for i in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": [reference], "Layers": names}]
    with tarfile.open(target, "w") as tar:
        for name, data in [*zip(names, layers), ("config.json", json.dumps(config).encode()),
                           ("manifest.json", json.dumps(manifest).encode())]:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
