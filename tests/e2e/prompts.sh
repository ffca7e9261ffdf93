# What is sent: conversations, shared prefixes, an agent's shape, files of several kinds, fields that the user adds.  The
# server says what it found in its prefix cache.
. "$TESTS_DIR/e2e/lib.sh"
start_sim --step 2 --step-seq 0.1 --prefill-rate 400000 --cold 0 --overhead 1 --max-num-seqs 8 --max-model-len 32768 --log "$TMP/log"
load() {
    rm -f "$TMP/run.ndjson" "$TMP/out.json"
    "$TOKGAUGE" run "$URL" --json --max-tokens 16 --out "$TMP/run.ndjson" "$@" >"$TMP/out.json" 2>"$TMP/err"
}
rows() { # EXPRESSION: of the list of measured requests
    json "$TMP/run.ndjson" "[.[] | select(.part == \"load\")] | $1" -s
}

load -c 2 -n 16 --turns 4 --context 512 --turn-context 100
# The faster stream may have begun one more when the number is full.
check "conversations of four turns" rows 'group_by(.turn) | map(length) | length == 4 and add == 16 and .[0] - .[3] <= 2 and (. == (sort | reverse))'
check "each carries what was said before" rows 'group_by(.turn) | map(map(.prompt_tokens) | add / length) | .[1] - .[0] > 100 and .[2] - .[1] > 100 and .[3] - .[2] > 100 and .[3] < 1100'
check "which the prefix cache knows" rows 'group_by(.turn) | map((map(.cached_tokens) | add) / (map(.prompt_tokens) | add)) | .[0] == 0 and .[1] > 0.6 and .[3] > 0.6'
check "the next turn's context is known beforehand" rows 'all(.prompt_tokens - .context | . >= 0 and . < 24)'
load -c 1 -n 3 --turns 3 --context 256 --turn-context 50 --max-tokens 300
check "the model's answers too are in what was said before" rows 'sort_by(.seq) | map(.prompt_tokens) | .[1] - .[0] >= 345 and .[2] - .[1] >= 345'
load -c 1 -n 4 --turns 2 --think 400ms --context 64
check "a pause for thought between two turns" rows 'sort_by(.seq) | .[1].sent - .[0].end >= 390000000 and .[3].sent - .[2].end >= 390000000 and .[2].sent - .[1].end < 300000000'
check "which is in no latency" json "$TMP/out.json" '.ttft_due_ms.max < 300'
load -c 2 --context 256,2k --turns 9 -n 6 --warmup 2 --order listed
check "a conversation ends with its cell of a matrix: the next one's prompts are of its own length" json "$TMP/run.ndjson" '[.[] | select(.type == "request" and .phase == 1 and .part != "preflight")] |
    length == 8 and all(.prompt_tokens >= 2000)' -s
load -c 1 -n 6 --turns 50 --context 31000 --turn-context 800
check "a conversation ends before the server's context does" json "$TMP/out.json" '.requests.ok == 6 and .tokens.context_max <= 32768'
check "and another one begins" rows '[.[].turn] | (map(select(. == 1)) | length) >= 2'

load -c 2 -n 20 --context 600 --prefix-tokens 400 --prefix-count 2
check "shared prefixes: the cache finds most of them" json "$TMP/out.json" '.tokens.cached / .tokens.prompt | . > 0.45 and . < 0.68'
load -c 2 -n 20 --context 600
check "without them nothing" json "$TMP/out.json" '.tokens.cached == 0'
load -c 2 -n 8 --prompt agent --context 100
check "an agent's requests are long, and mostly cached" json "$TMP/out.json" '.requests.ok == 8 and .tokens.context_mean > 8000 and .tokens.cached / .tokens.prompt > 0.7'
load -c 2 -n 4 --prompt agent-small --context 100
check "or shorter" json "$TMP/out.json" '.requests.ok == 4 and .tokens.context_mean > 1500 and .tokens.context_mean < 5000'

printf '%s\n' '{"conversations":[{"from":"human","value":"tell me of rivers"},{"from":"gpt","value":"no"},{"from":"human","value":"please"}]}' \
    '{"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hello"}],"tools":[{"type":"function","function":{"name":"f"}}]}' \
    '{"prompt":"plain"}' >"$TMP/mixed.jsonl"
load -c 1 -n 6 --prompt "$TMP/mixed.jsonl"
check "a file of three kinds" json "$TMP/out.json" '.requests.ok == 6'
load -c 1 -n 4 --prompt "$TMP/mixed.jsonl" --turns 5
check "as many turns as the user has in it" rows '[sort_by(.seq)[].turn] == [1, 2, 1, 1]'
for words in 50 150 250 350; do # each line of another length
    awk -v n="$words" 'BEGIN { printf "{\"conversations\":[{\"from\":\"human\",\"value\":\""; for (i = 0; i < n; i++) printf "time "; print "\"},{\"from\":\"gpt\",\"value\":\"no\"},{\"from\":\"human\",\"value\":\"please\"}]}" }'
done >"$TMP/lengths.jsonl"
load -c 1 -n 8 --prompt "$TMP/lengths.jsonl" --turns 2
check "conversations take the lines of a file in turn" rows 'map(select(.turn == 1)) | sort_by(.seq) | map(.prompt_tokens / 100 | floor) == [0, 1, 2, 3]'
load -c 1 -n 1 --turns 2 --think 5s --context 64
check "nobody thinks about what is not asked any more" json "$TMP/out.json" '.requests.ok == 1 and .whole.seconds < 3'
load -c 1 -n 1 --context 4k
check "the first request says what it was" json "$TMP/run.ndjson" 'map(select(.part == "preflight")) | .[0].context == 64 and .[0].prompt_tokens < 100' -s
load -c 1 -n 2 --extra-body '{"top_k": 5, "temperature": 0.5}'
check "further fields" json "$TMP/out.json" '.requests.ok == 2'

bad() { # STATUS TEXT ARGS…
    bad_status=$1 bad_text=$2
    shift 2
    load "$@"
    same $? "$bad_status" && contains "$TMP/err" "$bad_text" && same "$(wc -l <"$TMP/err")" 1
}
echo '{"time":0,"context":64}' >"$TMP/trace.jsonl"
check "a trace and a file that both say how long prompts are" bad 2 "one of the two" --trace "$TMP/trace.jsonl" --prompt "$TMP/mixed.jsonl"
check "fields that are no JSON" bad 2 "is not a JSON object" --extra-body '{x'
check "fields with something behind them" bad 2 "is not a JSON object" --extra-body '{"top_k": 5} x'
for idle in "--budget 9s" "--think 1s" "--turn-context 9" "--order listed" "--prefix-count 2" "--rows none --save-text" "--rows none --save-chunks" \
    "--prompt $TMP/mixed.jsonl --context 99" "--turn-context 9"; do
    # shellcheck disable=SC2086
    check "what would change nothing is refused: ${idle##*--}" bad 2 " goes with " $idle
done
printf 'think = 1s\norder = listed\n' >"$TMP/idle.conf"
check "but not in the settings, which are for other runs too" exits 0 load -c 1 -n 1 --config "$TMP/idle.conf"
check "fields of ours" bad 2 "set by tokgauge itself" --extra-body '{"stream": false}'
check "turns in an open loop" bad 2 "goes with streams" --turns 2 --rate 5
check "a prefix of a file" bad 2 "goes with --prompt unique" --prefix-tokens 5 --prompt "$TMP/mixed.jsonl"
check "turns need messages" bad 2 "needs messages" --turns 2 --endpoint completions
check "a prefix that is all of the prompt" bad 2 "leaves too little of --context 512" --prefix-tokens 500 --context 512

# vLLM leaves the number out where it is 0.  Once it has told of one, none is 0: otherwise rates of prefill would be of hits alone.
start_sim --step 2 --step-seq 0.1 --prefill-rate 400000 --cold 0 --overhead 1 --max-num-seqs 8 --max-model-len 32768 --cached-hits-only
load -c 1 -n 16 --turns 4 --context 512 --turn-context 100 --slo prefill_rate=1
check "no cached tokens told are none, once a server has told of some" rows 'map(select(.turn == 1) | .cached_tokens) | sort == [null, 0, 0, 0]'
check "so that new prompts are in the rate of prefill" json "$TMP/out.json" '.slo.met == 15 and .slo.unjudged == 1'
load -c 2 -n 8 --context 600 --slo prefill_rate=1
check "before that they are unknown" json "$TMP/out.json" '.requests.ok == 8 and .tokens.cached == null and .slo.unjudged == 8'
