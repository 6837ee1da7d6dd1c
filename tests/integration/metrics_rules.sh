#!/usr/bin/env bash
# The alerts do what they say.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/metrics/python.sh
exec "$python" -B tests/metrics/rules.py
