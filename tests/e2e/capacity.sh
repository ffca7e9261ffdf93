# The largest load that meets the objectives: what the simulator is configured for, in words too.
. "$TESTS_DIR/e2e/lib.sh"

# A server that runs SEQS at once, each answer as long as SEQS × 8 steps of 20 ms: one stream more, and each request waits
# 160 ms for a place.
search() { # SEQS: in the background
    "$TOKGAUGE" run "$URL" --json --slo ttft=80ms --find-capacity -c "$1" --context 64 --max-tokens $((8 * $1)) --out "$TMP/c$1.ndjson" >"$TMP/c$1.json" 2>"$TMP/c$1.err" &
    SEARCHES="$SEARCHES $!"
}
SEARCHES=''
for seqs in 1 2 3 5 8; do
    start_sim --max-num-seqs $seqs --step 20 --step-seq 0 --jitter 0 --prefill-rate 400000 --cold 0 --overhead 1
    search $seqs
done
# Four at once, 320 ms each: 12.5 a second.  Of the wait no objective says anything.
start_sim --max-num-seqs 4 --step 20 --step-seq 0 --jitter 0 --prefill-rate 400000 --cold 0 --overhead 1
"$TOKGAUGE" run "$URL" --json --slo tpot=1s --find-capacity --rate 24 --context 64 --max-tokens 16 --budget 16s --out "$TMP/behind.ndjson" >"$TMP/behind.json" 2>"$TMP/behind.err" &
SEARCHES="$SEARCHES $!"
# The same asked by four streams of one that runs 64: what falls behind are the streams.
start_sim --max-num-seqs 64 --step 20 --step-seq 0 --jitter 0 --prefill-rate 400000 --cold 0 --overhead 1
"$TOKGAUGE" run "$URL" --json --slo tpot=1s --find-capacity --rate 24 -c 4 --context 64 --max-tokens 16 --budget 16s --out "$TMP/full.ndjson" >"$TMP/full.json" 2>"$TMP/full.err" &
SEARCHES="$SEARCHES $!"
for pid in $SEARCHES; do
    wait "$pid"
done
for seqs in 1 2 3 5 8; do
    check "a server that runs $seqs at once: within one stream" json "$TMP/c$seqs.json" ".capacity.by == \"streams\" and (.capacity.meets - $seqs | fabs) <= 1"
done
check "it says that it is sure" json "$TMP/c3.json" '.capacity.sure and .capacity.fails - .capacity.meets == 1'
check "what limits it" json "$TMP/c3.json" '.capacity.limited_by == "ttft"'
check "in words" json "$TMP/c3.json" '.capacity.answer | test("^[0-9]+ streams at 64 context meet ttft ≤ 80.0 ms; limited by ttft at [0-9]+ streams")'
check "every try is in it" json "$TMP/c3.json" '.capacity.tries | length >= 2 and all(.judged > 0 and .met <= .judged) and (map(.verdict) | unique == ["fails", "meets"])'
check "35 that meet are enough for a verdict" json "$TMP/c3.json" '[.capacity.tries[] | select(.verdict == "meets") | .judged] | all(. >= 35)'
check "and each is a phase of the run file" json "$TMP/c3.ndjson" '[.[] | select(.type == "phase")] | length >= 2 and all(.part == "capacity")' -s
check "its verdicts are in the log" contains "$TMP/c3.err" "does not meet the objectives"
"$TOKGAUGE" report "$TMP/c3.ndjson" >"$TMP/report.md"
check "the report answers in words" contains "$TMP/report.md" "limited by ttft"

check "a rate that the server falls behind does not meet, however fast each answer is" json "$TMP/behind.json" '.capacity.tries[0] |
    .load == 24 and .verdict == "fails" and .behind and .met == .judged'
check "and that is the limit" json "$TMP/behind.json" '.capacity.limited_by == "throughput" and (.capacity.meets // 0) < 24'
check "in words" contains "$TMP/behind.err" "the server falls behind: fewer requests end than are due"
# One verdict is enough: then it is stopped.
verdict() { # NAME OPTIONS…: a search that is stopped after its first
    name=$1
    shift
    "$TOKGAUGE" run "$URL" --json --find-capacity --context 64 --budget 5m --out "$TMP/$name.ndjson" "$@" >"$TMP/$name.json" 2>"$TMP/$name.err" &
    within 90 grep -q 'streams: [a-z ]* the objectives' "$TMP/$name.err"
    kill -INT $!
    wait $!
}
# 64 at once, three seconds each: who came first finds more places free than a verdict takes.
start_sim --max-num-seqs 64 --step 200 --step-seq 0 --jitter 0 --prefill-rate 400000 --cold 0 --overhead 1
verdict first --slo ttft=1s -c 96 --max-tokens 15 &
VERDICTS=$!
# First tokens in time, of answers that all break off.
start_sim --max-num-seqs 64 --step 200 --step-seq 0 --jitter 0 --prefill-rate 400000 --cold 0 --overhead 1 --fault no-end=1 --fault-after 8
verdict broken --slo ttft=2s -c 48 --max-tokens 15 &
VERDICTS="$VERDICTS $!"
check "nothing is said of a server that our streams keep from its work" json "$TMP/full.json" '.capacity.tries[0] | .load == 24 and .verdict == "unsure" and .streams_full'
check "nor is it a limit" json "$TMP/full.json" '.capacity.limited_by == null and .capacity.fails == null and
    (.capacity.answer | contains("all streams were busy while the server had no queue"))'
check "which names -c" contains "$TMP/full.err" "all 4 streams are busy, and the server has no queue: a larger -c would tell"

# ---- nothing meets; the time does not suffice; the server's own queue ----

start_sim --max-num-seqs 4 --step 20 --jitter 0 --prefill-rate 400000 --cold 0 --overhead 1
"$TOKGAUGE" run "$URL" --json --slo tpot=1ms --find-capacity --context 64 --max-tokens 8 >"$TMP/none.json" 2>/dev/null
check "not even one stream" json "$TMP/none.json" '.capacity.meets == null and .capacity.fails == 1 and .capacity.sure and .capacity.limited_by == "tpot" and
    (.capacity.answer | startswith("not even 1 stream"))'
"$TOKGAUGE" run "$URL" --json --slo ttft=10s --find-capacity -c 1 --context 64 --max-tokens 32 --budget 2s >"$TMP/unsure.json" 2>/dev/null
check "where the time did not suffice it says so" json "$TMP/unsure.json" '.capacity.sure == false and (.capacity.answer | startswith("unsure"))'
"$TOKGAUGE" run "$URL" --json --slo ttft=600ms --find-capacity -c 8 --context 64 --max-tokens 64 >"$TMP/queue.json" 2>/dev/null
check "the server's own queue is named" json "$TMP/queue.json" '.capacity.answer | contains("requests queue above 4 (the server runs 4 at once)")'
LC_ALL=C "$TOKGAUGE" run "$URL" --plain --slo ttft=10s --find-capacity --rate 20 --context 64 --max-tokens 8 --budget 4s >"$TMP/rate" 2>/dev/null
check "by rate" contains "$TMP/rate" "requests/s at 64 context"

for pid in $VERDICTS; do
    wait "$pid"
done
check "who found a place free does not speak for those that wait" json "$TMP/first.json" '.capacity.tries[0] | .load == 96 and .verdict == "fails" and .judged >= 96'
check "a first token in time is no answer" json "$TMP/broken.json" '.capacity.tries[0] | .load == 48 and .verdict == "fails" and .met == 0'

start_sim --max-num-seqs 4 --step 20 --jitter 0 --prefill-rate 400000 --cold 0 --overhead 1 --fault 500=0.5
"$TOKGAUGE" run "$URL" --json --slo ttft=10s --find-capacity -c 2 --context 64 --max-tokens 4 >"$TMP/refuses.json" 2>/dev/null
check "what failed is told apart from what was late" json "$TMP/refuses.json" '
    (.capacity.answer | contains("; limited by requests that failed at 1 stream"))
    and (.capacity.tries | all(.failed > 0 and .failed == .judged - .met))'
stop_server

start_server "$RAWSERVER" ok
"$TOKGAUGE" run "$URL" --json --slo ttft=10s --find-capacity -c 1 --context 64 --max-tokens 3 --budget 1s >"$TMP/silent.json" 2>/dev/null
check "of a server that tells nothing nothing is known, in the first try too" json "$TMP/silent.json" '.capacity.tries | length > 0 and all(.server_running == null)'
stop_server
start_sim --max-num-seqs 4 --step 20 --jitter 0 --prefill-rate 400000 --cold 0 --overhead 1

# ---- the server goes away in the middle; somebody stops it ----

"$TOKGAUGE" run "$URL" --json --slo ttft=10s --find-capacity -c 4 --context 64 --max-tokens 32 --out "$TMP/stop.ndjson" >"$TMP/stop.json" 2>"$TMP/stop.err" &
SEARCH=$!
check "the first try is over" within 60 grep -q "streams: meets" "$TMP/stop.err"
kill -INT $SEARCH
wait $SEARCH
check "^C in a search" same $? 130
check "it says that it was stopped, and nothing of its time" json "$TMP/stop.json" '.capacity.sure == false and (.capacity.answer | startswith("unsure, the search was stopped"))'
"$TOKGAUGE" run "$URL" --json --slo ttft=10s --find-capacity -c 4 --context 64 --max-tokens 32 --out "$TMP/gone.ndjson" >"$TMP/gone.json" 2>"$TMP/gone.err" &
SEARCH=$!
check "the first try is over again" within 60 grep -q "streams: meets" "$TMP/gone.err"
kill -KILL "$SERVER_PID"
wait $SEARCH
check "a server that goes away is no server at its limit: exit 1" same $? 1
check "and the answer says so" json "$TMP/gone.json" '.capacity.sure == false and .capacity.fails == null and .capacity.limited_by == null and
    (.capacity.answer | startswith("unsure, the server was gone: at least "))'
start_sim --max-num-seqs 4 --step 20 --jitter 0 --prefill-rate 400000 --cold 0 --overhead 1

bad() { # TEXT ARGS…
    bad_text=$1
    shift
    "$TOKGAUGE" run "$URL" --find-capacity "$@" >"$TMP/out" 2>"$TMP/err"
    same $? 2 && contains "$TMP/err" "$bad_text" && same "$(wc -l <"$TMP/err")" 1
}
check "objectives are needed" bad "needs objectives"
check "it decides how long it takes" bad "do not go with it" --slo ttft=1s -n 5
check "and the load" bad "do not go with it" --slo ttft=1s -c 1,2
