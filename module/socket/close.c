// SPDX-License-Identifier: GPL-2.0-only
/*
 * close(), shutdown() and connect(AF_UNSPEC): RFC 9293 3.10.4, CLOSE, and
 * 3.10.5, ABORT. Where closing leads from each state, and whether a FIN is
 * owed, stands in pure/states.c.
 */
#include "socket.h"

#include <linux/sched/signal.h>
#include <net/tcp.h>

#include "../conn/acceptq.h"
#include "../conn/disorder.h"
#include "../conn/flows.h"
#include "../conn/life.h"
#include "../conn/minis.h"
#include "../conn/pacer.h"
#include "../conn/ports.h"
#include "../conn/rcvq.h"
#include "../conn/sndq.h"
#include "../conn/state.h"
#include "../conn/timers.h"
#include "../conn/tune.h"
#include "../output/output.h"
#include "../pure/states.h"
#include "../recovery/recovery.h"

/*
 * RFC 9293 3.10.5: ABORT owes the peer a RST in these states. In CLOSING and
 * LAST_ACK only if our FIN was never sent: the peer still waits for data then.
 */
static bool xtcp_close_owes_rst(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	if (xtcp_state_in(sk, TCPF_CLOSING | TCPF_LAST_ACK))
		return xt->snd_nxt != xt->write_seq;
	return xtcp_state_in(sk, TCPF_SYN_RECV | TCPF_ESTABLISHED | TCPF_FIN_WAIT1 |
				 TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT);
}

/* End it now. Context: socket lock, BHs off. */
static void xtcp_close_abort(struct sock *sk, enum xtcp_reason reason)
{
	if (xtcp_close_owes_rst(sk))
		xtcp_control_rst(sk);
	xtcp_life_done(sk, reason);
}

static void xtcp_close_abort_user(struct sock *sk, enum xtcp_reason reason)
{
	local_bh_disable();
	xtcp_close_abort(sk, reason);
	local_bh_enable();
}

/*
 * A child that no program will ever accept. The accept queue's reference becomes
 * that of the orphan, which xtcp_life_destroy() puts; ours is one more.
 */
static void xtcp_close_child(struct sock *child)
{
	sock_hold(child);
	lock_sock_nested(child, SINGLE_DEPTH_NESTING);	/* inside the listener's */
	local_bh_disable();
	sock_orphan(child);
	atomic_inc(&xtcp_net(sock_net(child))->orphans);
	if (child->sk_state == TCP_CLOSE)
		xtcp_life_destroy(child);
	else
		xtcp_close_abort(child, XTCP_REASON_USER);
	local_bh_enable();
	release_sock(child);
	sock_put(child);
}

/*
 * The host's counterpart stops before our own entry goes: it must never be given a
 * SYN. Then what is half open goes, then what waits for accept(). Leaves @sk in
 * TCP_CLOSE.
 */
static void xtcp_close_listener(struct sock *sk)
{
	struct xtcp_sock *child, *next;
	LIST_HEAD(children);

	xtcp_port_unlisten(sk);
	xtcp_flow_unlisten(sk);
	xtcp_state_set(sk, TCP_CLOSE, XTCP_REASON_USER);
	xtcp_minis_request_purge(sk, XTCP_REASON_USER);
	xtcp_acceptq_close(sk, &children);
	list_for_each_entry_safe(child, next, &children, accept_node) {
		list_del(&child->accept_node);
		xtcp_close_child((struct sock *)child);
		cond_resched();
	}
}

/**
 * xtcp_close_listener_again - a listener listens no more, and may become something else
 * @sk: in LISTEN
 *
 * A softirq that has found it before enters no request afterwards, and makes no child of what is
 * no listener any more.
 *
 * Context: Process, socket lock.
 */
void xtcp_close_listener_again(struct sock *sk)
{
	xtcp_close_listener(sk);
	synchronize_rcu();
	xtcp_minis_request_purge(sk, XTCP_REASON_USER);
}

/* Move as closing does. Return: true if a FIN is owed. */
static bool xtcp_close_step(struct sock *sk)
{
	const struct xtcp_state_info *info = &xtcp_state_table[sk->sk_state];

	if (info->close_to != sk->sk_state)
		xtcp_state_set(sk, info->close_to, XTCP_REASON_USER);
	return info->fin_owed;
}

/*
 * close() of a connection. Data that were not read: the peer must learn that
 * they are lost, so RST instead of FIN (RFC 2525 2.17, RFC 9293 3.6.1 SHLD-3).
 * SO_LINGER with zero asks for the RST.
 */
static void xtcp_close_connection(struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (xtcp_rcvq_unread(sk)) {
		XTCP_INC(net, AbortOnClose);
		xtcp_close_abort_user(sk, XTCP_REASON_UNREAD_DATA);
	} else if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime) {
		XTCP_INC(net, AbortOnLinger);
		xtcp_close_abort_user(sk, XTCP_REASON_LINGER);
	} else if (sk->sk_state == TCP_SYN_SENT) {
		xtcp_close_abort_user(sk, XTCP_REASON_USER);
	} else if (xtcp_close_step(sk)) {
		xtcp_data_send_fin(sk);
	}
}

/* SO_LINGER: wait until the peer has our FIN and all before it. */
static void xtcp_close_wait(struct sock *sk, long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	const int closing = TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK;

	if (!timeout)
		return;
	add_wait_queue(sk_sleep(sk), &wait);
	do {
		if (sk_wait_event(sk, &timeout, !xtcp_state_in(sk, closing), &wait))
			break;
	} while (!signal_pending(current) && timeout);
	remove_wait_queue(sk_sleep(sk), &wait);
}

/* RFC 9293 leaves FIN_WAIT_2 open for ever; without a program nobody would read. */
static void xtcp_close_fin_wait2(struct sock *sk)
{
	s32 linger_ms = xtcp_tune(sk)->linger2_ms;

	if (linger_ms < 0) {
		XTCP_SK_ADD(sk, AbortOnLinger, 1);
		xtcp_close_abort(sk, XTCP_REASON_LINGER);
		return;
	}
	if (!linger_ms)
		linger_ms = READ_ONCE(xtcp_net(sock_net(sk))->knobs.fin_wait2_ms);
	xtcp_timer_arm_ms(sk, XTCP_TIMER_FINWAIT2, linger_ms);
}

/*
 * From here on the socket finishes by itself. The lock stays owned: segments go
 * to the backlog and are handled at release_sock(), with SOCK_DEAD set.
 */
static void xtcp_close_orphan(struct sock *sk)
{
	struct net *net = sock_net(sk);

	local_bh_disable();
	sock_orphan(sk);
	atomic_inc(&xtcp_net(net)->orphans);
	xtcp_life_unpin(sk);

	if (sk->sk_state == TCP_CLOSE) {
		xtcp_life_destroy(sk);
	} else if (!check_net(net)) {
		XTCP_INC(net, AbortOnNetns);
		xtcp_close_abort(sk, XTCP_REASON_NETNS);
	} else if (xtcp_life_too_many_orphans(sk)) {
		XTCP_INC(net, AbortOnMemory);
		xtcp_close_abort(sk, XTCP_REASON_MEMORY);
	} else if (sk->sk_state == TCP_FIN_WAIT2) {
		xtcp_close_fin_wait2(sk);
	}
	local_bh_enable();
}

/**
 * xtcp_close - proto.close: the program lets go of the socket
 * @sk: the socket
 * @timeout: SO_LINGER, jiffies
 *
 * Context: Process.
 */
void xtcp_close(struct sock *sk, long timeout)
{
	bool bound;

	/* The orphan's reference may go inside; this one is for release_sock() */
	sock_hold(sk);
	lock_sock(sk);
	bound = xtcp_sk(sk)->port_owner;
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sk->sk_state == TCP_LISTEN) {
		xtcp_close_listener(sk);
	} else if (sk->sk_state != TCP_CLOSE) {
		xtcp_close_connection(sk);
		xtcp_close_wait(sk, timeout);
	}
	xtcp_close_orphan(sk);
	release_sock(sk);
	sock_put(sk);
	/* After close() the port is free, in the host's TCP as well */
	if (bound)
		xtcp_ports_settle();
}

/**
 * xtcp_shutdown - proto.shutdown: half-close
 * @sk: the connection
 * @how: RCV_SHUTDOWN, SEND_SHUTDOWN, which the caller has noted in sk_shutdown
 *
 * What was written before goes out before the FIN. Only the sending direction
 * has something to tell the peer.
 *
 * Context: Process, socket lock.
 */
void xtcp_shutdown(struct sock *sk, int how)
{
	if (!(how & SEND_SHUTDOWN))
		return;
	if (xtcp_state_in(sk, TCPF_SYN_RECV | TCPF_ESTABLISHED | TCPF_CLOSE_WAIT) &&
	    xtcp_close_step(sk))
		xtcp_data_send_fin(sk);
}

/* All that belongs to the connection that was, and must not touch the next. */
static void xtcp_close_reset_fields(struct sock *sk)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(sk))->knobs;
	struct xtcp_sock *xt = xtcp_sk(sk);

	/* The next one's number comes from RFC 6528's clock, whose tuple it may share or not */
	WRITE_ONCE(xt->write_seq, 0);
	WRITE_ONCE(xt->snd_nxt, 0);
	xt->snd_una = 0;
	WRITE_ONCE(xt->copied_seq, xt->rcv_nxt);
	WRITE_ONCE(sk->sk_err_soft, 0);
	xt->window_clamp = 0;
	xt->rcv_wnd = 0;
	xt->mss_cache = TCP_MSS_DEFAULT;
	xt->rcv_mss = TCP_MIN_MSS;
	xt->rcv_size = 0;
	xt->pmtu = 0;
	xt->probe_mss = 0;
	xt->probe_size = 0;
	xt->probe_wait_ms = 0;
	xt->route_rto_min_ms = 0;
	xt->route_quickack = 0;
	xt->ip_version = 0;
	xt->wscale_ok = 0;
	xt->snd_wscale = 0;
	xt->rcv_wscale = 0;
	xt->ts_ok = 0;
	xt->ts_recent = 0;
	xt->ts_recent_age_s = 0;
	xt->sack_ok = 0;
	xt->passive_open = 0;
	xt->established = 0;
	xt->saw_fin = 0;
	xt->fin_queued = 0;
	xt->urg_out = 0;
	WRITE_ONCE(xt->urg_data, 0);
	xt->ack_pending = 0;
	xt->pingpong = 0;
	xt->retransmits = 0;
	xt->probes_out = 0;
	xt->persist_backoff = 0;
	xt->retrans_stamp_ms = 0;
	xt->probes_since_ms = 0;
	xt->total_retrans = 0;
	xt->bytes_acked = 0;
	xt->bytes_in = 0;
	xt->bytes_out = 0;
	xt->segs_in = 0;
	xt->segs_out = 0;
	xt->close_reason = XTCP_REASON_NONE;
	xtcp_tune_save_syn(sk, NULL);
	xtcp_rtt_init(&xt->rtt, READ_ONCE(knobs->rto_initial_ms) * USEC_PER_MSEC);
	xtcp_recovery_init(sk);
}

/**
 * xtcp_disconnect - proto.disconnect: connect(AF_UNSPEC), or shutdown() of a listener
 * @sk: the socket
 * @flags: unused
 *
 * RFC 9293 3.10.5, ABORT. The socket can be used again; an address or port that
 * bind() was asked for stays.
 *
 * Context: Process, socket lock.
 * Return: 0.
 */
int xtcp_disconnect(struct sock *sk, int flags)
{
	int old = sk->sk_state;

	if (old == TCP_LISTEN) {
		xtcp_close_listener_again(sk);
	} else if (old != TCP_CLOSE) {
		if (old == TCP_SYN_SENT || xtcp_close_owes_rst(sk))
			WRITE_ONCE(sk->sk_err, ECONNRESET);
		xtcp_close_abort_user(sk, XTCP_REASON_USER);
	}
	xtcp_timers_stop(sk);
	xtcp_pacer_forget(sk);
	xtcp_sndq_purge(sk);
	xtcp_rcvq_purge(sk);
	xtcp_disorder_forget(sk);
	xtcp_connect_forget(sk);
	xtcp_close_reset_fields(sk);

	WRITE_ONCE(sk->sk_shutdown, 0);
	sock_reset_flag(sk, SOCK_DONE);
	WRITE_ONCE(sk->sk_peek_off, -1);
	if (sk->sk_frag.page) {
		put_page(sk->sk_frag.page);
		sk->sk_frag.page = NULL;
		sk->sk_frag.offset = 0;
	}
	sk_error_report(sk);
	return 0;
}

static int xtcp_close_one_orphan(struct sock_common *skc, void *arg)
{
	enum xtcp_reason reason = *(enum xtcp_reason *)arg;
	struct sock *sk = (struct sock *)skc;

	if (skc->skc_state == TCP_NEW_SYN_RECV || skc->skc_state == TCP_TIME_WAIT ||
	    !sock_flag(sk, SOCK_DEAD))
		return 0;
	lock_sock(sk);
	local_bh_disable();
	if (sock_flag(sk, SOCK_DEAD) && sk->sk_state != TCP_CLOSE) {
		XTCP_SK_ADD(sk, AbortOnNetns, 1);
		xtcp_close_abort(sk, reason);
	}
	local_bh_enable();
	release_sock(sk);
	return 0;
}

/**
 * xtcp_close_orphans - reset all connections without a program
 * @net: of this namespace; NULL: of all
 * @reason: XTCP_REASON_NETNS or XTCP_REASON_UNLOAD
 *
 * Context: Process; sleeps.
 */
void xtcp_close_orphans(struct net *net, enum xtcp_reason reason)
{
	xtcp_flow_walk(net, xtcp_close_one_orphan, &reason);
}
