/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that writes sk_state. The table itself is pure/states.c.
 */
#ifndef _XTCP_CONN_STATE_H
#define _XTCP_CONN_STATE_H

#include "../pure/states.h"
#include "../xtcp.h"

const char *xtcp_state_reason_name(enum xtcp_reason reason);

/* A full socket moves. Context: socket lock held (owned or bh). */
void xtcp_state_set(struct sock *sk, int state, enum xtcp_reason reason);

/* A socket begins: in TCP_CLOSE by socket(), in TCP_SYN_RECV as a child. */
void xtcp_state_born(struct sock *sk, int state);

/* A closed socket is about to be freed: leaves the census. */
void xtcp_state_dead(struct sock *sk);

/* The connection goes on as a TIME_WAIT entry, the full socket is closed. */
void xtcp_state_hand_over(struct sock *sk, struct xtcp_timewait *tw);

/* A child that nobody has seen is given up: to TCP_CLOSE, untraced. */
void xtcp_state_close_failed(struct sock *sk);

/*
 * A minisock moves. @old or @new is 0 where it begins or ends unseen: a request
 * goes LISTEN -> SYN_RECV, then SYN_RECV -> CLOSE, or becomes a child.
 * TIME_WAIT ends with TIME_WAIT -> CLOSE. Counts and traces.
 */
void xtcp_state_mini(const struct sock_common *skc, int old, int new,
		     enum xtcp_reason reason);

#endif /* _XTCP_CONN_STATE_H */
