#!/usr/bin/env bash
# run.sh [FILE...] - hold the documents against the program; see README.md here.
#
#   SEALWAY_BIN  the program (default build/sealway)
#   FULL=1       build the API server for the commands that need one, where it was not built yet
#   SEALWAY_DOCS_CLUSTER=1  a command that needs the API server fails where there is none, instead of
#                being skipped
#
# All runs in a network namespace of its own, so that the ports and addresses which the documents
# show are free: takes root, or user namespaces.
set -eu
cd "$(dirname "$0")"

SEALWAY_BIN=$(realpath "${SEALWAY_BIN:-../../build/sealway}")
[ -x "$SEALWAY_BIN" ] || {
    echo "run.sh: $SEALWAY_BIN: no such program; make builds it" >&2
    exit 1
}
export SEALWAY_BIN

# What Go has to fetch needs a network; so before there is none.
DOCS_HELM=$(../e2e/kube/helm.sh) || DOCS_HELM=
cache=${SEALWAY_E2E_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/sealway-e2e}
key=$(cd ../e2e/kube && cat go.mod go.sum ./*.go build.sh | sha256sum | cut -c1-16)
DOCS_KUBE=$cache/kube-$key
if [ -n "${FULL:-}" ]; then
    DOCS_KUBE=$(../e2e/kube/build.sh)
fi
[ -x "$DOCS_KUBE" ] || DOCS_KUBE=
export DOCS_HELM DOCS_KUBE

user=
[ "$(id -u)" -eq 0 ] || user=--map-root-user
# shellcheck disable=SC2016 # the inner shell's own
exec unshare --net $user -- sh -c 'ip link set lo up && exec python3 -B main.py "$@"' main "$@"
