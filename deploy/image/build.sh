#!/usr/bin/env bash
# build.sh - build the image with docker, podman or buildah, from the top of the tree.
#
#   IMAGE, TAG       what it is called (sealway, the version)
#   VERSION, COMMIT  what its labels and `sealway version` say
#   BASE             what it is built in: a Debian 12 (debian:12-slim); "local": made here of Debian's
#                    packages and kept in ~/.cache/sealway-image, for where none can be pulled
#   BUILDER          docker, podman or buildah; the first of them that works
#   BUILD_FLAGS      further flags for its build command (--no-cache, --platform ...)
#   ARCHIVE          also write the image to this file, as `docker load`, `ctr images import` and
#                    `kind load image-archive` take it
set -euo pipefail
cd "$(dirname "$0")/../.."

image=${IMAGE:-sealway}:${TAG:-latest}
base=${BASE:-debian:12-slim}
cache=${SEALWAY_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sealway-image}

die() {
    echo "make image: $*" >&2
    exit 1
}

works() {
    case $1 in
        # The client alone builds nothing.
        docker) command -v docker >/dev/null && docker info >/dev/null 2>&1 ;;
        podman | buildah) command -v "$1" >/dev/null ;;
        *) die "BUILDER=$1 is none of docker, podman, buildah" ;;
    esac
}

find_builder() {
    local name
    if [ -n "${BUILDER:-}" ]; then
        works "$BUILDER" || die "$BUILDER is not installed, or does not answer"
        echo "$BUILDER"
        return
    fi
    for name in docker podman buildah; do
        if works $name; then
            echo $name
            return
        fi
    done
    die "neither docker, podman nor buildah works here; tests/support/deps.sh image installs buildah"
}

# A tar of a root becomes the image NAME, for this builder.
import_root() {
    local tar=$1 name=$2 container
    case $builder in
        buildah)
            container=$(buildah from scratch)
            buildah add --quiet "$container" "$tar" / >/dev/null
            buildah commit --quiet --rm "$container" "$name" >/dev/null
            ;;
        *) $builder import "$tar" "$name" >/dev/null ;;
    esac
}

# Named after the file's time, so that a new base makes everything upon it anew.
local_base() {
    local tar name
    tar=$cache/base-$(dpkg --print-architecture 2>/dev/null || uname -m).tar
    deploy/image/base.sh "$tar" >&2
    name=sealway-base:$(date -u -r "$tar" +%Y%m%d%H%M%S)
    # Where no registry is named, these take one of a list, or else their own store.
    [ "$builder" = docker ] || name=localhost/$name
    $builder inspect --type image "$name" >/dev/null 2>&1 || import_root "$tar" "$name"
    echo "$name"
}

build() {
    local flags=(--build-arg "BASE=$base" --build-arg "VERSION=${VERSION:-unknown}"
        --build-arg "COMMIT=${COMMIT:-unknown}" --tag "$image")
    # Unasked, this one keeps nothing for the next time.
    [ "$builder" != buildah ] || flags+=(--layers)
    # shellcheck disable=SC2086 # a list of words
    $builder build "${flags[@]}" ${BUILD_FLAGS:-} .
}

write_archive() {
    rm -f "$1.new"
    case $builder in
        docker) docker save --output "$1.new" "$image" ;;
        # Under the name as it was given, which nodes complete as they do that of a pod.
        *) $builder push --quiet "$image" "docker-archive:$1.new:$image" ;;
    esac
    mv "$1.new" "$1"
}

builder=$(find_builder)
[ "$base" != local ] || base=$(local_base)
echo "building $image with $builder on $base"
build
echo "built $image"
if [ -n "${ARCHIVE:-}" ]; then
    mkdir -p "$(dirname "$ARCHIVE")"
    write_archive "$ARCHIVE"
    echo "wrote $ARCHIVE"
fi
