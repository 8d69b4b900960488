// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receive queues and the window they allow. An skb here is payload only; its
 * cb says which numbers it covers. Overlaps are left in: the reader
 * looks for copied_seq and skips what it has seen.
 */
#include "rcvq.h"

#include "disorder.h"
#include "mem.h"

#define XTCP_RCVQ_PRESSURE_SEGS	4

/* Half of the buffer is data, half the overhead of the skbs that carry it. */
static u32 xtcp_rcvq_data_share(s32 space)
{
	return space > 0 ? space / 2 : 0;
}

static u32 xtcp_rcvq_full_space(const struct sock *sk)
{
	return xtcp_rcvq_data_share(READ_ONCE(sk->sk_rcvbuf));
}

static u32 xtcp_rcvq_free_space(const struct sock *sk)
{
	return xtcp_rcvq_data_share(READ_ONCE(sk->sk_rcvbuf) -
				    READ_ONCE(sk->sk_backlog.len) -
				    atomic_read(&sk->sk_rmem_alloc));
}

/**
 * xtcp_rcvq_free_ooo - drop one of what waits out of order
 * @sk: the connection
 * @skb: in ooo_queue
 *
 * Context: Socket lock, or the destructor.
 */
void xtcp_rcvq_free_ooo(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_disorder *d = xtcp_sk(sk)->disorder;

	if (skb == d->ooo_last)
		d->ooo_last = skb_rb_prev(skb);
	rb_erase(&skb->rbnode, &d->ooo_queue);
	/* rbnode shares its place with next and prev */
	RB_CLEAR_NODE(&skb->rbnode);
	d->rcv_ooo_bytes -= min(d->rcv_ooo_bytes, skb->len);
	__kfree_skb(skb);
}

/**
 * xtcp_rcvq_find_ooo - what waits out of order at a number
 * @xt: the connection; it has a place for such segments
 * @seq: sequence number
 *
 * Sorted by their beginnings they are sorted by their ends as well: none lies wholly
 * within another.
 *
 * Context: Socket lock.
 * Return: The last of them that holds @seq, or NULL.
 */
struct sk_buff *xtcp_rcvq_find_ooo(const struct xtcp_sock *xt, u32 seq)
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

/* The buffer is full, or there is no memory. Return: @skb may be queued even so. */
static noinline bool xtcp_rcvq_make_room(struct sock *sk, struct sk_buff *skb, bool in_order)
{
	/*
	 * With nothing to read for the program, what continues the stream is taken, on
	 * credit if need be: the connection would stand still otherwise.
	 */
	bool empty = in_order && skb_queue_empty(&sk->sk_receive_queue);
	bool room = xtcp_rcvprune(sk, skb, in_order);

	if (empty || (room && sk_rmem_schedule(sk, skb, skb->truesize)))
		return true;
	XTCP_SK_ADD(sk, RcvPruned, 1);
	return false;
}

/**
 * xtcp_rcvq_charge - may this skb be queued?
 * @sk: the connection
 * @skb: the segment
 * @in_order: it continues the stream
 *
 * If the buffer is full, room is made before saying no: rcvprune.c.
 *
 * Context: Socket lock.
 * Return: false: drop it; the peer will send it again.
 */
bool xtcp_rcvq_charge(struct sock *sk, struct sk_buff *skb, bool in_order)
{
	if (likely(atomic_read(&sk->sk_rmem_alloc) <= READ_ONCE(sk->sk_rcvbuf) &&
		   sk_rmem_schedule(sk, skb, skb->truesize)))
		return true;
	return xtcp_rcvq_make_room(sk, skb, in_order);
}

/* Append @skb's bytes to @to if they follow it. @skb is consumed if so. */
static bool xtcp_rcvq_coalesce(struct sock *sk, struct sk_buff *to, struct sk_buff *skb)
{
	bool head_stolen;
	int delta;

	if (!to || xtcp_cb(to)->end_seq != xtcp_cb(skb)->seq ||
	    (xtcp_cb(to)->flags & XTCP_FLAG_FIN))
		return false;
	if (!skb_try_coalesce(to, skb, &head_stolen, &delta))
		return false;

	atomic_add(delta, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, delta);
	xtcp_cb(to)->end_seq = xtcp_cb(skb)->end_seq;
	xtcp_cb(to)->flags |= xtcp_cb(skb)->flags;
	/* SO_TIMESTAMP tells of the last byte */
	to->tstamp = skb->tstamp;
	*skb_hwtstamps(to) = *skb_hwtstamps(skb);
	kfree_skb_partial(skb, head_stolen);
	return true;
}

/* To the end of sk_receive_queue; rcv_nxt moves. Return: it carried a FIN. */
static bool xtcp_rcvq_append(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	bool fin = xtcp_cb(skb)->flags & XTCP_FLAG_FIN;
	u32 end_seq = xtcp_cb(skb)->end_seq;

	xt->bytes_in += end_seq - xt->rcv_nxt - fin;
	if (!skb->len) {
		__kfree_skb(skb);	/* a bare FIN */
	} else if (!xtcp_rcvq_coalesce(sk, skb_peek_tail(&sk->sk_receive_queue), skb)) {
		skb_set_owner_r(skb, sk);
		__skb_queue_tail(&sk->sk_receive_queue, skb);
	}
	WRITE_ONCE(xt->rcv_nxt, end_seq);
	return fin;
}

/*
 * [@start, @end) of the segment at hand was there already. Told is the first part that was,
 * and what adjoins it: RFC 2883 4.2. In ascending order.
 */
static void xtcp_rcvq_twice(struct xtcp_sack_block *twice, u32 start, u32 end)
{
	if (twice->start == twice->end) {
		twice->start = start;
		twice->end = end;
	} else if (!xtcp_seq_after(start, twice->end)) {
		twice->end = xtcp_seq_max(twice->end, end);
	}
}

/**
 * xtcp_rcvq_in_order - take in a segment that continues the stream
 * @sk: the connection
 * @skb: charged, payload only, seq <= rcv_nxt < end_seq; consumed
 *
 * What waited out of order behind it follows (MUST-59: all of it is handled
 * before the ACK). What of it had come before is told.
 *
 * Context: Socket lock.
 * Return: true if the peer's FIN was reached.
 */
bool xtcp_rcvq_in_order(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_disorder *d = xt->disorder;
	struct xtcp_sack_block twice = { .start = xtcp_cb(skb)->seq, .end = xt->rcv_nxt };
	u32 end = xtcp_cb(skb)->end_seq;
	bool fin = xtcp_rcvq_append(sk, skb);

	while (!fin && (skb = xtcp_ooo_first(xt))) {
		if (xtcp_seq_after(xtcp_cb(skb)->seq, xt->rcv_nxt))
			break;
		if (xtcp_seq_before(xtcp_cb(skb)->seq, end))
			xtcp_rcvq_twice(&twice, xtcp_cb(skb)->seq,
					xtcp_seq_min(xtcp_cb(skb)->end_seq, end));
		if (!xtcp_seq_after(xtcp_cb(skb)->end_seq, xt->rcv_nxt)) {
			xtcp_rcvq_free_ooo(sk, skb);
			continue;
		}
		if (skb == d->ooo_last)
			d->ooo_last = NULL;
		rb_erase(&skb->rbnode, &d->ooo_queue);
		RB_CLEAR_NODE(&skb->rbnode);
		/* These shared their place with rbnode */
		skb->next = NULL;
		skb->prev = NULL;
		skb->dev = NULL;
		d->rcv_ooo_bytes -= min(d->rcv_ooo_bytes, skb->len);
		fin = xtcp_rcvq_append(sk, skb);
	}
	if (unlikely(twice.start != twice.end))
		xtcp_dsack_note(sk, twice.start, twice.end);
	return fin;
}

/* What of the new segment waits before and behind it: told, and not needed twice. */
static void xtcp_rcvq_overlaps(struct sock *sk, struct sk_buff *skb)
{
	u32 seq = xtcp_cb(skb)->seq, end = xtcp_cb(skb)->end_seq;
	struct xtcp_sack_block twice = { .start = seq, .end = seq };
	struct sk_buff *other = skb_rb_prev(skb);

	if (other)
		twice.end = xtcp_seq_max(seq, xtcp_cb(other)->end_seq);
	while ((other = skb_rb_next(skb)) && xtcp_seq_before(xtcp_cb(other)->seq, end)) {
		xtcp_rcvq_twice(&twice, xtcp_cb(other)->seq,
				xtcp_seq_min(xtcp_cb(other)->end_seq, end));
		if (xtcp_seq_after(xtcp_cb(other)->end_seq, end))
			break;
		xtcp_rcvq_free_ooo(sk, other);
	}
	if (twice.start != twice.end)
		xtcp_dsack_note(sk, twice.start, twice.end);
}

/**
 * xtcp_rcvq_out_of_order - keep a segment that came too early
 * @sk: the connection, with a place for it: xtcp_disorder_get()
 * @skb: charged, payload only, seq > rcv_nxt; consumed
 *
 * Context: Socket lock.
 */
void xtcp_rcvq_out_of_order(struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_disorder *d = xtcp_sk(sk)->disorder;
	struct rb_node **p = &d->ooo_queue.rb_node;
	struct rb_node *parent = NULL;

	d->rcv_ooo_bytes += skb->len;
	xtcp_sack_note(d, xtcp_cb(skb)->seq, xtcp_cb(skb)->end_seq);
	if (xtcp_rcvq_coalesce(sk, d->ooo_last, skb))
		return;

	while (*p) {
		struct sk_buff *at = rb_to_skb(*p);

		parent = *p;
		if (xtcp_seq_before(xtcp_cb(skb)->seq, xtcp_cb(at)->seq)) {
			p = &parent->rb_left;
			continue;
		}
		if (!xtcp_seq_after(xtcp_cb(skb)->end_seq, xtcp_cb(at)->end_seq)) {
			d->rcv_ooo_bytes -= min(d->rcv_ooo_bytes, skb->len);
			xtcp_dsack_note(sk, xtcp_cb(skb)->seq, xtcp_cb(skb)->end_seq);
			__kfree_skb(skb);	/* all of it is there already */
			return;
		}
		p = &parent->rb_right;
	}
	skb_set_owner_r(skb, sk);
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &d->ooo_queue);
	xtcp_rcvq_overlaps(sk, skb);
	xtcp_sk(sk)->ooo_dense = 0;
	if (!skb_rb_next(skb))
		d->ooo_last = skb;
	XTCP_SK_ADD(sk, OfoQueued, 1);
}

/* Out of the queue and free; the memory stays the socket's until xtcp_mem_trim(). */
static void xtcp_rcvq_free(struct sock *sk, struct sk_buff *skb)
{
	__skb_unlink(skb, &sk->sk_receive_queue);
	if (likely(skb->destructor == sock_rfree)) {
		atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
		xtcp_mem_uncharge(sk, skb->truesize);
		skb->destructor = NULL;
		skb->sk = NULL;
	}
	__kfree_skb(skb);
}

/**
 * xtcp_rcvq_eat - free what the program has read
 * @sk: the connection
 *
 * Context: Process, socket lock.
 */
void xtcp_rcvq_eat(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_peek(&sk->sk_receive_queue))) {
		u32 end = xtcp_cb(skb)->end_seq - !!(xtcp_cb(skb)->flags & XTCP_FLAG_FIN);

		if (xtcp_seq_after(end, xt->copied_seq))
			break;
		xtcp_rcvq_free(sk, skb);
	}
}

/**
 * xtcp_rcvq_window - the window that could be offered now
 * @sk: the connection
 *
 * RFC 9293 3.8.6.2.2 (MUST-39): it opens by whole segments or half the buffer, and
 * closes to nothing rather than to crumbs.
 *
 * Context: Socket lock.
 * Return: Bytes from rcv_nxt.
 */
u32 xtcp_rcvq_window(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 full = min(xt->window_clamp, xtcp_rcvq_full_space(sk));
	u32 space = xtcp_rcvq_free_space(sk);
	u32 mss = min_t(u32, xt->rcv_mss, full);
	u32 window;

	if (!mss)
		return 0;
	if (space < full / 2) {
		space = round_down(space, 1U << xt->rcv_wscale);
		if (space < full / 16 || space < mss)
			return 0;
		/* Memory is short: four segments keep the stream going */
		if (sk_under_memory_pressure(sk))
			space = min_t(u32, space, XTCP_RCVQ_PRESSURE_SEGS * xt->advmss);
	}
	space = min(space, xt->rcv_ssthresh);
	if (xt->rcv_wscale) {
		window = ALIGN(space, 1U << xt->rcv_wscale);
	} else {
		window = xt->rcv_wnd;
		if (window + mss <= space || window > space)
			window = rounddown(space, mss);
		else if (mss == full && space > window + full / 2)
			window = space;
	}
	return window;
}

/**
 * xtcp_rcvq_select_window - the window to put into a segment, and remember it
 * @sk: the connection
 *
 * Never moves the right edge back (RFC 9293 3.8.6, SHLD-14), with one exception: there
 * was no memory for data that the program has not made room for. A peer that is told so
 * waits and probes; otherwise it would send the same again until it gave up.
 *
 * Context: Socket lock.
 * Return: Bytes from rcv_nxt, a multiple of the scale.
 */
u32 xtcp_rcvq_select_window(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 limit = (u32)U16_MAX << xt->rcv_wscale;
	u32 told = xtcp_receive_window(xt);
	u32 window;

	if (unlikely(xt->ack_pending & XTCP_ACK_NOMEM)) {
		xt->rcv_wnd = 0;
		xt->rcv_wup = xt->rcv_nxt;
		XTCP_SK_ADD(sk, ZeroWindowAdvs, 1);
		return 0;
	}
	window = xtcp_rcvq_window(sk);
	if (window < told)
		window = ALIGN(told, 1U << xt->rcv_wscale);
	window = min(window, limit);
	xt->rcv_wnd = window;
	xt->rcv_wup = xt->rcv_nxt;
	return window;
}

/**
 * xtcp_rcvq_initial_window - window and scale for a SYN or SYN-ACK
 * @sk: the socket, or the listener
 * @mss: largest segment expected, options deducted
 * @wscale_ok: the scale option may be used
 * @rcv_wnd: set to the window to offer; it is not scaled in a SYN
 * @window_clamp: in: the program's limit or 0; out: the largest window ever
 * @rcv_wscale: set to the shift to announce, RFC 7323 2.3
 *
 * The shift is chosen for the largest buffer the socket may get.
 *
 * Context: Any.
 */
void xtcp_rcvq_initial_window(const struct sock *sk, u32 mss, bool wscale_ok,
			      u32 *rcv_wnd, u32 *window_clamp, u8 *rcv_wscale)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(sk))->knobs;
	u32 clamp = *window_clamp ? *window_clamp : (u32)U16_MAX << XTCP_WSCALE_MAX;
	u32 space = min(clamp, xtcp_rcvq_full_space(sk));
	u32 largest;

	if (space > mss)
		space = rounddown(space, mss);
	*rcv_wscale = 0;
	if (wscale_ok) {
		largest = max_t(u32, space, READ_ONCE(knobs->rmem[2]));
		largest = min(largest, clamp);
		*rcv_wscale = clamp_t(int, ilog2(max(largest, 1U)) - 15, 0, XTCP_WSCALE_MAX);
	}
	*rcv_wnd = min_t(u32, space, U16_MAX);
	*window_clamp = min_t(u32, (u32)U16_MAX << *rcv_wscale, clamp);
}

/**
 * xtcp_rcvq_purge - free everything received
 * @sk: the connection
 *
 * Context: Socket lock, or the destructor.
 */
void xtcp_rcvq_purge(struct sock *sk)
{
	struct sk_buff *skb;

	__skb_queue_purge(&sk->sk_receive_queue);
	while ((skb = xtcp_ooo_first(xtcp_sk(sk))))
		xtcp_rcvq_free_ooo(sk, skb);
	sk_mem_reclaim(sk);
}
