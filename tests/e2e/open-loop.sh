# Requests that are sent when they are due: at a rate, along a ramp, as a trace says.
. "$TESTS_DIR/e2e/lib.sh"
start_sim --step 2 --step-seq 0.1 --prefill-rate 400000 --cold 0 --overhead 1 --max-num-seqs 64 --log "$TMP/log" --max-model-len 4096
load() {
    rm -f "$TMP/run.ndjson" "$TMP/out.json"
    "$TOKGAUGE" run "$URL" --json --max-tokens 4 --context 64 --out "$TMP/run.ndjson" "$@" >"$TMP/out.json" 2>"$TMP/err"
}
rows() { # EXPRESSION: of the list of measured requests
    json "$TMP/run.ndjson" "[.[] | select(.part == \"load\")] | $1" -s
}

# ---- when ----

load --rate 40 --arrival constant -n 60
check "a constant rate: due times are equal apart" rows 'sort_by(.due) | [range(1; length) as $i | .[$i].due - .[$i - 1].due] | all(. == 25000000)'
check "as many as were asked for" json "$TMP/out.json" '.requests.ok == 60 and .ended_by == "requests" and .ttft_due_ms.n == 60'
check "none is sent before it is due" rows 'all(.sent >= .due)'
check "the summary has the arrivals" json "$TMP/out.json" '.arrivals.kind == "constant" and .arrivals.rate == 40 and .arrivals.trace == null'
load --rate 40 --arrival constant -n 60 --max-tokens 500
check "the window ends with the last due, long before the last end" json "$TMP/out.json" '.window == "steady" and .whole.seconds > 1.46 and .whole.seconds < 2.2 and
    .e2e_ms.min > 900'
load --rate 100 -n 200 --seed 3
check "poisson: the gaps differ" rows 'sort_by(.due) | [range(1; length) as $i | .[$i].due - .[$i - 1].due] | (add / length) as $m |
    (map((. - $m) * (. - $m)) | add / length | sqrt) / $m | . > 0.7 and . < 1.4'
jq -c 'select(.part == "load") | [.seq, .due]' "$TMP/run.ndjson" | sort >"$TMP/first"
load --rate 100 -n 200 --seed 3 --workers 3
jq -c 'select(.part == "load") | [.seq, .due]' "$TMP/run.ndjson" | sort >"$TMP/second"
gaps_same() { # the same sequence, whatever the number of threads; its beginning is another moment
    jq -s -e --slurpfile b "$TMP/second" '(map(.[1]) | sort) as $x | ($b | map(.[1]) | sort) as $y |
        ($x | length) == 200 and [range(1; 200) as $i | ($x[$i] - $x[0]) - ($y[$i] - $y[0])] == [range(1; 200) | 0]' "$TMP/first"
}
check "the same seed gives the same moments" gaps_same
load --rate 100 --arrival burst:10 -n 40
check "bursts: ten at once" rows 'group_by(.due) | length == 4 and all(length == 10)'
load --ramp 5:100:1s --arrival constant -d 1s
check "a ramp: (5 + 100) / 2 requests in its second" json "$TMP/out.json" '.requests.ended + .arrivals.not_sent >= 52 and .requests.ended + .arrivals.not_sent <= 53 and .arrivals.ramp_to == 100'
load --rate 1 --arrival constant -d 1s
check "one that is due just when the time is over is none of it" json "$TMP/out.json" '.requests.ended == 1 and .ended_by == "duration"'
load --rate 20 --warmup 10 -n 10
check "warm-up requests come first, at the same rate" json "$TMP/run.ndjson" '[.[] | select(.type == "request" and .part == "warmup")] | length == 10' -s
check "and are not measured" json "$TMP/out.json" '.requests.ended == 10'

# A name that is looked up slowly is no fault of this program.
env DNS_LATE=2000 LD_PRELOAD="$FAKEGPU_PRELOAD_FIRST $PWD/$BUILD/tests/tools/libasleep.so" "$TOKGAUGE" run "http://far.invalid:${URL##*:}" \
    --json --rate 100 --arrival burst:10 -n 10 --max-tokens 4 --context 64 --out "$TMP/late.ndjson" >"$TMP/out.json" 2>"$TMP/err"
check "a slow name lookup: the first tokens come late" json "$TMP/out.json" '.requests.ok == 10 and .ttft_due_ms.p50 > 2000'
check "but the requests are not sent late" json "$TMP/out.json" '.client.skew_ms.p50 < 1000'

# ---- what waits for a stream ----

load --rate 200 --arrival constant -n 40 -c 1 --max-tokens 20
check "one stream: the wait for it is in ttft_due" json "$TMP/out.json" '.ttft_due_ms.max > 300 and .ttft_ms.p50 < 100 and .stream_wait_ms.max > 300'
check "and not the client's fault" json "$TMP/out.json" '.client.skew_ms.p50 < 100'
check "first come, first served" rows 'sort_by(.sent) | [.[].due] | . == sort'
check "one at a time" rows 'sort_by(.sent) | [range(1; length) as $i | .[$i].sent >= .[$i - 1].end] | all'
"$TOKGAUGE" run "$URL" --plain --rate 200 -n 40 -c 1 --max-tokens 20 --context 64 >"$TMP/plain" 2>&1
check "the summary says so" contains "$TMP/plain" "waited for a free stream"
check "and what was asked for" contains "$TMP/plain" "200 requests/s (poisson), at most 1 stream"

load --rate 200 --arrival constant -d 2s -c 1 --max-tokens 50
check "time over: what was due and not sent is counted" json "$TMP/out.json" '.ended_by == "duration" and (.requests.ended + .arrivals.not_sent - 400 | fabs) <= 2'
"$TOKGAUGE" run "$URL" --plain --rate 200 -d 1s -c 1 --max-tokens 50 --context 64 >"$TMP/plain" 2>&1
check "and said" contains "$TMP/plain" "more were due and never sent"
"$TOKGAUGE" report "$TMP/run.ndjson" >"$TMP/report.md"
check "the report has the rate, and what was not sent" sh -c 'grep -q "^200.0 requests/s, constant, whatever the server did" "$1" && grep -q "requests were due and never sent" "$1"' sh "$TMP/report.md"
load --rate 50 --arrival gamma:0.5 -n 10
"$TOKGAUGE" report "$TMP/run.ndjson" --format vllm >"$TMP/vllm.json"
check "the export for vLLM has it too" json "$TMP/vllm.json" '.request_rate == 50 and .burstiness == 0.5'
load --rate 50 --arrival constant -n 20
load --rate 20 --arrival constant -d 2s
check "what is due at the very end is not missing" json "$TMP/out.json" '.requests.ok + .arrivals.not_sent == 40 and .arrivals.not_sent <= 20'
load --rate 0.2 --seed 2 -n 1
check "the wait for the first arrival is no load" json "$TMP/run.ndjson" '(map(select(.part == "load")) | .[0].sent) as $sent |
    map(select(.type == "sample" and .t < $sent)) | length > 2 and all(.state == "preflight" or .state == "warmup")' -s
load --rate 3 --seed 11 -d 12s
"$TOKGAUGE" compare "$TMP/run.ndjson" "$TMP/run.ndjson" --format json >"$TMP/same.json" 2>"$TMP/err"
rate_by() { # EXPRESSION of the comparison, EXPRESSION of the summary: within a fifth, for the last second may be cut
    jq -n -e --slurpfile a "$TMP/same.json" --slurpfile b "$TMP/out.json" "(\$a[0] | $1) as \$x | (\$b[0] | $2) as \$y | (\$x / \$y - 1 | fabs) < 0.2" >/dev/null ||
        { jq -c "$1" "$TMP/same.json"; jq -c "$2" "$TMP/out.json"; return 1; }
}
check "seconds in which nothing was in flight are load too: compare says the rate of the summary" rate_by \
    '.comparisons[0].metrics[0].a' '.output_tok_s'
load --rate 20 --arrival constant -n 40
check "none where all were" json "$TMP/out.json" '.arrivals.not_sent == 0'

# ---- lengths ----

load --rate 200 -n 100 --context uniform:100-300 --max-tokens normal:20,6
check "times of different requests have no stability" sh -c '! "$1" report "$2" | grep -q "Stability of"' sh "$TOKGAUGE" "$TMP/run.ndjson"
check "drawn lengths: the asked ones differ" rows '[.[].context] | min >= 100 and max <= 300 and (unique | length) > 30'
check "and are what the server got" rows 'all((.prompt_tokens - .context | fabs) <= 6)'
check "outputs too" rows '[.[].output_tokens] | min >= 1 and max < 50 and (unique | length) > 10 and (add / length) > 16 and (add / length) < 24'
check "and each as long as asked" rows 'all(.output_tokens == .max_tokens)'
load --rate 200 -n 100 --context lognormal:3000,3000 --max-tokens 64
check "what is drawn has room in the server's context" json "$TMP/out.json" '.requests.ok == 100 and .tokens.context_max <= 4096 and .context_drawn == "lognormal:3000,3000"'
load -c 4 -n 40 --context uniform:100-300
check "a closed loop takes them too" json "$TMP/out.json" '.requests.ok == 40 and .tokens.context_min < .tokens.context_max and .arrivals == null'

# ---- a trace ----

cat >"$TMP/trace.jsonl" <<'END'
{"time": 100.0, "context": 64, "output": 3}
{"time": 100.3, "context": 200, "output": 5}

{"time": 100.3, "context": 300}
{"time": 100.9, "output": 7}
END
load --trace "$TMP/trace.jsonl"
check "a trace: its rhythm" rows 'sort_by(.seq) | [.[].due - .[0].due] == [0, 300000000, 300000000, 900000000]'
check "its lengths, the run's where it has none" rows 'sort_by(.seq) | [.[].max_tokens] == [3, 5, 4, 7] and [.[].context] == [64, 200, 300, 64]'
check "and its end" json "$TMP/out.json" '.requests.ok == 4 and .ended_by == "requests"'
trace_came() { # by the server's own clock; where a busy machine lets the first one wait, the next time
    jq -s -e '[.[-4:][].arrived_ns] | sort | [.[] - .[0]] | .[1] > 0.1e9 and .[3] > 0.6e9' "$TMP/log" || { load --trace "$TMP/trace.jsonl"; false; }
}
check "as the server saw it come" within 20 trace_came
printf '{"timestamp":0,"input_length":50,"output_length":2}\n{"timestamp":200,"input_length":60,"output_length":2,"hash_ids":[1,2]}\n' >"$TMP/mooncake.jsonl"
load --trace "$TMP/mooncake.jsonl"
check "names and milliseconds of other traces" rows 'sort_by(.seq) | [.[].due - .[0].due] == [0, 200000000] and [.[].context] == [50, 60]'
printf '{"time": 2}\n{"time": 1}\n' >"$TMP/back.jsonl"
fails() { # STATUS TEXT ARGS…
    fails_status=$1 fails_text=$2
    shift 2
    load "$@"
    same $? "$fails_status" && contains "$TMP/err" "$fails_text" && same "$(wc -l <"$TMP/err")" 1
}
check "time going backwards is named" fails 2 "back.jsonl:2: time goes backwards" --trace "$TMP/back.jsonl"
check "no such file" fails 2 "cannot read trace" --trace "$TMP/none"
check "warm-up must leave something" fails 2 "leaves nothing to measure" --trace "$TMP/trace.jsonl" --warmup 4
check "a distribution without sense" fails 2 "a deviation above 0" --context normal:2k,0
check "rate and ramp" fails 2 "exclude each other" --rate 5 --ramp 1:2:3s
check "arrival without a rate" fails 2 "goes with --rate" --arrival constant
check "a rate of nothing" fails 2 "out of range" --rate 0
check "an unknown arrival" fails 2 "none of poisson" --rate 5 --arrival often

# ---- failures stop no arrivals ----

stop_server
start_sim --step 2 --cold 0 --overhead 1 --fault 500=0.5
load --rate 50 --arrival constant -n 50
check "failures stop no arrivals" json "$TMP/out.json" '.requests.ended == 50 and .requests.failed > 10 and .whole.seconds < 5'
check "nor move them" rows 'sort_by(.due) | [range(1; length) as $i | .[$i].due - .[$i - 1].due] | all(. == 20000000)'

# ---- on the screen: the rate is shown, and keys change it ----

stop_server
start_sim --step 2 --cold 0 --overhead 1 --max-num-seqs 64
PTY=$BUILD/tests/tools/ui_pty
rate_phase() {
    echo "until grep -q '\"type\":\"phase\".*\"rate\":$1[,}]' $TMP/keys.ndjson"
}
{
    printf '%s\n' 'wait "rate 20.0/s"' 'wait "sent/s"' 'key )' 'wait "rate 25.0/s"' && rate_phase 25
    printf '%s\n' 'key ) ) )' 'wait "rate 50.0/s"' && rate_phase 50
    printf '%s\n' 'key ( ( ( ( (' 'wait "rate 15.0/s"' && rate_phase 15
    printf '%s\n' 'key Space' 'wait PAUSED' 'wait "0 of 256"' 'sleep 1' 'key Space' 'gone PAUSED' 'key q' 'expect-exit 0'
} >"$TMP/script"
check "keys change the rate" "$PTY" 160 40 xterm-256color "$TOKGAUGE" run "$URL" --rate 20 --arrival constant --max-tokens 4 --context 64 --out "$TMP/keys.ndjson" <"$TMP/script"
check "each rate's requests have its rhythm" json "$TMP/keys.ndjson" '[.[] | select(.part == "load")] | sort_by(.seq) | [range(1; length) as $i | .[$i].due - .[$i - 1].due] |
    (map(select(. == 40000000)) | length) >= 1 and (map(select(. == 20000000)) | length) >= 1' -s
check "a pause moves what is to come: nothing piles up" json "$TMP/keys.ndjson" '[.[] | select(.part == "load") | .sent - .due] | max < 900000000' -s
# A rate that is changed in a pause begins when the pause ends, not a pause later.
{
    printf '%s\n' 'wait "rate 20.0/s"' 'wait "sent/s"' 'key Space' 'wait PAUSED' 'sleep 3' 'key )' 'wait "rate 25.0/s"' 'key Space' && rate_phase 25
    printf '%s\n' "until [ \$(tail -n 1000 $TMP/pause.ndjson | grep -c '\"part\":\"load\"') -gt 40 ]" 'key q' 'expect-exit 0'
} | sed "s/keys.ndjson/pause.ndjson/" >"$TMP/script"
"$PTY" 160 40 xterm-256color "$TOKGAUGE" run "$URL" --rate 20 --arrival constant --max-tokens 4 --context 64 --out "$TMP/pause.ndjson" <"$TMP/script"
check "a rate changed in a pause begins with its end" json "$TMP/pause.ndjson" '([.[] | select(.type == "phase" and .rate == 25)][0].t) as $t |
    [.[] | select(.part == "load" and .due >= $t and .due < $t + 1e9) | .due] | sort | [range(1; length) as $i | .[$i] - .[$i - 1]] |
    length >= 20 and all(. == 40000000)' -s
printf '%s\n' 'wait "1 of 1"' 'key )' 'wait "no rate to change"' 'key q' 'expect-exit 0' >"$TMP/script"
check "a closed loop has no rate" "$PTY" 120 40 xterm-256color "$TOKGAUGE" run "$URL" -c 1 --max-tokens 2000 --context 64 <"$TMP/script"
