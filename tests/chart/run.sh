#!/usr/bin/env bash
# run.sh [NAME...] - the chart: renderings, refusals, rights, and the files that are made from it.
#
#   NAME         run only the tests whose name has this in it
#   UPDATE=1     write those files anew instead: the chart's README and table of options,
#                deploy/kubernetes.yaml, the golden files
#   SEALWAY_BIN  the program (default build/sealway), whose options the chart has to know
set -eu
cd "$(dirname "$0")/../.."
. tests/metrics/python.sh

"$python" -c 'import yaml' 2>/dev/null || {
    echo "run.sh: PyYAML is missing; tests/support/deps.sh chart installs it" >&2
    exit 1
}
SEALWAY_BIN=$(realpath "${SEALWAY_BIN:-build/sealway}")
[ -x "$SEALWAY_BIN" ] || { echo "run.sh: $SEALWAY_BIN: no such program; make builds it" >&2 && exit 1; }
HELM=$(tests/e2e/kube/helm.sh)
export SEALWAY_BIN HELM

if [ -n "${UPDATE:-}" ]; then
    exec "$python" -B tests/chart/update.py
fi
exec "$python" -B tests/chart/main.py "$@"
