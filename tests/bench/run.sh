#!/bin/sh
# run.sh: what `make bench` prints: our figures beside those of a bare libcurl client (drain) that does the same work in
# the same minute against the same server (blaster).  A table on stdout, the same rows in $BUILD/bench.json; exit 1 when
# a target is missed.
#
#   ROUNDS=5       rounds (to 9) of timing, flood and first_frame: the median counts      ONLY='timing idle'   only these parts
#                  parts: timing load flood crowd growth openloop lindley first_frame frame idle watch report
#   IDLE_S=60      how long the idle cost is watched      FRAMES=10000   frames of each kind that the part `frame` makes
#   … and what speed.sh and open.sh say of their parts
set -u
BUILD=${BUILD:-build}
TOKGAUGE=${TOKGAUGE:-$PWD/tokgauge}
ROUNDS=${ROUNDS:-5}
IDLE_S=${IDLE_S:-60}
FRAMES=${FRAMES:-10000}
PARTS='timing load flood crowd growth openloop lindley first_frame frame idle watch report'
ONLY=${ONLY:-$PARTS}
BIN=$BUILD/tests/bench

TMP=$(mktemp -d "${TMPDIR:-/tmp}/tokgauge-bench.XXXXXX") || exit 1
export XDG_STATE_HOME="$TMP/state" LC_ALL=C.UTF-8
SERVER=''
LATENESS=''
PIN_SERVER='' PIN_CLIENT='' # a command that keeps them to some cores
FAILED=0
finish() {
    status=$?
    trap - EXIT
    for helper in $SERVER $LATENESS; do
        kill "$helper" 2>/dev/null
    done
    rm -rf "$TMP"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for tool in "$TOKGAUGE" "$BIN/blaster" "$BIN/drain" "$BIN/meter" "$BIN/lindley" "$BIN/lateness" "$BIN/longrun" "$BIN/ui_frame"; do
    [ -x "$tool" ] || { echo "bench: $tool is not built" >&2; exit 1; }
done
command -v jq >/dev/null || { echo 'bench: needs jq' >&2; exit 1; }

# ---- a fresh server for every run ----

# start_server COMMAND…: sets URL
start_server() {
    "$@" >"$TMP/server.out" &
    SERVER=$!
    tries=0
    until grep -q listening "$TMP/server.out"; do
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || { echo "bench: $(basename "$1") does not start" >&2; exit 1; }
        sleep 0.02
    done
    URL=$(sed 's/listening on //' "$TMP/server.out")
}

# shellcheck disable=SC2086
# start_blaster OPTIONS…: the truth goes to $TMP/truth.ndjson
start_blaster() {
    start_server $PIN_SERVER "$BIN/blaster" --log "$TMP/truth.ndjson" "$@"
}

stop_server() {
    kill "$SERVER"
    wait "$SERVER" 2>/dev/null
    SERVER=''
}

# shellcheck disable=SC2086  # PIN_CLIENT is a command line
# ours NAME STREAMS REQUESTS TOKENS [OPTIONS…]: $TMP/NAME.json is the summary, $TMP/NAME.cost what it cost
ours() {
    name=$1 streams=$2 requests=$3 tokens=$4
    shift 4
    $PIN_CLIENT "$BIN/meter" --out "$TMP/$name.cost" --limit 120 "$TOKGAUGE" run "$URL" --json --max-num-seqs "$streams" \
        --requests "$requests" --max-tokens "$tokens" --context 64 "$@" >"$TMP/$name.json" 2>"$TMP/$name.err" || {
        echo "bench: our run \"$name\" failed:" >&2
        tail -n 5 "$TMP/$name.err" >&2
    }
}

# shellcheck disable=SC2086
# bare NAME STREAMS REQUESTS_PER_STREAM TOKENS [OPTIONS…]
bare() {
    name=$1 streams=$2 requests=$3 tokens=$4
    shift 4
    $PIN_CLIENT "$BIN/meter" --out "$TMP/$name.cost" --limit 120 "$BIN/drain" "$URL" "$streams" "$requests" "$tokens" \
        --context 64 "$@" >"$TMP/$name.json" || echo "bench: the bare client's run \"$name\" failed" >&2
}

# value FILE EXPRESSION: the number, or "null"
value() {
    jq -r "$2 // \"null\"" "$TMP/$1" 2>/dev/null | grep . || echo null
}

# ---- the table ----

head_line() {
    printf '%-52s %10s %10s %7s %9s\n' 'what' 'ours' 'bare' 'ratio' 'target'
    : >"$TMP/rows.ndjson"
}

# row WHAT UNIT OURS BARE TARGET KIND: KIND ratio: ours / bare must be at most TARGET; value: ours must; least: ours must be
# TARGET at least; info: no target
row() {
    jq -nc --arg what "$1" --arg unit "$2" --argjson ours "$3" --argjson bare "$4" --argjson target "$5" --arg kind "$6" '
        {what: $what, unit: $unit, ours: $ours, bare: $bare, target: $target, kind: $kind}
        | .ratio = (if .ours != null and (.bare // 0) > 0 then .ours / .bare else null end)
        | .judged = (if $kind == "ratio" then .ratio elif $kind == "info" then null else .ours end)
        | .pass = (if $kind == "info" then null else .judged != null and (if $kind == "least" then .judged >= .target else .judged <= .target end) end)
        | del(.judged)' | tee -a "$TMP/rows.ndjson" >"$TMP/row.json"
    jq -r 'def num: if . == null then "–" elif . >= 100 then (. * 10 | round / 10 | tostring)
                    else (. * 1000 | round / 1000 | tostring) end;
        [.what + (if .unit != "" then ", " + .unit else "" end), (.ours | num), (.bare | num), (.ratio | num),
         (if .target == null then "" elif .kind == "ratio" then "≤ \(.target) ×" elif .kind == "least" then "≥ \(.target)" else "≤ \(.target)" end),
         (if .pass == null then "" elif .pass then "PASS" else "FAIL" end)] | @tsv' "$TMP/row.json" |
        while IFS="$(printf '\t')" read -r what mine theirs ratio target verdict; do
            # a dash or "≤" has three bytes: printf counts bytes in some shells, so pad by awk's help
            pad "$what" 52; pad "$mine" -11; pad "$theirs" -11; pad "$ratio" -8; pad "$target" -10
            printf ' %s\n' "$verdict"
        done
    if [ "$(jq -r .pass "$TMP/row.json")" = false ]; then
        FAILED=$((FAILED + 1))
    fi
}

# pad TEXT WIDTH: characters, not bytes; a negative width pads on the left
pad() {
    n=$(printf '%s' "$1" | wc -m)
    want=${2#-}
    fill=$(printf '%*s' "$((want > n ? want - n : 0))" '')
    case $2 in -*) printf '%s%s' "$fill" "$1" ;; *) printf '%s%s' "$1" "$fill" ;; esac
}

median() {
    jq -s 'map(select(. != null)) | sort | if length == 0 then null else
        (if length % 2 == 1 then .[length / 2 | floor] else (.[length / 2 - 1] + .[length / 2]) / 2 end) end'
}

# ---- the parts ----

# What a frame costs: drawn in memory, and drawn and shown on a terminal; what is written for it.
frame() {
    "$BIN/ui_frame" "$FRAMES" >"$TMP/frame.json" || { echo 'bench: ui_frame failed' >&2; echo '{}' >"$TMP/frame.json"; }
    other=$(value frame.json .other)
    for size in 120x40:0.5 200x60:2; do
        for view in overview other; do
            name="overview ${size%:*}"
            [ "$view" = overview ] || name="$other (dearest other) ${size%:*}"
            at=.${view}_${size%:*}
            row "$name: frame drawn" 'ms CPU' "$(value frame.json "$at.draw_ms")" null "${size#*:}" value
            row "$name: and shown" 'ms CPU' "$(value frame.json "$at.shown_ms")" null "${size#*:}" value
            row "$name: written for it" bytes "$(value frame.json "$at.bytes")" null null info
            row "$name: … nothing changed" bytes "$(value frame.json "$at.still_bytes")" null 0 value
        done
    done
    row '1,000 streams in their view, beside 20: frame' 'ms CPU' "$(value frame.json .streams_1000_ms)" \
        "$(value frame.json .streams_20_ms)" 1.5 ratio
}

# The dashboard, paused by key: CPU time over IDLE_S seconds, and peak memory.
idle() {
    start_blaster --rate 30
    "$BIN/meter" --out "$TMP/idle.cost" --pty 120x40 --until LOAD --keys "${PAUSE_KEY:-p}" --after 5 \
        --over "$IDLE_S" --limit $((IDLE_S + 30)) "$TOKGAUGE" run "$URL" --max-num-seqs 4 --max-tokens 20
    stop_server
    row "paused dashboard: CPU over $IDLE_S s" '% of a core' "$(value idle.cost '.window_cpu_s / .window_s * 100')" null 1 value
    row 'paused dashboard: peak RSS' MB "$(value idle.cost '.rss_kb / 1024')" null 20 value
}

# A GPU as a tree of files: what `watch` reads on a machine that has one.
made_up_gpu() {
    gpu=$TMP/sys/bus/pci/devices/0000:c5:00.0
    mkdir -p "$gpu/power" "$gpu/hwmon/hwmon3" "$gpu/drm/renderD128" "$TMP/sys/class/drm/card1"
    ln -s "$gpu" "$TMP/sys/class/drm/card1/device"
    printf 'DRIVER=amdgpu\nPCI_ID=1002:1586\nPCI_SLOT_NAME=0000:c5:00.0\n' >"$gpu/uevent"
    echo active >"$gpu/power/runtime_status"
    for pool in vram vis_vram gtt; do
        echo 17179869184 >"$gpu/mem_info_${pool}_total"
        echo 4294967296 >"$gpu/mem_info_${pool}_used"
    done
    echo 50 >"$gpu/gpu_busy_percent"
    printf '0: 400Mhz\n1: 1000Mhz *\n' >"$gpu/pp_dpm_mclk"
    echo 61000 >"$gpu/hwmon/hwmon3/temp1_input"
    echo 84000000 >"$gpu/hwmon/hwmon3/power1_average"
    echo 2900000000 >"$gpu/hwmon/hwmon3/freq1_input"
}

# thread_ns NAME: CPU time of the thread of that name in the youngest `tokgauge watch`, by the scheduler's own clock
thread_ns() {
    for task in /proc/"$(pgrep -n -f 'tokgauge watch')"/task/*; do
        [ "$(cat "$task/comm")" = "$1" ] && cut -d' ' -f1 "$task/schedstat"
    done
}

# cost_of NAME UNTIL COMMAND…: a full screen's cost over IDLE_S seconds
cost_of() {
    cost_name=$1 cost_until=$2
    shift 2
    "$BIN/meter" --out "$TMP/$cost_name.cost" --pty 120x40 --until "$cost_until" --after 3 --over "$IDLE_S" \
        --limit $((IDLE_S + 30)) "$@"
}

# `watch` on a terminal, beside the monitors that people know, in the same minute.
watch() {
    made_up_gpu
    cost_of watch WATCH "$TOKGAUGE" watch --sysfs-root "$TMP/sys" &
    ours_pid=$!
    for monitor in htop btop; do
        command -v "$monitor" >/dev/null && cost_of "$monitor" CPU "$monitor" &
    done
    sleep 4
    before=$(thread_ns memory)
    sleep $((IDLE_S - 3))
    after=$(thread_ns memory)
    kept=/proc/$(pgrep -n -f 'tokgauge watch')/smaps_rollup
    private=$(awk '/^Private_Dirty/ { print $2 }' "$kept")
    alone=$(awk '/^Private_(Clean|Dirty)/ { n += $2 } END { print n }' "$kept")
    wait "$ours_pid"
    wait
    better=$(jq '.window_cpu_s / .window_s * 100' "$TMP/htop.cost" "$TMP/btop.cost" 2>/dev/null | jq -s 'min')
    row "watch, 120x40: CPU over $IDLE_S s, beside the better of htop and btop" '% of a core' \
        "$(value watch.cost '.window_cpu_s / .window_s * 100')" "$better" 1.5 ratio
    row 'watch: memory looked at four times a second' '% of a core' \
        "$(jq -n "($after - $before) / $((IDLE_S - 3)) / 1e7")" null 0.3 value
    row 'watch: peak RSS' MB "$(value watch.cost '.rss_kb / 1024')" null 16 value
    row 'watch: memory of its own (private, dirty)' MB "$(jq -n "$private / 1024")" null 4 value
    row '  with pages of libraries that nobody else has open just now' MB "$(jq -n "$alone / 1024")" null null info
    for monitor in htop btop; do
        if [ -s "$TMP/$monitor.cost" ]; then
            row "  $monitor in the same minute: CPU" '% of a core' "$(value "$monitor.cost" '.window_cpu_s / .window_s * 100')" null null info
            row "  $monitor: peak RSS" MB "$(value "$monitor.cost" '.rss_kb / 1024')" null null info
        else
            echo "  $monitor is not installed: not compared"
        fi
    done
}

# shellcheck source=tests/bench/speed.sh
. "$(dirname "$0")/speed.sh"
# shellcheck source=tests/bench/open.sh
. "$(dirname "$0")/open.sh"
head_line
for part in $ONLY; do
    case " $PARTS " in
    *" $part "*) "$part" ;;
    *) echo "bench: no part \"$part\"" >&2; exit 2 ;;
    esac
done
jq -s --arg date "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --arg cores "$(nproc)" --arg kernel "$(uname -r)" \
    '{date: $date, cores: ($cores | tonumber), kernel: $kernel, rows: .}' "$TMP/rows.ndjson" >"$BUILD/bench.json"
echo "$FAILED targets missed; all figures are in $BUILD/bench.json"
[ "$FAILED" = 0 ]
