#!/usr/bin/env bash
# build.sh - build the backend of the tests once, outside the tree, and print its path.
set -eu
cd "$(dirname "$0")"
. ../../e2e/kube/go.sh

build_once backend ./backend go.sum backend/*.go
