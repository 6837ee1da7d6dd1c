#!/usr/bin/env bash
# make.sh image [NAME=VALUE...] - stands for `make` where a reader of README.md builds the image.
#
# Of this tree it was built before, and is taken; with FULL=1 it is built as the reader says.
#   ARCHIVE_OF_TREE  the image of before
#   MACHINE_*        network, PATH, HOME and proxies of who builds: the reader has the node's
set -eu
if [ "${1:-}" != image ]; then
    echo "make.sh: $*: a reader builds the image and nothing else" >&2
    exit 2
fi
shift
archive=
for setting in "$@"; do
    case $setting in
        ARCHIVE=*) archive=$PWD/${setting#ARCHIVE=} ;;
        *) export "${setting?}" ;;
    esac
done
if [ -n "${FULL:-}" ]; then
    export PATH=$MACHINE_PATH HOME=$MACHINE_HOME
    for name in http_proxy https_proxy no_proxy; do
        from=MACHINE_$name
        [ -z "${!from:-}" ] || export "$name=${!from}"
    done
    exec nsenter --net="$MACHINE_NET" "$(dirname "$0")/image.sh" "${archive:-$NOTES.tar}"
elif [ -n "$archive" ]; then
    cp "$ARCHIVE_OF_TREE" "$archive"
fi
