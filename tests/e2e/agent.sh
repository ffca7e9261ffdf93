# The suite's agent part against gateways that fail.
. "$TESTS_DIR/e2e/lib.sh"
agent() { # OUT OPTIONS…: URL is the gateway's, SERVER the model's own
    agent_out=$1
    shift
    "$TOKGAUGE" bench "$SERVER" --plain --only e --agent-url "$URL/v1/chat/completions" --out "$TMP/$agent_out.ndjson" "$@" >"$TMP/$agent_out" 2>&1
}
answers() { # OUT EXPRESSION: of all its answers
    json "$TMP/$1.ndjson" "map(select(.type == \"agent\")) | $2" -s
}
start_sim --cold 0 --step 1
SERVER=$URL

start_sim --cold 0 --step 1 --fault hang-done=1 --model gateway
agent open --agent-runs 1 --agent-model gateway
check "an answer that is done is one, though its connection stays open" answers open 'length == 7 and all(.outcome == "ok")'

start_server "$RAWSERVER" --good 1 429
agent refused --agent-runs 2
check "after a refusal it waits as long as Retry-After says" answers refused '
    map(select(.to == "agent")) | length == 7 and ([.[1:] | .[].outcome] | all(. == "http_429")) and
    ([range(2; 7) as $i | .[$i].sent - .[$i - 1].end] | all(. >= 1e9))'
