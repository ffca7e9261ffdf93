#!/bin/sh
# run.sh [FILTER…]: runs the unit tests ($BUILD/tests/unit/*) and the end-to-end scripts (tests/e2e/*.sh), those whose
# name (unit/test_sse, e2e/faults) contains one of the filters.  Every program prints a line `ok NAME` or `not ok NAME`
# for each test; units do by cmocka's TAP.  Ends with the line "N passed, N failed"; exit 1 when any failed or none ran.
#
# WRAP='valgrind -q …' is put before each unit.  JOBS=8 run at once (6 of a sanitizer's build, which
# computes more): end-to-end scripts mostly wait.
set -u
BUILD=${BUILD:-build}
LIMIT_S=600 # of one program: it hangs
case $BUILD in
*/address* | */thread*) JOBS=${JOBS:-6} ;; # they compute ten times as long
*) JOBS=${JOBS:-8} ;;
esac
TOKGAUGE=${TOKGAUGE:-$PWD/tokgauge}
TESTS_DIR=tests
CMOCKA_MESSAGE_OUTPUT=TAP
LC_ALL=C.UTF-8
export BUILD TOKGAUGE TESTS_DIR CMOCKA_MESSAGE_OUTPUT LC_ALL

# One program: its output to $RESULTS, one line to stdout, and what it printed where something failed.
run_one() {
    kind=${1%%:*} program=${1#*:}
    name=$kind/$(basename "$program" .sh)
    out=$RESULTS/$(echo "$name" | tr / -)
    begin=$(date +%s%N)
    if [ "$kind" = unit ]; then
        # shellcheck disable=SC2086  # WRAP is a command line
        timeout -k 5 "$LIMIT_S" ${WRAP:-} "$program" >"$out.out" 2>&1 </dev/null
    else
        timeout -k 5 "$LIMIT_S" sh "$program" >"$out.out" 2>&1 </dev/null
    fi
    status=$?
    ms=$((($(date +%s%N) - begin) / 1000000))
    if [ "$kind" = unit ]; then
        # A message without a newline at its end may stand before cmocka's result on the same line.
        failed=$(grep -acE 'not ok [0-9]+ ' "$out.out")
        passed=$(($(grep -acE 'ok [0-9]+ ' "$out.out") - failed))
    else
        failed=$(grep -ac '^not ok ' "$out.out")
        passed=$(grep -ac '^ok ' "$out.out")
    fi
    why=
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        why="stopped after $LIMIT_S s"
    elif [ "$status" != 0 ] && [ "$failed" = 0 ]; then
        why="exit status $status"
    elif [ "$passed" = 0 ] && [ "$failed" = 0 ]; then
        why='printed no result'
    fi
    [ -z "$why" ] || failed=$((failed + 1))
    echo "$passed $failed" >"$out.count"
    line=$(printf '%-32s %4d passed' "$name" "$passed")
    [ "$failed" = 0 ] || line="$line, $failed FAILED${why:+ ($why)}"
    line="$line  $((ms / 1000)).$(printf %03d $((ms % 1000))) s"
    # One write, so that programs that end together do not mix their lines.
    if [ "$failed" = 0 ]; then
        printf '%s\n' "$line"
    else
        printf '%s\n%s\n' "$line" "$(awk '{ print "    " $0 }' "$out.out")"
    fi
}

if [ "${1:-}" = --one ]; then
    run_one "$2"
    exit 0
fi

wanted() {
    name=$1
    shift
    [ $# -gt 0 ] || return 0
    for filter; do
        case $name in *"$filter"*) return 0 ;; esac
    done
    return 1
}

# Those that take longest, so that none of them is left alone at the end.
LONG='capacity tune terminal-keys matrix gpu watch bench terminal-quiet workload open-loop counters faults'

list_scripts() {
    for name in $LONG; do
        echo "$TESTS_DIR/e2e/$name.sh"
    done
    for script in "$TESTS_DIR"/e2e/*.sh; do
        case " lib $LONG " in *" $(basename "$script" .sh) "*) ;; *) echo "$script" ;; esac
    done
}

# The scripts first: they wait while the units compute.
list_programs() {
    for script in $(list_scripts); do
        [ -f "$script" ] && wanted "e2e/$(basename "$script" .sh)" "$@" && echo "e2e:$script"
    done
    for program in "$BUILD"/tests/unit/*; do
        [ -f "$program" ] && [ -x "$program" ] && wanted "unit/$(basename "$program")" "$@" && echo "unit:$program"
    done
}

RESULTS=$(mktemp -d "${TMPDIR:-/tmp}/tokgauge-tests.XXXXXX") || exit 1
export RESULTS
trap 'rm -rf "$RESULTS"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

list_programs "$@" | xargs -r -P "$JOBS" -I '{}' sh "$0" --one '{}'

passed=0 failed=0
for count in "$RESULTS"/*.count; do
    [ -f "$count" ] || continue
    read -r p f <"$count"
    passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
