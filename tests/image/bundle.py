#!/usr/bin/env -S python3 -B
"""bundle.py ARCHIVE DIR MOUNTS ARGUMENT... - make DIR what an OCI runtime runs, as a pod that Pod Security restricts.

Who runs and what comes from the image; the rest is what a kubelet asks for with a read-only root, all
capabilities dropped, no new privileges and the runtime's default seccomp profile.  The directory
MOUNTS is seen as /mounts, its file `hosts` as /etc/hosts.  No network namespace is made.
"""

import json
import os
import platform
import sys

import verdicts  # noqa: F401, it says where archive is
from archive import Image

PROFILE = "/usr/share/containers/seccomp.json"
ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/scsi"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def seccomp():
    """The profile of container engines, for a process without capabilities, as the runtime wants it."""
    with open(PROFILE, encoding="utf-8") as file:
        profile = json.load(file)
    arch = ARCHES[platform.machine()]

    def holds(rule):
        only, but = rule.get("includes", {}), rule.get("excludes", {})
        return not only.get("caps") and arch in only.get("arches", [arch]) and arch not in but.get("arches", [])

    keys = ("names", "action", "args", "errnoRet")
    return {
        "defaultAction": profile["defaultAction"],
        "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
        "architectures": [f"SCMP_ARCH_{platform.machine().upper()}"],
        "syscalls": [{key: rule[key] for key in keys if rule.get(key) is not None}
                     for rule in profile["syscalls"] if holds(rule)],
    }


def bind(source, destination):
    return {"destination": destination, "type": "bind", "source": source, "options": ["bind", "ro", "nosuid", "nodev"]}


def config(image, mounts, arguments):
    uid, gid = map(int, image["User"].split(":"))
    return {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "sealway-0",
        "process": {
            "terminal": False,
            "user": {"uid": uid, "gid": gid},
            "args": image["Entrypoint"] + arguments,
            "env": image["Env"],
            "cwd": image.get("WorkingDir") or "/",
            "capabilities": {kind: [] for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")},
            "noNewPrivileges": True,
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            bind(mounts, "/mounts"),
            bind(os.path.join(mounts, "hosts"), "/etc/hosts"),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            "seccomp": seccomp(),
        },
    }


def main():
    archive, directory, mounts, *arguments = sys.argv[1:]
    image = Image(archive)
    root = os.path.join(directory, "rootfs")
    os.makedirs(root)
    image.unpack(root)
    with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config(image.config["config"], mounts, arguments), file, indent=1)


if __name__ == "__main__":
    main()
