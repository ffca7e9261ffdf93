#!/bin/sh
# soak-kill.sh [KILLS [SEED]]: runs against the simulator that are killed outright (SIGKILL) 5 ms to 3 s after their start (one of them 8 s), six
# at a time, each time looked at for what is left:
#
#   * the run file, if there is one, holds whole lines (the last may be cut where the kill fell into a write) and no request
#     twice;
#   * every request that the server saw end (by the simulator's log) before the last LIMIT is in it, with its counts, and none
#     that the server did not see;
#   * `report` reads it without a complaint, and says that the run did not end; of a file without its first line it says so.
#
# LIMIT is what the program promises: it writes once a second what it took from its workers within 0.1 s.  SLACK_MS (300) and
# five times what the killer itself woke up late come on top, for a machine that has other things to do.
set -u
KILLS=${1:-200} SEED=${2:-1} SLOTS=${SLOTS:-6} SLACK_MS=${SLACK_MS:-300}
BUILD=${BUILD:-build}
TOKGAUGE=${TOKGAUGE:-$PWD/tokgauge}
TMP=$(mktemp -d "${TMPDIR:-/tmp}/tokgauge-kill.XXXXXX") || exit 1
export HOME="$TMP" XDG_STATE_HOME="$TMP/state" XDG_CONFIG_HOME="$TMP/config"
SIMS=''
# shellcheck disable=SC2086  # lists of process ids
trap 'kill $SIMS 2>/dev/null; wait; rm -rf "$TMP"' EXIT
trap 'exit 130' INT TERM

# What of the server's log must be in the file, and what of the file is wrong.  Prints one line of JSON.
# shellcheck disable=SC2016  # the names are those of jq
LOOK='
def counts: group_by(.) | map({(.[0] | tostring): length}) | add // {};
def lacking($have; $want): [$want | to_entries[] | select(.value > ($have[.key] // 0)) | .key];
def key: if .http == 200 then [.http, .prompt_tokens, .output_tokens] else [.http] end;
($log | map(select(.stream and .arrived_ns >= $begun) | . + {http: .status})) as $seen |
($seen | map(select(.ended_ns < $killed - $limit and (.outcome == "ok" or .outcome == "fault")))) as $must |
map(select(.type == "request")) as $rows |
lacking($rows | map(key) | counts; $must | map(key) | counts) as $lost |
lacking($seen | map(key) | counts; $rows | map(select(.outcome == "ok") | key) | counts) as $invented |
{rows: ($rows | length), must: ($must | length), lost: $lost, invented: $invented,
 twice: (($rows | length) - ($rows | map([.stream, .seq]) | unique | length)),
 header: ([.[].type] | index("header") == 0), headers: (map(select(.type == "header")) | length)}'

fail() { # KILL TEXT
    echo "soak-kill: kill $1 (seed $SEED): $2" >>"$TMP/failed"
}

# judge KILL RUNFILE LOG BEGUN KILLED LATE
judge() {
    [ -e "$2" ] || { echo none >>"$TMP/kinds"; return; }
    # A line that was cut has no end: all others must be JSON.
    if [ -s "$2" ] && [ "$(tail -c 1 "$2" | wc -l)" = 0 ]; then
        echo cut >>"$TMP/kinds"
        sed '$d' "$2" >"$2.whole"
    else
        cp "$2" "$2.whole"
    fi
    "$TOKGAUGE" report "$2" >"$2.md" 2>"$2.err"
    status=$?
    if [ ! -s "$2.whole" ]; then
        echo unbegun >>"$TMP/kinds"
        if [ "$status" != 1 ] || ! grep -q 'before its first line was written' "$2.err"; then
            fail "$1" "without its first line: exit status $status, $(cat "$2.err")"
        fi
        return
    fi
    if [ "$status" != 0 ] || [ -s "$2.err" ] || ! grep -q 'has no summary: the run was killed' "$2.md"; then
        fail "$1" "report: exit status $status, $(cat "$2.err")"
    fi
    limit=$((1100000000 + SLACK_MS * 1000000 + 5 * $6))
    if ! jq -c -s --slurpfile log "$3" --argjson begun "$4" --argjson killed "$5" --argjson limit "$limit" "$LOOK" \
        "$2.whole" >"$2.look" 2>&1 || ! jq -e '.lost == [] and .invented == [] and .twice == 0 and .header and .headers == 1' \
        "$2.look" >/dev/null; then
        fail "$1" "$(head -c 1000 "$2.look")"
        return
    fi
    jq -r .must "$2.look" >>"$TMP/must"
    echo some >>"$TMP/kinds"
}

# slot NUMBER URL: every SLOTS-th kill, one after the other, against a server of its own
slot() {
    # Every other one keeps so much of each answer that the file is written many times a second.
    awk -v slot="$1" -v slots="$SLOTS" 'NR % slots == slot % slots { print NR, $1 }' "$TMP/times" | while read -r kill ms; do
        keep=
        [ $((kill % 2)) = 0 ] || keep='--save-text --save-chunks --context uniform:16-2000'
        file=$TMP/run$kill.ndjson
        # shellcheck disable=SC2086  # a list of options
        if ! moments=$("$BUILD/tests/tools/killafter" "$ms" "$TOKGAUGE" run "$2" --plain -c 4 --duration 1h \
            --context uniform:16-200 --max-tokens uniform:1-40 $keep --out "$file" 2>&1); then
            fail "$kill" "$moments"
            continue
        fi
        # shellcheck disable=SC2086  # three numbers
        judge "$kill" "$file" "$TMP/log$1" $moments
        rm -f "$TMP/run$kill".ndjson*
    done
}

# The last one lives longest, so that there is something to find whatever the seed.
awk -v n="$KILLS" -v seed="$SEED" 'BEGIN { srand(seed); for (i = 1; i < n; i++) print int(5 + rand() * 2995); print 8000 }' >"$TMP/times"
: >"$TMP/kinds"
: >"$TMP/must"
pids=
for n in $(seq "$SLOTS"); do
    "$TOKGAUGE" sim --port 0 --step 2 --step-seq 0.1 --prefill-rate 400000 --cold 0 --overhead 1 --max-num-seqs 8 --fault 500=0.05 \
        --seed "$n" --log "$TMP/log$n" >"$TMP/sim$n" 2>&1 &
    SIMS="$SIMS $!"
done
for n in $(seq "$SLOTS"); do
    tries=0
    until grep -q 'listening on' "$TMP/sim$n"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "soak-kill: the simulator does not start"; exit 1; }
        sleep 0.05
    done
    slot "$n" "$(sed -n 's/.*listening on \(http[^ ]*\).*/\1/p' "$TMP/sim$n")" &
    pids="$pids $!"
done
# shellcheck disable=SC2086
wait $pids
of() { grep -c "$1" "$TMP/kinds"; }
must=$(awk '{ n += $1 } END { print n + 0 }' "$TMP/must")
echo "$KILLS kills: $(of none) before there was a file, $(of unbegun) before its first line, $(of some) with requests to find;" \
    "$(of cut) last lines cut; $must requests had to be there"
[ ! -s "$TMP/failed" ] || { cat "$TMP/failed"; exit 1; }
[ "$must" -gt 0 ] || { echo 'soak-kill: no run lived long enough to prove anything'; exit 1; }
