# The run file: what is in it, and what becomes of it when things go wrong.
. "$TESTS_DIR/e2e/lib.sh"
FAST='--step 5 --step-seq 0.1 --prefill-rate 400000 --cold 0 --overhead 1 --max-num-seqs 8'
# shellcheck disable=SC2086  # a list of options
start_sim $FAST --fault 500=0.1

# ---- what is in it ----

"$TOKGAUGE" run "$URL" --json -c 4 --duration 3s --max-tokens 20 --context 64 --label night --out "$TMP/run.ndjson" \
    >"$TMP/out.json" 2>"$TMP/err"
RUN=$TMP/run.ndjson
check "every line is JSON" json "$RUN" 'length > 10' -s
check "the header comes first" json "$RUN" '.[0] | .type == "header" and .format == 1 and .simulated and .label == "night"
    and (.started | test("^20[0-9-]+T[0-9:]+Z$")) and .max_model_len == 16384' -s
check "the summary comes last, and once" json "$RUN" '(.[-1].type == "summary") and
    (map(select(.type == "summary")) | length == 1)' -s
check "a sample a second" json "$RUN" 'map(select(.type == "sample")) | length >= 4 and length <= 8' -s
check "samples have the gauges" json "$RUN" 'map(select(.type == "sample")) | .[-1] |
    .ram_used > 0 and .gtt_used > 0 and .gtt_simulated and .server_running != null and .state == "done"' -s
check "what this machine has is in no sample of a simulated one" json "$RUN" '
    map(select(.type == "sample" and .ram_used != null and (.ram_simulated | not))) | length == 0' -s
check "what is not known yet is null, not 0" json "$RUN" 'map(select(.type == "sample" and .gtt_total == 0)) | length == 0' -s
check "so are the tokens of a first event that never came" json "$RUN" 'map(select(.type == "request" and .outcome == "http_5xx")) | length > 0 and
    all(.first_event_tokens == null and .output_tokens == null)' -s
check "a phase has its own row" json "$RUN" 'map(select(.type == "phase")) | length == 1 and .[0].max_num_seqs == 4' -s
check "the samples add up to the summary: requests" json "$RUN" '
    ([.[] | select(.type == "sample") | .ended[].outcomes | to_entries[]] | group_by(.key)
     | map({key: .[0].key, value: (map(.value) | add)}) | from_entries) == .[-1].requests.by_outcome' -s
check "the samples add up to the summary: tokens" json "$RUN" '
    ([.[] | select(.type == "sample") | .ended[].output_tokens] | add) == .[-1].tokens.output' -s
check "the samples add up to the summary: TTFT histogram" json "$RUN" '
    ([.[] | select(.type == "sample") | .ended[].ttft // [] | .[][1]] | add) == .[-1].ttft_ms.n' -s
check "the rows add up to the summary" json "$RUN" '
    (map(select(.type == "request" and .part == "load")) | length) == .[-1].requests.ended' -s
check "failed requests have the server's own words" json "$RUN" '
    map(select(.type == "request" and .outcome == "http_5xx")) | length > 0 and all(.error | test("failure"))' -s
check "stdout and the file say the same" json "$RUN" '(.[-1] | del(.type, .t, .lost_lines)) ==
    ($out[0] | del(.lost_lines))' -s --slurpfile out "$TMP/out.json"
check "nobody else can read it" same "$(stat -c %a "$RUN")" 600
check "numbers are exact in a double" json "$RUN" 'map(.t // 0) | all(. < 9007199254740992)' -s

# ---- where it goes ----

XDG_STATE_HOME=$TMP/elsewhere "$TOKGAUGE" run "$URL" --json -n 2 --max-tokens 2 --context 32 >"$TMP/out2.json" 2>/dev/null
check "by default under XDG_STATE_HOME" same "$(dirname "$(jq -r .run_file "$TMP/out2.json")")" "$TMP/elsewhere/tokgauge/runs"
env -u XDG_STATE_HOME HOME="$TMP/home" "$TOKGAUGE" run "$URL" --json -n 2 --max-tokens 2 --context 32 >"$TMP/out3.json" 2>/dev/null
check "else under ~/.local/state" same "$(dirname "$(jq -r .run_file "$TMP/out3.json")")" "$TMP/home/.local/state/tokgauge/runs"
stop_server
start_sim --cold 0 --model '../../../tmp/evil name'
XDG_STATE_HOME=$TMP/named "$TOKGAUGE" run "$URL" --json -n 2 --max-tokens 2 --context 32 >"$TMP/out4.json" 2>/dev/null
check "a model's name cannot lead out of the folder" sh -c '
    name=$(basename "$2") && [ "$1/$name" = "$2" ] && case $name in *[!A-Za-z0-9._-]*) exit 1 ;; esac' \
    sh "$TMP/named/tokgauge/runs" "$(jq -r .run_file "$TMP/out4.json")"
stop_server

# ---- a disk that is full (here: a file-size limit) ----

# shellcheck disable=SC2086
start_sim $FAST
(ulimit -f 16 && exec "$TOKGAUGE" run "$URL" --json -c 4 --duration 2s --max-tokens 5 --context 64 \
    --out "$TMP/full.ndjson") >"$TMP/full.json" 2>"$TMP/full.err"
full=$?
check "a full disk does not end the run" json "$TMP/full.json" '.requests.ok > 20 and .ended_by == "duration"'
check "but the exit status says that a file failed" same "$full" 1
check "the loss is told" json "$TMP/full.json" '.lost_lines > 0'
env SYNC_FAILS=1 LD_PRELOAD="$FAKEGPU_PRELOAD_FIRST $PWD/$BUILD/tests/tools/libasleep.so" "$TOKGAUGE" run "$URL" --json -n 4 --max-tokens 5 \
    --context 64 --out "$TMP/quota.ndjson" >"$TMP/quota.json" 2>"$TMP/quota.err"
check "a disk that cannot keep what was written to it: the exit status says so" same $? 1
check "and how many lines" json "$TMP/quota.json" '.requests.ok == 4 and .lost_lines >= 6'
check "and why" contains "$TMP/quota.err" "Disk quota exceeded"
env SYNC_FAILS=1 LD_PRELOAD="$FAKEGPU_PRELOAD_FIRST $PWD/$BUILD/tests/tools/libasleep.so" "$TOKGAUGE" run "$URL" --json --duration 7s --max-tokens 5 \
    --context 64 --out "$TMP/quota4.ndjson" >"$TMP/quota4.json" 2>"$TMP/quota4.err"
check "what was lost before the end is in the file itself" json "$TMP/quota4.ndjson" '.[-1] | .type == "summary" and .lost_lines > 0' -s
check "and its report says so" sh -c '"$1" report "$2" | grep -q "lines of this run file were lost"' sh "$TOKGAUGE" "$TMP/quota4.ndjson"
check "and what is there is whole" json "$TMP/full.ndjson" '.[0].type == "header"' -s
