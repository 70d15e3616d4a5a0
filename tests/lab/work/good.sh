# Does a good live patch apply, show and go away again, and does the host's loopback answer?
. /lab/livepatch.sh

echo "before: $(cat /proc/cmdline)"
load livepatch_good || exit 1
finish livepatch_good
echo "applied: $(cat /proc/cmdline)"
revert livepatch_good
echo "reverted: $(cat /proc/cmdline)"

echo "first from $LAB_NAME" | nc 10.0.2.2 "$LISTENER_PORT"
echo "second from $LAB_NAME" | nc 10.0.2.2 "$LISTENER_PORT"
