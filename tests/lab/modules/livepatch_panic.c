// SPDX-License-Identifier: GPL-2.0
/*
 * Proves the disaster a staged rollout is for: a live patch that applies without a complaint, is
 * reported as applied, and kills the machine a while later. The clock starts when the transition
 * has ended, so the host has time to say "applied" first. A patch that is reverted in time does
 * no harm: disabling it stops the clock.
 */
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/workqueue.h>

#define MARKER "tidegate-lab: patched by livepatch_panic"

static unsigned int delay_ms = 3000;
module_param(delay_ms, uint, 0444);
MODULE_PARM_DESC(delay_ms, "milliseconds from the end of the transition to the panic (default 3000)");

static void die(struct work_struct *work)
{
	panic("tidegate-lab: livepatch_panic ends this machine");
}

static DECLARE_DELAYED_WORK(death, die);

static int marker_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, MARKER "\n");
	return 0;
}

static void start_clock(struct klp_object *object)
{
	schedule_delayed_work(&death, msecs_to_jiffies(delay_ms));
}

static void stop_clock(struct klp_object *object)
{
	cancel_delayed_work_sync(&death);
}

static struct klp_func funcs[] = {
	{
		.old_name = "cmdline_proc_show",
		.new_func = marker_proc_show,
	},
	{ }
};

static struct klp_object objects[] = {
	{
		.funcs = funcs,
		.callbacks = {
			.post_patch = start_clock,
			.pre_unpatch = stop_clock,
		},
	},
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init livepatch_panic_init(void)
{
	return klp_enable_patch(&patch);
}

/* The kernel lets the module go only after the patch was disabled through sysfs. */
static void __exit livepatch_panic_exit(void)
{
}

module_init(livepatch_panic_init);
module_exit(livepatch_panic_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("Tidegate kernel lab: a live patch that kills the machine a while later");
