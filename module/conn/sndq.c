// SPDX-License-Identifier: GPL-2.0-only
/*
 * The send queues. An skb is filled here, sent as a clone by output/data.c and
 * kept until acknowledged. Payload lives in page frags only, so that
 * splitting and trimming never copy.
 */
#include "sndq.h"

#include "mem.h"

#include <linux/tcp.h>
#include <net/tcp.h>

/**
 * xtcp_sndq_has_space - may the program write more?
 * @sk: the connection
 *
 * Context: Any; racy without the lock.
 * Return: true if the send buffer has room.
 */
bool xtcp_sndq_has_space(const struct sock *sk)
{
	return READ_ONCE(sk->sk_wmem_queued) < READ_ONCE(sk->sk_sndbuf);
}

static void xtcp_sndq_free(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, -skb->truesize);
	xtcp_mem_uncharge(sk, skb->truesize);
	__kfree_skb(skb);
}

static struct sk_buff *xtcp_sndq_alloc(struct sock *sk, gfp_t gfp, bool force)
{
	struct sk_buff *skb = alloc_skb_fclone(MAX_TCP_HEADER, gfp);

	if (!skb) {
		xtcp_mem_failed(sk);
		return NULL;
	}
	/* On credit, if it must go even when the budget is used up; paid back soon */
	if (!sk_wmem_schedule(sk, skb->truesize) && !force) {
		__kfree_skb(skb);
		return NULL;
	}
	skb_reserve(skb, MAX_TCP_HEADER);
	/* The header is a clone's own: layers below may write it without a copy */
	__skb_header_release(skb);
	memset(skb->cb, 0, sizeof(skb->cb));
	INIT_LIST_HEAD(&xtcp_cb(skb)->tx.order);
	skb->ip_summed = CHECKSUM_PARTIAL;
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
	return skb;
}

static struct sk_buff *xtcp_sndq_new_tail(struct sock *sk, u8 flags, gfp_t gfp, bool force)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_sndq_alloc(sk, gfp, force);

	if (!skb)
		return NULL;
	xtcp_cb(skb)->seq = xt->write_seq;
	xtcp_cb(skb)->end_seq = xt->write_seq;
	xtcp_cb(skb)->flags = flags;
	__skb_queue_tail(&sk->sk_write_queue, skb);
	return skb;
}

/**
 * xtcp_sndq_append_control - queue a SYN or a FIN
 * @sk: the connection
 * @flags: XTCP_FLAG_SYN or XTCP_FLAG_FIN | XTCP_FLAG_ACK
 * @gfp: GFP_ATOMIC in softirq
 *
 * It takes one sequence number (RFC 9293 3.4) and no payload. Room in the send
 * buffer is not asked for.
 *
 * Context: Socket lock.
 * Return: The skb, or NULL without memory.
 */
struct sk_buff *xtcp_sndq_append_control(struct sock *sk, u8 flags, gfp_t gfp)
{
	struct sk_buff *skb = xtcp_sndq_new_tail(sk, flags, gfp, true);

	if (!skb)
		return NULL;
	xtcp_cb(skb)->end_seq++;
	WRITE_ONCE(xtcp_sk(sk)->write_seq, xtcp_cb(skb)->end_seq);
	return skb;
}

/* Payload a tail skb should reach: whole segments, up to what the device takes. */
static u32 xtcp_sndq_goal(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 mss = max_t(u32, xt->mss_cache, 1);
	u32 limit;

	if (xt->wire_protocol != IPPROTO_TCP || !sk_can_gso(sk))
		return mss;
	/* Above 64 KiB if the device asks for BIG TCP */
	limit = READ_ONCE(sk->sk_gso_max_size);
	limit = min_t(u32, limit, mss * max_t(u32, READ_ONCE(sk->sk_gso_max_segs), 1));
	/* Half the largest window, so that two are under way (MUST-38) */
	if (xt->snd_max_wnd)
		limit = min_t(u32, limit, max(xt->snd_max_wnd / 2, mss));
	return max(limit / mss * mss, mss);
}

static struct sk_buff *xtcp_sndq_tail_with_room(struct sock *sk, u32 goal)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (!skb || skb->len >= goal)
		return NULL;
	if (xtcp_cb(skb)->flags & (XTCP_FLAG_SYN | XTCP_FLAG_FIN))
		return NULL;
	/* A tail that was sent in part and cut may be appended to as well */
	return skb;
}

static int xtcp_sndq_copy(struct sock *sk, struct sk_buff *skb, struct msghdr *msg,
			  u32 copy, bool *full)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	int i = skb_shinfo(skb)->nr_frags;
	bool merge;
	int err;

	*full = false;
	if (!sk_page_frag_refill(sk, pfrag))
		return -EAGAIN;
	merge = skb_can_coalesce(skb, i, pfrag->page, pfrag->offset);
	if (!merge && i >= MAX_SKB_FRAGS) {
		*full = true;
		return -EAGAIN;
	}
	copy = min_t(u32, copy, pfrag->size - pfrag->offset);
	if (unlikely(!sk_wmem_schedule(sk, copy)))
		copy = xtcp_mem_credit_snd(sk, copy);
	if (!copy)
		return -EAGAIN;

	err = skb_copy_to_page_nocache(sk, &msg->msg_iter, skb, pfrag->page,
				       pfrag->offset, copy);
	if (err)
		return err;
	if (merge) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], copy);
	} else {
		skb_fill_page_desc(skb, i, pfrag->page, pfrag->offset, copy);
		page_ref_inc(pfrag->page);
	}
	pfrag->offset += copy;
	return copy;
}

/* By reference, if the source says so, else by copying. */
static int xtcp_sndq_fill(struct sock *sk, struct sk_buff *skb, const struct xtcp_source *src,
			  u32 len, bool *full)
{
	int taken;

	if (likely(src->how == XTCP_LEND_COPY))
		return xtcp_sndq_copy(sk, skb, src->msg, len, full);
	taken = xtcp_lend_append(sk, skb, src, &len);
	if (!taken)
		return xtcp_sndq_copy(sk, skb, src->msg, len, full);
	*full = taken == -EMSGSIZE;
	return taken;
}

/**
 * xtcp_sndq_append - take data from the program
 * @sk: the connection
 * @src: where from and how
 * @len: at most this many bytes, > 0
 *
 * One call fills at most one page fragment, or refers to as many pages as fit into one
 * buffer; the caller loops, and pushes in between.
 *
 * Context: Process, socket lock.
 * Return: Bytes taken, > 0; -EAGAIN without room or memory; -EFAULT.
 */
int xtcp_sndq_append(struct sock *sk, const struct xtcp_source *src, size_t len)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 goal = xtcp_sndq_goal(sk);
	struct sk_buff *skb = xtcp_sndq_tail_with_room(sk, goal);
	bool fresh = false;
	bool full;
	int taken;

again:
	if (!skb) {
		if (!xtcp_sndq_has_space(sk))
			return -EAGAIN;
		/* With nothing queued nothing will come free: the first is on credit */
		skb = xtcp_sndq_new_tail(sk, XTCP_FLAG_ACK, sk->sk_allocation,
					 skb_queue_empty(&sk->sk_write_queue) &&
					 xtcp_sndq_rtx_empty(sk));
		if (!skb)
			return -EAGAIN;
		fresh = true;
	}
	taken = xtcp_sndq_fill(sk, skb, src, min_t(size_t, len, goal - skb->len), &full);
	if (taken <= 0) {
		if (fresh) {
			__skb_unlink(skb, &sk->sk_write_queue);
			xtcp_sndq_free(sk, skb);
		} else if (full) {
			skb = NULL;
			goto again;
		}
		return taken ? taken : -EFAULT;
	}
	xtcp_cb(skb)->end_seq += taken;
	xtcp_cb(skb)->tx.segs = 0;
	WRITE_ONCE(xt->write_seq, xt->write_seq + taken);
	return taken;
}

/**
 * xtcp_sndq_set_segs - how many segments an skb makes
 * @sk: the connection
 * @skb: of the send queues
 * @mss: payload per segment, bytes
 *
 * Context: Socket lock; the skb's data are not shared with a clone under way
 * or the fields do not change.
 */
void xtcp_sndq_set_segs(struct sock *sk, struct sk_buff *skb, u32 mss)
{
	struct xtcp_cb *cb = xtcp_cb(skb);

	if (skb->len <= mss) {
		cb->tx.segs = 1;
		cb->tx.mss = 0;
	} else {
		cb->tx.segs = DIV_ROUND_UP(skb->len, mss);
		cb->tx.mss = mss;
	}
}

/**
 * xtcp_sndq_fit - the path takes only smaller segments than an skb was cut into
 * @sk: the connection
 * @skb: in the retransmission tree
 * @mss: payload per segment now, bytes
 *
 * Without this the same segments, too large, would go out again and be lost again.
 *
 * Context: Socket lock.
 */
void xtcp_sndq_fit(struct sock *sk, struct sk_buff *skb, u32 mss)
{
	struct xtcp_cb *cb = xtcp_cb(skb);
	u32 old_segs = cb->tx.segs;

	if ((cb->tx.mss ? cb->tx.mss : skb->len) <= mss)
		return;
	xtcp_sndq_set_segs(sk, skb, mss);
	xtcp_board_recount(sk, skb, old_segs);
}

/**
 * xtcp_sndq_sent - the unsent head has gone out for the first time
 * @sk: the connection
 * @skb: head of sk_write_queue
 *
 * Context: Socket lock.
 */
void xtcp_sndq_sent(struct sock *sk, struct sk_buff *skb)
{
	struct rb_node **p = &sk->tcp_rtx_queue.rb_node;
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct rb_node *parent = NULL;

	__skb_unlink(skb, &sk->sk_write_queue);
	/* New data are always the newest: go right all the way */
	while (*p) {
		parent = *p;
		p = &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &sk->tcp_rtx_queue);

	WRITE_ONCE(xt->snd_nxt, xtcp_cb(skb)->end_seq);
	xtcp_board_sent(sk, skb);
}

/**
 * xtcp_sndq_rtx_head - oldest sent and unacknowledged skb
 * @sk: the connection
 *
 * Return: The skb or NULL.
 */
struct sk_buff *xtcp_sndq_rtx_head(const struct sock *sk)
{
	return skb_rb_first(&sk->tcp_rtx_queue);
}

/**
 * xtcp_sndq_rtx_next - the one sent after @skb
 * @skb: in the retransmission tree
 *
 * Return: The skb or NULL.
 */
struct sk_buff *xtcp_sndq_rtx_next(const struct sk_buff *skb)
{
	return skb_rb_next(skb);
}

/**
 * xtcp_sndq_rtx_tail - newest sent skb
 * @sk: the connection
 *
 * Return: The skb or NULL.
 */
struct sk_buff *xtcp_sndq_rtx_tail(const struct sock *sk)
{
	return skb_rb_last(&sk->tcp_rtx_queue);
}

/**
 * xtcp_sndq_rtx_find - the first sent skb that ends behind a sequence number
 * @sk: the connection
 * @seq: the number
 *
 * Return: The skb or NULL.
 */
struct sk_buff *xtcp_sndq_rtx_find(const struct sock *sk, u32 seq)
{
	struct rb_node *p = sk->tcp_rtx_queue.rb_node;
	struct sk_buff *best = NULL;

	while (p) {
		struct sk_buff *skb = rb_to_skb(p);

		if (xtcp_seq_after(xtcp_cb(skb)->end_seq, seq)) {
			best = skb;
			p = p->rb_left;
		} else {
			p = p->rb_right;
		}
	}
	return best;
}

static void xtcp_sndq_insert_after(struct sock *sk, struct sk_buff *skb, struct sk_buff *new)
{
	struct rb_node *parent = &skb->rbnode;
	struct rb_node **p = &parent->rb_right;

	while (*p) {
		parent = *p;
		p = &parent->rb_left;
	}
	rb_link_node(&new->rbnode, parent, p);
	rb_insert_color(&new->rbnode, &sk->tcp_rtx_queue);
}

/* A clone under way shares the frag array: have one's own before changing it. */
static int xtcp_sndq_unshare(struct sk_buff *skb)
{
	unsigned int truesize = skb->truesize;
	int err = skb_unclone(skb, GFP_ATOMIC);

	if (!skb->nohdr)
		__skb_header_release(skb);
	/* What was charged stays what is paid back */
	skb->truesize = truesize;
	return err;
}

/**
 * xtcp_sndq_split - cut an skb in two
 * @sk: the connection
 * @skb: of the send queues
 * @len: payload bytes that stay in it, 0 < @len <= skb->len; all of them: a FIN is cut off
 * @sent: it is in the retransmission tree, else in sk_write_queue
 *
 * PSH and FIN go with the second half; PSH stays if all data do.
 *
 * Context: Socket lock.
 * Return: 0 or -ENOMEM; then nothing changed.
 */
int xtcp_sndq_split(struct sock *sk, struct sk_buff *skb, u32 len, bool sent)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_cb *cb = xtcp_cb(skb);
	u16 old_segs = cb->tx.segs;
	struct sk_buff *rest;
	u32 mss = max_t(u32, xt->mss_cache, 1);
	u32 moved = skb->len - len;

	/* Segments on their way stay what they were sent as */
	if (sent && cb->tx.mss)
		mss = cb->tx.mss;
	if (xtcp_sndq_unshare(skb))
		return -ENOMEM;
	rest = xtcp_sndq_alloc(sk, GFP_ATOMIC, true);
	if (!rest)
		return -ENOMEM;

	*xtcp_cb(rest) = *cb;
	INIT_LIST_HEAD(&xtcp_cb(rest)->tx.order);
	xtcp_cb(rest)->seq = cb->seq + len;
	cb->end_seq = cb->seq + len;
	cb->flags &= moved ? ~(XTCP_FLAG_PSH | XTCP_FLAG_FIN) : ~XTCP_FLAG_FIN;

	skb_split(skb, rest, len);
	if (!moved) {
		xtcp_cb(rest)->flags &= ~XTCP_FLAG_PSH;
		/* who lent the data does not wait for a FIN */
		skb_zcopy_clear(rest, true);
	}
	/* Queued memory stays what it was but for the new head */
	rest->truesize += moved;
	skb->truesize -= moved;

	xtcp_sndq_set_segs(sk, skb, mss);
	xtcp_sndq_set_segs(sk, rest, mss);
	if (!sent) {
		__skb_queue_after(&sk->sk_write_queue, skb, rest);
		return 0;
	}
	xtcp_sndq_insert_after(sk, skb, rest);
	xtcp_board_split(sk, skb, rest, old_segs);
	return 0;
}

/* Drop @len acknowledged bytes from the front. Return: 0 or -ENOMEM, nothing changed. */
static int xtcp_sndq_trim(struct sock *sk, struct sk_buff *skb, u32 len)
{
	struct skb_shared_info *shinfo;
	u32 eat = len;
	int i, k;

	if (xtcp_sndq_unshare(skb))
		return -ENOMEM;

	shinfo = skb_shinfo(skb);
	for (i = 0, k = 0; i < shinfo->nr_frags; i++) {
		u32 size = skb_frag_size(&shinfo->frags[i]);

		if (size <= eat) {
			skb_frag_unref(skb, i);
			eat -= size;
			continue;
		}
		shinfo->frags[k] = shinfo->frags[i];
		if (eat) {
			skb_frag_off_add(&shinfo->frags[k], eat);
			skb_frag_size_sub(&shinfo->frags[k], eat);
			eat = 0;
		}
		k++;
	}
	shinfo->nr_frags = k;
	skb->data_len -= len;
	skb->len -= len;
	xtcp_cb(skb)->seq += len;

	skb->truesize -= len;
	sk_wmem_queued_add(sk, -(int)len);
	xtcp_mem_uncharge(sk, len);
	return 0;
}

/**
 * xtcp_sndq_trim_acked - cut off what an ACK could not for want of memory
 * @sk: the connection
 * @skb: in the retransmission tree, about to be sent again
 *
 * Segments that are wholly acknowledged would go out instead of those that are missed.
 *
 * Context: Socket lock.
 * Return: 0: it begins at snd_una or behind; -ENOMEM.
 */
int xtcp_sndq_trim_acked(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_cb *cb = xtcp_cb(skb);
	u32 old_segs = cb->tx.segs;
	u32 len = min_t(u32, xt->snd_una - cb->seq, skb->len);

	if (likely(!xtcp_seq_before(cb->seq, xt->snd_una)) || !len)
		return 0;
	if (xtcp_sndq_trim(sk, skb, len))
		return -ENOMEM;
	xtcp_sndq_set_segs(sk, skb, cb->tx.mss ? cb->tx.mss : max_t(u32, xt->mss_cache, 1));
	xtcp_board_recount(sk, skb, old_segs);
	return 0;
}

/* Return: when the whole segments among it were sent, us; 0: there is none, or sent twice. */
static u64 xtcp_sndq_ack_partly(struct sock *sk, struct sk_buff *skb, u32 ack,
				struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_cb *cb = xtcp_cb(skb);
	u32 old_segs = cb->tx.segs;
	u32 bytes = ack - cb->seq;
	u32 gone;

	if (bytes >= skb->len)	/* only the FIN is left */
		bytes = skb->len;
	if (!bytes)
		return 0;
	/* Without memory it is done before it is sent again */
	if (xtcp_sndq_trim(sk, skb, bytes))
		return 0;
	xtcp_sndq_set_segs(sk, skb, cb->tx.mss ? cb->tx.mss : max_t(u32, xt->mss_cache, 1));
	xtcp_board_recount(sk, skb, old_segs);
	gone = old_segs - min_t(u32, old_segs, cb->tx.segs);
	acked->segs += gone;
	acked->bytes += bytes;
	if (cb->tx.retrans)
		acked->rexmitted = true;
	if (cb->marks & XTCP_MARK_SACKED)
		return 0;
	xtcp_board_delivered(sk, skb, ack, gone, acked);
	return gone && !cb->tx.retrans ? cb->tx.sent_us : 0;
}

/**
 * xtcp_sndq_ack - free what is acknowledged
 * @sk: the connection
 * @ack: SEG.ACK, acceptable: snd_una < @ack <= snd_nxt
 * @acked: begun; added to
 *
 * The RTT sample is that of the newest segment that was sent only once: Karn's rule,
 * RFC 6298 3 (MUST-18). What was acknowledged selectively before is no news.
 *
 * Context: Socket lock.
 */
void xtcp_sndq_ack(struct sock *sk, u32 ack, struct xtcp_acked *acked)
{
	u64 sent_us = 0;
	struct sk_buff *skb;

	while ((skb = xtcp_sndq_rtx_head(sk))) {
		struct xtcp_cb *cb = xtcp_cb(skb);

		if (xtcp_seq_after(cb->end_seq, ack)) {
			if (xtcp_seq_before(cb->seq, ack))
				sent_us = xtcp_sndq_ack_partly(sk, skb, ack, acked) ?: sent_us;
			break;
		}
		if (cb->tx.retrans)
			acked->rexmitted = true;
		if (!(cb->marks & XTCP_MARK_SACKED)) {
			if (!cb->tx.retrans)
				sent_us = cb->tx.sent_us;
			xtcp_board_delivered(sk, skb, cb->end_seq, cb->tx.segs, acked);
		}
		acked->segs += cb->tx.segs;
		acked->bytes += skb->len;
		xtcp_board_gone(sk, skb);
		rb_erase(&skb->rbnode, &sk->tcp_rtx_queue);
		xtcp_sndq_free(sk, skb);
	}
	if (sent_us && !acked->rexmitted)
		acked->rtt_us = acked->now_us - sent_us;
}

/**
 * xtcp_sndq_purge - free both queues
 * @sk: the connection
 *
 * Context: Socket lock, or the destructor.
 */
void xtcp_sndq_purge(struct sock *sk)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&sk->sk_write_queue)))
		xtcp_sndq_free(sk, skb);
	while ((skb = xtcp_sndq_rtx_head(sk))) {
		rb_erase(&skb->rbnode, &sk->tcp_rtx_queue);
		xtcp_sndq_free(sk, skb);
	}
	xtcp_board_init(sk);
	sk_mem_reclaim(sk);
}
