# Does a transition that cannot end stay open, and can it be turned back?
. /lab/livepatch.sh

insmod /lab/modules/stall_helper.ko || exit 1
load livepatch_stall || exit 1
# The kernel first signals the tasks it waits for after 15 seconds; the patch must outlast that.
until dmesg | grep -q 'livepatch: signaling remaining tasks'; do
    usleep 200000
done
echo "stalled: transition $(cat /sys/kernel/livepatch/livepatch_stall/transition)"
revert livepatch_stall
echo "turned back: $(ls /sys/kernel/livepatch | wc -l) live patches"

load livepatch_stall || exit 1
echo 1 >/sys/module/stall_helper/parameters/release
finish livepatch_stall
echo "released: transition $(cat /sys/kernel/livepatch/livepatch_stall/transition)"
revert livepatch_stall
rmmod stall_helper
