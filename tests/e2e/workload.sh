# What is sent: how long, how many, how often, and what changes it.
. "$TESTS_DIR/e2e/lib.sh"
FAST='--step 2 --step-seq 0.1 --prefill-rate 400000 --cold 0 --overhead 1 --max-num-seqs 8'
# shellcheck disable=SC2086  # a list of options
start_sim $FAST --log "$TMP/log" --max-model-len 40000
load() {
    "$TOKGAUGE" run "$URL" --json "$@" >"$TMP/out.json" 2>"$TMP/err"
}

# ---- prompt length: within 2 % or 4 tokens ----

NEAR='([.tokens.context_min, .tokens.context_max] | all((. - $want | fabs) <= ([$want * 0.02, 4] | max)))'
for want in 32 64 100 333 1024 4096 16384; do
    load -c 2 -n 4 --max-tokens 2 --context "$want"
    check "by /tokenize: context $want" json "$TMP/out.json" "$want as \$want | $NEAR"
done
load -c 2 -n 4 --max-tokens 2 --context 700 --endpoint completions
check "completions: context 700" json "$TMP/out.json" "700 as \$want | $NEAR"
SIM=$URL
for want in 100 1024 8192; do
    start_server "$BLASTER" --rate 1000
    load -c 2 -n 4 --max-tokens 2 --context "$want"
    check "by usage alone: context $want" json "$TMP/out.json" "$want as \$want | $NEAR"
    stop_server
done
URL=$SIM

# ---- salt: no prefix cache helps, not in this run and not from the last ----

load -c 4 -n 12 --max-tokens 2 --context 512
check "unique prompts: nothing is cached" json "$TMP/out.json" '.tokens.cached == 0'
load -c 4 -n 12 --max-tokens 2 --context 512
check "the same command again: nothing is cached" json "$TMP/out.json" '.tokens.cached == 0'
load -c 4 -n 12 --max-tokens 2 --context 512 --prompt shared --warmup 4
check "shared prompts: the prefix cache helps" json "$TMP/out.json" '.tokens.cached > 0.8 * .tokens.prompt'
load -c 1 -n 3 --max-tokens 2 --context 512 --seed 7
load -c 1 -n 3 --max-tokens 2 --context 512 --seed 7
check "the same seed sends the same prompts" json "$TMP/out.json" '.tokens.cached > 0.8 * .tokens.prompt and .seed == 7'

# ---- how many, how long ----

load -c 3 -n 10 --max-tokens 7 --context 64 --out "$TMP/run.ndjson"
check "--requests is exact" json "$TMP/out.json" '.requests.ok == 10 and .ended_by == "requests"'
check "output length is held" json "$TMP/run.ndjson" 'map(select(.type == "request" and .part == "load"))
    | length == 10 and all(.output_tokens == 7)' -s
load -c 6 -n 2 --max-tokens 20 --context 64
check "fewer requests than streams: a rate all the same" json "$TMP/out.json" '.requests.ok == 2 and .window == "whole" and
    .output_tok_s > 0 and .whole.seconds > 0'
load -c 3 -n 10 --warmup 5 --max-tokens 7 --context 64 --out "$TMP/warm.ndjson"
check "--warmup requests are not measured" json "$TMP/out.json" '.requests.ended == 10 and .ttft_ms.n == 10'
check "but sent, and in the file" json "$TMP/warm.ndjson" 'map(select(.part == "warmup")) | length == 5' -s
load -c 2 --duration 1s --max-tokens 5 --context 64
check "--duration bounds the load" json "$TMP/out.json" '.ended_by == "duration" and .whole.seconds == 1 and .requests.ok > 2'
load -c 2 --duration 1s --max-tokens 4000 --context 64 --drain 100ms
check "--drain cancels what is left" json "$TMP/out.json" '.requests.cancelled == 2 and .requests.failed == 0'
load -c 8 -n 24 --max-tokens 5 --context 64 --workers 1
check "one worker does it too" json "$TMP/out.json" '.requests.ok == 24'
load -c 3 -n 9 --max-tokens 5 --context 64 --workers 4
check "more workers than streams" json "$TMP/out.json" '.requests.ok == 9'
load -c 2 -n 4 --max-tokens 50 --context 64 --natural-length
check "natural length: the model ends by itself" json "$TMP/out.json" '.requests.ok == 4 and .requests.short == 0'
printf '{"prompt":"tell me"}\n\n{"messages":[{"role":"user","content":"hello \\u00e9"}]}\n' >"$TMP/p.jsonl"
load -c 2 -n 6 --max-tokens 5 --prompt "$TMP/p.jsonl"
check "prompts from a file" json "$TMP/out.json" '.requests.ok == 6'
load -c 2 -n 4 --max-tokens 5 --context 64 --endpoint completions
check "completions" json "$TMP/out.json" '.requests.ok == 4 and .tokens.output == 20 and .endpoint == "completions"'

# ---- the steady window ----

load -c 4 -n 40 --max-tokens 20 --context 64 --out "$TMP/steady.ndjson"
check "the steady window lies within the whole" json "$TMP/out.json" '.window == "steady" and
    .steady.seconds <= .whole.seconds and .steady.output_tokens <= .whole.output_tokens'

# A window of a few milliseconds says nothing: the headline then is that of the whole load.
for few in '-n 4 -c 4 --warmup 1' '-n 4 -c 4 --warmup 2' '-n 4 -c 4 --warmup 3' '-n 8 -c 8 --warmup 3'; do
    # shellcheck disable=SC2086  # options
    load $few --context 64 --max-tokens 16 --fail-if 'output_tok_s < 1'
    check "$few: the threshold is judged by a real window" same $? 0
    check "$few: the headline's window is a fifth of the load at least" json "$TMP/out.json" '.output_tok_s > 1 and
        (if .window == "steady" then .steady.seconds else .whole.seconds end) >= 0.2 * .whole.seconds'
done
load -n 1 -c 8 --warmup 8 --context 64 --max-tokens 16
check "slots that only warmed up do not end the load" json "$TMP/out.json" '.whole.seconds * 1000 > 0.9 * .e2e_ms.max'
check "warm-up requests are in no request rate" json "$TMP/out.json" '.whole.requests_per_s * .whole.seconds < 1.1'

# ---- pacing after failures: 100 ms, 200 ms, 400 ms … ----

# shellcheck disable=SC2086
start_sim $FAST --fault 500=1 --log "$TMP/pace" 2>/dev/null
start_server "$RAWSERVER" 500 --good 2 --log "$TMP/pace"
load -c 1 --duration 2s --context 32 --max-tokens 3 --drain 0s
check "failures are paced: few in two seconds" json "$TMP/out.json" '.requests.failed >= 3 and .requests.failed <= 6'
stop_server
start_server "$RAWSERVER" 429 --good 2
load -c 1 --duration 2500ms --context 32 --max-tokens 3 --drain 0s
check "Retry-After is obeyed" json "$TMP/out.json" '.requests.by_outcome.http_429 >= 2 and .requests.by_outcome.http_429 <= 3'
stop_server

start_server "$RAWSERVER" 429 --good 2
load -c 1 -n 1 --context 32 --max-tokens 3
check "after the last request nobody waits, whatever Retry-After says" json "$TMP/out.json" '.requests.failed == 1 and
    .whole.seconds < 0.9'
stop_server

# ---- a client that leaves frees its slot ----

start_sim --max-num-seqs 2 --step 20 --cold 0 --prefill-rate 200000 --log "$TMP/leave"
load -c 6 --duration 500ms --max-tokens 4000 --context 64 --drain 50ms
check "cancelled running and queued requests are counted" json "$TMP/out.json" '.requests.by_outcome == {"cancelled": 6}'
left() {
    [ "$(jq -s 'map(select(.outcome == "client_left")) | length' "$TMP/leave")" = 6 ]
}
check "and the server has seen all of them go" within 5 left

# ---- the picture ----

"$TOKGAUGE" run "$URL" --json -n 2 --max-tokens 4 --context 32 --svg "$TMP/dark.svg" >/dev/null 2>&1
"$TOKGAUGE" run "$URL" --json -n 2 --max-tokens 4 --context 32 --svg "$TMP/mono.svg" --theme mono >/dev/null 2>&1
colours() { # how many
    grep -o '#[0-9a-fA-F]\{6\}' "$1" | sort -u | wc -l
}
check "--theme holds for the picture too" test "$(colours "$TMP/mono.svg")" -lt "$(colours "$TMP/dark.svg")"
