# One frame on terminals of every kind, by their terminfo: its text, and the look of every cell as libvterm has it.
# GENERATE=1 writes the goldens again.
. "$TESTS_DIR/e2e/lib.sh"
LOOKS=$BUILD/tests/tools/ui_looks STILL=$BUILD/tests/tools/ui_still

# picture NAME STATUS TERM [VARIABLE=VALUE…]
picture() {
    picture_golden=$TESTS_DIR/goldens/terminal-$1.txt
    picture_name=$1 picture_status=$2 picture_term=$3
    shift 3
    env "$@" "$LOOKS" 80 24 "$picture_term" "$STILL" >"$TMP/page" 2>&1
    picture_got=$?
    [ "${GENERATE:-}" != 1 ] || cp "$TMP/page" "$picture_golden"
    check "$picture_name: exit status $picture_status" same "$picture_got" "$picture_status"
    check "$picture_name: text and looks" diff "$picture_golden" "$TMP/page"
}
for term in xterm xterm-256color tmux-256color screen linux vt100; do
    picture "$term" 0 "$term" LC_ALL=C.UTF-8
done
picture dumb 2 dumb LC_ALL=C.UTF-8 # the program prints lines there: terminal-ends
picture locale-c 0 xterm-256color LC_ALL=C
check "in the locale C it is all ASCII" sh -c '! LC_ALL=C grep -n "[^ -~]" "$1"' sh "$TESTS_DIR/goldens/terminal-locale-c.txt"
