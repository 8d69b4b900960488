/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sender's scoreboard: what became of each segment in flight, and how many there
 * are of each kind (RFC 2018 5, RFC 6675 4).
 *
 * Each skb of the retransmission tree has marks in its cb:
 *
 *   SACKED     the peer holds it; neither of the others
 *   LOST       recovery thinks that it was lost
 *   REXMITTED  sent again, neither acked nor lost since
 *
 * in flight = packets_out - sacked_out - lost_out + retrans_out
 *
 * All that are in flight are in xt->send_order as well, oldest transmission first
 * (RFC 8985 6.2 walks it). Context of all: socket lock.
 */
#ifndef _XTCP_CONN_BOARD_H
#define _XTCP_CONN_BOARD_H

#include "../xtcp.h"

/**
 * struct xtcp_acked - what one ACK told about the queue
 * @now_us: the time it was taken in
 * @segs: segments newly acknowledged, cumulatively
 * @bytes: payload bytes of these
 * @sacked: segments newly acknowledged selectively
 * @delivered: segments of which nothing was known before: DeliveredData of RFC 6937
 * @rtt_us: sample by Karn's rule, -1: none
 * @newest_us: when the newest of what was delivered was sent; 0: none that tells
 * @newest_end: its end
 * @tsecr: the ACK's TSecr in our own clock, ms, if @has_ts
 * @has_ts: it had one
 * @rexmitted: something cumulatively acknowledged had been sent again
 * @original: something that was sent only once, before recovery began, was delivered
 * @bare: it says nothing new: no text, no control bits, the same window and number
 * @uncut: a SACK block's part of a buffer could not be cut out of it
 * @has_sack: it had SACK blocks that are no DSACK
 * @ece: it had ECE, and data of ours may have been marked (RFC 3168)
 * @dsack: it had a valid DSACK (RFC 2883)
 * @dsack_end: its end
 * @dsack_segs: segments it covers
 */
struct xtcp_acked {
	u64 now_us;
	u32 segs;
	u32 bytes;
	u32 sacked;
	u32 delivered;
	s64 rtt_us;
	u64 newest_us;
	u32 newest_end;
	u32 tsecr;
	bool has_ts;
	bool rexmitted;
	bool original;
	bool bare;
	bool uncut;
	bool has_sack;
	bool ece;
	bool dsack;
	u32 dsack_end;
	u32 dsack_segs;
};

/* Empty lists and counts: at birth, and when the queues are purged. */
void xtcp_board_init(struct sock *sk);

/* First transmission; sent again; cut in two; the segments changed their number. */
void xtcp_board_sent(struct sock *sk, struct sk_buff *skb);
void xtcp_board_resent(struct sock *sk, struct sk_buff *skb);
void xtcp_board_split(struct sock *sk, struct sk_buff *skb, struct sk_buff *rest, u32 old_segs);
void xtcp_board_recount(struct sock *sk, const struct sk_buff *skb, u32 old_segs);
/* Acknowledged: off the board. */
void xtcp_board_gone(struct sock *sk, struct sk_buff *skb);

/* The first @segs of @skb, up to @end_seq, are delivered: what does that tell? */
void xtcp_board_delivered(struct sock *sk, const struct sk_buff *skb, u32 end_seq, u32 segs,
			  struct xtcp_acked *acked);

void xtcp_board_mark_sacked(struct sock *sk, struct sk_buff *skb);
void xtcp_board_mark_lost(struct sock *sk, struct sk_buff *skb);
/* Nothing is lost after all. */
void xtcp_board_unmark_lost(struct sock *sk);
/* The peer took back what it had said: RFC 2018 8. */
void xtcp_board_renege(struct sock *sk);

/* The skb of a node of xt->send_order. */
static inline struct sk_buff *xtcp_board_skb(const struct xtcp_cb *cb)
{
	return container_of((void *)cb, struct sk_buff, cb);
}

/* Count again and compare; CONFIG_DEBUG_NET only. */
#ifdef CONFIG_DEBUG_NET
void xtcp_board_check(const struct sock *sk);
#else
static inline void xtcp_board_check(const struct sock *sk)
{
}
#endif

#endif /* _XTCP_CONN_BOARD_H */
