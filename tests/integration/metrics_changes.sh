#!/usr/bin/env bash
# Sums never fall while routes come and go, a thousand times.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/metrics/python.sh
exec "$python" -B tests/metrics/changes.py
