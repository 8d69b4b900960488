/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The send queues. sk_write_queue: written, not yet sent, in order of seq.
 * sk->tcp_rtx_queue: sent and not acknowledged, an rbtree by seq. SYN and FIN are
 * skbs like others (no payload, one sequence number).
 * Context of all: socket lock.
 */
#ifndef _XTCP_CONN_SNDQ_H
#define _XTCP_CONN_SNDQ_H

#include "board.h"
#include "lend.h"

/*
 * Room for more of the program's data at the end of the queue.
 * Return: the tail skb to append to (with page-frag room to be used by
 * xtcp_sndq_append), or a new one, or NULL: no memory in the socket's budget.
 */
bool xtcp_sndq_has_space(const struct sock *sk);

/*
 * Up to @len bytes from @src to the end of the queue: page frags, GSO-sized
 * skbs. Advances write_seq. Return: bytes taken (> 0), -EAGAIN: wait for memory
 * or for space, -EFAULT.
 */
int xtcp_sndq_append(struct sock *sk, const struct xtcp_source *src, size_t len);

/* Queue a SYN or FIN (flags) that takes one number; advances write_seq. */
struct sk_buff *xtcp_sndq_append_control(struct sock *sk, u8 flags, gfp_t gfp);

/* The next unsent one, or NULL. */
static inline struct sk_buff *xtcp_sndq_head(const struct sock *sk)
{
	return skb_peek(&sk->sk_write_queue);
}

static inline bool xtcp_sndq_is_last(const struct sock *sk, const struct sk_buff *skb)
{
	return skb_queue_is_last(&sk->sk_write_queue, skb);
}

/* A FIN is owed that found no memory: the PERSIST timer comes back for it. */
static inline bool xtcp_sndq_fin_owed(const struct sock *sk)
{
	return !xtcp_sk(sk)->fin_queued &&
	       xtcp_state_in(sk, TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK);
}

/* Unsent head has gone out: into the retransmission tree; counts packets_out. */
void xtcp_sndq_sent(struct sock *sk, struct sk_buff *skb);

/* First of the retransmission tree (snd_una), and the next by seq. */
struct sk_buff *xtcp_sndq_rtx_head(const struct sock *sk);
struct sk_buff *xtcp_sndq_rtx_next(const struct sk_buff *skb);
struct sk_buff *xtcp_sndq_rtx_tail(const struct sock *sk);
/* The first one that ends behind @seq. */
struct sk_buff *xtcp_sndq_rtx_find(const struct sock *sk, u32 seq);
static inline bool xtcp_sndq_rtx_empty(const struct sock *sk)
{
	return RB_EMPTY_ROOT(&sk->tcp_rtx_queue);
}

/*
 * Cut @skb after @len bytes of payload; the rest becomes an skb of its own
 * behind it in the same queue. Return: 0 or -ENOMEM.
 */
int xtcp_sndq_split(struct sock *sk, struct sk_buff *skb, u32 len, bool sent);

/* Before sending again: what an ACK found no memory to cut off. Return: 0 or -ENOMEM. */
int xtcp_sndq_trim_acked(struct sock *sk, struct sk_buff *skb);

/* Sent as segments that are too large by now: count it as smaller ones. */
void xtcp_sndq_fit(struct sock *sk, struct sk_buff *skb, u32 mss);

/* Segments @skb makes at the present mss; sets tx.segs and the GSO fields. */
void xtcp_sndq_set_segs(struct sock *sk, struct sk_buff *skb, u32 mss);

/* Everything below @ack is acknowledged: free it, add to @acked, which is begun. */
void xtcp_sndq_ack(struct sock *sk, u32 ack, struct xtcp_acked *acked);

/* Free both queues (reset, disconnect, destructor). */
void xtcp_sndq_purge(struct sock *sk);

#endif /* _XTCP_CONN_SNDQ_H */
