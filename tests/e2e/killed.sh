# Runs that are killed outright, at any moment: nothing that was written is lost.  tests/soak-kill.sh has the rule; `make
# soak-kill` kills more of them.
. "$TESTS_DIR/e2e/lib.sh"
check "12 runs killed at 5 ms to 3 s leave what their server saw" env SLOTS=4 SLACK_MS=1000 sh "$TESTS_DIR/soak-kill.sh" 12
