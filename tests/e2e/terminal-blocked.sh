# What a terminal that does not read holds up: nothing.  A run is compared with one whose terminal reads.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
start_sim --model maker/Gauge-7B --cold 0 --step 10 --step-seq 0.1 --prefill-rate 100000 --max-num-seqs 4
requests=50
timed() { # NAME FILE SCRIPT…: a run of so many requests
    timed_name=$1 timed_file=$2
    shift 2
    printf '%s\n' "$@" >"$TMP/script"
    check "$timed_name" "$PTY" 120 40 xterm-256color "$TOKGAUGE" run "$URL" -c 4 -n "$requests" --max-tokens 32 \
        --out "$timed_file" <"$TMP/script"
}
summary() { # FILE FIELD
    tail -n 1 "$1" | jq "$2"
}
timed "a run whose terminal reads ends well" "$TMP/reads.ndjson" 'wait LOAD' 'expect-exit 0 30' restored 'wait "run file"'
timed "a run whose terminal does not read ends just so" "$TMP/blocked.ndjson" 'wait LOAD' block \
    "until grep -q '\"type\":\"summary\"' $TMP/blocked.ndjson" unblock 'expect-exit 0' restored 'wait "run file"'
check "the run file was complete while the terminal did not read" json "$TMP/blocked.ndjson" \
    '.[-1].type == "summary" and .[-1].ended_by == "requests"' -s
counts='[.requests.ok, .requests.failed, .requests.cancelled, .tokens.output, .tokens.prompt]'
check "both count the same" same "$(summary "$TMP/blocked.ndjson" "$counts | tostring")" \
    "$(summary "$TMP/reads.ndjson" "$counts | tostring")"
check "every request succeeded" same "$(summary "$TMP/blocked.ndjson" .requests.ok)" "$requests"
# Far above what a busy machine does to the client, far below what a write that waits would.
check "the client was not held up" json "$TMP/blocked.ndjson" '.[-1].client.lag_ms.p50 < 250' -s
check "the run took no longer" json "$TMP/blocked.ndjson" '.[-1].whole.seconds < $normal * 3 + 5' -s \
    --argjson normal "$(summary "$TMP/reads.ndjson" .whole.seconds)"
# Changes of view fill what the kernel keeps for a terminal, so that the last frame is cut.
check "q works while the terminal does not read" "$PTY" 120 40 xterm-256color "$TOKGAUGE" run "$URL" -c 4 \
    --out "$TMP/quit.ndjson" <<E2
wait LOAD
block
key 3
sleep 0.2
key 1
sleep 0.2
key 3
sleep 0.2
key 1
sleep 0.2
key q
until grep -q '"type":"summary"' $TMP/quit.ndjson
unblock
expect-exit 0
restored
wait "run file"
E2
check "a signal works while the terminal does not read" "$PTY" 120 40 xterm-256color "$TOKGAUGE" run "$URL" -c 4 \
    --out "$TMP/signal.ndjson" <<E2
wait LOAD
block
key 3
sleep 0.2
key 1
sleep 0.2
key 3
sleep 0.2
key 1
sleep 0.2
signal TERM
until grep -q '"type":"summary"' $TMP/signal.ndjson
unblock
expect-exit 143
restored
E2
