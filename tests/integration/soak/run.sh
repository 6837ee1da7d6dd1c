#!/usr/bin/env bash
# Everything at once for TIME (default 30s): see main.py.
set -eu
cd "$(dirname "$0")/../../.."
. tests/metrics/python.sh
export PYTHONPATH=tests/metrics:tests/integration/soak
exec "$python" -B tests/integration/soak/main.py
