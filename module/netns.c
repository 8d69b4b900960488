// SPDX-License-Identifier: GPL-2.0-only
/*
 * XTCP's part of a network namespace: made when the namespace is, gone before
 * the host's TCP leaves it.
 *
 * A namespace ends in two steps. .pre_exit takes the hooks off; then the core
 * waits for RCU, so that no segment is on its way in any more; then .exit runs.
 * Full sockets hold a reference to their namespace, orphans too: at .exit only
 * minisocks, reservations and control sockets are left.
 */
#include <linux/nsproxy.h>
#include <linux/random.h>
#include <linux/sched.h>

#include "conn/minis.h"
#include "conn/ports.h"
#include "control/control.h"
#include "entry/entry.h"
#include "netns.h"
#include "output/output.h"
#include "socket/socket.h"

unsigned int xtcp_net_id;

/* Namespaces that are older than the module have no creator to inherit from. */
static bool xtcp_netns_loading;

static int xtcp_netns_stats_init(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	xn->stats = alloc_percpu(struct xtcp_stats);
	return xn->stats ? 0 : -ENOMEM;
}

static void xtcp_netns_stats_exit(struct net *net)
{
	xtcp_mib_settled(net);
	free_percpu(xtcp_net(net)->stats);
}

static int xtcp_netns_fields_init(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	get_random_bytes(&xn->isn_key, sizeof(xn->isn_key));
	get_random_bytes(xn->cookie_key, sizeof(xn->cookie_key));
	mutex_init(&xn->hook_mutex);
	spin_lock_init(&xn->tw_lock);
	INIT_LIST_HEAD(&xn->tw_list);
	atomic_set(&xn->tw_count, 0);
	atomic_set(&xn->orphans, 0);
	spin_lock_init(&xn->challenge_lock);
	return 0;
}

static const struct net *xtcp_netns_parent(const struct net *net)
{
	if (xtcp_netns_loading || net_eq(net, &init_net))
		return NULL;
	switch (READ_ONCE(xtcp_param_netns_inherit)) {
	case XTCP_INHERIT_CREATOR:
		return current->nsproxy ? current->nsproxy->net_ns : &init_net;
	case XTCP_INHERIT_INIT:
		return &init_net;
	default:
		return NULL;
	}
}

static int xtcp_netns_knobs_init(struct net *net)
{
	const struct net *parent = xtcp_netns_parent(net);

	if (parent)
		xtcp_sysctl_copy(&xtcp_net(net)->knobs, &xtcp_net(parent)->knobs);
	else
		xtcp_sysctl_defaults(&xtcp_net(net)->knobs);
	return 0;
}

/* All that can still be there once the last program has left. */
static void xtcp_netns_purge(struct net *net)
{
	xtcp_close_orphans(net, XTCP_REASON_NETNS);
	xtcp_minis_timewait_purge(net, XTCP_REASON_NETNS);
	/* A timer that runs at this moment, or a reader, may hold the last reference */
	while (atomic_read(&xtcp_net(net)->tw_count))
		synchronize_net();
	xtcp_ports_flush(net);
}

/**
 * struct xtcp_netns_step - one part of a namespace
 * @init: makes it; may be NULL
 * @exit: takes it away again; may be NULL
 */
struct xtcp_netns_step {
	int (*init)(struct net *net);
	void (*exit)(struct net *net);
};

/* Forwards at birth; backwards at the end, or from the step that failed. */
static const struct xtcp_netns_step xtcp_netns_steps[] = {
	{ xtcp_netns_stats_init,	xtcp_netns_stats_exit },
	{ xtcp_netns_fields_init,	NULL },
	{ xtcp_netns_knobs_init,	NULL },
	{ xtcp_ip_net_init,		xtcp_ip_net_exit },
	{ NULL,				xtcp_netns_purge },
	{ xtcp_sysctl_net_init,		xtcp_sysctl_net_exit },
	{ xtcp_proc_net_init,		xtcp_proc_net_exit },
};

static void xtcp_netns_unwind(struct net *net, size_t done)
{
	while (done--) {
		if (xtcp_netns_steps[done].exit)
			xtcp_netns_steps[done].exit(net);
	}
}

static int __net_init xtcp_netns_net_init(struct net *net)
{
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(xtcp_netns_steps); i++) {
		if (!xtcp_netns_steps[i].init)
			continue;
		err = xtcp_netns_steps[i].init(net);
		if (err) {
			xtcp_netns_unwind(net, i);
			return err;
		}
	}
	/* XTCP's range is inherited, the host's is not */
	xtcp_sysctl_check_ports(net);
	return 0;
}

static void __net_exit xtcp_netns_net_pre_exit(struct net *net)
{
	xtcp_hook_net_exit(net);
}

static void __net_exit xtcp_netns_net_exit(struct net *net)
{
	xtcp_netns_unwind(net, ARRAY_SIZE(xtcp_netns_steps));
}

static struct pernet_operations xtcp_netns_ops = {
	.init = xtcp_netns_net_init,
	.pre_exit = xtcp_netns_net_pre_exit,
	.exit = xtcp_netns_net_exit,
	.id = &xtcp_net_id,
	.size = sizeof(struct xtcp_net),
};

/**
 * xtcp_netns_init() - begin in all namespaces there are and will be
 *
 * Context: process.
 * Return: 0 or negative errno.
 */
int xtcp_netns_init(void)
{
	int err;

	xtcp_netns_loading = true;
	err = register_pernet_subsys(&xtcp_netns_ops);
	xtcp_netns_loading = false;
	return err;
}

/**
 * xtcp_netns_for_each() - visit every namespace
 * @fn: called with each; may sleep, must not make or end a namespace
 * @arg: handed to @fn
 *
 * Context: process; holds net_rwsem for reading.
 */
void xtcp_netns_for_each(void (*fn)(struct net *net, void *arg), void *arg)
{
	struct net *net;

	down_read(&net_rwsem);
	for_each_net(net)
		fn(net, arg);
	up_read(&net_rwsem);
}

static void xtcp_netns_stop_one(struct net *net, void *arg)
{
	xtcp_hook_net_exit(net);
}

/**
 * xtcp_netns_stop() - the module goes: no segment finds its way in any more
 *
 * A namespace that is being taken apart is in the list no more; its own
 * .pre_exit does the same there.
 *
 * Context: process. No barrier: the caller waits for RCU.
 */
void xtcp_netns_stop(void)
{
	xtcp_netns_for_each(xtcp_netns_stop_one, NULL);
}

static void xtcp_netns_drop_queued_one(struct net *net, void *arg)
{
	if (READ_ONCE(xtcp_net(net)->was_hooked))
		nf_queue_nf_hook_drop(net);
}

/**
 * xtcp_netns_drop_queued() - no segment that waits for a verdict comes back to us
 *
 * Taking a hook off drops what is queued (NFQUEUE), but not what is being queued at that
 * moment by a hook behind us, nor anything if there is no memory for the shorter table.
 *
 * Context: process, after xtcp_netns_stop() and a grace period; waits for another.
 */
void xtcp_netns_drop_queued(void)
{
	xtcp_netns_for_each(xtcp_netns_drop_queued_one, NULL);
	/* A verdict under way may have had it queued once more */
	synchronize_net();
	xtcp_netns_for_each(xtcp_netns_drop_queued_one, NULL);
}

/**
 * xtcp_netns_exit() - leave all namespaces
 *
 * Context: process; no full socket is left anywhere.
 */
void xtcp_netns_exit(void)
{
	unregister_pernet_subsys(&xtcp_netns_ops);
}
