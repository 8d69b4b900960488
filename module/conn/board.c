// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sender's scoreboard: marks, their counts, and the order of transmission.
 */
#include <linux/list_sort.h>

#include "board.h"

#include "disorder.h"
#include "sndq.h"

/**
 * xtcp_board_init - nothing is in flight
 * @sk: new, or its queues are empty
 *
 * Context: Socket lock, or @sk is private.
 */
void xtcp_board_init(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	INIT_LIST_HEAD(&xt->send_order);
	xt->packets_out = 0;
	xt->sacked_out = 0;
	xt->lost_out = 0;
	xt->retrans_out = 0;
	xtcp_sack_forget(xt);
}

/* @segs more (or fewer) segments with these marks. */
static void xtcp_board_count(struct xtcp_sock *xt, u8 marks, s32 segs)
{
	xt->packets_out += segs;
	if (marks & XTCP_MARK_SACKED)
		xt->sacked_out += segs;
	if (marks & XTCP_MARK_LOST)
		xt->lost_out += segs;
	if (marks & XTCP_MARK_REXMITTED)
		xt->retrans_out += segs;
}

/* Other marks for an skb that is counted with its old ones. */
static void xtcp_board_remark(struct xtcp_sock *xt, struct xtcp_cb *cb, u8 marks)
{
	xtcp_board_count(xt, cb->marks, -(s32)cb->tx.segs);
	cb->marks = marks;
	xtcp_board_count(xt, cb->marks, cb->tx.segs);
}

/* prr_out of RFC 6937; before an episode begins it is set to 0. */
static void xtcp_board_prr(struct xtcp_sock *xt, u32 segs)
{
	if (unlikely(xt->disorder))
		xt->disorder->prr.out += segs;
}

/**
 * xtcp_board_sent - first transmission
 * @sk: the connection
 * @skb: new in the retransmission tree, tx.segs set
 *
 * Context: Socket lock.
 */
void xtcp_board_sent(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_cb *cb = xtcp_cb(skb);

	cb->marks = 0;
	xtcp_board_count(xt, 0, cb->tx.segs);
	list_add_tail(&cb->tx.order, &xt->send_order);
	xtcp_board_prr(xt, cb->tx.segs);
}

/**
 * xtcp_board_resent - an skb was sent again
 * @sk: the connection
 * @skb: in the retransmission tree, not SACKED
 *
 * Context: Socket lock.
 */
void xtcp_board_resent(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_cb *cb = xtcp_cb(skb);

	if (cb->tx.retrans < U8_MAX)
		cb->tx.retrans++;
	xtcp_board_remark(xt, cb, cb->marks | XTCP_MARK_REXMITTED);
	list_move_tail(&cb->tx.order, &xt->send_order);
	xtcp_board_prr(xt, cb->tx.segs);
}

/**
 * xtcp_board_recount - an skb makes another number of segments than it was counted with
 * @sk: the connection
 * @skb: in the retransmission tree; tx.segs is new
 * @old_segs: what it was
 *
 * Context: Socket lock.
 */
void xtcp_board_recount(struct sock *sk, const struct sk_buff *skb, u32 old_segs)
{
	const struct xtcp_cb *cb = xtcp_cb(skb);

	xtcp_board_count(xtcp_sk(sk), cb->marks, (s32)cb->tx.segs - (s32)old_segs);
}

/**
 * xtcp_board_split - an skb was cut in two
 * @sk: the connection
 * @skb: the first part, in the retransmission tree
 * @rest: the second part, there as well; its cb is a copy, but for the empty tx.order
 * @old_segs: what @skb counted before
 *
 * Context: Socket lock.
 */
void xtcp_board_split(struct sock *sk, struct sk_buff *skb, struct sk_buff *rest, u32 old_segs)
{
	struct xtcp_cb *cb = xtcp_cb(skb);

	xtcp_board_recount(sk, skb, old_segs);
	xtcp_board_count(xtcp_sk(sk), cb->marks, xtcp_cb(rest)->tx.segs);
	if (!list_empty(&cb->tx.order))
		list_add(&xtcp_cb(rest)->tx.order, &cb->tx.order);
}

/**
 * xtcp_board_gone - an skb leaves the board
 * @sk: the connection
 * @skb: acknowledged
 *
 * Context: Socket lock.
 */
void xtcp_board_gone(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_cb *cb = xtcp_cb(skb);

	xtcp_board_count(xtcp_sk(sk), cb->marks, -(s32)cb->tx.segs);
	list_del_init(&cb->tx.order);
}

/*
 * Which of its transmissions has arrived? RFC 8985 6.2 step 2: not the last one if the
 * ACK echoes an older timestamp, or comes sooner than any ACK ever did.
 */
static bool xtcp_board_ambiguous(const struct xtcp_sock *xt, const struct xtcp_cb *cb,
				 const struct xtcp_acked *acked)
{
	u32 sent_ms = (u32)div_u64(cb->tx.sent_us, USEC_PER_MSEC);

	if (!cb->tx.retrans)
		return false;
	if (acked->has_ts && (s32)(acked->tsecr - sent_ms) < 0)
		return true;
	/* What was stamped for later can have left sooner: see conn/pacer.c */
	return xt->rtt.valid &&
	       (s64)(acked->now_us - cb->tx.sent_us) < (s64)xt->rtt.min_rtt_us;
}

/**
 * xtcp_board_delivered - the front of an skb has arrived, and that is news
 * @sk: the connection
 * @skb: in the retransmission tree, not SACKED
 * @end_seq: end of what has arrived of it
 * @segs: segments up to there
 * @acked: of this ACK; what comes lower is reported first
 *
 * Context: Socket lock.
 */
void xtcp_board_delivered(struct sock *sk, const struct sk_buff *skb, u32 end_seq, u32 segs,
			  struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	const struct xtcp_cb *cb = xtcp_cb(skb);

	acked->delivered += segs;
	if (!cb->tx.retrans && !xtcp_seq_after(end_seq, xt->high_seq))
		acked->original = true;
	if (xtcp_rack_advance(&xt->rack, end_seq, cb->tx.retrans))
		XTCP_SK_ADD(sk, ReorderingSeen, 1);
	if (xtcp_board_ambiguous(xt, cb, acked))
		return;
	if (acked->newest_us && !xtcp_rack_sent_after(cb->tx.sent_us, end_seq, acked->newest_us,
						      acked->newest_end))
		return;
	acked->newest_us = cb->tx.sent_us;
	acked->newest_end = end_seq;
}

/**
 * xtcp_board_mark_sacked - the peer holds an skb
 * @sk: the connection
 * @skb: in the retransmission tree
 *
 * Context: Socket lock.
 */
void xtcp_board_mark_sacked(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_cb *cb = xtcp_cb(skb);

	xtcp_board_remark(xtcp_sk(sk), cb, XTCP_MARK_SACKED);
	list_del_init(&cb->tx.order);
}

/**
 * xtcp_board_mark_lost - recovery thinks that an skb is lost
 * @sk: the connection
 * @skb: in the retransmission tree, not SACKED
 *
 * An earlier retransmission of it counts as lost, too.
 *
 * Context: Socket lock.
 */
void xtcp_board_mark_lost(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_cb *cb = xtcp_cb(skb);

	if (xtcp_seq_before(cb->seq, xt->rexmit_next))
		xt->rexmit_next = cb->seq;
	xtcp_board_remark(xt, cb, XTCP_MARK_LOST);
	list_del_init(&cb->tx.order);
}

static int xtcp_board_cmp(void *priv, const struct list_head *a, const struct list_head *b)
{
	const struct xtcp_cb *x = list_entry(a, struct xtcp_cb, tx.order);
	const struct xtcp_cb *y = list_entry(b, struct xtcp_cb, tx.order);

	if (x->tx.sent_us != y->tx.sent_us)
		return x->tx.sent_us > y->tx.sent_us ? 1 : -1;
	return xtcp_seq_after(x->end_seq, y->end_seq) ? 1 : -1;
}

/**
 * xtcp_board_unmark_lost - nothing is lost after all
 * @sk: the connection
 *
 * What had been waiting to be sent again goes back to its place in the order of
 * transmission, which is not that of the numbers for what was sent twice.
 *
 * Context: Socket lock.
 */
void xtcp_board_unmark_lost(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb;

	for (skb = xtcp_sndq_rtx_head(sk); skb && xt->lost_out; skb = xtcp_sndq_rtx_next(skb)) {
		struct xtcp_cb *cb = xtcp_cb(skb);

		if (!(cb->marks & XTCP_MARK_LOST))
			continue;
		xtcp_board_remark(xt, cb, cb->marks & ~XTCP_MARK_LOST);
		if (list_empty(&cb->tx.order))
			list_add_tail(&cb->tx.order, &xt->send_order);
	}
	list_sort(NULL, &xt->send_order, xtcp_board_cmp);
}

/**
 * xtcp_board_renege - the peer does not hold what it said it held
 * @sk: the connection
 *
 * RFC 2018 8: after a timeout its word counts for nothing. All of it is lost.
 *
 * Context: Socket lock.
 */
void xtcp_board_renege(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb;

	for (skb = xtcp_sndq_rtx_head(sk); skb && xt->sacked_out; skb = xtcp_sndq_rtx_next(skb))
		if (xtcp_cb(skb)->marks & XTCP_MARK_SACKED)
			xtcp_board_mark_lost(sk, skb);
	xtcp_sack_forget(xt);
}

#ifdef CONFIG_DEBUG_NET
/**
 * xtcp_board_check - count again, and compare
 * @sk: the connection
 *
 * Context: Socket lock. Debug kernels only: it walks the whole queue.
 */
void xtcp_board_check(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 packets = 0, sacked = 0, lost = 0, rexmitted = 0, linked = 0, listed = 0;
	const struct xtcp_cb *cb;
	struct sk_buff *skb;
	u64 last_us = 0;

	for (skb = xtcp_sndq_rtx_head(sk); skb; skb = xtcp_sndq_rtx_next(skb)) {
		cb = xtcp_cb(skb);
		packets += cb->tx.segs;
		sacked += cb->marks & XTCP_MARK_SACKED ? cb->tx.segs : 0;
		lost += cb->marks & XTCP_MARK_LOST ? cb->tx.segs : 0;
		rexmitted += cb->marks & XTCP_MARK_REXMITTED ? cb->tx.segs : 0;
		linked += !list_empty(&cb->tx.order);
		DEBUG_NET_WARN_ON_ONCE((cb->marks & XTCP_MARK_SACKED) &&
				       cb->marks != XTCP_MARK_SACKED);
		DEBUG_NET_WARN_ON_ONCE((cb->marks == XTCP_MARK_SACKED ||
					cb->marks == XTCP_MARK_LOST) !=
				       list_empty(&cb->tx.order));
	}
	list_for_each_entry(cb, &xt->send_order, tx.order) {
		listed++;
		DEBUG_NET_WARN_ON_ONCE(cb->tx.sent_us < last_us);
		last_us = cb->tx.sent_us;
	}
	DEBUG_NET_WARN_ON_ONCE(packets != xt->packets_out);
	DEBUG_NET_WARN_ON_ONCE(sacked != xt->sacked_out);
	DEBUG_NET_WARN_ON_ONCE(lost != xt->lost_out);
	DEBUG_NET_WARN_ON_ONCE(rexmitted != xt->retrans_out);
	DEBUG_NET_WARN_ON_ONCE(linked != listed);
}
#endif
