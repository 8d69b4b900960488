/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Urgent data: RFC 9293 3.8.5, and RFC 6093 for what became of it. The urgent pointer
 * is one past the last urgent byte (MUST-62), and that byte is what programs know of
 * it: SO_OOBINLINE leaves it in the stream, where it is the mark (SIOCATMARK);
 * without, it is taken out of the stream and kept for MSG_OOB. There is one mark: a
 * newer one takes the place of the one before, whose byte stays in the stream.
 * Of urgent data of any length (MUST-31) all but the last byte is ordinary data.
 *
 * Context of all but what is said to be lockless: socket lock.
 */
#ifndef _XTCP_CONN_URG_H
#define _XTCP_CONN_URG_H

#include "../xtcp.h"

/* struct xtcp_sock::urg_data: what is known of the byte at urg_seq */
#define XTCP_URG_BYTE	0x00ff	/* the byte itself, if valid */
#define XTCP_URG_VALID	0x0100	/* it has come, and nobody has taken it with MSG_OOB */
#define XTCP_URG_NOTYET	0x0200	/* it was announced, and is still to come */
#define XTCP_URG_READ	0x0400	/* it was taken; the mark is still ahead */

/* MSG_OOB: urgent data end where the program's data end now. */
void xtcp_urg_mark(struct sock *sk);
/* URG and the urgent pointer of a segment that is about to be sent. */
void xtcp_urg_point(struct xtcp_sock *xt, struct xtcp_header *h);
/* The peer's mark is at @seq now. */
void xtcp_urg_move(struct sock *sk, u32 seq);

/* Is there urgent data that the peer has not acknowledged? */
static inline bool xtcp_urg_under_way(const struct xtcp_sock *xt)
{
	return unlikely(xt->urg_out) && xtcp_seq_before(xt->snd_una, xt->snd_up);
}

/* Does a segment that begins at @seq bear an urgent pointer? */
static inline bool xtcp_urg_covers(const struct xtcp_sock *xt, u32 seq)
{
	return xtcp_urg_under_way(xt) && xtcp_seq_before(seq, xt->snd_up);
}

/* SIOCATMARK: is the next byte to be read the urgent one? Lockless. */
static inline bool xtcp_urg_at_mark(const struct xtcp_sock *xt)
{
	return READ_ONCE(xt->urg_data) && READ_ONCE(xt->urg_seq) == READ_ONCE(xt->copied_seq);
}

/* Will a read that begins at @seq step over its first byte? Lockless. */
static inline bool xtcp_urg_skips(const struct sock *sk, u32 seq)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	return READ_ONCE(xt->urg_data) && READ_ONCE(xt->urg_seq) == seq &&
	       !sock_flag(sk, SOCK_URGINLINE);
}

/* SIOCINQ: of @unread bytes those in front of the mark, that one read can have. */
static inline u32 xtcp_urg_inq(const struct sock *sk, u32 unread)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	if (likely(!xt->urg_data) || sock_flag(sk, SOCK_URGINLINE))
		return unread;
	return min(unread, xt->urg_seq - xt->copied_seq);
}

/* The program has read up to copied_seq: is the mark behind it? */
static inline void xtcp_urg_passed(struct xtcp_sock *xt)
{
	if (xtcp_seq_after(xt->copied_seq, xt->urg_seq))
		WRITE_ONCE(xt->urg_data, 0);
}

#endif /* _XTCP_CONN_URG_H */
