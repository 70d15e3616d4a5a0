// SPDX-License-Identifier: GPL-2.0
/*
 * Proves the kernel's atomic replace: a newer, cumulative live patch takes the place of every older
 * one in a single transition. It changes the same function as livepatch_good, so that /proc/cmdline
 * shows which of the two is in effect; when it is disabled, nothing of the older one comes back.
 */
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#define MARKER "tidegate-lab: patched by livepatch_next"

static int marker_proc_show(struct seq_file *m, void *v)
{
	seq_puts(m, MARKER "\n");
	return 0;
}

static struct klp_func funcs[] = {
	{
		.old_name = "cmdline_proc_show",
		.new_func = marker_proc_show,
	},
	{ }
};

/* No name: the function lives in the kernel itself, not in a module. */
static struct klp_object objects[] = {
	{
		.funcs = funcs,
	},
	{ }
};

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
	.replace = true,
};

static int __init livepatch_next_init(void)
{
	return klp_enable_patch(&patch);
}

/* The kernel lets the module go only after the patch was disabled through sysfs. */
static void __exit livepatch_next_exit(void)
{
}

module_init(livepatch_next_init);
module_exit(livepatch_next_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("Tidegate kernel lab: a cumulative live patch that replaces older ones");
