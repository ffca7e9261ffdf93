# The GPU end to end: the real libdrm and sysfs of a made-up AMD APU, from `watch` to the cells of a terminal.
. "$TESTS_DIR/e2e/lib.sh"
PTY=$BUILD/tests/tools/ui_pty
OUT=$TMP/out

# A Strix Halo's /proc, as far as it is asked for: this machine's may have less RAM than that GPU has GTT.
PROC=$TMP/proc
mkdir -p "$PROC/self" "$PROC/pressure"
cat >"$PROC/meminfo" <<'END'
MemTotal:       64382567 kB
MemFree:         5452595 kB
MemAvailable:   15728640 kB
AnonPages:       6186598 kB
Shmem:            104857 kB
SwapTotal:       8388604 kB
SwapFree:        8073984 kB
END
echo "cpu  100 0 50 800 50 0 0 0" >"$PROC/stat"
echo "BOOT_IMAGE=/vmlinuz ttm.pages_limit=13893632 quiet" >"$PROC/cmdline"

# look NAME EXPRESSION OPTIONS…: one look at that machine, in JSON
look() {
    look_name=$1 look_expr=$2
    shift 2
    # shellcheck disable=SC2086  # a command line
    check "$look_name: exits well, and prints nothing but that" sh -c '
        "$@" >"'"$OUT"'" 2>"'"$TMP/err"'" && ! [ -s "'"$TMP/err"'" ]' sh \
        $FAKEGPU "$@" -- "$TOKGAUGE" watch --once --json --proc-root "$PROC"
    check "$look_name" json "$OUT" "$look_expr"
}
MEMORY='.gtt_used == 42627399680 and .gtt_total == 56908316672 and .vram_used == 314572800 and .vram_total == 536870912'
SENSORS='.gpu_busy_percent == 97 and .gpu_sclk_mhz == 2900 and .gpu_mclk_mhz == 1000 and .gpu_temperature_c == 61
    and .gpu_power_w > 80 and .gpu_power_w < 90'
look "by sysfs" "$MEMORY and $SENSORS and .gtt_from == \"sysfs\" and .gpu == \"Radeon 8060S gfx1151\" and (.gpu_asleep | not)"
check "the ceiling, and where it comes from" json "$OUT" '.gtt_ceiling == 56908316672 and .gtt_ceiling_from == "GTT size" and .warnings == []'
check "RAM of that machine" json "$OUT" '.ram_total == 64382567 * 1024 and .ram_available == 15728640 * 1024 and .swap_used == 314620 * 1024'
look "by libdrm alone" "$MEMORY and .gtt_from == \"libdrm\"" --no-sysfs-memory
look "a node that may not be opened" "$MEMORY and $SENSORS" --no-render
look "a driver without version" "$MEMORY and $SENSORS" --version-fails
look "libdrm that does not come up" "$MEMORY and $SENSORS" --accel-fails
# shellcheck disable=SC2086
{
    check "as text: says what could not be used" sh -c '"$@" | grep -F "/dev/dri/renderD128: permission denied: values from sysfs only"' sh \
        $FAKEGPU --no-render -- "$TOKGAUGE" watch --once --proc-root "$PROC"
    check "as text: each value says where it comes from" sh -c '"$@" | grep -E "GTT +39.7 of 53.0 GiB, 75 %, by libdrm"' sh \
        $FAKEGPU --no-sysfs-memory -- "$TOKGAUGE" watch --once --proc-root "$PROC"
    check "the one that is wanted" exits 0 $FAKEGPU -- "$TOKGAUGE" watch --once --gpu c5:00.0 --proc-root "$PROC"
    check "one that is not there" exits 2 $FAKEGPU -- "$TOKGAUGE" watch --once --gpu 0000:03:00.0
    check "names those that are" contains "$TMP/err" "there is no GPU '0000:03:00.0': there is 0 0000:c5:00.0 Radeon 8060S"
}
check "no GPU at all" exits 0 "$TOKGAUGE" watch --once --sysfs-root "$TMP/none"
check "is said" contains "$TMP/out" "none that can be read"
check "and is no wrong number" refuses 2 "there is no GPU '0': this machine has none that can be read" watch --gpu 0 --sysfs-root "$TMP/none"

# ---- while it changes ----

CONTROL=$TMP/control SEEN=$TMP/seen
: >"$CONTROL"
seen() { # EXPRESSION: the last whole object is so
    tail -n 1 "$SEEN" >"$TMP/last"
    [ -s "$TMP/last" ] && jq -e "$1" "$TMP/last" >/dev/null 2>&1
}
shows() { # NAME EXPRESSION
    check "$1" within 15 seen "$2"
}
control() {
    printf %b "$1" >"$CONTROL"
}
# shellcheck disable=SC2086
$FAKEGPU --control "$CONTROL" --log "$TMP/gpu.log" -- "$TOKGAUGE" watch --json --proc-root "$PROC" >"$SEEN" 2>"$TMP/watch.err" &
SERVERS="$SERVERS $!"
shows "a line a second" "$MEMORY"
control 'gtt_used=50000000000\nvram_used=400000000\ngpu_busy=12\n'
shows "what changes is seen" '.gtt_used == 50000000000 and .vram_used == 400000000 and .gpu_busy_percent == 12'
control 'gtt_used=51000000000\nruntime_status=suspended\n'
shows "asleep: memory goes on, sensors are unknown" '.gpu_asleep and .gtt_used == 51000000000 and .gpu_busy_percent == null and .gpu_power_w == null'
wc -l <"$TMP/gpu.log" >"$TMP/asked"
lines() { [ "$(wc -l <"$SEEN")" -gt "$1" ]; }
check "it goes on looking" within 15 lines $(($(wc -l <"$SEEN") + 3))
check "and asks nothing of a GPU that sleeps" same "$(wc -l <"$TMP/gpu.log")" "$(cat "$TMP/asked")"
control 'gtt_used=51000000000\nruntime_status=active\n'
shows "awake again" '(.gpu_asleep | not) and .gpu_busy_percent == 12'
control 'remove\n'
shows "the device is gone: all of it is unknown" '.gtt_used == null and .gpu_busy_percent == null and .ram_used > 0'
control 'restore\ngtt_used=52000000000\n'
shows "it is back" '.gtt_used == 52000000000 and .gpu_busy_percent == 12'
check "nothing was said on stderr" same "$(cat "$TMP/watch.err")" ""

# ---- on a screen ----

printf 'gtt_used=30000000000\n' >"$CONTROL"
cat >"$TMP/script" <<END
wait "27.9 / 53.0 GiB"
wait "Radeon 8060S gfx1151"
wait "package power"
until printf 'gtt_used=42627399680\n' >$CONTROL
wait "39.7 / 53.0 GiB"
wait "75 %"
wait "other, or not visible"
key 1
wait "GTT left 13.3 GiB"
key q
expect-exit 0
restored
END
# shellcheck disable=SC2086
check "the gauges of the screen follow" "$PTY" 100 30 xterm-256color $FAKEGPU --control "$CONTROL" --no-sysfs-memory -- \
    "$TOKGAUGE" watch --proc-root "$PROC" <"$TMP/script"

# ---- a server of this machine ----

start_server "$RAWSERVER" ok
check "its process is found, and is in the run file" exits 0 "$TOKGAUGE" run "$URL" --json -n 2 -c 1 --context 32 --max-tokens 8 --out "$TMP/local.ndjson"
check "with its command line" json "$TMP/local.ndjson" "
    .[0].server_process | .pid == $SERVER_PID and (.command | test(\"rawserver ok\"))" -s
check "in the report too" sh -c '"$1" report "$2" | grep -E "Launch command.*rawserver"' sh "$TOKGAUGE" "$TMP/local.ndjson"
