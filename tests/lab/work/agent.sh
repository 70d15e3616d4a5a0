# What does a machine of a real fleet do? It enrols once, runs the agent, and says aloud what its
# kernel shows whenever that changes: the words of /proc/cmdline, which the lab's live patches
# replace, which of their modules are loaded, and which live patches the kernel has, each as
# NAME=ENABLED/TRANSITION.
state=/state/agent

tell() {
    shown=
    held=unknown
    listed=unknown
    while true; do
        read -r now </proc/cmdline
        if [ "$now" != "$shown" ]; then
            shown=$now
            echo "lab: proc says: $now"
        fi
        loaded=
        for module in /sys/module/livepatch_*; do
            [ -d "$module" ] && loaded="$loaded ${module##*/}"
        done
        if [ "$loaded" != "$held" ]; then
            held=$loaded
            echo "lab: loaded:$loaded"
        fi
        patches=
        for patch in /sys/kernel/livepatch/*; do
            enabled=$(cat "$patch/enabled" 2>/dev/null) || continue
            transition=$(cat "$patch/transition" 2>/dev/null) || continue
            patches="$patches ${patch##*/}=$enabled/$transition"
        done
        if [ "$patches" != "$listed" ]; then
            listed=$patches
            echo "lab: live patches:${patches:- none}"
        fi
        usleep 200000
    done
}
tell &

# What the machine's kernel holds besides, for live patches that need it.
for module in $LAB_MODULES; do
    insmod "/lab/modules/$module.ko" || exit 1
done

if [ ! -d "$state" ]; then
    echo "lab-$LAB_NAME" >/run/machine-id
    echo "$LAB_TOKEN" >/run/token
    tidegate-agent --state-dir "$state" enable --controller "$LAB_CONTROLLER" \
        --allow-plaintext-to 10.0.2.2 --machine-id-file /run/machine-id --zone lab \
        --token-file /run/token || exit 1
fi
tidegate-agent --state-dir "$state" run --driver kernel
