# Recorded answers of real servers, over a real socket, and habits that real servers have.
. "$TESTS_DIR/e2e/lib.sh"

# replay NAME EXPECTED TOKENS-OF-EACH [rawserver options…]: 6 requests on 2 streams
replay() {
    name=$1 outcome=$2 tokens=$3
    shift 3
    start_server "$RAWSERVER" --file "$TESTS_DIR/fixtures/$name" --gap 0 "$@"
    "$TOKGAUGE" run "$URL" --json -c 2 -n 6 --natural-length --context 32 --stall 2s --timeout 5s >"$TMP/out.json" 2>"$TMP/err"
    check "$name $*: six requests are $outcome" json "$TMP/out.json" ".requests.by_outcome == {\"$outcome\": 6}"
    check "$name $*: $tokens tokens each" json "$TMP/out.json" ".tokens.output == 6 * $tokens"
    stop_server
}
# llama.cpp announces keep-alive and closes all the same.
replay llamacpp-2026-chat-usage.raw ok 12 --close
replay llamacpp-2026-chat.raw ok 4 --close
replay llamacpp-2025-chat-usage.raw ok 12 --close
replay llamacpp-2025-chat.raw ok 4 --close
replay openclaw-2026.2-chat.http ok 16 --rechunk --split 7
replay openclaw-2026.9-chat.http ok 20 --rechunk --split 40
replay openclaw-2026.9-chat.http ok 20 --rechunk

start_server "$RAWSERVER" --file "$TESTS_DIR/fixtures/openclaw-2026.2-provider-error.http" --gap 0 --rechunk
check "a gateway whose provider fails: one line" exits 1 "$TOKGAUGE" run "$URL" --json -n 1
check "and it says what to look at" contains "$TMP/err" "is its model behind a gateway that fails?"
stop_server

# ---- connections that close although keep-alive was announced ----

start_sim --close-after --max-num-seqs 8 --step 1 --prefill-rate 200000 --cold 0 --log "$TMP/log"
"$TOKGAUGE" run "$URL" --json -c 8 -n 200 --max-tokens 4 --context 32 >"$TMP/close.json" 2>"$TMP/err"
check "close after each stream: not one error in 200" json "$TMP/close.json" '.requests.by_outcome == {"ok": 200}'
stop_server

# The same when all connections that were kept are dead at once: each closes when it is used again.
start_server "$RAWSERVER" ok --gap 0 --once
"$TOKGAUGE" run "$URL" --json -c 12 --workers 1 -n 60 --max-tokens 3 --context 32 >"$TMP/once.json" 2>"$TMP/err"
check "dead connections: not one error in 60" json "$TMP/once.json" '.requests.by_outcome == {"ok": 60} and .requests.retried > 0'
stop_server

# Reset when they are used again, which libcurl mends by itself; what comes then is what it is, and not called after that.
start_server "$RAWSERVER" bad-chunk-size --good 3 --gap 0 --dead
"$TOKGAUGE" run "$URL" --json -c 1 -n 4 --max-tokens 3 --context 32 --out "$TMP/dead.ndjson" >"$TMP/dead.json" 2>"$TMP/err"
check "behind a dead connection: a failure is not the one before" json "$TMP/dead.json" '.requests.by_outcome.malformed > 0 and .requests.by_outcome.reset == null'
check "nor has it its words" json "$TMP/dead.ndjson" 'map(select(.outcome == "malformed")) | any(.retried) and all(.error | test("chunk"))' -s
stop_server

# ---- a field that a server does not take is left out ----

echo '{"object":"list","data":[{"id":"m","object":"model","owned_by":"vllm"}]}' >"$TMP/models"
for field in continuous_usage_stats stream_options min_tokens; do
    start_server "$RAWSERVER" ok --gap 0 --page "/v1/models=$TMP/models" --without "$field"
    check "a vLLM without $field" exits 0 "$TOKGAUGE" run "$URL" --json -n 2 --max-tokens 3 --context 32
    stop_server
done

# ---- the usual ports are tried where no URL is given (unless something else of this machine has one) ----

if ! "$TOKGAUGE" run --json -n 1 --max-tokens 2 >/dev/null 2>"$TMP/none" && grep -q 'no server on 127.0.0.1' "$TMP/none"; then
    start_server "$TOKGAUGE" sim --port 30000 --cold 0
    check "no URL: the server on a usual port is found" exits 0 "$TOKGAUGE" run --json -n 1 --max-tokens 2 --context 32
    check "and named" json "$TMP/out" '.url == "http://127.0.0.1:30000"'
    stop_server
fi

# ---- patience ----

# The first answer may take as long as it likes while bytes come: --timeout is for its first byte.
start_sim --cold 0 --step 60
check "--timeout does not cut a long first answer" exits 0 "$TOKGAUGE" run "$URL" --json -n 1 --max-tokens 40 --context 32 --timeout 1s
stop_server
start_server "$RAWSERVER" stall
check "--stall holds for the first answer too" exits 1 timeout 20 "$TOKGAUGE" run "$URL" --json -n 1 --stall 300ms
check "and it says so" contains "$TMP/err" "in the middle of its first answer for 0.3 s (--stall)"
stop_server
start_server "$RAWSERVER" headers-then-hold
check "an answer that never begins" exits 1 timeout 20 "$TOKGAUGE" run "$URL" --json -n 1 --timeout 300ms
check "is said too" contains "$TMP/err" "within 0.3 s"
stop_server
start_server "$RAWSERVER" endless-models
check "a model list without end" exits 1 timeout 20 "$TOKGAUGE" run "$URL" --json -n 1
check "is called too long" contains "$TMP/err" "answers at more length than is taken (4 MiB)"
stop_server

# ---- a proxy, and who is asked without it ----

start_sim --host 127.0.0.2 --cold 0 --step 2
AT=http://127.0.0.2:${URL##*:}
check "by way of a proxy that is not there" exits 1 env http_proxy=http://127.0.0.1:9 "$TOKGAUGE" run "$AT" --json -n 1 --max-tokens 2 --context 32
check "nothing answers" contains "$TMP/err" "cannot connect"
check "no_proxy: it is asked directly" exits 0 env http_proxy=http://127.0.0.1:9 no_proxy=127.0.0.2 "$TOKGAUGE" run "$AT" --json -n 1 --max-tokens 2 --context 32
check "NO_PROXY too" exits 0 env http_proxy=http://127.0.0.1:9 NO_PROXY=other.example,127.0.0.2 "$TOKGAUGE" run "$AT" --json -n 1 --max-tokens 2 --context 32
check "and * is all" exits 0 env http_proxy=http://127.0.0.1:9 no_proxy='*' "$TOKGAUGE" run "$AT" --json -n 1 --max-tokens 2 --context 32
stop_server
