#!/usr/bin/env bash
# `make` alone builds the program: a rule in front of `all` would silently take its place.
set -u
cd "$(dirname "$0")/../.." || exit 1

goal=$(make -pnq 2>/dev/null | sed -n 's/^\.DEFAULT_GOAL := //p')
if [ "$goal" != all ]; then
    echo "Makefile: make alone builds $goal, not all"
    exit 1
fi
echo "ok goal"
