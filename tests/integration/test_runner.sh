#!/usr/bin/env bash
# run_tests.sh counts and shows as it says: against programs that fail by their seed, fail once, skip
# and pass, and that crash, hang, are found out by a sanitizer or end too early.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d "${TMPDIR:-/tmp}/sealway-runner.XXXXXX")
trap 'rm -rf "$dir"' EXIT

# program NAME: one that does what stdin says.
program() {
    { echo '#!/bin/sh' && echo "cd '$dir'" && cat; } >"$dir/$1"
    chmod +x "$dir/$1"
}

program by_seed <<'END'
# The first run draws 7, which is bad, any other 8.
seed=${BY_SEED:-$([ -e drawn ] && echo 8 || echo 7)}
touch drawn
echo "             replay with BY_SEED=1"
echo "             replay with BY_SEED=$seed"
[ "$seed" != 7 ]
END
program by_load <<'END'
echo "             replay with LOAD_SEED=${LOAD_SEED:-$$} LOAD_STEPS=${LOAD_STEPS:-20}, slowly"
[ -e loaded ] && exit
touch loaded
printf 'odd \0\377 bytes\ntoo late\n'
echo "[   LINE   ] --- test_load.c:7: error: Failure!"
kill -ABRT $$
END
program skips <<'END'
echo "             skip skips: nothing to do here"
END
program skips_some <<'END'
echo "             skip rust: it is not installed"
echo "             19 pairs"
END
program skips_one <<'END'
echo "             skip announced: it is not installed"
echo "[==========] Running 2 test(s)."
echo "[  SKIPPED ] announced"
echo "[  SKIPPED ] silent"
echo "[==========] 2 test(s) run."
echo "[  PASSED  ] 2 test(s)."
echo "[  SKIPPED ] 2 test(s), listed below:"
echo "[  SKIPPED ] announced"
echo "[  SKIPPED ] silent"
END
program passes <<'END'
echo "not shown"
echo "             3 figures"
END

programs=(by_seed by_load skips skips_some skips_one passes)
env -u BY_SEED -u LOAD_SEED -u LOAD_STEPS \
    tests/support/run_tests.sh "$dir/build" "${programs[@]/#/$dir/}" >"$dir/out"
wrong=$(($? != 1))

# shown TIMES PATTERN: that many lines.
shown() {
    local n
    n=$(grep -acE "$2" "$dir/out")
    [ "$n" -eq "$1" ] && return
    echo "$n lines in place of $1: $2"
    wrong=1
}

shown 2 '^FAIL  by_seed +exit 1; replay with BY_SEED=7$' # the second run, too
shown 0 '^flaky by_seed'
shown 1 '^FAIL  by_load +exit 134; replay with LOAD_SEED=[0-9]+ LOAD_STEPS=20$'
shown 1 '^flaky by_load +failed, then passed alone with LOAD_SEED=[0-9]+ LOAD_STEPS=20; at first:$'
shown 2 '^      too late$'
shown 1 '^ok    skips +0 tests'
shown 1 '^ {13}skip skips: nothing to do here$'
shown 1 '^ok    skips_some +1 tests'
shown 1 '^ok    skips_one +2 tests'
shown 1 '^ {13}skip announced'
shown 1 '^ {13}skip silent$'
shown 1 '^ok    passes +1 tests'
shown 1 '^ {13}3 figures$'
shown 0 '^not shown$'
shown 1 '^failed: by_seed$'
shown 1 '^5 passed, 1 failed$'
# The seed that failed is the one that passed.
if [ "$(grep -ao 'LOAD_SEED=[0-9]*' "$dir/out" | sort -u | wc -l)" -ne 1 ]; then
    echo "a second seed was drawn"
    wrong=1
fi

# no_accident NAME WHY [SECONDS]: what stdin does is a failure, which a second run, good as it were, must not excuse.
no_accident() {
    { echo "[ -e $1.tried ] && exit; touch $1.tried" && cat; } | program "$1"
    TEST_TIMEOUT=${3:-60} tests/support/run_tests.sh "$dir/build" "$dir/$1" >"$dir/one"
    if [ $? -ne 1 ] || [ "$(grep -acE "^(FAIL|ok|flaky) " "$dir/one")" -ne 1 ] ||
        ! grep -qaE "^FAIL  $1 +$2\$" "$dir/one"; then
        echo "$1 should fail, once: $2"
        cat "$dir/one"
        wrong=1
    fi
}

no_accident lies "exit 0, but a test failed" <<'END'
echo "[  PASSED  ] 3 test(s)."
echo "[  FAILED  ] 1 test(s), listed below:"
END
no_accident leaves "exit 0, but not all tests were run" <<'END'
echo "[==========] Running 3 test(s)."
echo "[==========] 3 test(s) run."
echo "[==========] Running 20 test(s)."
END
no_accident has_none "exit 0, but not all tests were run" <<'END'
echo "[==========] Running 0 test(s)."
echo "[==========] 0 test(s) run."
END
no_accident hangs "no end after 2 s" 2 <<'END'
sleep 60
END
no_accident crashes "exit 139" <<'END'
kill -SEGV $$
END
no_accident crashes_in_a_test "exit 134" <<'END'
echo "Test failed with exception: Segmentation fault(11)"
kill -ABRT $$
END
no_accident crashes_below "exit 134" <<'END'
printf "[   LINE   ] --- test_below.c:7: error: Failure!"
echo "the program ended with status 139; it wrote:"
kill -ABRT $$
END
no_accident asserts_below "exit 1" <<'END'
echo "src/below.c:7: assertion failed: n > 0"
exit 1
END
for sanitizer in ASAN TSAN UBSAN; do
    no_accident "leaks_below_$sanitizer" "a sanitizer's report" <<END
case \$${sanitizer}_OPTIONS in
    *exitcode=99:log_path=/*) echo "found" >"\${${sanitizer}_OPTIONS##*log_path=}.7" ;;
esac
END
    grep -q '^      found$' "$dir/one" || { echo "$sanitizer: no report" && wrong=1; }
done
no_accident is_found_out "exit 99" <<'END'
exit 99
END

[ $wrong -eq 0 ] || cat "$dir/out"
exit $wrong
