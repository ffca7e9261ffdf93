#!/bin/sh
# pictures.sh: writes the pictures in docs/ and the sample in README.md again, all from one run of the demo and its replay.
# The run is seeded, but it is measured: a new picture differs from the last one in its last digits, the port and the RAM of
# the machine.
set -eu
cd "$(dirname "$0")/.."
TOKGAUGE=${TOKGAUGE:-$PWD/tokgauge}
LC_ALL=C.UTF-8
export LC_ALL

TMP=$(mktemp -d "${TMPDIR:-/tmp}/tokgauge-pictures.XXXXXX")
trap 'rm -rf "$TMP"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo 'pictures: a run of about 100 seconds'
# Six streams on a server that decodes four at once: there is a queue to be seen.  In $TMP, so that the sample names no
# folder of this machine.
(cd "$TMP" && "$TOKGAUGE" demo -c 6 --context 512 --max-tokens 96 --duration 95s --seed 7 --workers 1 --save-text \
    --out demo.ndjson </dev/null >out)

echo 'pictures: a matrix of about 90 seconds'
(cd "$TMP" && "$TOKGAUGE" demo -c 1,2,4,8 --context 256,1k --max-tokens 32 --duration 8s --seed 7 --workers 1 --out matrix.ndjson </dev/null >/dev/null)

# picture NAME VIEW THEME SIZE
picture() {
    "$TOKGAUGE" replay "$TMP/demo.ndjson" --at 92s --view "$2" --theme "$3" --svg-size "$4" --svg "$TMP/$1.svg"
    mv "$TMP/$1.svg" "docs/$1.svg"
}
mkdir -p docs
picture dashboard overview tokgauge-dark 112x36
picture latency latency tokgauge-dark 112x36
picture streams streams gruvbox 112x18
picture light overview tokgauge-light 112x36
"$TOKGAUGE" replay "$TMP/matrix.ndjson" --view matrix --svg-size 100x26 --svg "$TMP/matrix.svg"
mv "$TMP/matrix.svg" docs/matrix.svg
# The summary is what follows the first empty line.
sed '1,/^$/d' "$TMP/out" >"$TMP/sample"
[ -s "$TMP/sample" ] || { echo 'pictures: the run printed no summary' >&2; exit 1; }
awk -v sample="$TMP/sample" '
    /^<!-- sample: / {
        print
        print "```text"
        while ((getline line <sample) > 0)
            print line
        print "```"
        skip = 1
        next
    }
    /^<!-- end of sample -->/ { skip = 0 }
    !skip' README.md >"$TMP/README.md"
cp "$TMP/README.md" README.md
echo 'pictures: docs/*.svg and the sample in README.md are new; look at them before committing'
