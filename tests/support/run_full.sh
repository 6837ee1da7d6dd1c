#!/usr/bin/env bash
# run_full.sh - `make full`: everything in its long form, for hours.  A failed step does not stop the
# others; the last line adds them up.  What each step printed is left in build/full.  As root, or with
# a sudo that does not ask.
#
#   TIME  how long the soak and each fuzz target run (default 10m)
set -u
cd "$(dirname "$0")/../.." || exit 1
export TIME=${TIME:-10m}
if ! [[ $TIME =~ ^[0-9]+[smh]?$ ]]; then
    echo "run_full.sh: TIME=$TIME: write a number and s, m or h, e.g. 15m" >&2
    exit 2
fi
if [ "$(id -u)" -ne 0 ] && ! sudo -n true; then
    echo "run_full.sh: packages and namespaces take root: be root, or let sudo not ask" >&2
    exit 1
fi
logs=build/full
mkdir -p $logs || exit 1
. tests/support/steps.sh
unset MAKEFLAGS # each step is a make of its own

step "install Go" tests/support/deps.sh e2e
build_kubernetes 1.30
step "install" tests/support/deps.sh ci demo
note_tree
step "build with clang" make -k -j"$(nproc)" CC=clang B=build/clang build/clang/sealway syntax
step "test" env FULL=1 TEST_TIMEOUT=900 make test
for target in asan tsan m32 valgrind cov check stacks demo chart-test image-test; do
    step "$target" make $target
done
step "e2e" env FULL=1 make e2e
step "e2e of Kubernetes 1.30" env KUBE=1.30 make e2e
step "cluster" env FULL=1 SEALWAY_NODE_REQUIRED=1 make e2e-cluster
step "docs" env SEALWAY_DOCS_CLUSTER=1 make docs-test
step "bench" make bench-test
step "soak" make soak
step "fuzz" make fuzz
step "tree is clean" tree_is_clean
steps_end
