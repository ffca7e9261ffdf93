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
# One answer lasts as long as the look: between two answers the row has a gap.
# shellcheck disable=SC2086
check "wide enough, each has its last rates" "$PTY" 120 40 xterm-256color $RUN -c 2 --max-tokens 4000 <<'E2'
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
# More text than the rows carry (256 bytes, three lines here), and soon for another stream too.
made() { # tokens, by the server
    curl -s "$URL/metrics" | awk '/^vllm:generation_tokens_total/ { s += $2 } END { print s + 0 }'
}
before=$(made)
cat >"$TMP/tokens" <<E2
#!/bin/sh
# tokens N: true when the server has made so many more
curl -s "$URL/metrics" | awk -v n="\$1" '/^vllm:generation_tokens_total/ { s += \$2 } END { exit !(s - $before >= n) }'
E2
chmod +x "$TMP/tokens"
"$PTY" 120 40 xterm-256color "$TOKGAUGE" run "$URL" -c 3 --max-tokens 5000 --seed 3 <<E2 >"$TMP/dump" 2>&1
wait "3 of 3"
until $TMP/tokens 300
key 3 Enter
wait "╭─ stream 1 "
until $TMP/tokens 1500
wait "● decoding"
dump
key Down
wait "╭─ stream 2 "
until $TMP/tokens 2700
wait "● decoding"
dump
key q
expect-exit 0
restored
E2
check "more text of the opened stream: the run ends well" same "$?" 0
long_texts() { # each picture has so many lines of text below the time line
    awk '/^-- / { n = 0; on = 0; pictures++ } on && /[a-z] *│$/ { n++ } / now │$/ { on = 1 } /^╰─ Esc/ { if (n < 6) bad = 1 }
        END { exit bad || pictures < 2 }' "$TMP/dump" || { cat "$TMP/dump"; return 1; }
}
check "it is more than the rows carry" long_texts
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
