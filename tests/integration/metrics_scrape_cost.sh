#!/usr/bin/env bash
# What a scrape of ten thousand routes costs.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/metrics/python.sh
exec "$python" -B tests/metrics/scrape_cost.py
