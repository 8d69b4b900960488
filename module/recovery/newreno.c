// SPDX-License-Identifier: GPL-2.0-only
/*
 * Without SACK: duplicate ACKs are all there is to go by (RFC 6582).
 */
#include "recovery.h"

/**
 * xtcp_newreno_duplicate - is this duplicate ACK the one too many? (3.2 steps 1 and 2)
 * @sk: the connection, not in recovery; the ACK is counted
 *
 * Context: Socket lock.
 * Return: true: enter fast recovery.
 */
bool xtcp_newreno_duplicate(struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	/* Not twice for the same window: duplicates may come of what was sent again */
	return xt->dupacks >= XTCP_RACK_DUPTHRESH &&
	       (xt->ca_state == XTCP_CA_CWR || xtcp_seq_after(xt->snd_una, xt->high_seq));
}

/**
 * xtcp_newreno_delivered - how many segments has this ACK delivered?
 * @sk: the connection
 * @acked: of the ACK; @acked->delivered is set
 * @duplicate: it is a duplicate ACK by RFC 5681 2
 *
 * Each duplicate ACK is one segment. What an ACK takes from the queue has been counted
 * by them already, but for the hole that was filled.
 *
 * Context: Socket lock.
 */
void xtcp_newreno_delivered(struct sock *sk, struct xtcp_acked *acked, bool duplicate)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	/* After a timeout it is new data that arrived: F-RTO's, RFC 5682 2.1 step 3a */
	if (duplicate && xt->ca_state == XTCP_CA_LOSS) {
		if (xtcp_seq_after(xt->snd_nxt, xt->high_seq))
			xt->dupacks = min(xt->dupacks + 1, xt->packets_out - xt->lost_out);
		return;
	}
	if (duplicate) {
		xt->dupacks = min(xt->dupacks + 1, xt->packets_out);
		acked->delivered = 1;
		return;
	}
	if (!acked->segs || xt->ca_state != XTCP_CA_RECOVERY)
		return;
	acked->delivered = acked->segs > xt->dupacks ? acked->segs - xt->dupacks : 1;
	xt->dupacks -= min(xt->dupacks, acked->segs - 1);
}

/**
 * xtcp_newreno_mark_head - the oldest segment is lost
 * @sk: the connection, in recovery
 *
 * One segment, not all that its skb holds. One that was sent again in this recovery is
 * not sent a third time: that is left to the timer (RFC 6582 3.2 step 3).
 *
 * Context: Socket lock.
 */
void xtcp_newreno_mark_head(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_rtx_head(sk);

	if (!skb || (xtcp_cb(skb)->marks & XTCP_MARK_REXMITTED))
		return;
	if (xtcp_cb(skb)->tx.segs > 1 && xtcp_sndq_split(sk, skb, xtcp_cb(skb)->tx.mss, true))
		return;
	xtcp_board_mark_lost(sk, skb);
}
