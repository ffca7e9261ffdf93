# Keys: what each does to the screen, and that the load follows, which the server's own counters tell.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
case $PTY in /*) ;; *) PTY=$PWD/$PTY ;; esac
start_sim --model maker/Gauge-7B --cold 0 --step 10 --max-num-seqs 8 --log "$TMP/sim.log"
RUN="$TOKGAUGE run $URL -c 2 --max-tokens 64 --out $TMP/run.ndjson"

# Commands for the step `until`.
cat >"$TMP/metric" <<E2
#!/bin/sh
# metric NAME WANTED: true while the server's gauge has this value
curl -s "$URL/metrics" | awk -v n="vllm:\$1" -v w="\$2" 'index(\$1, n "{") == 1 { ok = \$2 == w } END { exit !ok }'
E2
chmod +x "$TMP/metric"
running() { echo "until $TMP/metric num_requests_running $1"; }
waiting() { echo "until $TMP/metric num_requests_waiting $1"; }
phase() { # the run file has a phase with these targets
    echo "until grep -q '\"type\":\"phase\".*\"max_num_seqs\":$1,\"context\":$2,\"max_tokens\":$3' $TMP/run.ndjson"
}

{
    echo 'wait "2 of 2"'
    # Streams.
    printf '%s\n' 'key +' 'wait "streams 3"' 'wait "3 of 3"' && running 3
    printf '%s\n' 'key - -' 'wait "streams 1"' 'wait "1 of 1"' && running 1
    printf '%s\n' 'key -' 'wait "streams 1"' 'key =' 'wait "2 of 2"' && running 2
    printf '%s\n' 'key * * *' 'wait "streams 16"' && running 8 && waiting 8
    echo 'wait "8 queued"'
    printf '%s\n' 'key _ _ _' 'wait "streams 2"' 'wait "2 of 2"' && waiting 0 && running 2
    # Context and output.
    printf '%s\n' 'key ] ]' 'wait "context 4k"' && phase 2 4096 64
    printf '%s\n' 'key [' 'wait "context 2k"' && phase 2 2048 64
    printf '%s\n' 'key }' 'wait "output 128"' && phase 2 2048 128
    printf '%s\n' 'key { {' 'wait "output 32"' && phase 2 2048 32
    # Requests of the new lengths are answered before they change again.
    echo "until grep -qE '\"outcome\":\"ok\",\"prompt_tokens\":20[0-9][0-9],.*\"output_tokens\":32,' $TMP/sim.log"
    # More than the server's 16k cannot be asked for.
    printf '%s\n' 'key ] ] ]' 'wait "max-model-len"' 'key [ [ [' 'gone "context 16k"'
    # Pause: what is in flight ends, nothing new begins; then it goes on.
    printf '%s\n' 'key Space' 'wait PAUSED' 'wait "0 of 2"' 'wait "space go on"' && running 0
    echo "until cp $TMP/sim.log $TMP/paused.log"
    printf '%s\n' 'sleep 1' "until cmp $TMP/sim.log $TMP/paused.log"
    printf '%s\n' 'key p' 'gone PAUSED' 'wait "2 of 2"' && running 2
    # Marks.
    printf '%s\n' 'key m' 'wait "▲ marked"' "until grep -q '\"type\":\"mark\"' $TMP/run.ndjson"
    # What is no key does nothing: reports of a mouse that nobody asked for, Alt with a key, an unknown sequence.
    printf 'type \033[<64;10;10M\033[<0;3;3M\033q\033+\033[1;9Z\033[99~\n'
    printf '%s\n' 'key 7' 'wait "log"' 'key 1' 'wait "streams 2"' 'wait "2 of 2"'
    # Percentiles begin anew; plots show more.
    printf '%s\n' 'key r' 'wait "begin anew"' 'key 2' 'wait "since 00:"' 'key 1' 'key z' 'wait "plots show 5 min"' 'key z z' 'wait "plots show the whole run"' 'key z'
    # Help, from the table of keys.
    printf '%s\n' 'key ?' 'wait "closes"' 'wait "one stream more"' 'wait "half the context"' 'key ?' 'gone "closes"'
    printf '%s\n' 'key F1' 'wait "closes"' 'key End' 'wait "stop the run"' 'wait "every stream as a row"' \
        'key Home' 'wait "one stream fewer"' 'key Esc' 'gone "closes"'
    # Views.
    printf '%s\n' 'key 3' 'gone "GTT"' 'wait "text"' 'key 4' 'wait "processes on the GPU"' 'key 7' 'wait "log"' 'wait "info"' 'wait "now 2 streams"' \
        'wait "paused"' 'key 2' 'wait "percentiles"' 'key 5' 'wait "its own counters"' 'key 1' 'wait "GTT"' 'key Tab' 'gone "GTT"' 'wait "percentiles"' 'key Tab' 'wait "text"' 'key Tab' 'wait "processes on the GPU"' 'key Tab' 'wait "its own counters"' 'key Tab' 'wait "streams × context"' 'key v' 'wait "TTFT p95"' 'key Tab' 'wait "info"' 'key Tab' \
        'wait "GTT"'
} >"$TMP/script"
printf '%s\n' 'key z ~ 5 Left' 'key C-l' 'wait "2 of 2"' 'key q' 'expect-exit 0' 'restored' 'wait "run file"' \
    'save "'"$TMP/raw"'"' >>"$TMP/script"
# shellcheck disable=SC2086  # RUN is a command line
check "every key does what its table says" "$PTY" 80 24 xterm-256color $RUN <"$TMP/script"
check "the mark is in the run file" json "$TMP/run.ndjson" 'map(select(.type == "mark")) | length == 1' -s
check "the server got prompts and answers of the new lengths" json "$TMP/sim.log" '
    map(select(.outcome == "ok")) | any(.prompt_tokens >= 2000 and .prompt_tokens < 2100 and .output_tokens == 32)' -s
offset() { # of the last place where the program's bytes have this
    LC_ALL=C grep -abo -- "$1" "$TMP/raw" | tail -n 1 | cut -d : -f 1
}
check "the summary comes after the screen is restored" test "$(offset '\[?1049l')" -lt "$(offset 'output rate')"
check "the summary names the run file" contains "$TMP/raw" "$TMP/run.ndjson"
check "the run was ended by the user" json "$TMP/run.ndjson" '.[-1].type == "summary" and .[-1].ended_by == "stopped"' -s

# Keys that must end it, and before the load has begun.
for key in q Q F10; do
    check "$key ends the run" "$PTY" 80 24 xterm-256color "$TOKGAUGE" run "$URL" -c 1 --max-tokens 64 <<E2
wait LOAD
key $key
expect-exit 0
restored
wait "run file"
E2
done
# A mark with words; a new run.
cat >"$TMP/script" <<'END'
wait "2 of 2"
key ] +
wait "3 of 3"
key M
wait "Enter keeps it"
type more fans
wait "more fans"
key Enter
wait "marked"
key 7
wait "▲ more fans"
key 1
key R
wait "R again"
key R
wait "PREFLIGHT"
wait "3 of 3"
wait "context 2k"
key q
expect-exit 0
restored
END
# shellcheck disable=SC2086
check "R begins a new run with what the keys have made of the load" "$PTY" 80 24 xterm-256color $TOKGAUGE run $URL -c 2 --context 1k --max-tokens 64 \
    --out "$TMP/again.ndjson" <"$TMP/script"
check "the first one is whole, with the words of its mark" json "$TMP/again.ndjson" '
    .[-1].type == "summary" and .[-1].ended_by == "stopped" and any(.[]; .type == "mark" and .text == "more fans")' -s
check "the second one has a file of its own, and other prompts" json "$TMP/again-2.ndjson" '
    .[-1].type == "summary" and .[-1].max_num_seqs == 3 and .[-1].context == 2048' -s
check "no two runs send the same prompts" sh -c '[ "$(jq -r "select(.type == \"header\") | .seed" "$1" "$2" | sort -u | wc -l)" = 2 ]' sh \
    "$TMP/again.ndjson" "$TMP/again-2.ndjson"

check "^C ends it with 130 and a summary" "$PTY" 80 24 xterm-256color "$TOKGAUGE" run "$URL" -c 1 --max-tokens 64 <<'E2'
wait LOAD
key C-c
expect-exit 130
restored
wait "run file"
E2

# S: a picture and a text, in the folder where it runs; never over another file.
mkdir "$TMP/pictures"
check "S saves the screen" "$PTY" 80 24 xterm-256color sh -c "cd $TMP/pictures && exec $TOKGAUGE run $URL -c 2" <<'E2'
wait LOAD
wait "2 of 2"
key S
wait "✓ saved tokgauge-"
key S
gone "✓ saved tokgauge-" 15
key q
expect-exit 0
restored
E2
svg_is_whole() {
    for f in "$TMP"/pictures/*.svg; do
        head -n 1 "$f" | grep -q '<svg\|<?xml' && tail -n 1 "$f" | grep -q '</svg>' && grep -q SIMULATED "$f" || return 1
    done
}
check "two pictures were saved" same "$(find "$TMP/pictures" -name '*.svg' | grep -c .)" 2
check "the pictures are whole" svg_is_whole
check "the texts are of the screen" same "$(cat "$TMP"/pictures/*.txt | grep -c SIMULATED)" 2
check "S where nothing can be written says so" "$PTY" 80 24 xterm-256color \
    sh -c "cd /proc && exec $TOKGAUGE run $URL -c 1" <<'E2'
wait LOAD
key S
wait "✗ cannot save"
key q
expect-exit 0
E2
# More streams than the limit of open files allows are not started, and that is said: no failure is made of it.
check "streams stop at the limit of open files" "$PTY" 120 40 xterm-256color sh -c "ulimit -n 76 && exec $TOKGAUGE run $URL -c 19 --workers 1" <<'E2'
wait LOAD
wait "19 of 19"
key +
wait "20 of 20"
key +
key 7
wait "no more than 20 streams: 'ulimit -n'"
key q
expect-exit 0
E2
# Fewer requests than streams, and the streams that had sent them are gone: it ends all the same.  (Which stream has the one request is chance.)
for try in 1 2 3; do
    check "all requests were sent by streams that a key took away ($try)" "$PTY" 120 40 xterm-256color sh -c "$TOKGAUGE run $URL -c 8 -n 1 --workers 4 --context 64 --max-tokens 300; exit 0" <<'E2'
wait "1 of 8"
key _ _ _
wait "streams 1"
expect-exit 0
E2
done
# The suite: its checklist, and keys that would change its load.
check "the suite shows where it is; the load is its own" "$PTY" 120 40 xterm-256color "$TOKGAUGE" bench "$URL" --only a,d --runs 2 <<'E2'
wait "● interactive 32 tokens"
wait "○ concurrency"
wait "left"
key +
key 7
wait "this run decides its load itself"
wait "interactive: 6 requests of 64 + 32 to 512 tokens"
wait "✓ interactive"
wait "● concurrency"
key q
expect-exit 0
restored
E2

# Prompts of a file are as long as they are.
echo '{"prompt":"tell me of rivers"}' >"$TMP/prompts.jsonl"
printf '%s\n' 'wait "4 of 4"' 'key 7' 'key ]' 'wait "the file of prompts decides how long they are"' 'key q' 'expect-exit 0' >"$TMP/script"
check "keys do not change the prompts of a file" "$PTY" 120 40 xterm-256color "$TOKGAUGE" run "$URL" -c 4 --prompt "$TMP/prompts.jsonl" --out "$TMP/prompts.ndjson" <"$TMP/script"
check "nor begin a phase of them" json "$TMP/prompts.ndjson" 'map(select(.type == "phase")) | length == 1' -s
"$TOKGAUGE" report "$TMP/prompts.ndjson" >"$TMP/prompts.md" 2>&1
check "nor is a context told that nobody asked for" json "$TMP/prompts.ndjson" '(map(select(.type == "sample" and .state == "load")) | length > 0 and all(.context == null)) and
    (map(select(.type == "request" or .type == "phase" or .type == "summary")) | length > 2 and all(.context == null))' -s
check "the report names no context for them" sh -c 'grep -q "4 streams in flight, output 128 tokens" "$1"' sh "$TMP/prompts.md"
check "nor finds that it hardly matters" sh -c '! grep -qi "from 0 to 0\|context 0" "$1"' sh "$TMP/prompts.md"
jq -c 'if .type == "phase" then .context = 1024 else . end' "$TMP/prompts.ndjson" >"$TMP/older.ndjson"
"$TOKGAUGE" compare "$TMP/older.ndjson" "$TMP/prompts.ndjson" >"$TMP/older.txt" 2>&1
check "a file that named one is compared all the same" sh -c '! grep -q "different loads" "$1"' sh "$TMP/older.txt"
# A pause parts no load that is decided: its phase goes on, and what lies between is in no window.
check "a pause in a matrix" "$PTY" 120 40 xterm-256color "$TOKGAUGE" run "$URL" -c 1,2 --order listed --context 64 --max-tokens 64 -d 3s --warmup 1 --out "$TMP/parted.ndjson" <<'E2'
wait " LOAD"
sleep 1
key Space
wait PAUSED
sleep 2
key Space
gone PAUSED
wait "a matrix of 2 loads, 2 of which were run" 30
expect-exit 0
restored
E2
check "each load is one phase" json "$TMP/parted.ndjson" '(map(select(.type == "phase")) | length == 2) and (.[-1].phases | length == 2 and
    all(.whole.seconds > 2.8 and .whole.seconds < 3.3) and (.[0].requests.ok >= 3)) and (map(select(.type == "sample" and .state == "load")) |
    map(select(.phase == 0)) | any(.pauses == null) and any(.pauses == 1) and (.[-1].t - .[0].t > 3e9))' -s
"$TOKGAUGE" run "$URL" -c 1,1 --context 64 --max-tokens 8 -n 2 --plain --out "$TMP/twice.ndjson" >"$TMP/twice" 2>&1
check "a load that was asked for twice was run twice" contains "$TMP/twice" "a matrix of 2 loads, 2 of which were run"
check "the agent cannot be paused" "$PTY" 120 40 xterm-256color "$TOKGAUGE" bench "$URL" --only e --agent-url "$URL/v1/chat/completions" --agent-model maker/Gauge-7B --agent-runs 100 --out "$TMP/agent.ndjson" <<'E2'
wait "agent simple"
key Space 7
wait "it cannot be paused"
key q
wait "run file" 60
expect-exit 0
restored
E2

# A trace decides how long requests are.
awk 'BEGIN { for (i = 0; i < 100; i++) printf "{\"time\":%.1f,\"context\":64,\"output\":8}\n", i / 10 }' >"$TMP/trace.jsonl"
printf '%s\n' 'wait "sent"' 'key 7' 'key ]' 'wait "the trace decides how long requests are"' 'key }' 'key q' 'expect-exit 0' >"$TMP/script"
check "keys do not change a trace" "$PTY" 120 40 xterm-256color "$TOKGAUGE" run "$URL" --trace "$TMP/trace.jsonl" --out "$TMP/trace.ndjson" <"$TMP/script"
check "nor begin a phase" json "$TMP/trace.ndjson" 'map(select(.type == "phase")) | length == 1' -s
