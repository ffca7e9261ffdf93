# Machines that people have, as trees of files: what one look at each of them says.  GENERATE=1 writes the goldens again.
. "$TESTS_DIR/e2e/lib.sh"

# machine MEMTOTAL_KB AVAILABLE_KB BOOT_PARAMETERS…: a new tree
machine() {
    rm -rf "$TMP/m"
    mkdir -p "$TMP/m/proc/self" "$TMP/m/sys/class/drm" "$TMP/m/sys/bus/pci/devices"
    printf 'MemTotal: %d kB\nMemFree: %d kB\nMemAvailable: %d kB\nAnonPages: 2000000 kB\n' "$1" "$(($2 / 2))" "$2" >"$TMP/m/proc/meminfo"
    shift 2
    echo "quiet $*" >"$TMP/m/proc/cmdline"
    for word; do
        case $word in ttm.pages_limit=*)
            mkdir -p "$TMP/m/sys/module/ttm/parameters"
            echo "${word#*=}" >"$TMP/m/sys/module/ttm/parameters/pages_limit"
            ;;
        esac
    done
}

# gpu CARD PCI DEVICE VRAM_TOTAL VRAM_USED GTT_TOTAL GTT_USED
gpu() {
    at=$TMP/m/sys/bus/pci/devices/$2
    mkdir -p "$at/power" "$TMP/m/sys/class/drm/card$1"
    ln -s "../../../bus/pci/devices/$2" "$TMP/m/sys/class/drm/card$1/device"
    printf 'DRIVER=amdgpu\nPCI_ID=1002:%s\nPCI_SLOT_NAME=%s\n' "$3" "$2" >"$at/uevent"
    echo active >"$at/power/runtime_status"
    echo "$4" >"$at/mem_info_vram_total"
    echo "$5" >"$at/mem_info_vram_used"
    echo "$6" >"$at/mem_info_gtt_total"
    echo "$7" >"$at/mem_info_gtt_used"
}

# sensors PCI BUSY MILLI_C MICROWATT HZ: those of the last GPU
sensors() {
    at=$TMP/m/sys/bus/pci/devices/$1
    mkdir -p "$at/hwmon/hwmon5"
    echo "$2" >"$at/gpu_busy_percent"
    echo "$3" >"$at/hwmon/hwmon5/temp1_input"
    echo "$4" >"$at/hwmon/hwmon5/power1_average"
    echo "$5" >"$at/hwmon/hwmon5/freq1_input"
}

# process PID NAME PCI CLIENT RSS_PAGES FDINFO_LINES (printf's escapes)
process() {
    at=$TMP/m/proc/$1
    mkdir -p "$at/fd" "$at/fdinfo"
    echo "$2" >"$at/comm"
    echo "9999 $5 1 1 0 1 0" >"$at/statm"
    echo "$1 ($2) S 1 1 1" >"$at/stat"
    ln -s /dev/dri/renderD128 "$at/fd/7"
    printf 'drm-driver:\tamdgpu\ndrm-pdev:\t%s\ndrm-client-id:\t%s\n' "$3" "$4" >"$at/fdinfo/7"
    # shellcheck disable=SC2059  # it is a format
    printf "$6" >>"$at/fdinfo/7"
}

# picture NAME [OPTIONS…]
picture() {
    picture_golden=$TESTS_DIR/goldens/machine-$1.txt
    picture_name=$1
    shift
    "$TOKGAUGE" watch http://127.0.0.1:9 --once --proc-root "$TMP/m/proc" --sysfs-root "$TMP/m/sys" --dev-root "$TMP/m/dev" "$@" \
        >"$TMP/page" 2>&1
    [ "${GENERATE:-}" != 1 ] || cp "$TMP/page" "$picture_golden"
    check "$picture_name" diff "$picture_golden" "$TMP/page"
}

machine 131072000 62000000
gpu 1 0000:c3:00.0 1586 536870912 477102080 133143986176 60880695296
sensors 0000:c3:00.0 96 68000 82007000 2900000000
process 4001 llama-server 0000:c3:00.0 11 300000 'drm-memory-vram:\t2208 KiB\ndrm-memory-gtt: \t34286572 KiB\ndrm-memory-cpu: \t0 KiB\n'
process 4002 llama-server 0000:c3:00.0 12 200000 'drm-memory-vram:\t2208 KiB\ndrm-memory-gtt:\t25144840 KiB\ndrm-memory-cpu: \t0 KiB\n'
picture strix-halo-124 # two servers; GTT is most of RAM

machine 129000000 100000000 ttm.pages_limit=25165824
gpu 1 0000:c3:00.0 1586 4294967296 200000000 103079215104 14680064
picture gz302ea

machine 130988113 90000000 amdgpu.gttsize=131072 ttm.pages_limit=33554432
gpu 1 0000:c5:00.0 1586 536870912 477102080 137438953472 1000000000
picture gtr9-more-gtt-than-ram # clamped, and warned about

machine 32505856 20000000 amdgpu.gttsize=98304 ttm.pages_limit=4062211
gpu 1 0000:c5:00.0 1586 103079215104 60000000000 103079215104 100000000
picture carve-out-96 # models live in VRAM; TTM stops GTT far below what it promises

machine 122000000 100000000
gpu 1 0000:c5:00.0 1586 8589934592 500000000 133143986176 5000000000
picture carve-out-8

machine 131072000 21000000 ttm.pages_limit=31457280
gpu 1 0000:c1:00.0 1586 536870912 527433728 120259084288 109901250560
sensors 0000:c1:00.0 100 84000 114009000 2800000000
picture qwen3-235b # the most that fits; little is left

machine 32505856 15000000
gpu 0 0000:0e:00.0 164e 536870912 482959360 16360796160 975273984
sensors 0000:0e:00.0 3 43000 27000000 600000000
picture raphael

machine 64000000 30000000
gpu 1 0000:c1:00.0 150e 536870912 480000000 51539607552 26000000000
process 77 ollama 0000:c1:00.0 4 150000 'drm-memory-gtt: \t25258000 KiB\ndrm-memory-vram: \t5348 KiB\n'
process 78 kwin_wayland 0000:c1:00.0 5 30000 'drm-total-vram:\t44564 KiB\ndrm-resident-vram:\t44564 KiB\ndrm-memory-vram:\t44564 KiB\ndrm-total-gtt:\t2392 KiB\ndrm-resident-gtt:\t2392 KiB\n'
picture strix-point

machine 16000000 8000000
gpu 0 0000:04:00.0 1638 536870912 400000000 8000000000 1051754496
printf '0: 400Mhz *\n1: 1600Mhz\n' >"$TMP/m/sys/bus/pci/devices/0000:04:00.0/pp_dpm_mclk"
picture cezanne

machine 65000000 40000000
gpu 1 0000:03:00.0 7590 17095983104 9000000000 33000000000 200000000
sensors 0000:03:00.0 100 52000 44000000 2500000000
picture rx-9060-xt # a discrete GPU; busy though it idles

gpu 2 0000:0e:00.0 164e 536870912 100000000 33000000000 100000000
picture two-gpus # an APU beside it, with the larger pool; but the model is in the discrete one
picture two-gpus-chosen --gpu 0e:00.0

machine 16777216 9000000
printf 'lxcfs /proc/meminfo fuse.lxcfs rw 0 0\n' >"$TMP/m/proc/self/mounts"
gpu 1 0000:c3:00.0 1586 536870912 477102080 133143986176 60880695296
echo suspended >"$TMP/m/sys/bus/pci/devices/0000:c3:00.0/power/runtime_status"
picture container-asleep # what is told of RAM is the container's; the GPU is the machine's

machine 16777216 9000000
gpu 1 0000:c3:00.0 1586 garbage -1 '' '18446744073709551616999'
picture garbage
