// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFC 9293 3.10.7.4, first to fourth: sequence number, RST, security, SYN, with the
 * answers of RFC 5961 to blind attacks and PAWS of RFC 7323 5.
 */
#include "input.h"

#include "../conn/disorder.h"
#include "../conn/rcvq.h"
#include "../conn/timers.h"
#include "../recovery/ecn.h"

#define XTCP_PAWS_24DAYS_S	(24 * 24 * 3600)	/* RFC 7323 5.5 */

/**
 * xtcp_paws_reject - is a timestamp older than what was seen?
 * @ts_recent: newest TSval in order
 * @age_s: when it was taken, seconds of boot time
 * @opt: options of the segment
 *
 * RFC 7323 5.2; a ts_recent older than 24 days proves nothing (5.5). Nor does one of 0: there
 * are peers whose SYN has it, before their clock tells the time.
 *
 * Context: Any.
 * Return: true if the segment is an old duplicate.
 */
bool xtcp_paws_reject(u32 ts_recent, u32 age_s, const struct xtcp_options *opt)
{
	if (!(opt->present & XTCP_OPT_TS) || !age_s || !ts_recent)
		return false;
	if ((s32)(opt->tsval - ts_recent) >= 0)
		return false;
	return (u32)ktime_get_seconds() - age_s < XTCP_PAWS_24DAYS_S;
}

/* A pure ACK that was overtaken on the way is no attack: let it pass. */
static bool xtcp_validate_overtaken_ack(const struct sock *sk, const struct xtcp_segment *seg)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	return (seg->flags & XTCP_FLAG_ACK) && seg->seq == seg->end_seq &&
	       seg->seq == xt->rcv_nxt && seg->ack == xt->snd_una &&
	       (u32)seg->wnd << xt->snd_wscale == xt->snd_wnd &&
	       xt->ts_recent - seg->opt.tsval <= xt->rtt.rto_us / USEC_PER_MSEC;
}

static bool xtcp_validate_in_window(const struct xtcp_sock *xt, const struct xtcp_segment *seg)
{
	/* From rcv_wup on: what was acknowledged a moment ago is no surprise */
	return !xtcp_seq_before(seg->end_seq, xt->rcv_wup) &&
	       !xtcp_seq_after(seg->seq, xt->rcv_nxt + xtcp_receive_window(xt));
}

/* What of an old segment was there already, in order or in one piece, is told: RFC 2883. */
static void xtcp_validate_twice(struct sock *sk, const struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	const struct sk_buff *held;

	if (xtcp_seq_before(seg->seq, xt->rcv_nxt)) {
		xtcp_dsack_note(sk, seg->seq, xtcp_seq_min(seg->end_seq, xt->rcv_nxt));
		return;
	}
	held = xtcp_ooo_empty(xt) ? NULL : xtcp_rcvq_find_ooo(xt, seg->seq);
	if (!held)
		return;
	/* The block that it is part of follows: 4 (4) */
	xtcp_sack_note(xt->disorder, seg->seq, seg->end_seq);
	xtcp_dsack_note(sk, seg->seq, xtcp_seq_min(seg->end_seq, xtcp_cb(held)->end_seq));
}

/* Refused as old: an ACK is the answer, whichever test refused it. */
static void xtcp_validate_old(struct sock *sk, struct xtcp_segment *seg)
{
	if (seg->flags & XTCP_FLAG_SYN) {
		seg->actions |= XTCP_ACT_CHALLENGE;
		return;
	}
	seg->actions |= XTCP_ACT_DUPACK;
	if (seg->seq != seg->end_seq)
		xtcp_validate_twice(sk, seg);
}

/* Second: RST. Exactly at rcv_nxt it counts (RFC 5961 3.2), else it is challenged. */
static enum skb_drop_reason xtcp_validate_rst(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	bool exact = seg->seq == xt->rcv_nxt;

	/* The peer's FIN took a number, its RST may not know */
	if (seg->seq + 1 == xt->rcv_nxt &&
	    xtcp_state_in(sk, TCPF_CLOSE_WAIT | TCPF_LAST_ACK | TCPF_CLOSING))
		exact = true;
	if (!exact) {
		if (xtcp_validate_in_window(xt, seg))
			seg->actions |= XTCP_ACT_CHALLENGE;
		return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
	}
	XTCP_SK_ADD(sk, InRsts, 1);
	if (xtcp_state_in(sk, TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))
		XTCP_SK_ADD(sk, EstabResets, 1);
	switch (sk->sk_state) {
	case TCP_CLOSE_WAIT:
		seg->error = EPIPE;
		break;
	case TCP_SYN_RECV:
		seg->error = xt->passive_open ? ECONNRESET : ECONNREFUSED;
		break;
	default:
		seg->error = ECONNRESET;
	}
	seg->close_reason = XTCP_REASON_RESET_IN;
	seg->actions |= XTCP_ACT_DONE;
	return SKB_DROP_REASON_TCP_RESET;
}

/* The peer's SYN-ACK of a simultaneous open: our SYN is acknowledged, its SYN is known. */
static bool xtcp_validate_crossed_synack(const struct sock *sk, const struct xtcp_segment *seg)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	return sk->sk_state == TCP_SYN_RECV && !xt->passive_open &&
	       (seg->flags & XTCP_FLAG_ACK) && seg->seq == xt->rcv_nxt - 1 &&
	       seg->seq + 1 == seg->end_seq && seg->ack == xt->snd_nxt;
}

/**
 * xtcp_validate_process - may this segment speak to the connection at all?
 * @sk: synchronized, or in SYN_RECV
 * @seg: the segment
 *
 * Context: Socket lock.
 * Return: SKB_NOT_DROPPED_YET or why it was dropped.
 */
enum skb_drop_reason xtcp_validate_process(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	bool rst = seg->flags & XTCP_FLAG_RST;

	/* Every segment but a SYN or RST has an ACK; one without is nobody's */
	if (!(seg->flags & (XTCP_FLAG_ACK | XTCP_FLAG_SYN | XTCP_FLAG_RST)))
		return SKB_DROP_REASON_TCP_FLAGS;

	/* PAWS; a RST counts even without a fresh timestamp (RFC 7323 5.2) */
	if (xt->ts_ok && !rst && xtcp_paws_reject(xt->ts_recent, xt->ts_recent_age_s, &seg->opt) &&
	    !xtcp_validate_overtaken_ack(sk, seg)) {
		XTCP_SK_ADD(sk, PawsDrops, 1);
		xtcp_validate_old(sk, seg);
		return SKB_DROP_REASON_TCP_RFC7323_PAWS;
	}
	if (rst)
		return xtcp_validate_rst(sk, seg);

	/* First: the sequence number */
	if (!xtcp_validate_in_window(xt, seg)) {
		XTCP_SK_ADD(sk, OutOfWindow, 1);
		xtcp_validate_old(sk, seg);
		return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
	}
	/* Fourth: a SYN in a synchronized state: RFC 5961 4.2 */
	if (seg->flags & XTCP_FLAG_SYN) {
		if (!xtcp_validate_crossed_synack(sk, seg)) {
			seg->actions |= XTCP_ACT_CHALLENGE;
			return SKB_DROP_REASON_TCP_INVALID_SYN;
		}
		/* Its ECE is no echo */
		xtcp_ecn_peer_syn(xt, seg->flags);
		seg->seq++;
		seg->flags &= ~(XTCP_FLAG_SYN | XTCP_ECN_FLAGS);
	}
	return SKB_NOT_DROPPED_YET;
}
