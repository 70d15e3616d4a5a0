// SPDX-License-Identifier: GPL-2.0
/*
 * Proves nothing alone: it is what livepatch_stall needs. One kernel thread sleeps uninterruptibly
 * inside tidegate_lab_hold(), so a patch of that function can never switch the thread over: the
 * kernel neither wakes an uninterruptible sleeper nor changes a function that is on its stack.
 * Writing 1 to /sys/module/stall_helper/parameters/release lets the thread go.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/wait.h>

static DECLARE_WAIT_QUEUE_HEAD(gate);
static struct task_struct *holder;
static bool release;

static int set_release(const char *value, const struct kernel_param *param)
{
	int refused = param_set_bool(value, param);

	if (!refused)
		wake_up_all(&gate);
	return refused;
}

static const struct kernel_param_ops release_ops = {
	.set = set_release,
	.get = param_get_bool,
};

module_param_cb(release, &release_ops, &release, 0644);
MODULE_PARM_DESC(release, "true lets the sleeping thread leave the held function (default false)");

/* livepatch_stall replaces this function by name: it must exist as a function of its own. */
static noinline void tidegate_lab_hold(void)
{
	wait_event(gate, READ_ONCE(release) || kthread_should_stop());
}

static int hold(void *unused)
{
	tidegate_lab_hold();
	/* A thread that nobody stops may not return before kthread_stop() asks it to. */
	wait_event(gate, kthread_should_stop());
	return 0;
}

static int __init stall_helper_init(void)
{
	holder = kthread_run(hold, NULL, "tidegate_hold");
	return PTR_ERR_OR_ZERO(holder);
}

static void __exit stall_helper_exit(void)
{
	kthread_stop(holder);
}

module_init(stall_helper_init);
module_exit(stall_helper_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Tidegate kernel lab: a thread that sleeps inside a patchable function");
