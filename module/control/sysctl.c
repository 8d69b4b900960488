// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/sys/net/xtcp: every namespace's own values, all of them bounded.
 *
 * A write works on a copy of all values. Only when the copy holds together, each
 * value within its bounds and none against another, is it taken over: a value
 * out of bounds is -EINVAL and changes nothing, of several numbers on one line
 * not even the first.
 */
#include <linux/slab.h>
#include <net/ip.h>

#include "../conn/mem.h"
#include "../socket/socket.h"
#include "control.h"

/* Serializes writers, so that no rule between two values can be broken by two writes */
static DEFINE_MUTEX(xtcp_sysctl_mutex);

static const struct xtcp_knobs xtcp_sysctl_start = {
	.fin_wait2_ms		= 60000,
	.keepalive_time		= 7200,		/* MUST-28 */
	.keepalive_intvl	= 75,
	.keepalive_probes	= 10,
	.retries1		= 3,
	.retries2		= 15,
	.orphan_retries		= 8,
	.rto_initial_ms		= 1000,		/* RFC 6298 2.1 */
	.rto_min_ms		= 200,
	.rto_max_ms		= 120000,
	.delack_ms		= 40,
	.quick_ack_wait_ms	= 4,
	.comp_sack_delay_ns	= 1000000,
	.comp_sack_slack_ns	= 100000,
	.comp_sack_nr		= 44,
	.comp_sack_rtt_percent	= 33,
	.wire_protocol		= IPPROTO_TCP,
	.ip_local_port_range	= { 61000, 65535 },
	.sack			= 1,
	.timestamps		= 1,
	.window_scaling		= 1,
	.ecn			= 2,
	.ecn_fallback		= 1,
	.syncookies		= 1,
	.max_syn_backlog	= 4096,
	.somaxconn		= 4096,
	.tw_reuse		= 2,
	.max_tw_sockets		= 65536,
	.rfc1337		= 1,
	.slow_start_after_idle	= 1,
	.pacing_ss_ratio	= 200,
	.pacing_ca_ratio	= 120,
	.limit_output_bytes	= 4194304,
	.challenge_ack_limit	= 1000,		/* a second; RFC 5961 7 */
	.rmem			= { 4096, 131072, 6291456 },
	.wmem			= { 4096, 16384, 4194304 },
	.max_orphans		= 65536,
	.mtu_probing		= 1,
	.base_mss		= 1024,		/* RFC 4821 7.2 */
	.mtu_probe_floor	= 48,
	.mtu_probe_interval	= 600,
	.msl_min_ms		= 1000,
	.rto_min_floor_ms	= 20,
	.keepalive_min		= 1,
	.create_group_range	= { 0, INT_MAX },
	.congestion_control	= "cubic",
};

/**
 * struct xtcp_sysctl_entry - one file of numbers
 * @file: its name, and that of the member of struct xtcp_knobs
 * @offset: where the member is
 * @count: how many numbers it has
 * @min: least value of each
 * @max: greatest value of each
 */
struct xtcp_sysctl_entry {
	const char *file;
	size_t offset;
	int count;
	int min;
	int max;
};

#define XTCP_SYSCTL(name, low, high)					\
	{								\
		.file = #name,						\
		.offset = offsetof(struct xtcp_knobs, name),		\
		.count = sizeof_field(struct xtcp_knobs, name) / sizeof(int), \
		.min = (low),						\
		.max = (high),						\
	}

#define XTCP_SYSCTL_DAY_MS	(24 * 3600 * 1000)
#define XTCP_SYSCTL_MANY	16777216
#define XTCP_SYSCTL_BUFFER	1073741824
#define XTCP_SYSCTL_WMEM_MIN	4096	/* the default's; SO_SNDBUF has a floor of its own */
#define XTCP_SYSCTL_KEEPALIVE_S	32767	/* as TCP_KEEPIDLE takes it */

static const struct xtcp_sysctl_entry xtcp_sysctl_entries[] = {
	XTCP_SYSCTL(syn_retries, XTCP_SYN_RETRIES_MIN, XTCP_SYN_RETRIES_MAX),
	XTCP_SYSCTL(synack_retries, XTCP_SYNACK_RETRIES_MIN, XTCP_SYNACK_RETRIES_MAX),
	XTCP_SYSCTL(msl_ms, XTCP_MSL_MS_MIN, XTCP_MSL_MS_MAX),
	XTCP_SYSCTL(fin_wait2_ms, 1, XTCP_SYSCTL_DAY_MS),
	XTCP_SYSCTL(keepalive_time, 1, XTCP_SYSCTL_KEEPALIVE_S),
	XTCP_SYSCTL(keepalive_intvl, 1, XTCP_SYSCTL_KEEPALIVE_S),
	XTCP_SYSCTL(keepalive_probes, 1, 127),
	XTCP_SYSCTL(keepalive_force, 0, 1),
	XTCP_SYSCTL(dead_peer_ms, 0, 7 * XTCP_SYSCTL_DAY_MS),
	XTCP_SYSCTL(retries1, 0, 255),
	XTCP_SYSCTL(retries2, 1, 255),
	XTCP_SYSCTL(orphan_retries, 0, 255),
	XTCP_SYSCTL(rto_initial_ms, 1, 600000),
	XTCP_SYSCTL(rto_min_ms, 1, 120000),
	XTCP_SYSCTL(rto_max_ms, 1, 600000),
	XTCP_SYSCTL(delack_ms, 0, 499),			/* MUST-40 */
	XTCP_SYSCTL(quick_ack_wait_ms, 0, 499),
	XTCP_SYSCTL(comp_sack_delay_ns, 0, XTCP_ACK_NS_MAX),
	XTCP_SYSCTL(comp_sack_slack_ns, 0, XTCP_ACK_NS_MAX),
	XTCP_SYSCTL(comp_sack_nr, 0, 255),
	XTCP_SYSCTL(comp_sack_rtt_percent, 1, 1000),
	XTCP_SYSCTL(wire_protocol, IPPROTO_TCP, IPPROTO_XTCP),
	XTCP_SYSCTL(ip_local_port_range, 1, 65535),
	XTCP_SYSCTL(sack, 0, 1),
	XTCP_SYSCTL(timestamps, 0, 1),
	XTCP_SYSCTL(window_scaling, 0, 1),
	XTCP_SYSCTL(ecn, 0, 2),
	XTCP_SYSCTL(ecn_fallback, 0, 1),
	XTCP_SYSCTL(syncookies, 0, 2),
	XTCP_SYSCTL(max_syn_backlog, 1, XTCP_SYSCTL_MANY),
	XTCP_SYSCTL(somaxconn, 0, XTCP_SYSCTL_MANY),
	XTCP_SYSCTL(tw_reuse, 0, 2),
	XTCP_SYSCTL(max_tw_sockets, 0, XTCP_SYSCTL_MANY),
	XTCP_SYSCTL(rfc1337, 0, 1),
	XTCP_SYSCTL(slow_start_after_idle, 0, 1),
	XTCP_SYSCTL(pacing, 0, 1),
	XTCP_SYSCTL(pacing_ss_ratio, 1, 1000),
	XTCP_SYSCTL(pacing_ca_ratio, 1, 1000),
	XTCP_SYSCTL(limit_output_bytes, 1, XTCP_SYSCTL_BUFFER),
	XTCP_SYSCTL(challenge_ack_limit, 0, XTCP_SYSCTL_MANY),
	XTCP_SYSCTL(rmem, SOCK_MIN_RCVBUF, XTCP_SYSCTL_BUFFER),
	XTCP_SYSCTL(wmem, XTCP_SYSCTL_WMEM_MIN, XTCP_SYSCTL_BUFFER),
	XTCP_SYSCTL(max_orphans, 0, XTCP_SYSCTL_MANY),
	XTCP_SYSCTL(mtu_probing, 0, 1),
	XTCP_SYSCTL(base_mss, 48, 65535),
	XTCP_SYSCTL(mtu_probe_floor, 48, 65535),
	XTCP_SYSCTL(mtu_probe_interval, 1, XTCP_SYSCTL_DAY_MS / 1000),
	XTCP_SYSCTL(msl_min_ms, XTCP_MSL_MS_MIN, XTCP_MSL_MS_MAX),
	XTCP_SYSCTL(rto_min_floor_ms, 1, 120000),
	XTCP_SYSCTL(keepalive_min, 1, XTCP_SYSCTL_KEEPALIVE_S),
	XTCP_SYSCTL(create_group_range, 0, INT_MAX),
};

/* The rules between values */
static bool xtcp_sysctl_coherent(const struct xtcp_knobs *k)
{
	return k->rto_min_ms <= k->rto_max_ms &&
	       k->rto_initial_ms <= k->rto_max_ms &&
	       k->retries1 <= k->retries2 &&
	       (k->wire_protocol == IPPROTO_TCP || k->wire_protocol == IPPROTO_XTCP) &&
	       k->ip_local_port_range[0] <= k->ip_local_port_range[1] &&
	       k->rmem[0] <= k->rmem[1] && k->rmem[1] <= k->rmem[2] &&
	       k->wmem[0] <= k->wmem[1] && k->wmem[1] <= k->wmem[2];
}

/* Files of numbers: extra1 is the namespace, extra2 the entry. */
static int xtcp_sysctl_ints(XTCP_CTL_TABLE *table, int write, void *buffer, size_t *lenp,
			    loff_t *ppos)
{
	const struct xtcp_sysctl_entry *entry = table->extra2;
	struct net *net = table->extra1;
	struct xtcp_knobs *knobs = &xtcp_net(net)->knobs;
	struct xtcp_knobs copy;
	struct ctl_table tmp;
	int err, i;

	mutex_lock(&xtcp_sysctl_mutex);
	copy = *knobs;
	tmp = *table;
	tmp.data = (u8 *)&copy + entry->offset;
	tmp.extra1 = (void *)&entry->min;
	tmp.extra2 = (void *)&entry->max;
	err = proc_dointvec_minmax(&tmp, write, buffer, lenp, ppos);
	if (write && !err && !xtcp_sysctl_coherent(&copy))
		err = -EINVAL;
	if (write && !err) {
		for (i = 0; i < entry->count; i++)
			WRITE_ONCE(((int *)table->data)[i], ((int *)tmp.data)[i]);
	}
	mutex_unlock(&xtcp_sysctl_mutex);

	if (write && !err && entry->offset == offsetof(struct xtcp_knobs, ip_local_port_range))
		xtcp_sysctl_check_ports(net);
	/* The core asks for one number for all namespaces */
	if (write && !err && net_eq(net, &init_net)) {
		WRITE_ONCE(xtcp_mem_least_rcv, READ_ONCE(knobs->rmem[0]));
		WRITE_ONCE(xtcp_mem_least_snd, READ_ONCE(knobs->wmem[0]));
	}
	return err;
}

static int xtcp_sysctl_congestion_control(XTCP_CTL_TABLE *table, int write, void *buffer,
					  size_t *lenp, loff_t *ppos)
{
	char name[XTCP_CC_NAME_MAX];
	struct ctl_table tmp = {
		.data = name,
		.maxlen = sizeof(name),
	};
	int err;

	mutex_lock(&xtcp_sysctl_mutex);
	strscpy(name, table->data, sizeof(name));
	err = proc_dostring(&tmp, write, buffer, lenp, ppos);
	if (write && !err && !xtcp_cc_find(name))
		err = -EINVAL;
	if (write && !err)
		strscpy(table->data, name, sizeof(name));
	mutex_unlock(&xtcp_sysctl_mutex);
	return err;
}

static int xtcp_sysctl_available(XTCP_CTL_TABLE *table, int write, void *buffer, size_t *lenp,
				 loff_t *ppos)
{
	char names[8 * XTCP_CC_NAME_MAX] = "";
	struct ctl_table tmp = {
		.data = names,
		.maxlen = sizeof(names),
	};
	const struct xtcp_cc_ops *ops;
	int len = 0;
	u32 i;

	for (i = 0; (ops = xtcp_cc_get(i)); i++)
		len += scnprintf(names + len, sizeof(names) - len, "%s%s", i ? " " : "",
				 ops->name);
	return proc_dostring(&tmp, write, buffer, lenp, ppos);
}

/* Module-wide, in pages: least, pressure, most */
static int xtcp_sysctl_mem_pages(XTCP_CTL_TABLE *table, int write, void *buffer, size_t *lenp,
				 loff_t *ppos)
{
	static unsigned long most = LONG_MAX;
	static unsigned long least = 1;
	long copy[3];
	struct ctl_table tmp = {
		.data = copy,
		.maxlen = sizeof(copy),
		.extra1 = &least,
		.extra2 = &most,
	};
	int err, i;

	mutex_lock(&xtcp_sysctl_mutex);
	memcpy(copy, xtcp_sysctl_mem, sizeof(copy));
	err = proc_doulongvec_minmax(&tmp, write, buffer, lenp, ppos);
	if (write && !err && (copy[0] > copy[1] || copy[1] > copy[2]))
		err = -EINVAL;
	if (write && !err) {
		for (i = 0; i < 3; i++)
			WRITE_ONCE(xtcp_sysctl_mem[i], copy[i]);
	}
	mutex_unlock(&xtcp_sysctl_mutex);
	return err;
}

/* Fill @table for @net. Return: entries used. */
static size_t xtcp_sysctl_fill(struct net *net, struct ctl_table *table)
{
	struct xtcp_knobs *knobs = &xtcp_net(net)->knobs;
	struct ctl_table *t = table;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(xtcp_sysctl_entries); i++, t++) {
		const struct xtcp_sysctl_entry *entry = &xtcp_sysctl_entries[i];

		t->procname = entry->file;
		t->data = (u8 *)knobs + entry->offset;
		t->maxlen = entry->count * sizeof(int);
		t->mode = 0644;
		t->proc_handler = xtcp_sysctl_ints;
		t->extra1 = net;
		t->extra2 = (void *)entry;
	}
	t->procname = "congestion_control";
	t->data = knobs->congestion_control;
	t->maxlen = sizeof(knobs->congestion_control);
	t->mode = 0644;
	t->proc_handler = xtcp_sysctl_congestion_control;
	t++;
	t->procname = "available_congestion_control";
	t->mode = 0444;
	t->proc_handler = xtcp_sysctl_available;
	t++;
	if (net_eq(net, &init_net)) {
		t->procname = "mem";
		t->mode = 0644;
		t->proc_handler = xtcp_sysctl_mem_pages;
		t++;
	}
	return t - table;
}

/**
 * xtcp_sysctl_net_init() - make /proc/sys/net/xtcp of a namespace
 * @net: namespace, its knobs are set
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int xtcp_sysctl_net_init(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);
	size_t size;

	/* three more than numbers, and room for an empty one at the end */
	xn->sysctl_table = kcalloc(ARRAY_SIZE(xtcp_sysctl_entries) + 4,
				   sizeof(*xn->sysctl_table), GFP_KERNEL);
	if (!xn->sysctl_table)
		return -ENOMEM;
	size = xtcp_sysctl_fill(net, xn->sysctl_table);
	xn->sysctl_header = register_net_sysctl_sz(net, "net/xtcp", xn->sysctl_table, size);
	if (!xn->sysctl_header) {
		kfree(xn->sysctl_table);
		return -ENOMEM;
	}
	return 0;
}

/**
 * xtcp_sysctl_net_exit() - take it away
 * @net: namespace
 *
 * Context: process; waits for writers that are inside.
 */
void xtcp_sysctl_net_exit(struct net *net)
{
	unregister_net_sysctl_table(xtcp_net(net)->sysctl_header);
	kfree(xtcp_net(net)->sysctl_table);
}

/**
 * xtcp_sysctl_defaults() - the values a namespace starts with
 * @knobs: filled in: the built-in values and those of the module parameters
 *
 * Context: any.
 */
void xtcp_sysctl_defaults(struct xtcp_knobs *knobs)
{
	*knobs = xtcp_sysctl_start;
	knobs->syn_retries = READ_ONCE(xtcp_param_syn_retries);
	knobs->synack_retries = READ_ONCE(xtcp_param_synack_retries);
	knobs->msl_ms = READ_ONCE(xtcp_param_msl_ms);
	/* The largest buffers are a question of the machine's memory: as TCP's */
	knobs->rmem[2] = READ_ONCE(init_net.ipv4.sysctl_tcp_rmem[2]);
	knobs->wmem[2] = READ_ONCE(init_net.ipv4.sysctl_tcp_wmem[2]);
	knobs->rmem[1] = min(knobs->rmem[1], knobs->rmem[2]);
	knobs->rmem[0] = min(knobs->rmem[0], knobs->rmem[1]);
	knobs->wmem[1] = min(knobs->wmem[1], knobs->wmem[2]);
	knobs->wmem[0] = min(knobs->wmem[0], knobs->wmem[1]);
}

/**
 * xtcp_sysctl_copy() - inherit
 * @to: a new namespace's values, not yet seen by anybody
 * @from: those of another
 *
 * Context: process.
 */
void xtcp_sysctl_copy(struct xtcp_knobs *to, const struct xtcp_knobs *from)
{
	mutex_lock(&xtcp_sysctl_mutex);
	*to = *from;
	mutex_unlock(&xtcp_sysctl_mutex);
}

/**
 * xtcp_sysctl_check_ports() - warn if both stacks choose from the same ports
 * @net: namespace
 *
 * connect() reserves no port in the host's TCP. While the ranges are apart
 * nobody can meet there; where they overlap a program that asks the host for a
 * port may be given one that an XTCP connection uses. Asked when the namespace
 * begins and when XTCP's range is written; of what is written to the host's range
 * nobody tells. Whoever may make namespaces must not be able to fill the log.
 *
 * Context: process.
 */
void xtcp_sysctl_check_ports(struct net *net)
{
	const struct xtcp_knobs *knobs = &xtcp_net(net)->knobs;
	int low, high;

	inet_get_local_port_range(net, &low, &high);
	if (low <= READ_ONCE(knobs->ip_local_port_range[1]) &&
	    high >= READ_ONCE(knobs->ip_local_port_range[0]))
		pr_warn_ratelimited("xtcp: netns %u: net.xtcp.ip_local_port_range overlaps net.ipv4.ip_local_port_range (%d-%d)\n",
				    net->ns.inum, low, high);
}
