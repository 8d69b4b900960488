// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading.
 *
 * Loading goes through one table from top to bottom. Unloading, and a load that
 * fails half way, goes back up three times: "stop" closes the ways in, "exit"
 * takes down what nobody enters any more, "free" gives back memory that late
 * readers under RCU may have held until then.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "conn/flows.h"
#include "conn/life.h"
#include "conn/minis.h"
#include "conn/pacer.h"
#include "conn/ports.h"
#include "conn/timers.h"
#include "control/control.h"
#include "entry/entry.h"
#include "socket/socket.h"

#define XTCP_MAIN_POLL_MS	20	/* how often unloading looks whether all is gone */
#define XTCP_MAIN_LOG_MS	5000	/* and how often it says what it waits for */

int xtcp_param_syn_retries = 6;
int xtcp_param_synack_retries = 5;
int xtcp_param_msl_ms = 30000;
int xtcp_param_netns_inherit = XTCP_INHERIT_CREATOR;

/* The initial namespace can be written to; kernel_param_lock() */
static bool xtcp_main_live;

/* Make that step of loading fail, counted from 1: tests unwind from everywhere */
static unsigned int xtcp_main_fail_init;

/* ---- module parameters ---- */

/**
 * struct xtcp_main_param - a parameter that is a namespace's start value
 * @value: the parameter
 * @min: least value
 * @max: greatest value
 * @offset: of the knob in struct xtcp_knobs
 */
struct xtcp_main_param {
	int *value;
	int min;
	int max;
	size_t offset;
};

static const struct xtcp_main_param xtcp_main_syn_retries = {
	&xtcp_param_syn_retries, XTCP_SYN_RETRIES_MIN, XTCP_SYN_RETRIES_MAX,
	offsetof(struct xtcp_knobs, syn_retries),
};

static const struct xtcp_main_param xtcp_main_synack_retries = {
	&xtcp_param_synack_retries, XTCP_SYNACK_RETRIES_MIN, XTCP_SYNACK_RETRIES_MAX,
	offsetof(struct xtcp_knobs, synack_retries),
};

static const struct xtcp_main_param xtcp_main_msl_ms = {
	&xtcp_param_msl_ms, XTCP_MSL_MS_MIN, XTCP_MSL_MS_MAX,
	offsetof(struct xtcp_knobs, msl_ms),
};

static int xtcp_main_param_set(const char *val, const struct kernel_param *kp)
{
	const struct xtcp_main_param *param = kp->arg;
	int err, n;

	err = kstrtoint(val, 0, &n);
	if (err)
		return err;
	if (n < param->min || n > param->max)
		return -EINVAL;
	WRITE_ONCE(*param->value, n);
	if (xtcp_main_live)
		WRITE_ONCE(*(int *)((u8 *)&xtcp_net(&init_net)->knobs + param->offset), n);
	return 0;
}

static int xtcp_main_param_get(char *buffer, const struct kernel_param *kp)
{
	const struct xtcp_main_param *param = kp->arg;

	return sysfs_emit(buffer, "%d\n", READ_ONCE(*param->value));
}

static const struct kernel_param_ops xtcp_main_param_ops = {
	.set = xtcp_main_param_set,
	.get = xtcp_main_param_get,
};

static const char * const xtcp_main_inherit_names[] = {
	[XTCP_INHERIT_CREATOR] = "creator",
	[XTCP_INHERIT_INIT] = "init",
	[XTCP_INHERIT_DEFAULT] = "default",
};

static int xtcp_main_inherit_set(const char *val, const struct kernel_param *kp)
{
	int n = sysfs_match_string(xtcp_main_inherit_names, val);

	if (n < 0)
		return n;
	WRITE_ONCE(xtcp_param_netns_inherit, n);
	return 0;
}

static int xtcp_main_inherit_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n",
			  xtcp_main_inherit_names[READ_ONCE(xtcp_param_netns_inherit)]);
}

static const struct kernel_param_ops xtcp_main_inherit_ops = {
	.set = xtcp_main_inherit_set,
	.get = xtcp_main_inherit_get,
};

module_param_named(family, xtcp_family, int, 0444);
MODULE_PARM_DESC(family, "number of the address family (22)");
module_param_cb(syn_retries, &xtcp_main_param_ops, (void *)&xtcp_main_syn_retries, 0644);
MODULE_PARM_DESC(syn_retries, "SYNs sent again before connect() gives up (6)");
module_param_cb(synack_retries, &xtcp_main_param_ops, (void *)&xtcp_main_synack_retries, 0644);
MODULE_PARM_DESC(synack_retries, "SYN-ACKs sent again before a request is dropped (5)");
module_param_cb(msl_ms, &xtcp_main_param_ops, (void *)&xtcp_main_msl_ms, 0644);
MODULE_PARM_DESC(msl_ms, "maximum segment lifetime, ms; TIME_WAIT lasts twice this (30000)");
module_param_cb(netns_inherit, &xtcp_main_inherit_ops, NULL, 0644);
MODULE_PARM_DESC(netns_inherit, "where a new namespace's values come from: creator, init, default");
module_param_named(fail_init, xtcp_main_fail_init, uint, 0444);
MODULE_PARM_DESC(fail_init, "for tests: make this step of loading fail (0: none)");

/* ---- the steps ---- */

static int xtcp_main_timers_init(void)
{
	static const struct xtcp_timer_handlers handlers = {
		.sock = xtcp_timeouts_fire,
		.request = xtcp_timeouts_request,
		.timewait = xtcp_timeouts_timewait,
		.hr[XTCP_HRTIMER_PACE] = xtcp_timeouts_pace,
		.hr[XTCP_HRTIMER_SACKS] = xtcp_timeouts_sacks,
	};

	xtcp_timers_register(&handlers);
	return xtcp_pacers_init(xtcp_timeouts_resume);
}

static int xtcp_main_params_init(void)
{
	kernel_param_lock(THIS_MODULE);
	xtcp_main_live = true;
	kernel_param_unlock(THIS_MODULE);
	return 0;
}

static void xtcp_main_params_stop(void)
{
	kernel_param_lock(THIS_MODULE);
	xtcp_main_live = false;
	kernel_param_unlock(THIS_MODULE);
}

/**
 * struct xtcp_main_step - one part of the module
 * @name: for the log
 * @init: begins it
 * @stop: nothing new comes in by this way; others may still be inside
 * @exit: takes it down; nobody is inside
 * @free: gives back its memory, after all grace periods
 */
struct xtcp_main_step {
	const char *name;
	int (*init)(void);
	void (*stop)(void);
	void (*exit)(void);
	void (*free)(void);
};

/*
 * The family comes last: from that moment on sockets can be made, and the core frees a
 * module whose init fails even if somebody holds it.
 */
static const struct xtcp_main_step xtcp_main_steps[] = {
	{ "flows",  xtcp_flows_init,	   NULL,		  NULL, xtcp_flows_exit },
	{ "minis",  xtcp_minis_init,	   NULL,		  NULL, xtcp_minis_exit },
	{ "timers", xtcp_main_timers_init, NULL,		  xtcp_pacers_exit },
	{ "ports",  xtcp_ports_init,	   NULL,		  xtcp_ports_exit },
	{ "netns",  xtcp_netns_init,	   xtcp_netns_stop,	  xtcp_netns_exit },
	{ "params", xtcp_main_params_init, xtcp_main_params_stop },
	{ "hook",   xtcp_hook_init,	   xtcp_hook_exit },
	{ "sysfs",  xtcp_sysfs_init,	   xtcp_sysfs_exit },
	{ "family", xtcp_family_init,	   xtcp_family_close_door, NULL, xtcp_family_exit },
};

/* ---- unloading ---- */

/* Are there namespaces to look into, @done steps having been taken? */
static bool xtcp_main_has_netns(size_t done)
{
	while (done--) {
		if (xtcp_main_steps[done].init == xtcp_netns_init)
			return true;
	}
	return false;
}

static void xtcp_main_count_minis(struct net *net, void *arg)
{
	long *held = arg;

	*held += xtcp_mib_sum(net, XTCP_MIB_ReqsMade) - xtcp_mib_sum(net, XTCP_MIB_ReqsFreed);
	*held += xtcp_mib_sum(net, XTCP_MIB_TwsMade) - xtcp_mib_sum(net, XTCP_MIB_TwsFreed);
}

/*
 * No program holds a socket and nothing comes in. What is left are orphans,
 * TIME_WAIT entries, and sockets whose packets wait below IP: in neighbour
 * queues for about three seconds, in a delaying qdisc for as long as it likes.
 * Those cannot be recalled: their destructor is in the core and will touch the
 * socket, so it has to be there.
 */
static void xtcp_main_drain(void)
{
	unsigned int waited_ms = 0;

	for (;;) {
		int socks;
		long minis = 0;

		xtcp_close_orphans(NULL, XTCP_REASON_UNLOAD);
		xtcp_minis_timewait_purge(NULL, XTCP_REASON_UNLOAD);
		rcu_barrier();

		socks = xtcp_life_count();
		xtcp_netns_for_each(xtcp_main_count_minis, &minis);
		if (!socks && !minis)
			return;
		if (waited_ms && !(waited_ms % XTCP_MAIN_LOG_MS))
			pr_info("xtcp: unloading waits for %d sockets (packets of theirs are still queued below IP) and %ld minisocks\n",
				socks, minis);
		msleep(XTCP_MAIN_POLL_MS);
		waited_ms += XTCP_MAIN_POLL_MS;
	}
}

static void xtcp_main_unwind(size_t done)
{
	size_t i;

	for (i = done; i--;) {
		if (xtcp_main_steps[i].stop)
			xtcp_main_steps[i].stop();
	}
	/* whoever came in before the ways in were closed gets out */
	synchronize_net();
	/* counters and sockets are there once the namespaces are */
	if (xtcp_main_has_netns(done)) {
		xtcp_netns_drop_queued();
		xtcp_main_drain();
	}

	for (i = done; i--;) {
		if (xtcp_main_steps[i].exit)
			xtcp_main_steps[i].exit();
	}
	/* destructors and queued RCU callbacks run our code; so may preempted tasks */
	rcu_barrier();
	synchronize_rcu_tasks();
	for (i = done; i--;) {
		if (xtcp_main_steps[i].free)
			xtcp_main_steps[i].free();
	}
}

static int __init xtcp_main_init(void)
{
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(xtcp_main_steps); i++) {
		err = i + 1 == xtcp_main_fail_init ? -ENOMEM : xtcp_main_steps[i].init();
		if (err) {
			pr_err("xtcp: loading failed at step %zu (%s): %d\n", i + 1,
			       xtcp_main_steps[i].name, err);
			xtcp_main_unwind(i);
			return err;
		}
	}
	pr_info("xtcp: version %s, family %d\n", XTCP_VERSION, xtcp_family);
	return 0;
}

static void __exit xtcp_main_exit(void)
{
	xtcp_main_unwind(ARRAY_SIZE(xtcp_main_steps));
	pr_info("xtcp: unloaded\n");
}

module_init(xtcp_main_init);
module_exit(xtcp_main_exit);

MODULE_DESCRIPTION("XTCP: a complete TCP beside the kernel's own");
MODULE_LICENSE("GPL");
MODULE_VERSION(XTCP_VERSION);
MODULE_ALIAS_NETPROTO(22);
MODULE_ALIAS_NET_PF_PROTO(2, 253);
MODULE_ALIAS_NET_PF_PROTO_TYPE(2, 253, 1);
MODULE_ALIAS_NET_PF_PROTO(10, 253);
MODULE_ALIAS_NET_PF_PROTO_TYPE(10, 253, 1);
