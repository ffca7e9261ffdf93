# open.sh: two parts of run.sh, which reads this file: the open loop against the simulator, a process of its own.
#
#   OPEN_S=30      how long requests come at the rate that must hold     LINDLEY_S=30   … and at each load of the queue

OPEN_S=${OPEN_S:-30}
LINDLEY_S=${LINDLEY_S:-30}
HELD_S=5           # at each rate, on the way to the one that breaks
FASTEST=64000      # requests/s: more are not tried
SKEW_MOST=5        # ms, p99: a rate with more does not hold …
SENT_LEAST=0.98    # … nor one that is not sent as fast as it is due

# open_run NAME RATE SECONDS [OPTIONS…]: so many requests as are due on average; $TMP/NAME.json, $TMP/NAME.run
open_run() {
    name=$1 asked=$2 seconds=$3
    shift 3
    rm -f "$TMP/$name.run" # one that is there is never written over
    "$BIN/meter" --out "$TMP/$name.cost" --limit $((seconds * 4 + 30)) "$TOKGAUGE" run "$URL" --json --rate "$asked" \
        --requests $((asked * seconds)) --context 16 --max-tokens 2 --seed 1 --out "$TMP/$name.run" "$@" \
        >"$TMP/$name.json" 2>"$TMP/$name.err" || {
        echo "bench: our run \"$name\" failed:" >&2
        tail -n 5 "$TMP/$name.err" >&2
    }
}

# A server that is not the limit: nothing but a step of 1 ms, for as many at once as come.
start_fast_sim() {
    start_server "$TOKGAUGE" sim --port 0 --max-num-seqs 1000 --step 1 --step-seq 0 --prefill-rate 1000000000 --overhead 0 --cold 0 \
        --jitter 0 "$@"
}

# server_cpu_s: what the server has used so far
server_cpu_s() {
    awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hz }' "/proc/$SERVER/stat"
}

# sent_share NAME: the rate at which requests were sent, of that at which they were due
sent_share() {
    jq -n '[inputs | select(.part == "load") | {due, sent}] | if length < 2 then null else
        ((map(.due) | max - min) / (map(.sent) | max - min)) end' "$TMP/$1.run"
}

# open_holds RATE SKEW: a rate that must hold, with a skew (p99, ms) below that, and what of it was lost: by our count, and by the
# server's, which writes a line a request
open_holds() {
    start_fast_sim --log "$TMP/open.log"
    open_run open "$1" "$OPEN_S" -c 1000
    stop_server
    due=$(($1 * OPEN_S))
    at="$1/s × $OPEN_S s"
    row "$at: send skew p99, the client's part" ms "$(value open.json .client.skew_ms.p99)" null "$2" value
    row "$at: send skew p99, all of it" ms "$(value open.json .send_skew_ms.p99)" null "$2" value
    row "$at: due, and not ended" '' "$(value open.json "$due - .requests.ended | tostring")" null 0 value
    row "$at: failed" '' "$(value open.json '.requests.failed | tostring')" null 0 value
    known=$(grep -c '"type":"request"' "$TMP/open.run")
    good=$(grep -c '"outcome":"ok"' "$TMP/open.log")
    row "$at: not in server's log, or only there" '' "$((known > good ? known - good : good - known))" null 0 value
    row "$at: rate sent, off from the rate due" '%' "$(sent_share open | jq '(1 - .) * 100 | fabs')" null 2 value
    row "$at: CPU a request" µs "$(value open.cost ".cpu_s * 1e6 / $due")" null null info
    row "$at: client lag p99" ms "$(value open.json .client.lag_ms.p99)" null null info
}

# try_rate RATE: true where it holds; else `why` says what did not.  held is the rate at which was sent.
try_rate() {
    start_fast_sim
    open_run rate "$1" "$HELD_S" -c 1000
    busy=$(server_cpu_s)
    stop_server
    share=$(sent_share rate)
    held=$(jq -n "$1 * ${share:-0} | round")
    row "  $1/s: send skew p99, the client's part" ms "$(value rate.json .client.skew_ms.p99)" null null info
    row "  $1/s: sent, of what was due" '%' "$(jq -n "${share:-0} * 100")" null null info
    row "  $1/s: CPU a request, beside the server's" µs "$(value rate.cost ".cpu_s * 1e6 / ($1 * $HELD_S)")" \
        "$(jq -n "$busy * 1e6 / ($1 * $HELD_S)")" null info
    why=$(jq -r --argjson share "${share:-0}" '
        if (.requests.ok // 0) < '"$(($1 * HELD_S))"' then "not all requests are well"
        elif .client.skew_ms.p99 > '$SKEW_MOST' then "send skew p99 \(.client.skew_ms.p99) ms"
        elif $share < '$SENT_LEAST' then "sent at \($share * 1000 | round / 10) % of the rate"
        elif .client.limited then "client-limited: \(.client.reason)" else "" end' "$TMP/rate.json")
    [ -z "${why:=}" ] && [ -s "$TMP/rate.json" ]
}

# holds RATE: another program that wants the processor for a moment is no limit of ours: a rate breaks when no try holds
holds() {
    tries_left=3
    until try_rate "$1"; do
        tries_left=$((tries_left - 1))
        [ "$tries_left" -gt 0 ] || return 1
        echo "  $1/s: ${why:-no summary}: once more"
    done
}

openloop() {
    open_holds 1000 1
    open_holds 3000 3
    rate=1000 best=null
    while [ "$rate" -le "$FASTEST" ] && holds "$rate"; do
        best=$held
        rate=$((rate * 2))
    done
    row 'open loop: highest rate that holds' requests/s "$best" null null info
    if [ "$rate" -le "$FASTEST" ]; then
        echo "  $rate/s: ${why:-no summary}: that is what breaks"
        row 'open loop: it breaks at' requests/s "$rate" null null info
    fi
}

# tell_errors WHAT KEY TARGET KIND: differences that the tool found, of which none may be above 2 ms where the machine was awake
tell_errors() {
    row "$1: p99" ms "$(value queue.out ".$2.p99")" null 2 value
    row "$1: largest" ms "$(value queue.out ".$2.max")" null null info
    row "$1: how many > 2 ms" '' "$(value queue.out ".$2.beyond | tostring")" null null info
    row "$1: … while no core woke late" '' "$(value queue.out ".$2.ours | tostring")" null "$3" "$4"
}

# The yardstick of milliseconds: how late the machine wakes whoever sleeps, in the same time.
start_lateness() {
    "$BIN/lateness" "$TMP/late" >"$TMP/late.out" &
    LATENESS=$!
    until grep -q watching "$TMP/late.out"; do
        kill -0 "$LATENESS" || exit 1
        sleep 0.02
    done
}

stop_lateness() {
    kill "$LATENESS"
    wait "$LATENESS"
    LATENESS=''
    tail -n 1 "$TMP/late" >"$TMP/late.sum"
}

# One sequence at once, 4 ms each: 250 requests/s is all that the server can do.
lindley() {
    for share in 50 80; do
        start_server "$TOKGAUGE" sim --port 0 --max-num-seqs 1 --step 2 --step-seq 0 --prefill-rate 1000000000 --overhead 0 --cold 0 \
            --jitter 0 --log "$TMP/queue.log"
        start_lateness
        open_run queue $((250 * share / 100)) "$LINDLEY_S"
        stop_lateness
        stop_server
        "$BIN/lindley" "$TMP/queue.log" "$TMP/queue.run" $((250 * share / 100)) "$TMP/late" >"$TMP/queue.out" ||
            echo 'bench: the queue cannot be judged' >&2
        at="ρ 0.$((share / 10))"
        row "$at: requests" '' "$(value queue.out '.requests')" null null info
        row "$at: … while a core woke late (> 0.5 ms)" '' "$(value queue.out '.excused | tostring')" null null info
        row "$at: the machine's own lateness, p99" ms "$(value late.sum .p99_ms)" null null info
        row "$at: the machine's own lateness, largest" ms "$(value late.sum .max_ms)" null null info
        tell_errors "$at: server's wait − Lindley's" server_wait 0 value
        tell_errors "$at: our wait − Lindley's" our_wait 0 value
        tell_errors "$at: our ttft_due − server's" ttft_due_by_log 0 value
        tell_errors "$at: our TTFT − Lindley's by our sending" ttft_by_lindley null info
        row "$at: mean wait, beside Pollaczek–Khinchine" ms "$(value queue.out .wait_mean)" "$(value queue.out .wait_theory)" null info
        row "$at: … 95 % margin of so many" ms "$(value queue.out .wait_margin)" null null info
        row "$at: … off by, in such margins" '' "$(value queue.out '(.wait_mean - .wait_theory | fabs) / .wait_margin')" null 2 value
        row "$at: client lag p99" ms "$(value queue.json .client.lag_ms.p99)" null null info
        row "$at: client lag, largest" ms "$(value queue.json .client.lag_ms.max)" null null info
    done
}
