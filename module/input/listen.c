// SPDX-License-Identifier: GPL-2.0-only
/*
 * LISTEN: RFC 9293 3.10.7.2; and half-open connections, which are requests until
 * the third segment of the handshake comes (S5 to S7).
 */
#include "input.h"

#include <net/ip.h>
#include <net/l3mdev.h>

#include "../conn/acceptq.h"
#include "../conn/flows.h"
#include "../conn/minis.h"
#include "../conn/rcvq.h"
#include "../conn/state.h"
#include "../conn/timers.h"
#include "../output/output.h"
#include "../recovery/ecn.h"

#define XTCP_LISTEN_OOW_MS	500	/* between answers to odd segments */
#define XTCP_LISTEN_TIMEOUTS	127	/* what num_timeout can count */

static bool xtcp_listen_backlog_full(const struct sock *listener)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(listener))->knobs;
	u32 limit = min_t(u32, READ_ONCE(knobs->max_syn_backlog),
			  max_t(u32, READ_ONCE(listener->sk_max_ack_backlog), 8));

	return atomic_read(&xtcp_sk(listener)->acceptq->requests) >= limit;
}

/**
 * xtcp_listen_addresses - fill in who talks to whom
 * @req: new request
 * @listener: its listener
 * @t: tuple of the segment
 * @skb: the segment
 *
 * Context: Softirq.
 */
void xtcp_listen_addresses(struct xtcp_request *req, const struct sock *listener,
			   const struct xtcp_tuple *t, struct sk_buff *skb)
{
	struct inet_request_sock *ireq = &req->ireq;

	ireq->ir_num = ntohs(t->lport);
	ireq->ir_rmt_port = t->rport;
	ireq->ir_iif = listener->sk_bound_dev_if;
	ireq->ir_mark = inet_request_mark(listener, skb);
	if (t->family == AF_INET) {
		ireq->ir_loc_addr = t->laddr.ip;
		ireq->ir_rmt_addr = t->raddr.ip;
		RCU_INIT_POINTER(ireq->ireq_opt, xtcp_ip_return_route(skb));
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (t->family == AF_INET6) {
		ireq->ir_v6_loc_addr = t->laddr.in6;
		ireq->ir_v6_rmt_addr = t->raddr.in6;
		/* A link-local peer is known on its link only */
		if (!ireq->ir_iif &&
		    ipv6_addr_type(&t->raddr.in6) & IPV6_ADDR_LINKLOCAL)
			ireq->ir_iif = t->sdif ? t->sdif : t->dif;
	}
#endif
	/* What comes by a VRF is answered there */
	if (!ireq->ir_iif)
		ireq->ir_iif = l3mdev_master_ifindex_by_index(sock_net(listener),
							      skb->skb_iif);
	req->wire_protocol = t->wire_protocol;
}

/* What both sides offer is agreed. */
static void xtcp_listen_negotiate(struct xtcp_request *req, const struct sock *listener,
				  const struct xtcp_segment *seg)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(listener))->knobs;
	const struct xtcp_options *opt = &seg->opt;
	struct inet_request_sock *ireq = &req->ireq;
	bool v4 = ireq->ireq_family == AF_INET;

	ireq->req.mss = (opt->present & XTCP_OPT_MSS) && opt->mss ? opt->mss :
			v4 ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6;
	if (READ_ONCE(knobs->timestamps) && (opt->present & XTCP_OPT_TS)) {
		ireq->tstamp_ok = 1;
		ireq->req.ts_recent = opt->tsval;
	}
	if (READ_ONCE(knobs->sack) && (opt->present & XTCP_OPT_SACK_PERM))
		ireq->sack_ok = 1;
	if (READ_ONCE(knobs->window_scaling) && (opt->present & XTCP_OPT_WSCALE)) {
		ireq->wscale_ok = 1;
		ireq->snd_wscale = opt->wscale;
	}
	req->window = seg->wnd;
}

/**
 * xtcp_listen_offer - the window a request offers
 * @req: negotiated
 * @listener: its listener
 * @dst: its route
 *
 * Context: Softirq.
 */
void xtcp_listen_offer(struct xtcp_request *req, const struct sock *listener,
		       const struct dst_entry *dst)
{
	struct inet_request_sock *ireq = &req->ireq;
	u32 clamp = xtcp_metrics_clamp(dst, READ_ONCE(xtcp_sk(listener)->window_clamp));
	u32 mss = xtcp_ip_advmss(listener, dst, ireq->ireq_family == AF_INET ? 4 : 6);
	u32 window;
	u8 scale;

	xtcp_rcvq_initial_window(listener, mss - (ireq->tstamp_ok ? 12 : 0), ireq->wscale_ok,
				 &window, &clamp, &scale);
	ireq->rcv_wscale = scale;
	ireq->req.rsk_window_clamp = clamp;
	ireq->req.rsk_rcv_wnd = xtcp_metrics_initial_window(dst, mss, window);
}

static void xtcp_listen_save_syn(struct xtcp_request *req, const struct sock *listener,
				 const struct sk_buff *skb)
{
	u32 mac_len = 0, net_len, tcp_len = xtcp_cb(skb)->hdr_len;
	u8 mode = READ_ONCE(xtcp_tune(listener)->save_syn);
	struct saved_syn *saved;
	const u8 *from;

	if (!mode)
		return;
	from = skb_network_header(skb);
	if (mode == 2 && skb_mac_header_was_set(skb)) {
		from = skb_mac_header(skb);
		mac_len = skb_mac_header_len(skb);
	}
	net_len = skb_network_header_len(skb);
	saved = kmalloc(struct_size(saved, data, mac_len + net_len + tcp_len), GFP_ATOMIC);
	if (!saved)
		return;
	saved->mac_hdrlen = mac_len;
	saved->network_hdrlen = net_len;
	saved->tcp_hdrlen = tcp_len;
	memcpy(saved->data, from, mac_len + net_len + tcp_len);
	req->ireq.req.saved_syn = saved;
}

/* A SYN-ACK that leaves nothing behind: all it needs is in its numbers. */
static enum skb_drop_reason xtcp_listen_cookie(struct sock *listener, struct xtcp_request *req,
					       const struct xtcp_tuple *t, struct dst_entry *dst)
{
	u16 mss = req->ireq.req.mss;

	req->ireq.req.syncookie = 1;
	/* Without timestamps there is no room for these */
	if (!req->ireq.tstamp_ok) {
		req->ireq.wscale_ok = 0;
		req->ireq.sack_ok = 0;
		req->ireq.ecn_ok = 0;
		req->ireq.rcv_wscale = 0;
	}
	req->snt_isn = xtcp_cookie_issue(listener, t, req->rcv_isn, &mss);
	XTCP_INC(sock_net(listener), SyncookiesSent);
	xtcp_control_synack(listener, req, dst, false);
	return SKB_CONSUMED;
}

static enum skb_drop_reason xtcp_listen_enter(struct sock *listener, struct xtcp_request *req,
					      u32 hash, struct dst_entry *dst)
{
	struct sock_common *skc = (struct sock_common *)req;
	struct xtcp_net *xn = xtcp_net(sock_net(listener));

	xtcp_ip_request_keep_dst(listener, req, dst);
	/* The same SYN on another CPU may have been quicker (S5) */
	if (xtcp_flow_insert_request(req, hash))
		return SKB_DROP_REASON_NOT_SPECIFIED;
	xtcp_state_mini(skc, TCP_LISTEN, TCP_NEW_SYN_RECV, XTCP_REASON_SEGMENT);
	xtcp_timer_arm_request(req, READ_ONCE(xn->knobs.rto_initial_ms));
	/* A SYN-ACK that could not be sent is one that was lost */
	xtcp_control_synack(listener, req, dst, false);
	return SKB_CONSUMED;
}

/* MUST-63: where the answer would be a broadcast there is no peer. */
static bool xtcp_listen_nobody(const struct xtcp_request *req, const struct dst_entry *dst)
{
	return req->ireq.ireq_family == AF_INET &&
	       dst_rtable(dst)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST);
}

/* Return: the request, with the route of its SYN-ACK in *@route; NULL: there is to be none. */
static struct xtcp_request *xtcp_listen_make(struct sock *listener, struct sk_buff *skb,
					     const struct xtcp_tuple *t, struct dst_entry **route)
{
	struct xtcp_request *req = xtcp_minis_request(listener, t->family);
	struct xtcp_segment seg;
	struct dst_entry *dst;

	if (!req)
		return NULL;
	xtcp_segment_init(&seg, skb);
	xtcp_listen_addresses(req, listener, t, skb);
	xtcp_listen_negotiate(req, listener, &seg);
	req->tos = xtcp_cb(skb)->tos;
	req->rcv_isn = seg.seq;
	/* After TIME_WAIT the number is given: beyond all the old ones (RFC 6191) */
	req->snt_isn = xtcp_flow_isn(t, &req->ts_offset);
	if (xtcp_cb(skb)->rx.ack)
		req->snt_isn = xtcp_cb(skb)->rx.ack;

	/* The LSM first: the route depends on the label that it gives the request */
	dst = security_inet_conn_request(listener, skb, &req->ireq.req) ? NULL :
	      xtcp_ip_request_dst(listener, req);
	if (!dst || xtcp_listen_nobody(req, dst)) {
		dst_release(dst);
		xtcp_flow_put((struct sock_common *)req);
		return NULL;
	}
	xtcp_listen_offer(req, listener, dst);
	req->ireq.ecn_ok = xtcp_ecn_agrees(listener, dst, seg.flags, req->tos);
	xtcp_listen_save_syn(req, listener, skb);
	*route = dst;
	return req;
}

/**
 * xtcp_listen_syn - a SYN for a listener
 * @listener: found under RCU, in LISTEN a moment ago
 * @skb: the SYN, cb parsed; stays the caller's
 * @t: its tuple
 *
 * Makes a request and sends the SYN-ACK; beyond max_syn_backlog a cookie (S7). Does
 * not take the listener's lock.
 *
 * Context: Softirq, RCU.
 * Return: SKB_CONSUMED, or why it was dropped.
 */
enum skb_drop_reason xtcp_listen_syn(struct sock *listener, struct sk_buff *skb,
				     const struct xtcp_tuple *t)
{
	struct net *net = sock_net(listener);
	int cookies = READ_ONCE(xtcp_net(net)->knobs.syncookies);
	bool again = xtcp_cb(skb)->rx.ack;
	enum skb_drop_reason reason;
	struct xtcp_request *req;
	struct dst_entry *dst;
	bool want_cookie;

	/* Rules for SYNs do not see such a one, as with the kernel's TCP */
	if (xtcp_cb(skb)->flags & XTCP_FLAG_FIN)
		return SKB_DROP_REASON_TCP_FLAGS;
	want_cookie = !again && (cookies == 2 || xtcp_listen_backlog_full(listener));
	if (want_cookie && !cookies) {
		XTCP_INC(net, ReqQFullDrops);
		XTCP_INC(net, ListenDrops);
		return SKB_DROP_REASON_TCP_OVERWINDOW;
	}
	if (sk_acceptq_is_full(listener)) {
		XTCP_INC(net, ListenOverflows);
		XTCP_INC(net, ListenDrops);
		return SKB_DROP_REASON_SOCKET_BACKLOG;
	}
	req = xtcp_listen_make(listener, skb, t, &dst);
	if (!req) {
		XTCP_INC(net, ListenDrops);
		return SKB_DROP_REASON_NOMEM;
	}
	if (want_cookie)
		reason = xtcp_listen_cookie(listener, req, t, dst);
	else
		reason = xtcp_listen_enter(listener, req, t->hash, dst);
	dst_release(dst);
	xtcp_flow_put((struct sock_common *)req);
	return reason;
}

static bool xtcp_listen_oow_limited(struct xtcp_request *req)
{
	u32 now_ms = xtcp_clock_ms();

	if (req->last_oow_ack_ms && now_ms - req->last_oow_ack_ms < XTCP_LISTEN_OOW_MS)
		return true;
	req->last_oow_ack_ms = now_ms ?: 1;
	return false;
}

/* How long until the next SYN-ACK: doubled each time, bounded by rto_max. */
static u32 xtcp_listen_backoff_ms(const struct sock *listener, const struct xtcp_request *req)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(listener))->knobs;
	u64 delay_ms = (u64)READ_ONCE(knobs->rto_initial_ms) <<
		       min_t(u8, req->ireq.req.num_timeout, 20);

	return min_t(u64, delay_ms, READ_ONCE(knobs->rto_max_ms));
}

/* The SYN came again: so does the SYN-ACK, and the connection stays one (S5). */
static enum skb_drop_reason xtcp_listen_syn_again(struct sock *listener,
						  struct xtcp_request *req, u8 flags)
{
	/* The peer has given ECN up: so do we (RFC 3168 6.1.1.1) */
	if (req->ireq.ecn_ok && !xtcp_ecn_setup_syn(flags))
		req->ireq.ecn_ok = 0;
	if (!xtcp_listen_oow_limited(req) && !xtcp_control_synack(listener, req, NULL, true)) {
		req->ireq.req.num_retrans++;
		xtcp_timer_arm_request(req, xtcp_listen_backoff_ms(listener, req));
	}
	return SKB_CONSUMED;
}

/* RST or SYN in the window: RFC 5961 for half-open connections. */
static enum skb_drop_reason xtcp_listen_reset(struct sock *listener, struct xtcp_request *req,
					      struct sk_buff *skb)
{
	const struct xtcp_cb *cb = xtcp_cb(skb);

	if (!(cb->flags & XTCP_FLAG_RST) || cb->seq != req->rcv_isn + 1) {
		if (!xtcp_listen_oow_limited(req))
			xtcp_control_request_ack(listener, req, skb);
		return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
	}
	if (xtcp_minis_request_drop(req, XTCP_REASON_RESET_IN)) {
		XTCP_INC(sock_net(listener), ReqResets);
		XTCP_INC(sock_net(listener), InRsts);
	}
	return SKB_DROP_REASON_TCP_RESET;
}

static bool xtcp_listen_in_window(const struct xtcp_request *req, const struct xtcp_cb *cb)
{
	u32 start = req->rcv_isn + 1;
	u32 end = start + req->ireq.req.rsk_rcv_wnd;

	if (cb->seq == start)
		return true;
	if (xtcp_seq_after(cb->end_seq, start) && xtcp_seq_before(cb->seq, end))
		return true;
	return cb->seq == end && cb->seq == cb->end_seq;
}

/* The first of them is the measurement: RFC 6298 3. */
static void xtcp_listen_set_aside(struct xtcp_request *req)
{
	u64 ms = div_u64(xtcp_clock_us() - req->since_us, USEC_PER_MSEC);

	if (!READ_ONCE(req->acked_ms))
		WRITE_ONCE(req->acked_ms, clamp_t(u64, ms, 1, U16_MAX));
}

/* The third segment is good: make the connection, or wait. */
static enum skb_drop_reason xtcp_listen_promote(struct sock *listener, struct xtcp_request *req,
						struct sk_buff *skb, struct sock **child)
{
	const struct xtcp_cb *cb = xtcp_cb(skb);
	struct net *net = sock_net(listener);

	/* TCP_DEFER_ACCEPT: a bare ACK does not wake the server */
	if (req->ireq.req.num_timeout < READ_ONCE(xtcp_tune(listener)->defer_accept) &&
	    cb->end_seq == req->rcv_isn + 1) {
		xtcp_listen_set_aside(req);
		return SKB_CONSUMED;
	}
	if (sk_acceptq_is_full(listener)) {
		/* The peer believes to be connected: it will send again */
		xtcp_listen_set_aside(req);
		XTCP_INC(net, ListenOverflows);
		XTCP_INC(net, ListenDrops);
		return SKB_DROP_REASON_SOCKET_BACKLOG;
	}
	*child = xtcp_child_create(listener, req, skb, true);
	if (!*child)
		return SKB_DROP_REASON_NOT_SPECIFIED;
	XTCP_INC(net, PassiveOpens);
	return SKB_NOT_DROPPED_YET;
}

/**
 * xtcp_listen_request - a segment for a half-open connection
 * @req: the caller holds a reference
 * @skb: cb parsed; stays the caller's
 * @child: set to the new connection, see input.h
 *
 * RFC 9293 3.10.7.4 for SYN-RECEIVED, without a socket.
 *
 * Context: Softirq, RCU.
 * Return: SKB_NOT_DROPPED_YET with *@child; SKB_CONSUMED; or why it was dropped.
 */
enum skb_drop_reason xtcp_listen_request(struct xtcp_request *req, struct sk_buff *skb,
					 struct sock **child)
{
	struct sock *listener = req->ireq.req.rsk_listener;
	const struct xtcp_cb *cb = xtcp_cb(skb);
	u8 kind = cb->flags & (XTCP_FLAG_SYN | XTCP_FLAG_RST | XTCP_FLAG_ACK);
	struct xtcp_segment seg;
	bool old;

	*child = NULL;
	/* It entered the table when its listener had just left it: xtcp_close_listener_again() */
	if (unlikely(inet_sk_state_load(listener) != TCP_LISTEN)) {
		xtcp_minis_request_drop(req, XTCP_REASON_USER);
		return SKB_DROP_REASON_NO_SOCKET;
	}
	xtcp_segment_init(&seg, skb);
	old = req->ireq.tstamp_ok && !(kind & XTCP_FLAG_RST) &&
	      xtcp_paws_reject(READ_ONCE(req->ireq.req.ts_recent),
			       (u32)ktime_get_seconds() ?: 1, &seg.opt);

	if (kind == XTCP_FLAG_SYN && seg.seq == req->rcv_isn && !old)
		return xtcp_listen_syn_again(listener, req, seg.flags);
	if ((kind & XTCP_FLAG_ACK) && !(kind & XTCP_FLAG_RST) && seg.ack != req->snt_isn + 1) {
		/* Fifth: not for our SYN */
		xtcp_control_rst_flow((struct sock_common *)req, skb);
		return SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE;
	}
	if (old || !xtcp_listen_in_window(req, cb)) {
		if (!(kind & XTCP_FLAG_RST) && !xtcp_listen_oow_limited(req))
			xtcp_control_request_ack(listener, req, skb);
		if (old)
			XTCP_INC(sock_net(listener), PawsDrops);
		return old ? SKB_DROP_REASON_TCP_RFC7323_PAWS :
			     SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
	}
	if (kind & (XTCP_FLAG_RST | XTCP_FLAG_SYN))
		return xtcp_listen_reset(listener, req, skb);
	if (!(kind & XTCP_FLAG_ACK))
		return SKB_DROP_REASON_TCP_FLAGS;
	if (req->ireq.tstamp_ok && (seg.opt.present & XTCP_OPT_TS) &&
	    !xtcp_seq_after(seg.seq, req->rcv_isn + 1))
		WRITE_ONCE(req->ireq.req.ts_recent, seg.opt.tsval);
	return xtcp_listen_promote(listener, req, skb, child);
}

/**
 * xtcp_listen_deliver - an established child goes to accept()
 * @listener: its listener; the caller holds a reference
 * @child: established
 *
 * The accept queue owns the child from here on as a program would.
 *
 * Context: @child's lock held, softirq.
 * Return: false if the listener closed meanwhile: the child is to be reset.
 */
bool xtcp_listen_deliver(struct sock *listener, struct sock *child)
{
	if (sk_acceptq_is_full(listener))
		XTCP_INC(sock_net(listener), ListenOverflows);
	sock_reset_flag(child, SOCK_DEAD);
	atomic_dec(&xtcp_net(sock_net(child))->orphans);
	if (!xtcp_acceptq_add(listener, child)) {
		sock_set_flag(child, SOCK_DEAD);
		atomic_inc(&xtcp_net(sock_net(child))->orphans);
		XTCP_INC(sock_net(listener), AcceptCloseRaces);
		return false;
	}
	listener->sk_data_ready(listener);
	return true;
}

/**
 * xtcp_listen_timeout - the SYN-ACK timer of a request ran out
 * @req: the timer's reference is the caller's
 *
 * S5, S6: the SYN-ACK again, at growing intervals, or the end.
 *
 * Context: Softirq.
 */
void xtcp_listen_timeout(struct xtcp_request *req)
{
	struct sock *listener = req->ireq.req.rsk_listener;
	struct request_sock *rsk = &req->ireq.req;
	u32 retries = xtcp_knob_synack_retries(listener);
	u8 defer = READ_ONCE(xtcp_tune(listener)->defer_accept);

	/* Promoted or reset between its entry and the start of its timer */
	if (!xtcp_flow_hashed((struct sock_common *)req))
		return;
	/* A server that waits for data keeps the request, without more SYN-ACKs */
	if (READ_ONCE(req->acked_ms))
		retries = max_t(u32, retries, defer);
	retries = min_t(u32, retries, XTCP_LISTEN_TIMEOUTS);
	if (inet_sk_state_load(listener) != TCP_LISTEN || rsk->num_timeout >= retries) {
		if (xtcp_minis_request_drop(req, XTCP_REASON_TIMEOUT))
			XTCP_INC(sock_net(listener), ReqExpired);
		return;
	}
	rsk->num_timeout++;
	if (!READ_ONCE(req->acked_ms) || rsk->num_timeout >= defer) {
		rsk->num_retrans++;
		xtcp_control_synack(listener, req, NULL, true);
	}
	xtcp_timer_arm_request(req, xtcp_listen_backoff_ms(listener, req));
}
