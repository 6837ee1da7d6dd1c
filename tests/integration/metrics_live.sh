#!/usr/bin/env bash
# A real Prometheus finds data for every panel and every alert.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/metrics/python.sh
exec "$python" -B tests/metrics/live.py
