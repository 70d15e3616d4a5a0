# Does a good live patch apply, show and go away again?
. /lab/livepatch.sh

echo "before: $(cat /proc/cmdline)"
load livepatch_good || exit 1
finish livepatch_good
echo "applied: $(cat /proc/cmdline)"
revert livepatch_good
echo "reverted: $(cat /proc/cmdline)"
