# How does a lab machine's script apply and revert a live patch?
# Sourced by the scripts in work/. The waits have no limit of their own: the harness has one.

# load MODULE [PARAMETER=VALUE...]: inserts a live patch; returns when the kernel has accepted it.
load() {
    name=$1
    shift
    insmod "/lab/modules/$name.ko" "$@"
}

# finish MODULE: returns when the patch's transition has ended.
finish() {
    until [ "$(cat "/sys/kernel/livepatch/$1/transition")" = 0 ]; do
        usleep 100000
    done
}

# revert MODULE: disables the patch, also in mid-transition, and removes its module.
revert() {
    echo 0 >"/sys/kernel/livepatch/$1/enabled"
    while [ -d "/sys/kernel/livepatch/$1" ]; do
        usleep 100000
    done
    # The kernel lets go of the module a moment after the folder is gone.
    until rmmod "$1" 2>/dev/null; do
        usleep 100000
    done
}
