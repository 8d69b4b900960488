/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Explicit congestion notification, RFC 3168: what a connection knows and decides.
 * Headers are output/'s, segments input/'s. Context of all that take a connection:
 * socket lock.
 *
 *   ecn_ok	both ends have said that they understand it: CE is answered with ECE
 *   ecn_ect	and nothing was said against it: new data go out as ECT(0)
 *   ecn_echo	ECE is owed, on every ACK until the peer's CWR
 *   ecn_cwr	CWR is due, on the next new data
 *   ecn_seen	the peer's data came as ECT or CE
 *   ecn_hold	nothing new until the timer ran out: ECE at a window of one
 */
#ifndef _XTCP_RECOVERY_ECN_H
#define _XTCP_RECOVERY_ECN_H

#include "../conn/board.h"
#include "../xtcp.h"

/* The bits of an ECN-setup SYN; an ECN-setup SYN-ACK has ECE alone (RFC 3168 6.1.1) */
#define XTCP_ECN_FLAGS	(XTCP_FLAG_ECE | XTCP_FLAG_CWR)

static inline bool xtcp_ecn_setup_syn(u8 flags)
{
	return (flags & XTCP_ECN_FLAGS) == XTCP_ECN_FLAGS;
}

/* The handshake */
bool xtcp_ecn_asks(const struct sock *sk, const struct dst_entry *dst);
bool xtcp_ecn_answers(const struct sock *listener, const struct dst_entry *dst);
bool xtcp_ecn_agrees(const struct sock *listener, const struct dst_entry *dst, u8 flags,
		     u8 tos);
void xtcp_ecn_begin(struct xtcp_sock *xt, bool on);
void xtcp_ecn_peer_syn(struct xtcp_sock *xt, u8 flags);
void xtcp_ecn_fallback(struct sock *sk, struct xtcp_cb *cb);

/* Sending. Return: the ECN field for the IP header; *@flags gets ECE and CWR. */
u8 xtcp_ecn_mark(struct xtcp_sock *xt, u32 seq, u32 len, u8 *flags);

/* Data arrived with this traffic class. Return: acknowledge them at once. */
bool xtcp_ecn_received(struct sock *sk, u8 tos, u32 segs);

/* The peer has reduced its window: CE that comes from now on is news again. */
static inline void xtcp_ecn_answered(struct xtcp_sock *xt)
{
	xt->ecn_echo = 0;
}

/* An ACK with ECE. Return: it is news, the window shall come down. */
bool xtcp_ecn_echoed(struct sock *sk, const struct xtcp_acked *acked);
void xtcp_ecn_reduce(struct sock *sk, const struct xtcp_acked *acked);
void xtcp_ecn_resume(struct sock *sk);
void xtcp_ecn_waited(struct sock *sk);

/* The window was reduced, for whatever reason: tell the peer. */
static inline void xtcp_ecn_reduced(struct xtcp_sock *xt)
{
	xt->ecn_cwr = xt->ecn_ect;
}

#endif /* _XTCP_RECOVERY_ECN_H */
