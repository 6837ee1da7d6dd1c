#!/usr/bin/env bash
# image.sh ARCHIVE - build the image of this tree as a user without a registry does, into a file.
#
# The base and the builder's layers are those of tests/image, kept from run to run.
set -eu
archive=$1
cd "$(dirname "$0")/../.."
if [ "${INSIDE:-}" != yes ]; then
    exec env INSIDE=yes unshare --mount -- tests/cluster/image.sh "$archive"
fi
unset INSIDE
. tests/image/storage.sh

export SEALWAY_IMAGE_CACHE=${SEALWAY_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sealway-image}
dir=$(mktemp -d "${TMPDIR:-/tmp}/sealway-image.XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir -p "$SEALWAY_IMAGE_CACHE"
# Two builders of the same base would be one too many.
exec 9>"$SEALWAY_IMAGE_CACHE/lock"
flock 9
prepare_storage "$SEALWAY_IMAGE_CACHE" "$dir"
# As tests/image says it, whose layers are then ours.
commit=$(git -c safe.directory='*' rev-parse --short=12 HEAD 2>/dev/null || echo 0123456789ab)
make --no-print-directory image BUILDER=buildah BASE=local COMMIT="$commit" ARCHIVE="$archive" \
    >"$dir/log" 2>&1 || {
    grep -v '^  CC' "$dir/log" | tail -n 40 >&2
    exit 1
}
