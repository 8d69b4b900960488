// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much may be sent: what is in flight, PRR in recovery (RFC 6937), else growth.
 */
#include "recovery.h"

#include "../conn/disorder.h"
#include "../conn/pacer.h"
#include "../trace.h"

/**
 * xtcp_recovery_inflight - segments in the network, as far as can be told
 * @sk: the connection
 *
 * pipe of RFC 6675 4. Without SACK each duplicate ACK is a segment that has left
 * it; before recovery two count at most: limited transmit, RFC 3042.
 *
 * Context: Socket lock.
 * Return: Segments.
 */
u32 xtcp_recovery_inflight(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 left = xt->sacked_out + xt->lost_out;

	if (!xt->sack_ok && xt->ca_state > XTCP_CA_CWR)
		left += xt->dupacks;
	else if (!xt->sack_ok)
		left += min_t(u32, xt->dupacks, XTCP_RACK_DUPTHRESH - 1);
	return xt->packets_out - min(left, xt->packets_out) + xt->retrans_out;
}

/**
 * xtcp_recovery_quota - how many segments may go out now
 * @sk: the connection
 *
 * Context: Socket lock.
 * Return: Segments, 0 if the congestion window is full.
 */
u32 xtcp_recovery_quota(const struct sock *sk)
{
	u32 inflight = xtcp_recovery_inflight(sk);
	u32 cwnd = xtcp_sk(sk)->cc.cwnd;

	if (xtcp_sk(sk)->ecn_hold)
		return 0;
	return cwnd > inflight ? cwnd - inflight : 0;
}

/**
 * xtcp_recovery_flight - FlightSize for equation 4 of RFC 5681
 * @xt: the connection
 *
 * What limited transmit or a late ACK added beyond the window does not count (RFC 5681
 * 3.2 step 2).
 *
 * Context: Socket lock.
 * Return: Segments.
 */
u32 xtcp_recovery_flight(const struct xtcp_sock *xt)
{
	return min(xt->packets_out, xt->cc.cwnd);
}

/**
 * xtcp_recovery_fs - RecoverFS of RFC 9937: in flight, with what this ACK delivered
 * @xt: the connection, at the ACK that begins a reduction
 * @acked: of that ACK
 *
 * Context: Socket lock.
 * Return: Segments.
 */
u32 xtcp_recovery_fs(const struct xtcp_sock *xt, const struct xtcp_acked *acked)
{
	u32 left = xt->sack_ok ? xt->sacked_out : xt->dupacks;

	return xt->packets_out - min(left, xt->packets_out) + acked->delivered;
}

/**
 * xtcp_recovery_by_prr - does PRR say what the window is?
 * @xt: the connection
 *
 * Context: Socket lock.
 * Return: true in fast recovery, and after ECE, unless that took it down to one at once.
 */
bool xtcp_recovery_by_prr(const struct xtcp_sock *xt)
{
	return xt->ca_state == XTCP_CA_RECOVERY ||
	       (xt->ca_state == XTCP_CA_CWR && xtcp_disorder_prr(xt));
}

/**
 * xtcp_recovery_reduce - the window of recovery: in flight, and what may be sent now
 * @sk: the connection
 * @delivered: DeliveredData of this ACK, segments
 * @news: what it tells besides
 * @least: segments that may be sent even if RFC 6937 gives less
 *
 * Context: Socket lock.
 */
void xtcp_recovery_reduce(struct sock *sk, u32 delivered, enum xtcp_prr_news news, u32 least)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_prr *prr = xtcp_disorder_prr(xt);
	u32 pipe = xtcp_recovery_inflight(sk);
	u32 count = xt->cc.ssthresh - min(xt->cc.ssthresh, pipe);

	/*
	 * Without memory for PRR what is in flight may be ssthresh at once: RFC 6675 5; the first
	 * that is sent again is not held back (4.3)
	 */
	if (prr)
		count = xtcp_prr_ack(prr, delivered, pipe, xt->cc.ssthresh, news);
	else if (xt->lost_out && !xt->retrans_out)
		least = max(least, 1U);
	xt->cc.cwnd = max(pipe + max(count, least), 1U);
}

static void xtcp_recovery_grow(struct sock *sk, const struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_cc_ack ack = {
		.now_us = acked->now_us,
		.acked_segs = acked->delivered,
		.rtt_us = acked->rtt_us > 0 ? min_t(s64, acked->rtt_us, U32_MAX) : 0,
		.inflight_segs = xt->packets_out + acked->segs,
		.snd_una = xt->snd_una,
		.snd_nxt = xt->snd_nxt,
		.paced = xtcp_pacer_on(sk),
	};

	/*
	 * A window that was not used must not grow (RFC 7661 in short, RFC 9438 4.2). In slow
	 * start half of it is enough: it is filled by what it doubles to.
	 */
	ack.app_limited = xtcp_cc_in_slow_start(&xt->cc) ?
		xt->cc.cwnd >= 2 * ack.inflight_segs : xt->cc.cwnd > ack.inflight_segs;
	xtcp_cc_on_ack(&xt->cc, &ack);
}

/**
 * xtcp_recovery_window - how the window changes by this ACK
 * @sk: the connection
 * @acked: what it delivered
 * @advanced: snd_una moved
 * @lost: more is lost than before, what was sent again included
 * @least: in fast recovery, segments that may be sent in any case
 *
 * One that delivers nothing, a window update or the peer's data, takes nothing back of what may be
 * sent, and what it shows to be lost is sent as by the REORDER timer.
 *
 * Context: Socket lock.
 */
void xtcp_recovery_window(struct sock *sk, const struct xtcp_acked *acked, bool advanced,
			  bool lost, u32 least)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	bool cwr = xt->ca_state == XTCP_CA_CWR;
	enum xtcp_prr_news news = advanced ? XTCP_PRR_SAFE : XTCP_PRR_NONE;

	if (lost)
		news = XTCP_PRR_LOSS;
	if (unlikely(xtcp_recovery_by_prr(xt))) {
		if (acked->delivered)
			xtcp_recovery_reduce(sk, acked->delivered, news, least);
		else if (!cwr && (lost || least))
			xtcp_recovery_reduce(sk, 0, news, max(least, 1U));
	} else if (acked->delivered && (advanced || xt->rack.reordering) && !acked->ece && !cwr) {
		xtcp_recovery_grow(sk, acked);	/* not for an ECE: RFC 3168 6.1.2 */
	}
	trace_xtcp_cwnd(sk);
}
