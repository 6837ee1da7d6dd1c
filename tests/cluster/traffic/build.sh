#!/usr/bin/env bash
# build.sh - build the traffic generator once, outside the tree, and print its path.
set -eu
cd "$(dirname "$0")"
. ../../e2e/kube/go.sh

build_once traffic . ./*.go
