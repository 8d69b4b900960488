// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loss recovery: NewReno (RFC 6582) over RFC 5681. It marks and
 * decides; output/retransmit.c sends.
 */
#include "recovery.h"

#include "../trace.h"

#define XTCP_RECOVERY_DUPTHRESH	3	/* RFC 5681 3.2 */

/**
 * xtcp_recovery_init - the sender's start values
 * @sk: handshake done, mss known
 *
 * Context: Socket lock.
 */
void xtcp_recovery_init(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	const struct xtcp_cc_ops *ops = xt->cc.ops;

	xtcp_cc_init(&xt->cc, ops, xt->mss_cache);
	/* RFC 5681 3.1: a SYN that had to be repeated starts with one segment */
	if (xt->total_retrans)
		xt->cc.cwnd = 1;
	xt->ca_state = XTCP_CA_OPEN;
	xt->high_seq = xt->snd_una;
	xt->dupacks = 0;
}

/**
 * xtcp_recovery_set_cc - choose the congestion control
 * @sk: the connection
 * @name: as in available_congestion_control
 *
 * Context: Socket lock.
 * Return: 0, or -ENOENT for an unknown name.
 */
int xtcp_recovery_set_cc(struct sock *sk, const char *name)
{
	const struct xtcp_cc_ops *ops = xtcp_cc_find(name);

	if (!ops)
		return -ENOENT;
	xtcp_cc_set_ops(&xtcp_sk(sk)->cc, ops);
	return 0;
}

static u32 xtcp_recovery_inflight(const struct xtcp_sock *xt)
{
	/* NewReno: each duplicate ACK is a segment that has left the network */
	u32 left = xt->ca_state == XTCP_CA_RECOVERY ? xt->dupacks : 0;

	left += xt->lost_out;
	return xt->packets_out - min(left, xt->packets_out) + xt->retrans_out;
}

/**
 * xtcp_recovery_quota - how many segments may go out now
 * @sk: the connection
 *
 * Limited transmit (RFC 3042) lends one segment for each of the first two
 * duplicate ACKs.
 *
 * Context: Socket lock.
 * Return: Segments, 0 if the congestion window is full.
 */
u32 xtcp_recovery_quota(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 inflight = xtcp_recovery_inflight(xt);
	u32 cwnd = xt->cc.cwnd;

	if (xt->ca_state == XTCP_CA_OPEN)
		cwnd += min_t(u32, xt->dupacks, XTCP_RECOVERY_DUPTHRESH - 1);
	return cwnd > inflight ? cwnd - inflight : 0;
}

static void xtcp_recovery_enter(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_sndq_rtx_head(sk);

	/* RFC 6582 3.2 step 2; dupacks inflates through the in-flight count */
	xtcp_cc_on_loss(&xt->cc, xt->packets_out);
	xt->high_seq = xt->snd_nxt;
	xt->ca_state = XTCP_CA_RECOVERY;
	if (skb)
		xtcp_sndq_mark_lost(sk, skb);
	XTCP_INC(sock_net(sk), FastRetrans);
	trace_xtcp_cwnd(sk);
}

static bool xtcp_recovery_duplicate(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	XTCP_INC(sock_net(sk), DupAcks);
	if (xt->ca_state == XTCP_CA_LOSS)
		return false;
	if (xt->dupacks < U8_MAX)
		xt->dupacks++;
	if (xt->ca_state == XTCP_CA_RECOVERY || xt->dupacks < XTCP_RECOVERY_DUPTHRESH)
		return false;
	/* RFC 6582 3.2 step 1: not twice for the same window */
	if (xtcp_seq_before(xt->snd_una, xt->high_seq))
		return false;
	xtcp_recovery_enter(sk);
	return true;
}

static bool xtcp_recovery_partial(struct sock *sk, const struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_sndq_rtx_head(sk);

	/* RFC 6582 3.2 step 3: the next hole is lost, too */
	xt->dupacks -= min_t(u32, xt->dupacks, acked->segs);
	if (skb && !(xtcp_cb(skb)->marks & XTCP_MARK_REXMITTED))
		xtcp_sndq_mark_lost(sk, skb);
	return true;
}

static void xtcp_recovery_leave(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	/* RFC 6582 3.2 step 3, full acknowledgment: no burst */
	if (xt->ca_state == XTCP_CA_RECOVERY)
		xt->cc.cwnd = min(xt->cc.ssthresh, max(xt->packets_out, 1U) + 1);
	xt->ca_state = XTCP_CA_OPEN;
	xt->dupacks = 0;
	trace_xtcp_cwnd(sk);
}

static void xtcp_recovery_grow(struct sock *sk, const struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_cc_ack ack = {
		.now_us = xtcp_clock_us(),
		.acked_segs = acked->segs,
		.rtt_us = acked->rtt_us > 0 ? min_t(s64, acked->rtt_us, U32_MAX) : 0,
		.inflight_segs = xt->packets_out + acked->segs,
		.snd_una = xt->snd_una,
		.snd_nxt = xt->snd_nxt,
	};

	/* A window that was not used must not grow (RFC 7661 in short) */
	ack.app_limited = xtcp_cc_in_slow_start(&xt->cc) ?
		xt->cc.cwnd >= 2 * ack.inflight_segs : xt->cc.cwnd > ack.inflight_segs;
	xtcp_cc_on_ack(&xt->cc, &ack);
	trace_xtcp_cwnd(sk);
}

/**
 * xtcp_recovery_ack - what an acceptable ACK means for the sender
 * @sk: the connection; snd_una is new already
 * @acked: what it took from the queue
 * @prior_una: snd_una before it
 * @duplicate: it is a duplicate ACK by RFC 5681 2
 *
 * Context: Socket lock.
 * Return: true: something is marked lost, xtcp_retransmit_lost() is due.
 */
bool xtcp_recovery_ack(struct sock *sk, const struct xtcp_acked *acked, u32 prior_una,
		       bool duplicate)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (xt->snd_una == prior_una)
		return duplicate && xt->packets_out && xtcp_recovery_duplicate(sk);

	switch (xt->ca_state) {
	case XTCP_CA_RECOVERY:
		if (xtcp_seq_before(xt->snd_una, xt->high_seq))
			return xtcp_recovery_partial(sk, acked);
		xtcp_recovery_leave(sk);
		return false;
	case XTCP_CA_LOSS:
		xtcp_recovery_grow(sk, acked);
		if (xtcp_seq_before(xt->snd_una, xt->high_seq))
			return true;
		xtcp_recovery_leave(sk);
		return false;
	default:
		xt->dupacks = 0;
		xtcp_recovery_grow(sk, acked);
		return false;
	}
}

/**
 * xtcp_recovery_timeout - the retransmission timer ran out
 * @sk: the connection
 *
 * RFC 5681 3.1: all in flight counts as lost, ssthresh is cut once, the window
 * is one segment (MUST-19).
 *
 * Context: Socket lock.
 */
void xtcp_recovery_timeout(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb;
	bool fresh = xt->ca_state != XTCP_CA_LOSS || xt->snd_una == xt->high_seq ||
		     !xt->retransmits;

	xtcp_cc_on_rto(&xt->cc, xt->packets_out, fresh);
	xt->high_seq = xt->snd_nxt;
	xt->ca_state = XTCP_CA_LOSS;
	xt->dupacks = 0;
	for (skb = xtcp_sndq_rtx_head(sk); skb; skb = xtcp_sndq_rtx_next(skb))
		xtcp_sndq_mark_lost(sk, skb);
	trace_xtcp_cwnd(sk);
}

/**
 * xtcp_recovery_idle - data after a pause
 * @sk: about to send, nothing in flight
 *
 * RFC 5681 4.1: after an RTO without sending, what the window knew is stale.
 *
 * Context: Socket lock.
 */
void xtcp_recovery_idle(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 rto_us = xtcp_rtt_rto_us(&xt->rtt, xtcp_knob_rto_min_us(sk),
				     xtcp_knob_rto_max_us(sk));
	u64 idle_us = (u64)(xtcp_clock_ms() - xt->last_sent_ms) * USEC_PER_MSEC;

	if (xt->packets_out || !xt->last_sent_ms || idle_us <= rto_us)
		return;
	if (READ_ONCE(xtcp_net(sock_net(sk))->knobs.slow_start_after_idle))
		xtcp_cc_on_idle(&xt->cc, xt->mss_cache, idle_us, rto_us);
}
