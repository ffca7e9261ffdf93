# The dashboard in a terminal: what stands on it, at every size and in terminals of every kind.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
start_sim --model maker/Gauge-7B --cold 0 --step 10 --max-num-seqs 2
ADDRESS=${URL#http://}

# screen NAME W H TERM COMMAND… <SCRIPT: plays the script, then quits and looks that all is put back.
screen() {
    screen_name=$1
    shift
    { cat; printf '%s\n' 'save "'"$TMP/raw"'"' 'key q' 'expect-exit 0' 'restored'; } >"$TMP/script"
    check "$screen_name" "$PTY" "$@" <"$TMP/script"
}

# The words that every size has.  One stream of the three waits at the server.
common() {
    for word in Gauge-7B SIMULATED LOAD output tok/s TTFT "3 of 3" queued GTT simulated RAM 39.7 run wait KV \
        streams 3 "context 1k" "output 32" "? help" "q quit"; do
        echo "wait \"$word\""
    done
}
LOAD="$TOKGAUGE run $URL -c 3 --max-tokens 32"
# shellcheck disable=SC2086  # LOAD is a command line
{
    # (The address stands where a busy machine has its warning: the goldens have it.)
    common | screen "60x16 shows model, rate, TTFT, streams, memory, server, keys" 60 16 tmux-256color $LOAD
    { common; printf 'wait "%s"\n' running waiting "KV cache" "vLLM" "max 16k" "GTT left" "space pause"; } |
        screen "80x24 shows the server's counters too" 80 24 xterm-256color $LOAD
    { common; printf 'wait "%s"\n' "$ADDRESS" "time to first token" "per stream" p95 "RAM left" "m mark" "S save" \
        "per token" maker/Gauge-7B; } |
        screen "120x40 shows all panels" 120 40 xterm-256color $LOAD
    { common; printf 'wait "%s"\n' "$ADDRESS" "1 overview" "7 log" "p99" "-10 s"; } |
        screen "200x60 shows more" 200 60 xterm-256color $LOAD
}

# ---- kinds of terminal ----

ascii_only() { # of what was written; the summary follows the locale in the same way
    ! LC_ALL=C grep -an '[^ -~[:cntrl:]]' "$1" || return 1
}
no_color() { # no SGR code between 30 and 49
    ! tr '\033' '\n' <"$1" | LC_ALL=C grep -aE '^\[([0-9]*;)*[34][0-9](;[0-9]*)*m'
}
has_color() {
    ! no_color "$1" >/dev/null
}
# shellcheck disable=SC2086
{
    echo 'wait "* LOAD"' | screen "LC_ALL=C starts" 80 24 xterm-256color env LC_ALL=C $LOAD
    check "LC_ALL=C writes ASCII only" ascii_only "$TMP/raw"
    echo 'wait "* LOAD"' | screen "--glyphs ascii starts" 80 24 xterm-256color $LOAD --glyphs ascii
    check "--glyphs ascii draws ASCII only" ascii_only "$TMP/raw"
    printf 'wait "%s"\n' "● LOAD" ⣿ | screen "UTF-8 draws braille" 80 24 xterm-256color $LOAD
    check "xterm-256color gets colours" has_color "$TMP/raw"
    echo 'wait "● LOAD"' | screen "NO_COLOR starts" 80 24 xterm-256color env NO_COLOR=1 $LOAD
    check "NO_COLOR writes no colour" no_color "$TMP/raw"
    echo 'wait "● LOAD"' | screen "an empty NO_COLOR starts" 80 24 xterm-256color env NO_COLOR= $LOAD
    check "an empty NO_COLOR is none" has_color "$TMP/raw"
    echo 'wait "● LOAD"' | screen "--color never starts" 80 24 xterm-256color $LOAD --color never
    check "--color never writes no colour" no_color "$TMP/raw"
    printf 'wait "%s"\n' "LOAD" █ ┌ | screen "TERM=linux draws blocks" 80 24 linux $LOAD
    check "TERM=linux gets neither braille nor round corners" lacks "$TMP/raw" ⣿
    check "TERM=linux gets colours" has_color "$TMP/raw"
    printf 'wait "%s"\n' "LOAD" SIMULATED "q quit" | screen "TERM=vt100 works" 80 24 vt100 $LOAD
    check "TERM=vt100 gets no colour" no_color "$TMP/raw"
    printf 'wait "%s"\n' "LOAD" SIMULATED "q quit" | screen "TERM=screen works" 80 24 screen $LOAD
    printf 'wait "%s"\n' "LOAD" SIMULATED "q quit" | screen "TERM=tmux-256color works" 80 24 tmux-256color $LOAD
}
