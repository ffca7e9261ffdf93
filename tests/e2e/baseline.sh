# `tokgauge compare --save-baseline` and `--baseline`: run files kept under a name.
. "$TESTS_DIR/e2e/lib.sh"

refused() { # STATUS WORDS ARGUMENTS…
    status=$1 words=$2
    shift 2
    refuses "$status" "$words" compare "$@"
}
S=$TESTS_DIR/fixtures/run-small.ndjson NEW=$TMP/new.ndjson
jq -c 'if .type == "header" then .label = "new" else . end' "$S" >"$NEW"
KEPT=$XDG_STATE_HOME/tokgauge/baselines
check "no baseline yet: how one is made" refused 1 "nor any other: tokgauge compare RUNFILE --save-baseline main" --baseline main "$S"
check "a run is kept" exits 0 "$TOKGAUGE" compare "$S" --save-baseline main
check "and it is said where" same "$(cat "$TMP/out")" "baseline 'main' kept: $KEPT/main.ndjson"
check "whole, and for its owner alone" sh -c 'cmp "$1" "$2" && [ "$(stat -c %a "$2")" = 600 ]' sh "$S" "$KEPT/main.ndjson"
check "under the default folder, too" sh -c 'env -u XDG_STATE_HOME HOME="$1/home" "$2" compare "$3" --save-baseline x &&
    cmp "$3" "$1/home/.local/state/tokgauge/baselines/x.ndjson"' sh "$TMP" "$TOKGAUGE" "$S"
check "what is compared with it" exits 0 "$TOKGAUGE" compare --baseline main "$NEW" "$S" --json
check "stands behind it" json "$TMP/out" '.baseline == "main" and ([.comparisons[].b] == ["new", "small"])
    and ([.comparisons[1].metrics[] | select(.figure == "tpot_mean") | .verdict] == ["same"])'
check "it can be replaced" exits 0 "$TOKGAUGE" compare "$NEW" --save-baseline main
check "which is said" contains "$TMP/out" "baseline 'main' replaced: "
check "by the other run" cmp "$NEW" "$KEPT/main.ndjson"
check "nothing else is left there" same "$(ls -A "$KEPT")" main.ndjson
"$TOKGAUGE" compare "$S" --save-baseline v1.2_rc-3 >/dev/null
check "an unknown name: those there are" refused 1 "there is no baseline 'mian'; there are: main, v1.2_rc-3" --baseline mian "$S"
for bad in ../x .x a/b 'a b' '' "$(printf %065d 0)"; do
    check "no name: '$bad'" exits 2 "$TOKGAUGE" compare "$S" --save-baseline "$bad"
    check "no name to find: '$bad'" exits 2 "$TOKGAUGE" compare --baseline "$bad" "$S"
done
echo precious >"$TMP/precious"
ln -s "$TMP/precious" "$KEPT/link.ndjson"
check "a link is not followed" refused 1 "there is something else of that name" "$S" --save-baseline link
check "and what it points to is as it was" same "$(cat "$TMP/precious")" precious
check "nor is it read" refused 1 "there is no baseline 'link'" --baseline link "$S"
check "only a run with something to compare is kept" refused 1 "is not a run file" "$TMP/precious" --save-baseline bad
check "a pipe cannot be kept" sh -c 'mkfifo "$1/pipe" && { cat "$2" "$2" >"$1/pipe" & } && ! "$3" compare "$1/pipe" --save-baseline bad &&
    [ ! -e "$4/bad.ndjson" ]' sh "$TMP" "$S" "$TOKGAUGE" "$KEPT"
check "keeping compares nothing" refused 2 "it compares nothing" "$S" "$S" --save-baseline x
check "a baseline and nothing else" refused 2 "needs a run file to compare with the baseline 'main'" --baseline main
check "a baseline and 16 files" refused 2 "the baseline among them" --baseline main 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
check "a folder that cannot be made" sh -c 'XDG_STATE_HOME="$1" "$2" compare "$3" --save-baseline x 2>&1 | grep -q "cannot make a folder"' \
    sh "$TMP/precious" "$TOKGAUGE" "$S"
