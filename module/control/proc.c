// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/xtcp: sockets, states, snmp of a namespace.
 *
 * The list of sockets is read bucket by bucket of the flow table, so that a long
 * one needs no long buffer. What it shows of a socket is read without its lock:
 * numbers that belong together may be from two moments.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/user_namespace.h>

#include "../conn/flows.h"
#include "../conn/rcvq.h"
#include "../conn/timers.h"
#include "../pure/states.h"
#include "../trace.h"
#include "control.h"

/**
 * struct xtcp_proc_iter - one reader of the sockets file
 * @p: namespace; must be first
 * @sl: number of the next line
 */
struct xtcp_proc_iter {
	struct seq_net_private p;
	unsigned int sl;
};

/**
 * struct xtcp_proc_row - one line of the sockets file
 * @kind: sock, req or tw
 * @state: TCP_ESTABLISHED ...
 * @tx_queue: bytes written and not acknowledged
 * @rx_queue: bytes not read, of a listener: connections not accepted
 * @timer: which timer is next, "-": none
 * @timer_ms: when, -1: none
 * @inode: of the program's file, 0: it has none
 * @uid: owner
 * @since_us: when it entered its state
 */
struct xtcp_proc_row {
	const char *kind;
	int state;
	u32 tx_queue;
	u32 rx_queue;
	const char *timer;
	s32 timer_ms;
	unsigned long inode;
	kuid_t uid;
	u64 since_us;
};

static void xtcp_proc_row_sock(struct sock *sk, struct xtcp_proc_row *row)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	row->kind = "sock";
	row->state = READ_ONCE(sk->sk_state);
	if (row->state == TCP_LISTEN) {
		row->rx_queue = READ_ONCE(sk->sk_ack_backlog);
	} else {
		row->tx_queue = READ_ONCE(xt->write_seq) - READ_ONCE(xt->snd_una);
		row->rx_queue = xtcp_rcvq_unread(sk);
	}
	row->timer = xtcp_timer_name(xtcp_timer_next(sk, &row->timer_ms));
	row->inode = sock_i_ino(sk);
	row->uid = sk_uid(sk);
	row->since_us = READ_ONCE(xt->state_since_us);
}

static void xtcp_proc_row_request(const struct xtcp_request *req, struct xtcp_proc_row *row)
{
	row->kind = "req";
	row->state = TCP_SYN_RECV;
	row->timer = "synack";
	row->timer_ms = xtcp_timer_left_request_ms(req);
	row->uid = sk_uid(req->ireq.req.rsk_listener);
	row->since_us = req->since_us;
}

static void xtcp_proc_row_timewait(const struct xtcp_timewait *tw, struct xtcp_proc_row *row)
{
	row->kind = "tw";
	row->state = TCP_TIME_WAIT;
	row->timer = "timewait";
	row->timer_ms = xtcp_timer_left_timewait_ms(tw);
	row->uid = tw->uid;
	row->since_us = tw->since_us;
}

static int xtcp_proc_show_entry(struct sock_common *skc, void *arg)
{
	struct xtcp_proc_row row = { .timer = "-", .timer_ms = -1 };
	struct seq_file *seq = arg;
	struct xtcp_proc_iter *iter = seq->private;
	struct xtcp_trace_ends ends;

	if (skc->skc_state == TCP_TIME_WAIT)
		xtcp_proc_row_timewait(xtcp_tw(skc), &row);
	else if (skc->skc_state == TCP_NEW_SYN_RECV)
		xtcp_proc_row_request(xtcp_req(skc), &row);
	else
		xtcp_proc_row_sock((struct sock *)skc, &row);
	xtcp_trace_ends(skc, &ends);

	seq_printf(seq, "%u %s %pISpc %pISpc %s %u %u %s %d %lu %u %llu\n", iter->sl++, row.kind,
		   ends.src, ends.dst, xtcp_state_name(row.state), row.tx_queue, row.rx_queue,
		   row.timer, row.timer_ms, row.inode,
		   from_kuid_munged(seq_user_ns(seq), row.uid),
		   div_u64(xtcp_clock_us() - row.since_us, USEC_PER_MSEC));
	return 0;
}

static int xtcp_proc_show_listener(struct sock *sk, void *arg)
{
	return xtcp_proc_show_entry(&sk->__sk_common, arg);
}

/*
 * Position 0 is the header, 1 all listeners, from 2 on the buckets. The cookie
 * handed around is the position plus one.
 */
static void *xtcp_proc_position(loff_t pos)
{
	return (void *)(unsigned long)(pos + 1);
}

static void *xtcp_proc_sockets_seek(loff_t *pos)
{
	unsigned int slot;

	if (*pos >= 2) {
		if (*pos - 2 > UINT_MAX)
			return NULL;
		slot = xtcp_flow_next_bucket(*pos - 2);
		if (slot == UINT_MAX)
			return NULL;
		*pos = (loff_t)slot + 2;
	}
	return xtcp_proc_position(*pos);
}

static void *xtcp_proc_sockets_start(struct seq_file *seq, loff_t *pos)
{
	struct xtcp_proc_iter *iter = seq->private;

	if (!*pos)
		iter->sl = 0;
	return xtcp_proc_sockets_seek(pos);
}

static void *xtcp_proc_sockets_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return xtcp_proc_sockets_seek(pos);
}

static void xtcp_proc_sockets_stop(struct seq_file *seq, void *v)
{
}

static int xtcp_proc_sockets_show(struct seq_file *seq, void *v)
{
	unsigned long pos = (unsigned long)v - 1;
	struct xtcp_proc_iter *iter = seq->private;
	struct net *net = seq_file_net(seq);
	unsigned int sl = iter->sl;

	if (!pos)
		seq_puts(seq, "sl kind local remote state tx_queue rx_queue timer timer_ms inode uid ms\n");
	else if (pos == 1)
		xtcp_flow_walk_listeners(net, xtcp_proc_show_listener, seq);
	else
		xtcp_flow_walk_bucket(pos - 2, net, xtcp_proc_show_entry, seq);
	/* a piece that did not fit is shown again in a larger buffer */
	if (seq_has_overflowed(seq))
		iter->sl = sl;
	return 0;
}

static const struct seq_operations xtcp_proc_sockets_ops = {
	.start = xtcp_proc_sockets_start,
	.next = xtcp_proc_sockets_next,
	.stop = xtcp_proc_sockets_stop,
	.show = xtcp_proc_sockets_show,
};

/*
 * A request is SYN_RECV to the world: its row of the census is added to that of
 * full sockets in this state. Transitions among the two are none.
 */
static unsigned long xtcp_proc_moved(struct net *net, int from, int to)
{
	unsigned long n = xtcp_mib_moved(net, from, to);

	if (from == TCP_SYN_RECV)
		n += xtcp_mib_moved(net, TCP_NEW_SYN_RECV, to);
	if (to == TCP_SYN_RECV)
		n += xtcp_mib_moved(net, from, TCP_NEW_SYN_RECV);
	return n;
}

static unsigned long xtcp_proc_now(struct net *net, int state)
{
	unsigned long n = xtcp_mib_state_now(net, state);

	if (state == TCP_SYN_RECV)
		n += xtcp_mib_state_now(net, TCP_NEW_SYN_RECV);
	return n;
}

/* A child that takes its request's place was in SYN_RECV before. */
static unsigned long xtcp_proc_entered(struct net *net, int state)
{
	if (state == TCP_SYN_RECV)
		return xtcp_mib_state_entered(net, TCP_NEW_SYN_RECV) +
		       xtcp_mib_moved(net, TCP_SYN_SENT, TCP_SYN_RECV);
	return xtcp_mib_state_entered(net, state);
}

static int xtcp_proc_states_show(struct seq_file *seq, void *v)
{
	struct net *net = seq_file_single_net(seq);
	int from, to;

	for (to = TCP_ESTABLISHED; to <= TCP_CLOSING; to++)
		seq_printf(seq, "%s %lu %lu\n", xtcp_state_name(to), xtcp_proc_now(net, to),
			   xtcp_proc_entered(net, to));

	seq_puts(seq, "\nfrom\\to");
	for (to = TCP_ESTABLISHED; to <= TCP_CLOSING; to++)
		seq_printf(seq, " %s", xtcp_state_name(to));
	for (from = TCP_ESTABLISHED; from <= TCP_CLOSING; from++) {
		seq_printf(seq, "\n%s", xtcp_state_name(from));
		for (to = TCP_ESTABLISHED; to <= TCP_CLOSING; to++)
			seq_printf(seq, " %lu", xtcp_proc_moved(net, from, to));
	}
	seq_putc(seq, '\n');
	return 0;
}

static int xtcp_proc_snmp_show(struct seq_file *seq, void *v)
{
	struct net *net = seq_file_single_net(seq);
	int i;

	seq_puts(seq, "Xtcp:");
	for (i = 0; i < XTCP_MIB_MAX; i++)
		seq_printf(seq, " %s", xtcp_mib_names[i]);
	seq_puts(seq, "\nXtcp:");
	for (i = 0; i < XTCP_MIB_MAX; i++)
		seq_printf(seq, " %lu", xtcp_mib_sum(net, i));
	seq_putc(seq, '\n');
	return 0;
}

/**
 * xtcp_proc_net_init() - make /proc/net/xtcp of a namespace
 * @net: namespace
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int xtcp_proc_net_init(struct net *net)
{
	struct proc_dir_entry *dir = proc_net_mkdir(net, "xtcp", net->proc_net);

	if (!dir)
		return -ENOMEM;
	if (!proc_create_net("sockets", 0444, dir, &xtcp_proc_sockets_ops,
			     sizeof(struct xtcp_proc_iter)) ||
	    !proc_create_net_single("states", 0444, dir, xtcp_proc_states_show, NULL) ||
	    !proc_create_net_single("snmp", 0444, dir, xtcp_proc_snmp_show, NULL)) {
		xtcp_proc_net_exit(net);
		return -ENOMEM;
	}
	return 0;
}

/**
 * xtcp_proc_net_exit() - take it away
 * @net: namespace
 *
 * Context: process; waits for readers that are inside.
 */
void xtcp_proc_net_exit(struct net *net)
{
	remove_proc_subtree("xtcp", net->proc_net);
}
