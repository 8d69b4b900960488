// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receive buffer is full: what makes room, in this order.
 *
 *  1. Small segments that follow one another are copied together: each costs
 *     many times its payload, and a window that was promised is to be kept.
 *  2. What waits out of order is dropped, from its far end (RFC 2018 8 allows it; SACK
 *     blocks are made from the queue, so the next ACK does not speak of it any more).
 *  3. The segment itself is dropped (xtcp_rcvq_charge()).
 */
#include "rcvq.h"

#include "disorder.h"

#define XTCP_RCVPRUNE_PAGE	((u32)SKB_MAX_ORDER(0, 0))	/* payload of an skb of one page */
#define XTCP_RCVPRUNE_PART	8	/* the far end goes in parts of the buffer */

/**
 * struct xtcp_run - skbs that follow one another and may be copied together
 * @sk: the connection
 * @ooo: in ooo_queue, else in sk_receive_queue
 * @count: how many
 * @bytes: numbers they cover
 * @truesize: memory they take
 */
struct xtcp_run {
	struct sock *sk;
	bool ooo;
	u32 count;
	u32 bytes;
	u32 truesize;
};

static struct sk_buff *xtcp_rcvprune_next(const struct xtcp_run *run, struct sk_buff *skb)
{
	if (run->ooo)
		return skb_rb_next(skb);
	return skb_queue_is_last(&run->sk->sk_receive_queue, skb) ? NULL : skb->next;
}

/* Mostly overhead, and what it carries fits into a page. A FIN is a number without a byte. */
static bool xtcp_rcvprune_sparse(const struct sk_buff *skb)
{
	return skb->truesize > 2 * skb->len && skb->len <= XTCP_RCVPRUNE_PAGE &&
	       !(xtcp_cb(skb)->flags & XTCP_FLAG_FIN);
}

/* Measure the run that begins with @skb, which is sparse. Return: what follows it, or NULL. */
static struct sk_buff *xtcp_rcvprune_measure(struct xtcp_run *run, struct sk_buff *skb)
{
	u32 start = xtcp_cb(skb)->seq;
	u32 end = start;

	run->count = 0;
	run->truesize = 0;
	do {
		run->count++;
		run->truesize += skb->truesize;
		end = xtcp_seq_max(end, xtcp_cb(skb)->end_seq);
		skb = xtcp_rcvprune_next(run, skb);
	} while (skb && xtcp_rcvprune_sparse(skb) && !xtcp_seq_after(xtcp_cb(skb)->seq, end));
	run->bytes = end - start;
	return skb;
}

/* Is there much to be gained? A quarter at least, or it is not worth the copying. */
static bool xtcp_rcvprune_worth(const struct xtcp_run *run)
{
	u32 pages = DIV_ROUND_UP(run->bytes, XTCP_RCVPRUNE_PAGE);
	u64 dense = run->bytes + (u64)pages * SKB_TRUESIZE(0);

	return run->count > 1 && dense < run->truesize / 4 * 3;
}

/* @dense takes the place of @skb, which has nothing left that it needs. */
static void xtcp_rcvprune_replace(const struct xtcp_run *run, struct sk_buff *skb,
				  struct sk_buff *dense)
{
	struct xtcp_disorder *d = xtcp_sk(run->sk)->disorder;

	if (!run->ooo) {
		__skb_queue_before(&run->sk->sk_receive_queue, skb, dense);
		__skb_unlink(skb, &run->sk->sk_receive_queue);
		return;
	}
	rb_replace_node(&skb->rbnode, &dense->rbnode, &d->ooo_queue);
	RB_CLEAR_NODE(&skb->rbnode);
	if (d->ooo_last == skb)
		d->ooo_last = dense;
}

/* All of @skb is elsewhere. */
static void xtcp_rcvprune_erase(const struct xtcp_run *run, struct sk_buff *skb)
{
	struct xtcp_disorder *d = xtcp_sk(run->sk)->disorder;

	if (!run->ooo) {
		__skb_unlink(skb, &run->sk->sk_receive_queue);
		return;
	}
	if (d->ooo_last == skb)
		d->ooo_last = skb_rb_prev(skb);
	rb_erase(&skb->rbnode, &d->ooo_queue);
	RB_CLEAR_NODE(&skb->rbnode);
}

/* An empty skb for @len bytes, its first number is @seq. What it costs is paid back at once. */
static struct sk_buff *xtcp_rcvprune_alloc(struct sock *sk, u32 seq, u32 len)
{
	struct sk_buff *dense = alloc_skb(min(len, XTCP_RCVPRUNE_PAGE),
					  GFP_ATOMIC | __GFP_NOWARN);

	if (!dense)
		return NULL;
	memset(dense->cb, 0, sizeof(dense->cb));
	xtcp_cb(dense)->seq = seq;
	xtcp_cb(dense)->end_seq = seq;
	skb_set_owner_r(dense, sk);
	return dense;
}

/* As much of @skb as @dense has room for. Return: all that was new is in @dense now. */
static bool xtcp_rcvprune_move(struct sk_buff *dense, struct sk_buff *skb)
{
	u32 offset = xtcp_cb(dense)->end_seq - xtcp_cb(skb)->seq;
	u32 len;

	if (offset < skb->len) {
		len = min_t(u32, skb->len - offset, skb_availroom(dense));
		if (skb_copy_bits(skb, offset, skb_put(dense, len), len))
			return false;	/* never: offset + len is within skb */
		xtcp_cb(dense)->end_seq += len;
		if (offset + len < skb->len)
			return false;
	}
	xtcp_cb(dense)->flags |= xtcp_cb(skb)->flags;
	dense->tstamp = skb->tstamp;
	*skb_hwtstamps(dense) = *skb_hwtstamps(skb);
	return true;
}

/* Copy the run together that begins with @skb. Return: false: no memory; it is all there. */
static bool xtcp_rcvprune_run(const struct xtcp_run *run, struct sk_buff *skb)
{
	u32 end = xtcp_cb(skb)->seq + run->bytes;
	u32 seq = xtcp_cb(skb)->seq;
	struct sk_buff *dense = NULL;
	u32 count = run->count;

	while (count--) {
		struct sk_buff *next = xtcp_rcvprune_next(run, skb);

		if (dense && xtcp_rcvprune_move(dense, skb)) {
			xtcp_rcvprune_erase(run, skb);
		} else {
			if (dense)
				seq = xtcp_cb(dense)->end_seq;
			dense = xtcp_rcvprune_alloc(run->sk, seq, end - seq);
			if (!dense)
				return false;
			xtcp_rcvprune_replace(run, skb, dense);
			xtcp_rcvprune_move(dense, skb);
		}
		__kfree_skb(skb);
		XTCP_INC(sock_net(run->sk), RcvCollapsed);
		skb = next;
	}
	return true;
}

/* Overlaps are gone: count what waits out of order anew. */
static void xtcp_rcvprune_recount(struct xtcp_sock *xt)
{
	struct xtcp_disorder *d = xt->disorder;
	struct sk_buff *skb;

	if (!d)
		return;
	d->rcv_ooo_bytes = 0;
	for (skb = skb_rb_first(&d->ooo_queue); skb; skb = skb_rb_next(skb))
		d->rcv_ooo_bytes += skb->len;
}

/* Small segments of one of the queues are copied together, run by run. */
static void xtcp_rcvprune_collapse(struct sock *sk, bool ooo)
{
	struct xtcp_run run = { .sk = sk, .ooo = ooo };
	struct sk_buff *skb;

	skb = ooo ? xtcp_ooo_first(xtcp_sk(sk)) : skb_peek(&sk->sk_receive_queue);
	while (skb) {
		struct sk_buff *first = skb;

		if (!xtcp_rcvprune_sparse(skb)) {
			skb = xtcp_rcvprune_next(&run, skb);
			continue;
		}
		skb = xtcp_rcvprune_measure(&run, first);
		if (xtcp_rcvprune_worth(&run) && !xtcp_rcvprune_run(&run, first))
			return;
	}
}

/*
 * Drop the far end of what waits out of order, a part of the buffer at a time. A segment
 * that came out of order itself may drive out only what is behind it: else a peer could
 * have each segment walk through the whole queue.
 */
static void xtcp_rcvprune_far_end(struct sock *sk, const struct sk_buff *in, bool in_order)
{
	struct xtcp_disorder *d = xtcp_sk(sk)->disorder;
	int part = sk->sk_rcvbuf / XTCP_RCVPRUNE_PART;
	int goal = part;

	while (d && d->ooo_last) {
		struct sk_buff *last = d->ooo_last;

		if (!in_order && !xtcp_seq_after(xtcp_cb(last)->seq, xtcp_cb(in)->seq))
			return;
		goal -= last->truesize;
		xtcp_rcvq_free_ooo(sk, last);
		XTCP_SK_ADD(sk, OfoPruned, 1);
		if (goal > 0)
			continue;
		if (atomic_read(&sk->sk_rmem_alloc) <= sk->sk_rcvbuf &&
		    !sk_under_memory_pressure(sk))
			return;
		goal = part;
	}
}

/**
 * xtcp_rcvprune - make room in the receive buffer
 * @sk: the connection
 * @in: the segment that needs it
 * @in_order: it continues the stream
 *
 * Data that were acknowledged are never dropped.
 *
 * Context: Socket lock.
 * Return: true if the buffer is not over its limit any more.
 */
bool xtcp_rcvprune(struct sock *sk, const struct sk_buff *in, bool in_order)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	/* Holes only: nothing has come since that would make another look worth it */
	if (in_order || !xt->ooo_dense)
		xtcp_rcvprune_collapse(sk, false);
	if (!xt->ooo_dense) {
		xtcp_rcvprune_collapse(sk, true);
		xtcp_rcvprune_recount(xt);
		xt->ooo_dense = 1;
	}
	if (atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf || sk_under_memory_pressure(sk))
		xtcp_rcvprune_far_end(sk, in, in_order);
	sk_mem_reclaim(sk);
	return atomic_read(&sk->sk_rmem_alloc) <= sk->sk_rcvbuf;
}
