/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loss recovery: marks and decides, never sends.
 * RFC 5681, 6582 (NewReno). Context: socket lock.
 */
#ifndef _XTCP_RECOVERY_H
#define _XTCP_RECOVERY_H

#include "../conn/sndq.h"
#include "../xtcp.h"

enum xtcp_ca_state {
	XTCP_CA_OPEN,		/* nothing unusual */
	XTCP_CA_RECOVERY,	/* fast retransmit, NewReno */
	XTCP_CA_LOSS,		/* after a timeout, slow start again */
};

/* What an ACK means for the sender. Return: true: call xtcp_retransmit_lost(). */
bool xtcp_recovery_ack(struct sock *sk, const struct xtcp_acked *acked, u32 prior_una,
		       bool duplicate);
/* The retransmission timeout fired: everything in flight is lost, cwnd 1. */
void xtcp_recovery_timeout(struct sock *sk);
/* Idle longer than RTO: restart the window, RFC 5681 4.1. */
void xtcp_recovery_idle(struct sock *sk);
/* Start values of a connection. */
void xtcp_recovery_init(struct sock *sk);
/* Segments that may be in flight more, now. */
u32 xtcp_recovery_quota(const struct sock *sk);
/* Choose congestion control by name. Return: 0, -ENOENT. */
int xtcp_recovery_set_cc(struct sock *sk, const char *name);

#endif /* _XTCP_RECOVERY_H */
