#!/usr/bin/env bash
# run.sh [NAME...] - Sealway against a real API server, with real TLS on both sides.
#
#   NAME         run only the tests whose name has this in it
#   SEALWAY_BIN  the program (default build/sealway)
#   KUBE=1.30    the API server of another version than the newest; see kube/build.sh
#   FULL=1       the long forms: an API server away for minutes, 10,000 Ingresses, 500 changes, and
#                each right taken away once, for a test to fail
#   KEEP=1       leave the logs behind, and say where
#
# All runs in a network namespace of its own, whose loopback interface has the addresses of the
# backends: an API server takes no loopback address as an endpoint.  Takes root.
set -eu
cd "$(dirname "$0")"
. ../metrics/python.sh
. ../support/as_root.sh

as_root SEALWAY_BIN,SEALWAY_E2E_CACHE,KUBE "$PWD/run.sh" "$@"
for program in unshare ip openssl python3; do
    command -v $program >/dev/null || {
        echo "run.sh: $program is missing; tests/support/deps.sh e2e installs it" >&2
        exit 1
    }
done

SEALWAY_BIN=$(realpath "${SEALWAY_BIN:-../../build/sealway}")
[ -x "$SEALWAY_BIN" ] || { echo "run.sh: $SEALWAY_BIN: no such program; make builds it" >&2 && exit 1; }
# What Go has to fetch needs a network; so before there is none.
E2E_KUBE=$(kube/build.sh ${KUBE:+"$KUBE"})
E2E_HELM=$(kube/helm.sh)
export SEALWAY_BIN E2E_KUBE E2E_HELM

# shellcheck disable=SC2154 # python.sh assigns it
exec unshare --net -- "$python" -B main.py "$@"
