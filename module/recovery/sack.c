// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which SACK blocks an ACK carries: RFC 2018 4.
 */
#include "sack.h"

/* A peer that sends nothing but holes must not make each ACK dearer than the last. */
#define XTCP_SACK_RUNS	64

/* One run of adjoining or overlapping skbs, beginning with *@skb. */
static struct xtcp_sack_block xtcp_sack_run(struct sk_buff **skb)
{
	struct xtcp_sack_block run = {
		.start = xtcp_cb(*skb)->seq,
		.end = xtcp_cb(*skb)->end_seq,
	};

	while ((*skb = skb_rb_next(*skb))) {
		if (xtcp_seq_after(xtcp_cb(*skb)->seq, run.end))
			break;
		run.end = xtcp_seq_max(run.end, xtcp_cb(*skb)->end_seq);
	}
	return run;
}

/**
 * xtcp_sack_generate - fill in the SACK blocks of an ACK
 * @sk: the connection
 * @opt: options of the segment; timestamps are in already if they are used
 *
 * A duplicate is reported first (RFC 2883 4), then the block that holds what came
 * last (RFC 2018 4), then the others from low to high, as many as fit.
 *
 * Context: Socket lock.
 */
void xtcp_sack_generate(const struct sock *sk, struct xtcp_options *opt)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 room = opt->present & XTCP_OPT_TS ? XTCP_SACKS_MAX - 1 : XTCP_SACKS_MAX;
	struct sk_buff *skb = skb_rb_first(&xt->ooo_queue);
	u32 budget = XTCP_SACK_RUNS;
	u32 n = 0, first;

	if (!xt->sack_ok)
		return;
	if (xt->dsack_start != xt->dsack_end) {
		opt->sacks[n].start = xt->dsack_start;
		opt->sacks[n++].end = xt->dsack_end;
	}
	first = n;
	while (skb && budget--) {
		struct xtcp_sack_block run = xtcp_sack_run(&skb);
		bool latest = xtcp_seq_between(xt->ooo_recent, run.start, run.end - 1);

		if (n < room)
			n++;
		else if (!latest)
			continue;
		/* The latest goes in front, the others close up behind it */
		if (latest) {
			memmove(&opt->sacks[first + 1], &opt->sacks[first],
				(n - first - 1) * sizeof(run));
			opt->sacks[first] = run;
		} else {
			opt->sacks[n - 1] = run;
		}
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
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->dsack_start = start;
	xt->dsack_end = end;
}
