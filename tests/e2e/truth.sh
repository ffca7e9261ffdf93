# What tokgauge says, against what the servers say that they did.
. "$TESTS_DIR/e2e/lib.sh"
FAST='--step 2 --step-seq 0.1 --prefill-rate 200000 --cold 0 --overhead 1'

# A list of one number a request, sorted: equal only where every single count is right.
list() {
    jq -s -c "$2" "$1"
}
ROWS='map(select(.type == "request" and .part == "load"))'
LOG='map(select(.id > 1))' # request 1 is the preflight's

# ---- tokens, lengths and outcomes, one by one ----

# shellcheck disable=SC2086  # a list of options
start_sim $FAST --max-num-seqs 8 --log "$TMP/log" --fault 500=0.1,reset=0.1
check "a run with faults ends well" exits 0 "$TOKGAUGE" run "$URL" --json -c 8 -n 160 --max-tokens 24 --natural-length \
    --context 300 --out "$TMP/run.ndjson"
cp "$TMP/out" "$TMP/out.json"
stop_server
check "every request has one outcome" json "$TMP/out.json" '.requests
    | .ended == 160 and .ok + .failed == 160 and .failed > 0 and ([.by_outcome[]] | add) == 160'
check "output tokens of each request are the server's" same \
    "$(list "$TMP/run.ndjson" "$ROWS"' | map(select(.outcome == "ok") | [.output_tokens, .prompt_tokens]) | sort')" \
    "$(list "$TMP/log" "$LOG"' | map(select(.outcome == "ok") | [.output_tokens, .prompt_tokens]) | sort')"
check "failed requests are in no latency figure" json "$TMP/out.json" '.ttft_ms.n == .requests.ok and .e2e_ms.n == .requests.ok'
check "the run file holds every request" same "$(list "$TMP/run.ndjson" "$ROWS | length")" 160
check "ITL counts every token but the first" json "$TMP/run.ndjson" '
    ('"$ROWS"' | map(select(.outcome == "ok") | .output_tokens - 1) | add) == (.[-1].itl_ms.n)' -s

# ---- times ----

# shellcheck disable=SC2086
start_sim $FAST --max-num-seqs 4 --log "$TMP/log2"
check "a run with stamps ends well" exits 0 "$TOKGAUGE" run "$URL" --json -c 4 -n 12 --max-tokens 24 --stamps \
    --out "$TMP/run2.ndjson"
cp "$TMP/out" "$TMP/out2.json"
stop_server
# Not how near they are (the machine may be busy), but that no token arrived before it was sent: that would be no arrival.
check "stamps: as many arrivals as tokens" json "$TMP/out2.json" '.stamps.arrival_us.n == .tokens.output'
check "TTFT is the client's own, from sent to first token" json "$TMP/run2.ndjson" '
    ('"$ROWS"' | map((.first_token - .sent) / 1e6) | add / length) as $mean
    | (.[-1].ttft_ms.mean - $mean) | fabs < 0.001' -s
check "moments come in order" json "$TMP/run2.ndjson" "$ROWS"' | all(.due <= .started and .started <= .sent and
    .sent <= .first_byte and .first_byte <= .first_token and .first_token <= .last_token and .last_token <= .end)' -s

# The whole window is that of the load: tokens over seconds.
check "output rate is tokens over time" json "$TMP/out2.json" '
    .whole | (.output_tokens / .seconds / .output_tok_s - 1) | fabs < 0.01'

# ---- other sources of the token count ----

# shellcheck disable=SC2086
start_sim $FAST --max-num-seqs 4 --log "$TMP/log3" --no-usage --tokens-per-event 3
"$TOKGAUGE" run "$URL" --json -c 4 -n 10 --max-tokens 20 >"$TMP/out3.json" 2>"$TMP/err3"
stop_server
check "without usage the server's tokenizer counts" json "$TMP/out3.json" '.tokens.by_source == {"tokenize": 10} and
    .tokens.output == 200'

"$TOKGAUGE" report "$(jq -r .run_file "$TMP/out3.json")" --format vllm >"$TMP/out3.vllm"
check "and of prompts that nobody has counted vLLM's form has no total" json "$TMP/out3.vllm" '.total_input_tokens == null and
    .total_token_throughput == null and .total_output_tokens == 200 and .output_throughput > 0'
check "unknown is null in the first request too" json "$TMP/out3.json" '.first.prompt_tokens == null'

start_server "$BLASTER" --rate 400 --log "$TMP/log4"
"$TOKGAUGE" run "$URL" --json -c 10 -n 40 --max-tokens 30 --context 64 --stamps >"$TMP/out4.json" 2>"$TMP/err4"
stop_server
check "a paced server: all requests, all tokens" json "$TMP/out4.json" '.requests.ok == 40 and .tokens.output == 1200'
check "a paced server: its log says the same" same \
    "$(jq -s 'map(select(.tokens == 30 and .complete)) | length' "$TMP/log4")" 40

# ---- the live rate of one stream ----

start_sim --step 5 --step-seq 0 --cold 0 --overhead 1 --prefill-rate 200000 --max-num-seqs 4
"$TOKGAUGE" run "$URL" --json -c 4 -d 5s --max-tokens 8 --context 400 --out "$TMP/short.ndjson" >"$TMP/short.json" 2>"$TMP/err"
check "per stream: what answers of eight tokens decode at, not the time between them" json "$TMP/short.ndjson" '(.[-1].tpot_ms.p50) as $tpot |
    [.[] | select(.type == "sample" and .state == "load" and .stream_tok_s != null) | .stream_tok_s * $tpot / 1000] | sort |
    length >= 3 and (.[length / 2 | floor] - 1 | fabs) < 0.15' -s
"$TOKGAUGE" run "$URL" --json -c 4 -d 3s --max-tokens 1 --context 16 --out "$TMP/ones.ndjson" >"$TMP/ones.json" 2>"$TMP/err"
check "one token is no rate" json "$TMP/ones.ndjson" 'map(select(.type == "sample" and .state == "load")) | length >= 2 and all(.stream_tok_s == null and .output_tok_s != 0)' -s
stop_server
