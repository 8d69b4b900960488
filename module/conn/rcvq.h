/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The receive queues: sk_receive_queue in order, ooo_queue out of order.
 * Context of all: socket lock.
 */
#ifndef _XTCP_CONN_RCVQ_H
#define _XTCP_CONN_RCVQ_H

#include "../xtcp.h"

/* Is there room for @skb? Return: false: drop it. */
bool xtcp_rcvq_charge(struct sock *sk, struct sk_buff *skb, bool in_order);

/* The last of ooo_queue that holds @seq, or NULL. */
struct sk_buff *xtcp_rcvq_find_ooo(const struct xtcp_sock *xt, u32 seq);
/* Free one skb of ooo_queue. */
void xtcp_rcvq_free_ooo(struct sock *sk, struct sk_buff *skb);
/* rcvprune.c: make room for @in. Return: false: the buffer is over its limit even so. */
bool xtcp_rcvprune(struct sock *sk, const struct sk_buff *in, bool in_order);

/*
 * Take in a charged, pulled skb (payload only) whose seq is rcv_nxt or before
 * with something new: trims the front, appends or merges, advances rcv_nxt,
 * then moves what fits from ooo_queue. The skb is consumed.
 * Return: true if a FIN was reached in order (seg flags or ooo queue).
 */
bool xtcp_rcvq_in_order(struct sock *sk, struct sk_buff *skb);

/* Take in out of order. The skb is consumed. */
void xtcp_rcvq_out_of_order(struct sock *sk, struct sk_buff *skb);

/* Program has read up to copied_seq: free skbs wholly read. */
void xtcp_rcvq_eat(struct sock *sk);

/* Bytes in order and unread. */
static inline u32 xtcp_rcvq_unread(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 n = READ_ONCE(xt->rcv_nxt) - READ_ONCE(xt->copied_seq);

	/* The FIN took a number but is no byte */
	return n - (n && xt->saw_fin);
}

/* Window to offer, RFC 9293 3.8.6.2.2 (no silly windows), bytes; never shrinks. */
u32 xtcp_rcvq_select_window(struct sock *sk);
/* The same without committing: what select_window would give. */
u32 xtcp_rcvq_window(const struct sock *sk);
/* Window field of SYN and SYN-ACK and the scale to ask for. */
void xtcp_rcvq_initial_window(const struct sock *sk, u32 mss, bool wscale_ok,
			      u32 *rcv_wnd, u32 *window_clamp, u8 *rcv_wscale);

void xtcp_rcvq_purge(struct sock *sk);

#endif /* _XTCP_CONN_RCVQ_H */
