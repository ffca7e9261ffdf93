# lib.sh: sourced by the end-to-end scripts.  Gives a folder that is removed at the end, servers that are stopped at the
# end, and `check`, which prints the lines that run.sh counts.
#
#   . "$TESTS_DIR/e2e/lib.sh"
#   start_sim --max-num-seqs 4                  # or: start_server COMMAND…; sets URL
#   "$TOKGAUGE" run "$URL" --json --requests 8 >"$TMP/out.json" 2>"$TMP/err"
#   check "all requests succeed" json "$TMP/out.json" '.requests.ok == 8'
#   stop_server                                 # the last one started; the others end with the script
# shellcheck shell=sh
set -u
BUILD=${BUILD:-build}
TOKGAUGE=${TOKGAUGE:-$PWD/tokgauge}
TESTS_DIR=${TESTS_DIR:-tests}
RAWSERVER=$BUILD/tests/tools/rawserver
BLASTER=$BUILD/tests/bench/blaster
# $FAKEGPU [OPTIONS] -- COMMAND…: on a machine with an AMD GPU.  A sanitiser's library must come before the testbed's.
FAKEGPU="umockdev-wrapper $BUILD/tests/tools/fakegpu"
FAKEGPU_PRELOAD_FIRST=$(ldd "$TOKGAUGE" 2>/dev/null | awk '/lib[at]san/ { print $3; exit }')
TMP=$(mktemp -d "${TMPDIR:-/tmp}/tokgauge-e2e.XXXXXX") || exit 1
# Nothing of the user's own set-up may change a test.
HOME=$TMP XDG_STATE_HOME=$TMP/state XDG_CONFIG_HOME=$TMP/config
unset XDG_DATA_HOME http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY no_proxy NO_PROXY
export BUILD TOKGAUGE TESTS_DIR RAWSERVER BLASTER FAKEGPU FAKEGPU_PRELOAD_FIRST TMP HOME XDG_STATE_HOME XDG_CONFIG_HOME
SERVERS='' SERVER_N=0 CHECKS_FAILED=0 URL='' SERVER_PID=''

# is_child PID: is it (still) a process of this script?  What has ended and was waited for gives its number away, and all the scripts
# together use up 32,768 of them within minutes: a signal sent late would end what another script has just started.
is_child() {
    grep -q "^PPid:[[:space:]]*$$\$" "/proc/$1/status" 2>/dev/null
}

lib_cleanup() {
    status=$?
    trap - EXIT
    for lib_server in $SERVERS; do
        ! is_child "$lib_server" || kill "$lib_server" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$TMP"
    [ "$CHECKS_FAILED" = 0 ] || status=1
    exit "$status"
}
trap lib_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# within SECONDS COMMAND…: true as soon as the command is, false when the time is over.
within() {
    within_end=$(($(date +%s%N) + $1 * 1000000000))
    shift
    until "$@"; do
        [ "$(date +%s%N)" -lt "$within_end" ] || return 1
        sleep 0.02
    done
}

lib_ready_or_dead() {
    grep -q 'listening on' "$SERVER_LOG" || ! kill -0 "$SERVER_PID" 2>/dev/null
}

# start_server COMMAND…: returns when it has said "listening on URL"; sets URL, SERVER_PID, SERVER_LOG.
start_server() {
    SERVER_N=$((SERVER_N + 1))
    SERVER_LOG=$TMP/server$SERVER_N.log
    : >"$SERVER_LOG"
    "$@" >>"$SERVER_LOG" 2>&1 &
    SERVER_PID=$!
    SERVERS="$SERVERS $SERVER_PID"
    within 10 lib_ready_or_dead
    URL=$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' "$SERVER_LOG" | head -n 1)
    if [ -z "$URL" ]; then
        echo "not ok server starts: $*"
        awk '{ print "# " $0 }' "$SERVER_LOG"
        exit 1
    fi
    export URL
}

start_sim() {
    start_server "$TOKGAUGE" sim --port 0 "$@"
}

# Ends the server started last, and waits until its log is written.
stop_server() {
    ! is_child "$SERVER_PID" || kill "$SERVER_PID" 2>/dev/null
    wait "$SERVER_PID" 2>/dev/null
    true # its exit status says nothing
}

# check NAME COMMAND…: one result line; what the command printed only where it failed.
check() {
    check_name=$1
    shift
    if "$@" >"$TMP/check.out" 2>&1; then
        echo "ok $check_name"
    else
        echo "not ok $check_name"
        echo "# $*"
        awk '{ print "# " $0 }' "$TMP/check.out" # unlike sed, ends an unfinished last line
        CHECKS_FAILED=$((CHECKS_FAILED + 1))
    fi
}

# Conditions for check. ----

# json FILE EXPRESSION [jq options…]: true where jq finds the expression true; shows the file where not.
json() {
    json_file=$1 json_expr=$2
    shift 2
    # an older jq finds everything true of an empty file
    [ -s "$json_file" ] && jq -e "$@" "$json_expr" "$json_file" >/dev/null && return 0
    head -c 700 "$json_file"
    return 1
}

# same GOT WANTED
same() {
    [ "$1" = "$2" ] || { echo "got    $1"; echo "wanted $2"; return 1; }
}

# contains FILE TEXT
contains() {
    grep -qF -- "$2" "$1" || { echo "\"$2\" is not in:"; head -c 700 "$1"; return 1; }
}

# lacks FILE TEXT
lacks() {
    ! grep -nF -- "$2" "$1"
}

# exits STATUS COMMAND…: the command ends with this status; its output is left in $TMP/out and $TMP/err.
exits() {
    exits_want=$1
    shift
    "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
    exits_got=$?
    [ "$exits_got" = "$exits_want" ] && return 0
    echo "exit status $exits_got, wanted $exits_want"
    head -c 700 "$TMP/out" "$TMP/err"
    return 1
}

# refuses STATUS WORDS ARGUMENTS…: tokgauge ends with the status and one line that has the words, and prints nothing.
refuses() {
    refuses_status=$1 refuses_words=$2
    shift 2
    exits "$refuses_status" "$TOKGAUGE" "$@" && contains "$TMP/err" "$refuses_words" && same "$(wc -l <"$TMP/err")" 1 &&
        same "$(cut -c1-10 "$TMP/err")" 'tokgauge: ' && same "$(wc -c <"$TMP/out")" 0
}
