# The Server view in a terminal: the server's own figures, and the search of its page.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
start_sim --model maker/Gauge-7B --cold 0 --step 5 --max-num-seqs 2
cat >"$TMP/script" <<'END'
wait "4 of 4"
key 5
wait "its own counters"
wait "TTFT mean"
wait "queue mean"
wait "KV cache"
wait "32k tokens, 2 048 blocks"
wait "it seems: no more ran"
key /
wait "its page of counters"
wait "of 259 lines"
type QUEUE_time bucket
wait "QUEUE_time bucket_"
wait "22 of 259 lines"
wait "vllm:request_queue_time_seconds_bucket"
gone "vllm:num_requests_running"
key Enter
gone "bucket_"
wait "/ search"
key End
wait "+Inf"
key Esc
wait "its own counters"
key /
wait "22 of 259 lines"
type q
wait "QUEUE_time bucketq_"
wait "no line holds that"
key Esc
wait "its own counters"
key 1
wait "GTT"
key q
expect-exit 0
restored
END
check "figures of the server, and the search of its page" "$PTY" 100 30 xterm-256color "$TOKGAUGE" run "$URL" -c 4 --context 64 --max-tokens 64 \
    --out "$TMP/run.ndjson" <"$TMP/script"
printf '%s\n' 'wait REPLAY' 'key /' 'wait "not the page itself"' 'key Esc' 'gone "not the page itself"' 'key q' 'expect-exit 0' 'restored' >"$TMP/script"
check "a replay has the figures and no page" "$PTY" 100 30 xterm-256color "$TOKGAUGE" replay "$TMP/run.ndjson" --view server <"$TMP/script"
stop_server
