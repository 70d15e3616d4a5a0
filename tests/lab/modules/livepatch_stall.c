// SPDX-License-Identifier: GPL-2.0
/*
 * Proves that a stuck transition is told from a finished one: the patch is accepted, and its
 * transition stays at 1 for as long as stall_helper's thread sleeps inside the function that this
 * patch replaces. Writing 0 to "enabled" turns the patch back in mid-transition. Load stall_helper
 * first: without it the object to patch does not exist and the transition ends at once.
 */
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>

static void patched_hold(void)
{
}

static struct klp_func funcs[] = {
	{
		.old_name = "tidegate_lab_hold",
		.new_func = patched_hold,
	},
	{ }
};

static struct klp_object objects[] = {
	{
		.name = "stall_helper",
		.funcs = funcs,
	},
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int __init livepatch_stall_init(void)
{
	return klp_enable_patch(&patch);
}

/* The kernel lets the module go only after the patch was disabled through sysfs. */
static void __exit livepatch_stall_exit(void)
{
}

module_init(livepatch_stall_init);
module_exit(livepatch_stall_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("Tidegate kernel lab: a live patch whose transition never ends");
