// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which SACK blocks an ACK carries: RFC 2018 4.
 */
#include "sack.h"

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
 * The block that holds what came last goes first (RFC 2018 4), the
 * others follow from low to high, as many as fit.
 *
 * Context: Socket lock.
 */
void xtcp_sack_generate(const struct sock *sk, struct xtcp_options *opt)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 room = opt->present & XTCP_OPT_TS ? XTCP_SACKS_MAX - 1 : XTCP_SACKS_MAX;
	struct sk_buff *skb = skb_rb_first(&xt->ooo_queue);
	u32 n = 1;	/* place 0 waits for the latest */

	if (!xt->sack_ok || !skb)
		return;
	opt->sacks[0].start = opt->sacks[0].end = xt->rcv_nxt;
	while (skb) {
		struct xtcp_sack_block run = xtcp_sack_run(&skb);

		if (xtcp_seq_between(xt->ooo_recent, run.start, run.end - 1))
			opt->sacks[0] = run;
		else if (n < room)
			opt->sacks[n++] = run;
	}
	if (opt->sacks[0].start == opt->sacks[0].end) {
		/* What came last has been taken in: only the others are left */
		memmove(&opt->sacks[0], &opt->sacks[1], --n * sizeof(opt->sacks[0]));
		if (!n)
			return;
	}
	opt->num_sacks = n;
	opt->present |= XTCP_OPT_SACK;
}
