// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments without data: ACK, challenge ACK, RST, probes, SYN-ACK.
 */
#include "output.h"

#include <linux/ip.h>
#include <net/tcp.h>

#include "../conn/disorder.h"
#include "../conn/flows.h"
#include "../conn/rcvq.h"
#include "../conn/sndq.h"
#include "../conn/timers.h"
#include "../recovery/ecn.h"
#include "../trace.h"

#define XTCP_CONTROL_OOW_MS	500	/* between ACKs for unacceptable segments */
#define XTCP_CONTROL_BURST	8	/* challenge ACKs of one flow in that time */
#define XTCP_CONTROL_NO_MEM_MS	200	/* an ACK that found no memory */

/* A number the peer accepts even if its window shrank below snd_nxt. */
static u32 xtcp_control_seq(const struct xtcp_sock *xt)
{
	u32 edge = xt->snd_una + xt->snd_wnd;

	if (!xtcp_seq_before(edge, xt->snd_nxt) ||
	    (xt->wscale_ok && xt->snd_nxt - edge < (1U << xt->snd_wscale)))
		return xt->snd_nxt;
	return edge;
}

static int xtcp_control_send(struct sock *sk, u32 seq, u8 flags)
{
	struct sk_buff *skb = xtcp_build_alloc(GFP_ATOMIC);

	if (!skb)
		return -ENOMEM;
	/* What comes from below has taken it */
	if (!in_softirq())
		xtcp_now_take(sk);
	xtcp_cb(skb)->seq = seq;
	xtcp_cb(skb)->end_seq = seq;
	xtcp_cb(skb)->flags = flags;
	return xtcp_data_transmit(sk, skb, false);
}

/**
 * xtcp_control_ack - acknowledge now
 * @sk: the connection
 *
 * Context: Socket lock.
 */
void xtcp_control_ack(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (xtcp_state_in(sk, TCPF_CLOSE | TCPF_LISTEN))
		return;
	if (xtcp_control_send(sk, xtcp_control_seq(xt), XTCP_FLAG_ACK) == -ENOMEM) {
		xt->ack_pending |= XTCP_ACK_SCHED;
		xtcp_timer_arm_ms(sk, XTCP_TIMER_DELACK, XTCP_CONTROL_NO_MEM_MS);
	}
}

/*
 * RFC 5961 7: about challenge_ack_limit a second in a namespace, from half of it to one
 * and a half. A number that everybody knew would tell whoever counts his own whether
 * somebody else's connection drew from it (CVE-2016-5696).
 */
static bool xtcp_control_challenge_allowed(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);
	u32 second = xtcp_clock_ms() / MSEC_PER_SEC;
	u32 limit = READ_ONCE(xn->knobs.challenge_ack_limit);
	bool allowed;

	spin_lock_bh(&xn->challenge_lock);
	if (xn->challenge_second != second) {
		xn->challenge_second = second;
		xn->challenge_left = limit ? (limit + 1) / 2 + get_random_u32_below(limit) : 0;
	}
	allowed = xn->challenge_left > 0;
	if (allowed)
		xn->challenge_left--;
	spin_unlock_bh(&xn->challenge_lock);
	return allowed;
}

/* What is limited for a flow is counted in spans of time: is this a new one? */
static void xtcp_control_burst_begin(struct xtcp_sock *xt)
{
	u32 now_ms = xtcp_clock_ms();

	if (xt->challenge_burst_ms && now_ms - xt->challenge_burst_ms < XTCP_CONTROL_OOW_MS)
		return;
	xt->challenge_burst_ms = now_ms ?: 1;
	xt->challenge_burst = 0;
	xt->challenge_bare = 0;
}

/* A few in a row for one flow; two stacks must not challenge each other for ever. */
static bool xtcp_control_burst_allowed(struct xtcp_sock *xt)
{
	xtcp_control_burst_begin(xt);
	if (xt->challenge_burst >= XTCP_CONTROL_BURST)
		return false;
	xt->challenge_burst++;
	return true;
}

/**
 * xtcp_control_challenge_ack - say where we are, and let the peer prove itself
 * @sk: the connection
 *
 * RFC 5961 3.2, 4.2, 5.2; limited for the flow and for the namespace (7).
 *
 * Context: Socket lock, BHs off.
 */
void xtcp_control_challenge_ack(struct sock *sk)
{
	if (!xtcp_control_burst_allowed(xtcp_sk(sk)) ||
	    !xtcp_control_challenge_allowed(sock_net(sk))) {
		XTCP_SK_ADD(sk, ChallengeAcksLimited, 1);
		return;
	}
	XTCP_SK_ADD(sk, ChallengeAcks, 1);
	xtcp_control_ack(sk);
}

/**
 * xtcp_control_dup_ack - answer a segment that is not acceptable
 * @sk: the connection
 * @skb: the segment, cb parsed
 *
 * RFC 9293 3.10.7.4, first. Bare ACKs out of window are answered twice a second at
 * most; data are not part of an ACK loop.
 *
 * Context: Socket lock.
 */
void xtcp_control_dup_ack(struct sock *sk, const struct sk_buff *skb)
{
	const struct xtcp_cb *cb = xtcp_cb(skb);
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (cb->seq == cb->end_seq || (cb->flags & XTCP_FLAG_SYN)) {
		xtcp_control_burst_begin(xt);
		if (xt->challenge_bare) {
			XTCP_SK_ADD(sk, ChallengeAcksLimited, 1);
			return;
		}
		xt->challenge_bare = 1;
	}
	xtcp_control_ack(sk);
}

/**
 * xtcp_control_probe - a segment the peer must answer
 * @sk: the connection
 * @urgent: from snd_una itself: acceptable, and not answered; tells of urgent data
 *
 * One number below the window and no data: not acceptable, hence an ACK comes back
 * (RFC 9293 3.8.4; S14: seq = SND.NXT - 1).
 *
 * Context: Socket lock.
 */
void xtcp_control_probe(struct sock *sk, bool urgent)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xtcp_control_send(sk, xt->snd_una - !urgent, XTCP_FLAG_ACK);
}

/* The program has something to read, and until it has done so the window cannot open. */
static bool xtcp_control_reader_acks(const struct sock *sk)
{
	return xtcp_rcvq_window(sk) < xtcp_sk(sk)->rcv_wnd &&
	       xtcp_rcvq_unread(sk) >= READ_ONCE(sk->sk_rcvlowat);
}

/**
 * xtcp_control_ack_rides - may an early ACK wait for the program's answer?
 * @sk: the connection
 *
 * The peer has written all it had to say, less than a segment: no window of it grows by this ACK.
 *
 * Context: Socket lock.
 * Return: true if so.
 */
bool xtcp_control_ack_rides(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	return xt->ack_patient && !xt->pingpong &&
	       (xt->ack_pending & (XTCP_ACK_PUSHED | XTCP_ACK_NOW)) == XTCP_ACK_PUSHED &&
	       xt->rcv_nxt - xt->rcv_wup < xt->rcv_mss &&
	       xtcp_state_in(sk, XTCP_STATES_MAY_SEND);
}

/*
 * With a hole: have the ACKs gone out at once that a sender without RACK counts, three that say
 * the same? Counts the one at hand, if not.
 */
static bool xtcp_control_hole_told(struct xtcp_sock *xt)
{
	struct xtcp_disorder *d = xt->disorder;

	if (d->dup_acks_of != xt->rcv_nxt) {
		d->dup_acks_of = xt->rcv_nxt;
		d->dup_acks = 0;
	}
	if (d->dup_acks >= XTCP_RACK_DUPTHRESH)
		return true;
	d->dup_acks++;
	return false;
}

/*
 * May the ACK of what came out of order wait for more of it? Nothing depends on a single one any
 * more, and a block tells of many segments as of one. Who sends is given a moment's rest as well,
 * in which a queue on the way lets go of what it has held back.
 */
static bool xtcp_control_sacks_wait(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	const struct xtcp_knobs *knobs = &xt->xn->knobs;
	struct xtcp_disorder *d = xt->disorder;
	u32 rtt_us = xtcp_rtt_srtt_us(&xt->rtt);
	u64 wait_ns, slack_ns;

	if (!xt->sack_ok || d->acks_held >= READ_ONCE(knobs->comp_sack_nr))
		return false;
	if (!rtt_us || (xt->rcv_rtt_us && xt->rcv_rtt_us < rtt_us))
		rtt_us = xt->rcv_rtt_us;
	wait_ns = (u64)rtt_us * READ_ONCE(knobs->comp_sack_rtt_percent) * (NSEC_PER_USEC / 100);
	wait_ns = min_t(u64, wait_ns, READ_ONCE(knobs->comp_sack_delay_ns));
	if (!wait_ns)
		return false;
	d->acks_held++;
	XTCP_SK_ADD(sk, AcksCompressed, 1);
	slack_ns = min_t(u64, READ_ONCE(knobs->comp_sack_slack_ns), XTCP_ACK_NS_MAX - wait_ns);
	xtcp_timer_arm_hr(sk, &d->sack_timer, XTCP_HRTIMER_SACKS, ktime_get_ns() + wait_ns,
			  slack_ns);
	return true;
}

/**
 * xtcp_control_ack_pending - an ACK is owed: now or later?
 * @sk: the connection
 *
 * RFC 9293 3.8.6.3: for the second full segment at the latest (MUST-58), in less
 * than half a second (MUST-40); RFC 5681 4.2: at once out of order, but for what
 * xtcp_control_sacks_wait() says. While the program is
 * behind, so that a smaller window than the last would be told, its next recv()
 * acknowledges all that has come: MUST-58 asks to aggregate.
 *
 * Context: Socket lock.
 */
void xtcp_control_ack_pending(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	bool hole = !xtcp_ooo_empty(xt);
	int wait_ms;
	bool rides;

	if (!(xt->ack_pending & XTCP_ACK_SCHED))
		return;
	if (unlikely(hole) && !xtcp_control_hole_told(xt))
		xt->ack_pending |= XTCP_ACK_NOW;
	/* One waits; who goes on writing asks no question */
	rides = xtcp_control_ack_rides(sk) && !xtcp_timer_pending(sk, XTCP_TIMER_DELACK);
	if ((xt->ack_pending & XTCP_ACK_NOW) || xt->quickack || xt->route_quickack ||
	    (xt->quick_acks && !xt->pingpong && !rides) ||
	    (xt->rcv_nxt - xt->rcv_wup > xt->rcv_mss && !xtcp_control_reader_acks(sk)) ||
	    (hole && !xtcp_control_sacks_wait(sk))) {
		xtcp_control_ack(sk);
		return;
	}
	if (hole)
		return;
	wait_ms = READ_ONCE(xt->xn->knobs.delack_ms);
	if (rides)
		wait_ms = min(wait_ms, READ_ONCE(xt->xn->knobs.quick_ack_wait_ms));
	xtcp_timer_arm_earlier(sk, XTCP_TIMER_DELACK, (u64)wait_ms * USEC_PER_MSEC);
}

/**
 * xtcp_control_delack - the DELACK timer ran out
 * @sk: the connection
 *
 * Context: Softirq, socket lock.
 */
void xtcp_control_delack(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!(xt->ack_pending & XTCP_ACK_SCHED))
		return;
	/* We waited for an answer to ride on and none came */
	xt->pingpong = 0;
	xt->ack_patient = 0;
	XTCP_SK_ADD(sk, DelayedAcks, 1);
	xtcp_control_ack(sk);
}

/**
 * xtcp_control_rst - abort a connection of ours
 * @sk: the connection
 *
 * RFC 9293 3.10.5: <SEQ=SND.NXT><CTL=RST>.
 *
 * Context: Socket lock.
 */
void xtcp_control_rst(struct sock *sk)
{
	XTCP_SK_ADD(sk, OutRsts, 1);
	xtcp_control_send(sk, xtcp_control_seq(xtcp_sk(sk)), XTCP_FLAG_RST | XTCP_FLAG_ACK);
}

static void xtcp_control_reply_addresses(struct xtcp_reply *r, const struct sk_buff *skb)
{
	if (r->family == AF_INET) {
		r->src.ip = ip_hdr(skb)->daddr;
		r->dst.ip = ip_hdr(skb)->saddr;
	} else {
		r->src.in6 = ipv6_hdr(skb)->daddr;
		r->dst.in6 = ipv6_hdr(skb)->saddr;
	}
}

/* Sent the way of that flow: a socket's or a request's. */
static void xtcp_control_reply_way(struct xtcp_reply *r, const struct sock_common *skc)
{
	const struct sock *sk = (const struct sock *)skc;

	if (skc->skc_state == TCP_NEW_SYN_RECV) {
		sk = xtcp_req(skc)->ireq.req.rsk_listener;
		r->mark = xtcp_req(skc)->ireq.ir_mark;
	} else {
		r->mark = READ_ONCE(sk->sk_mark);
	}
	r->oif = READ_ONCE(skc->skc_bound_dev_if);
	r->uid = sk_uid(sk);
	r->transparent = inet_test_bit(TRANSPARENT, sk);
}

/**
 * xtcp_control_rst_reply - RST where there is no connection
 * @skc: whose tuple it is all the same, socket or request; NULL: nobody's
 * @t: the tuple of the segment
 * @skb: the segment, cb parsed, IP header in place; not consumed
 *
 * RFC 9293 3.10.7.1: never in answer to a RST.
 *
 * Context: Softirq.
 */
void xtcp_control_rst_reply(const struct sock_common *skc, const struct xtcp_tuple *t,
			    const struct sk_buff *skb)
{
	const struct xtcp_cb *cb = xtcp_cb(skb);
	struct xtcp_reply r = {
		.net = t->net,
		.family = t->family,
		.wire_protocol = t->wire_protocol,
		.skb_in = skb,
	};
	struct xtcp_build b = {};
	struct sk_buff *rst;

	if (cb->flags & XTCP_FLAG_RST)
		return;
	rst = xtcp_build_alloc(GFP_ATOMIC);
	if (!rst)
		return;
	b.h.source = ntohs(tcp_hdr(skb)->dest);
	b.h.dest = ntohs(tcp_hdr(skb)->source);
	b.h.flags = XTCP_FLAG_RST;
	if (cb->flags & XTCP_FLAG_ACK) {
		b.h.seq = cb->rx.ack;
	} else {
		b.h.flags |= XTCP_FLAG_ACK;
		b.h.ack = cb->end_seq;
	}
	/* the segment's: a socket may have other ends by now */
	xtcp_control_reply_addresses(&r, skb);
	if (skc)
		xtcp_control_reply_way(&r, skc);
	xtcp_build_header(rst, &b);
	XTCP_INC(t->net, OutRsts);
	XTCP_INC(t->net, OutSegs);
	trace_xtcp_segment_out(skc, t, &b.h, 0);
	xtcp_ip_xmit_reply(&r, rst);
}

/**
 * xtcp_control_rst_flow - RST to a segment of a flow: its number is the segment's
 * @skc: socket or request
 * @skb: as for xtcp_control_rst_reply()
 *
 * For an ACK of what was never sent (RFC 9293 3.10.7.3 and .4), and for data that nobody will
 * read.
 *
 * Context: Softirq.
 */
void xtcp_control_rst_flow(const struct sock_common *skc, const struct sk_buff *skb)
{
	struct xtcp_tuple t;

	xtcp_flow_tuple(skc, &t);
	xtcp_control_rst_reply(skc, &t, skb);
}

/**
 * xtcp_control_tw_ack - an ACK from TIME_WAIT
 * @tw: the entry
 * @skb: the segment it answers; not consumed
 *
 * Context: Softirq.
 */
void xtcp_control_tw_ack(struct xtcp_timewait *tw, const struct sk_buff *skb)
{
	struct net *net = read_pnet(&tw->common.skc_net);
	struct xtcp_tuple t;
	struct xtcp_reply r = {
		.net = net,
		.wire_protocol = tw->wire_protocol,
		.oif = tw->common.skc_bound_dev_if,
		.mark = tw->mark,
		.tos = tw->tos,
		.flowlabel = tw->flowlabel,
		.uid = tw->uid,
		.skb_in = skb,
		.transparent = tw->transparent,
	};
	struct sk_buff *ack = xtcp_build_alloc(GFP_ATOMIC);
	struct xtcp_build b = {};

	if (!ack)
		return;
	xtcp_flow_tuple(&tw->common, &t);
	r.family = t.family;
	r.src = t.laddr;
	r.dst = t.raddr;
	b.h.source = ntohs(t.lport);
	b.h.dest = ntohs(t.rport);
	b.h.seq = tw->snd_nxt;
	b.h.ack = tw->rcv_nxt;
	b.h.flags = XTCP_FLAG_ACK;
	b.h.window = tw->rcv_wnd;
	if (tw->ts_ok) {
		b.opt.present = XTCP_OPT_TS;
		b.opt.tsval = xtcp_clock_ms() + tw->ts_offset;
		b.opt.tsecr = READ_ONCE(tw->ts_recent);
	}
	xtcp_build_header(ack, &b);
	XTCP_INC(net, OutSegs);
	trace_xtcp_segment_out(&tw->common, NULL, &b.h, 0);
	xtcp_ip_xmit_reply(&r, ack);
}

/**
 * xtcp_control_request_ack - an ACK in the name of a half-open connection
 * @listener: its listener
 * @req: the request
 * @skb: the segment it answers; not consumed
 *
 * Context: Softirq.
 */
void xtcp_control_request_ack(const struct sock *listener, struct xtcp_request *req,
			      const struct sk_buff *skb)
{
	struct sock_common *skc = (struct sock_common *)req;
	struct net *net = sock_net(listener);
	struct xtcp_tuple t;
	struct xtcp_reply r = {
		.net = net,
		.wire_protocol = req->wire_protocol,
		.tos = req->tos,
		.skb_in = skb,
	};
	struct sk_buff *ack = xtcp_build_alloc(GFP_ATOMIC);
	struct xtcp_build b = {};

	if (!ack)
		return;
	xtcp_control_reply_way(&r, skc);
	xtcp_flow_tuple(skc, &t);
	r.family = t.family;
	r.src = t.laddr;
	r.dst = t.raddr;
	b.h.source = ntohs(t.lport);
	b.h.dest = ntohs(t.rport);
	b.h.seq = req->snt_isn + 1;
	b.h.ack = req->rcv_isn + 1;
	b.h.flags = XTCP_FLAG_ACK;
	b.h.window = min_t(u32, req->ireq.req.rsk_rcv_wnd >> req->ireq.rcv_wscale, U16_MAX);
	if (req->ireq.tstamp_ok) {
		b.opt.present = XTCP_OPT_TS;
		b.opt.tsval = xtcp_clock_ms() + req->ts_offset;
		b.opt.tsecr = READ_ONCE(req->ireq.req.ts_recent);
	}
	xtcp_build_header(ack, &b);
	XTCP_INC(net, OutSegs);
	trace_xtcp_segment_out(skc, NULL, &b.h, 0);
	xtcp_ip_xmit_reply(&r, ack);
}

/**
 * xtcp_control_synack - send a request's SYN-ACK
 * @listener: its listener
 * @req: the request
 * @dst: its route, borrowed; NULL: look it up
 * @again: it was sent before
 *
 * Context: Softirq.
 * Return: 0, -EHOSTUNREACH without a route, -ENOBUFS without memory.
 */
int xtcp_control_synack(const struct sock *listener, struct xtcp_request *req,
			struct dst_entry *dst, bool again)
{
	struct net *net = sock_net(listener);
	struct xtcp_header h;
	struct sk_buff *skb;
	int err;

	if (dst)
		dst_hold(dst);
	else
		dst = xtcp_ip_request_dst(listener, req);
	if (!dst)
		return -EHOSTUNREACH;
	skb = xtcp_build_synack(listener, req, dst);
	if (!skb) {
		dst_release(dst);
		return -ENOBUFS;
	}
	XTCP_INC(net, OutSegs);
	if (again) {
		/* The way it went first may be why it has to go again */
		dst_release(xchg(&req->dst, NULL));
		XTCP_INC(net, SynAckRetrans);
		XTCP_INC(net, RetransSegs);
	}
	xtcp_header_parse(skb->data, skb->len, &h);
	trace_xtcp_segment_out((struct sock_common *)req, NULL, &h, 0);
	err = xtcp_ip_xmit_request(listener, req, dst, skb);
	dst_release(dst);
	return err < 0 ? err : 0;
}

/**
 * xtcp_control_synack_sock - the SYN-ACK of a simultaneous open
 * @sk: in SYN_RECV, its SYN in the retransmission tree
 *
 * RFC 9293 figure 8: the same SYN again, now with an ACK.
 *
 * Context: Socket lock.
 * Return: 0 or negative.
 */
int xtcp_control_synack_sock(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_rtx_head(sk);

	if (!skb || !(xtcp_cb(skb)->flags & XTCP_FLAG_SYN))
		return -ENOENT;
	xtcp_cb(skb)->flags |= XTCP_FLAG_ACK;
	/* An ECN-setup SYN-ACK has ECE alone */
	xtcp_cb(skb)->flags &= xtcp_sk(sk)->ecn_ok ? ~XTCP_FLAG_CWR : ~XTCP_ECN_FLAGS;
	return xtcp_data_transmit(sk, skb, true);
}
