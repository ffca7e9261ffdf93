# speed.sh: parts of run.sh, which reads this file: what a token costs, how many streams fit, how right a time is, and how that grows.
#
#   CROWD=8000     streams at once against the simulator        GROWTH='1 10 …'   numbers of streams in the table of growth
#   LONG=1000000   requests in the run file that is reported

CROWD=${CROWD:-8000}
GROWTH=${GROWTH:-1 10 100 500 1000 2000 4000 8000}
LONG=${LONG:-1000000}

# cost_of_chunks NAME STREAMS RATE SECONDS: paced streams, ours and the bare client's that discards; sets chunks
cost_of_chunks() {
    paced=$1 paced_n=$2 paced_tokens=$(($3 * $4)) chunks=$(($2 * $3 * $4))
    start_blaster --rate "$3"
    ours "$paced" "$paced_n" "$paced_n" "$paced_tokens"
    stop_server
    # Our own requests before the load (one token or a few) are in the server's log too.
    wrong=$(jq -s "$paced_n - (map(select(.tokens == $paced_tokens and .complete)) | length)" "$TMP/truth.ndjson")
    start_blaster --rate "$3"
    bare "${paced}_bare" "$paced_n" 1 "$paced_tokens" --discard
    stop_server
}

rss_per_stream() {
    jq -n --slurpfile many "$TMP/$1.cost" --slurpfile one "$TMP/$2.cost" "(\$many[0].rss_kb - \$one[0].rss_kb) / $3"
}

# 4,000 streams × 25 tok/s for 20 s, three times: errors, CPU, memory.  CPU is that of the whole process, start and all, against a
# client that looks at nothing.
load() {
    what='4,000 × 25 tok/s × 20 s' missing=0
    for n in 1 2 3; do
        cost_of_chunks "load$n" 4000 25 20
        missing=$((missing + wrong))
    done
    row "$what: requests not ok" '' "$(jq -s 'map(.requests.failed + 4000 - .requests.ok) | add' "$TMP"/load?.json)" \
        "$(jq -s 'map(.errors) | add' "$TMP"/load?_bare.json)" 0 value
    row "$what: not in server's log" '' "$missing" null 0 value
    row "$what: CPU a chunk, median of 3" µs "$(jq ".cpu_s * 1e6 / $chunks" "$TMP"/load?.cost | median)" \
        "$(jq ".cpu_s * 1e6 / $chunks" "$TMP"/load?_bare.cost | median)" 1.3 ratio
    row "$what: client lag p99 (one worker has most of a core to do)" ms "$(jq .client.lag_ms.p99 "$TMP"/load?.json | median)" null null info
    # A thousand requests that start at once must not keep answers from being read.
    cost_of_chunks thousand 1000 20 20
    row '1,000 × 20 tok/s × 20 s: client lag p99' ms "$(value thousand.json .client.lag_ms.p99)" null 5 value
    cost_of_chunks one 1 20 1
    row '4,000 streams: RSS a stream' KB "$(rss_per_stream load3 one 4000)" "$(rss_per_stream load3_bare one_bare 4000)" 32 value
    row 'RSS with one stream' MB "$(value one.cost '.rss_kb / 1024')" "$(value one_bare.cost '.rss_kb / 1024')" null info
}

# As fast as loopback carries it, in writes of 64 tokens: what reading an event costs.  Plain events are those of most servers:
# text and nothing more; vLLM tells the count of tokens in each where it is asked to, as we do (three more numbers to read).
per_second() { jq -n "$1 | if . == null then null else 1 / . end"; } # by the µs of one, in millions

flood() {
    tokens=200000 chunks=2000000
    for kind in plain counted; do
        plain='' limit=null least=null judged=info judged_least=info
        [ "$kind" = counted ] || plain=--plain limit=10 least=0.8 judged=ratio judged_least=least
        round=0
        while [ "$round" -lt "$ROUNDS" ]; do
            round=$((round + 1))
            # shellcheck disable=SC2086  # no word where it is empty
            start_blaster --flood $plain
            ours "$kind$round" 10 10 "$tokens" --workers 1
            stop_server
            # shellcheck disable=SC2086
            start_blaster --flood $plain
            bare "$kind${round}_bare" 10 1 "$tokens" --discard
            stop_server
        done
        mine=$(jq ".cpu_s * 1e6 / $chunks" "$TMP/$kind"?.cost | median)
        theirs=$(jq ".cpu_s * 1e6 / $chunks" "$TMP/$kind"?_bare.cost | median)
        row "flood, 10 streams, $kind: requests not ok" '' \
            "$(jq -s "10 * $ROUNDS - (map(.requests.ok) | add)" "$TMP/$kind"?.json)" null 0 value
        row "flood, 10 streams, $kind: CPU a chunk, median of $ROUNDS" µs "$mine" "$theirs" "$limit" "$judged"
        row "flood, $kind: chunks a second on one core" million "$(per_second "$mine")" "$(per_second "$theirs")" "$least" "$judged_least"
        row "flood, $kind: client lag p99, median of $ROUNDS" ms "$(jq .client.lag_ms.p99 "$TMP/$kind"?.json | median)" null null info
    done
}

# The simulator decodes all of them at once, one step of 150 ms each: 6.7 tok/s a stream, if it keeps that up.
crowd() {
    start_server "$TOKGAUGE" sim --port 0 --max-num-seqs "$CROWD" --step 150 --step-seq 0 --prefill-rate 1000000000 --overhead 0 --cold 0 \
        --jitter 0
    ours crowd "$CROWD" "$CROWD" 250 --context 16 --drain 100s # the simulator lets 80 of them in with each step
    stop_server
    row "$CROWD streams beside the simulator: not ok" '' "$(value crowd.json "($CROWD - .requests.ok) | tostring")" null 0 value
    row "$CROWD streams: tokens a second each, p1" tok/s "$(value crowd.json '1000 / .tpot_ms.p99')" null 5 least
    row "$CROWD streams: in all" tok/s "$(value crowd.json .output_tok_s)" null null info
    row "$CROWD streams: client lag p99" ms "$(value crowd.json .client.lag_ms.p99)" null null info
    row "$CROWD streams: peak RSS" MB "$(value crowd.cost '.rss_kb / 1024')" null null info
}

# stamped WHO NAME STREAMS RATE SEED TOKENS: three requests a stream, the second and third of which come while all others are at work:
# these are stamped.  What a server and a client do to each other when all begin at once is no error of either.
stamped() {
    if [ "$(nproc)" -ge 2 ]; then # else the two are put on one core now and then, and wait for each other for tens of ms
        PIN_SERVER='taskset -c 0' PIN_CLIENT="taskset -c 1-$(($(nproc) - 1))"
    fi
    own=0
    [ "$1" = bare ] || own=1 # at least, before the load
    more=0 asked=$6 # FLOODED=yes: one more stream, which gets tokens as fast as it takes them until it is the last
    [ "$FLOODED" = no ] || more=1 asked=16000000
    # shellcheck disable=SC2046
    start_blaster --rate "$4" --seed "$5" --vary --stamp-after $(($3 + more + own)) --answer "$6" \
        $([ "$FLOODED" = no ] || echo --flood-first)
    if [ "$1" = ours ]; then
        ours "$2" $(($3 + more)) $(($3 * 3 + more)) "$asked" --stamps
    else
        bare "$2" $(($3 + more)) 3 "$asked" --stamps
    fi
    stop_server
    PIN_SERVER='' PIN_CLIENT=''
}

# timed NAME STREAMS RATE SEED TOKENS: both clients in turn; who goes first changes with the seed
timed() {
    order='ours bare'
    [ $(($4 % 2)) = 1 ] || order='bare ours'
    timed_name=$1
    for who in $order; do
        stamped "$who" "${timed_name}_$who" "$2" "$3" "$4" "$5"
    done
    row "  round $4: TTFT error, p99" µs "$(value "${timed_name}_ours.json" .stamps.ttft_error_us.p99)" \
        "$(value "${timed_name}_bare.json" .ttft_error_us.p99)" null info
}

# How far our time to first token is from that of the server, who stamps each: many streams, each with its own phase.
timing() {
    for flooded in no yes; do
        FLOODED=$flooded
        group=time_$flooded what='512 × 100 tok/s' target=1.5
        [ "$flooded" = no ] || { what="$what beside a flood, bare without"; target=3; }
        round=1
        while [ "$round" -le "$ROUNDS" ]; do
            timed "$group$round" 512 100 "$round" 400
            round=$((round + 1))
        done
        for figure in 'arrival_us arrival_lag_us arrival−stamp' 'ttft_error_us ttft_error_us TTFT-error'; do
            # shellcheck disable=SC2086  # three words
            set -- $figure
            mine=$(jq ".stamps.$1.p99" "$TMP/$group"?_ours.json | median)
            theirs=$(jq ".$2.p99" "$TMP/$group"?_bare.json | median)
            if [ "$flooded" = yes ]; then # where the bare client is of no use; what it is worth without one is asked of us with one
                row "$what: $3 p99, the bare client's own" µs null "$theirs" null info
                theirs=$(jq ".$2.p99" "$TMP"/time_no?_bare.json | median)
            fi
            kind=info limit=null
            [ "$1" != ttft_error_us ] || { kind=ratio; limit=$target; }
            row "$what: $3 p99, median of $ROUNDS" µs "$mine" "$theirs" "$limit" "$kind"
        done
    done
}

# How cost grows with the number of streams: about 40,000 tok/s in all where they are many.
growth() {
    FLOODED=no
    printf '  %8s %14s %14s %7s %16s %16s %10s\n' streams 'CPU µs/chunk' 'bare' ratio 'TTFT err p99 µs' bare 'RSS MB'
    for n in $GROWTH; do
        rate=$((n <= 400 ? 100 : 40000 / n))
        cost_of_chunks grow "$n" "$rate" 8
        stamped ours grow_ours "$n" "$rate" 1 $((rate * 4))
        stamped bare grow_stamps "$n" "$rate" 1 $((rate * 4))
        mine=$(value grow.cost ".cpu_s * 1e6 / $chunks") theirs=$(value grow_bare.cost ".cpu_s * 1e6 / $chunks")
        mine_late=$(value grow_ours.json .stamps.ttft_error_us.p99) theirs_late=$(value grow_stamps.json .ttft_error_us.p99)
        memory=$(value grow.cost '.rss_kb / 1024')
        printf '  %8d %14.2f %14.2f %7.2f %16.0f %16.0f %10.1f\n' "$n" "$mine" "$theirs" "$(jq -n "$mine / $theirs")" "$mine_late" \
            "$theirs_late" "$memory"
        {
            row "growth, $n streams: CPU a chunk" µs "$mine" "$theirs" null info
            row "growth, $n streams: TTFT error p99" µs "$mine_late" "$theirs_late" null info
            row "growth, $n streams: peak RSS" MB "$memory" null null info
        } >/dev/null
    done
}

# From fork to the first byte of a request at the server, and to the first whole frame: FRAME_TEXT is in no other.
first_frame() {
    start_blaster --rate 30
    i=0
    while [ "$i" -lt "$ROUNDS" ]; do
        i=$((i + 1))
        "$BIN/meter" --out "$TMP/frame$i.cost" --pty 120x40 --until "${FRAME_TEXT:-quit}" --limit 10 \
            "$TOKGAUGE" run "$URL" --max-num-seqs 4 --duration 20s
        "$BIN/meter" --out "$TMP/wire$i.cost" --request --limit 10 "$TOKGAUGE" run http://127.0.0.1:PORT --json 2>/dev/null
        "$BIN/meter" --out "$TMP/barewire$i.cost" --request --limit 10 "$BIN/drain" http://127.0.0.1:PORT 1 1 8 --discard >/dev/null 2>&1
        "$BIN/meter" --out "$TMP/exec$i.cost" "$TOKGAUGE" --version >/dev/null
    done
    stop_server
    row "start to first request on the wire, median of $ROUNDS" ms "$(jq .first_ms "$TMP"/wire?.cost | median)" \
        "$(jq .first_ms "$TMP"/barewire?.cost | median)" 15 value
    row "start to first frame, median of $ROUNDS" ms "$(jq .first_ms "$TMP"/frame?.cost | median)" null 50 value
    row '  of which --version alone takes' ms "$(jq '.wall_s * 1000' "$TMP"/exec?.cost | median)" null null info
}

# A run file with a line for each of a million requests.
report() {
    start_fast_sim
    open_run short 2000 2 -c 1000
    stop_server
    "$BIN/longrun" "$TMP/short.run" "$LONG" >"$TMP/long.run" || echo 'bench: no long run file' >&2
    "$BIN/meter" --out "$TMP/report.cost" "$TOKGAUGE" report "$TMP/long.run" >"$TMP/report.md" 2>/dev/null
    what="report of $LONG requests, $(($(wc -c <"$TMP/long.run") / 1000000)) MB"
    row "$what" s "$(value report.cost .wall_s)" null 10 value
    row "$what: peak RSS" MB "$(value report.cost '.rss_kb / 1024')" null 64 value
    rm -f "$TMP/long.run"
}
