#!/usr/bin/env bash
# run_fuzz.sh BUILD_DIR TARGET... - run libFuzzer targets, each for $TIME (20s, 15m, 1h; default 60s).
#
# New inputs go to BUILD_DIR/corpus, a crashing one to BUILD_DIR/crash-*; the tree is not written.
# JOBS=N runs N at a time.
set -u
build=$1
shift
time=${TIME:-60s}
case $time in
    *[!0-9smh]* | [!0-9]* | *[smh]?*)
        echo "run_fuzz.sh: TIME=$time: write a number and s, m or h, e.g. 15m" >&2
        exit 2
        ;;
    *h) seconds=$((${time%h} * 3600)) ;;
    *m) seconds=$((${time%m} * 60)) ;;
    *) seconds=${time%s} ;;
esac

# The last count of a kind that libFuzzer has printed: "#12 NEW cov: 34 ft: 56 corp: 7/8b ...".
last() {
    sed -nE "s/^#[0-9]+.* $1: ([0-9]+).*/\1/p" "$2" | tail -n 1
}

run_one() {
    local target=$1 name seed found log dirs options runs
    name=$(basename "$target")
    seed=tests/fuzz/corpus/${name#fuzz_}
    found=$build/corpus/${name#fuzz_}
    log=$build/$name.log
    mkdir -p "$found"
    dirs=("$found")
    [ -d "$seed" ] && dirs+=("$seed")
    options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1)
    if [ -f "tests/fuzz/${name#fuzz_}.dict" ]; then
        options+=(-dict="tests/fuzz/${name#fuzz_}.dict")
    fi
    if "$target" "${options[@]}" -artifact_prefix="$build/" "${dirs[@]}" >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        printf 'ok    %-20s %10s runs %6s edges %6s features %5s inputs\n' "$name" "${runs:-?}" \
            "$(last cov "$log")" "$(last ft "$log")" "$(last corp "$log")"
        return 0
    fi
    echo "FAIL  $name"
    tail -n 40 "$log"
    return 1
}

export -f last run_one
export build seconds
printf '%s\0' "$@" | xargs -0 -P "${JOBS:-1}" -I{} bash -c 'run_one {} || exit 1'
