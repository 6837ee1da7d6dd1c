# steps.sh - for .ci/run and run_full.sh to source: steps that are run one behind the other, each
# shown by what is worth reading of its log, and added up.  A failed step does not stop the others.
#
#   logs  a directory for what steps print, to be kept; without it one that goes at the end
# shellcheck shell=bash

kubernetes=
own_logs=
if [ -z "${logs:-}" ]; then
    logs=$(mktemp -d "${TMPDIR:-/tmp}/sealway-steps.XXXXXX") || exit 1
    own_logs=$logs
fi
trap 'rm -rf "$own_logs"; [ -z "$kubernetes" ] || kill -- "-$kubernetes" 2>/dev/null' EXIT
# Named, so that it is the same for whoever `make e2e` becomes by sudo.
export SEALWAY_E2E_CACHE=${SEALWAY_E2E_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/sealway-e2e}

passed=0
failed=0

# Add up the "N passed, N failed" lines that a step's programs ended with.
count() {
    local ok bad
    while read -r ok _ bad _; do
        passed=$((passed + ok))
        failed=$((failed + bad))
    done < <(grep -haE '^[0-9]+ passed, [0-9]+ failed$' "$1")
}

# What is worth a line of a step that passed: counts, skips, seeds, tests that took too long in all,
# and all of what was flaky.
brief() {
    awk '/^[^ ]/ { flaky = /^flaky / }
         flaky || /^(ok +([a-z]+$|fuzz_.* runs )|[0-9]+ passed|stage |image: |layer of )/ ||
         /^(lines [0-9.]+%|[0-9]+ of [0-9]+ calls for memory )/ ||
         /^(             )?((m32: )?skip(ped)?,? |replay with |[0-9]+ pairs)/ ||
         /^             [0-9]+ of [0-9]+ (first flights|refusals)[ ,]/ ||
         /^             [0-9]+ s in all: too long/' "$1"
}

# A log without what went well: figures stand below the "ok" of a test.
faults() {
    awk '/^  (CC|LINK) / { next }
         /^ok / { figures = 1; next }
         figures && /^             / && !/^ +(skip(ped)? |replay with |.* too long)/ { next }
         /^[^ ]/ { figures = 0 }
         { print }' "$1"
}

# step NAME COMMAND...
step() {
    local name=$1 log="$logs/${1// /-}" began=$SECONDS status
    shift
    printf -- '--- %s\n' "$name"
    "$@" >"$log" 2>&1
    status=$?
    count "$log"
    if [ $status -eq 0 ]; then
        passed=$((passed + 1))
        brief "$log"
        printf 'ok   %s (%d s)\n' "$name" $((SECONDS - began))
    else
        failed=$((failed + 1))
        faults "$log" | tail -n 200
        printf 'FAIL %s (%d s)\n' "$name" $((SECONDS - began))
    fi
}

tree() {
    git -c safe.directory='*' status --porcelain 2>/dev/null
}

# note_tree, once there is a git, and tree_is_clean: a run leaves the tree as it found it.
note_tree() {
    tree_before=$(tree)
}

tree_is_clean() {
    local changed
    changed=$(tree)
    [ "$changed" = "$tree_before" ] && return
    printf 'the run left changes behind:\n%s\n' "$changed"
    return 1
}

# build_kubernetes [VERSION...] - Kubernetes and helm for the tests are built beside the other steps,
# once there is a Go, of the time that they leave; what was built before is not built again.
build_kubernetes() {
    local idle='nice -n 19' builds='tests/e2e/kube/helm.sh && tests/e2e/kube/build.sh' version
    chrt --idle 0 true 2>/dev/null && idle='chrt --idle 0'
    for version in "$@"; do
        builds+=" && tests/e2e/kube/build.sh $version"
    done
    # shellcheck disable=SC2086 # a command and its arguments
    setsid $idle sh -c "$builds" >"$logs/kubernetes" 2>&1 &
    kubernetes=$!
}

# The last line, "N passed, N failed": tests, checks and steps together.
steps_end() {
    # Those who need it have waited for it, and have failed where it failed.
    [ -z "$kubernetes" ] || wait "$kubernetes" || cat "$logs/kubernetes"
    kubernetes=
    printf '%d passed, %d failed\n' $passed $failed
    [ $failed -eq 0 ]
}
