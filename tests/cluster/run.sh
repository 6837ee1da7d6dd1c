#!/usr/bin/env bash
# run.sh [WORD...] - Sealway on a real node: containers, Pod Security, node ports, the chart.
#
#   WORD...        run only the tests whose name has one of these in it
#   FULL=1         the long forms
#   KEEP=1         take the node that is up, if one is, and leave it up; say how to talk to it
#   NODE=name      which node (default sealway); several may be up
#
#   run.sh up | down                     start the node and leave it up; stop it
#   run.sh release [RELEASE NAMESPACE]   the chart with the image of this tree; prints the node port
#   run.sh kubectl ARGS | helm ARGS      in the node's network
#   run.sh client COMMAND                in the network of its clients: run.sh client curl ...
#
#   SEALWAY_ARCHIVE          an image that make image ARCHIVE= wrote, in place of the tree's
#   SEALWAY_NODE_REQUIRED=1  a machine that lets no node run fails, in place of skipping everything
#
# The node is in namespaces of its own, and has its files in one directory of $TMPDIR.  Takes root.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../metrics/python.sh"
. "$here/../support/as_root.sh"

caches=SEALWAY_E2E_CACHE,SEALWAY_IMAGE_CACHE,SEALWAY_CLUSTER_CACHE,SEALWAY_ARCHIVE
as_root "$caches,SEALWAY_NODE_REQUIRED,NODE" "$here/run.sh" "$@"
for program in containerd runc ctr nft conntrack ip unshare nsenter sysctl python3; do
    command -v $program >/dev/null || {
        echo "run.sh: $program is missing; tests/support/deps.sh cluster installs it" >&2
        exit 1
    }
done

# shellcheck disable=SC2154 # python.sh assigns it
exec "$python" -B "$here/main.py" "$@"
