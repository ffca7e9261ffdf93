# How much is written to the terminal: a frame at most ten times a second, nothing where nothing changed.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
start_sim --model maker/Gauge-7B --cold 0 --step 10 --max-num-seqs 8
# shellcheck disable=SC2086
check "at most ten frames a second under load" "$PTY" 120 40 xterm-256color \
    "$TOKGAUGE" run "$URL" -c 8 --max-tokens 32 <<'E2'
wait "8 of 8"
frames 3 14
key 3
wait "text"
frames 2 14
key q
expect-exit 0
E2
check "nothing is written when nothing changes" "$PTY" 120 40 xterm-256color \
    "$TOKGAUGE" run "$URL" -c 4 --max-tokens 16 <<'E2'
wait "4 of 4"
key 3 Space
wait PAUSED
wait "0 of 4"
quiet 3
key 7
wait "paused"
quiet 3
# Without load the clock of the run stands.
key Space
gone PAUSED
key q
expect-exit 0
E2
start_server "$RAWSERVER" --all no-answer
check "nothing is written while a server does not answer" "$PTY" 80 24 xterm-256color "$TOKGAUGE" run "$URL" <<'E2'
wait PREFLIGHT
key 7
quiet 3
key ?
wait "closes"
key ?
gone "closes"
key +
wait "not yet"
key q
expect-exit 0
restored
wait "stopped before the load began"
E2
