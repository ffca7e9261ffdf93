# The fake GPU by itself: what a plain client of libdrm and sysfs sees in it, by each option and each change.
. "$TESTS_DIR/e2e/lib.sh"
PROBE=$BUILD/tests/tools/drmprobe
OUT=$TMP/out

# sees NAME EXPRESSION OPTIONS…: the probe gets at the GPU, and its answer is so
sees() {
    sees_name=$1 sees_expr=$2
    shift 2
    # shellcheck disable=SC2086  # a command line
    check "$sees_name" exits 0 $FAKEGPU "$@" -- "$PROBE"
    check "$sees_name: what it sees" json "$OUT" "$sees_expr"
}

# lacks_gpu NAME EXPRESSION OPTIONS…: libdrm does not get at it; the probe lives to say so
lacks_gpu() {
    lacks_name=$1 lacks_expr=$2
    shift 2
    # shellcheck disable=SC2086
    check "$lacks_name" exits 1 $FAKEGPU "$@" -- "$PROBE"
    check "$lacks_name: what it says" json "$OUT" "$lacks_expr"
}

sees "an APU" '.node == "/dev/dri/renderD128" and .name == "amdgpu 3.64" and .device == "1002:1586" and .apu' \
    --log "$TMP/log"
check "memory" json "$OUT" \
    '.memory == {vram_total: 536870912, vram_used: 314572800, gtt_total: 56908316672, gtt_used: 42627399680}'
check "memory by a query each" json "$OUT" '.heaps == .memory + {visible_used: 314572800}'
check "memory in sysfs" json "$OUT" \
    '.sysfs.mem_info_gtt_used == 42627399680 and .sysfs.mem_info_vram_total == 536870912'
check "sensors" json "$OUT" '.sensors == {"1": 2900, "2": 1000, "3": 61000, "4": 97, "5": 84, "6": 871, "7": 1012}'
check "it is awake and busy" json "$OUT" '.sysfs.runtime_status == "active" and .sysfs.gpu_busy_percent == 97'
check "the log has the queries" same "$(grep -cE '^(info 0x19|sensor [1-7])$' "$TMP/log")" 8
check "and the nodes" contains "$TMP/log" "open /dev/dri/renderD128"

sees "memory of our choice" '.memory == {vram_total: 4, vram_used: 3, gtt_total: 2199023255552, gtt_used: 1}' \
    --gtt-total 2199023255552 --gtt-used 1 --vram-total 4 --vram-used 3
check "in sysfs as well" json "$OUT" '.sysfs.mem_info_gtt_total == 2199023255552 and .sysfs.mem_info_vram_used == 3'
sees "memory by libdrm alone" '.memory.gtt_used == 42627399680 and .sysfs.mem_info_gtt_used == null' --no-sysfs-memory
check "the rest of sysfs is there" json "$OUT" '.sysfs.gpu_busy_percent == 97'
sees "sensors fail alone" '.sensors["3"] == null and .sensors["5"] == null and .sensors["4"] == 97' \
    --sensor-fails 3 --sensor-fails 5
lacks_gpu "no permission" '.error == "open: Permission denied" and .node == "/dev/dri/renderD128"' --no-render
check "but sysfs" json "$OUT" '.sysfs.mem_info_gtt_used == 42627399680'
lacks_gpu "no version" '.error == "no version"' --version-fails
lacks_gpu "no acceleration" '.name == "amdgpu 3.64" and (.error | startswith("initialize: "))' --accel-fails

# Commands that are no build of ours need no sanitiser before them.
PLAIN="env -u FAKEGPU_PRELOAD_FIRST $FAKEGPU"
in_bed() { # SCRIPT: its output is $OUT
    # shellcheck disable=SC2086
    exits 0 $PLAIN -- sh -c "$1"
}
# shellcheck disable=SC2016  # the inner shell's
check "both ways to the device" in_bed '
    test /sys/class/drm/card1/device/mem_info_gtt_used -ef /sys/bus/pci/devices/0000:c5:00.0/mem_info_gtt_used &&
    test /sys/bus/pci/drivers/amdgpu/0000:c5:00.0 -ef /sys/class/drm/renderD128/device &&
    test /sys/class/hwmon/hwmon3 -ef /sys/class/drm/card1/device/hwmon/hwmon3 && cd /sys/class/drm/card1/device &&
    basename "$(readlink driver)" && cat uevent hwmon/hwmon3/in1_label hwmon/hwmon3/power1_average pp_dpm_sclk'
for line in amdgpu DRIVER=amdgpu PCI_ID=1002:1586 PCI_SLOT_NAME=0000:c5:00.0 vddnb 84000000 '2: 2900Mhz *'; do
    check "sysfs has $line" grep -qxF "$line" "$OUT"
done
check "gpu_metrics" in_bed 'cd /sys/class/drm/card1/device && wc -c <gpu_metrics && od -A n -t u1 -N 4 gpu_metrics'
check "of version 3.0" same "$(tr -s ' \n' ' ' <"$OUT")" "264 8 1 3 0 "
check "the device nodes" in_bed 'stat -c "%F %t:%T" /dev/dri/card1 /dev/dri/renderD128'
check "are of DRM" same "$(tr '\n' ' ' <"$OUT")" "character special file e2:1 character special file e2:80 "

# The command. ----

# shellcheck disable=SC2086
{
    check "its exit status is ours" exits 7 $PLAIN -- sh -c 'exit 7'
    check "and its signal" exits 137 $PLAIN -- sh -c 'kill -9 $$'
    check "a command that is not there" exits 127 $PLAIN -- "$TMP/nothing"
    check "is named" contains "$TMP/err" "cannot run '$TMP/nothing'"
    check "a wrong option" exits 2 $PLAIN --nonsense -- true
    check "a wrong number" exits 2 $PLAIN --gtt-used 12x -- true
    check "no command" exits 2 $PLAIN
    check "no testbed" exits 1 "$BUILD/tests/tools/fakegpu" -- true
    printf 'one\ntwo\n' | $PLAIN -- cat >"$OUT"
    check "it has our input and output" same "$(tr '\n' ' ' <"$OUT")" "one two "
}

# In a terminal it stands aside: ^C reaches the command once.
cat >"$TMP/script" <<'END'
wait ready
key C-c
wait caught
type go
key Enter
wait "interrupted 1 times"
expect-exit 3
END
terminal() { # noflsh: else ^C, once it has been sent, throws away what is on its way, and that may be the answer to it
    # shellcheck disable=SC2086,SC2016
    "$BUILD/tests/tools/ui_pty" 60 5 xterm-256color $PLAIN -- sh -c 'stty noflsh; n=0; trap "n=\$((n + 1)); echo caught" INT; echo ready
        until read -r line; do :; done; echo "interrupted $n times"; exit 3' <"$TMP/script"
}
check "a terminal is the command's own" terminal

# Changes while it runs. ----

CONTROL=$TMP/control
SEEN=$TMP/seen
answers() { # EXPRESSION: the last whole answer is so
    tail -n 1 "$SEEN" >"$TMP/last"
    [ -s "$TMP/last" ] && # jq finds all true of nothing
        jq -e "$1" "$TMP/last" >/dev/null 2>&1
}
control() { # LINES, with \n at their ends
    printf %b "$1" >"$CONTROL"
}
# shows NAME EXPRESSION
shows() {
    check "$1" within 10 answers "$2"
}
follow() { # OPTIONS…: starts the probe, which ends with the script
    : >"$SEEN"
    # shellcheck disable=SC2086
    $FAKEGPU --control "$CONTROL" "$@" -- "$PROBE" --follow >"$SEEN" 2>"$TMP/follow.err" &
    FOLLOWER=$!
    SERVERS="$SERVERS $FOLLOWER"
}
ended() { # STATUS
    wait "$FOLLOWER"
    same "$?" "$1"
}

control 'gtt_used=11\n'
follow --log "$TMP/follow.log"
shows "a control file from before" '.memory.gtt_used == 11 and .sysfs.mem_info_gtt_used == 11'
control 'gtt_used=22222\n'
shows "GTT used" '.memory.gtt_used == 22222 and .heaps.gtt_used == 22222 and .sysfs.mem_info_gtt_used == 22222'
control 'vram_used=33\ngpu_busy=4\n'
shows "VRAM used, and load" '.memory.vram_used == 33 and .sysfs.mem_info_vram_used == 33 and
    .heaps.visible_used == 33 and .sensors["4"] == 4 and .sysfs.gpu_busy_percent == 4 and .memory.gtt_used == 22222'
control 'runtime_status=suspended\n'
shows "asleep" '.sysfs.runtime_status == "suspended"'
control 'remove\n'
shows "no device" '.error == "no device" and .memory == null and .sysfs.runtime_status == null'
check "the old descriptor was dead at once" contains "$SEEN" '"error":"memory: No such device"'
control 'gtt_used=55\n'
check "a change without a device" within 10 grep -qx 'control gtt_used=55' "$TMP/follow.log"
control 'restore\nruntime_status=active\ngtt_used='
shows "back as it was" '.error == null and .node == "/dev/dri/renderD128" and .memory.vram_used == 33 and
    .memory.gtt_used == 55 and .sysfs.mem_info_gtt_used == 55 and .sysfs.runtime_status == "active"'
control 'no such thing\ngtt_used=66\n'
shows "a wrong line does not keep others back" '.memory.gtt_used == 66'
check "and is named" contains "$TMP/follow.err" "no such line: no such thing"
check "every change is in the log" same "$(grep -c '^control ' "$TMP/follow.log")" 10
kill -TERM "$FOLLOWER"
check "TERM goes on to the command" ended 55

control 'runtime_status=suspended\n'
follow --no-sysfs-memory
shows "another one" '.sysfs.runtime_status == "suspended"'
control 'gtt_used=77\n'
shows "GTT used by libdrm alone" '.memory.gtt_used == 77 and .sysfs.mem_info_gtt_used == null'
kill -INT "$FOLLOWER"
check "INT goes on as well" ended 42

# A file that stays open shows the change, as sysfs does.
rm -f "$CONTROL"
# shellcheck disable=SC2086,SC2016
check "a file that stays open" exits 0 $PLAIN --control "$CONTROL" -- sh -c '
    exec 5</sys/class/drm/card1/device/mem_info_gtt_used && echo gtt_used=88 >"$0" &&
    for i in $(seq 200); do
        grep -qx 88 /sys/class/drm/card1/device/mem_info_gtt_used && break
        sleep 0.05
    done
    cat <&5' "$CONTROL"
check "shows the change" same "$(cat "$OUT")" 88
