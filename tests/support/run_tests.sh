#!/usr/bin/env bash
# run_tests.sh BUILD_DIR PROGRAM... - run test programs, several at once, and count.
#
# A cmocka program counts its tests, any other counts as one, or none when it says that it skips.
# What a program printed is shown when it failed (all of it is kept in BUILD_DIR/log), and always its
# lines that begin with 13 spaces: figures, "skip NAME: why", "replay with X_SEED=n".  The last line
# is "N passed, N failed".
#
# A program fails by its status, by a test that failed, by a group of tests that was empty or did not
# come to its end, and by what a sanitizer reported (or valgrind, of the program under test): of any
# process below it, in BUILD_DIR/log/NAME.report.PID, whatever became of that process.
#
# Most programs wait most of their time, so they run side by side, in the order given, and are shown
# as they end.  One that measures or needs the whole machine has a line "Runs alone: why" in its
# source, and runs by itself behind the others.
#
# One program that fails while the machine is busy with others is run a second time, by itself: what
# then passes is shown as "flaky", with what it said at first, and counts as passed.  One that said
# "replay with" some variables has them set then, for another seed would say nothing of this one.
# More than two failures are no accident.  Nor is a crash, a hang, or what a sanitizer finds, be it of
# the test program or of what it tests: only an assertion of a test, or a script's verdict, may be.
#
#   JOBS           programs at once (default: one for each CPU)
#   TEST_TIMEOUT   seconds for one program (default 240: three times what the slowest takes under tsan)
#   RUN_UNDER      a command to run C programs under (valgrind ...)
#   SEALWAY_UNDER  what $SEALWAY_BIN runs the program under (valgrind)
#   VARIANT        the build's variant: tsan needs a fixed address layout
set -u

mkdir -p "$1/log"
build=$(cd "$1" && pwd) # sanitizers write there from whatever directory
shift
results=$(mktemp -d "${TMPDIR:-/tmp}/sealway-tests.XXXXXX")
trap 'rm -rf "$results"' EXIT
export CMOCKA_TEST_ABORT=1
export TEST_TIMEOUT=${TEST_TIMEOUT:-240}

# gcc 12's tsan does not know the address layouts that newer kernels draw at random.  A script hands
# its own down to what it runs.
layout=
if [ "${VARIANT:-}" = tsan ] && setarch -R true 2>/dev/null; then
    layout='setarch -R'
fi

# The sum of n in lines "[  PASSED  ] n test(s)." (or FAILED) of a log; empty without any.
count() {
    sed -n "s/^\[  $1  \] \([0-9]*\) test(s).*/\1/p" "$2" | awk '{ n += $1 } END { if (NR) print n }'
}

# The variables of a log's last line "replay with X_SEED=1 X_STEPS=2, ...": what ran when it ended.
replay() {
    sed -nE 's/^ {13}replay with ([A-Z_]+=[0-9]+( [A-Z_]+=[0-9]+)*).*/\1/p' "$1" | tail -n 1
}

# The lines that are always shown, and among them the tests that were skipped without saying why.
figures() {
    awk '/^             [^ ]/ { print }
         $1 == "skip" { said[$2] }
         $2 == "SKIPPED" && NF == 4 && !($4 ":" in said) {
             said[$4 ":"]
             print "             skip " $4
         }' "$1"
}

# Whether a log shows skips and nothing else.
only_skips() {
    grep -qaE '^ {13}skip ' "$1" && ! grep -aE '^ {13}[^ ]' "$1" | grep -qavE '^ {13}skip '
}

# The end of a failed program's log.
excerpt() {
    tail -n 60 "$1" | grep -aEv '^\[ +(RUN|OK) +\]' | sed 's/^/      /'
}

# What sanitizers reported of a program.  Valgrind makes a file whether it has something to say or not.
reports() {
    find "$build/log" -name "$1.report.*" -size +0
}

# Whether each group of tests that began has ended, and none was empty.
complete() {
    local begun ended
    begun=$(sed -nE 's/.*Running ([0-9]+) test\(s\)\..*/\1/p' "$1")
    ended=$(sed -nE 's/.* ([0-9]+) test\(s\) run\..*/\1/p' "$1")
    [ "$begun" = "$ended" ] && ! grep -qx 0 <<<"$begun"
}

# fault NAME STATUS MS: why a program failed; nothing when it passed.
fault() {
    local log=$build/log/$1.log
    if [ "$2" -ne 0 ]; then
        if [ "$3" -ge $((TEST_TIMEOUT * 1000)) ]; then
            echo "no end after $TEST_TIMEOUT s"
        else
            echo "exit $2"
        fi
        return
    fi
    if [ -n "$(reports "$1")" ]; then
        echo "a sanitizer's report"
    elif [ -n "$(count FAILED "$log")" ]; then
        echo "exit 0, but a test failed"
    elif ! complete "$log"; then
        echo "exit 0, but not all tests were run"
    fi
}

# may_be_load NAME STATUS: whether a program that failed may have done so only because others were
# running.  An assertion of a test aborts (134) when it has said so; any other abort is a crash.
may_be_load() {
    local log=$build/log/$1.log
    case $2 in
        134) grep -qa 'error: Failure!' "$log" || return ;;
        0 | 99 | 12[4-9] | 1[3-9]? | 2??) return 1 ;;
    esac
    [ -z "$(reports "$1")" ] && ! grep -qaE "$finding" "$log"
}

# judge NAME STATUS MS: print what is shown of a program, and leave "PASSED FAILED NAME".
judge() {
    local name=$1 status=$2 log=$build/log/$1.log ok bad why seed report
    ok=$(count PASSED "$log")
    bad=$(count FAILED "$log")
    why=$(fault "$name" "$status" "$3")
    if [ -z "$why" ]; then
        only_skips "$log" && ok=${ok:-0}
        echo "${ok:-1} 0 $name" >"$results/$name.count"
        printf 'ok    %-32s %4s tests %6d ms\n' "$name" "${ok:-1}" "$3"
        figures "$log"
        return
    fi
    # A program that dies half-way has counted nothing, or not what killed it.
    echo "${ok:-0} ${bad:-1} $name" >"$results/$name.count"
    may_be_load "$name" "$status" && touch "$results/$name.again"
    seed=$(replay "$log")
    printf 'FAIL  %-32s %s\n' "$name" "$why${seed:+; replay with $seed}"
    excerpt "$log"
    for report in $(reports "$name"); do
        head -n 60 "$report" | sed 's/^/      /'
    done
}

# report_to FILES: where sanitizers, and valgrind around the program, write what they find, FILES.PID;
# and the status of who was found out, which nothing else here has.
report_to() {
    local options=exitcode=99:log_path=$1
    rm -f "$1".*
    export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}$options
    export TSAN_OPTIONS=${TSAN_OPTIONS:+$TSAN_OPTIONS:}$options
    export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}:$options
    [ -z "${SEALWAY_UNDER:-}" ] || export VALGRIND_OPTS="${VALGRIND_OPTS:-} --log-file=$1.%p"
}

run_one() {
    local program=$1 name prefix="$layout ${RUN_UNDER:-}" start status
    name=$(basename "$program")
    case $program in *.sh) prefix=$layout ;; esac
    report_to "$build/log/$name.report"
    start=$(date +%s%N)
    # Outside, so that the shell's own "Aborted" goes nowhere.
    # shellcheck disable=SC2086 # the prefix is a command with its arguments
    { timeout -k 5 "$TEST_TIMEOUT" $prefix "$program" >"$build/log/$name.log" 2>&1; } 2>/dev/null
    status=$?
    judge "$name" $status $((($(date +%s%N) - start) / 1000000)) >"$results/$name.shown"
    flock "$results" cat "$results/$name.shown" # whole, whoever ends at the same time
}

# run JOBS PROGRAM...
run() {
    local jobs=$1
    shift
    [ $# -eq 0 ] || printf '%s\0' "$@" | xargs -0 -P "$jobs" -I{} bash -c 'run_one "$1"' _ {}
}

# Of a program below the test program: what it wrote (gcc's ubsan, beside asan, heeds no log_path), or
# how it ended, as sealway_proc.c and command.c in tests/support tell it.
finding='(Address|Leak|Thread)Sanitizer|runtime error:|^==[0-9]+== |: assertion failed: '
finding+='|the program ended with status (99|124|13[2-69]|159);'

export -f count replay figures only_skips excerpt reports complete fault may_be_load judge
export -f report_to run_one
export build results layout finding

alone=$(grep -lE '^[ #/*]+Runs alone: ' tests/unit/*.c tests/integration/*.{c,sh} | sed 's,.*/,,; s/\.c$//')
together=()
apart=()
for program in "$@"; do
    if grep -qxF "$(basename "$program")" <<<"$alone"; then
        apart+=("$program")
    else
        together+=("$program")
    fi
done
run "${JOBS:-$(nproc)}" "${together[@]}"
run 1 "${apart[@]}"

# again PROGRAM: a failed program's second chance.
again() {
    local name seed first
    name=$(basename "$1")
    first=$build/log/$name.first.log
    cp "$build/log/$name.log" "$first"
    seed=$(replay "$first")
    # shellcheck disable=SC2086 # variables, or none
    env $seed bash -c 'run_one "$1"' _ "$1"
    if ! grep -q ' 0 ' "$results/$name.count"; then return; fi
    printf 'flaky %-32s failed, then passed alone%s; at first:\n' "$name" \
        "${seed:+ with $seed}"
    excerpt "$first"
}

bad=()
for program in "$@"; do
    name=$(basename "$program")
    if [ -e "$results/$name.count" ] && ! grep -q ' 0 ' "$results/$name.count"; then bad+=("$program"); fi
done
if [ ${#bad[@]} -le 2 ]; then
    for program in "${bad[@]}"; do
        [ ! -e "$results/$(basename "$program").again" ] || again "$program"
    done
fi

took="$SECONDS s in all"
# Whoever watches a longer form knows how long it takes; "make test" has a bound.
if [ "$SECONDS" -gt 600 ] && [ -z "${FULL:-}${VARIANT:-}${RUN_UNDER:-}${SEALWAY_UNDER:-}" ]; then
    took+=': too long, ten minutes are the bound'
fi
printf '%13s%s\n' '' "$took"

# One that left nothing was ended with its shell.
for program in "$@"; do
    name=$(basename "$program")
    cat "$results/$name.count" 2>/dev/null || echo "0 1 $name"
done | awk '{ ok += $1; bad += $2 } $2 { names = names " " $3 }
    END { if (bad) print "failed:" names
          printf "%d passed, %d failed\n", ok, bad
          exit bad > 0 }'
