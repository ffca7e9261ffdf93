# Sizes: changed during the run, too small, and absurd.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
start_sim --model maker/Gauge-7B --cold 0 --step 10
RUN="$TOKGAUGE run $URL -c 2 --max-tokens 32"
# shellcheck disable=SC2086  # RUN is a command line
check "a terminal may change its size" "$PTY" 80 24 xterm-256color $RUN <<'E2'
wait "● LOAD"
resize 120 40
wait "time to first token"
wait "S save"
resize 200 60
wait "7 log"
resize 80 24
gone "7 log"
wait "q quit"
wait "● LOAD"
# The last column and the last line are used, and no more.
wait "╮"
key q
expect-exit 0
restored
E2
# shellcheck disable=SC2086
check "too small says how large it is and must be; keys still work" "$PTY" 80 24 xterm-256color $RUN <<'E2'
wait "● LOAD"
resize 40 10
wait "terminal is 40×10"
wait "needs 60×16"
wait "q quit"
key ?
wait "help"
wait "one stream fewer"
key ?
gone "one stream fewer"
wait "needs 60×16"
resize 59 16
wait "terminal is 59×16"
resize 60 15
wait "terminal is 60×15"
resize 60 16
wait "● LOAD"
wait "KV"
resize 20 5
wait "20×5"
key q
expect-exit 0
restored
E2
# shellcheck disable=SC2086
check "it may begin too small" "$PTY" 30 6 xterm-256color $RUN <<'E2'
wait "30×6"
resize 80 24
wait "● LOAD"
key q
expect-exit 0
restored
E2
# shellcheck disable=SC2086
check "1×1 and 500×200 harm nothing" "$PTY" 80 24 xterm-256color $RUN <<'E2'
wait "● LOAD"
resize 1 1
signal WINCH
key + + ? ? 3 7 Tab
resize 1 50
key ?
resize 200 1
key ? 1
resize 500 200
wait "● LOAD"
wait "time to first token"
wait "4 of 4"
resize 1 1
key ?
resize 2 2
resize 80 24
key ?
wait "● LOAD"
wait "GTT"
resize 1 1
key q
expect-exit 0
restored
E2
# More columns than any terminal has: a program in the middle may say so.
# shellcheck disable=SC2086
check "a size that cannot be is no failure" "$PTY" 80 24 xterm-256color $RUN <<'E2'
wait "● LOAD"
resize 5000 3
wait "needs 60×16"
resize 3 5000
sleep 0.3
resize 80 24
wait "● LOAD"
key q
expect-exit 0
restored
E2
# shellcheck disable=SC2086
check "COLUMNS and LINES of another terminal do not count" "$PTY" 80 24 xterm-256color \
    env COLUMNS=300 LINES=100 $RUN <<'E2'
wait "● LOAD"
wait "q quit"
key q
expect-exit 0
E2
