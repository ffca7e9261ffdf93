# Every way out: the terminal is put back, the status is right, and what there is to say is said afterwards.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
# An instrumented build must leave SIGSEGV to the program.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0
TSAN_OPTIONS=${TSAN_OPTIONS:+$TSAN_OPTIONS:}handle_segv=0:handle_abort=0
export ASAN_OPTIONS TSAN_OPTIONS
start_sim --model maker/Gauge-7B --cold 0 --step 10 --log "$TMP/sim.log"
RUN="$TOKGAUGE run $URL -c 2 --max-tokens 32"

# A run that fails before or just after the first frame: the screen must see it whenever it comes.
fails_at_once() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
        echo 'expect-exit 1' | "$PTY" 80 24 xterm-256color "$TOKGAUGE" run "$URL" -m nosuch || return 1
    done
}
check "a run that fails at once ends, twelve times" fails_at_once

# ---- signals ----

for pair in INT:130 TERM:143 HUP:129 QUIT:131; do
    # shellcheck disable=SC2086  # RUN is a command line
    check "SIG${pair%:*} ends it with ${pair#*:} and a summary" "$PTY" 80 24 xterm-256color $RUN <<E2
wait LOAD
signal ${pair%:*}
expect-exit ${pair#*:}
restored
wait "run file"
E2
done
for pair in SEGV:139 ABRT:134 USR1:138; do
    # shellcheck disable=SC2086
    check "SIG${pair%:*} ends it by the signal, the terminal restored" "$PTY" 80 24 xterm-256color $RUN <<E2
wait LOAD
signal ${pair%:*}
expect-exit ${pair#*:}
restored
E2
done
# shellcheck disable=SC2086
check "a terminal that goes away ends it" "$PTY" 80 24 xterm-256color $RUN --out "$TMP/hangup.ndjson" <<'E2'
wait LOAD
hangup
expect-exit 129
E2
check "its run file is whole" json "$TMP/hangup.ndjson" '.[-1].type == "summary"' -s
check "the linux console is restored too" "$PTY" 80 24 linux "$TOKGAUGE" run "$URL" -c 2 <<'E2'
wait LOAD
signal TERM
expect-exit 143
restored
E2

# In a shell with job control: stopped, the terminal is the shell's; then it goes on, at the size that it now has.
check "^Z gives the terminal back, fg redraws" "$PTY" 80 24 xterm-256color env PS1='ready> ' ENV= dash -i <<E2
wait "ready>"
type $RUN
key Enter
wait LOAD
key C-z
wait "Stopped"
restored
resize 100 30
type fg
key Enter
wait LOAD
wait "tab view"
signal WINCH
wait "2 of 2"
key q
wait "run file"
restored
type exit
key Enter
expect-exit 0
E2

# Signals that ncurses handles must reach the main thread only.
cat >"$TMP/masks" <<'E2'
#!/bin/sh
# True where every thread but the first blocks SIGINT, SIGTERM and SIGTSTP (and there are some).
pid=$CHILD
n=0
for task in /proc/"$pid"/task/*; do
    [ "${task##*/}" = "$pid" ] && continue
    mask=$(awk '$1 == "SigBlk:" { print $2 }' "$task/status") || exit 1
    [ $((0x$mask >> 1 & 1)) = 1 ] && [ $((0x$mask >> 14 & 1)) = 1 ] && [ $((0x$mask >> 19 & 1)) = 1 ] || exit 1
    n=$((n + 1))
done
[ "$n" -ge 3 ]
E2
chmod +x "$TMP/masks"
# shellcheck disable=SC2086
check "only the main thread takes signals" "$PTY" 80 24 xterm-256color $RUN <<E2
wait LOAD
until $TMP/masks
key q
expect-exit 0
E2

# ---- one line where there is no run ----

# All that is left on the terminal is one line.
one_line() {
    "$PTY" 200 24 xterm-256color "$@" <"$TMP/script" >"$TMP/dump" || return 1
    said=$(sed '1d;$d' "$TMP/dump" | grep -c .)
    [ "$said" = 1 ] || { echo "$said lines are left:"; cat "$TMP/dump"; return 1; }
}
fails_clearly() { # NAME STATUS TEXT COMMAND…
    fails_name=$1 fails_status=$2 fails_text=$3
    shift 3
    printf '%s\n' "expect-exit $fails_status" restored "wait \"$fails_text\" 1" dump >"$TMP/script"
    check "$fails_name" one_line "$@"
}
fails_clearly "a refused port is one line" 1 "127.0.0.1:1" "$TOKGAUGE" run http://127.0.0.1:1
fails_clearly "an unknown model is one line" 1 "no-such" "$TOKGAUGE" run "$URL" -m no-such
fails_clearly "a context that is too long is one line" 1 "can hold" "$TOKGAUGE" run "$URL" --context 100k
fails_clearly "a wrong option is one line" 2 "--no-such" "$TOKGAUGE" run "$URL" --no-such
fails_clearly "an unknown theme is one line" 2 "no theme 'no-such'" "$TOKGAUGE" run "$URL" --theme no-such
for scenario in 401 404 404-model 500 html refuse; do
    start_server "$RAWSERVER" "$scenario"
    fails_clearly "$scenario is one line" 1 "tokgauge: " "$TOKGAUGE" run "$URL"
    stop_server
done

# ---- terminals that it cannot use ----

start_sim --model maker/Gauge-7B --cold 0 --step 10 --log "$TMP/term.log"
for term in no-such ''; do
    case $term in
    '') what='an empty TERM' status=0 text='TERM is not set' ;;
    *) what='an unknown TERM' status=2 text="terminal type 'no-such' is not known here" ;;
    esac
    check "$what is told" "$PTY" 200 24 xterm env TERM="$term" "$TOKGAUGE" run "$URL" -n 2 <<E2
wait "$text"
expect-exit $status
restored
E2
    [ "$status" = 0 ] || check "… before anything was sent" same "$(grep -c . "$TMP/term.log")" 0
done
for env in '-u TERM' TERM=dumb; do
    # shellcheck disable=SC2086
    check "env $env gets plain lines" "$PTY" 200 50 xterm env $env "$TOKGAUGE" run "$URL" -n 2 <<E2
wait "TERM is not set, or dumb"
wait "run file"
expect-exit 0
save $TMP/dumb.raw
E2
    check "… without one escape sequence" lacks "$TMP/dumb.raw" "$(printf '\033')"
done
