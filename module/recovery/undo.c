// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reductions that turn out to be mistakes: the segments were late, not lost. Told by
 * timestamps (Eifel detection, RFC 3522), by DSACK (RFC 3708) and, after a timeout,
 * by what is acknowledged next (F-RTO, RFC 5682). The answer is RFC 4015's: the threshold is
 * such that slow start leads back to the window that was, and no more leaves at once than
 * this ACK acknowledged, nor more than an initial window. (An initial window may always be in
 * flight: a DSACK may come when nothing is.)
 */
#include "recovery.h"

#include "../conn/disorder.h"
#include "../trace.h"

/**
 * xtcp_undo_begin - a reduction that may have to be taken back
 * @sk: the connection; the congestion control has its old window noted
 *
 * Context: Socket lock.
 */
void xtcp_undo_begin(struct sock *sk)
{
	struct xtcp_disorder *d = xtcp_disorder_get(sk);
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->undo_valid = !!d;
	if (!d)
		return;
	d->undo_marker = xt->snd_una;
	/* A tail loss probe may be one of its retransmissions */
	d->undo_retrans = xt->retrans_out;
	d->undo_stamp_ms = 0;
}

/*
 * It was late: from now on that is waited for; if it was already, for longer, as after a DSACK.
 * That of the copy is yet to come, and does not count again: the round lasts until something
 * that is sent from now on is acknowledged.
 */
static void xtcp_undo_reordered(struct xtcp_sock *xt, const struct xtcp_acked *acked)
{
	/* A DSACK has been counted already */
	if (xt->rack.reordering && !acked->dsack)
		xtcp_rack_needless(&xt->rack, xt->snd_una, xt->snd_nxt + 1);
	xt->rack.reordering = true;
}

static void xtcp_undo(struct sock *sk, const struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 iw = xtcp_cc_init_cwnd(xt->mss_cache);

	if (xt->ca_state == XTCP_CA_LOSS)
		XTCP_SK_ADD(sk, SpuriousRtos, 1);
	else
		xtcp_undo_reordered(xt, acked);
	xtcp_board_unmark_lost(sk);
	xtcp_cc_on_undo(&xt->cc, max(xtcp_recovery_inflight(sk) + min(acked->segs, iw), iw));
	xt->ca_state = XTCP_CA_OPEN;
	xt->frto = XTCP_FRTO_OFF;
	xt->undo_valid = 0;
	xt->ecn_cwr = 0;	/* not reduced after all */
	xt->dupacks = 0;
	trace_xtcp_cwnd(sk);
}

/* The ACK answers something that was sent before the first retransmission. */
static bool xtcp_undo_by_timestamp(const struct xtcp_sock *xt, const struct xtcp_acked *acked)
{
	u32 stamp_ms = xt->disorder->undo_stamp_ms;

	return acked->has_ts && stamp_ms && (s32)(acked->tsecr - stamp_ms) < 0;
}

/* Each retransmission was reported to have come twice. */
static bool xtcp_undo_by_dsack(const struct xtcp_sock *xt, const struct xtcp_acked *acked)
{
	struct xtcp_disorder *d = xt->disorder;

	if (!acked->dsack || !xtcp_seq_after(acked->dsack_end, d->undo_marker))
		return false;
	if (!d->undo_retrans)
		return false;
	d->undo_retrans -= min(d->undo_retrans, acked->dsack_segs);
	return !d->undo_retrans;
}

/**
 * xtcp_undo_ack - does this ACK show that nothing had been lost?
 * @sk: the connection; snd_una is new already, the state is not
 * @acked: of the ACK
 * @advanced: snd_una moved
 *
 * By timestamp while the episode lasts: the ACK that ends it, or one that leaves no
 * retransmission unanswered, so that one late segment does not excuse others
 * that were lost. By DSACK afterwards as well.
 *
 * Context: Socket lock.
 * Return: true if the reduction was taken back.
 */
bool xtcp_undo_ack(struct sock *sk, const struct xtcp_acked *acked, bool advanced)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!xt->undo_valid)
		return false;
	/* Sequence numbers come round */
	if (xt->snd_una - xt->disorder->undo_marker > BIT(30)) {
		xt->undo_valid = 0;
		return false;
	}
	if (xtcp_undo_by_dsack(xt, acked)) {
		XTCP_SK_ADD(sk, UndoDsack, 1);
	} else if (advanced && xt->ca_state != XTCP_CA_OPEN && !xt->retrans_out &&
		   xtcp_undo_by_timestamp(xt, acked)) {
		XTCP_SK_ADD(sk, UndoTimestamp, 1);
	} else {
		return false;
	}
	xtcp_undo(sk, acked);
	return true;
}

/**
 * xtcp_undo_frto - F-RTO: was the timeout spurious? (RFC 5682 2.1, 3.1)
 * @sk: the connection, after a timeout, below recover
 * @acked: of the ACK
 * @advanced: snd_una moved
 * @duplicate: it is a duplicate ACK by RFC 5681 2
 *
 * The ACK of something that was sent but once shows that not all was lost, unless the
 * peer may have held it already (without SACK: if the retransmission filled a hole
 * below it). Else new data go out once the window moves, and the next ACK decides.
 *
 * Context: Socket lock.
 * Return: true if it decides what is sent: the window is set.
 */
bool xtcp_undo_frto(struct sock *sk, const struct xtcp_acked *acked, bool advanced,
		    bool duplicate)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!xt->frto)
		return false;
	if (acked->original && (xt->sack_ok || !acked->rexmitted)) {
		XTCP_SK_ADD(sk, UndoFrto, 1);
		xtcp_undo(sk, acked);
		return false;
	}
	if (xt->frto == XTCP_FRTO_SECOND) {
		/* Step 3a: the peer still misses something, the loss was real */
		if (acked->sacked || duplicate)
			xt->frto = XTCP_FRTO_OFF;
		return false;
	}
	/* Step 2a */
	if (duplicate)
		xt->frto = XTCP_FRTO_OFF;
	if (!advanced)
		return false;
	/* Step 2b: two segments of new data, nothing again */
	xt->frto = XTCP_FRTO_SECOND;
	xt->cc.cwnd = xtcp_recovery_inflight(sk) + 2;
	return true;
}
