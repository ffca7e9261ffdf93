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
# Sensors by libdrm alone, each failing alone.
N=0
for value in gpu_sclk_mhz gpu_mclk_mhz gpu_temperature_c gpu_busy_percent gpu_power_w; do
    N=$((N + 1))
    look "sensor $N of the driver fails, and no other" "$MEMORY and .$value == null and
        ([.gpu_sclk_mhz, .gpu_mclk_mhz, .gpu_temperature_c, .gpu_busy_percent, .gpu_power_w] | map(select(. != null)) | length) == 4" \
        --no-sysfs-sensors --sensor-fails "$N"
done
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

# ---- in a container that is told its own RAM ----

# 5 of 16 GiB are used there; the 39.7 GiB of GTT are the machine's, and no part of them.
mkdir -p "$TMP/lxc/self"
printf 'MemTotal: 16777216 kB\nMemFree: 8388608 kB\nMemAvailable: 11534336 kB\nAnonPages: 2097152 kB\n' >"$TMP/lxc/meminfo"
echo 'lxcfs /proc/meminfo fuse.lxcfs rw 0 0' >"$TMP/lxc/self/mounts"
cat >"$TMP/script" <<END
wait "RAM as a container sees it"
wait "other 2.0"
wait "left, at most 13.3 GiB"
key 1
wait "GTT left, at most 13.3 GiB"
key q
expect-exit 0
END
# shellcheck disable=SC2086
{
    check "a container" exits 0 $FAKEGPU -- "$TOKGAUGE" watch --once --json --proc-root "$TMP/lxc"
    check "its RAM has no GTT in it" json "$TMP/out" "$MEMORY"' and .ram_container_view == "lxcfs" and .ram_used == 5242880 * 1024
        and .ram_unaccounted == 3145728 * 1024'
    check "and GTT is not bounded by it" "$PTY" 100 30 xterm-256color $FAKEGPU -- "$TOKGAUGE" watch --proc-root "$TMP/lxc" <"$TMP/script"
}

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
FIRST=$!
SERVERS="$SERVERS $FIRST"
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
control 'gpu_busy=655\n'
shows "a load that cannot be: unknown" '.gpu_busy_percent == null and .gpu_sclk_mhz == 2900'
control 'gpu_busy=12\n'
shows "and a load again" '.gpu_busy_percent == 12'
control 'remove\n'
shows "the device is gone: all of it is unknown" '.gtt_used == null and .gpu_busy_percent == null and .ram_used > 0'
control 'restore\ngtt_used=52000000000\n'
shows "it is back" '.gtt_used == 52000000000 and .gpu_busy_percent == 12'
check "nothing was said on stderr" same "$(cat "$TMP/watch.err")" ""

kill -TERM "$FIRST"
wait "$FIRST"

# ---- a driver that hangs ----

printf 'gtt_used=42627399680\n' >"$CONTROL"
: >"$SEEN"
# shellcheck disable=SC2086
$FAKEGPU --control "$CONTROL" --no-sysfs-memory -- "$TOKGAUGE" watch --json --proc-root "$PROC" >"$SEEN" 2>"$TMP/watch.err" &
HUNG=$!
SERVERS="$SERVERS $HUNG"
shows "by libdrm alone, while all is well" "$MEMORY and .gtt_from == \"libdrm\""
control 'hang\n'
shows "a read that does not return: unknown" '.gtt_used == null'
check "what does not hang goes on" json "$TMP/last" '.ram_used > 0 and .gpu_busy_percent == 97'
ram_grows() { # more is used now: the thread of RAM does not stand still
    sed 's/^MemAvailable:.*/MemAvailable:   10000000 kB/' "$PROC/meminfo" >"$PROC/new" && cp "$PROC/meminfo" "$TMP/meminfo" &&
        mv "$PROC/new" "$PROC/meminfo"
}
ram_grows
shows "RAM too" '.gtt_used == null and .ram_available == 10000000 * 1024'
control 'go-on\ngtt_used=43000000000\n'
shows "it is back when the driver is" '.gtt_used == 43000000000'
control 'hang\n'
shows "and hangs again" '.gtt_used == null'
kill -TERM "$HUNG"
gone() { ! kill -0 "$1" 2>/dev/null; }
check "the program ends all the same" within 10 gone "$HUNG"
wait "$HUNG"
check "as it was told" same "$?" 143
mv "$TMP/meminfo" "$PROC/meminfo"

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
key 4
until printf 'hang\n' >$CONTROL
wait "no answer for some seconds"
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

# ---- another GPU while a load runs ----

# A second card in a tree of files; the server's process, as this tree shows it, has its memory on the one or the other.
TREE=$TMP/tree SYS=$TMP/tree/sys APU=0000:c5:00.0 CARD=0000:03:00.0
gpu_files() { # PCI CARDN DEVICE VRAM_TOTAL VRAM_USED GTT_TOTAL GTT_USED
    device=$SYS/bus/pci/devices/$1
    mkdir -p "$device/power" "$device/drm/renderD$((127 + $2))" "$SYS/class/drm/card$2"
    ln -s "$device" "$SYS/class/drm/card$2/device"
    printf 'DRIVER=amdgpu\nPCI_ID=1002:%s\nPCI_SLOT_NAME=%s\n' "$3" "$1" >"$device/uevent"
    echo active >"$device/power/runtime_status"
    echo "$4" >"$device/mem_info_vram_total" && echo "$5" >"$device/mem_info_vram_used"
    echo "$6" >"$device/mem_info_gtt_total" && echo "$7" >"$device/mem_info_gtt_used"
}
gpu_files "$APU" 1 1586 536870912 1000 56908316672 9663676416
gpu_files "$CARD" 2 7590 17179869184 8589934592 17179869184 1000
start_server "$RAWSERVER" ok
process() { # PID PCI NODE
    mkdir -p "$TREE/proc/$1/fd" "$TREE/proc/$1/fdinfo" "$TREE/proc/net"
    ln -sf "socket:[4001]" "$TREE/proc/$1/fd/3" && ln -sf "/dev/dri/$3" "$TREE/proc/$1/fd/9"
    echo "$1 (vllm) S 1 1 1" >"$TREE/proc/$1/stat" && echo vllm >"$TREE/proc/$1/comm"
    printf 'vllm\0serve\0' >"$TREE/proc/$1/cmdline"
    printf 'drm-driver:\tamdgpu\ndrm-pdev:\t%s\ndrm-client-id:\t7\ndrm-memory-vram:\t8000000 KiB\ndrm-memory-gtt:\t8000 KiB\n' "$2" \
        >"$TREE/proc/$1/fdinfo/9"
}
process 500 "$APU" renderD128
cp "$PROC/meminfo" "$TREE/proc/"
printf '  sl\n   0: 0100007F:%04X 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4001 1 0 100 0 0 10 0\n' "${URL##*:}" >"$TREE/proc/net/tcp"
"$TOKGAUGE" run "$URL" --json -c 1 --context 16 --max-tokens 8 --out "$TMP/two.ndjson" --proc-root "$TREE/proc" --sysfs-root "$SYS" \
    --dev-root "$TREE/dev" >"$TMP/two.out" 2>"$TMP/err" &
RUN=$!
SERVERS="$SERVERS $RUN"
rows() { # EXPRESSION: a row of the file is so
    [ -n "$(jq -c "select($1)" "$TMP/two.ndjson" 2>/dev/null)" ]
}
check "a load with the one that the server uses" within 10 rows '.type == "sample" and .gtt_used == 9663676416 and .state == "load"'
process 600 "$CARD" renderD129 # the server was started again, on the other one
rm -r "$TREE/proc/500"
check "the other one, while the load runs" within 15 rows '.type == "sample" and .vram_used == 8589934592 and .gtt_used == 1000'
check "is told" rows ".type == \"event\" and .level == \"warning\" and (.text | startswith(\"now watching the GPU at $CARD\"))"
check "with its process" rows '.type == "process" and .server_process.pid == 600'
kill -INT "$RUN"
wait "$RUN"
check "and a report of it says that it was started again" sh -c '"$1" report "$2" | grep -q "Started again | another process from"' sh "$TOKGAUGE" "$TMP/two.ndjson"
check "nothing of the first one stands under the other's name" json "$TMP/two.out" '
    .memory_gib | .gtt.peak < 0.1 and .gtt.total == 16 and .vram.peak == 8'

# Its driver tells which limits hold at the moment, and not for how long: bits 0 (PPT) and 32 (temperature) of a table 1.3.
{
    printf '\170\000\001\003'
    head -c 108 /dev/zero | tr '\000' '\377'
    printf '\001\000\000\000\001\000\000\000'
} >"$SYS/bus/pci/devices/$CARD/gpu_metrics"
card() {
    "$TOKGAUGE" watch --gpu "$CARD" --proc-root "$TREE/proc" --sysfs-root "$SYS" --dev-root "$TREE/dev" "$@"
}
check "what limits a GPU now" exits 0 card --once --json
check "is no share of the time" json "$TMP/out" '.gpu_limited_now and .gpu_limited_percent == null and .gpu_limited_by == "GPU temperature and others"'
check "one of two GPUs" json "$TMP/out" '.gpus == 2 and (.gpus_not_watched | contains("0000:c5:00.0 Radeon 8060S"))'
check "in a line" exits 0 card --duration 1s
check "neither" contains "$TMP/out" "limited now by GPU temperature and others"

# A limit of the kernel far below GTT's size: the guard of a matrix waits until there is room below that.
rm -r "$TREE/proc/600"
process 700 "$APU" renderD128
mkdir -p "$SYS/module/ttm/parameters"
echo 4194304 >"$SYS/module/ttm/parameters/pages_limit" # 16 GiB of 53
USED=$SYS/bus/pci/devices/$APU/mem_info_gtt_used
"$TOKGAUGE" run "$URL" --json -c 2,1 --order listed --context 16 --max-tokens 8 -d 30s --warmup 1 --guard 4GiB --out "$TMP/two2.ndjson" \
    --proc-root "$TREE/proc" --sysfs-root "$SYS" --dev-root "$TREE/dev" >"$TMP/two2.out" 2>"$TMP/err" &
RUN=$!
SERVERS="$SERVERS $RUN"
count() { jq -s "map(select($1)) | length" "$TMP/two2.ndjson" 2>/dev/null || echo 0; }
seen() { [ "$(count "$1")" -ge "$2" ]; } # EXPRESSION N
check "a matrix begins" within 15 seen '.type == "sample" and .state == "load"' 1
echo 13958643712 >"$USED"
check "the guard holds what the kernel allows against it" within 15 seen '.type == "event" and (.text | test("^guard: GTT has 3.0 GiB left"))' 1
drained=$(count '.type == "sample" and .state == "drain"')
check "it waits" within 15 seen '.type == "sample" and .state == "drain"' $((drained + 3))
check "and begins no other load meanwhile" same "$(count '.type == "phase"')" 1
echo 9663676416 >"$USED"
check "until memory is back" within 15 seen '.type == "phase"' 2
kill -INT "$RUN"
wait "$RUN"
check "what the guard did is its exit status" same $? 4
check "and its summary knows the limit" json "$TMP/two2.out" '.memory_gib.gtt_ceiling == 16 and .memory_gib.gtt.total == 53'
