// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which SACK blocks an ACK carries: RFC 2018 4.
 */
#include "sack.h"

#include "../conn/disorder.h"

/* A peer that sends nothing but crumbs must not make each ACK dearer than the last. */
#define XTCP_SACK_SKBS	256	/* looked at for the latest block, and for all others */

/*
 * What waits out of order is sorted by its beginnings, and by its ends as well: nothing in
 * it lies wholly within another. The one that holds @seq, or NULL.
 */
static struct sk_buff *xtcp_sack_find(const struct xtcp_sock *xt, u32 seq)
{
	struct rb_node *p = xt->disorder->ooo_queue.rb_node;
	struct sk_buff *best = NULL;

	while (p) {
		struct sk_buff *skb = rb_to_skb(p);

		if (xtcp_seq_after(xtcp_cb(skb)->seq, seq)) {
			p = p->rb_left;
		} else {
			best = skb;
			p = p->rb_right;
		}
	}
	return best && xtcp_seq_before(seq, xtcp_cb(best)->end_seq) ? best : NULL;
}

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
 * The block that holds what came last. @head: the first that waits; if it is in there, what
 * follows the block. Return: false: that waits no longer.
 */
static bool xtcp_sack_latest(const struct xtcp_sock *xt, struct xtcp_sack_block *latest,
			     struct sk_buff **head)
{
	struct sk_buff *skb = xtcp_sack_find(xt, xt->disorder->ooo_recent);
	u32 budget = XTCP_SACK_SKBS;
	struct sk_buff *first, *next;

	if (!skb)
		return false;
	first = xtcp_sack_begin(skb, &budget);
	*latest = xtcp_sack_run(skb, &budget, &next);
	latest->start = xtcp_cb(first)->seq;
	if (first == *head)
		*head = next;
	return true;
}

/**
 * xtcp_sack_generate - fill in the SACK blocks of an ACK
 * @sk: the connection
 * @opt: options of the segment; timestamps are in already if they are used
 *
 * A duplicate is reported first (RFC 2883 4), then the block that holds what came
 * last (RFC 2018 4), then the others from low to high, as many as fit. A block of very
 * many pieces is told in part: what the other part was has been told before.
 *
 * Context: Socket lock.
 */
void xtcp_sack_generate(const struct sock *sk, struct xtcp_options *opt)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 room = opt->present & XTCP_OPT_TS ? XTCP_SACKS_MAX - 1 : XTCP_SACKS_MAX;
	struct sk_buff *skb = xtcp_ooo_first(xt);
	struct xtcp_sack_block *latest = NULL;
	u32 budget = XTCP_SACK_SKBS;
	u32 n = 0;

	if (!xt->sack_ok)
		return;
	if (xtcp_dsack_due(xt)) {
		opt->sacks[n].start = xt->disorder->dsack_start;
		opt->sacks[n++].end = xt->disorder->dsack_end;
	}
	if (skb && n < room && xtcp_sack_latest(xt, &opt->sacks[n], &skb))
		latest = &opt->sacks[n++];
	while (skb && n < room) {
		struct xtcp_sack_block run = xtcp_sack_run(skb, &budget, &skb);

		if (latest && !xtcp_seq_after(run.start, latest->end) &&
		    !xtcp_seq_before(run.end, latest->start)) {
			latest->start = xtcp_seq_min(latest->start, run.start);
			latest->end = xtcp_seq_max(latest->end, run.end);
			continue;
		}
		opt->sacks[n++] = run;
	}
	if (!n)
		return;
	opt->num_sacks = n;
	opt->present |= XTCP_OPT_SACK;
}

/**
 * xtcp_sack_duplicate - something came twice: the next ACK says so
 * @sk: the connection
 * @start: first number of what came again
 * @end: one past the last
 *
 * RFC 2883 4: reported once, in the first block of the next ACK.
 *
 * Context: Socket lock.
 */
void xtcp_sack_duplicate(struct sock *sk, u32 start, u32 end)
{
	struct xtcp_disorder *d = xtcp_sk(sk)->sack_ok ? xtcp_disorder_get(sk) : NULL;

	if (!d)
		return;
	d->dsack_start = start;
	d->dsack_end = end;
}
