# Lists of loads: every one of them run, what does not fit left out and named, the grid and its knee in summary and report.
. "$TESTS_DIR/e2e/lib.sh"
start_sim --step 12 --step-seq 0 --prefill-rate 400000 --cold 0 --overhead 1 --max-num-seqs 2 --max-model-len 2048 --kv-tokens 20000
load() {
    rm -f "$TMP/run.ndjson" "$TMP/out.json"
    "$TOKGAUGE" run "$URL" --out "$TMP/run.ndjson" "$@" >"$TMP/out.json" 2>"$TMP/err"
}
grid() {
    load --json -c 1,2,4 --context 64,512,4k --max-tokens 16 -n 12
    "$TOKGAUGE" report "$TMP/run.ndjson" >"$TMP/report.md"
}
grid
check "each cell that fits is a phase" json "$TMP/out.json" '[.phases[] | [.max_num_seqs, .context]] | sort == [[1,64],[1,512],[2,64],[2,512],[4,64],[4,512]]'
check "with its requests" json "$TMP/out.json" '.phases | all(.requests.ok == 12)'
check "what is too long is left out, and named" json "$TMP/run.ndjson" '[.[] | select(.type == "left_out") | [.max_num_seqs, .context]] | sort == [[1,4096],[2,4096],[4,4096]]' -s
check "on stderr too" contains "$TMP/err" "left out: 4096 + 16 tokens exceed the 2048"
compared() { # a busy machine may blur parts of a second each: then once more
    { json "$TMP/out.json" '[.phases[] | select(.context == 64)] | sort_by(.max_num_seqs) | [.[].whole.output_tok_s] | .[1] > 1.5 * .[0]' &&
        contains "$TMP/report.md" "knee at context 64: 2 streams"; } || { grid; false; }
}
check "two streams give more than one, and are the knee" within 60 compared
check "the report has the grid" contains "$TMP/report.md" "| context | 1 stream | 2 streams | 4 streams |"
check "and what was left out" contains "$TMP/report.md" "1 stream, context 4k, output 16: 4096 + 16 tokens exceed the 2048"
check "but no average over different loads" lacks "$TMP/report.md" "time per output token |"
"$TOKGAUGE" report "$TMP/run.ndjson" --format html >"$TMP/report.html"
check "a curve for each context" contains "$TMP/report.html" "Throughput and latency, context 512, output 16"
"$TOKGAUGE" replay "$TMP/run.ndjson" --view matrix --txt "$TMP/matrix.txt" --svg-size 100x30
check "a replay's matrix" contains "$TMP/matrix.txt" "knee"
listed() { # once more as well
    load --plain -c 1,2,4 --context 64 --max-tokens 16 -n 12 --order listed
    contains "$TMP/out.json" "knee at context 64: 2 streams"
}
check "the summary has the knee" within 60 listed
check "and the table" contains "$TMP/out.json" "output tok/s, all streams"
in_order() { # EXPRESSION
    json "$TMP/run.ndjson" "[.[] | select(.type == \"phase\") | .max_num_seqs] | $1" -s
}
check "as listed" in_order '. == [1, 2, 4]'
load --json -c 1,2,3,4,5,6,7,8 --context 64 --max-tokens 2 -n 8 --seed 1
check "at random, by the seed" in_order 'sort == [1,2,3,4,5,6,7,8] and . != [1,2,3,4,5,6,7,8]'
load --json --rate 20,80 --context 64 --max-tokens 4 -n 30
check "a list of rates" json "$TMP/out.json" '[.phases[].rate] | sort == [20, 80]'
load --json -c 1,2 --context 64,128 --max-tokens 8,16 -n 4 --warmup 2
check "output lengths too, each with its warm-up" json "$TMP/run.ndjson" '[.[] | select(.part == "warmup")] | length == 16' -s

# ---- until the rate is known ----

load --json -c 2 --context 64 --max-tokens 16 --until-ci 20% -d 120s
check "--until-ci ends it" json "$TMP/out.json" '.ended_by == "precision" and .whole.seconds >= 9 and .whole.seconds < 60'
check "and says how well it is known" json "$TMP/run.ndjson" '[.[] | select(.type == "event") | .text | select(contains("known well enough"))] | length == 1' -s

# ---- the guard ends one load, not those that are smaller ----

stop_server
start_sim --step 2 --step-seq 0 --prefill-rate 400000 --cold 0 --overhead 1 --max-num-seqs 8 --max-model-len 8192 --kv-gib-per-1k 1
"$TOKGAUGE" run "$URL" --json --out "$TMP/guard.ndjson" -c 1,8 --context 512,2k --max-tokens 32 -d 3s --order listed --guard 10GiB >"$TMP/out.json" 2>"$TMP/err"
check "the guard's status" same $? 4
check "one load is stopped, smaller ones are run" json "$TMP/out.json" '([.phases[] | select(.max_num_seqs == 1)] | length == 2 and all(.requests.ok >= 3))'
check "and those that are no smaller are left out" contains "$TMP/err" "left out: the guard has stopped a load that was no larger"

# ---- ended before anything was measured ----

stop_server
start_sim --step 5 --step-seq 1 --cold 0 --kv-gib-per-1k 4
"$TOKGAUGE" run "$URL" -c 1,2 --context 1k --max-tokens 4000 --plain --out "$TMP/early.ndjson" >"$TMP/early" 2>&1 &
early=$!
check "a cell warms up" within 30 grep -q 'warm-up .* in flight 1 .*GTT 4[1-9]' "$TMP/early"
kill -INT "$early"
wait "$early"
check "a cell that was not measured has no figure" lacks "$TMP/early" '≈'
check "and is not one that was run" contains "$TMP/early" "a matrix of 2 loads, 0 of which were run"
"$TOKGAUGE" run "$URL" -c 1,2 --context 64 --max-tokens 4000 --order listed --warmup 0 -d 1s --drain 60s --json --out "$TMP/between.ndjson" >"$TMP/between.json" 2>/dev/null &
between=$!
check "a cell's time is over, and its answers are waited for" within 30 grep -qs '"type":"sample".*"state":"drain"' "$TMP/between.ndjson"
kill -INT "$between"
wait "$between"
check "who stops it there ends the run, not the cell's time" json "$TMP/between.json" '.ended_by == "stopped"'
check "memory before the load is that before the warm-up" contains "$TMP/early" "GTT            39.7 GiB before"
# A load that was gone back to is one cell: of all its requests, in the summary and in the report.
"$TOKGAUGE" run "$URL" -c 2,1,2 --context 64 --max-tokens 16 -n 6 --order listed --warmup 0 --plain --out "$TMP/again.ndjson" >"$TMP/again" 2>&1
"$TOKGAUGE" report "$TMP/again.ndjson" >"$TMP/again.md"
cells() { # FILE HEADING: the cells of the one row of that table
    awk -v heading="$2" 'index($0, heading) { on = 1 } on && ($1 == "64" || $2 == "64") { gsub(/^ *(\| *)?64 */, ""); gsub(/[| ]+/, " "); print; exit }' "$1"
}
for heading in 'output tok/s' 'TTFT p95'; do
    check "a load that was gone back to: the $heading of report and summary" same "$(cells "$TMP/again.md" "$heading" | sed 's/^ *//; s/ *$//; s/ ms//g')" \
        "$(cells "$TMP/again" "$heading" | sed 's/^ *//; s/ *$//; s/ ms//g')"
    check "its $heading is of enough requests" sh -c 'case $2 in *≈*) exit 1 ;; [0-9]*) ;; *) exit 1 ;; esac' sh "" \
        "$(cells "$TMP/again.md" "$heading" | awk '{ sub(/ ms/, ""); print $NF == "ms" ? $(NF - 1) : $NF }')"
done
"$TOKGAUGE" run "$URL" -c 1,2,2 --context 64 --max-tokens 16 -n 6 --order listed --warmup 0 --plain --out "$TMP/order.ndjson" >/dev/null 2>&1
"$TOKGAUGE" run "$URL" -c 1,2,2 --context 64 --max-tokens 16 -n 7 --order listed --warmup 0 --plain --out "$TMP/more.ndjson" >/dev/null 2>&1
"$TOKGAUGE" compare "$TMP/again.ndjson" "$TMP/order.ndjson" >"$TMP/out" 2>&1
check "load by load" sh -c 'grep -q "^  load by load  *output rate" "$1" && [ "$(grep -c "^  [0-9]* streams*, [0-9k]* + [0-9]*  .*%" "$1")" = "$2" ]' sh "$TMP/out" \
    "$(jq -r 'select(.type == "phase") | "\(.max_num_seqs) \(.context) \(.max_tokens)"' "$TMP/order.ndjson" | sort -u | wc -l)"
check "the same loads in another order can be compared" sh -c '! grep -q "NOT COMPARABLE: .*\(suites\|loads\)" "$1" && grep -q "e2e mean" "$1"' sh "$TMP/out"
"$TOKGAUGE" compare "$TMP/again.ndjson" "$TMP/more.ndjson" >"$TMP/out" 2>&1
check "with other numbers of requests they are another mixture" contains "$TMP/out" "NOT COMPARABLE: the same loads with other numbers of requests"
stop_server

bad() { # TEXT ARGS…
    bad_text=$1
    shift
    "$TOKGAUGE" run "$URL" "$@" >"$TMP/out" 2>"$TMP/err"
    same $? 2 && contains "$TMP/err" "$bad_text" && same "$(wc -l <"$TMP/err")" 1
}
check "more than 100 cells" bad "a matrix of 128 cells: 100 are the most" -c 1,2,3,4,5,6,7,8 --context 1,2,3,4,5,6,7,8 --max-tokens 1,2
check "a list that is too long" bad "takes 8 numbers" -c 1,2,3,4,5,6,7,8,9
check "not a number in a list" bad "is not a whole number" -c 1,x
check "a ramp" bad "goes with one load" --ramp 1:2:3s -c 1,2
