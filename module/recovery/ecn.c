// SPDX-License-Identifier: GPL-2.0-only
/*
 * Explicit congestion notification: RFC 3168 6.1. Documentation/ecn.rst has the choices.
 */
#include "ecn.h"

#include <net/dst.h>
#include <net/inet_ecn.h>

#include "../conn/disorder.h"
#include "recovery.h"

#define XTCP_ECN_ASK		1	/* values of the sysctl ecn */
#define XTCP_ECN_QUICK_ACKS	2	/* at once after the first CE: cwnd may be tiny */

static int xtcp_ecn_knob(const struct sock *sk)
{
	return READ_ONCE(xtcp_sk(sk)->xn->knobs.ecn);
}

static bool xtcp_ecn_route(const struct dst_entry *dst)
{
	return dst && dst_feature(dst, RTAX_FEATURE_ECN);
}

/**
 * xtcp_ecn_asks - does connect() ask for ECN?
 * @sk: the connection
 * @dst: its route, or NULL
 *
 * Context: Socket lock.
 * Return: true if the namespace or the route (features ecn) wants it.
 */
bool xtcp_ecn_asks(const struct sock *sk, const struct dst_entry *dst)
{
	return xtcp_ecn_knob(sk) == XTCP_ECN_ASK || xtcp_ecn_route(dst);
}

/**
 * xtcp_ecn_answers - would a listener agree to ECN?
 * @listener: the listener
 * @dst: the route back
 *
 * Context: Softirq; no lock.
 * Return: true if the namespace or the route allows it.
 */
bool xtcp_ecn_answers(const struct sock *listener, const struct dst_entry *dst)
{
	return xtcp_ecn_knob(listener) || xtcp_ecn_route(dst);
}

/**
 * xtcp_ecn_agrees - is ECN used for the connection of this SYN?
 * @listener: the listener
 * @dst: the route back
 * @flags: control bits of the SYN
 * @tos: traffic class it came with
 *
 * RFC 3168 6.1.1: only if both bits are set. No host sends a SYN as ECT: if it comes as
 * such, somebody on the way writes into the field, and marks will mean nothing.
 *
 * Context: Softirq; no lock.
 * Return: true if the SYN-ACK is to be an ECN-setup one.
 */
bool xtcp_ecn_agrees(const struct sock *listener, const struct dst_entry *dst, u8 flags,
		     u8 tos)
{
	return xtcp_ecn_setup_syn(flags) && INET_ECN_is_not_ect(tos) &&
	       xtcp_ecn_answers(listener, dst);
}

/**
 * xtcp_ecn_begin - start values
 * @xt: about to send its SYN, or a new child
 * @on: ECN is asked for, or agreed
 *
 * Context: Socket lock or private.
 */
void xtcp_ecn_begin(struct xtcp_sock *xt, bool on)
{
	xt->ecn_ok = on;
	xt->ecn_ect = on;
	xt->ecn_echo = 0;
	xt->ecn_cwr = 0;
	xt->ecn_seen = 0;
	xt->ecn_hold = 0;
}

/**
 * xtcp_ecn_peer_syn - the peer's SYN or SYN-ACK to our SYN
 * @xt: the connection; asked for ECN if ecn_ok
 * @flags: control bits
 *
 * RFC 3168 6.1.1. A SYN-ACK that reflects what it was sent has both bits (6.1.1.2).
 *
 * Context: Socket lock.
 */
void xtcp_ecn_peer_syn(struct xtcp_sock *xt, u8 flags)
{
	u8 setup = flags & XTCP_FLAG_ACK ? XTCP_FLAG_ECE : XTCP_ECN_FLAGS;

	if ((flags & XTCP_ECN_FLAGS) == setup)
		return;
	xt->ecn_ok = 0;
	xt->ecn_ect = 0;
}

/**
 * xtcp_ecn_fallback - a SYN that nobody answered goes out again
 * @sk: in SYN_SENT
 * @cb: of the SYN
 *
 * RFC 3168 6.1.1.1: some on the way drop ECN-setup SYNs, so the next one is none. From
 * then on data must not be ECT, whatever comes back, but CE is answered still (6.1.1).
 *
 * Context: Socket lock.
 */
void xtcp_ecn_fallback(struct sock *sk, struct xtcp_cb *cb)
{
	if (!(cb->flags & XTCP_FLAG_CWR) || !READ_ONCE(xtcp_sk(sk)->xn->knobs.ecn_fallback))
		return;
	cb->flags &= ~XTCP_ECN_FLAGS;
	xtcp_sk(sk)->ecn_ect = 0;
	XTCP_SK_ADD(sk, EcnFallbacks, 1);
}

/**
 * xtcp_ecn_mark - what a segment says of congestion
 * @xt: the connection; snd_nxt is what it was before this segment
 * @seq: its number
 * @len: payload, bytes
 * @flags: in: its control bits; out: with ECE and CWR
 *
 * New data are ECT(0); what is sent again (6.1.5), has no data (6.1.4) or probes a window
 * (6.1.6) is not. The first new data after a reduction have CWR (6.1.2), every ACK has ECE
 * until the peer has said CWR (6.1.3).
 *
 * Context: Socket lock.
 * Return: the ECN field of the IP header.
 */
u8 xtcp_ecn_mark(struct xtcp_sock *xt, u32 seq, u32 len, u8 *flags)
{
	if (*flags & (XTCP_FLAG_SYN | XTCP_FLAG_RST))
		return INET_ECN_NOT_ECT;
	if (xt->ecn_echo)
		*flags |= XTCP_FLAG_ECE;
	if (!len || !xt->ecn_ect || xtcp_seq_before(seq, xt->snd_nxt))
		return INET_ECN_NOT_ECT;
	if (xt->ecn_cwr) {
		*flags |= XTCP_FLAG_CWR;
		xt->ecn_cwr = 0;
	}
	return INET_ECN_ECT_0;
}

/**
 * xtcp_ecn_received - data arrived inside the window: RFC 3168 6.1.3
 * @sk: the connection, ecn_ok
 * @tos: traffic class; what GRO merged came with the same
 * @segs: how many segments they were
 *
 * CWR was seen to before: a segment with both tells of congestion after the reduction. The
 * ACK that begins the echo is not delayed: the peer's window may be one segment.
 *
 * Context: Socket lock.
 * Return: true if they are to be acknowledged at once.
 */
bool xtcp_ecn_received(struct sock *sk, u8 tos, u32 segs)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (INET_ECN_is_not_ect(tos))
		return false;
	xt->ecn_seen = 1;
	if (!INET_ECN_is_ce(tos))
		return false;
	XTCP_SK_ADD(sk, EcnCeSegs, segs);
	if (xt->ecn_echo)
		return false;
	xt->ecn_echo = 1;
	xt->pingpong = 0;
	xt->quick_acks = max_t(u8, xt->quick_acks, XTCP_ECN_QUICK_ACKS);
	return true;
}

/**
 * xtcp_ecn_echoed - does this ECE ask for a reduction? (RFC 3168 6.1.2)
 * @sk: the connection; snd_una is new already
 * @acked: of the ACK, which has ECE
 *
 * Once in a window of data, together with losses: not in recovery, and after the last
 * reduction not until something that was sent after it is acknowledged: CWR goes out
 * with that. Without anything in flight there is nothing that could have been marked.
 *
 * Context: Socket lock.
 * Return: true if so.
 */
bool xtcp_ecn_echoed(struct sock *sk, const struct xtcp_acked *acked)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	XTCP_SK_ADD(sk, EcnEchoes, 1);
	return xt->ca_state == XTCP_CA_OPEN && xtcp_seq_after(xt->snd_una, xt->high_seq) &&
	       (acked->segs || xt->packets_out);
}

/**
 * xtcp_ecn_reduce - the window comes down as for a loss, but nothing is sent again
 * @sk: the connection, not in recovery; xtcp_ecn_echoed()
 * @acked: of the ACK
 *
 * By PRR, in the course of a round trip, to ssthresh; a window of two segments goes to one
 * (RFC 9438 4.6). At one, with nothing in flight, new data wait for a timeout (RFC 3168
 * 6.1.2): xtcp_retransmit_persist() ends that. It was no mistake: there is no undo.
 *
 * Context: Socket lock.
 */
void xtcp_ecn_reduce(struct sock *sk, const struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 prior_cwnd = xt->cc.cwnd;

	if (!xtcp_cc_on_ecn(&xt->cc, min(xt->packets_out + acked->segs, prior_cwnd))) {
		if (xt->disorder)
			xt->disorder->prr.recover_fs = 0;
	} else if (xtcp_disorder_get(sk)) {
		xtcp_prr_start(&xt->disorder->prr, xtcp_recovery_fs(xt, acked));
	} else {
		xt->cc.cwnd = min(xt->cc.cwnd, xt->cc.ssthresh);
	}
	xt->ecn_hold = prior_cwnd == 1 && !xt->packets_out;
	xt->undo_valid = 0;
	xt->high_seq = xt->snd_nxt;
	xt->ca_state = XTCP_CA_CWR;
	xtcp_ecn_reduced(xt);
	XTCP_SK_ADD(sk, EcnReductions, 1);
}

/**
 * xtcp_ecn_resume - the timeout of a window of one is over
 * @sk: the connection, ecn_hold
 *
 * If the next segment is marked as well, the pause after it is twice as long.
 *
 * Context: Socket lock.
 */
void xtcp_ecn_resume(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->ecn_hold = 0;
	if (xt->persist_backoff < U8_MAX)
		xt->persist_backoff++;
}

/**
 * xtcp_ecn_waited - new data after a pause: was it as long as the timeout?
 * @sk: the connection, ecn_hold; about to send
 *
 * Context: Socket lock.
 */
void xtcp_ecn_waited(struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 rto_us = xtcp_rtt_rto_us(&xt->rtt, xtcp_knob_rto_min_us(sk), xtcp_knob_rto_max_us(sk));

	if (xtcp_now_ms(sk) - xt->last_ack_ms > rto_us / USEC_PER_MSEC)
		xtcp_ecn_resume(sk);
}
