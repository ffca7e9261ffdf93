# Files that this program makes: whose they are, that none is written by two, or by way of a link that somebody has planted, and
# what becomes of a run whose file goes wrong.
# shellcheck disable=SC2016,SC2086  # sh -c, lists of options
. "$TESTS_DIR/e2e/lib.sh"
umask 000
SIM_FAST='--cold 0 --step 5 --prefill-rate 400000 --overhead 1 --max-num-seqs 8'
QUICK='-n 2 --max-tokens 2 --context 32'
start_sim $SIM_FAST
OUTSIDE=$(mktemp -d "${TMPDIR:-/tmp}/tokgauge-e2e.XXXXXX") # where another user may look, unlike $TMP
chmod 755 "$OUTSIDE"
trap 'rm -rf "$OUTSIDE"; lib_cleanup' EXIT
nobody() { # COMMAND…: as a user for whom permissions hold
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi
}

# ---- whose they are ----

mode() { # FILE WANTED
    same "$(stat -c %a "$1")" "$2"
}
check "a run" exits 0 env XDG_STATE_HOME="$TMP/own" "$TOKGAUGE" run "$URL" --json $QUICK --svg "$TMP/new.svg" --label one
RUN=$(jq -r .run_file "$TMP/out")
check "its file is for its owner alone" mode "$RUN" 600
check "and so is the folder" mode "$(dirname "$RUN")" 700
check "and the picture" mode "$TMP/new.svg" 600
check "a report" exits 0 "$TOKGAUGE" report "$RUN" --out "$TMP/new.md"
check "is for its owner alone" mode "$TMP/new.md" 600
echo old >"$TMP/shared.md"
check "a report in place of an earlier one" exits 0 "$TOKGAUGE" report "$RUN" --out "$TMP/shared.md"
check "leaves it to whom it was open" mode "$TMP/shared.md" 666
check "a baseline" exits 0 "$TOKGAUGE" compare "$RUN" --save-baseline kept
check "is for its owner alone, too" mode "$XDG_STATE_HOME/tokgauge/baselines/kept.ndjson" 600

# ---- nothing is written over ----

cp "$RUN" "$TMP/before"
check "a report never replaces the run that it is of" refuses 1 "it is a run file, which is never overwritten" report "$RUN" --out "$RUN"
check "nor does a picture" refuses 1 "it is a run file, which is never overwritten" replay "$RUN" --svg "$RUN"
check "which is as it was" cmp "$TMP/before" "$RUN"
ln -s "$TMP/victim" "$TMP/planted.ndjson"
echo precious >"$TMP/victim2"
ln -s "$TMP/victim2" "$TMP/planted2.ndjson"
for link in planted planted2; do
    check "$link: a link is no place for a run file" exits 1 "$TOKGAUGE" run "$URL" --json $QUICK --out "$TMP/$link.ndjson"
    check "$link: which is said" contains "$TMP/err" "exists already"
done
check "what the links lead to is as it was" sh -c '[ ! -e "$1" ] && [ "$(cat "$1"2)" = precious ]' sh "$TMP/victim"
if [ "$(id -u)" = 0 ]; then
    chown -h 65534 "$TMP/planted2.ndjson"
    check "a link of somebody else is not followed" refuses 1 "it is a link that belongs to somebody else" report "$RUN" --out "$TMP/planted2.ndjson"
    check "what it leads to is as it was" same "$(cat "$TMP/victim2")" precious
else
    echo "ok a link of somebody else is not followed # only root can make one here"
fi
head -n 1 "$RUN" >"$TMP/many.ndjson"
grep '"part":"load"' "$RUN" | head -n 1 | awk '{ for (i = 0; i < 5000; i++) print }' >>"$TMP/many.ndjson"
check "a reader that has what it wanted of a report" sh -c '{ "$1" report "$2" --format csv 2>"$3/err"; echo $? >"$3/status"; } |
    head -n 1 >"$3/out" && grep -q "^seq,stream" "$3/out" && [ "$(cat "$3/status")" = 0 ] && [ ! -s "$3/err" ]' \
    sh "$TOKGAUGE" "$TMP/many.ndjson" "$TMP"
check "standard output on a full disk" sh -c '"$1" report "$2" --format csv 2>"$3/err" >/dev/full; [ $? = 1 ] &&
    grep -q "cannot write .standard output.: No space left on device" "$3/err"' sh "$TOKGAUGE" "$TMP/many.ndjson" "$TMP"
check "a report on a full disk" refuses 1 "No space left on device" report "$RUN" --out /dev/full

# ---- two at once ----

pids=
for n in 1 2 3 4; do
    XDG_STATE_HOME=$TMP/twice "$TOKGAUGE" run "$URL" --json $QUICK --label same >"$TMP/twice$n" 2>&1 &
    pids="$pids $!"
done
for n in 5 6; do
    "$TOKGAUGE" run "$URL" --json $QUICK --out "$TMP/both.ndjson" >"$TMP/twice$n" 2>&1 &
    pids="$pids $!"
done
wait $pids
check "four runs of one name in one second have four files" same "$(find "$TMP/twice" -name '*-same*.ndjson' | wc -l)" 4
for file in "$TMP"/twice/tokgauge/runs/*; do
    check "each of one run" json "$file" 'map(select(.type == "header")) | length == 1' -s
done
check "two that were to have one file do not share it" json "$TMP/both.ndjson" '(map(select(.type == "header")) | length == 1) and
    (map(select(.type == "summary")) | length == 1)' -s
check "the other one says so" sh -c 'grep -l "both.ndjson" "$@" && grep -c "exists" "$@"' sh "$TMP/twice5" "$TMP/twice6"

# ---- a file that goes wrong does not end the run ----

told() { # FILE TEXT TIMES
    same "$(grep -c -- "$2" "$1")" "$3"
}
"$TOKGAUGE" run "$URL" --plain -c 2 --duration 1h --max-tokens 20 --context 32 --out "$TMP/removed.ndjson" >"$TMP/removed.out" 2>"$TMP/removed.err" &
pid=$!
check "a run goes on" within 30 grep -q '"type":"request"' "$TMP/removed.ndjson"
rm "$TMP/removed.ndjson"
check "that its file was removed is told" within 30 grep -q "the file was removed" "$TMP/removed.out"
kill -TERM "$pid"
wait "$pid"
check "it ends with status 1, for a file failed" same "$?" 1
check "once while it ran, once in the summary" told "$TMP/removed.out" "the file was removed" 2
check "once at the end" told "$TMP/removed.err" "the run file is not whole: the file was removed" 1
check "the summary is there all the same" contains "$TMP/removed.out" "output rate"
check "no file of that name is made again" test ! -e "$TMP/removed.ndjson"

: >"$OUTSIDE/afile"
check "a state folder that is a file" exits 1 env XDG_STATE_HOME="$OUTSIDE/afile" "$TOKGAUGE" run "$URL" --json $QUICK
check "is told" contains "$TMP/err" "Not a directory"
check "the run is done all the same" json "$TMP/out" '.requests.ok == 2 and .run_file == null'
if nobody test -x "$TOKGAUGE" 2>/dev/null; then
    mkdir "$OUTSIDE/closed"
    chmod 555 "$OUTSIDE/closed"
    check "a folder where nothing can be made" exits 1 nobody env HOME="$OUTSIDE" "$TOKGAUGE" run "$URL" --json $QUICK --out "$OUTSIDE/closed/run.ndjson"
    check "is told before anything is sent" contains "$TMP/err" "cannot write run file '$OUTSIDE/closed/run.ndjson': Permission denied"
    check "a state folder where nothing can be made" exits 1 nobody env HOME="$OUTSIDE" XDG_STATE_HOME="$OUTSIDE/closed" "$TOKGAUGE" run "$URL" --json $QUICK
    check "is told, and the run is done" json "$TMP/out" '.requests.ok == 2 and .run_file == null'
    check "with the reason" contains "$TMP/err" "Permission denied"
else
    echo "ok a folder where nothing can be made # nobody else can run the program here"
fi
