#!/bin/sh
# The soak of the collector: 50 feeds of 100 kB every 5 seconds for half an hour, ten SIGKILLs, three network cuts, and a full disk
# where this may mount a small tmpfs (as root). Prints what was lost, doubled and damaged, jitter, drift, bursts, memory, and
# how soon a restart asks. The machine should have nothing else to do.
#
# Usage: benches/soak.sh                     the measured form
#        benches/soak.sh SECONDS [KILLS [CUTS]]   a shorter one
#
# FAHRTENBUCH_SOAK_FEEDS, _BYTES, _EVERY, _CUT_SECONDS, _SEED change it; _COMMAND=capture measures 'capture --every'; _DISK is a
# folder on a small file system in place of the tmpfs.
set -eu
cd "$(dirname "$0")/.."
[ $# -lt 1 ] || export FAHRTENBUCH_SOAK_SECONDS="$1"
[ $# -lt 2 ] || export FAHRTENBUCH_SOAK_KILLS="$2"
[ $# -lt 3 ] || export FAHRTENBUCH_SOAK_CUTS="$3"
if [ -z "${FAHRTENBUCH_SOAK_DISK:-}" ]; then
    disk="$(mktemp -d)"
    if mount -t tmpfs -o size="${FAHRTENBUCH_SOAK_DISK_SIZE:-1500m}" soak "$disk" 2> /dev/null; then
        export FAHRTENBUCH_SOAK_DISK="$disk"
        trap 'umount "$disk"; rmdir "$disk"' EXIT
    else
        rmdir "$disk"
        echo "left out: the full disk, for this cannot mount a tmpfs; set FAHRTENBUCH_SOAK_DISK to a folder on a small file system"
    fi
fi
"${CARGO:-cargo}" test --release --test it soak::the_soak_is_measured -- --exact --ignored --nocapture
