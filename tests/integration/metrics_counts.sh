#!/usr/bin/env bash
# What is done to a running instance is what it counts, and how its pages look.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/metrics/python.sh
exec "$python" -B tests/metrics/counts.py
