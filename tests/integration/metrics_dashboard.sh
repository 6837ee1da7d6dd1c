#!/usr/bin/env bash
# The dashboard is whole.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/metrics/python.sh
exec "$python" -B tests/metrics/dashboard.py
