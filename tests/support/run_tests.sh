#!/usr/bin/env bash
# run_tests.sh BUILD_DIR PROGRAM... - run test programs one after the other and count.
#
# A cmocka program counts its tests, any other counts as one.  What a program printed is shown when
# it failed (all of it is kept in BUILD_DIR/log), and always its lines that begin with 13 spaces:
# figures and skips.  The last line is "N passed, N failed".
#
#   TEST_TIMEOUT  seconds for one program (default 180)
#   RUN_UNDER     a command to run C programs under (valgrind ...)
#   VARIANT       the build's variant: tsan needs a fixed address layout
set -u

build=$1
shift
mkdir -p "$build/log"
export CMOCKA_TEST_ABORT=1
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# gcc 12's tsan does not know the address layouts that newer kernels draw at random.  A script hands
# its own down to what it runs.
layout=
if [ "${VARIANT:-}" = tsan ] && setarch -R true 2>/dev/null; then
    layout='setarch -R'
fi

passed=0
failed=0
failures=()

# The sum of n in lines "[  PASSED  ] n test(s)." (or FAILED) of a log; empty without any.
count() {
    sed -n "s/^\[  $1  \] \([0-9]*\) test(s).*/\1/p" "$2" | awk '{ n += $1 } END { if (NR) print n }'
}

for program in "$@"; do
    name=$(basename "$program")
    log=$build/log/$name.log
    start=$(date +%s%N)
    prefix="$layout ${RUN_UNDER:-}"
    case $program in *.sh) prefix=$layout ;; esac
    # Outside, so that the shell's own "Aborted" goes nowhere.
    # shellcheck disable=SC2086 # the prefix is a command with its arguments
    { timeout -k 5 "${TEST_TIMEOUT:-180}" $prefix "$program" >"$log" 2>&1; } 2>/dev/null
    status=$?
    ms=$((($(date +%s%N) - start) / 1000000))
    ok=$(count PASSED "$log")
    bad=$(count FAILED "$log")
    if [ $status -eq 0 ]; then
        passed=$((passed + ${ok:-1}))
        printf 'ok    %-32s %4s tests %6d ms\n' "$name" "${ok:-1}" "$ms"
        grep -E '^ {13}[^ ]' "$log"
        continue
    fi
    # A program that dies half-way has counted nothing, or not what killed it.
    passed=$((passed + ${ok:-0}))
    failed=$((failed + ${bad:-1}))
    failures+=("$name")
    case $status in
        124 | 137) why="no end after ${TEST_TIMEOUT:-180} s" ;;
        *) why="exit $status" ;;
    esac
    printf 'FAIL  %-32s %s\n' "$name" "$why"
    tail -n 60 "$log" | grep -Ev '^\[ +(RUN|OK) +\]' | sed 's/^/      /'
done

if [ $failed -gt 0 ]; then
    printf 'failed: %s\n' "${failures[*]}"
fi
printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
