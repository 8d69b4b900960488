// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN_SENT: RFC 9293 3.10.7.3.
 */
#include "input.h"

#include "../conn/sndq.h"
#include "../conn/state.h"
#include "../conn/timers.h"
#include "../output/output.h"
#include "../recovery/ecn.h"

#define XTCP_SYNSENT_AGAIN_US	(10 * USEC_PER_MSEC)

/* First, the ACK bit: it must be for our SYN, and a timestamp for one of ours. */
static bool xtcp_synsent_ack_ok(const struct sock *sk, const struct xtcp_segment *seg)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 echo;

	if (!xtcp_seq_after(seg->ack, xt->snd_una) || xtcp_seq_after(seg->ack, xt->snd_nxt))
		return false;
	if (!xt->ts_ok || !(seg->opt.present & XTCP_OPT_TS) || !seg->opt.tsecr)
		return true;
	/* RFC 7323 3.2: an echo from before or after our SYNs is another connection's */
	echo = seg->opt.tsecr - xt->ts_offset;
	return xtcp_seq_between(echo, xt->retrans_stamp_ms - 1, xtcp_clock_ms());
}

static void xtcp_synsent_take_syn(struct sock *sk, const struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->rcv_nxt = seg->seq + 1;
	xt->rcv_wup = xt->rcv_nxt;
	xt->copied_seq = xt->rcv_nxt;
	xtcp_input_options(sk, &seg->opt);
	xtcp_ecn_peer_syn(xt, seg->flags);
	xt->pmtu = 0;	/* the peer's MSS is known: compute mss_cache again */
	/* The window of a SYN is never scaled: RFC 7323 2.2 */
	xt->snd_wnd = seg->wnd;
	xt->snd_max_wnd = seg->wnd;
	xt->snd_wl1 = seg->seq;
	xt->snd_wl2 = seg->ack;
}

/* SYN-ACK for our SYN: ESTABLISHED. */
static void xtcp_synsent_connected(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_acked acked = { .rtt_us = -1, .now_us = xtcp_sk(sk)->now_us };

	xtcp_synsent_take_syn(sk, seg);
	WRITE_ONCE(sk->sk_err_soft, 0);
	xt->snd_una = seg->ack;
	xtcp_sndq_ack(sk, seg->ack, &acked);
	if (acked.rtt_us >= 0)
		xtcp_rtt_sample(&xt->rtt, acked.rtt_us, xtcp_knob_rto_min_us(sk),
				xtcp_knob_rto_max_us(sk));
	else if (acked.rexmitted)
		xtcp_rtt_syn_lost(&xt->rtt);	/* RFC 6298 5.7 */
	xtcp_rtt_backoff_reset(&xt->rtt);
	xtcp_retransmit_restart(sk);
	xtcp_input_established(sk, seg);
	seg->actions |= XTCP_ACT_WAKE_STATE | XTCP_ACT_PUSH;

	/* Somebody waits to write: the ACK rides on that */
	if (READ_ONCE(sk->sk_write_pending) && !xt->quickack) {
		seg->actions |= XTCP_ACT_ACK_LATER;
		xt->pingpong = 1;
	} else {
		seg->actions |= XTCP_ACT_ACK_NOW;
	}
}

/* A SYN without ACK: both sides opened at once (MUST-10). */
static void xtcp_synsent_crossed(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xtcp_synsent_take_syn(sk, seg);
	xtcp_state_set(sk, TCP_SYN_RECV, XTCP_REASON_SEGMENT);
	xt->passive_open = 0;
	seg->actions |= XTCP_ACT_SYNACK;
}

/**
 * xtcp_synsent_process - a segment in SYN_SENT
 * @sk: the connection
 * @seg: the segment
 *
 * Context: Socket lock.
 * Return: SKB_NOT_DROPPED_YET or why it was dropped.
 */
enum skb_drop_reason xtcp_synsent_process(struct sock *sk, struct xtcp_segment *seg)
{
	bool ack = seg->flags & XTCP_FLAG_ACK;
	struct xtcp_sock *xt = xtcp_sk(sk);

	/* First: check the ACK bit (S4: what we never asked for is reset) */
	if (ack && !xtcp_synsent_ack_ok(sk, seg)) {
		seg->actions |= XTCP_ACT_RST;
		/* A half-open connection's, which the RST ends (3.5.1): no need to wait a second */
		if (!xt->retransmits && !(seg->flags & XTCP_FLAG_RST))
			xtcp_timer_arm_earlier(sk, XTCP_TIMER_REXMIT, XTCP_SYNSENT_AGAIN_US);
		return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
	}
	/* Second: the RST bit counts only with an acceptable ACK */
	if (seg->flags & XTCP_FLAG_RST) {
		if (!ack)
			return SKB_DROP_REASON_TCP_FLAGS;
		XTCP_SK_ADD(sk, InRsts, 1);
		seg->error = ECONNREFUSED;
		seg->close_reason = XTCP_REASON_RESET_IN;
		seg->actions |= XTCP_ACT_DONE;
		return SKB_DROP_REASON_TCP_RESET;
	}
	/* Fourth: the SYN bit; fifth: neither SYN nor RST is dropped */
	if (!(seg->flags & XTCP_FLAG_SYN))
		return SKB_DROP_REASON_TCP_FLAGS;

	/* Over a former connection's TIME_WAIT: a SYN of its own that is late */
	if (!ack && xtcp_paws_reject(xt->ts_recent, xt->ts_recent_age_s, &seg->opt)) {
		XTCP_SK_ADD(sk, PawsDrops, 1);
		return SKB_DROP_REASON_TCP_RFC7323_PAWS;
	}
	WRITE_ONCE(xt->last_rcv_ms, xtcp_now_ms(sk));
	if (ack)
		xtcp_synsent_connected(sk, seg);
	else
		xtcp_synsent_crossed(sk, seg);
	if (unlikely(seg->flags & XTCP_FLAG_URG))
		xtcp_urgent_process(sk, seg);
	/* Data on a SYN will be sent again; taking them in is Fast Open's business */
	return SKB_NOT_DROPPED_YET;
}
