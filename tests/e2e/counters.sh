# The server's own counters: against what the server did, over its restart, and from pages that are none.
. "$TESTS_DIR/e2e/lib.sh"
FAST='--step 4 --step-seq 0.1 --prefill-rate 200000 --cold 0 --overhead 1'
LOAD_ROWS='map(select(.type == "request" and .part != "preflight"))'

# metric PAGE NAME: the sum of that name on a page.
metric() {
    awk -v n="$2" '{ split($1, a, "{"); if (a[1] == n) { s += $NF; k++ } } END { print k ? s : "none" }' "$1"
}

page_of() {
    curl -s --noproxy '*' "$1/metrics"
}

# ---- the simulator's page against what the program says of it ----

# shellcheck disable=SC2086  # a list of options
start_sim $FAST --max-num-seqs 2 --log "$TMP/log"
check "a run with a warm-up" exits 0 "$TOKGAUGE" run "$URL" --json -c 6 -n 60 --warmup 3 --max-tokens 16 --context 64 --out "$TMP/run.ndjson"
cp "$TMP/out" "$TMP/out.json"
page_of "$URL" >"$TMP/page"
stop_server
check "tokens: the server's counter is the sum of the answers" json "$TMP/run.ndjson" '
    ('"$LOAD_ROWS"' | map(.output_tokens) | add) as $ours | (.[-1].server_counts.generated_tokens == $ours) and $ours == 63 * 16' -s
check "requests that ended: all that were sent" json "$TMP/out.json" '.server_counts.finished == 63'
check "prompt tokens: those of the answers" json "$TMP/run.ndjson" '
    ('"$LOAD_ROWS"' | map(.prompt_tokens) | add) == .[-1].server_counts.prompt_tokens' -s
# What its page says in the end, less what it said before the load, which is the log's first line.
FIRST_TOKENS=$(head -n 1 "$TMP/log" | jq .output_tokens)
check "the page's counter agrees" same "$(metric "$TMP/page" vllm:generation_tokens_total)" $((63 * 16 + FIRST_TOKENS))
check "its times are those of all its requests" json "$TMP/out.json" '.server_counts | .ttft_ms.n == 63 and .queue_time_ms.n == 63 and
    .itl_ms.n == 63 * 15 and .queue_time_ms.mean <= .ttft_ms.mean'
check "TTFT by its clock is not longer than here" json "$TMP/run.ndjson" '
    ('"$LOAD_ROWS"' | map((.first_token - .sent) / 1e6) | add / length) as $ours | .[-1].server_counts.ttft_ms.mean <= $ours + 1' -s
check "samples add up to the summary" json "$TMP/run.ndjson" '
    (map(select(.type == "sample") | .server_counted // {} | .generated_tokens // 0) | add) == .[-1].server_counts.generated_tokens' -s
check "capacity of the KV cache" json "$TMP/out.json" '.server_facts | .kv_tokens == .kv_blocks * .kv_block_tokens and .page_bad_lines == 0
    and .page_lines > 200'
check "its limit shows in what runs" json "$TMP/run.ndjson" '
    map(select(.type == "sample" and .server_waiting >= 1) | .server_running) | length == 0 or max == 2' -s
"$TOKGAUGE" report "$TMP/run.ndjson" >"$TMP/report.md"
check "the report has both sides" contains "$TMP/report.md" "| Output tokens | 1 008 | 1 008 |"
check "no finding of a disagreement" lacks "$TMP/report.md" "output tokens than"
"$TOKGAUGE" replay "$TMP/run.ndjson" --view server --txt "$TMP/view.txt"
check "the replay shows what the summary has" contains "$TMP/view.txt" "$(jq -r '.server_counts.ttft_ms.mean
    | if . < 10 then "\(. * 100 | round / 100)" elif . < 100 then "\(. * 10 | round / 10)" else "\(. | round)" end' "$TMP/out.json" | cut -c1-3)"

# ---- another client at the same time ----

# shellcheck disable=SC2086
start_sim $FAST --max-num-seqs 8
"$TOKGAUGE" run "$URL" --json -c 2 -d 60s --max-tokens 8 --context 32 --out "$TMP/other.ndjson" >/dev/null 2>&1 &
OTHER=$!
within 20 grep -qs '"state":"load"' "$TMP/other.ndjson"
check "a run beside another one" exits 0 "$TOKGAUGE" run "$URL" --json -c 2 -n 60 --max-tokens 8 --context 32 --out "$TMP/beside.ndjson"
kill -INT $OTHER
wait $OTHER
stop_server
check "the server ended more than was asked for" json "$TMP/out" '.server_counts.finished > .requests.ok and
    .server_counts.generated_tokens > .tokens.output'
"$TOKGAUGE" report "$TMP/beside.ndjson" >"$TMP/report.md"
check "the report says so" contains "$TMP/report.md" "Other clients loaded the server at the same time"

# ---- killed and started again in the middle ----

# shellcheck disable=SC2086
start_sim $FAST --max-num-seqs 4 --log "$TMP/log1"
PORT=${URL##*:}
"$TOKGAUGE" run "$URL" --json -c 4 -d 100s --max-tokens 16 --context 32 --out "$TMP/restart.ndjson" >"$TMP/restart.json" 2>"$TMP/restart.err" &
RUN=$!
counted() {
    [ "$(jq -s '[.[] | select(.type == "sample") | .server_counted // {} | .generated_tokens // 0] | add // 0' "$TMP/restart.ndjson" 2>/dev/null || echo 0)" -gt "$1" ]
}
check "its counters grow" within 30 counted 200
kill -KILL "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null
# shellcheck disable=SC2086
start_server "$TOKGAUGE" sim --port "$PORT" $FAST --max-num-seqs 4 --sim-model another-model
check "the restart is noticed" within 30 grep -q '"what":"restart"' "$TMP/restart.ndjson"
check "and the other model" within 30 grep -q '"what":"model","model":"another-model"' "$TMP/restart.ndjson"
kill -INT $RUN
wait $RUN
check "the log says so" json "$TMP/restart.ndjson" 'map(select(.type == "event") | .text) |
    any(. == "the server was restarted: its counters began anew") and any(startswith("the server has another model now: '"'another-model'"'"))' -s
check "no delta is negative" json "$TMP/restart.ndjson" '
    [.[] | select(.type == "sample") | .server_counted // {} | to_entries[] | .value | numbers] | all(. >= 0)' -s
# The first one's last tokens may have come after its last page; nothing is counted twice.
check "what is added up is not more than came" json "$TMP/restart.ndjson" '
    (map(select(.type == "request" and .part == "load") | .output_tokens // 0) | add) as $ours
    | .[-1].server_counts | .generated_tokens > 0 and .generated_tokens <= $ours + 4 * 16 and .restarts == 1' -s
"$TOKGAUGE" report "$TMP/restart.ndjson" >"$TMP/report.md"
check "the report says that it was two models" contains "$TMP/report.md" "model changed in the middle of the run"
check "and when" contains "$TMP/report.md" "the server was restarted; its counters are added up over it"
stop_server

# ---- pages of other kinds, and what is none ----

# raw NAME [rawserver options…]: a run against a server with these pages; its summary is in $TMP/out
raw() {
    raw_name=$1
    shift
    rm -f "$TMP/raw.ndjson"
    start_server "$RAWSERVER" ok --gap 0 "$@"
    check "$raw_name: the run ends well" exits 0 timeout 60 "$TOKGAUGE" run "$URL" --json -c 2 -n 4 --max-tokens 3 --context 32 --out "$TMP/raw.ndjson"
    stop_server
}
models() {
    echo '{"object":"list","data":[{"id":"m","object":"model","owned_by":"'"$1"'"}]}' >"$TMP/models"
}
FIX=$TESTS_DIR/fixtures
models llamacpp
echo '{"total_slots":4,"default_generation_settings":{"n_ctx":8192},"build_info":"b6000-abc"}' >"$TMP/props"
raw llama.cpp --page "/v1/models=$TMP/models" --page "/metrics=$FIX/llamacpp-2026-metrics.txt" --page "/props=$TMP/props"
check "llama.cpp: slots" json "$TMP/out" '.server == "llama.cpp b6000-abc" and .server_facts.max_num_seqs == 4 and .server_facts.slot_context == 8192'
check "llama.cpp: it counts answers that ended, which are no rate" json "$TMP/raw.ndjson" '
    (map(select(.type == "counters")) | any(.tokens_at_end)) and (map(select(.type == "sample") | .server_tok_s) | all(. == null))' -s
check "llama.cpp: counters that stand still count nothing" json "$TMP/out" '.server_counts.generated_tokens == 0 and .server_counts.finished == null'
echo '[{"id":0,"n_ctx":4096,"is_processing":true},{"id":1,"n_ctx":4096,"is_processing":false}]' >"$TMP/slots"
raw "llama.cpp without --metrics" --page "/v1/models=$TMP/models" --page "/slots=$TMP/slots"
check "its slots tell what runs" json "$TMP/raw.ndjson" 'map(select(.type == "sample") | .server_running) | any(. == 1)' -s
check "and why there are no counters" json "$TMP/out" '.server_facts.note | test("HTTP 404: start it with --metrics")'
"$TOKGAUGE" replay "$TMP/raw.ndjson" --view server --txt "$TMP/view.txt"
check "the view says it too" contains "$TMP/view.txt" "start it with --metrics"
models library
echo '{"models":[{"model":"m:latest","size":20000000000,"size_vram":15000000000,"context_length":4096}]}' >"$TMP/ps"
raw Ollama --page "/v1/models=$TMP/models" --page "/api/ps=$TMP/ps"
check "Ollama: the model in memory" json "$TMP/out" '.server_facts | .loaded_bytes == 20000000000 and .loaded_vram_bytes == 15000000000 and
    .loaded_context == 4096'
models sglang
raw SGLang --page "/v1/models=$TMP/models" --page "/metrics=$FIX/sglang-2026-metrics.txt"
check "SGLang: capacity" json "$TMP/out" '.server_facts.kv_tokens == 32768'
models m
echo '{"version":"3.3.5","max_total_tokens":4096,"max_batch_total_tokens":32000}' >"$TMP/info"
raw TGI --page "/v1/models=$TMP/models" --page "/metrics=$FIX/tgi-3-metrics.txt" --page "/info=$TMP/info"
check "TGI: who it is, and its limits" json "$TMP/out" '.server == "TGI 3.3.5" and .max_model_len == 4096 and .server_facts.kv_tokens == 32000'

# One that names no model on its page is asked for its list when its counters have fallen.
models llamacpp
cp "$FIX/llamacpp-2026-metrics.txt" "$TMP/moving"
start_server "$RAWSERVER" ok --gap 0 --page "/v1/models=$TMP/models" --page "/metrics=$TMP/moving"
"$TOKGAUGE" run "$URL" --json -c 1 -d 50s --max-tokens 3 --context 32 --out "$TMP/moved.ndjson" >/dev/null 2>&1 &
RUN=$!
within 20 grep -qs '"server_counted"' "$TMP/moved.ndjson"
sed 's/"id":"m"/"id":"other"/' "$TMP/models" >"$TMP/models.new" && mv "$TMP/models.new" "$TMP/models"
sed 's/^\(llamacpp:tokens_predicted_total\) .*/\1 5/' "$TMP/moving" >"$TMP/moving.new" && mv "$TMP/moving.new" "$TMP/moving"
check "another model by the list of models" within 20 grep -q '"what":"model","model":"other"' "$TMP/moved.ndjson"
kill -INT $RUN
wait $RUN
check "it is told once" json "$TMP/moved.ndjson" 'map(select(.type == "server_change")) | map(.what) == ["restart", "model"]' -s
stop_server

models vllm
MODELS="--page /v1/models=$TMP/models"
gzip -c "$FIX/vllm-2026-metrics.txt" >"$TMP/page.gz"
# shellcheck disable=SC2086
raw "compressed though nobody asked" $MODELS --gzip --page "/metrics=$TMP/page.gz"
check "it is read all the same" json "$TMP/raw.ndjson" 'map(select(.type == "sample") | .server_running) | any(. == 3)' -s
head -c 200 /dev/urandom >"$TMP/noise"
# shellcheck disable=SC2086
raw "says gzip and is noise" $MODELS --gzip --page "/metrics=$TMP/noise"
check "that is told" json "$TMP/out" '.server_facts.note | test("cannot be read")'
echo '<html><body>not here</body></html>' >"$TMP/html"
# shellcheck disable=SC2086
raw HTML $MODELS --page "/metrics=$TMP/html"
check "HTML is no page of counters" json "$TMP/out" '.server_facts.note | test("no page of counters")'
{ cat "$FIX/vllm-2026-metrics.txt"; printf 'what is this\nvllm:num_requests_running{x="1\n\000\001\377 3\n'; } >"$TMP/mixed"
# shellcheck disable=SC2086
raw "unreadable lines" $MODELS --page "/metrics=$TMP/mixed"
check "they are counted" json "$TMP/out" '.server_facts.page_bad_lines == 3'
"$TOKGAUGE" replay "$TMP/raw.ndjson" --view server --txt "$TMP/view.txt"
check "and the view tells it" contains "$TMP/view.txt" "unreadable: 3"
{ for i in 0 1 2 3 4 5 6 7 8 9; do cat "$FIX/vllm-2026-metrics.txt"; done; } >"$TMP/block"
# shellcheck disable=SC2086
raw "a page without end" $MODELS --endless --page "/metrics=$TMP/block"
check "is called too long" json "$TMP/out" '.server_facts.note | test("longer than 4 MiB")'
# shellcheck disable=SC2086
raw "a page that is late" $MODELS --late 1200 --page "/metrics=$FIX/vllm-2026-metrics.txt"
check "is no error" json "$TMP/out" '.requests.ok == 4 and .requests.failed == 0'

# ---- the prefix cache is emptied ----

# shellcheck disable=SC2086
start_sim $FAST --max-num-seqs 4
hits() { # of a run that sends the same prompts as the one before
    "$TOKGAUGE" run "$URL" --json -c 2 -n 8 --max-tokens 4 --context 512 --seed 7 "$@" 2>"$TMP/err" | jq '.server_counts.prefix_hits > 0.5'
}
check "new prompts are not in the cache" same "$(hits)" false
check "the same once more are" same "$(hits)" true
"$TOKGAUGE" run "$URL" --json -c 2 -n 8 --max-tokens 4 --context 512 --seed 7 --out "$TMP/again.ndjson" >/dev/null 2>&1
"$TOKGAUGE" report "$TMP/again.ndjson" >"$TMP/report.md"
check "the report warns of that" contains "$TMP/report.md" "meant to be new were partly in the server's prefix cache"
check "--reset-prefix-cache empties it" same "$(hits --reset-prefix-cache)" false
stop_server
start_server "$RAWSERVER" ok --gap 0 --page "/v1/models=$TMP/models" --log "$TMP/rawlog"
check "vLLM that does not allow it: one line" refuses 1 "VLLM_SERVER_DEV_MODE=1" run "$URL" --json -n 1 --reset-prefix-cache
stop_server
models llamacpp
start_server "$RAWSERVER" ok --gap 0 --page "/v1/models=$TMP/models" --log "$TMP/rawlog2"
check "llama.cpp cannot do it: one line" refuses 1 "has no way to empty its prefix cache" run "$URL" --json -n 1 --reset-prefix-cache
check "and nothing was sent" lacks "$TMP/rawlog2" "POST /v1"
stop_server
