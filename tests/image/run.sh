#!/usr/bin/env bash
# run.sh - build the image in a base made here, look into it, and run it.
#
# The base, the builder's layers and the schema of the bill of materials are kept from run to run, in
# $SEALWAY_IMAGE_CACHE (~/.cache/sealway-image).  Nothing stays mounted: all is done in a mount
# namespace of its own.  KEEP=DIR leaves the image and the bill of materials there.  Takes root.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/as_root.sh
as_root SEALWAY_IMAGE_CACHE "$PWD/tests/image/run.sh"
if [ "${INSIDE:-}" != yes ]; then
    exec env INSIDE=yes unshare --mount -- tests/image/run.sh
fi
unset INSIDE

export SEALWAY_IMAGE_CACHE=${SEALWAY_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sealway-image}
. tests/image/storage.sh
cache=$SEALWAY_IMAGE_CACHE
dir=$(mktemp -d "${TMPDIR:-/tmp}/sealway-image.XXXXXX")
trap 'rm -rf "$dir"' EXIT
archive=$dir/sealway.tar
bill=$dir/sealway.cdx.json
version=$(sed -n 's/^VERSION *:= *//p' Makefile)
commit=$(git -c safe.directory='*' rev-parse --short=12 HEAD 2>/dev/null || echo 0123456789ab)

# As a user would; what it says is shown when it fails.
build() {
    local began=$SECONDS
    if make --no-print-directory sbom BUILDER=buildah BASE=local COMMIT="$commit" ARCHIVE="$archive" \
        SBOM="$bill" >"$dir/build.log" 2>&1; then
        echo "ok the_image_is_built"
        echo "built in $((SECONDS - began)) s with $(buildah --version | cut -d' ' -f1-3)"
    else
        echo "FAIL the_image_is_built"
        grep -v '^  CC' "$dir/build.log" | tail -n 40
        return 1
    fi
}

# The schemas come with a package of Python's; only files of it are used.
fetch_schemas() {
    local package=cyclonedx-python-lib version=11.12.0
    schemas=$cache/schemas-$version
    if [ ! -d "$schemas" ]; then
        /usr/bin/python3 -m pip --quiet --disable-pip-version-check download --no-deps \
            --only-binary :all: --dest "$dir/wheel" "$package==$version" >"$dir/pip.log" 2>&1 &&
            /usr/bin/python3 -m zipfile -e "$dir"/wheel/*.whl "$dir/wheel/files" &&
            cp -r "$dir/wheel/files/cyclonedx/schema/_res" "$schemas.new" &&
            mv "$schemas.new" "$schemas"
    fi
}

# Each prints "ok NAME" or "FAIL NAME"; one that broke before it could has failed, too.
check() {
    "$@" | tee "$dir/check"
    if [ "${PIPESTATUS[0]}" -ne 0 ] && ! grep -q '^FAIL ' "$dir/check"; then
        echo "FAIL $*"
    fi
}

checks() {
    prepare_storage "$cache" "$dir"
    check tests/image/builders.sh
    build || return
    if fetch_schemas; then
        check /usr/bin/python3 -B tests/image/sbom.py "$bill" "$archive" "$commit" "$schemas"
    else
        check /usr/bin/python3 -B tests/image/sbom.py "$bill" "$archive" "$commit"
    fi
    check tests/image/contents.py "$archive" "$version" "$commit"
    check tests/image/serve.sh "$archive" "$commit"
}

checks 2>&1 | tee "$dir/results"
ended=${PIPESTATUS[0]}
if [ -n "${KEEP:-}" ]; then
    mkdir -p "$KEEP" && cp "$archive" "$bill" "$KEEP/"
fi
passed=$(grep -c '^ok ' "$dir/results")
failed=$(grep -c '^FAIL ' "$dir/results")
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] && [ "$ended" -eq 0 ]
