#!/usr/bin/env bash
# What the writer of metrics writes is what others read: the Python client's parsers take both
# formats and find the same in them, and promtool finds nothing to complain about.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$(dirname "${SEALWAY_BIN:-build/sealway}")
page=$build/tests/test_metricspage
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0

# verdict STATUS NAME: count, and say so as cmocka does.
verdict() {
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
        echo "[       OK ] $2"
    else
        failed=$((failed + 1))
        echo "[  FAILED  ] $2"
    fi
}

skipped() {
    printf '%13sskip %s: %s is not installed (tests/support/deps.sh test)\n' '' "$1" "$2"
}

"$page" --print 'application/openmetrics-text;version=1.0.0' >"$dir/openmetrics" &&
    "$page" --print 'text/plain' >"$dir/text"
verdict $? a_page_is_written_in_both_formats

# Debian's interpreter sees Debian's packages, whichever comes first in the path.
name=the_python_client_reads_the_same_in_both
if /usr/bin/python3 -c 'import prometheus_client' 2>/dev/null; then
    samples=$(/usr/bin/python3 tests/support/same_metrics.py "$dir/openmetrics" "$dir/text")
    [ "${samples:-0}" -ge 20 ]
    verdict $? $name
else
    skipped $name python3-prometheus-client
fi

name=promtool_has_nothing_to_complain_about
if command -v promtool >/dev/null; then
    complaints=$(promtool check metrics <"$dir/text" 2>&1) && [ -z "$complaints" ]
    status=$?
    [ -z "$complaints" ] || echo "$complaints"
    verdict $status $name
else
    skipped $name prometheus
fi

echo "[  PASSED  ] $passed test(s)."
if [ $failed -gt 0 ]; then
    echo "[  FAILED  ] $failed test(s)."
    exit 1
fi
