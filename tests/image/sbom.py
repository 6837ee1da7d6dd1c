#!/usr/bin/env -S python3 -B
"""sbom.py SBOM ARCHIVE COMMIT [SCHEMAS] - the bill of materials is well-formed, and says what is inside.

SCHEMAS is a directory of CycloneDX's JSON schemas.
"""

import hashlib
import json
import os
import re
import sys
from urllib.parse import urljoin

from verdicts import Verdicts

from archive import Image

DEBIAN = r"\?arch=(amd64|arm64|all)&distro=debian-12(&upstream=.+)?"
PURL = rf"pkg:(generic|deb/debian)/[a-z0-9.%+-]+@[A-Za-z0-9.%~+-]+({DEBIAN})?"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
SERIAL = r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def check_form(bom, v):
    v.equal("it_is_cyclonedx", (bom["bomFormat"], bom["specVersion"], bom["version"]), ("CycloneDX", "1.5", 1))
    v.none("it_has_a_serial_number", [] if re.fullmatch(SERIAL, bom["serialNumber"]) else [bom["serialNumber"]])
    time = bom["metadata"]["timestamp"]
    v.none("it_has_a_time", [] if re.fullmatch(TIME, time) else [time])
    components = [bom["metadata"]["component"], *bom["components"]]
    v.none("each_component_has_what_it_must", [
        each for each in components if not all(each.get(key) for key in ("type", "name", "version", "bom-ref"))])
    refs = [each["bom-ref"] for each in components]
    v.equal("each_component_is_named_once", len(refs), len(set(refs)))
    v.none("dependencies_are_of_components", [
        ref for each in bom["dependencies"] for ref in [each["ref"], *each["dependsOn"]] if ref not in refs])
    v.none("packages_can_be_looked_up", [
        each["name"] for each in bom["components"]
        if each["type"] != "operating-system" and not re.fullmatch(PURL, each.get("purl", ""))])


def check_truth(bom, image, commit, v):
    program = next(each for each in bom["components"] if each["name"] == "sealway")
    digest = hashlib.sha256(image.read("usr/bin/sealway")).hexdigest()
    v.equal("the_program_is_the_one_inside", program["hashes"], [{"alg": "SHA-256", "content": digest}])
    v.equal("its_commit_is_said", [each["value"] for each in program["properties"] if each["name"] == "sealway:commit"],
            [commit])
    said = {
        file.replace("/lib/", "/usr/lib/", 1) if file.startswith("/lib/") else file
        for each in bom["components"] for key in each.get("properties", [])
        if key["name"] == "debian:files" for file in key["value"].split("\n")}
    libraries = ["/" + path for path in image.files() if path.startswith("usr/lib/")]
    v.none("each_library_is_in_it", [path for path in libraries if path not in said])
    packages = [each["name"] for each in bom["components"] if each.get("purl", "").startswith("pkg:deb/")]
    for name in ("libc6", "libssl3", "libcurl4", "ca-certificates"):
        v.none(f"{name}_is_in_it", [] if name in packages else [f"{len(packages)} others are"])


def check_schema(bom, schemas, v):
    # Debian's module is Debian's Python's; the bill needs no other.
    import jsonschema

    def schema(name):
        with open(os.path.join(schemas, name), encoding="utf-8") as file:
            return json.load(file)

    main = schema("bom-1.5.SNAPSHOT.schema.json")
    others = ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")
    store = {urljoin(main["$id"], name): schema(name) for name in others}
    resolver = jsonschema.RefResolver.from_schema(main, store=store)
    errors = jsonschema.Draft7Validator(main, resolver=resolver).iter_errors(bom)
    v.none("it_is_valid_by_the_schema", [f"{'/'.join(map(str, each.path))}: {each.message}" for each in errors])


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        bom = json.load(file)
    v = Verdicts()
    check_form(bom, v)
    check_truth(bom, Image(sys.argv[2]), sys.argv[3], v)
    if len(sys.argv) > 4:
        check_schema(bom, sys.argv[4], v)
    else:
        print("skip it_is_valid_by_the_schema: the schema cannot be had here")
    return v.status()


if __name__ == "__main__":
    sys.exit(main())
