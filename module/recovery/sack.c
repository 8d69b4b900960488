// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which SACK blocks an ACK carries: RFC 2018 4.
 *
 * Blocks are made from the queue each time, so that none speaks of what was dropped from it
 * or has been read. What is kept is their order alone: struct xtcp_disorder, sack_recent.
 */
#include "sack.h"

#include "../conn/disorder.h"
#include "../conn/rcvq.h"

/* A peer that sends nothing but crumbs must not make each ACK dearer than the last. */
#define XTCP_SACK_SKBS	256	/* looked at for the latest block, and for all others */

/* Back to the first of the adjoining or overlapping ones that @skb is one of. */
static struct sk_buff *xtcp_sack_begin(struct sk_buff *skb, u32 *budget)
{
	struct sk_buff *prev;

	while (*budget && (prev = skb_rb_prev(skb)) &&
	       !xtcp_seq_before(xtcp_cb(prev)->end_seq, xtcp_cb(skb)->seq)) {
		skb = prev;
		--*budget;
	}
	return skb;
}

/* From @skb to the last of its run. @next: what follows, NULL too if @budget is used up. */
static struct xtcp_sack_block xtcp_sack_run(struct sk_buff *skb, u32 *budget,
					    struct sk_buff **next)
{
	struct xtcp_sack_block run = {
		.start = xtcp_cb(skb)->seq,
		.end = xtcp_cb(skb)->end_seq,
	};

	while ((skb = skb_rb_next(skb)) && *budget) {
		--*budget;
		if (xtcp_seq_after(xtcp_cb(skb)->seq, run.end))
			break;
		run.end = xtcp_seq_max(run.end, xtcp_cb(skb)->end_seq);
	}
	*next = *budget ? skb : NULL;
	return run;
}

/*
 * The block that @skb is of. @head: the first that waits; if it is in there, what follows
 * the block.
 */
static struct xtcp_sack_block xtcp_sack_around(struct sk_buff *skb, u32 *budget,
					       struct sk_buff **head)
{
	struct sk_buff *first = xtcp_sack_begin(skb, budget);
	struct sk_buff *next;
	struct xtcp_sack_block block = xtcp_sack_run(skb, budget, &next);

	block.start = xtcp_cb(first)->seq;
	if (first == *head)
		*head = next;
	return block;
}

static bool xtcp_sack_told(const struct xtcp_sack_block *told, u32 n, u32 seq)
{
	while (n--)
		if (!xtcp_seq_before(seq, told[n].start) && xtcp_seq_before(seq, told[n].end))
			return true;
	return false;
}

/* @block, to @n others or, where it meets one, to that. Return: how many there are. */
static u32 xtcp_sack_add(struct xtcp_sack_block *told, u32 n, struct xtcp_sack_block block)
{
	u32 i;

	for (i = 0; i < n; i++) {
		if (xtcp_seq_after(block.start, told[i].end) ||
		    xtcp_seq_before(block.end, told[i].start))
			continue;
		told[i].start = xtcp_seq_min(told[i].start, block.start);
		told[i].end = xtcp_seq_max(told[i].end, block.end);
		return n;
	}
	told[n] = block;
	return n + 1;
}

/*
 * The blocks that came first in an ACK, the latest first, as many as there is @room for. What
 * has gone from the queue, or is part of another block by now, is forgotten. Return: how many.
 */
static u32 xtcp_sack_recent(const struct xtcp_sock *xt, struct xtcp_sack_block *told, u32 room,
			    u32 *budget, struct sk_buff **head)
{
	struct xtcp_disorder *d = xt->disorder;
	u32 latest = XTCP_SACK_SKBS;
	u32 i, n = 0, kept = 0;

	for (i = 0; i < d->sack_recents; i++) {
		u32 seq = d->sack_recent[i].seq;
		u32 before = n;

		if (xtcp_sack_told(told, n, seq))
			continue;
		if (n < room) {
			struct sk_buff *skb = xtcp_rcvq_find_ooo(xt, seq);

			if (!skb)
				continue;
			n = xtcp_sack_add(told, n,
					  xtcp_sack_around(skb, n ? budget : &latest, head));
			if (n == before)
				continue;
		}
		d->sack_recent[kept++] = d->sack_recent[i];
	}
	d->sack_recents = kept;
	return n;
}

/**
 * xtcp_sack_generate - fill in the SACK blocks of an ACK
 * @sk: the connection
 * @opt: options of the segment; timestamps are in already if they are used
 *
 * A duplicate is reported first (RFC 2883 4), then the block that holds what came
 * last, then those that did so before it, so that each is told in several ACKs (RFC
 * 2018 4); where there is still room, others from low to high. A block of very
 * many pieces is told in part: what the other part was has been told before.
 *
 * Context: Socket lock.
 */
void xtcp_sack_generate(const struct sock *sk, struct xtcp_options *opt)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 room = opt->present & XTCP_OPT_TS ? XTCP_SACKS_MAX - 1 : XTCP_SACKS_MAX;
	struct sk_buff *skb = xtcp_ooo_first(xt);
	struct xtcp_sack_block *told = opt->sacks;
	u32 budget = XTCP_SACK_SKBS;
	u32 n = 0;

	if (!xt->sack_ok)
		return;
	if (xtcp_dsack_due(xt)) {
		told->start = xt->disorder->dsack_start;
		told->end = xt->disorder->dsack_end;
		told++;
		room--;
	}
	if (skb)
		n = xtcp_sack_recent(xt, told, room, &budget, &skb);
	while (skb && n < room)
		n = xtcp_sack_add(told, n, xtcp_sack_run(skb, &budget, &skb));
	n += told - opt->sacks;
	if (!n)
		return;
	opt->num_sacks = n;
	opt->present |= XTCP_OPT_SACK;
}
