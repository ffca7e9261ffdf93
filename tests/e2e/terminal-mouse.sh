# The mouse: clicks and the wheel, as each kind of terminal tells them; and that it is the terminal's own where it should be.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
# A crash is the program's own, in an instrumented build too.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0
TSAN_OPTIONS=${TSAN_OPTIONS:+$TSAN_OPTIONS:}handle_segv=0
export ASAN_OPTIONS TSAN_OPTIONS
start_sim --model maker/Gauge-7B --cold 0 --step 10 --max-num-seqs 8
RUN="$TOKGAUGE run $URL -c 2 --max-tokens 64"

# SGR (xterm) tells every column; the older way (tmux, screen) is what the others have.
for term in xterm-256color tmux-256color screen; do
    # shellcheck disable=SC2086  # RUN is a command line
    check "$term: panels, words of the footer, the help and the list of themes" "$PTY" 120 40 $term $RUN <<'E2'
wait "2 of 2"
click "╭─ output"
wait "percentiles"
key 1
click "◂ first"
wait "percentiles"
key 1
click "╭─ streams" 2 2
gone "◂ first"
key 1
click "╭─ memory" 3 1
wait "processes on the GPU"
key 1
click "╭─ server"
wait "its own counters"
# Words of the footer: the second key of a pair, and the first.
click "-/+ streams" 2
wait "streams 3"
click "-/+ streams"
wait "streams 2"
click "m mark"
wait "▲ marked"
gone "▲ marked" 15
click "tab view"
wait "streams × context"
click "tab view"
wait "now 3 streams"
click "? help" 2
wait "closes"
wheel down "closes" 2
click "closes"
gone "closes"
key 1
key t
wait "▸ tokgauge-dark"
wheel down "tokgauge-dark"
gone "▸ tokgauge-dark"
click "tokgauge-dark"
wait "▸ tokgauge-dark"
wait "Enter keep"
key Esc
gone "Enter keep"
click "q quit"
expect-exit 0
restored
wait "run file"
E2
done
check "a click moves the bar of the themes, a second one keeps it" "$PTY" 80 24 xterm-256color "$TOKGAUGE" run "$URL" -c 2 <<'E2'
wait "2 of 2"
key t
wait "▸ tokgauge-dark"
click "mono "
wait "▸ mono"
click "mono "
gone "Enter keep"
key t
wait "▸ mono"
wait "Enter keep"
key Esc
gone "Enter keep"
key q
expect-exit 0
restored
E2
# The log scrolls; what comes at once is not lost, and a key that follows comes after it.
check "the wheel scrolls the log" "$PTY" 80 24 xterm-256color "$TOKGAUGE" run "$URL" -c 2 <<'E2'
wait "2 of 2"
key + - + - + - + - + - + - + - + - + - + - + - + - + - + -
key 7
wait "now 2 streams"
wheel up "log"
wait "3 newer below"
wheel up "log" 2
wait "9 newer below"
wheel down "log" 20
gone "newer below"
wheel up "log" 1
key q
expect-exit 0
restored
E2
check "after ^Z and fg it is told again" "$PTY" 80 24 xterm-256color env PS1='ready> ' ENV= dash -i <<E2
wait "ready>"
type $RUN
key Enter
wait "2 of 2"
key C-z
wait "Stopped"
restored
type fg
key Enter
wait "2 of 2"
click "streams"
gone "GTT"
wait "text"
key q
wait "run file"
restored
type exit
key Enter
expect-exit 0
E2
# shellcheck disable=SC2086
check "a crash gives it back" "$PTY" 80 24 tmux-256color $RUN <<'E2'
wait "2 of 2"
signal SEGV
expect-exit 139
restored
E2

# ---- not asked for ----

never() { # NAME TERM OPTION…
    never_name=$1 never_term=$2
    shift 2
    # shellcheck disable=SC2086
    "$PTY" 80 24 "$never_term" $RUN "$@" <<E2 >"$TMP/dump" 2>&1
wait "2 of 2"
click "q quit"
sleep 0.3
wait "2 of 2"
key q
expect-exit 0
restored
save $TMP/never.raw
E2
    never_status=$?
    [ "$never_status" = 0 ] || sed "s/^/# /" "$TMP/dump"
    check "$never_name: the run ends well" same "$never_status" 0
    check "$never_name: the terminal is not asked" lacks "$TMP/never.raw" '[?1000'
    check "$never_name: not in another way" lacks "$TMP/never.raw" '[?1006'
}
never "--no-mouse" xterm-256color --no-mouse
never "TERM=linux" linux
never "TERM=vt100" vt100
