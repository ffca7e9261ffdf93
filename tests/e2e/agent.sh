# The suite's agent part against gateways that fail, and when memory runs short.
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

# Memory that runs short while it waits for its second answer, and is back once that was seen.
mkdir -p "$TMP/proc/self"
ram() { printf 'MemTotal: 64000000 kB\nMemFree: %d kB\nMemAvailable: %d kB\nAnonPages: 2000000 kB\n' "$1" "$1" >"$TMP/proc/new" && mv "$TMP/proc/new" "$TMP/proc/meminfo"; }
second() { [ "$(grep -c POST "$TMP/gateway.log" 2>/dev/null)" = 2 ]; }
ram 32000000
start_server "$RAWSERVER" ok # a simulated one has memory of its own
SERVER=$URL
start_server "$RAWSERVER" --gap 1000 --log "$TMP/gateway.log" ok
(within 20 second && ram 1500000 && within 10 grep -q "no more requests" "$TMP/short"; ram 32000000) &
agent short --agent-runs 5 --guard 4GiB --proc-root "$TMP/proc"
check "the guard stops it" same $? 4
check "what it waited for comes to its end, and nothing is sent after it" answers short 'length == 2 and all(.outcome == "ok")'
