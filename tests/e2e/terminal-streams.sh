# The Streams view: the bar, the orders, one stream opened; by keys and by the mouse.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
start_sim --model maker/Gauge-7B --cold 0 --step 10 --max-num-seqs 4
RUN="$TOKGAUGE run $URL -c 40 --max-tokens 64"
# shellcheck disable=SC2086  # RUN is a command line
check "the bar moves and is always seen; orders; one stream" "$PTY" 80 24 xterm-256color $RUN <<'E2'
wait "40 of 40"
key 3
wait "▸ 1"
wait "#▾"
wait "1–18 of 40"
key Down Down
wait "▸ 3"
key PgDn
wait "▸21"
wait "4–21 of 40"
key End
wait "▸40"
wait "23–40 of 40"
key Home
wait "▸ 1"
key o
wait "by state"
wait " ▾"
key o
wait "out▾"
key o
wait "TTFT▾"
key o
wait "tok/s▾"
key o
wait "wait▾"
wait "by waiting time"
key o
wait "#▾"
key Down Enter
wait "╭─ stream 2 "
wait "context 1 024"
wait "queue and prefill"
wait "sent −"
wait "now"
wait "decoding"
wait "█ queue and prefill"
wait "decode"
wait "first token −"
key Down
wait "╭─ stream 3 "
key Esc
wait "▸ 3"
key Enter
wait "╭─ stream 3 "
key Enter
wait "▸ 3"
# By the mouse: a row, the same row, back; and three rows further.
click "  7 "
wait "▸ 7"
click "▸ 7" 10
wait "╭─ stream 7 "
click "queue and prefill"
wait "▸ 7"
wheel down "▸ 7"
wait "4–21 of 40"
wait "▸ 7"
# Fewer streams than the bar's place.
key End
wait "▸40"
key _
wait "20 of 20"
wait "▸20"
key Enter
wait "╭─ stream 20 "
key _
wait "10 of 10"
gone "╭─ stream 20 "
wait "▸10"
key 1
wait GTT
click "╭─ streams"
wait "▸10"
key q
expect-exit 0
restored
E2
# shellcheck disable=SC2086
check "wide enough, each has its last rates" "$PTY" 120 40 xterm-256color $RUN -c 2 <<'E2'
wait "2 of 2"
key 3
wait "last 16 s"
wait "██"
key Enter
wait "tok/s now"
resize 60 16
wait "tok/s now"
wait "Esc back"
key Esc
wait "▸ 1"
gone "last 16 s"
key q
expect-exit 0
restored
E2
# shellcheck disable=SC2086
check "ASCII has the bar and the mark too" "$PTY" 80 24 xterm-256color $RUN --glyphs ascii <<'E2'
wait "40 of 40"
key 3
wait "> 1 "
wait "#v"
key Enter
wait "- stream 1 -"
wait "sent -"
key q
expect-exit 0
E2
