// SPDX-License-Identifier: GPL-2.0-only
/*
 * A segment finds its socket, waits for its lock if need be, walks through the
 * steps of input/, and what they decided is carried out here.
 */
#include "entry.h"

#include <linux/filter.h>
#include <net/tcp.h>

#include "../conn/acceptq.h"
#include "../conn/flows.h"
#include "../conn/life.h"
#include "../conn/mem.h"
#include "../conn/rcvq.h"
#include "../conn/sndq.h"
#include "../conn/timers.h"
#include "../output/output.h"
#include "../trace.h"

/* Segments that wait for a socket's owner: buffers and some more. */
#define XTCP_RECEIVE_BACKLOG_EXTRA	(64 * 1024)
/* How long a child in SYN_RECV waits for a segment that it can take */
#define XTCP_RECEIVE_CHILD_MS		(60 * MSEC_PER_SEC)
/* A request may be promoted, a TIME_WAIT entry recycled while we look. */
#define XTCP_RECEIVE_ROUNDS		4

/**
 * xtcp_receive_parse - header fields into cb
 * @skb: skb->data at the TCP header
 *
 * Only the fields that a header has; iif, tos and ttl are filled in by the caller.
 * The ACK field of a segment without ACK reads as 0.
 *
 * Context: Any.
 * Return: SKB_NOT_DROPPED_YET, or SKB_DROP_REASON_TCP_CSUM's sister for bad headers.
 */
enum skb_drop_reason xtcp_receive_parse(struct sk_buff *skb)
{
	struct xtcp_cb *cb = xtcp_cb(skb);
	struct xtcp_header h;

	if (!pskb_may_pull(skb, XTCP_HEADER_MIN))
		return SKB_DROP_REASON_PKT_TOO_SMALL;
	if (!pskb_may_pull(skb, (skb->data[12] >> 4) * 4) ||
	    xtcp_header_parse(skb->data, skb_headlen(skb), &h))
		return SKB_DROP_REASON_PKT_TOO_SMALL;
	skb_reset_transport_header(skb);

	cb->flags = h.flags;
	cb->hdr_len = h.doff_bytes;
	cb->marks = 0;
	cb->seq = h.seq;
	cb->end_seq = h.seq + skb->len - h.doff_bytes + !!(h.flags & XTCP_FLAG_SYN) +
		      !!(h.flags & XTCP_FLAG_FIN);
	cb->rx.ack = h.flags & XTCP_FLAG_ACK ? h.ack : 0;
	cb->rx.window = h.window;
	cb->rx.urg = h.urg_ptr;
	return SKB_NOT_DROPPED_YET;
}

static void xtcp_receive_trace(const struct sock_common *skc, const struct sk_buff *skb)
{
	const struct xtcp_cb *cb = xtcp_cb(skb);
	struct xtcp_header h;

	if (!trace_xtcp_segment_in_enabled())
		return;
	h = (struct xtcp_header) {
		.source = ntohs(tcp_hdr(skb)->source),
		.dest = ntohs(tcp_hdr(skb)->dest),
		.seq = cb->seq,
		.ack = cb->rx.ack,
		.flags = cb->flags,
		.window = cb->rx.window,
	};

	trace_xtcp_segment_in(skc, NULL, &h, skb->len - cb->hdr_len);
}

/* Programs are told: reader, writer, and who waits for a change of state. */
static void xtcp_receive_wake(struct sock *sk, u32 actions)
{
	if (actions & XTCP_ACT_WAKE_WRITE) {
		/* There is room before the bit is looked at; pairs with xtcp_poll_write() */
		smp_mb();
		/* A writer that waits has said so: it gets what the window allows by now */
		if (sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags)) {
			xtcp_mem_expand_snd(sk);
			sk->sk_write_space(sk);
		}
	}
	if (sock_flag(sk, SOCK_DEAD))
		return;
	if (actions & XTCP_ACT_WAKE_STATE) {
		sk->sk_state_change(sk);
		if (sk->sk_shutdown == SHUTDOWN_MASK || sk->sk_state == TCP_CLOSE)
			sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
		else
			sk_wake_async(sk, SOCK_WAKE_IO, sk->sk_shutdown ? POLL_IN : POLL_OUT);
	}
	if (actions & XTCP_ACT_WAKE_READ)
		sk->sk_data_ready(sk);
}

/* A child that became a connection goes to its listener. */
static void xtcp_receive_deliver(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sock *parent;

	if (likely(!xt->undelivered))
		return;
	/* What follows puts accept_node into its place */
	parent = xt->parent;
	xt->undelivered = 0;
	if (!xtcp_listen_deliver(parent, sk)) {
		seg->close_reason = XTCP_REASON_USER;
		seg->actions |= XTCP_ACT_ABORT_RST;
	}
	sock_put(parent);
}

/* Segments that answer this one. */
static void xtcp_receive_answer(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 actions = seg->actions;

	if ((actions & XTCP_ACT_RST) && seg->skb)
		xtcp_control_rst_flow((struct sock_common *)sk, seg->skb);
	if (actions & XTCP_ACT_SYNACK)
		xtcp_control_synack_sock(sk);
	if (actions & XTCP_ACT_CHALLENGE)
		xtcp_control_challenge_ack(sk);
	if ((actions & XTCP_ACT_DUPACK) && seg->skb)
		xtcp_control_dup_ack(sk, seg->skb);
	if (actions & (XTCP_ACT_ACK_NOW | XTCP_ACT_ACK_LATER))
		xt->ack_pending |= XTCP_ACK_SCHED;
	if (actions & XTCP_ACT_ACK_NOW)
		xt->ack_pending |= XTCP_ACK_NOW;
	/* Data may carry the ACK, so they go first */
	if (actions & XTCP_ACT_REXMIT)
		xtcp_retransmit_lost(sk);
	if ((actions & XTCP_ACT_PUSH) && xtcp_sndq_head(sk))
		xtcp_data_push(sk, false);
	xtcp_control_ack_pending(sk);
}

/* The connection ends with this segment. */
static void xtcp_receive_end(struct sock *sk, struct xtcp_segment *seg)
{
	/* Never delivered: the listener hears nothing of it */
	xtcp_life_leave_parent(sk);
	if (seg->actions & XTCP_ACT_ABORT_RST) {
		xtcp_control_rst(sk);
		xtcp_life_abort(sk, seg->error ? : ECONNRESET, seg->close_reason);
	} else if (seg->actions & XTCP_ACT_DONE) {
		if (seg->error)
			xtcp_life_abort(sk, seg->error, seg->close_reason);
		else
			xtcp_life_done(sk, seg->close_reason);
	} else if (seg->actions & XTCP_ACT_TIMEWAIT) {
		xtcp_timewait_enter(sk);
	}
}

static void xtcp_receive_trace_drop(const struct sock *sk, enum skb_drop_reason reason)
{
	struct xtcp_tuple t;

	if (!trace_xtcp_drop_enabled())
		return;
	xtcp_flow_tuple((const struct sock_common *)sk, &t);
	trace_xtcp_drop(&t, reason);
}

/**
 * xtcp_receive_finish - carry out what the steps decided
 * @sk: the connection
 * @seg: the segment; what is left of its skb is freed here
 * @reason: why it was dropped, or SKB_NOT_DROPPED_YET
 *
 * The only place that acts. Answers first, then news for programs, then the
 * end of the connection, if this was it.
 *
 * Context: Socket lock, BHs off.
 */
void xtcp_receive_finish(struct sock *sk, struct xtcp_segment *seg,
			 enum skb_drop_reason reason)
{
	xtcp_receive_answer(sk, seg);
	if (seg->actions & XTCP_ACT_WAKE_PARENT)
		xtcp_receive_deliver(sk, seg);
	xtcp_receive_wake(sk, seg->actions);
	if (reason) {
		xtcp_receive_trace_drop(sk, reason);
		if (seg->skb)
			kfree_skb_reason(seg->skb, reason);
	} else if (seg->skb) {
		consume_skb(seg->skb);
	}
	seg->skb = NULL;
	xtcp_mem_trim(sk);
	if (seg->actions & (XTCP_ACT_DONE | XTCP_ACT_ABORT_RST | XTCP_ACT_TIMEWAIT))
		xtcp_receive_end(sk, seg);
}

/* Closed while it waited. The socket may have other ends by now: the segment's own count. */
static void xtcp_receive_drop_late(const struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_tuple t = {
		.net = sock_net(sk),
		.family = ip_hdr(skb)->version == 4 ? AF_INET : AF_INET6,
		.lport = tcp_hdr(skb)->dest,
		.rport = tcp_hdr(skb)->source,
	};

	if (t.family == AF_INET) {
		t.laddr.ip = ip_hdr(skb)->daddr;
		t.raddr.ip = ip_hdr(skb)->saddr;
	} else {
		t.laddr.in6 = ipv6_hdr(skb)->daddr;
		t.raddr.in6 = ipv6_hdr(skb)->saddr;
	}
	trace_xtcp_drop(&t, SKB_DROP_REASON_TCP_CLOSE);
	kfree_skb_reason(skb, SKB_DROP_REASON_TCP_CLOSE);
}

static void xtcp_receive_process(struct sock *sk, struct sk_buff *skb)
{
	enum skb_drop_reason reason;
	struct xtcp_segment seg;

	/* LISTEN sockets are not flows */
	if (xtcp_state_in(sk, TCPF_CLOSE | TCPF_LISTEN)) {
		xtcp_receive_drop_late(sk, skb);
		return;
	}
	xtcp_now_take(sk);
	xtcp_segment_init(&seg, skb);
	reason = xtcp_input_process(sk, &seg);
	xtcp_receive_finish(sk, &seg, reason);
}

/**
 * xtcp_receive_backlog - a segment that waited for the socket's owner
 * @sk: the connection
 * @skb: the segment; consumed
 *
 * Context: release_sock() or sk_wait_data(), socket lock; BHs on.
 * Return: 0.
 */
int xtcp_receive_backlog(struct sock *sk, struct sk_buff *skb)
{
	local_bh_disable();
	xtcp_receive_process(sk, skb);
	local_bh_enable();
	return 0;
}

/* The way it came is known by now; a queue must not hold on to it. */
static void xtcp_receive_detach(struct sk_buff *skb)
{
	skb_dst_drop(skb);
	skb->dev = NULL;
}

static void xtcp_receive_lock(struct sock *sk, struct sk_buff *skb)
{
	/* SO_RCVBUFFORCE and SO_SNDBUFFORCE may ask for 2 GiB each */
	u32 limit = min_t(u64, (u64)READ_ONCE(sk->sk_rcvbuf) + READ_ONCE(sk->sk_sndbuf) +
			  XTCP_RECEIVE_BACKLOG_EXTRA, U32_MAX);

	xtcp_receive_detach(skb);
	bh_lock_sock_nested(sk);
	if (!sock_owned_by_user(sk)) {
		xtcp_receive_process(sk, skb);
	} else if (sk_add_backlog(sk, skb, limit)) {
		XTCP_SK_ADD(sk, BacklogDrops, 1);
		xtcp_receive_trace_drop(sk, SKB_DROP_REASON_SOCKET_BACKLOG);
		kfree_skb_reason(skb, SKB_DROP_REASON_SOCKET_BACKLOG);
	} else {
		XTCP_SK_ADD(sk, BacklogQueued, 1);
	}
	bh_unlock_sock(sk);
}

/*
 * A child's first segment. One whose timestamp another CPU's segment has overtaken is refused, and
 * the child has nothing sent and no timer yet: it waits for the next one, but not for ever.
 */
static void xtcp_receive_child(struct sock *child, struct sk_buff *skb)
{
	xtcp_receive_lock(child, skb);
	if (unlikely(READ_ONCE(child->sk_state) == TCP_SYN_RECV)) {
		bh_lock_sock(child);
		/* An owner has its segment in the backlog, or is ending it */
		if (child->sk_state == TCP_SYN_RECV && !sock_owned_by_user(child))
			xtcp_timer_arm_ms(child, XTCP_TIMER_CONNECT, XTCP_RECEIVE_CHILD_MS);
		bh_unlock_sock(child);
	}
	sock_put(child);
}

/* SO_ATTACH_FILTER, cgroup ingress programs and LSMs see the TCP header. */
static bool xtcp_receive_filter(struct sock *sk, struct sk_buff *skb)
{
	u32 end_seq;

	if (sk_filter_trim_cap(sk, skb, xtcp_cb(skb)->hdr_len))
		return false;
	/* A filter may have cut the payload */
	end_seq = xtcp_cb(skb)->seq + skb->len - xtcp_cb(skb)->hdr_len +
		  !!(xtcp_cb(skb)->flags & XTCP_FLAG_SYN) +
		  !!(xtcp_cb(skb)->flags & XTCP_FLAG_FIN);
	xtcp_cb(skb)->end_seq = end_seq;
	return true;
}

static void xtcp_receive_drop(struct sk_buff *skb, const struct xtcp_tuple *t,
			      enum skb_drop_reason reason)
{
	if (reason == SKB_CONSUMED) {
		consume_skb(skb);
		return;
	}
	trace_xtcp_drop(t, reason);
	kfree_skb_reason(skb, reason);
}

/* No flow: a SYN or a cookie's ACK for a listener, or nothing of ours. */
static void xtcp_receive_listener(struct sk_buff *skb, const struct xtcp_tuple *t)
{
	u8 kind = xtcp_cb(skb)->flags & (XTCP_FLAG_SYN | XTCP_FLAG_ACK | XTCP_FLAG_RST);
	struct sock *listener = xtcp_flow_lookup_listener(t, skb, xtcp_cb(skb)->hdr_len);
	enum skb_drop_reason reason = SKB_DROP_REASON_NO_SOCKET;
	struct sock *child = NULL;

	if (listener && (kind == XTCP_FLAG_SYN || kind == XTCP_FLAG_ACK) &&
	    !xtcp_receive_filter(listener, skb)) {
		XTCP_INC(t->net, PolicyDrops);
		xtcp_receive_drop(skb, t, SKB_DROP_REASON_SOCKET_FILTER);
		return;
	}
	if (listener && kind == XTCP_FLAG_SYN) {
		/* MUST-41: the listener itself is not disturbed */
		xtcp_receive_trace((struct sock_common *)listener, skb);
		reason = xtcp_listen_syn(listener, skb, t);
	} else if (listener && kind == XTCP_FLAG_ACK && xtcp_cookie_active(listener)) {
		reason = xtcp_cookie_promote(listener, skb, t, &child);
	}
	if (child) {
		xtcp_receive_child(child, skb);
		return;
	}
	if (reason == SKB_DROP_REASON_NO_SOCKET) {
		XTCP_INC(t->net, NoSocket);
		xtcp_control_rst_reply(NULL, t, skb);
	}
	xtcp_receive_drop(skb, t, reason);
}

/* A half-open connection. Return: false: it is one no more, look again. */
static bool xtcp_receive_request(struct sk_buff *skb, const struct xtcp_tuple *t,
				 struct xtcp_request *req)
{
	enum skb_drop_reason reason;
	struct sock *child;

	if (!xtcp_receive_filter(req->ireq.req.rsk_listener, skb)) {
		XTCP_INC(t->net, PolicyDrops);
		xtcp_receive_drop(skb, t, SKB_DROP_REASON_SOCKET_FILTER);
		return true;
	}
	reason = xtcp_listen_request(req, skb, &child);
	if (child) {
		xtcp_receive_child(child, skb);
		return true;
	}
	/* Another CPU was quicker with the same request: its child takes this */
	if (reason == SKB_DROP_REASON_NOT_SPECIFIED && !xtcp_flow_hashed((struct sock_common *)req))
		return false;
	xtcp_receive_drop(skb, t, reason);
	return true;
}

/* Return: false: look up again (with a new initial number in cb after TIME_WAIT). */
static bool xtcp_receive_flow(struct sk_buff *skb, const struct xtcp_tuple *t,
			      struct sock_common *skc)
{
	bool syn = xtcp_cb(skb)->flags & XTCP_FLAG_SYN;
	enum skb_drop_reason reason;

	xtcp_receive_trace(skc, skb);
	switch (skc->skc_state) {
	case TCP_TIME_WAIT:
		syn = syn && xtcp_flow_lookup_listener(t, NULL, 0);
		reason = xtcp_timewait_process(xtcp_tw(skc), skb, &syn);
		if (syn)
			return false;
		xtcp_receive_drop(skb, t, reason);
		return true;
	case TCP_NEW_SYN_RECV:
		return xtcp_receive_request(skb, t, xtcp_req(skc));
	default:
		if (xtcp_receive_filter((struct sock *)skc, skb)) {
			xtcp_receive_lock((struct sock *)skc, skb);
		} else {
			XTCP_INC(t->net, PolicyDrops);
			xtcp_receive_drop(skb, t, SKB_DROP_REASON_SOCKET_FILTER);
		}
		return true;
	}
}

/**
 * xtcp_receive_segment - a segment of ours
 * @skb: IP side done, checksum verified, cb parsed; consumed
 * @t: its tuple
 * @skc: the flow it was found to belong to, with a reference that is consumed; or NULL
 *
 * Context: Softirq, RCU.
 */
void xtcp_receive_segment(struct sk_buff *skb, struct xtcp_tuple *t,
			  struct sock_common *skc)
{
	u32 segs = xtcp_skb_segs(skb);
	int round;

	if (skc && (1 << skc->skc_state) & ~(TCPF_NEW_SYN_RECV | TCPF_TIME_WAIT))
		XTCP_SK_ADD((struct sock *)skc, InSegs, segs);
	else
		XTCP_ADD(t->net, InSegs, segs);
	for (round = 0; round < XTCP_RECEIVE_ROUNDS; round++) {
		bool done;

		if (!skc) {
			xtcp_receive_listener(skb, t);
			return;
		}
		done = xtcp_receive_flow(skb, t, skc);
		xtcp_flow_put(skc);
		if (done)
			return;
		skc = xtcp_flow_lookup(t);
	}
	if (skc)
		xtcp_flow_put(skc);
	xtcp_receive_drop(skb, t, SKB_DROP_REASON_NOT_SPECIFIED);
}
