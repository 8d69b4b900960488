// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the peer's SACK blocks say: RFC 2018 5, RFC 2883. Nothing in them is believed
 * before it was compared with what is in flight.
 *
 * What an ACK may cost: what the last one told is not looked at again (sack_seen), and an
 * skb is cut at borders of whole segments only, so that a peer that names single bytes
 * neither marks nor makes anything, and there are never more skbs than segments.
 */
#include "recovery.h"

#include "../conn/disorder.h"

/* [@from, @to) is new in @block. */
struct xtcp_sacked_part {
	u32 from;
	u32 to;
	struct xtcp_sack_block block;
};

/* Cutting costs memory; a peer must not make us spend more than it was given. */
static bool xtcp_sacked_may_cut(const struct sock *sk)
{
	return READ_ONCE(sk->sk_wmem_queued) / 2 <= READ_ONCE(sk->sk_sndbuf) + SZ_64K;
}

/* The whole segments of @skb that lie in @block, as an skb of their own, or NULL. */
static struct sk_buff *xtcp_sacked_cut(struct sock *sk, struct sk_buff *skb,
				       const struct xtcp_sack_block *block)
{
	struct xtcp_cb *cb = xtcp_cb(skb);
	u32 mss = cb->tx.mss;
	u32 len;

	if (!mss || !xtcp_sacked_may_cut(sk))
		return NULL;
	if (xtcp_seq_before(cb->seq, block->start)) {
		len = roundup(block->start - cb->seq, mss);
		if (len >= skb->len || xtcp_sndq_split(sk, skb, len, true))
			return NULL;
		skb = xtcp_sndq_rtx_next(skb);
		cb = xtcp_cb(skb);
	}
	if (xtcp_seq_after(cb->end_seq, block->end)) {
		if (!xtcp_seq_after(block->end, cb->seq))
			return NULL;
		len = rounddown(min(block->end - cb->seq, skb->len - 1), mss);
		if (!len || xtcp_sndq_split(sk, skb, len, true))
			return NULL;
	}
	return skb;
}

static void xtcp_sacked_mark(struct sock *sk, struct sk_buff *skb, struct xtcp_acked *acked)
{
	struct xtcp_cb *cb = xtcp_cb(skb);

	xtcp_board_delivered(sk, skb, cb->end_seq, cb->tx.segs, acked);
	acked->sacked += cb->tx.segs;
	/* A sample as good as any, if the ACK gives no other (RFC 6298 3) */
	if (!cb->tx.retrans && !acked->segs && !acked->rexmitted)
		acked->rtt_us = acked->now_us - cb->tx.sent_us;
	xtcp_board_mark_sacked(sk, skb);
}

static void xtcp_sacked_part(struct sock *sk, const struct xtcp_sacked_part *part,
			     struct xtcp_acked *acked)
{
	struct sk_buff *skb = xtcp_sndq_rtx_find(sk, part->from);

	for (; skb && xtcp_seq_before(xtcp_cb(skb)->seq, part->to); skb = xtcp_sndq_rtx_next(skb)) {
		struct xtcp_cb *cb = xtcp_cb(skb);
		struct sk_buff *whole = skb;

		if (cb->marks & XTCP_MARK_SACKED)
			continue;
		if (xtcp_seq_before(cb->seq, part->block.start) ||
		    xtcp_seq_after(cb->end_seq, part->block.end))
			whole = xtcp_sacked_cut(sk, skb, &part->block);
		if (!whole) {
			acked->uncut = true;
			continue;
		}
		xtcp_sacked_mark(sk, whole, acked);
		skb = whole;
	}
}

/* One block, less what the last ACK told already. */
static void xtcp_sacked_block(struct sock *sk, const struct xtcp_sack_block *block,
			      struct xtcp_acked *acked)
{
	struct xtcp_sacked_part part = { .from = block->start, .block = *block };
	const struct xtcp_disorder *d = xtcp_sk(sk)->disorder;
	u32 i;

	for (i = 0; d && i < XTCP_SACKS_MAX; i++) {
		const struct xtcp_sack_block *seen = &d->sack_seen[i];

		if (seen->start == seen->end || !xtcp_seq_after(seen->end, part.from))
			continue;
		if (!xtcp_seq_before(seen->start, block->end))
			continue;
		part.to = seen->start;
		if (xtcp_seq_before(part.from, part.to))
			xtcp_sacked_part(sk, &part, acked);
		part.from = seen->end;
	}
	part.to = block->end;
	if (xtcp_seq_before(part.from, part.to))
		xtcp_sacked_part(sk, &part, acked);
}

/* RFC 2883 4: the first block repeats what is acknowledged, or lies in the second. */
static bool xtcp_sacked_is_dsack(const struct xtcp_options *opt, u32 snd_una)
{
	const struct xtcp_sack_block *b = opt->sacks;

	if (!xtcp_seq_after(b[0].end, snd_una))
		return true;
	return opt->num_sacks > 1 && !xtcp_seq_before(b[0].start, b[1].start) &&
	       !xtcp_seq_after(b[0].end, b[1].end);
}

static void xtcp_sacked_dsack(struct sock *sk, const struct xtcp_sack_block *b,
			      struct xtcp_acked *acked)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_disorder *d = xt->disorder;
	u32 mss = max_t(u32, xt->mss_cache, 1);
	u32 segs = DIV_ROUND_UP(b->end - b->start, mss);
	u32 oldest = xt->snd_una - (u32)min_t(u64, xt->snd_max_wnd, xt->bytes_acked + 1);

	if (!xtcp_seq_before(b->start, b->end) || xtcp_seq_before(b->start, oldest) ||
	    xtcp_seq_after(b->end, xt->snd_nxt)) {
		XTCP_SK_ADD(sk, SackDiscarded, 1);
		return;
	}
	XTCP_SK_ADD(sk, DsackRecv, 1);
	/* It cannot have got more twice than was sent twice: the network did this, or a lie */
	if (!d || d->dsacks + segs > xt->total_retrans)
		return;
	d->dsacks += segs;
	acked->dsack = true;
	acked->dsack_end = b->end;
	acked->dsack_segs = segs;
}

/* Sorted into @out, clipped to what is in flight. Return: how many are left. */
static u32 xtcp_sacked_collect(struct sock *sk, const struct xtcp_options *opt, u32 first,
			       struct xtcp_sack_block *out)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 i, k, n = 0;

	for (i = first; i < opt->num_sacks; i++) {
		struct xtcp_sack_block b = opt->sacks[i];

		if (!xtcp_seq_before(b.start, b.end) || xtcp_seq_after(b.end, xt->snd_nxt)) {
			XTCP_SK_ADD(sk, SackDiscarded, 1);
			continue;
		}
		if (!xtcp_seq_after(b.end, xt->snd_una))
			continue;
		b.start = xtcp_seq_max(b.start, xt->snd_una);
		for (k = n++; k && xtcp_seq_before(b.start, out[k - 1].start); k--)
			out[k] = out[k - 1];
		out[k] = b;
	}
	return n;
}

/**
 * xtcp_sacked_process - the SACK option of an acceptable ACK
 * @sk: the connection; the cumulative part is done
 * @opt: options of the segment
 * @acked: added to
 *
 * Context: Socket lock.
 */
void xtcp_sacked_process(struct sock *sk, const struct xtcp_options *opt,
			 struct xtcp_acked *acked)
{
	struct xtcp_sack_block blocks[XTCP_SACKS_MAX] = {};
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 i, n, first = 0;
	struct xtcp_disorder *d;

	if (!opt->num_sacks)
		return;
	d = xtcp_disorder_get(sk);
	if (!xt->sacked_out)
		xtcp_sack_forget(xt);
	if (xtcp_sacked_is_dsack(opt, xt->snd_una)) {
		xtcp_sacked_dsack(sk, &opt->sacks[0], acked);
		first = 1;
	}
	n = xtcp_sacked_collect(sk, opt, first, blocks);
	acked->has_sack = n;
	for (i = 0; i < n; i++)
		xtcp_sacked_block(sk, &blocks[i], acked);
	/* What could not be cut out is tried again with the next ACK */
	if (acked->uncut)
		xtcp_sack_forget(xt);
	else if (d && first < opt->num_sacks)
		memcpy(d->sack_seen, blocks, sizeof(blocks));
}
