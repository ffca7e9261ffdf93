# `tokgauge bench`: the suite from its first request to its reports.
. "$TESTS_DIR/e2e/lib.sh"
start_sim --max-num-seqs 4 --step 2 --step-seq 0.2 --prefill-rate 5000 --cold 700 --overhead 5 --log "$TMP/sim.log"
bench() {
    "$TOKGAUGE" bench "$URL" "$@"
}
bench --quick --json --out "$TMP/all.ndjson" --label nightly --note quantisation=gptq-4bit >"$TMP/all.json" 2>"$TMP/all.err"
check "the suite ends well" json "$TMP/all.json" '.whole and .requests.ok == 44 and .requests.failed == 0'
check "in all its parts" json "$TMP/all.json" '[.phases[] | .part] |
    unique == ["concurrency", "interactive", "memory", "stability"]'
check "each step with its requests" json "$TMP/all.json" '[.phases[] | .requests.ok] == [2, 2, 2, 2, 2, 2, 2, 2, 4, 8, 16]'
check "and its own rate" json "$TMP/all.json" '[.phases[] | select(.part == "concurrency") | .output_tok_s] |
    length == 4 and all(. > 0)'
check "each part says beforehand what it sends, and how long it takes" sh -c '
    for part in "interactive: 4 requests of 64 + 32 to 128 tokens, 1 at a time, about" "memory: 2 requests" \
        "stability: 8 requests of 1k, 4k + 48 tokens" "concurrency: 30 requests of 512 + 48 tokens, up to 8 at a time"; do
        grep -qF -- "-- $part" "$1" || { echo "no $part"; exit 1; }
    done' sh "$TMP/all.err"
check "new prompts are new, a repeated one is known from its second time on" json "$TMP/all.ndjson" '
    (map(select(.type == "phase" and .part == "stability")) | map({key: (.phase | tostring), value: .repeated}) | from_entries) as $rep |
    map(select(.type == "request" and .part == "load" and $rep[.phase | tostring] != null)) |
    all(if $rep[.phase | tostring] then true else .cached_tokens == 0 end) and
    (map(select($rep[.phase | tostring])) | group_by(.phase) |
     all(sort_by(.sent) | .[0].cached_tokens == 0 and (.[1:] | all(.cached_tokens > 0.9 * .prompt_tokens))))' -s
check "the server saw the same prompts" sh -c '[ "$(grep -c . "$1")" -ge 44 ]' sh "$TMP/sim.log"
check "the cold start is found" json "$TMP/all.json" '[.findings[].rule] | index("cold_start") != null'
cp "$TMP/all.json" "$TMP/found.json"
found() { # a busy machine may blur parts of a second each: then once more
    json "$TMP/found.json" '([.findings[].rule] | (["prefix_cache", "queueing", "prefill_linear"] - .) == []) and
        ([.phases[] | select(.part == "concurrency") | .output_tok_s] | .[2] > 1.5 * .[0])' ||
        { bench --quick --json >"$TMP/found.json" 2>/dev/null; false; }
}
check "and so are prefix cache, queue and prefill rate, and what more streams give" within 120 found
check "Markdown stands beside the run file" sh -c '
    for part in "## Summary" "## Findings" "## Interactive speed" "## Memory under load" "## Stability" "## Concurrency" \
        "| quantisation | gptq-4bit |" "## How to repeat"; do
        grep -qF -- "$part" "$1" || { echo "no $part"; exit 1; }
    done' sh "$TMP/all.md"
# On a busy machine the client is the reason before all others.
check "with the reason for what varies" grep -qE "the first was new to the prefix cache, the later ones were in it|this client was the limit" \
    "$TMP/all.md"
check "and HTML" sh -c 'head -n 1 "$1" | grep -qi "<!doctype html>" && grep -q "<h2[^>]*>Stability" "$1"' sh "$TMP/all.html"
check "nobody else may read them" same "$(stat -c %a "$TMP/all.md" "$TMP/all.html" "$TMP/all.ndjson" | sort -u)" 600
check "the report can be made again" sh -c '"$1" report "$2" --note quantisation=gptq-4bit | cmp - "$3"' \
    sh "$TOKGAUGE" "$TMP/all.ndjson" "$TMP/all.md"
check "a run file is not written over" exits 1 bench --quick --json --only b --out "$TMP/all.ndjson"

# ---- some of it ----

bench --plain --only d -c 1,3 --runs 2 --out "$TMP/d.ndjson" >"$TMP/d.out" 2>&1
check "--only, -c, --runs" json "$TMP/d.ndjson" 'map(select(.type == "phase")) | map(.max_num_seqs) == [1, 3]' -s
check "the text has a row for each" sh -c 'grep -q "^ *1 .* 2$" "$1" && grep -q "^ *3 .* 6$" "$1"' sh "$TMP/d.out"
LC_ALL=C "$TOKGAUGE" bench "$URL" --plain --only a --runs 1 --out "$TMP/ascii.ndjson" >"$TMP/ascii.out" 2>&1
check "a terminal without UTF-8 gets ASCII" sh -c '[ -s "$1" ] && ! LC_ALL=C grep -q "[^ -~]" "$1"' sh "$TMP/ascii.out"
check "and says where the reports are" contains "$TMP/d.out" "Report: $TMP/d.md"
: >"$TMP/kept.md"
check "a report that is there is not written over" exits 1 bench --quick --plain --only b --out "$TMP/kept.ndjson"
check "which is said" contains "$TMP/err" "cannot write the report '$TMP/kept.md'"
check "the other one is there" test -s "$TMP/kept.html"
stop_server

check "two suites are compared where they did the same" sh -c '"$1" compare "$2" "$2" --json | jq -e ".comparisons[0].objections | all(test(\"client\"))" >/dev/null' \
    sh "$TOKGAUGE" "$TMP/all.ndjson"
check "and only there" sh -c '"$1" compare "$2" "$3" | grep -q "NOT COMPARABLE: different suites"' sh "$TOKGAUGE" "$TMP/all.ndjson" \
    "$TMP/d.ndjson"

# ---- what the server cannot hold ----

start_sim --max-model-len 4096 --step 2 --prefill-rate 20000 --cold 0
bench --plain --only c --context 1k,8k --runs 2 --out "$TMP/long.ndjson" >"$TMP/long.out" 2>&1
check "a length beyond the server's limit is left out and named" contains "$TMP/long.out" \
    "!! stability, 8k, new: left out: 8192 + 48 tokens exceed the 4096 that the server can hold"
check "the others are measured" json "$TMP/long.ndjson" 'map(select(.type == "request" and .part == "load")) | length == 4' -s
check "nothing that fits: one line" exits 1 bench --plain --only c --context 8k
check "that says so" contains "$TMP/err" "none of the loads fits into the 4096 tokens"
stop_server

# ---- ^C leaves a report of what was done ----

start_sim --step 20 --cold 0
"$TOKGAUGE" bench "$URL" --json --only a,c --out "$TMP/cut.ndjson" >"$TMP/cut.json" 2>"$TMP/cut.err" &
BENCH=$!
enough() {
    [ -f "$TMP/cut.ndjson" ] && [ "$(grep -c '"part":"load"' "$TMP/cut.ndjson")" -ge 4 ] # in the second step
}
within 20 enough
kill -INT "$BENCH"
wait "$BENCH"
check "^C ends it with status 130" same $? 130
check "and leaves what was done" json "$TMP/cut.json" '.whole and .requests.ok >= 2 and (.phases | length) >= 1'
check "the end is the user's" json "$TMP/cut.ndjson" '.[-1].type == "summary" and .[-1].ended_by == "stopped"' -s
check "as a document too" contains "$TMP/cut.md" "## Interactive speed"
stop_server

# ---- an agent ----

start_server "$RAWSERVER" --file "$TESTS_DIR/fixtures/openclaw-2026.9-chat.http" --gap 0 --rechunk
GATEWAY=$URL
start_sim --cold 0 --step 1
AGENT_TOKEN=canary-77aa-agent
export AGENT_TOKEN
bench --json --only e --agent-url "$GATEWAY/v1/chat/completions" --agent-runs 2 --agent-token-env AGENT_TOKEN --out "$TMP/agent.ndjson" \
    >"$TMP/agent.json" 2>"$TMP/agent.err"
check "an agent: each scenario twice by it and twice without it, and a warm-up" json "$TMP/agent.ndjson" '
    map(select(.type == "agent")) | length == 13 and all(.outcome == "ok") and
    (map(select(.to == "agent" and (.warmup | not))) | group_by(.scenario) | map(length)) == [2, 2, 2] and .[0].warmup' -s
check "model calls: the model's server counted none for this one" json "$TMP/agent.ndjson" '
    map(select(.type == "agent" and .to == "agent")) | all(.model_calls == 0)' -s
check "its table" contains "$TMP/agent.md" "agent cost"
check "its token is in no file and no output" sh -c '! grep -l canary-77aa "$1"/agent.*' sh "$TMP"
check "a wrong model name is said, and not tried again" sh -c '
    "$1" bench "$2" --plain --only e --agent-url "$2" --out "$3/refused.ndjson" >"$3/refused.out" 2>&1
    grep -qF "!! agent, simple: http_4xx" "$3/refused.out" && [ "$(grep -c "\"type\":\"agent\"" "$3/refused.ndjson")" = 1 ]' \
    sh "$TOKGAUGE" "$URL" "$TMP"

# ---- wrong usage ----

check "an unknown part" exits 2 bench --only a,z
check "is named with those there are" contains "$TMP/err" "there is no part 'z': a interactive"
check "an agent part without an agent" exits 2 bench --only e
check "a list that is none" exits 2 bench -c 1,2,x
check "too long a list" exits 2 bench --context 1k,2k,3k,4k,5k,6k,7k,8k,9k
check "two words" exits 2 bench http://127.0.0.1:9
