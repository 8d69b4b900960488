// SPDX-License-Identifier: GPL-2.0-only
/*
 * A full socket from a request: the end of a passive open.
 */
#include "input.h"

#include <net/transp_v6.h>
#include <net/xfrm.h>

#include "../conn/flows.h"
#include "../conn/life.h"
#include "../conn/minis.h"
#include "../conn/ports.h"
#include "../conn/rcvq.h"
#include "../conn/state.h"
#include "../conn/timers.h"
#include "../conn/tune.h"
#include "../output/output.h"
#include "../recovery/ecn.h"

static void xtcp_child_addresses_v4(struct sock *child, const struct inet_request_sock *ireq)
{
	struct inet_sock *inet = inet_sk(child);

	sk_daddr_set(child, ireq->ir_rmt_addr);
	sk_rcv_saddr_set(child, ireq->ir_loc_addr);
	inet->inet_saddr = ireq->ir_loc_addr;
#if IS_ENABLED(CONFIG_IPV6)
	if (child->sk_family == AF_INET6) {
		ipv6_addr_set_v4mapped(ireq->ir_rmt_addr, &child->sk_v6_daddr);
		ipv6_addr_set_v4mapped(ireq->ir_loc_addr, &child->sk_v6_rcv_saddr);
		inet6_sk(child)->saddr = child->sk_v6_rcv_saddr;
	}
#endif
}

#if IS_ENABLED(CONFIG_IPV6)
/*
 * IPv6 options are the listener's by value, its extension headers (RFC 3542) in a copy: the
 * SYN-ACK had them. What it owns by pointer else is not inherited.
 */
static void xtcp_child_ipv6(struct sock *child, const struct sock *listener,
			    const struct inet_request_sock *ireq)
{
	struct ipv6_pinfo *np = &((struct xtcp6_sock *)child)->inet6;
	struct ipv6_txoptions *opt;

	memcpy(np, inet6_sk(listener), sizeof(*np));
	inet_sk(child)->pinet6 = np;
	np->ipv6_mc_list = NULL;
	np->ipv6_ac_list = NULL;
	xtcp_clear_flowlabels(child);
	np->pktoptions = NULL;
	np->rxpmtu = NULL;
	RCU_INIT_POINTER(np->opt, NULL);
	if (ireq->ireq_family != AF_INET6)
		return;
	opt = ireq->ipv6_opt ?: rcu_dereference(inet6_sk(listener)->opt);
	if (opt)
		RCU_INIT_POINTER(np->opt, ipv6_dup_options(child, opt));
	child->sk_v6_daddr = ireq->ir_v6_rmt_addr;
	child->sk_v6_rcv_saddr = ireq->ir_v6_loc_addr;
	np->saddr = ireq->ir_v6_loc_addr;
	inet_sk(child)->inet_daddr = LOOPBACK4_IPV6;
	inet_sk(child)->inet_saddr = LOOPBACK4_IPV6;
	inet_sk(child)->inet_rcv_saddr = LOOPBACK4_IPV6;
}
#endif

static void xtcp_child_identity(struct sock *child, const struct sock *listener,
				const struct xtcp_request *req)
{
	const struct inet_request_sock *ireq = &req->ireq;
	struct inet_sock *inet = inet_sk(child);

#if IS_ENABLED(CONFIG_IPV6)
	if (child->sk_family == AF_INET6)
		xtcp_child_ipv6(child, listener, ireq);
#endif
	if (ireq->ireq_family == AF_INET)
		xtcp_child_addresses_v4(child, ireq);
	inet->inet_dport = ireq->ir_rmt_port;
	inet->inet_sport = htons(ireq->ir_num);
	inet->inet_num = ireq->ir_num;
	atomic_set(&inet->inet_id, get_random_u16());
	child->sk_bound_dev_if = ireq->ir_iif;
	child->sk_mark = ireq->ir_mark;
	atomic64_set(&child->sk_cookie, atomic64_read(&ireq->ir_cookie));
	xtcp_sk(child)->ip_version = ireq->ireq_family == AF_INET ? 4 : 6;
	xtcp_sk(child)->wire_protocol = req->wire_protocol;
	/* It goes on in the state that the request was in */
	xtcp_sk(child)->state_since_us = req->since_us;
}

static void xtcp_child_sequence(struct xtcp_sock *xt, const struct xtcp_request *req)
{
	xt->snd_una = req->snt_isn;	/* our SYN-ACK, acknowledged by what comes now */
	xt->snd_nxt = req->snt_isn + 1;
	xt->write_seq = req->snt_isn + 1;
	xt->pushed_seq = xt->write_seq;
	xt->snd_sml = xt->snd_una;
	xt->snd_wnd = req->window;
	xt->snd_max_wnd = req->window;
	xt->snd_wl1 = req->rcv_isn;
	xt->snd_wl2 = req->snt_isn;
	xt->rcv_nxt = req->rcv_isn + 1;
	xt->rcv_wup = xt->rcv_nxt;
	xt->copied_seq = xt->rcv_nxt;
	xt->rcv_wnd = req->ireq.req.rsk_rcv_wnd;
	xt->rcv_ssthresh = xt->rcv_wnd;
	xt->window_clamp = req->ireq.req.rsk_window_clamp;
}

/* From the SYN-ACK to the first ACK of it, which may have been set aside. */
static u32 xtcp_child_handshake_us(const struct xtcp_request *req)
{
	u16 acked_ms = READ_ONCE(req->acked_ms);

	if (acked_ms)
		return acked_ms * USEC_PER_MSEC;
	return clamp_t(u64, xtcp_clock_us() - req->since_us, 1, XTCP_RTT_MAX_US);
}

static void xtcp_child_negotiated(struct sock *child, struct sock *listener,
				  const struct xtcp_request *req, const struct dst_entry *dst)
{
	const struct inet_request_sock *ireq = &req->ireq;
	struct xtcp_sock *xt = xtcp_sk(child);
	u16 user_mss = xtcp_tune(child)->user_mss;

	xt->passive_open = 1;
	xt->wscale_ok = ireq->wscale_ok;
	xt->snd_wscale = ireq->wscale_ok ? ireq->snd_wscale : 0;
	xt->rcv_wscale = ireq->wscale_ok ? ireq->rcv_wscale : 0;
	xt->sack_ok = ireq->sack_ok;
	xt->ts_ok = ireq->tstamp_ok;
	xtcp_ecn_begin(xt, ireq->ecn_ok);
	xt->ts_offset = req->ts_offset;
	if (xt->ts_ok)
		xtcp_input_store_ts(xt, READ_ONCE(ireq->req.ts_recent));
	xt->mss_clamp = ireq->req.mss;
	if (user_mss)
		xt->mss_clamp = min(xt->mss_clamp, user_mss);
	xt->advmss = xtcp_ip_advmss(listener, dst, xt->ip_version);
	if (user_mss)
		xt->advmss = min(xt->advmss, user_mss);
	xtcp_input_guess_rcv_mss(xt);
	xt->pmtu = 0;
	xt->total_retrans = ireq->req.num_retrans;
	xtcp_rtt_init(&xt->rtt, READ_ONCE(xtcp_net(sock_net(child))->knobs.rto_initial_ms) *
		      USEC_PER_MSEC);
	/* RFC 6298 3: the handshake gives the first sample, if it was not repeated; 5.7 */
	if (ireq->req.num_retrans)
		xtcp_rtt_syn_lost(&xt->rtt);
	else if (!ireq->req.syncookie)
		xtcp_rtt_sample(&xt->rtt, xtcp_child_handshake_us(req), xtcp_knob_rto_min_us(child),
				xtcp_knob_rto_max_us(child));
}

/* Nobody has seen it: undo sk_clone(). */
static void xtcp_child_discard(struct sock *child)
	__releases(&child->sk_lock.slock)
{
	xtcp_life_leave_parent(child);
	atomic_dec(&xtcp_net(sock_net(child))->orphans);
	xtcp_port_release(child);
	xtcp_state_close_failed(child);
	xfrm_sk_free_policy(child);
	bh_unlock_sock(child);
	sock_put(child);	/* the program's, which it never had */
	sock_put(child);	/* ours */
}

/* Into the flow table, in the request's place or beside nothing (cookie). */
static bool xtcp_child_enter(struct sock *child, struct xtcp_request *req, bool replace)
{
	bool entered = replace ?
		xtcp_flow_replace((struct sock_common *)req, (struct sock_common *)child) :
		!xtcp_flow_insert(child);

	if (!entered)
		XTCP_INC(sock_net(child), DoublePromotions);
	if (!entered || !replace)
		return entered;
	xtcp_timer_cancel_request(req);
	xtcp_state_mini((struct sock_common *)req, TCP_NEW_SYN_RECV, 0, XTCP_REASON_SEGMENT);
	return true;
}

/**
 * xtcp_child_create - the connection that a request was for
 * @listener: its listener; fields are read without its lock
 * @req: the request
 * @skb: the segment that completed the handshake
 * @replace_request: @req is in the flow table; false: a cookie's, which never was
 *
 * The child is born in SYN_RECV and processes @skb as its first segment. It does
 * not pin the module; it holds a reference to @listener until it is delivered.
 *
 * Context: Softirq, RCU.
 * Return: The child, in the table and unlocked, with a reference for the caller; NULL: no
 * memory, no route, or another CPU was quicker.
 */
struct sock *xtcp_child_create(struct sock *listener, struct xtcp_request *req,
			       struct sk_buff *skb, bool replace_request)
{
	struct dst_entry *dst = xtcp_ip_request_take_dst(listener, req);
	struct sock *child;
	int err;

	if (!dst)
		return NULL;
	child = sk_clone_lock(listener, GFP_ATOMIC);
	if (!child)
		goto out;
	__acquire(&child->sk_lock.slock);
	xtcp_life_reset_clone(child);
	xtcp_inherit_memcg(child, listener);
	xtcp_life_unpin(child);
	err = xtcp_tune_inherit(child, listener);
	xtcp_child_identity(child, listener, req);
	xtcp_child_sequence(xtcp_sk(child), req);
	xtcp_child_negotiated(child, listener, req, dst);
	xtcp_sk(child)->port = xtcp_port_share(READ_ONCE(xtcp_sk(listener)->port), listener);
	sock_hold(listener);
	xtcp_sk(child)->parent = listener;
	xtcp_sk(child)->undelivered = 1;

	if (err || xtcp_ip_child(child, req, dst) ||
	    !xtcp_child_enter(child, req, replace_request)) {
		xtcp_child_discard(child);
		child = NULL;
		goto out;
	}
	xtcp_tune_save_syn(child, xchg(&req->ireq.req.saved_syn, NULL));
	bh_unlock_sock(child);
out:
	dst_release(dst);
	return child;
}
