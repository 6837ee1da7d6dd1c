#!/usr/bin/env -S python3 -B
"""sbom.py ARCHIVE - what is inside an image, as CycloneDX 1.5 in JSON.

Read from the image itself: the program with its checksum and commit, and each Debian package that a
file came from, by dpkg's records of it.  The same image gives the same text.
"""

import hashlib
import json
import sys
import uuid
from urllib.parse import quote

from archive import Image, stanza

RECORDS = "var/lib/dpkg/status.d/"
PROGRAM = "usr/bin/sealway"
SPACE = uuid.uuid5(uuid.NAMESPACE_OID, "sealway")


def os_release(image):
    lines = image.read("usr/lib/os-release").decode().splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


def sealway(image):
    labels = image.config["config"]["Labels"]
    version = labels["org.opencontainers.image.version"]
    commit = labels["org.opencontainers.image.revision"]
    return {
        "type": "application",
        "bom-ref": "sealway",
        "name": "sealway",
        "version": version,
        "description": labels["org.opencontainers.image.description"],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(image.read(PROGRAM)).hexdigest()}],
        "licenses": [{"license": {"id": labels["org.opencontainers.image.licenses"]}}],
        "purl": f"pkg:generic/sealway@{quote(version)}",
        "properties": [{"name": "sealway:commit", "value": commit}, {"name": "sealway:path", "value": "/" + PROGRAM}],
    }


def package(image, record, distro):
    """The purl is what scanners look a package up by."""
    fields = stanza(image.read(record).decode())
    name, version, arch = fields["Package"], fields["Version"], fields["Architecture"]
    source, _, source_version = fields.get("Source", name).partition(" ")
    sums = image.read(record + ".md5sums").decode().splitlines()
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={arch}&distro={distro}"
    if source != name:
        purl += f"&upstream={quote(source)}"
    properties = {
        "debian:source": source,
        "debian:source-version": source_version.strip("()") or version,
        "debian:files": "\n".join("/" + line.split(None, 1)[1] for line in sums),
    }
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "supplier": {"name": fields["Maintainer"]},
        "description": fields["Description"],
        "purl": purl,
        "properties": [{"name": key, "value": value} for key, value in properties.items()],
    }


def packages(image, distro):
    records = [path for path in image.files() if path.startswith(RECORDS) and not path.endswith(".md5sums")]
    return [package(image, record, distro) for record in records]


def is_linked(package):
    """Whether it is a library that the program runs on, directly or not."""
    return any(each["name"] == "debian:files" and ".so" in each["value"] for each in package["properties"])


def system(release):
    return {
        "type": "operating-system",
        "bom-ref": "os",
        "name": release["ID"],
        "version": release["VERSION_ID"],
        "description": release["PRETTY_NAME"],
    }


def container(image, digest):
    return {
        "type": "container",
        "bom-ref": "image",
        "name": "sealway",
        "version": image.config["config"]["Labels"]["org.opencontainers.image.version"],
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }


def sbom(image):
    release = os_release(image)
    debian = packages(image, f"{release['ID']}-{release['VERSION_ID']}")
    components = [sealway(image), system(release), *debian]
    digest = image.manifest["Config"].removesuffix(".json").rpartition("/")[2]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(SPACE, digest)}",
        "version": 1,
        "metadata": {
            "timestamp": image.config["created"][:19] + "Z",
            "component": container(image, digest),
        },
        "components": components,
        "dependencies": [
            {"ref": "image", "dependsOn": [each["bom-ref"] for each in components]},
            {"ref": "sealway", "dependsOn": [each["bom-ref"] for each in debian if is_linked(each)]},
        ],
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: sbom.py ARCHIVE")
    json.dump(sbom(Image(sys.argv[1])), sys.stdout, indent=2)
    print()
