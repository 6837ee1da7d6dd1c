#!/usr/bin/env -S python3 -B
"""contents.py ARCHIVE VERSION COMMIT - what is in the image, and what is said of it."""

import hashlib
import os
import sys

from verdicts import Verdicts

from archive import Image, stanza

PROGRAM = "usr/bin/sealway"
RECORDS = "var/lib/dpkg/status.d/"
# All the directories that files may stand in.
PLACES = ("etc/", "usr/bin/", "usr/lib/", "usr/lib64/", "usr/share/common-licenses/", "usr/share/doc/", RECORDS)
MOUNT_POINTS = {"dev", "proc", "run", "sys"}
MOST = 40_000_000


def size(members):
    return sum(member.size for member in members)


def figures(image):
    every = image.members.values()
    print(f"image: {size(every) / 1e6:.1f} MB, {len(image.layers)} layers, {len(image.files())} files")
    for layer in image.layers:
        members = layer.getmembers()
        largest = sorted(members, key=lambda member: -member.size)[:3]
        names = ", ".join(f"{os.path.basename(each.name)} {each.size / 1e6:.1f}" for each in largest)
        print(f"  layer of {size(members) / 1e6:5.1f} MB: {names}")


def check_metadata(image, version, commit, v):
    config = image.config["config"]
    labels = {key: value for key, value in config["Labels"].items() if key.startswith("org.opencontainers.image.")}
    v.equal("the_user_is_a_number_of_our_own", config["User"], "64646:64646")
    v.equal("it_starts_the_program", (config["Entrypoint"], config["Cmd"]), (["/usr/bin/sealway"], ["serve"]))
    v.equal("the_ports_are_said", sorted(config["ExposedPorts"]), ["10254/tcp", "8443/tcp"])
    v.equal("the_version_is_said", labels.pop("org.opencontainers.image.version", None), version)
    v.equal("the_commit_is_said", labels.pop("org.opencontainers.image.revision", None), commit)
    names = ["description", "licenses", "title"]
    v.equal("the_other_labels_are_there", sorted(labels), [f"org.opencontainers.image.{name}" for name in names])
    wanted = f"/sealway:{version}"
    v.none("the_archive_has_the_name_asked_for",
           [] if any(tag.endswith(wanted) for tag in image.manifest["RepoTags"]) else image.manifest["RepoTags"])


def check_modes(image, v):
    members = image.members.items()
    files = [(path, member) for path, member in members if not member.issym()]
    runnable = [path for path, member in files if member.isfile() and member.mode & 0o111]
    v.none("nothing_but_the_program_can_be_run",
           [path for path in runnable if path != PROGRAM and ".so" not in os.path.basename(path)])
    v.equal("no_other_program_is_there", [path for path in image.members if "bin/" in path], [PROGRAM])
    v.none("no_file_is_setuid_or_has_capabilities",
           [path for path, member in files if member.mode & 0o6000 or "security.capability" in str(member.pax_headers)])
    v.none("no_one_else_may_write", [path for path, member in files if member.mode & 0o022])
    v.none("all_is_owned_by_root", [path for path, member in members if (member.uid, member.gid) != (0, 0)])
    v.none("there_is_no_device", [path for path, member in files if not member.isfile() and not member.isdir()])
    v.none("times_are_none", [path for path in image.files() if image.members[path].mtime])


def check_places(image, v):
    files = [path for path, member in image.members.items() if not member.isdir() and path not in ("lib", "lib64")]
    v.none("nothing_of_the_build_is_left", [path for path in files if not path.startswith(PLACES)])
    tops = {path for path in image.members if "/" not in path}
    v.equal("a_runtime_finds_its_mount_points", MOUNT_POINTS & tops, MOUNT_POINTS)
    certificates = image.read("etc/ssl/certs/ca-certificates.crt").count(b"BEGIN CERTIFICATE")
    v.none("public_certificates_are_there", [] if certificates > 100 else [f"{certificates} only"])


def check_records(image, v):
    records = [path for path in image.files() if path.startswith(RECORDS) and not path.endswith(".md5sums")]
    sums = {}
    for path in records:
        for line in image.read(path + ".md5sums").decode().splitlines():
            md5, _, name = line.partition("  ")
            sums[name.replace("lib/", "usr/lib/", 1) if name.startswith("lib/") else name] = md5
    libraries = [path for path in image.files() if path.startswith("usr/lib")]
    v.none("each_library_is_as_debian_made_it",
           [path for path in libraries if hashlib.md5(image.read(path)).hexdigest() != sums.get(path)])
    fields = {path.removeprefix(RECORDS): stanza(image.read(path).decode()) for path in records}
    v.none("each_record_is_of_its_package", [
        name for name, each in fields.items()
        if each.get("Package") != name or not each.get("Version") or each.get("Status") != "install ok installed"])
    v.none("each_package_has_its_licence", [
        name for name in ["sealway", *fields] if f"usr/share/doc/{name}/copyright" not in image.members])
    v.none("there_are_records", [] if len(records) > 10 else [f"{len(records)} only"])


def main():
    image = Image(sys.argv[1])
    v = Verdicts()
    figures(image)
    total = size(image.members.values())
    v.none("it_is_small", [] if total <= MOST else [f"{total} bytes"])
    check_metadata(image, sys.argv[2], sys.argv[3], v)
    check_modes(image, v)
    check_places(image, v)
    check_records(image, v)
    return v.status()


if __name__ == "__main__":
    sys.exit(main())
