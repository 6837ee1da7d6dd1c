#!/usr/bin/env bash
# Real TLS clients and servers, directly and through the program: the short form of `make stacks`,
# with what every machine of ours has.
set -u
cd "$(dirname "$0")/../.." || exit 1

under=()
# As in run_tests.sh: gcc 12's tsan does not know the address layouts that newer kernels draw.
if [ "${VARIANT:-}" = tsan ] && setarch -R true 2>/dev/null; then
    under=(setarch -R)
fi
exec "${under[@]}" python3 tests/stacks/run.py --short
