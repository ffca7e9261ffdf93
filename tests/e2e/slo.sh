# Objectives: which requests meet them, and the rate of those.
. "$TESTS_DIR/e2e/lib.sh"
start_sim --step 10 --step-seq 0 --prefill-rate 20000 --cold 0 --overhead 1 --max-num-seqs 2 --log "$TMP/log"
load() {
    rm -f "$TMP/run.ndjson" "$TMP/out.json"
    "$TOKGAUGE" run "$URL" --json --max-tokens 20 --context 64 --out "$TMP/run.ndjson" "$@" >"$TMP/out.json" 2>"$TMP/err"
}
load -c 2 -n 12 --slo ttft=5s,tpot=1s,e2e=20s
check "all meet what is easily met" json "$TMP/out.json" '.slo.met == 12 and .slo.met_share == 1 and .slo.missed == {"ttft": 0, "tpot": 0, "e2e": 0} and
    .slo.ttft_ms == 5000 and .slo.tpot_ms == 1000 and .goodput_per_s == .requests_per_s'
load -c 2 -n 12 --slo ttft=5s,tpot=1ms,decode_rate=1
check "each is counted by itself" json "$TMP/out.json" '.slo.met == 0 and .slo.missed.ttft == 0 and .slo.missed.tpot == 12 and .slo.missed.decode_rate == 0 and .goodput_per_s == 0'
load -c 4 -n 24 --slo ttft=100ms
check "above what the server runs at once some wait too long" json "$TMP/out.json" '.slo.met + .slo.missed.ttft == 24 and .slo.missed.ttft >= 12'
check "the same is in the rows" json "$TMP/run.ndjson" "([.[] | select(.part == \"load\") | select(.first_token - .sent <= 100000000)] | length) ==
    ([.[] | select(.type == \"summary\")][0].slo.met)" -s
load -n 4 -c 1 --max-tokens 1 --slo tpot=1ms
check "what a request does not have it does not miss" json "$TMP/out.json" '.slo.met == 4'
load -c 2 -d 6s --slo ttft=5s
check "the live rate of those that met them is no second behind" json "$TMP/run.ndjson" '(.[-1].goodput_per_s) as $last | map(select(.type == "sample" and .state == "load")) | .[0].t as $begin |
    map(select(.goodput_per_s != null and .t - $begin > 2.5e9)) | length >= 2 and all(.goodput_per_s > 0.75 * $last)' -s
load -n 4 -c 1
check "without objectives there is no goodput" json "$TMP/out.json" '.slo == null and .goodput_per_s == null'
load -n 12 -c 2 --slo ttft=5s --fail-if 'goodput < 1000'
check "goodput is a threshold" same $? 3
load -n 4 -c 2 --fail-if 'goodput < 1'
check "that cannot hold where there are no objectives" same $? 3
LC_ALL=C "$TOKGAUGE" run "$URL" --plain -n 8 -c 4 --max-tokens 20 --context 64 --slo ttft=100ms,e2e=60s --out "$TMP/plain.ndjson" >"$TMP/plain" 2>&1
check "the summary says what was missed" contains "$TMP/plain" "missed ttft"
check "and what was asked" contains "$TMP/plain" "req/s met ttft <= 100 ms, e2e <= 60.0 s"
"$TOKGAUGE" report "$TMP/plain.ndjson" --format vllm >"$TMP/vllm.json"
check "vllm's request_goodput" json "$TMP/vllm.json" '.request_goodput > 0 and .request_goodput < .request_throughput'
"$TOKGAUGE" report "$TMP/plain.ndjson" >"$TMP/report.md"
check "the report has them" contains "$TMP/report.md" "of the requests met ttft ≤ 100 ms, e2e ≤ 60.0 s; goodput"
"$TOKGAUGE" replay "$TMP/plain.ndjson" --txt "$TMP/end.txt" --svg-size 160x40
check "a replay shows it" contains "$TMP/end.txt" "meet the slo"
stop_server
start_sim --step 5 --cold 0 --fault 500=0.5
load -c 2 -n 20 --slo e2e=60s
check "failures meet nothing" json "$TMP/out.json" '.requests.failed > 0 and .slo.met == .requests.ok and .slo.met_share < 1'

# A server that does not tell how much of a prompt was cached: nobody knows how fast it computes one.
start_server "$RAWSERVER" ok --gap 0
load -c 1 -n 4 --slo prefill_rate=2000
check "what the server does not tell is not judged" json "$TMP/out.json" '.slo.met == 0 and .slo.unjudged == 4 and .slo.met_share == null and
    .goodput_per_s == null and .slo.missed.prefill_rate == 0'
load -c 1 -n 4 --slo prefill_rate=2000 --fail-if 'goodput < 1'
check "nor does a threshold take it for nothing" contains "$TMP/err" "cannot be judged"
LC_ALL=C "$TOKGAUGE" run "$URL" --plain -c 1 -n 4 --max-tokens 3 --slo prefill_rate=2000 >"$TMP/plain" 2>&1
check "the summary says so, and claims no rate" sh -c 'grep -q "goodput *- req/s met.*of 4 nobody knows" "$1"' sh "$TMP/plain"
begun=$(date +%s)
load -c 1 --slo prefill_rate=2000 --find-capacity --budget 60s
check "a search does not use up its time on it" test $(($(date +%s) - begun)) -lt 45
check "and says why" json "$TMP/out.json" '(.capacity.sure | not) and
    (.capacity.answer | test("the server does not tell what an objective is about"))'
stop_server
start_sim --step 5 --cold 0 --fault 500=0.5 --fault-after 1
"$TOKGAUGE" run "$URL" --plain -c 1 -n 20 --max-tokens 3 --slo ttft=5s >"$TMP/plain" 2>&1
check "requests that failed are named as what did not meet them" grep -q 'goodput .*% of the requests; [1-9][0-9]* failed$' "$TMP/plain"
stop_server
start_sim --step 5 --cold 0

bad() { # VALUE TEXT
    "$TOKGAUGE" run "$URL" --slo "$1" >"$TMP/out" 2>"$TMP/err"
    same $? 2 && contains "$TMP/err" "$2" && same "$(wc -l <"$TMP/err")" 1
}
check "an unknown name lists the known" bad speed=5 "takes one of ttft, ttft_due, ttfr, ttfa, tpot, e2e, decode_rate"
check "no value" bad ttft "has no limit in ms"
check "a value of another unit" bad ttft=5GiB "has no limit in ms"
check "twice" bad ttft=5s,ttft=6s "stated twice"
check "nothing" bad "" "is no objective"
check "a client's moment is no promise of a server" bad send_skew=5ms "is no objective"

# Slow answers are in flight when the run ends. Taken back then, they have missed what they had missed.
stalling() {
    start_sim --step 5 --step-seq 0 --cold 0 --max-num-seqs 16 --fault stall=0.1 --fault-after 12
}
for rows in all none; do
    stalling
    load -c 8 -d 3s --drain 2s --rows $rows --slo ttft=5s,e2e=1s
    check "what never ended is not left out ($rows)" json "$TMP/out.json" '.requests.failed == 0 and .requests.cancelled > 0 and
        .slo.cancelled_late == .requests.cancelled and .slo.missed.e2e == .requests.cancelled and .slo.missed.ttft == 0 and
        (.slo.met_share - .requests.ok / (.requests.ok + .requests.cancelled) | fabs) < 1e-3'
    "$TOKGAUGE" report "$TMP/run.ndjson" >"$TMP/report.md"
    check "nor by the report ($rows)" sh -c 'grep -q "$1 of $2; missed most: e2e ≤ 1.00 s, by $3" "$4"' sh "$(jq .requests.ok "$TMP/out.json")" \
        "$(jq .requests.ended "$TMP/out.json")" "$(jq .requests.cancelled "$TMP/out.json")" "$TMP/report.md"
    stop_server
done
stalling
LC_ALL=C "$TOKGAUGE" run "$URL" --plain -c 8 -n 60 --drain 2s --max-tokens 20 --context 64 --slo e2e=1s --out "$TMP/late.ndjson" >"$TMP/plain" 2>&1
check "the summary says so" grep -q 'goodput .*missed e2e.* that were cancelled had missed one by then$' "$TMP/plain"
