#!/usr/bin/env bash
# run_fuzz.sh BUILD_DIR TARGET... - run libFuzzer targets, each for FUZZ_SECONDS (default 60).
#
# New inputs go to BUILD_DIR/corpus, a crashing one to BUILD_DIR/crash-*; the tree is not written.
set -u
build=$1
shift
failed=0

for target in "$@"; do
    name=$(basename "$target")
    seed=tests/fuzz/corpus/${name#fuzz_}
    found=$build/corpus/${name#fuzz_}
    log=$build/$name.log
    mkdir -p "$found"
    dirs=("$found")
    [ -d "$seed" ] && dirs+=("$seed")
    options=(-max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1)
    if [ -f "tests/fuzz/${name#fuzz_}.dict" ]; then
        options+=(-dict="tests/fuzz/${name#fuzz_}.dict")
    fi
    if "$target" "${options[@]}" -artifact_prefix="$build/" "${dirs[@]}" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "ok    $name ${runs:-?} runs"
    else
        failed=1
        echo "FAIL  $name"
        tail -n 40 "$log"
    fi
done
exit $failed
