# What is left for the next boot when a live patch kills the machine?
. /lab/livepatch.sh

if [ -f /state/intent ]; then
    echo "intent of boot: $(cat /state/intent)"
    echo "evidence: $(grep -h -o 'Kernel panic.*' /sys/fs/pstore/dmesg-*)"
    exit 0
fi
cat /proc/sys/kernel/random/boot_id >/state/intent
sync
load livepatch_panic delay_ms=0 || exit 1
sleep 600
