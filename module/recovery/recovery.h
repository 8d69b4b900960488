/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loss recovery: marks and decides, never sends. Context of all: socket lock.
 *
 * An ACK goes through it in this order (recovery.c):
 *   sacked.c	SACK blocks to marks, DSACK		RFC 2018, 2883
 *   rack.c	what was delivered, what is late	RFC 8985 6
 *   tlp.c	a tail loss probe is answered		RFC 8985 7
 *   undo.c	a reduction that was a mistake, F-RTO	RFC 3522, 3708, 5682
 *   newreno.c	instead of rack.c without SACK		RFC 6582, 3042
 *   ecn.c	ECE instead of a loss			RFC 3168 6.1.2
 *   recovery.c	states				RFC 5681
 *   window.c	how much may be sent		RFC 5681, 6937
 */
#ifndef _XTCP_RECOVERY_H
#define _XTCP_RECOVERY_H

#include "../conn/sndq.h"
#include "../xtcp.h"

enum xtcp_ca_state {
	XTCP_CA_OPEN,		/* nothing unusual, or not yet judged */
	XTCP_CA_CWR,		/* the same, on the way to a smaller window by ECE */
	XTCP_CA_RECOVERY,	/* fast retransmit */
	XTCP_CA_LOSS,		/* after a timeout, or too large for the path: slow start again */
};

enum xtcp_frto {
	XTCP_FRTO_OFF,		/* the loss is taken for real */
	XTCP_FRTO_FIRST,	/* timed out; waiting for the first ACK */
	XTCP_FRTO_SECOND,	/* it came: new data go out, the second ACK decides */
};

/* What an ACK means for the sender. Return: true: call xtcp_retransmit_lost(). */
bool xtcp_recovery_ack(struct sock *sk, struct xtcp_acked *acked, u32 prior_una,
		       bool duplicate);
/* The retransmission timeout fired. */
void xtcp_recovery_timeout(struct sock *sk);
/* The REORDER timer fired. Return: true: call xtcp_retransmit_lost(). */
bool xtcp_recovery_reorder(struct sock *sk);
/* Data after a pause: beyond an RTO a smaller window, RFC 5681 4.1, by RFC 2861. */
void xtcp_recovery_idle(struct sock *sk);
/* New data went out: an unused window comes down, RFC 2861 3.2. */
void xtcp_recovery_sent(struct sock *sk);
/* What is larger than the path takes is lost. Return: true: call xtcp_retransmit_lost(). */
bool xtcp_recovery_too_large(struct sock *sk, u32 mss);
/* RecoverFS of RFC 9937 at this ACK. */
u32 xtcp_recovery_fs(const struct xtcp_sock *xt, const struct xtcp_acked *acked);
/* Start values of a connection. */
void xtcp_recovery_init(struct sock *sk);
/* Segments in flight; segments that may be in flight more, now. */
u32 xtcp_recovery_inflight(const struct sock *sk);
u32 xtcp_recovery_quota(const struct sock *sk);
/* FlightSize of RFC 5681, never above cwnd: it sets the new threshold. */
u32 xtcp_recovery_flight(const struct xtcp_sock *xt);
/* A segment is about to be sent again: undo has to know. */
void xtcp_recovery_resent(struct sock *sk, const struct sk_buff *skb);
/* Choose congestion control by name. Return: 0, -ENOENT. */
int xtcp_recovery_set_cc(struct sock *sk, const char *name);

/* sacked.c */
void xtcp_sacked_process(struct sock *sk, const struct xtcp_options *opt,
			 struct xtcp_acked *acked);

/* rack.c */
void xtcp_rackq_update(struct sock *sk, const struct xtcp_acked *acked);
void xtcp_rackq_detect(struct sock *sk, u64 now_us);
bool xtcp_rackq_recent(const struct xtcp_sock *xt, const struct xtcp_cb *cb, u64 now_us);

/* tlp.c */
bool xtcp_tlp_allowed(const struct sock *sk);
u64 xtcp_tlp_delay_us(const struct sock *sk);
void xtcp_tlp_sent(struct sock *sk, bool retransmission);
void xtcp_tlp_ack(struct sock *sk, const struct xtcp_acked *acked);

/* undo.c */
void xtcp_undo_begin(struct sock *sk);
bool xtcp_undo_ack(struct sock *sk, const struct xtcp_acked *acked, bool advanced);
bool xtcp_undo_frto(struct sock *sk, const struct xtcp_acked *acked, bool advanced,
		    bool duplicate);

/* window.c */
bool xtcp_recovery_by_prr(const struct xtcp_sock *xt);
void xtcp_recovery_reduce(struct sock *sk, u32 delivered, enum xtcp_prr_news news, u32 least);
void xtcp_recovery_window(struct sock *sk, const struct xtcp_acked *acked, bool advanced,
			  bool lost, u32 least);

/* newreno.c */
bool xtcp_newreno_duplicate(struct sock *sk);
void xtcp_newreno_delivered(struct sock *sk, struct xtcp_acked *acked, bool duplicate);
void xtcp_newreno_mark_head(struct sock *sk);

#endif /* _XTCP_RECOVERY_H */
