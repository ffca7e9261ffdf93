# What long runs meet: a run file of bounded size, a disk that is full for a while, a server that goes and comes back, a machine
# that sleeps.
. "$TESTS_DIR/e2e/lib.sh"
FAST='--step 5 --step-seq 0.1 --prefill-rate 400000 --cold 0 --overhead 1 --max-num-seqs 8'
# shellcheck disable=SC2086  # a list of options
start_sim $FAST --fault 500=0.2 --seed 3

# ---- which requests have a line ----

load() { "$TOKGAUGE" run "$URL" --json -c 4 -n 60 --max-tokens 20 --context 64 "$@"; }
check "no line a request" exits 0 load --rows none --out "$TMP/none.ndjson"
cp "$TMP/out" "$TMP/none.json"
check "… but for the first request" json "$TMP/none.ndjson" 'map(select(.type == "request")) | length == 1 and .[0].part == "preflight"' -s
check "… and the header says so" json "$TMP/none.ndjson" '.[0].rows == "none"' -s
"$TOKGAUGE" report "$TMP/none.ndjson" --format json >"$TMP/report.json"
check "the report has all requests all the same" json "$TMP/report.json" '(.rows_whole | not) and .requests == $s[0].requests and
    .tokens.output == $s[0].tokens.output' --slurpfile s "$TMP/none.json"
check "… with their figures, off by a hundredth at the most" json "$TMP/report.json" '.ttft_ms.n == $s[0].ttft_ms.n and
    (.ttft_ms.p50 / $s[0].ttft_ms.p50 - 1 | fabs) < 0.01 and (.e2e_ms.mean / $s[0].e2e_ms.mean - 1 | fabs) < 0.01 and
    .phases[0].ttft_ms.n == .ttft_ms.n' --slurpfile s "$TMP/none.json"
check "the page says what it has not" sh -c '"$1" report "$2" | grep -q "not a line for each request"' sh "$TOKGAUGE" "$TMP/none.ndjson"
check "CSV has none, and says so" exits 0 "$TOKGAUGE" report "$TMP/none.ndjson" --format csv
check "… on stderr" contains "$TMP/err" "0 of 60 are here"
check "vLLM's format is refused" refuses 1 "has not a line for each request" report "$TMP/none.ndjson" --format vllm
check "it can be compared" exits 0 "$TOKGAUGE" compare "$TMP/none.ndjson" "$TMP/none.ndjson" --json
check "it can be replayed" exits 0 "$TOKGAUGE" replay "$TMP/none.ndjson" --txt "$TMP/frame.txt"
check "… with its counts" contains "$TMP/frame.txt" "$(jq -r '"\(.requests.ok) ok   \(.requests.failed) failed"' "$TMP/none.json")"
"$TOKGAUGE" report "$TMP/none.ndjson" >"$TMP/none.md"
check "and it does not take them for those of others" lacks "$TMP/none.md" 'Other clients loaded the server'
check "lines of failed requests alone" exits 0 load --rows errors --out "$TMP/errors.ndjson"
check "… are those" json "$TMP/errors.ndjson" 'map(select(.type == "request" and .part == "load")) | length > 0 and
    all(.outcome == "http_5xx")' -s
check "… all of them" json "$TMP/errors.ndjson" '(map(select(.type == "request" and .part == "load")) | length) == .[-1].requests.failed' -s
check "by default all have one" exits 0 load --out "$TMP/auto.ndjson" --duration 1h
check "… and the log says how large the file can become" json "$TMP/auto.ndjson" 'map(select(.type == "event").text) |
    any(test("^run file: at most [0-9]+ MiB"))' -s
check "a word that is none" refuses 2 "--rows" run "$URL" --rows some

# ---- a disk that is full for a while (here: a limit of the file's size that is raised again) ----

event() { # event FILE TEXT: the run file has told it
    grep '"type":"event"' "$1" 2>/dev/null | grep -q -- "$2"
}
said() { # said FILE TEXT: so has the plain output
    grep -q -- "$2" "$1"
}
(ulimit -S -f 40 && exec "$TOKGAUGE" run "$URL" --plain -c 4 --duration 1h --max-tokens 5 --context 64 --out "$TMP/full.ndjson") \
    >"$TMP/full.out" 2>"$TMP/full.err" &
pid=$!
check "a full disk is told" within 60 said "$TMP/full.out" "its lines wait in memory"
check "… in the log too, when there is room" sh -c '! grep -q "wait in memory" "$1"' sh "$TMP/full.ndjson"
prlimit --pid "$pid" --fsize=unlimited: 2>"$TMP/err" || prlimit --pid "$pid" --fsize=unlimited 2>"$TMP/err"
check "… and that it is written again" within 60 said "$TMP/full.out" "the run file is written again"
kill -TERM "$pid"
wait "$pid"
check "the run ends as it was told" same "$?" 143
check "nothing of it is lost" json "$TMP/full.ndjson" '(.[-1] | .type == "summary" and .lost_lines == 0) and
    (map(select(.type == "request" and .part == "load")) | length) == .[-1].requests.ended' -s
check "… but for no line" json "$TMP/full.ndjson" 'map(select(.type == "event").text) | any(test("0 lines are lost"))' -s
stop_server

# ---- a server that goes and comes back ----

# shellcheck disable=SC2086
start_sim $FAST
port=${URL##*:}
"$TOKGAUGE" run "$URL" --plain -c 2 --duration 1h --max-tokens 20 --context 64 --out "$TMP/away.ndjson" >"$TMP/away.out" 2>&1 &
pid=$!
some_ok() { [ "$(grep -c '"outcome":"ok"' "$TMP/away.ndjson" 2>/dev/null)" -ge "$1" ]; }
check "it answers" within 30 some_ok 4
stop_server
check "that it went is told" within 60 said "$TMP/away.out" "no answer since"
# shellcheck disable=SC2086
start_server "$TOKGAUGE" sim --port "$port" $FAST
check "that it came back is told, and after how long" within 60 said "$TMP/away.out" "the server answers again, after [0-9]"
before=$(grep -c '"outcome":"ok"' "$TMP/away.ndjson")
check "the load goes on" within 60 some_ok $((before + 4))
kill -TERM "$pid"
wait "$pid"
check "the errors are counted" json "$TMP/away.ndjson" '.[-1].requests.failed >= 2 and .[-1].requests.ok >= 8' -s

# ---- a machine that sleeps ----

echo 0 >"$TMP/asleep"
env ASLEEP="$TMP/asleep" LD_PRELOAD="$FAKEGPU_PRELOAD_FIRST $PWD/$BUILD/tests/tools/libasleep.so" "$TOKGAUGE" run "$URL" --plain -c 2 \
    --duration 1h --max-tokens 200 --context 64 --out "$TMP/slept.ndjson" >"$TMP/slept.out" 2>&1 &
pid=$!
loading() { grep -q '"state":"load"' "$TMP/slept.ndjson" 2>/dev/null; }
check "it loads" within 30 loading
echo 3600 >"$TMP/asleep"
check "a sleep is told" within 30 said "$TMP/slept.out" "this machine slept for 1 h"
flagged() { grep -q '"slept":true' "$TMP/slept.ndjson" 2>/dev/null; }
check "requests in flight then are flagged" within 60 flagged
awake() { [ "$(grep '"outcome":"ok"' "$TMP/slept.ndjson" | grep -c -v '"slept":true')" -ge 4 ]; } # one is the preflight's
check "later ones are not" within 60 awake
kill -TERM "$pid"
wait "$pid"
check "once" json "$TMP/slept.ndjson" 'map(select(.type == "event" and (.text | test("machine slept")))) | length == 1' -s
check "the moment has a mark" json "$TMP/slept.ndjson" 'map(select(.type == "mark").text) | length == 1 and (.[0] | test("^slept for 1 h"))' -s
# (a request that ended, or began, just when the machine went to sleep is taken for one that was in flight)
check "they are in no figure of time" json "$TMP/slept.ndjson" '
    (map(select(.type == "request" and .part == "load" and .outcome == "ok" and (.slept | not))) | length) == .[-1].e2e_ms.n and
    (map(select(.slept)) | length >= 1 and length <= 4)' -s
"$TOKGAUGE" report "$TMP/slept.ndjson" --format json >"$TMP/report.json"
check "in the report neither" json "$TMP/report.json" '.e2e_ms.n == $s[-1].e2e_ms.n' --slurpfile s "$TMP/slept.ndjson"
