// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending again, and giving up: RFC 6298, RFC 9293 3.8.1 to 3.8.3.
 */
#include "output.h"

#include "../conn/life.h"
#include "../conn/pacer.h"
#include "../conn/sndq.h"
#include "../conn/timers.h"
#include "../conn/urg.h"
#include "../recovery/ecn.h"
#include "../recovery/recovery.h"
#include "../trace.h"

#define XTCP_RETRANSMIT_DEAD_MS	120000	/* at least: a zero window whose owner is silent */

static u32 xtcp_retransmit_rto_us(const struct sock *sk)
{
	return xtcp_rtt_rto_us(&xtcp_sk(sk)->rtt, xtcp_knob_rto_min_us(sk),
			       xtcp_knob_rto_max_us(sk));
}

/* The timer must not run past the user timeout. */
static u32 xtcp_retransmit_clamp_us(const struct sock *sk, u32 rto_us, u32 since_ms)
{
	u32 limit_ms = xtcp_tune(sk)->user_timeout_ms;
	s32 left_ms;

	if (!limit_ms || !since_ms)
		return rto_us;
	left_ms = since_ms + limit_ms - xtcp_now_ms(sk);
	if (left_ms <= 0)
		return USEC_PER_MSEC;
	return min_t(u64, rto_us, (u64)left_ms * USEC_PER_MSEC);
}

/**
 * xtcp_retransmit_arm - the timer that fits what is in flight
 * @sk: the connection
 *
 * Something in flight: REXMIT, unless it runs already (RFC 6298 5.1). Nothing in
 * flight but data waiting, for a window or for memory: PERSIST. Nothing: none.
 *
 * Context: Socket lock.
 */
void xtcp_retransmit_arm(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u64 delay_us;

	if (xt->packets_out) {
		xtcp_timer_cancel(sk, XTCP_TIMER_PERSIST);
		if (!xtcp_timer_pending(sk, XTCP_TIMER_REXMIT))
			xtcp_timer_arm(sk, XTCP_TIMER_REXMIT,
				       xtcp_retransmit_clamp_us(sk, xtcp_retransmit_rto_us(sk),
								xt->retrans_stamp_ms) +
				       xtcp_pacer_ahead_us(sk));
		return;
	}
	xtcp_timer_cancel(sk, XTCP_TIMER_REXMIT);
	/* No window holds back what waits for its time */
	if ((!xtcp_sndq_head(sk) && !xtcp_sndq_fin_owed(sk)) || xtcp_pacer_waits(sk)) {
		xtcp_timer_cancel(sk, XTCP_TIMER_PERSIST);
		return;
	}
	if (xtcp_timer_pending(sk, XTCP_TIMER_PERSIST))
		return;
	delay_us = min_t(u64, (u64)xtcp_retransmit_rto_us(sk) << min_t(u8, xt->persist_backoff, 20),
			 xtcp_knob_rto_max_us(sk));
	xtcp_timer_arm(sk, XTCP_TIMER_PERSIST,
		       xtcp_retransmit_clamp_us(sk, delay_us, xt->probes_since_ms));
}

/**
 * xtcp_retransmit_arm_probe - the PROBE timer for what is in flight now
 * @sk: the connection; something was sent, or acknowledged
 *
 * RFC 8985 7.2. If it would come after the REXMIT timer, that one sends the probe.
 *
 * Context: Socket lock.
 */
void xtcp_retransmit_arm_probe(struct sock *sk)
{
	u64 delay_us = xtcp_tlp_delay_us(sk);
	s32 left_ms;

	if (!delay_us) {
		xtcp_timer_cancel(sk, XTCP_TIMER_PROBE);
		return;
	}
	delay_us += xtcp_pacer_ahead_us(sk);
	left_ms = xtcp_timer_left_ms(sk, XTCP_TIMER_REXMIT);
	if (left_ms >= 0 && delay_us >= (u64)left_ms * USEC_PER_MSEC)
		xtcp_timer_cancel(sk, XTCP_TIMER_PROBE);
	else
		xtcp_timer_arm(sk, XTCP_TIMER_PROBE, delay_us);
}

/**
 * xtcp_retransmit_restart - new data were acknowledged: RFC 6298 5.2, 5.3
 * @sk: the connection
 *
 * Context: Socket lock.
 */
void xtcp_retransmit_restart(struct sock *sk)
{
	xtcp_timer_cancel(sk, XTCP_TIMER_REXMIT);
	xtcp_retransmit_arm(sk);
	xtcp_retransmit_arm_probe(sk);
}

/*
 * Has what was sent of it not even left? Its clone is freed when it does, and has another owner, or
 * none, when it is heard on this very machine. A SYN that waits for its neighbour counts as sent.
 */
static bool xtcp_retransmit_waits(const struct sock *sk, const struct sk_buff *skb)
{
	return skb && skb_fclone_busy(sk, skb) && xtcp_state_in(sk, XTCP_STATES_SYNCHRONIZED);
}

/* A stall began when the segment that is missed was first sent. */
static void xtcp_retransmit_stalled(struct xtcp_sock *xt, const struct xtcp_cb *cb)
{
	if (!xt->retrans_stamp_ms)
		xt->retrans_stamp_ms = (u32)div_u64(cb->tx.sent_us, USEC_PER_MSEC) ?: 1;
}

/* Send one skb of the retransmission tree again. */
static int xtcp_retransmit_skb(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 mss = max_t(u32, xtcp_data_current_mss(sk), 1);
	struct xtcp_cb *cb = xtcp_cb(skb);
	s32 room = xt->snd_una + max_t(u32, xt->snd_wnd, mss) - cb->seq;
	int err;

	/* Nobody below cuts protocol 253, or counts an urgent pointer down: one at a time */
	if (xt->wire_protocol != IPPROTO_TCP || xtcp_urg_covers(xt, cb->seq))
		room = min_t(s32, room, mss);
	/* The window may have shrunk (MUST-34): at most what it takes, or one segment */
	if (skb->len > mss && room < (s32)skb->len) {
		u32 len = max_t(u32, room > 0 ? room / mss * mss : 0, mss);

		if (len < skb->len && xtcp_sndq_split(sk, skb, len, true))
			return -ENOMEM;
	}
	xtcp_sndq_fit(sk, skb, mss);
	if (unlikely(xt->probe_size))
		xtcp_probe_mtu_lost(sk, skb);
	xtcp_retransmit_stalled(xt, cb);
	if (cb->flags & XTCP_FLAG_SYN)
		xtcp_ecn_fallback(sk, cb);
	trace_xtcp_retransmit(sk, skb);
	xtcp_recovery_resent(sk, skb);
	err = xtcp_data_transmit(sk, skb, true);
	if (err == -ENOMEM)
		return err;
	xtcp_board_resent(sk, skb);
	xt->total_retrans += cb->tx.segs;
	XTCP_ADD(sock_net(sk), RetransSegs, cb->tx.segs);
	if (cb->flags & XTCP_FLAG_SYN)
		this_cpu_inc(xtcp_net(sock_net(sk))->stats->counter[cb->flags & XTCP_FLAG_ACK ?
			     XTCP_MIB_SynAckRetrans : XTCP_MIB_SynRetrans]);
	return 0;
}

/**
 * xtcp_retransmit_head - send the oldest unacknowledged segment again
 * @sk: the connection
 *
 * One segment, not all that its skb holds.
 *
 * Context: Socket lock.
 * Return: 0; -ENOENT: nothing is in flight; -ENOMEM.
 */
int xtcp_retransmit_head(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_rtx_head(sk);
	u32 mss = max_t(u32, xtcp_sk(sk)->mss_cache, 1);

	/* The peer may hold the oldest one without having acknowledged it */
	if (!skb || (xtcp_cb(skb)->marks & XTCP_MARK_SACKED))
		return -ENOENT;
	if (xtcp_sndq_trim_acked(sk, skb))
		return -ENOMEM;
	if (skb->len > mss && xtcp_sndq_split(sk, skb, mss, true))
		return -ENOMEM;
	return xtcp_retransmit_skb(sk, skb);
}

/* F-RTO wants new data now (RFC 5682 2.1 step 2b). Return: true if they are out. */
static bool xtcp_retransmit_frto(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (xt->frto != XTCP_FRTO_SECOND)
		return false;
	if (xt->snd_nxt == xt->high_seq)
		xtcp_data_push(sk, false);
	if (xt->snd_nxt != xt->high_seq || xtcp_pacer_held(sk))
		return true;
	/* There are none: the loss is taken for real */
	xt->frto = XTCP_FRTO_OFF;
	return false;
}

/**
 * xtcp_retransmit_lost - send again what recovery marked, as cwnd allows
 * @sk: the connection
 *
 * From the lowest number up (RFC 6675 5, NextSeg); new data come after it. With the oldest
 * the timer starts anew, as section 6 allows: where a round trip is longer than rto_min, the
 * timer that was started with the last ACK of new data would not wait for its ACK.
 *
 * Context: Socket lock.
 */
void xtcp_retransmit_lost(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb;
	bool oldest = false;

	if (xtcp_retransmit_frto(sk))
		return;
	skb = xtcp_sndq_rtx_find(sk, xt->rexmit_next);
	for (; skb; skb = xtcp_sndq_rtx_next(skb)) {
		struct xtcp_cb *cb = xtcp_cb(skb);
		u32 mss = max_t(u32, xt->mss_cache, 1), quota;

		if (cb->marks != XTCP_MARK_LOST)
			continue;
		/* No copy behind an original that waits; who frees that wakes us, or a timer */
		if (xtcp_retransmit_waits(sk, skb) &&
		    (xtcp_pacer_await(sk, XTCP_PACER_NOTHING) || xtcp_retransmit_waits(sk, skb)))
			break;
		if (cb->tx.mss)
			mss = min_t(u32, mss, cb->tx.mss);
		quota = xtcp_recovery_quota(sk);
		if (!quota || xtcp_sndq_trim_acked(sk, skb) ||
		    xtcp_pacer_holds(sk, skb, skb->len))
			break;
		if (skb->len > (u64)quota * mss &&
		    xtcp_sndq_split(sk, skb, quota * mss, true))
			break;
		if (xtcp_retransmit_skb(sk, skb))
			break;
		oldest |= skb == xtcp_sndq_rtx_head(sk);
	}
	xt->rexmit_next = skb ? xtcp_cb(skb)->seq : xt->snd_nxt;
	if (oldest)
		xtcp_timer_cancel(sk, XTCP_TIMER_REXMIT);
	xtcp_retransmit_arm(sk);
}

/**
 * xtcp_retransmit_reorder - the REORDER timer ran out
 * @sk: the connection
 *
 * Context: Softirq, socket lock.
 */
void xtcp_retransmit_reorder(struct sock *sk)
{
	if (!xtcp_recovery_reorder(sk))
		return;
	xtcp_retransmit_lost(sk);
	xtcp_data_push(sk, false);
}

/* The last segment in flight once more. Return: true if it went out. */
static bool xtcp_retransmit_last(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_rtx_tail(sk);
	struct xtcp_cb *cb;

	if (!skb || xtcp_sndq_trim_acked(sk, skb))
		return false;
	cb = xtcp_cb(skb);
	if (cb->tx.segs > 1) {
		u32 keep = (skb->len - 1) / cb->tx.mss * cb->tx.mss;

		if (xtcp_sndq_split(sk, skb, keep, true))
			return false;
		skb = xtcp_sndq_rtx_next(skb);
	}
	return !xtcp_retransmit_skb(sk, skb);
}

/**
 * xtcp_retransmit_tail - a tail loss probe is due: RFC 8985 7.3
 * @sk: the connection
 *
 * New data if there are any and the peer has room, else the last segment again. The
 * retransmission timer starts anew with it. Where the last one still waits in a queue of ours
 * no probe could be answered sooner.
 *
 * Context: Softirq, socket lock.
 * Return: true if a probe was sent.
 */
bool xtcp_retransmit_tail(struct sock *sk)
{
	bool fresh;

	if (!xtcp_tlp_allowed(sk) || xtcp_retransmit_waits(sk, xtcp_sndq_rtx_tail(sk)))
		return false;
	fresh = xtcp_data_probe(sk);
	if (!fresh && !xtcp_retransmit_last(sk))
		return false;
	xtcp_tlp_sent(sk, !fresh);
	xtcp_retransmit_restart(sk);
	return true;
}

static u64 xtcp_retransmit_model_ms(const struct sock *sk, u32 boundary)
{
	u64 base = xtcp_knob_rto_min_us(sk) / USEC_PER_MSEC;
	u64 max = xtcp_knob_rto_max_us(sk) / USEC_PER_MSEC;
	u32 linear;

	if (xtcp_state_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV))
		base = READ_ONCE(xtcp_net(sock_net(sk))->knobs.rto_initial_ms);
	base = max_t(u64, base, 1);
	linear = ilog2(max(div64_u64(max, base), 1ULL));
	if (boundary <= linear)
		return ((2ULL << boundary) - 1) * base;
	return ((2ULL << linear) - 1) * base + (boundary - linear) * max;
}

/**
 * xtcp_retransmit_exceeded - has this stall lasted too long?
 * @sk: the connection
 * @boundary: a number of timeouts; how long these take from rto_min on is what counts,
 *            so that a short RTT does not give up sooner (R1, R2: MUST-20)
 * @timeout_ms: if not 0: this long instead (MUST-21: settable by the program)
 *
 * Context: Socket lock.
 * Return: true if so.
 */
bool xtcp_retransmit_exceeded(struct sock *sk, u32 boundary, u32 timeout_ms)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u64 limit_ms = timeout_ms ? timeout_ms : xtcp_retransmit_model_ms(sk, boundary);

	/* The first timeout of a stall is none; those of what did not leave only back off */
	if ((!xt->retransmits && !xt->rtt.backoff) || !xt->retrans_stamp_ms)
		return false;
	return xtcp_clock_ms() - xt->retrans_stamp_ms >= limit_ms;
}

static void xtcp_retransmit_give_up(struct sock *sk, enum xtcp_reason reason)
{
	int err = READ_ONCE(sk->sk_err_soft);

	XTCP_SK_ADD(sk, TimeoutAborts, 1);
	xtcp_life_abort(sk, err ? err : ETIMEDOUT, reason);
}

/*
 * Too many orphans, or no memory and this one holds some: the peer is told, since
 * nobody else is left to hear of it. Return: true if the connection is gone.
 */
static bool xtcp_retransmit_out_of_memory(struct sock *sk)
{
	if (!sock_flag(sk, SOCK_DEAD) || !xtcp_life_too_many_orphans(sk))
		return false;
	XTCP_SK_ADD(sk, AbortOnMemory, 1);
	xtcp_control_rst(sk);
	xtcp_life_abort(sk, ETIMEDOUT, XTCP_REASON_MEMORY);
	return true;
}

/*
 * R1: ask for another route, unless the segment has not left yet (@waits); R2: give up.
 * Return: true if the connection is gone.
 */
static bool xtcp_retransmit_over(struct sock *sk, bool waits)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(sk))->knobs;
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 user_ms = xtcp_tune(sk)->user_timeout_ms;
	bool over;

	if (sk->sk_state == TCP_SYN_SENT || sk->sk_state == TCP_SYN_RECV) {
		u32 retries = sk->sk_state == TCP_SYN_SENT ? xtcp_knob_syn_retries(sk) :
							     xtcp_knob_synack_retries(sk);

		if (xt->retransmits)
			dst_negative_advice(sk);
		over = xt->retransmits >= retries ||
		       (user_ms && xtcp_retransmit_exceeded(sk, 0, user_ms));
	} else {
		u32 retries = READ_ONCE(knobs->retries2);

		if (!waits && xtcp_retransmit_exceeded(sk, READ_ONCE(knobs->retries1), 0)) {
			xtcp_probe_mtu_black_hole(sk);
			dst_negative_advice(sk);
		}
		if (sock_flag(sk, SOCK_DEAD)) {
			retries = xtcp_knob_orphan_retries(sk);
			if (xtcp_retransmit_out_of_memory(sk))
				return true;
		}
		over = xtcp_retransmit_exceeded(sk, retries, user_ms);
	}
	if (over)
		xtcp_retransmit_give_up(sk, user_ms ? XTCP_REASON_DEAD_PEER :
						      XTCP_REASON_TIMEOUT);
	return over;
}

/* The peer closed its window over data in flight: probe with them (MUST-34, -37). */
static bool xtcp_retransmit_window_shut(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 user_ms = xtcp_tune(sk)->user_timeout_ms;

	if (xt->snd_wnd || sock_flag(sk, SOCK_DEAD) ||
	    xtcp_state_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV))
		return false;
	/* MUST-37: the last answer may be as old as the longest interval; one or two may be lost */
	if (xtcp_clock_ms() - xt->last_rcv_ms >
	    max_t(u32, XTCP_RETRANSMIT_DEAD_MS, 3 * (xtcp_knob_rto_max_us(sk) / USEC_PER_MSEC))) {
		xtcp_retransmit_give_up(sk, XTCP_REASON_TIMEOUT);
		return true;
	}
	/* RFC 5482: answers alone do not keep it, there is no progress */
	if (user_ms && xt->retrans_stamp_ms &&
	    xtcp_clock_ms() - xt->retrans_stamp_ms >= user_ms) {
		xtcp_retransmit_give_up(sk, XTCP_REASON_DEAD_PEER);
		return true;
	}
	xtcp_recovery_timeout(sk);
	xtcp_retransmit_head(sk);
	return true;
}

/* RFC 6298 5.4: the oldest segment goes out again, and all that is in flight is taken for lost. */
static void xtcp_retransmit_oldest(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	XTCP_SK_ADD(sk, Timeouts, 1);
	xtcp_recovery_timeout(sk);
	if (xt->retransmits < U8_MAX)
		xt->retransmits++;
	xtcp_retransmit_head(sk);
}

/**
 * xtcp_retransmit_timeout - the REXMIT timer ran out
 * @sk: the connection
 *
 * RFC 6298 5.4 to 5.6. May close the connection. If the oldest segment has not left yet, it is our
 * own queue that is slow: nothing is lost, and another copy would only make it longer.
 *
 * Context: Softirq, socket lock.
 */
void xtcp_retransmit_timeout(struct sock *sk)
{
	struct sk_buff *head = xtcp_sndq_rtx_head(sk);
	bool waits = xtcp_retransmit_waits(sk, head);
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!xt->packets_out)
		return;
	/* PTO is never later than RTO: RFC 8985 7.2 */
	if (!xt->retransmits && xtcp_retransmit_tail(sk))
		return;
	if (!xtcp_retransmit_window_shut(sk)) {
		if (waits)
			xtcp_retransmit_stalled(xt, xtcp_cb(head));
		if (xtcp_retransmit_over(sk, waits))
			return;
		if (waits)
			XTCP_SK_ADD(sk, RetransHeld, 1);
		else
			xtcp_retransmit_oldest(sk);
	} else if (sk->sk_state == TCP_CLOSE) {
		return;
	}
	xtcp_rtt_backoff(&xt->rtt);
	xtcp_timer_cancel(sk, XTCP_TIMER_REXMIT);
	xtcp_retransmit_arm(sk);
}

/* Send what little the window takes, or a bare probe. */
static void xtcp_retransmit_probe(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	s32 room = xt->snd_una + xt->snd_wnd - xtcp_cb(skb)->seq;
	u32 mss = max_t(u32, xtcp_data_current_mss(sk), 1);
	u32 len = min_t(u32, skb->len, mss);

	XTCP_SK_ADD(sk, ZeroWindowProbes, 1);
	if (room > 0 && skb->len) {
		xtcp_cb(skb)->flags |= XTCP_FLAG_PSH;
		if (xtcp_data_send_head(sk, skb, mss, min_t(u32, len, room)))
			return;
	}
	/* A probe is not acceptable, so that nobody looks at its URG: one that is goes first */
	if (xtcp_urg_under_way(xt) && xt->snd_up - xt->snd_una <= U16_MAX)
		xtcp_control_probe(sk, true);
	xtcp_control_probe(sk, false);
}

static bool xtcp_retransmit_persist_over(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 max_probes = READ_ONCE(xtcp_net(sock_net(sk))->knobs.retries2);
	u32 user_ms = xtcp_tune(sk)->user_timeout_ms;

	/* An orphan does not wait for ever, not even if its probes are answered */
	if (sock_flag(sk, SOCK_DEAD)) {
		max_probes = xtcp_knob_orphan_retries(sk);
		if (xt->persist_backoff >= max_probes)
			return true;
	}
	if (user_ms && xt->probes_since_ms &&
	    xtcp_clock_ms() - xt->probes_since_ms >= user_ms)
		return true;
	return xt->probes_out >= max_probes;
}

/**
 * xtcp_retransmit_persist - the PERSIST timer ran out
 * @sk: the connection
 *
 * RFC 9293 3.8.6.1: a zero window is probed (MUST-36), at growing intervals, for
 * as long as the probes are answered (MUST-37). May close the connection.
 *
 * Context: Softirq, socket lock.
 */
void xtcp_retransmit_persist(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_sndq_head(sk);

	/* A FIN that found no memory */
	if (!skb && xtcp_sndq_fin_owed(sk)) {
		xtcp_data_send_fin(sk);
		return;
	}
	if (xt->ecn_hold) {
		xtcp_ecn_resume(sk);
		xtcp_data_push(sk, false);
		return;
	}
	if (xt->packets_out || !skb) {
		xt->probes_out = 0;
		xt->probes_since_ms = 0;
		return;
	}
	if (xtcp_retransmit_out_of_memory(sk))
		return;
	if (xtcp_retransmit_persist_over(sk)) {
		xtcp_retransmit_give_up(sk, xtcp_tune(sk)->user_timeout_ms ? XTCP_REASON_DEAD_PEER :
								       XTCP_REASON_TIMEOUT);
		return;
	}
	if (!xt->probes_since_ms)
		xt->probes_since_ms = xtcp_clock_ms() ?: 1;
	xtcp_retransmit_probe(sk, skb);
	if (xt->probes_out < U8_MAX)
		xt->probes_out++;
	if (xt->persist_backoff < U8_MAX)
		xt->persist_backoff++;
	xtcp_retransmit_arm(sk);
}
