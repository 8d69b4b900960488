/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory accounting: what a socket has in advance, and what all of them share.
 * Context of all that take a sock: socket lock, unless said otherwise.
 */
#ifndef _XTCP_CONN_MEM_H
#define _XTCP_CONN_MEM_H

#include "../xtcp.h"

/*
 * What a socket may always use under memory pressure, bytes: the first numbers of rmem and
 * wmem. The core reads them by pointer, one for all namespaces: the initial one's count.
 */
extern int xtcp_mem_least_rcv;
extern int xtcp_mem_least_snd;
/* jiffies | 1 since memory is short, 0: it is not; the core's word by sk_under_memory_pressure() */
extern unsigned long xtcp_mem_pressure;

/* struct proto: the core found the second number of mem exceeded, or the first kept. */
void xtcp_mem_enter_pressure(struct sock *sk);
void xtcp_mem_leave_pressure(struct sock *sk);

/* No memory to send @size bytes: how many may be had on credit? */
u32 xtcp_mem_credit_snd(const struct sock *sk, u32 size);
/* Send buffer autotuning: room for what the congestion window allows. */
void xtcp_mem_expand_snd(struct sock *sk);
/* No memory for an skb or a page: sell less, and tell everybody. */
void xtcp_mem_failed(struct sock *sk);

void __xtcp_mem_trim(struct sock *sk, int surplus);

/* @size bytes are free again. They stay the socket's until xtcp_mem_trim(). */
static inline void xtcp_mem_uncharge(struct sock *sk, int size)
{
	sk_forward_alloc_add(sk, size);
}

/**
 * xtcp_mem_trim - give back what the socket has in advance
 * @sk: the connection
 *
 * At the end of a segment, a call or a timer, so that what one step frees is the next
 * one's. Less than a page is kept, as the core does. While an ACK is owed it is up
 * to two: the answer that will carry it takes one, or else the DELACK timer comes by here.
 *
 * Context: Socket lock.
 */
static inline void xtcp_mem_trim(struct sock *sk)
{
	int surplus = sk->sk_forward_alloc - sk_unused_reserved_mem(sk);

	if (unlikely(surplus >= (int)PAGE_SIZE))
		__xtcp_mem_trim(sk, surplus);
}

#endif /* _XTCP_CONN_MEM_H */
