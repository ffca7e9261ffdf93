# `tokgauge report`: a run file as Markdown, HTML, CSV, JSON and vLLM's JSON.
. "$TESTS_DIR/e2e/lib.sh"
start_sim --max-num-seqs 4 --step 3 --prefill-rate 200000 --cold 0 --fault 500=0.1
RUN=$TMP/run.ndjson
exits 0 "$TOKGAUGE" run "$URL" --json -c 4 -n 40 --max-tokens 10 --context 200 --label nightly --out "$RUN" >/dev/null
cp "$TMP/out" "$TMP/summary.json"
report() {
    "$TOKGAUGE" report "$RUN" "$@"
}

report >"$TMP/report.md"
check "Markdown: model, load, figures, memory, failures, how to repeat" sh -c '
    for part in "# LLM server benchmark: btbtyler09" "## Summary" "## Model and server" "## System" "## Load" "## Results" \
        "## Memory" "## Failed requests" "## How to repeat" "SIMULATED" "nightly" "time to first token"; do
        grep -qF -- "$part" "$1" || { echo "no $part"; exit 1; }
    done' sh "$TMP/report.md"
check "Markdown: requests of one size have a stability" contains "$TMP/report.md" "Stability of end-to-end latency: **"
check "Markdown: the command line can be run again" contains "$TMP/report.md" "tokgauge run $URL --json -c 4 -n 40"
check "Markdown: notes" sh -c '"$1" report "$2" --note quantisation=gptq-4bit | grep -qF "| quantisation | gptq-4bit |"' \
    sh "$TOKGAUGE" "$RUN"
check "CSV: a line a request, all of one width" sh -c '"$1" report "$2" --format csv >"$3" && [ "$(wc -l <"$3")" = 41 ] &&
    [ "$(awk -F, "{ print NF }" "$3" | sort -u | wc -l)" = 1 ]' sh "$TOKGAUGE" "$RUN" "$TMP/run.csv"
report --format json -o "$TMP/report.json"
check "JSON: the figures of the summary, made again from the requests" json "$TMP/report.json" '
    ($s[0]) as $s | .whole and .requests == $s.requests and .tokens == $s.tokens and .output_tok_s == $s.output_tok_s
    and .ttft_ms == $s.ttft_ms and .e2e_ms == $s.e2e_ms and .tpot_ms == $s.tpot_ms and .itl_ms.n == $s.itl_ms.n
    and (.itl_ms.mean / $s.itl_ms.mean - 1 | fabs) < 0.01' --slurpfile s "$TMP/summary.json"
report --format vllm --detailed >"$TMP/vllm.json"
check "vllm: its names" json "$TMP/vllm.json" '
    (["date","endpoint_type","backend","label","model_id","tokenizer_id","num_prompts","request_rate","burstiness",
      "max_concurrency","duration","completed","failed","total_input_tokens","total_output_tokens","request_throughput",
      "request_goodput","output_throughput","total_token_throughput","mean_ttft_ms","median_ttft_ms","std_ttft_ms",
      "p99_ttft_ms","mean_tpot_ms","mean_itl_ms","mean_e2el_ms"] - keys) == []'
check "vllm: its figures" json "$TMP/vllm.json" '($s[0]) as $s | .completed == $s.requests.ok and .failed == $s.requests.failed
    and (.mean_ttft_ms - $s.ttft_ms.mean | fabs) < 0.001
    and ([.ttfts, .errors, .e2els, .input_lens, .output_lens, .start_times | length] | unique) == [.num_prompts]
    and (.errors | map(select(. == "")) | length) == .completed
    and (.mean_tpot_ms - ($r | map(select(.part == "load" and .outcome == "ok") | (.last_token - .first_token) / 1e6 / (.output_tokens - 1)) | add / length)
        | fabs) < 0.001' --slurpfile s "$TMP/summary.json" --slurpfile r "$RUN"
check "vllm: no gaps where the run kept none" json "$TMP/vllm.json" 'has("itls") or has("generated_texts") | not'
exits 0 "$TOKGAUGE" run "$URL" --json -c 4 -n 40 --max-tokens 10 --context 200 --save-chunks --save-text --out "$TMP/detailed.ndjson" >/dev/null
"$TOKGAUGE" report "$TMP/detailed.ndjson" --format vllm --detailed >"$TMP/detailed.json"
check "vllm: with --save-chunks and --save-text the gaps, which add up, and the texts" json "$TMP/detailed.json" '
    . as $v | .failed > 0 and ([.itls, .generated_texts | length] | unique) == [.num_prompts]
    and ([range(.num_prompts) | if $v.errors[.] == "" then
            ($v.itls[.] | length) == 9 and ($v.ttfts[.] + ($v.itls[.] | add) - $v.e2els[.] | fabs) < 1e-6
            and ($v.generated_texts[.] | length) > 9
          else $v.itls[.] == [] and $v.ttfts[.] == 0 end] | all)
    and (([.itls[][]] | add / length * 1000) / .mean_itl_ms - 1 | fabs) < 0.01'
check "vllm: and can be read back" exits 0 "$TOKGAUGE" compare "$TMP/detailed.json" "$TMP/detailed.ndjson"

# ---- HTML ----

report --format html -o "$TMP/report.html"
check "HTML: every section of the Markdown, and charts" sh -c '
    sed -n "s/^##* \(.*\)/\1/p" "$1" | sed 1d >"$3/md.heads"
    sed -n "s/^<h[23]>\(.*\)<.h[23]>/\1/p" "$2" | grep -v "^Charts$" >"$3/html.heads"
    diff "$3/md.heads" "$3/html.heads" && [ "$(grep -c "class=\"chart\"" "$2")" -ge 2 ]' \
    sh "$TMP/report.md" "$TMP/report.html" "$TMP"
check "HTML: the figures of the Markdown" sh -c 'rate=$(sed -n "s/.*Output: \*\*\(.*\)\*\* of.*/\1/p" "$1")
    [ -n "$rate" ] && grep -qF "<strong>$rate</strong>" "$2"' sh "$TMP/report.md" "$TMP/report.html"
check "HTML: a page that begins and ends" sh -c '
    head -n 1 "$1" | grep -qx "<!DOCTYPE html>" && tail -n 1 "$1" | grep -qx "</html>"' \
    sh "$TMP/report.html"

# ---- thresholds ----

fail_if() {
    "$TOKGAUGE" run "$URL" --json -c 2 -n 6 --max-tokens 5 --context 64 "$@"
}
check "a threshold that holds" exits 0 fail_if --fail-if 'ttft_p95 > 60s' --fail-if 'output_tok_s < 0.001'
check "one that is broken: exit status 3" exits 3 fail_if --fail-if 'ttft_p95 > 60s' --fail-if 'ttft_min > 0.001ms'
check "and its line" contains "$TMP/err" "threshold broken: 'ttft_min > 0.001ms' is so"
check "the summary is there all the same" json "$TMP/out" '.requests.ended == 6'
check "a figure that is not known breaks its threshold" exits 3 "$TOKGAUGE" run "$URL" --json -n 2 --max-tokens 1 --context 64 \
    --fail-if 'tpot_p95 > 1s'
check "and is told apart" contains "$TMP/err" "cannot be judged"
check "nonsense is found before anything is sent" exits 2 fail_if --fail-if 'speed > 3'

# ---- a run that was killed, and other bad input ----

head -n 20 "$RUN" >"$TMP/cut.ndjson"
check "a cut file is reported as far as it goes" sh -c '"$1" report "$2" | grep -qF "has no summary"' sh "$TOKGAUGE" "$TMP/cut.ndjson"
head -n 1 "$RUN" >"$TMP/empty.ndjson"
check "a run without a request: dashes, no zeros" sh -c '"$1" report "$2" | grep -qF "**– tok/s**"' sh "$TOKGAUGE" "$TMP/empty.ndjson"
check "no file" exits 2 "$TOKGAUGE" report
check "is said" contains "$TMP/err" "'report' needs a run file"
check "a file that is not there" exits 1 "$TOKGAUGE" report "$TMP/none"
check "is named" contains "$TMP/err" "cannot read run file '$TMP/none'"
check "not a run file" exits 1 "$TOKGAUGE" report "$TMP/report.md"
check "is said in one line" same "$(wc -l <"$TMP/err")" 1
check "unwritable output" exits 1 "$TOKGAUGE" report "$RUN" -o "$TMP/no/where"
check "a note without a value" exits 2 "$TOKGAUGE" report "$RUN" --note nonsense
check "an unknown format" exits 2 "$TOKGAUGE" report "$RUN" --format pdf
check "a file without end" exits 1 "$TOKGAUGE" report /dev/zero
check "is no run file" contains "$TMP/err" "'/dev/zero' is not a run file"

# ---- hostile text in a page ----

HOSTILE='</h1><script>alert(1)</script>" onload="x" <img src=http://a/b>'
stop_server
start_sim --model "$HOSTILE" --cold 0 --step 3 --fault 500=0.5
"$TOKGAUGE" run "$URL" --json -c 2 -n 20 --max-tokens 8 --context 64 --label "$HOSTILE" --out "$TMP/raw.ndjson" \
    >/dev/null 2>&1
jq -c --arg h "$HOSTILE" 'if .error then .error = $h else . end,
    if .type == "phase" then {type: "mark", t, text: $h} else empty end' \
    "$TMP/raw.ndjson" >"$TMP/hostile.ndjson"
"$TOKGAUGE" report "$TMP/hostile.ndjson" --format html --note "$HOSTILE=$HOSTILE" >"$TMP/hostile.html"
grep -o '<[^>]*>' "$TMP/hostile.html" >"$TMP/tags"
sed -n '/^<style>/,/^<\/style>/p' "$TMP/hostile.html" >"$TMP/style"
check "HTML: what a server and a user wrote is there as text" sh -c '
    [ "$(grep -c "&lt;script&gt;alert" "$1")" -ge 6 ]' sh "$TMP/hostile.html"
check "HTML: an error is there as text" sh -c 'grep "<code>http_5xx</code>" "$1" | grep -q "<td>&lt;/h1&gt;&lt;script&gt;"' sh \
    "$TMP/hostile.html"
check "HTML: none of it is a tag or an attribute" sh -c '
    ! grep -iE "<(script|img|iframe|link|object)| on[a-z]+=" "$1"' sh "$TMP/tags"
check "HTML: nothing is asked of another place" sh -c '
    ! grep -iE "https?:|src=|href=|url\(|@import" "$1" "$2"' sh "$TMP/tags" "$TMP/style"
check "HTML: the browser is told to load nothing" contains "$TMP/tags" "default-src 'none'; style-src 'unsafe-inline'"
