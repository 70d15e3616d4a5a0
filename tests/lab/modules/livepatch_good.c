// SPDX-License-Identifier: GPL-2.0
/*
 * Proves the happy way: a live patch that is accepted, whose transition ends, and whose effect a
 * program can see. Afterwards /proc/cmdline shows the marker in place of the command line; when
 * the patch is disabled, the command line is back.
 */
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#define MARKER "tidegate-lab: patched by livepatch_good"

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
};

static int __init livepatch_good_init(void)
{
	return klp_enable_patch(&patch);
}

/* The kernel lets the module go only after the patch was disabled through sysfs. */
static void __exit livepatch_good_exit(void)
{
}

module_init(livepatch_good_init);
module_exit(livepatch_good_exit);
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
MODULE_DESCRIPTION("Tidegate kernel lab: a live patch that works");
