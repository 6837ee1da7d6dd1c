#!/usr/bin/env bash
# run_checks.sh - run tests/checks/*.sh, or those named; each prints "ok NAME" or what is wrong.
#
#   B  the build directory that prefixes.sh and options.sh look into (default build)
set -u
cd "$(dirname "$0")/../.." || exit 1
export B=${B:-build}

passed=0
failed=0
if [ $# -eq 0 ]; then
    set -- tests/checks/*.sh
fi
for check in "$@"; do
    if "$check"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $(basename "$check" .sh)"
    fi
done
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
