#!/usr/bin/env bash
# build.sh - build Prometheus' discovery of pods once, outside the tree, and print its path.
set -eu
cd "$(dirname "$0")"
. ../../e2e/kube/go.sh

build_once discovery . go.sum ./*.go
