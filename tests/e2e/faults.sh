# Every fault of the simulator's table (--list-faults), each alone beside as many healthy requests, then all at once on 64
# streams: what the run says of each request must be what the simulator's log says that it did.
. "$TESTS_DIR/e2e/lib.sh"
FAST='--step 2 --step-seq 0.1 --prefill-rate 400000 --cold 0 --overhead 1 --max-num-seqs 64 --fault-after 1'
METER=$BUILD/tests/bench/meter
# Healthy requests must never wait for so long; a sanitizer is ten times slower.
PATIENCE=3s AT_ONCE_NS=900000000 DRAIN=30s
[ -z "$FAKEGPU_PRELOAD_FIRST" ] || PATIENCE=12s AT_ONCE_NS=11000000000 DRAIN=100s # 32 MiB of eight answers take it some time
export FAST METER PATIENCE AT_ONCE_NS DRAIN

# What is wrong, in words: "nothing".  $name: of the fault, or all; $meter: what the run took; $table: lines "NAME OUTCOME …"; $log: the simulator's; $out: the summary.  Requests are compared
# as lists of [outcome, output tokens, prompt tokens].  Of an answer that failed the tokens are known only where the client
# could tell all of them.  A request whose kept connection was reset before any answer is sent again, and is in the log twice.
judge() {
    cat <<'JQ'
def known($fault): $fault != "length-short";
def told($fault): $fault != "zero-usage" and $fault != "missing-usage";
def counts: group_by(.) | map({key: (.[0] | tojson), value: length}) | from_entries;
($table | split("\n") | map(select(. != "") | split(" ") | map(select(. != ""))) | map({key: .[0], value: .[1]}) | from_entries) as $outcome
| (map(select(.type == "sample") | .live_tokens) | max // 0) as $live
| map(select(.type == "request" and .part == "load")) as $rows
| ($log | map(select(.id > 1))) as $log
| ($log | map((if .fault == null then "ok" else $outcome[.fault] end) as $o
    | [$o, (if known(.fault) then .output_tokens else "-" end),
       (if $o == "ok" and told(.fault) then .prompt_tokens else "-" end)]) | counts) as $did
| ($log | map(select(.fault == "length-short")) | length) as $cut
| ($log | map(select(.fault == "reset-early")) | length) as $resent
| ($rows | map([.outcome, .output_tokens // 0, (if .outcome == "ok" then .prompt_tokens // "-" else "-" end)])
   | if $cut > 0 then map(if .[0] == "truncated" and .[1] <= 2 then .[1] = "-" else . end) else . end | counts) as $said
| (if $name == "all" then $outcome | keys else [$name] end | . + [null] | sort) as $kinds
| [ ($log | map(.fault) | unique | select(. != $kinds) | "no request with \($kinds - .)"),
    ($did | to_entries[] | (.value - ($said[.key] // 0)) as $more
        | select(if .key == "[\"reset\",0,\"-\"]" then $more < 0 or $more > $resent else $more != 0 end) | "did \(.value) × \(.key), said \($said[.key] // 0)"),
    ($said | to_entries[] | select($did[.key] == null) | "said \(.value) × \(.key), did none"),
    ($meter[0].rss_kb | select(. == null or . <= 0 or ($name != "all" and . > $most)) | "\(.) KiB of memory"),
    (($out[0].ttft_ms.n // 0), ($out[0].e2e_ms.n // 0) | select(. != $out[0].requests.ok) | "\(.) times of \($out[0].requests.ok) successes"),
    ($rows | (map(.output_tokens // 0) | add) as $sum | select($sum != $out[0].tokens.output) | "\($sum) tokens in rows, \($out[0].tokens.output) in all"),
    ($rows | (map(.prompt_tokens // 0) | add) as $sum | select($sum != $out[0].tokens.prompt) | "\($sum) prompt tokens in rows, \($out[0].tokens.prompt) in all"),
    # what comes beyond is not on the screen either
    (2 * 12 * ($rows | length) | select($live > .) | "\($live) tokens shown where \(.) can be"),
    ($rows[] | select(.outcome == "ok" and (.first_token < .sent or .last_token < .first_token or .end < .last_token)) | "moments out of order"),
    # an answer that was left open ended with its [DONE], and not when we had enough of it
    ($rows[] | select(.outcome == "ok" and .end - .last_token > $at_once) | "\((.end - .last_token) / 1e6) ms after the last token"),
    ($rows[] | select(.outcome != "ok" and (.error // "") == "") | "no reason for \(.outcome)"),
    ($rows | group_by(.outcome) | map({key: .[0].outcome, value: length}) | from_entries | select(. != $out[0].requests.by_outcome) | "rows \(.)") ]
| if . == [] then "nothing" else join("; ") end
JQ
}

# judged NAME: the complaints about the run whose files have that name, none
judged() {
    same "$(jq -s -r --arg name "$1" --arg table "$TABLE" --argjson at_once "$AT_ONCE_NS" --slurpfile log "$TMP/$1.log" --slurpfile out "$TMP/$1.json" \
        --slurpfile meter "$TMP/$1.meter" --argjson most "$MOST_KB" \
        "$(judge)" "$TMP/$1.ndjson")" nothing
}

# load NAME OPTIONS…: a run against $URL under the meter
load() {
    load_name=$1
    shift
    timeout -k 5 150 "$METER" --out "$TMP/$load_name.meter" "$TOKGAUGE" run "$URL" --json --max-tokens 12 --context 32 --save-text \
        --timeout "$PATIENCE" --stall "$PATIENCE" --drain "$DRAIN" --out "$TMP/$load_name.ndjson" "$@" >"$TMP/$load_name.json" 2>"$TMP/$load_name.err"
}

no_controls() {
    ! cat "$TMP/$1.json" "$TMP/$1.err" "$TMP/$1.ndjson" | LC_ALL=C tr -d '\n' | LC_ALL=C grep -q '[[:cntrl:]]'
}

# one NAME OUTCOME SHARE STREAMS REQUESTS
one() {
    name=$1
    # shellcheck disable=SC2086  # a list of options
    start_sim $FAST --fault "$name=$3" --seed 10 --log "$TMP/$name.log"
    check "$name: the run ends well" load "$name" -c "$4" -n "$5"
    stop_server
    check "$name: every request is counted as what it was ($2), healthy ones beside it too" judged "$name"
    [ "$name" != all ] || check "$name: no control character comes out" no_controls "$name"
}

if [ "${1:-}" = --one ]; then
    case $2 in all*) [ "$PATIENCE" != 3s ] || PATIENCE=8s ;; esac # a sixtieth of a busy machine for each of them
    # shellcheck disable=SC2086  # a row of the table
    one $2
    exit
fi

# shellcheck disable=SC2086
start_sim $FAST
load plain -c 4 -n 8
stop_server
# A line is kept up to 1 MiB, in each of four streams; a sanitizer's own memory is not judged.
MOST_KB=$(($(jq .rss_kb "$TMP/plain.meter") + 7000))
[ -z "$FAKEGPU_PRELOAD_FIRST" ] || MOST_KB=100000000
TABLE=$("$TOKGAUGE" sim --list-faults)
export MOST_KB TABLE
{
    echo all each 0.02 64 400
    echo "$TABLE" | awk '{ print $1, $2, 0.5, 4, 8 }'
} | xargs -P 4 -I '{}' sh "$0" --one '{}'

# ---- addresses ----

# ok_at URL: every request to it is answered
ok_at() {
    "$TOKGAUGE" run "$1" --json -c 2 -n 4 --max-tokens 3 --context 32 >"$TMP/at.json" 2>"$TMP/at.err" &&
        json "$TMP/at.json" '.requests.by_outcome == {"ok": 4}'
}
if grep -q " lo$" /proc/net/if_inet6 2>/dev/null; then
    start_sim --host ::1 --step 2 --cold 0
    check "a server on IPv6" ok_at "$URL"
    stop_server
    start_sim --step 2 --cold 0
    check "a name of two addresses, the first of them dead (localhost is ::1 too)" ok_at "http://localhost:${URL##*:}"
    stop_server
fi
