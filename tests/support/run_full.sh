#!/usr/bin/env bash
# run_full.sh - `make full`: everything in its long form, for hours.  A failed step does not stop the
# others; the last line adds them up.
#
#   TIME  how long the soak and each fuzz target run (default 10m)
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/steps.sh
unset MAKEFLAGS # each step is a make of its own
export TIME=${TIME:-10m}

step "install Go" tests/support/deps.sh e2e
build_kubernetes 1.30
step "install" tests/support/deps.sh ci demo
step "test" env FULL=1 TEST_TIMEOUT=900 make test
for target in asan tsan m32 valgrind cov check stacks demo chart-test image-test; do
    step "$target" make $target
done
step "e2e" env FULL=1 make e2e
step "e2e of Kubernetes 1.30" env KUBE=1.30 make e2e
step "cluster" env FULL=1 SEALWAY_NODE_REQUIRED=1 make e2e-cluster
step "docs" env SEALWAY_DOCS_CLUSTER=1 make docs-test
step "soak" make soak
step "bench" make bench-test
step "fuzz" make fuzz
steps_end
