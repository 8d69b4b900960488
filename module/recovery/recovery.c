// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loss recovery: the states (RFC 5681).
 */
#include "recovery.h"

#include "../conn/disorder.h"
#include "../conn/pacer.h"
#include "../conn/timers.h"
#include "ecn.h"
#include "../trace.h"

#define XTCP_RECOVERY_USED_MS	128	/* an RTO beyond half a minute: no validation */

/* From now on it shows how much of the window is used. */
static void xtcp_recovery_used(struct xtcp_sock *xt, u32 now_ms)
{
	xt->used_segs = 0;
	xt->used_since = now_ms / XTCP_RECOVERY_USED_MS;
}

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
	xtcp_pacer_begin(sk);
	xtcp_rack_init(&xt->rack, xt->snd_una);
	xt->ca_state = XTCP_CA_OPEN;
	/* RFC 6582 3.2 step 1: nothing is below it */
	xt->high_seq = xt->snd_una - 1;
	xt->rexmit_next = xt->snd_una;
	xt->rtt_end = xt->snd_una;
	xt->dupacks = 0;
	xt->frto = XTCP_FRTO_OFF;
	xt->undo_valid = 0;
	xt->tlp_out = 0;
	if (xt->disorder)
		xt->disorder->dsacks = 0;
	xt->ecn_hold = 0;
	xtcp_recovery_used(xt, xtcp_now_ms(sk));
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
	/* What it has learnt is not to be forgotten */
	if (ops == xtcp_sk(sk)->cc.ops)
		return 0;
	xtcp_cc_set_ops(&xtcp_sk(sk)->cc, ops);
	return 0;
}

static u32 xtcp_recovery_rto_us(const struct sock *sk)
{
	return xtcp_rtt_rto_us(&xtcp_sk(sk)->rtt, xtcp_knob_rto_min_us(sk),
			       xtcp_knob_rto_max_us(sk));
}

/**
 * xtcp_recovery_resent - a segment goes out again
 * @sk: the connection
 * @skb: about to be sent; counted after this
 *
 * Context: Socket lock.
 */
void xtcp_recovery_resent(struct sock *sk, const struct sk_buff *skb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!xt->undo_valid)
		return;
	xt->disorder->undo_retrans += xtcp_cb(skb)->tx.segs;
	if (!xt->disorder->undo_stamp_ms)
		xt->disorder->undo_stamp_ms = xtcp_now_ms(sk) ?: 1;
}

static void xtcp_recovery_enter(struct sock *sk, const struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_disorder *d;

	/* ECE and a loss in one window are one reduction: RFC 3168 6.1.2 */
	if (xt->ca_state == XTCP_CA_OPEN || !xtcp_seq_before(xt->snd_una, xt->high_seq)) {
		xtcp_cc_on_loss(&xt->cc, xtcp_recovery_flight(xt));
		xtcp_undo_begin(sk);
		xtcp_ecn_reduced(xt);
	}
	d = xtcp_disorder_get(sk);
	if (d)
		xtcp_prr_start(&d->prr, xtcp_recovery_fs(xt, acked));
	xt->high_seq = xt->snd_nxt;
	xt->ca_state = XTCP_CA_RECOVERY;
	xt->tlp_out = 0;
	xtcp_timer_cancel(sk, XTCP_TIMER_PROBE);
	XTCP_SK_ADD(sk, FastRetrans, 1);
	if (xt->sack_ok)
		XTCP_SK_ADD(sk, SackRecoveries, 1);
	else
		XTCP_SK_ADD(sk, RenoRecoveries, 1);
}

/* All is acknowledged that was in flight; after ECE what carries CWR is, too. */
static bool xtcp_recovery_over(const struct xtcp_sock *xt)
{
	if (xt->ca_state == XTCP_CA_CWR)
		return xtcp_seq_after(xt->snd_una, xt->high_seq);
	return xt->ca_state != XTCP_CA_OPEN && !xtcp_seq_before(xt->snd_una, xt->high_seq);
}

static void xtcp_recovery_leave(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	/* RFC 6937 3.1: the window ends at the threshold */
	if (xtcp_recovery_by_prr(xt))
		xt->cc.cwnd = xt->cc.ssthresh;
	if (xt->ca_state == XTCP_CA_CWR) {
		xt->ca_state = XTCP_CA_OPEN;
		return;
	}
	xtcp_rack_recovered(&xt->rack);
	xt->ca_state = XTCP_CA_OPEN;
	xt->frto = XTCP_FRTO_OFF;
	xt->dupacks = 0;
	/* Without DSACK nothing can be told any more */
	if (!xt->sack_ok)
		xt->undo_valid = 0;
}

/* Without SACK: RFC 6582. Return: a hole must go out now, whatever PRR says. */
static bool xtcp_recovery_newreno(struct sock *sk, struct xtcp_acked *acked, bool advanced,
				  bool duplicate)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xtcp_newreno_delivered(sk, acked, duplicate);
	if (duplicate && xt->ca_state <= XTCP_CA_CWR && xtcp_newreno_duplicate(sk)) {
		xtcp_recovery_enter(sk, acked);
		xtcp_newreno_mark_head(sk);
		return true;
	}
	/* 3.2 step 3, partial acknowledgment: the next hole is lost, too */
	if (advanced && xt->ca_state == XTCP_CA_RECOVERY) {
		xtcp_newreno_mark_head(sk);
		return true;
	}
	return false;
}

/* Slow start, until all that is in flight now is acknowledged. */
static void xtcp_recovery_lose(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->high_seq = xt->snd_nxt;
	xt->ca_state = XTCP_CA_LOSS;
	xt->dupacks = 0;
	xt->tlp_out = 0;
	xtcp_timer_cancel(sk, XTCP_TIMER_PROBE);
}

/*
 * What is marked lost was too large: that was no congestion. The window stays, or slow start leads
 * back to it. Not in fast recovery.
 */
static void xtcp_recovery_lose_size(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	/* On its way down by ECE it is to come down further */
	if (xt->ca_state == XTCP_CA_OPEN)
		xt->cc.ssthresh = max(xt->cc.ssthresh, xt->cc.cwnd);
	if (xt->ca_state <= XTCP_CA_CWR) {
		xtcp_recovery_lose(sk);
		xt->undo_valid = 0;
	}
}

/* Is the segment that tries a larger size all that is lost? RFC 4821 7.6.2. */
static bool xtcp_recovery_only_probe(struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	const struct sk_buff *skb = xtcp_sndq_rtx_head(sk);

	return xt->probe_size && xt->ca_state == XTCP_CA_OPEN && xt->lost_out == 1 && skb &&
	       xtcp_cb(skb)->marks == XTCP_MARK_LOST &&
	       xtcp_cb(skb)->seq == xt->probe_end - xt->probe_size;
}

/* Something is marked lost: what begins with it? */
static void xtcp_recovery_begin(struct sock *sk, const struct xtcp_acked *acked)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	if (xtcp_recovery_only_probe(sk))
		xtcp_recovery_lose_size(sk);
	else if (xt->ca_state <= XTCP_CA_CWR)
		xtcp_recovery_enter(sk, acked);
}

/**
 * xtcp_recovery_ack - what an acceptable ACK means for the sender
 * @sk: the connection; snd_una is new already
 * @acked: what it took from the queue, and what its SACK blocks told
 * @prior_una: snd_una before it
 * @duplicate: it is a duplicate ACK by RFC 5681 2
 *
 * Context: Socket lock.
 * Return: true: something is marked lost, xtcp_retransmit_lost() is due.
 */
bool xtcp_recovery_ack(struct sock *sk, struct xtcp_acked *acked, u32 prior_una, bool duplicate)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	bool advanced = xt->snd_una != prior_una;
	/* Nothing arrived: what could be sent can still be */
	u32 least = acked->delivered || !xtcp_recovery_by_prr(xt) ? 0 : xtcp_recovery_quota(sk);
	u32 prior_lost, prior_rexmitted;
	bool undone, lost;

	if (duplicate)
		XTCP_SK_ADD(sk, DupAcks, 1);
	if (xt->sack_ok)
		xtcp_rackq_update(sk, acked);
	xtcp_tlp_ack(sk, acked);
	undone = xtcp_undo_ack(sk, acked, advanced);
	if (xtcp_recovery_over(xt)) {
		/* RFC 6582 3.2 step 3: ssthresh, no more; duplicates have counted it already */
		if (xt->ca_state == XTCP_CA_RECOVERY && !xt->sack_ok)
			acked->delivered = 0;
		xtcp_recovery_leave(sk);
	}
	if (xt->ca_state == XTCP_CA_LOSS) {
		if (xtcp_undo_frto(sk, acked, advanced, duplicate)) {
			trace_xtcp_cwnd(sk);
			return true;
		}
		undone |= xt->ca_state == XTCP_CA_OPEN;
	}
	prior_lost = xt->lost_out;
	prior_rexmitted = xt->retrans_out;
	if (!xt->sack_ok) {
		if (xtcp_recovery_newreno(sk, acked, advanced, duplicate))
			least = max(least, 1U);
	} else if (acked->delivered || xt->sacked_out) {
		xtcp_rackq_detect(sk, acked->now_us);
		if (unlikely(xt->lost_out))
			xtcp_recovery_begin(sk, acked);
	}
	lost = xt->lost_out > prior_lost || xt->retrans_out < prior_rexmitted;
	if (acked->ece && xtcp_ecn_echoed(sk, acked))
		xtcp_ecn_reduce(sk, acked);
	if (advanced && xt->ca_state <= XTCP_CA_CWR) {
		xt->dupacks = 0;
		/* These stay close behind, or numbers that come round would stop recovery */
		if (xtcp_seq_after(xt->snd_una, xt->high_seq))
			xt->high_seq = xt->snd_una - 1;
		if (xtcp_seq_after(xt->snd_una, xt->rexmit_next))
			xt->rexmit_next = xt->snd_una;
	}
	/* What was taken back may begin anew with the same ACK */
	if (!undone || xt->ca_state == XTCP_CA_RECOVERY)
		xtcp_recovery_window(sk, acked, advanced, lost, least);
	xtcp_board_check(sk);
	return xt->lost_out;
}

/**
 * xtcp_recovery_reorder - the REORDER timer ran out
 * @sk: the connection
 *
 * RFC 8985 6.3: a segment that had its time has not come.
 *
 * Context: Softirq, socket lock.
 * Return: true: something is marked lost, xtcp_retransmit_lost() is due.
 */
bool xtcp_recovery_reorder(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_acked none = { .now_us = xt->now_us };
	u32 prior_lost = xt->lost_out, prior_rexmitted = xt->retrans_out;
	u32 least = xtcp_recovery_by_prr(xt) ? xtcp_recovery_quota(sk) : 0;

	xtcp_rackq_detect(sk, none.now_us);
	if (xt->lost_out == prior_lost && xt->retrans_out == prior_rexmitted)
		return false;
	if (xt->lost_out)
		xtcp_recovery_begin(sk, &none);
	if (xt->ca_state == XTCP_CA_RECOVERY)
		xtcp_recovery_reduce(sk, 0, XTCP_PRR_LOSS, max(least, 1U));
	trace_xtcp_cwnd(sk);
	xtcp_board_check(sk);
	return true;
}

/* RFC 8985 6.3: the head is lost, and all that is late by now; the others may come yet. */
static void xtcp_recovery_mark_late(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_sndq_rtx_head(sk);
	u64 now_us = xt->now_us;
	bool head = true;

	/* RFC 2018 8: who does not acknowledge what it holds does not hold it */
	if (skb && (xtcp_cb(skb)->marks & XTCP_MARK_SACKED)) {
		XTCP_SK_ADD(sk, SackReneging, 1);
		xtcp_board_renege(sk);
	}
	for (; skb; skb = xtcp_sndq_rtx_next(skb), head = false) {
		struct xtcp_cb *cb = xtcp_cb(skb);

		if (cb->marks & XTCP_MARK_SACKED)
			continue;
		if (head || !xt->sack_ok || !xtcp_rackq_recent(xt, cb, now_us))
			xtcp_board_mark_lost(sk, skb);
	}
}

/**
 * xtcp_recovery_timeout - the retransmission timer ran out
 * @sk: the connection
 *
 * RFC 5681 3.1: what is in flight counts as lost, ssthresh is cut once for an episode,
 * the window is one segment (MUST-19).
 *
 * Context: Socket lock.
 */
void xtcp_recovery_timeout(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	/* What probes a window that shut over data in flight is no timeout of its own */
	bool fresh = xt->ca_state == XTCP_CA_OPEN ||
		     !xtcp_seq_before(xt->snd_una, xt->high_seq) ||
		     (xt->ca_state == XTCP_CA_LOSS && !xt->retransmits && xt->snd_wnd);

	xtcp_cc_on_rto(&xt->cc, xtcp_recovery_flight(xt), fresh);
	if (fresh)
		xtcp_undo_begin(sk);
	xtcp_ecn_reduced(xt);
	/* RFC 5682 2.1 step 1: the first of an episode, not on top of another recovery */
	if (xt->ca_state <= XTCP_CA_CWR)
		xt->frto = XTCP_FRTO_FIRST;
	else if (!xt->retransmits)
		xt->frto = XTCP_FRTO_OFF;
	xtcp_recovery_lose(sk);
	xtcp_timer_cancel(sk, XTCP_TIMER_REORDER);
	xtcp_recovery_mark_late(sk);
	/* One segment more than what may still be on its way */
	xt->cc.cwnd = xtcp_recovery_inflight(sk) + 1;
	trace_xtcp_cwnd(sk);
	xtcp_board_check(sk);
}

/**
 * xtcp_recovery_too_large - what is in flight and larger than @mss is lost
 * @sk: the connection; a router said so
 * @mss: most that a packet of the new size holds, bytes
 *
 * RFC 1191 6.4: it was not congestion, so the window stays, but what goes out again waits for ACKs
 * as in slow start, which leads back to it; in fast recovery as PRR says.
 *
 * Context: Socket lock.
 * Return: true: something is marked lost, xtcp_retransmit_lost() is due.
 */
bool xtcp_recovery_too_large(struct sock *sk, u32 mss)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 prior_lost = xt->lost_out, prior_rexmitted = xt->retrans_out;
	struct sk_buff *skb;

	for (skb = xtcp_sndq_rtx_head(sk); skb; skb = xtcp_sndq_rtx_next(skb)) {
		struct xtcp_cb *cb = xtcp_cb(skb);

		if (!(cb->marks & XTCP_MARK_SACKED) && skb->len > mss &&
		    (!cb->tx.mss || cb->tx.mss > mss))
			xtcp_board_mark_lost(sk, skb);
	}
	if (xt->lost_out == prior_lost && xt->retrans_out == prior_rexmitted)
		return false;
	xt->frto = XTCP_FRTO_OFF;
	if (xt->ca_state == XTCP_CA_RECOVERY)
		xtcp_recovery_reduce(sk, 0, XTCP_PRR_LOSS, 1);
	else
		xtcp_recovery_lose_size(sk);
	/* What goes out again waits for ACKs as in slow start */
	if (xt->ca_state != XTCP_CA_RECOVERY)
		xt->cc.cwnd = xtcp_recovery_inflight(sk) + 1;
	trace_xtcp_cwnd(sk);
	xtcp_board_check(sk);
	return true;
}

/**
 * xtcp_recovery_idle - data after a pause
 * @sk: about to send, nothing in flight
 *
 * RFC 5681 4.1: after an RTO without sending, what the window knew is stale; half of it is
 * for each RTO (RFC 2861). Once for a pause: last_sent_ms moves on, even if pacing or want of
 * memory stops what was about to leave.
 *
 * Context: Socket lock.
 */
void xtcp_recovery_idle(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 now_ms = xtcp_now_ms(sk), idle_ms = now_ms - xt->last_sent_ms;
	u64 idle_us = (u64)idle_ms * USEC_PER_MSEC;
	u32 flight_us = xtcp_rtt_srtt_us(&xt->rtt), rto_us;

	if (!xt->last_sent_ms || !idle_ms)
		return;
	/* What was sent last was in flight for a part of it */
	if (idle_us > flight_us) {
		xtcp_cc_on_pause(&xt->cc, idle_us - flight_us);
		/* All that ECE was about has gone; xtcp_ecn_echoed() goes by high_seq */
		if (xt->ca_state == XTCP_CA_CWR)
			xtcp_recovery_leave(sk);
	}
	rto_us = xtcp_recovery_rto_us(sk);
	if (idle_us > rto_us && READ_ONCE(xt->xn->knobs.slow_start_after_idle)) {
		xtcp_cc_on_idle(&xt->cc, xt->mss_cache, idle_us, rto_us);
		xtcp_recovery_used(xt, now_ms);
	}
	xt->last_sent_ms = now_ms;
}

/**
 * xtcp_recovery_sent - new data went out: how much of the window is in use?
 * @sk: the connection
 *
 * RFC 2861 3.2: a window that programs left unused for an RTO is taken down. Who has a whole
 * segment that waits, for the peer or for us, uses all there is.
 *
 * Context: Socket lock.
 */
void xtcp_recovery_sent(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *head = xtcp_sndq_head(sk);
	u32 now_ms = xt->last_sent_ms;
	u8 since = now_ms / XTCP_RECOVERY_USED_MS - xt->used_since;

	if (xt->packets_out >= min_t(u32, xt->cc.cwnd, U16_MAX) ||
	    (head && head->len >= xt->mss_cache)) {
		xtcp_recovery_used(xt, now_ms);
		return;
	}
	xt->used_segs = max_t(u32, xt->used_segs, xt->packets_out);
	/* The first of them may have just begun */
	if (since < 2 ||
	    (since - 1) * XTCP_RECOVERY_USED_MS * USEC_PER_MSEC < xtcp_recovery_rto_us(sk))
		return;
	if (xt->ca_state == XTCP_CA_OPEN && READ_ONCE(xt->xn->knobs.slow_start_after_idle))
		xtcp_cc_on_unused(&xt->cc, xt->mss_cache, xt->used_segs);
	xtcp_recovery_used(xt, now_ms);
}
