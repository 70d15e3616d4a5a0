# Does a bad live patch apply like a good one, and kill the machine later?
. /lab/livepatch.sh

load livepatch_panic delay_ms=2000 || exit 1
finish livepatch_panic
echo "applied: $(cat /proc/cmdline)"
# The panic is due long before this ends.
sleep 600
echo "survived"
