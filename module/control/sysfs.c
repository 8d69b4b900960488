// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/xtcp: the module as a whole, all namespaces added up.
 */
#include <linux/kobject.h>
#include <linux/sysfs.h>

#include "../pure/states.h"
#include "../socket/socket.h"
#include "control.h"

/**
 * struct xtcp_sysfs_attr - a file that shows one number
 * @attr: the file
 * @which: state, or counter by enum xtcp_mib
 */
struct xtcp_sysfs_attr {
	struct kobj_attribute attr;
	int which;
};

/**
 * struct xtcp_sysfs_sum - adding up over namespaces
 * @which: state, or counter
 * @sum: so far
 */
struct xtcp_sysfs_sum {
	int which;
	unsigned long sum;
};

static struct kobject *xtcp_sysfs_kobj;

static struct xtcp_sysfs_attr xtcp_sysfs_state_attrs[TCP_CLOSING];
static struct attribute *xtcp_sysfs_state_list[TCP_CLOSING + 1];
static const struct attribute_group xtcp_sysfs_state_group = {
	.name = "states",
	.attrs = xtcp_sysfs_state_list,
};

static struct xtcp_sysfs_attr xtcp_sysfs_counter_attrs[XTCP_MIB_MAX];
static struct attribute *xtcp_sysfs_counter_list[XTCP_MIB_MAX + 1];
static const struct attribute_group xtcp_sysfs_counter_group = {
	.name = "counters",
	.attrs = xtcp_sysfs_counter_list,
};

static ssize_t xtcp_sysfs_version_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", XTCP_VERSION);
}

static ssize_t xtcp_sysfs_family_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", xtcp_family);
}

static struct kobj_attribute xtcp_sysfs_version =
	__ATTR(version, 0444, xtcp_sysfs_version_show, NULL);
static struct kobj_attribute xtcp_sysfs_family =
	__ATTR(family, 0444, xtcp_sysfs_family_show, NULL);

static struct attribute *xtcp_sysfs_list[] = {
	&xtcp_sysfs_version.attr,
	&xtcp_sysfs_family.attr,
	NULL,
};

static const struct attribute_group xtcp_sysfs_group = {
	.attrs = xtcp_sysfs_list,
};

static const struct attribute_group *xtcp_sysfs_groups[] = {
	&xtcp_sysfs_group,
	&xtcp_sysfs_state_group,
	&xtcp_sysfs_counter_group,
	NULL,
};

/* A request is SYN_RECV to the world. */
static void xtcp_sysfs_add_state(struct net *net, void *arg)
{
	struct xtcp_sysfs_sum *sum = arg;

	sum->sum += xtcp_mib_state_now(net, sum->which);
	if (sum->which == TCP_SYN_RECV)
		sum->sum += xtcp_mib_state_now(net, TCP_NEW_SYN_RECV);
}

static void xtcp_sysfs_add_counter(struct net *net, void *arg)
{
	struct xtcp_sysfs_sum *sum = arg;

	sum->sum += xtcp_mib_sum(net, sum->which);
}

static ssize_t xtcp_sysfs_state_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct xtcp_sysfs_sum sum = {
		.which = container_of(attr, struct xtcp_sysfs_attr, attr)->which,
	};

	xtcp_netns_for_each(xtcp_sysfs_add_state, &sum);
	return sysfs_emit(buf, "%lu\n", sum.sum);
}

static ssize_t xtcp_sysfs_counter_show(struct kobject *kobj, struct kobj_attribute *attr,
				       char *buf)
{
	struct xtcp_sysfs_sum sum = {
		.which = container_of(attr, struct xtcp_sysfs_attr, attr)->which,
	};

	xtcp_netns_for_each(xtcp_sysfs_add_counter, &sum);
	return sysfs_emit(buf, "%lu\n", sum.sum);
}

static void xtcp_sysfs_fill(void)
{
	int i;

	for (i = 0; i < TCP_CLOSING; i++) {
		struct xtcp_sysfs_attr *a = &xtcp_sysfs_state_attrs[i];

		a->which = TCP_ESTABLISHED + i;
		sysfs_attr_init(&a->attr.attr);
		a->attr.attr.name = xtcp_state_name(a->which);
		a->attr.attr.mode = 0444;
		a->attr.show = xtcp_sysfs_state_show;
		xtcp_sysfs_state_list[i] = &a->attr.attr;
	}
	for (i = 0; i < XTCP_MIB_MAX; i++) {
		struct xtcp_sysfs_attr *a = &xtcp_sysfs_counter_attrs[i];

		a->which = i;
		sysfs_attr_init(&a->attr.attr);
		a->attr.attr.name = xtcp_mib_names[i];
		a->attr.attr.mode = 0444;
		a->attr.show = xtcp_sysfs_counter_show;
		xtcp_sysfs_counter_list[i] = &a->attr.attr;
	}
}

/**
 * xtcp_sysfs_init() - make /sys/kernel/xtcp
 *
 * Context: process; the namespaces are there.
 * Return: 0 or negative errno.
 */
int xtcp_sysfs_init(void)
{
	int err;

	xtcp_sysfs_fill();
	xtcp_sysfs_kobj = kobject_create_and_add("xtcp", kernel_kobj);
	if (!xtcp_sysfs_kobj)
		return -ENOMEM;
	err = sysfs_create_groups(xtcp_sysfs_kobj, xtcp_sysfs_groups);
	if (err)
		kobject_put(xtcp_sysfs_kobj);
	return err;
}

/**
 * xtcp_sysfs_exit() - take it away
 *
 * Context: process; waits for readers that are inside.
 */
void xtcp_sysfs_exit(void)
{
	sysfs_remove_groups(xtcp_sysfs_kobj, xtcp_sysfs_groups);
	kobject_put(xtcp_sysfs_kobj);
}
