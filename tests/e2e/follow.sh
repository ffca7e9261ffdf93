# replay --follow: a run that goes on, seen from elsewhere by its file.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
start_sim --model maker/Gauge-7B --cold 0 --step 10 --max-num-seqs 8
RUN=$TMP/run.ndjson
"$TOKGAUGE" run "$URL" --plain -c 3 --max-tokens 32 --context 64 --duration 1h --out "$RUN" >"$TMP/run.out" 2>&1 &
pid=$!
frame() { "$TOKGAUGE" replay --follow "$RUN" --txt "$TMP/frame.txt" "$@"; }
sampled() { [ "$(grep -c '"state":"load"' "$RUN" 2>/dev/null)" -ge "$1" ]; }
check "a run is there" within 30 sampled 3
check "a picture of now" exits 0 frame --svg "$TMP/frame.svg"
check "… that says so" contains "$TMP/frame.txt" "FOLLOW"
check "… with how many are at it" grep -q '[0-3] of 3' "$TMP/frame.txt" # all of them may have ended just then
sed -n 1p "$TMP/frame.txt" >"$TMP/first"
check "… and the file goes on" within 30 sampled $(($(grep -c '"state":"load"' "$RUN") + 2))
check "a picture of later" exits 0 frame
check "… is another one" sh -c '! sed -n 1p "$1" | cmp -s - "$2"' sh "$TMP/frame.txt" "$TMP/first"

# The dashboard goes along; space and ← leave the newest moment, End goes back to it; the end of the run ends it.
count="grep -c '\"state\":\"load\"' $RUN"
cat >"$TMP/script" <<E2
wait "FOLLOW"
wait "3 of 3"
until test \$($count) -ge 6
key Space
wait "○ REPLAY"
gone "FOLLOW"
until test \$($count) -ge 12
key Space
wait "▸ REPLAY"
key End
wait "FOLLOW"
key Left
wait "▸ REPLAY"
key Home
wait "00:00:0"
key 3
wait "streams"
key 1
key End
wait "FOLLOW"
until kill -TERM $pid
wait "○ REPLAY"
key Left
wait "▸ REPLAY"
key q
expect-exit 0
restored
E2
check "the dashboard goes along" "$PTY" 120 40 xterm-256color "$TOKGAUGE" replay --follow "$RUN" <"$TMP/script"
wait "$pid"
check "a run that is over can be followed too" exits 0 frame
check "… and it is over" lacks "$TMP/frame.txt" "FOLLOW"

# A line that is cut in the middle waits for its rest; a file that is cut or replaced is said.
head -n 12 "$RUN" >"$TMP/grow.ndjson"
sed -n 13p "$RUN" | head -c 50 >>"$TMP/grow.ndjson"
cat >"$TMP/rest" <<E2
#!/bin/sh
sed -n 13p "$RUN" | tail -c +51 >>"$TMP/grow.ndjson"
tail -n +14 "$RUN" >>"$TMP/grow.ndjson"
E2
END=$(jq -s '[.[] | select(.type == "sample")][-1].t / 1e9 | floor' "$RUN")
cat >"$TMP/script" <<E2
wait "FOLLOW"
until sh $TMP/rest
wait "○ REPLAY"
wait "/ 00:00:$(printf %02d "$((END % 60))")"
key q
expect-exit 0
E2
check "half a line waits for the rest" "$PTY" 120 40 xterm-256color "$TOKGAUGE" replay --follow "$TMP/grow.ndjson" <"$TMP/script"
head -n 12 "$RUN" >"$TMP/grow.ndjson"
cat >"$TMP/script" <<E2
wait "FOLLOW"
until truncate -s 100 $TMP/grow.ndjson
wait "shorter than it was"
wait "REPLAY"
key q
expect-exit 0
E2
check "one that is cut is said" "$PTY" 120 40 xterm-256color "$TOKGAUGE" replay --follow "$TMP/grow.ndjson" <"$TMP/script"
head -n 12 "$RUN" >"$TMP/grow.ndjson"
cat >"$TMP/script" <<E2
wait "FOLLOW"
until cp $RUN $TMP/other.ndjson && mv $TMP/other.ndjson $TMP/grow.ndjson
wait "another file now"
key q
expect-exit 0
E2
check "one that is replaced is said" "$PTY" 120 40 xterm-256color "$TOKGAUGE" replay --follow "$TMP/grow.ndjson" <"$TMP/script"
# Nothing but a header: a run that has just begun.
head -n 1 "$RUN" >"$TMP/grow.ndjson"
cat >"$TMP/script" <<E2
wait "FOLLOW"
until tail -n +2 $RUN >>$TMP/grow.ndjson
wait "○ REPLAY"
key q
expect-exit 0
E2
check "a run that has just begun" "$PTY" 120 40 xterm-256color "$TOKGAUGE" replay --follow "$TMP/grow.ndjson" <"$TMP/script"
check "one that is not there" refuses 1 "cannot read run file" replay --follow "$TMP/none" --txt "$TMP/x"
