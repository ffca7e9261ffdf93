# `tokgauge replay`: a run file on the dashboard, and frames of it without a terminal.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
case $PTY in /*) ;; *) PTY=$PWD/$PTY ;; esac
RUN=$TMP/run.ndjson
start_sim --model maker/Gauge-7B --cold 0 --step 10 --max-num-seqs 2 --fault 429=0.1 --seed 5
check "a run to play" exits 0 "$TOKGAUGE" run "$URL" --json -c 3 --max-tokens 64 --duration 12s --save-text --out "$RUN"
stop_server

frame() { "$TOKGAUGE" replay "$RUN" --txt "$TMP/frame.txt" "$@"; }
# What the screen showed at a second is in the file's samples: the replay shows the same.
jq -s '[.[] | select(.type == "sample" and .state == "load")] | .[length / 2 | floor]' "$RUN" >"$TMP/sample"
AT=$(jq -r '.t / 1e9 + 0.001' "$TMP/sample")
check "a frame of a moment" exits 0 frame --at "${AT}s" --svg "$TMP/frame.svg" --svg-size 120x40
check "has the rate of that moment" contains "$TMP/frame.txt" "peak"
OK=$(jq -s --argjson at "$AT" '[.[] | select(.type == "request" and .part == "load" and .outcome == "ok" and .end / 1e9 <= $at)] | length' "$RUN")
FAILED=$(jq -s --argjson at "$AT" '[.[] | select(.type == "request" and .part == "load" and (.outcome | . != "ok" and . != "cancelled") and .end / 1e9 <= $at)] | length' "$RUN")
check "its counts" contains "$TMP/frame.txt" "$OK ok   $FAILED failed"
check "its memory, which was simulated" contains "$TMP/frame.txt" "39.7 / 53.0 GiB"
check "its streams" grep -q "$(jq -r .in_flight "$TMP/sample") of 3" "$TMP/frame.txt"
check "and that it is a replay" contains "$TMP/frame.txt" "REPLAY"
check "the picture is whole" sh -c 'head -c 4 "$1" | grep -q "<svg" && tail -c 8 "$1" | grep -q "</svg>"' sh "$TMP/frame.svg"
check "without a moment: the end" exits 0 frame
SUMMARY=$(jq -s '[.[] | select(.type == "summary")][0].requests.ok' "$RUN")
check "--at 0: the beginning" exits 0 "$TOKGAUGE" replay "$RUN" --txt "$TMP/begin.txt" --at 0
check "is not the end" lacks "$TMP/begin.txt" "$SUMMARY ok"
check "has all that the summary has" contains "$TMP/frame.txt" "$SUMMARY ok"
for view in latency streams memory server matrix log; do
    check "view $view" exits 0 frame --view "$view" --svg-size 80x24
    check "view $view is another one" sh -c '! cmp -s "$1" "$2" && cp "$1" "$2"' sh "$TMP/frame.txt" "$TMP/before.txt"
done
check "the log has its events" contains "$TMP/frame.txt" "http_429"

cat >"$TMP/script" <<'END'
wait "REPLAY"
wait "maker/Gauge-7B"
key Right
wait "00:00:1"
key Space
wait "space play"
key Left
wait "00:00:0"
key z
wait "plots show 5 min"
key >
wait "speed 2×"
key < <
wait "speed 0.5×"
key +
wait "a replay"
key 3
wait "text"
key 1
key Right Right
wait "of" 
key q
expect-exit 0
restored
END
check "keys move it" "$PTY" 120 40 xterm-256color "$TOKGAUGE" replay "$RUN" <"$TMP/script"
cat >"$TMP/script" <<'END'
wait "space play"
key Space
wait "space pause"
key C-c
expect-exit 130
restored
END
check "at the end it stops, and plays again from the start" "$PTY" 120 40 xterm-256color "$TOKGAUGE" replay "$RUN" --speed 64 <"$TMP/script"

# What a killed run left behind.
head -c $(($(wc -c <"$RUN") * 2 / 3)) "$RUN" >"$TMP/cut.ndjson"
check "a file that was cut" exits 0 "$TOKGAUGE" replay "$TMP/cut.ndjson" --txt "$TMP/cut.txt"
check "shows what it has" contains "$TMP/cut.txt" "maker/Gauge-7B"

check "no file" refuses 2 "'replay' needs a run file" replay
check "two files" refuses 2 "'replay' takes one run file" replay "$RUN" "$RUN"
check "one that is not there" refuses 1 "cannot read run file" replay "$TMP/none" --txt "$TMP/x"
echo nonsense >"$TMP/other"
check "another file" refuses 1 "is not a run file" replay "$TMP/other" --txt "$TMP/x"
check "no terminal" refuses 2 "--txt FILE write a frame" replay "$RUN"
check "a speed that is none" refuses 2 "--speed" replay "$RUN" --speed fast
check "a picture that cannot be written" refuses 1 "cannot write picture" replay "$RUN" --svg "$TMP/no/such/folder.svg"
