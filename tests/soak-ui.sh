#!/bin/sh
# soak-ui.sh [SECONDS]: the dashboard of a demo in pseudo-terminals of several kinds, with sizes and keys at random for so
# long (60) in all.  Ends with a line of figures; exit 1 where the program fell over, drew something else than it shows when
# all is painted anew, left the terminal in disorder, or a sanitizer had something to say.  SEED=N gives the same sizes and
# keys again (at other moments).
set -u
BUILD=${BUILD:-build}
TOKGAUGE=${TOKGAUGE:-$PWD/tokgauge}
PTY=$PWD/$BUILD/tests/tools/ui_pty
SOAK_S=${1:-60}
SEED=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
FILES=200 # open at once, which is what keeps the load small

TMP=$(mktemp -d "${TMPDIR:-/tmp}/tokgauge-soak.XXXXXX") || exit 1
trap 'rm -rf "$TMP"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export HOME="$TMP" XDG_STATE_HOME="$TMP/state" XDG_CONFIG_HOME="$TMP/config"
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$TMP/report:detect_stack_use_after_return=1"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}log_path=$TMP/report:print_stacktrace=1"
export TSAN_OPTIONS="${TSAN_OPTIONS:+$TSAN_OPTIONS:}log_path=$TMP/report"
echo "soak-ui: SEED=$SEED"

# round NAME TERM [VARIABLE=VALUE…] -- [OPTIONS…]: a program from its start to its end
ROUNDS=4
round() {
    name=$1 term=$2
    shift 2
    set_env=
    while [ "$1" != -- ]; do
        set_env="$set_env $1"
        shift
    done
    shift
    mkdir -p "$TMP/pictures"
    cat >"$TMP/script" <<END
wait LOAD
random $((SOAK_S / ROUNDS + 1)) $SEED
resize 120 40
key Esc Esc Esc 1
wait "q quit"
until cp /proc/\$CHILD/status $TMP/status
key 7
wait " log "
key q
expect-exit 0 120
restored
wait "run file"
END
    # shellcheck disable=SC2086  # a list of settings
    (cd "$TMP/pictures" && exec env $set_env "$PTY" 120 40 "$term" \
        sh -c "ulimit -n $FILES && exec $TOKGAUGE demo -c 4 --max-tokens 64 $*" <"$TMP/script") >"$TMP/out" 2>"$TMP/err" ||
        FAILED="$FAILED $name"
    [ -s "$TMP/out" ] && cat "$TMP/out" >>"$TMP/counts"
    awk '/^VmHWM/ { print $2 }' "$TMP/status" >>"$TMP/rss" 2>/dev/null
    case $FAILED in *" $name") cat "$TMP/err" ;; esac
    rm -rf "$TMP/pictures" "$TMP/status" "$TMP/state"
    SEED=$((SEED + 1))
}

: >"$TMP/counts"
: >"$TMP/rss"
FAILED='' first_seed=$SEED begin=$(date +%s)
round braille xterm-256color --
round console linux --
round ascii vt100 LC_ALL=C --
round blocks tmux-256color -- --glyphs block

for report in "$TMP"/report.*; do
    [ -f "$report" ] || continue
    FAILED="$FAILED sanitizer"
    cat "$report"
done
figures=$(awk '{ r += $1; k += $2; b += $3 } END { printf "%d resizes, %d keys, %.1f MB written", r, k, b / 1e6 }' "$TMP/counts")
rss=$(sort -n "$TMP/rss" | tail -n 1)
echo "soak-ui: SEED=$first_seed, $(($(date +%s) - begin)) s, $ROUNDS terminals, $figures, peak RSS $((${rss:-0} / 1024)) MB:${FAILED:- ok}"
[ -z "$FAILED" ]
