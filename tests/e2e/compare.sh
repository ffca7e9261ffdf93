# `tokgauge compare`: two runs; a winner only where there is one.
. "$TESTS_DIR/e2e/lib.sh"

# a_run NAME STEP_MS [options…]: 24 requests against a server of this speed.  The speeds lie far apart: that small differences
# are told from noise is shown on made-up data (unit/test_verdict), for a busy machine adds noise of its own here.
a_run() {
    name=$1 step=$2
    shift 2
    start_sim --max-num-seqs 4 --step "$step" --step-seq 0 --prefill-rate 100000 --cold 0 --overhead 2
    "$TOKGAUGE" run "$URL" --json -c 2 -n 24 --max-tokens 12 --context 64 --label "$name" --out "$TMP/$name.ndjson" "$@" \
        >/dev/null 2>&1
    stop_server
}
a_run slow 40
a_run fast 10
a_run long 10 --max-tokens 20
compare() {
    "$TOKGAUGE" compare "$@"
}
verdict() { # METRIC QUANTILE: of the JSON in $TMP/c.json
    jq -r --arg m "$1" --argjson q "$2" '.comparisons[0].metrics[] | select(.metric == $m and .quantile == $q) | .verdict' "$TMP/c.json"
}
compare "$TMP/slow.ndjson" "$TMP/fast.ndjson" --json >"$TMP/c.json"
check "faster steps win: TPOT" same "$(verdict tpot_ms null)" win
check "and end to end" same "$(verdict e2e_ms null)" win
check "and decode rate" same "$(verdict decode_rate_tok_s null)" win
check "too short for its output rate: no winner" sh -c 'case $1 in win|lose) exit 1 ;; esac' sh "$(verdict output_tok_s null)"
# (A busy machine may have limited the client; then that is the only objection.)
check "they can be compared" json "$TMP/c.json" '.comparisons[0] | (.objections | all(test("client")))
    and .a == "slow" and .b == "fast"'
compare "$TMP/fast.ndjson" "$TMP/slow.ndjson" --json >"$TMP/c.json"
check "the other way round it loses" same "$(verdict tpot_ms null)" lose
compare "$TMP/slow.ndjson" "$TMP/slow.ndjson" --json >"$TMP/c.json"
check "a run with itself: the same in everything" json "$TMP/c.json" '[.comparisons[0].metrics[].verdict] | unique | . == ["same"]'
compare "$TMP/fast.ndjson" "$TMP/long.ndjson" >"$TMP/c.txt"
check "other output lengths are not compared in silence" contains "$TMP/c.txt" "NOT COMPARABLE: different loads"
# Loads that differ in what no mean tells.
objects() { # NAME TEXT JQ: a copy of a run whose header or summary is another one
    jq -c "$3" "$TMP/slow.ndjson" >"$TMP/other.ndjson"
    jq -c "$4" "$TMP/slow.ndjson" >"$TMP/one.ndjson"
    compare "$TMP/one.ndjson" "$TMP/other.ndjson" >"$TMP/c.txt"
    check "$1" contains "$TMP/c.txt" "NOT COMPARABLE: $2"
}
open='if .type == "summary" then .arrivals = {kind: "poisson", rate: 5} else . end'
objects "even arrivals and bursts" "different loads: arrivals were poisson against burst:50" 'if .type == "summary" then .arrivals = {kind: "burst:50", rate: 5} else . end' "$open"
objects "two traces" "different loads: one followed a trace" 'if .type == "summary" then .arrivals = {trace: "a/x.jsonl"} else . end' \
    'if .type == "summary" then .arrivals = {trace: "b/y.jsonl"} else . end'
objects "two ramps" "different loads: one followed a trace or a ramp" 'if .type == "summary" then .arrivals = {kind: "poisson", rate: 5, ramp_to: 9, ramp_s: 60} else . end' \
    'if .type == "summary" then .arrivals = {kind: "poisson", rate: 5, ramp_to: 9, ramp_s: 30} else . end'
objects "a trace and a closed loop" "different loads: one sent requests by the clock" 'if .type == "summary" then .arrivals = {trace: "a/x.jsonl"} else . end' .
objects "lengths that are drawn" "different loads: lengths were drawn" 'if .type == "summary" then .context_drawn = "uniform:1-127" else . end' .
objects "natural lengths" "different loads: one asked for answers of a fixed length" 'if .type == "header" then .fixed_length = false else . end' .
objects "other prefixes" "different prompts" 'if .type == "header" then .prefix_tokens = 500 | .prefix_count = 1 else . end' \
    'if .type == "header" then .prefix_tokens = 500 | .prefix_count = 8 else . end'
compare "$TMP/slow.ndjson" "$TMP/fast.ndjson" >"$TMP/c.txt"
check "the table names both" sh -c 'grep -q "^A  slow$" "$1" && grep -q "^B  fast$" "$1" && grep -q "TPOT mean.*win" "$1"' sh "$TMP/c.txt"
# The same run without a line for each request, few of them and far apart: off by no more than its histograms are, 0.8 % (of both ends
# of an interval).
kept_url=$URL
start_sim --max-num-seqs 2 --step 4 --cold 0 --jitter 0.3
"$TOKGAUGE" run "$URL" --json -c 3 -n 15 --max-tokens 12 --context 64 --out "$TMP/spread.ndjson" >"$TMP/out" 2>"$TMP/err"
stop_server
URL=$kept_url
jq -c 'select(.type != "request" or .part != "load") | if .type == "header" then .rows = "none" else . end' "$TMP/spread.ndjson" >"$TMP/none.ndjson"
compare "$TMP/spread.ndjson" "$TMP/none.ndjson" --json >"$TMP/c.json"
check "without rows: its percentiles are its own" json "$TMP/c.json" '[.comparisons[0].metrics[] | select(.metric == "ttft_ms" or .metric == "e2e_ms")]
    | length > 2 and all(.a > 0 and (.b / .a - 1 | fabs) < 0.017)'
jq -c 'select(.type != "request" or .seq == null or .seq < 2)' "$TMP/slow.ndjson" >"$TMP/few.ndjson"
compare "$TMP/few.ndjson" "$TMP/fast.ndjson" --json >"$TMP/c.json"
check "hardly any requests: nobody wins" json "$TMP/c.json" '[.comparisons[0].metrics[].verdict] | all(. == "unsure" or . == "none")'

# Requests that are sent when they are due wait for each other: twenty in a row that were slow are one event, not twenty.
# in_waves NAME SLOW RATE: a hundred requests in five waves, slow ones where SLOW has a 1
in_waves() {
    jq -c -n --arg slow "$2" --argjson rate "$3" '[inputs] | map(select(.type == "header")) +
        map(select(.type == "phase") | if $rate then .rate = $rate else . end) +
        [map(select(.type == "request" and .part == "load"))[0] as $row | range(100) | . as $i |
         ((if $slow[($i / 20 | floor):][0:1] == "1" then 900000000 else 0 end) + $i % 7 * 1000000) as $wait |
         $row | .seq = $i + 1 | .first_token += $wait | .first_answer += $wait | .last_token += $wait | .end += $wait] | .[]' \
        "$TMP/slow.ndjson" >"$TMP/$1.ndjson"
}
for rate in null 5; do
    in_waves seldom 01010 "$rate"
    in_waves often 10101 "$rate"
    compare "$TMP/seldom.ndjson" "$TMP/often.ndjson" --json >"$TMP/waves.$rate.json"
done
waves='.comparisons[0].metrics | map(select(.figure == "ttft_mean" or .figure == "e2e_mean" or .figure == "ttft_p50") | .verdict)'
check "slow requests, each by itself" json "$TMP/waves.null.json" "$waves"' == ["lose", "lose", "lose"]'
check "slow ones in a row, of an open loop: nobody wins" json "$TMP/waves.5.json" "$waves"' == ["unsure", "unsure", "unsure"]'
check "which the gate lets pass" exits 0 "$TOKGAUGE" compare "$TMP/seldom.ndjson" "$TMP/often.ndjson" --fail-if "any worse"
for name in seldom often; do
    "$TOKGAUGE" report "$TMP/$name.ndjson" --format vllm --detailed | jq -c '.request_rate = 5' >"$TMP/$name.json"
    jq -c '.request_rate = "inf"' "$TMP/$name.json" >"$TMP/$name.inf.json"
done
compare "$TMP/seldom.json" "$TMP/often.json" --json >"$TMP/c.json"
check "the same of what vLLM wrote" json "$TMP/c.json" "$waves"' == ["unsure", "unsure", "unsure"]'
compare "$TMP/seldom.inf.json" "$TMP/often.inf.json" --json >"$TMP/c.json"
check "but for one that sent them all at once" json "$TMP/c.json" "$waves"' == ["lose", "lose", "lose"]'
compare "$TMP/spread.ndjson" "$TMP/none.ndjson" --json >"$TMP/c.json"
jq -c 'if .type == "phase" then .rate = 5 elif .type == "summary" then .arrivals = {kind: "poisson", rate: 5} else . end' "$TMP/none.ndjson" >"$TMP/open.ndjson"
jq -c 'if .type == "phase" then .rate = 5 elif .type == "summary" then .arrivals = {kind: "poisson", rate: 5} else . end' "$TMP/spread.ndjson" >"$TMP/rows.ndjson"
compare "$TMP/rows.ndjson" "$TMP/open.ndjson" --json >"$TMP/c.json"
check "without rows nobody knows what stood in a row" json "$TMP/c.json" '.comparisons[0].metrics | map(select(.figure == "ttft_mean") | .verdict) == ["none"]'
# A ramp whose run was killed is one all the same.
jq -c 'if .type == "phase" then .rate = 5 elif .type == "sample" and .state == "load" then .rate = 5 else . end | select(.type != "summary")' "$TMP/slow.ndjson" >"$TMP/even.ndjson"
jq -c 'if .type == "phase" then .rate = 5 elif .type == "sample" and .state == "load" then .rate = 5 + .t / 1e9 else . end | select(.type != "summary")' \
    "$TMP/slow.ndjson" >"$TMP/killed.ndjson"
compare "$TMP/even.ndjson" "$TMP/killed.ndjson" >"$TMP/c.txt"
check "a killed ramp and a rate" contains "$TMP/c.txt" "NOT COMPARABLE: different loads: one followed a trace or a ramp"
"$TOKGAUGE" report "$TMP/killed.ndjson" >"$TMP/killed.md" 2>&1
check "the report tells that the rate rose" sh -c 'grep -q "^From [0-9.]* to [0-9.]* requests/s, whatever" "$1"' sh "$TMP/killed.md"

# ---- several runs ----

compare "$TMP/slow.ndjson" "$TMP/fast.ndjson" "$TMP/slow.ndjson" --json >"$TMP/c.json"
check "each other run is compared with the first" json "$TMP/c.json" '.baseline == "slow" and (.comparisons | length == 2)
    and ([.comparisons[].b] == ["fast", "slow"]) and ([.comparisons[].a] | unique == ["slow"])
    and ([.comparisons[] | .metrics[] | select(.figure == "tpot_mean") | .verdict] == ["win", "same"])'
compare "$TMP/slow.ndjson" "$TMP/fast.ndjson" "$TMP/slow.ndjson" >"$TMP/c.txt"
check "the table names all, and has a block for each" same "$(grep -E '^[A-C]  |against' "$TMP/c.txt" | tr '\n' ';')" \
    "A  slow;B  fast;C  slow;B against A;C against A;"
S=$TMP/slow.ndjson
check "16 files" exits 0 "$TOKGAUGE" compare "$S" "$S" "$S" "$S" "$S" "$S" "$S" "$S" "$S" "$S" "$S" "$S" "$S" "$S" "$S" "$S"
check "the last one is P" contains "$TMP/out" "P against A"

# ---- other formats ----

compare "$TMP/slow.ndjson" "$TMP/fast.ndjson" --json >"$TMP/c2.json"
compare "$TMP/slow.ndjson" "$TMP/fast.ndjson" --format md >"$TMP/c.md"
check "Markdown: both names, a table" sh -c 'grep -qxF "* A: \`slow\`" "$1" && grep -q "^| TPOT mean [^|]*| .* | \*\*win\*\* |$" "$1"' sh "$TMP/c.md"
check "--json is the short form" sh -c '"$1" compare "$2" "$3" --json | cmp - "$4" &&
    "$1" compare "$2" "$3" --format json | cmp - "$4"' sh "$TOKGAUGE" "$TMP/slow.ndjson" "$TMP/fast.ndjson" "$TMP/c2.json"

# ---- what `vllm bench serve --save-result` writes ----

for name in slow fast; do
    "$TOKGAUGE" report "$TMP/$name.ndjson" --format vllm --detailed >"$TMP/$name.json"
    "$TOKGAUGE" report "$TMP/$name.ndjson" --format vllm >"$TMP/$name.short.json"
done
compare "$TMP/slow.ndjson" "$TMP/slow.json" --json >"$TMP/c.json"
check "a run with its own vLLM form: the same in everything" json "$TMP/c.json" '.comparisons[0] |
    ([.metrics[].verdict] | unique == ["same"]) and .measured_by == "vllm" and .definitions == "vllm"'
check "and that TTFT means two things is an objection" json "$TMP/c.json" '.comparisons[0] | (.comparable | not)
    and any(.objections[]; test("different definitions"))'
compare "$TMP/slow.json" "$TMP/fast.json" --json >"$TMP/c.json"
check "two of them: tested request by request" json "$TMP/c.json" '.comparisons[0] | .comparable and .objections == []
    and ([.metrics[] | select(.figure == "tpot_mean" or .figure == "e2e_mean" or .figure == "decode_rate_mean") | .verdict]
        == ["win", "win", "win"])'
check "their rate is only a number" json "$TMP/c.json" '.comparisons[0].metrics[0] | .figure == "output_tok_s"
    and .b > .a and .verdict == "none"'
# Not every version of it says how many failed; then what it asked for does, or the list of errors.
jq -c '.num_prompts = 24 | .completed = 20 | .failed = 4' "$TMP/slow.json" >"$TMP/says.json"
jq -c 'del(.failed)' "$TMP/says.json" >"$TMP/asked.json"
compare "$TMP/asked.json" "$TMP/says.json" --json >"$TMP/c.json"
check "failures, by what was asked for" json "$TMP/c.json" '.comparisons[0].failed | .verdict == "same" and (.a - 4 / 24 | fabs) < 1e-6'
jq -c 'del(.num_prompts, .failed) | .completed = 23 | .errors[3] = "timeout"' "$TMP/slow.json" >"$TMP/listed.json"
compare "$TMP/listed.json" "$TMP/slow.json" --json >"$TMP/c.json"
check "failures, by the list of errors" json "$TMP/c.json" '.comparisons[0].failed | (.a - 1 / 24 | fabs) < 1e-6'
jq -c 'del(.num_prompts, .failed)' "$TMP/slow.short.json" >"$TMP/silent.json"
compare "$TMP/silent.json" "$TMP/slow.json" --json >"$TMP/c.json"
check "no word of failures is not none" json "$TMP/c.json" '.comparisons[0].failed | .verdict == "none" and .a == null'
check "where nothing is judged, nothing passes" exits 3 "$TOKGAUGE" compare "$TMP/fast.short.json" "$TMP/slow.short.json" --fail-if 'any worse'
check "which says so" contains "$TMP/err" "cannot be judged"
check "a build can fail by them" exits 3 "$TOKGAUGE" compare "$TMP/fast.json" "$TMP/slow.json" --fail-if 'tpot_mean > +10%'
check "what is only a number cannot be judged, which fails too" exits 3 "$TOKGAUGE" compare "$TMP/fast.short.json" "$TMP/slow.short.json" \
    --fail-if 'tpot_mean worse'
check "which is said" contains "$TMP/err" "cannot be judged of 'slow': too little is known of that figure"
compare "$TMP/fast.short.json" "$TMP/slow.short.json" --json >"$TMP/c.json"
check "without lists there is no verdict" json "$TMP/c.json" '.comparisons[0] | ([.metrics[].verdict] | unique == ["none"])
    and ([.metrics[] | select(.figure == "tpot_mean") | .ratio > 2] == [true])'
compare "$TMP/slow.ndjson" "$TMP/slow.json" >"$TMP/c.txt"
check "the table says whose figures they are" sh -c 'grep -qx "B  slow  (measured by vllm bench serve)" "$1" &&
    grep -q "by the definitions of .vllm bench serve.: e2e ends with the last token" "$1"' sh "$TMP/c.txt"
check "one written by hand" exits 0 "$TOKGAUGE" compare "$TESTS_DIR/fixtures/vllm-detailed.json" "$TMP/slow.json" --format md
check "one that is kept as a baseline" sh -c '"$1" compare "$2" --save-baseline theirs &&
    "$1" compare --baseline theirs "$3" --json | jq -e ".baseline == \"theirs\" and .measured_by == \"vllm\"" ' \
    sh "$TOKGAUGE" "$TMP/slow.json" "$TMP/fast.json"

# ---- thresholds ----

# Of runs on a busy machine the client may have been the limit, and then nothing is judged: that is taken out here.
for name in slow fast long; do
    jq -c 'if .client then .client.limited = false else . end' "$TMP/$name.ndjson" >"$TMP/$name.healthy.ndjson"
done
OLD=$TMP/slow.healthy.ndjson NEW=$TMP/fast.healthy.ndjson
gate() {
    "$TOKGAUGE" compare "$@" --json
}
check "what became better holds" exits 0 gate "$OLD" "$NEW" --fail-if 'tpot_mean worse' --fail-if 'tpot_mean > +1%'
check "what became worse: exit status 3" exits 3 gate "$NEW" "$OLD" --fail-if 'tpot_mean worse' --fail-if 'tpot_mean > +10%' \
    --fail-if 'tpot_mean > +10000%'
check "a line for each that is broken" same "$(grep -c "^tokgauge: threshold broken: 'tpot_mean .* is so of 'slow' (" "$TMP/err")" 2
check "and no other" same "$(wc -l <"$TMP/err")" 2
check "the comparison is there all the same" json "$TMP/out" '.comparisons[0].comparable'
check "any worse" exits 3 gate "$NEW" "$NEW" "$OLD" --fail-if 'any worse'
check "is said of the run that is" contains "$TMP/err" "'any worse' is so of 'slow' ("
check "a terminal without UTF-8 gets ASCII" sh -c 'LC_ALL=C "$1" compare "$2" "$2" >"$3" && ! LC_ALL=C grep -q "[^ -~]" "$3"' \
    sh "$TOKGAUGE" "$OLD" "$TMP/ascii.txt"
check "a run against itself holds" exits 0 gate "$OLD" "$OLD" --fail-if 'any worse' --fail-if 'e2e_p95 worse' --fail-if 'tpot_mean > 0%'
check "runs that are not comparable fail" exits 3 gate "$NEW" "$TMP/long.healthy.ndjson" --fail-if 'ttft_mean > +1000%'
check "in one line that says so" same "$(wc -l <"$TMP/err"):$(cut -d: -f 2-4 "$TMP/err")" \
    "1: thresholds cannot be judged: 'long' is not comparable with 'fast': different loads"

# ---- bad input: one line, and the right exit status ----

refused() { # STATUS WORDS ARGUMENTS…
    status=$1 words=$2
    shift 2
    refuses "$status" "$words" compare "$@"
}
check "one file" refused 2 "needs two run files or more" "$S"
check "a format that there is not" refused 2 "--format 'pdf' is not one of text|md|json" "$S" "$S" --format pdf
check "two formats" refused 2 "exclude each other" "$S" "$S" --format md --json
check "a threshold of run" refused 2 "has no change in per cent" "$S" "$S" --fail-if 'ttft_p95 > 500ms'
check "a figure that is not compared" refused 2 "'speed' is not compared: it takes any, output_tok_s" "$S" "$S" --fail-if 'speed worse'
check "17 files" refused 2 "16 run files at the most" 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17
check "not a run file" refused 1 "is not a run file" "$S" "$TMP/c.txt"
check "not there" refused 1 "cannot read run file '$TMP/none'" "$S" "$TMP/none"
: >"$TMP/nothing"
echo '{"completed": 3}' >"$TMP/other.json"
check "JSON that is something else" refused 1 "neither a run file nor what 'vllm bench serve --save-result' writes" "$S" "$TMP/other.json"
cat "$TMP/slow.json" "$TMP/slow.json" >"$TMP/two.json"
check "several results in one file" refused 1 "holds several results" "$S" "$TMP/two.json"
jq -c '.completed = 0 | .failed = 24' "$TMP/slow.json" >"$TMP/failed.json"
check "only failed requests, as vLLM tells it" refused 1 "none of the 24 requests of '$TMP/failed.json'" "$S" "$TMP/failed.json"
check "an empty file" refused 1 "is empty: its run was killed" "$S" "$TMP/nothing" --json
check "a folder" refused 1 "Is a directory" "$TMP" "$S"
jq -c 'if .type == "request" then .outcome = "http_5xx" else . end' "$S" >"$TMP/failed.ndjson"
check "only failed requests" refused 1 "none of the 24 requests of '$TMP/failed.ndjson' ended well" "$S" "$S" "$TMP/failed.ndjson"
