#!/usr/bin/env bash
# run_tests.sh BUILD_DIR PROGRAM... - run test programs, several at once, and count.
#
# A cmocka program counts its tests, any other counts as one, or none when it says that it skips.
# What a program printed is shown when it failed (all of it is kept in BUILD_DIR/log), and always its
# lines that begin with 13 spaces: figures, "skip NAME: why", "replay with X_SEED=n".  The last line
# is "N passed, N failed".
#
# Most programs wait most of their time, so they run side by side, in the order given, and are shown
# as they end.  One that measures or needs the whole machine has a line "Runs alone: why" in its
# source, and runs by itself behind the others.
#
# One program that fails while the machine is busy with others is run a second time, by itself: what
# then passes is shown as "flaky", with what it said at first, and counts as passed.  One that said
# "replay with" some variables has them set then, for another seed would say nothing of this one.
# More than two failures are no accident, and what a sanitizer finds never is: those are not run again.
#
#   JOBS          programs at once (default: one for each CPU)
#   TEST_TIMEOUT  seconds for one program (default 600: only one that hangs takes so long)
#   RUN_UNDER     a command to run C programs under (valgrind ...)
#   VARIANT       the build's variant: tsan needs a fixed address layout
set -u

build=$1
shift
mkdir -p "$build/log"
results=$(mktemp -d "${TMPDIR:-/tmp}/sealway-tests.XXXXXX")
trap 'rm -rf "$results"' EXIT
export CMOCKA_TEST_ABORT=1
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

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

# judge NAME STATUS MS: print what is shown of a program, and leave "PASSED FAILED NAME".
judge() {
    local name=$1 status=$2 log=$build/log/$1.log ok bad why seed
    ok=$(count PASSED "$log")
    bad=$(count FAILED "$log")
    if [ "$status" -eq 0 ] && [ -z "$bad" ]; then
        only_skips "$log" && ok=${ok:-0}
        echo "${ok:-1} 0 $name" >"$results/$name.count"
        printf 'ok    %-32s %4s tests %6d ms\n' "$name" "${ok:-1}" "$3"
        figures "$log"
        return
    fi
    # A program that dies half-way has counted nothing, or not what killed it.
    echo "${ok:-0} ${bad:-1} $name" >"$results/$name.count"
    case $status in
        124 | 137) why="no end after ${TEST_TIMEOUT:-600} s" ;;
        *) why="exit $status" ;;
    esac
    seed=$(replay "$log")
    printf 'FAIL  %-32s %s\n' "$name" "$why${seed:+; replay with $seed}"
    excerpt "$log"
}

run_one() {
    local program=$1 name prefix="$layout ${RUN_UNDER:-}" start status
    name=$(basename "$program")
    case $program in *.sh) prefix=$layout ;; esac
    start=$(date +%s%N)
    # Outside, so that the shell's own "Aborted" goes nowhere.
    # shellcheck disable=SC2086 # the prefix is a command with its arguments
    { timeout -k 5 "${TEST_TIMEOUT:-600}" $prefix "$program" >"$build/log/$name.log" 2>&1; } 2>/dev/null
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

export -f count replay figures only_skips excerpt judge run_one
export build results layout

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

sanitizer='(Address|Leak|Thread)Sanitizer|runtime error:|^==[0-9]+== '
bad=()
for program in "$@"; do
    name=$(basename "$program")
    if [ -e "$results/$name.count" ] && ! grep -q ' 0 ' "$results/$name.count"; then bad+=("$program"); fi
done
if [ ${#bad[@]} -le 2 ]; then
    for program in "${bad[@]}"; do
        grep -qE "$sanitizer" "$build/log/$(basename "$program").log" || again "$program"
    done
fi

# One that left nothing was ended with its shell.
for program in "$@"; do
    name=$(basename "$program")
    cat "$results/$name.count" 2>/dev/null || echo "0 1 $name"
done | awk '{ ok += $1; bad += $2 } $2 { names = names " " $3 }
    END { if (bad) print "failed:" names
          printf "%d passed, %d failed\n", ok, bad
          exit bad > 0 }'
