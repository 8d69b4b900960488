/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Birth and death of a full socket, used by every layer above.
 */
#ifndef _XTCP_CONN_LIFE_H
#define _XTCP_CONN_LIFE_H

#include "../xtcp.h"

/* Fields of a new socket (socket() and, after sk_clone, a child). Socket lock or private. */
void xtcp_life_init(struct sock *sk);
/* All that must not be inherited by sk_clone(). */
void xtcp_life_reset_clone(struct sock *child);

/*
 * The connection is over: timers off, out of the tables, TCP_CLOSE, wakes the
 * program; queues are purged, the sock is destroyed if it is an orphan
 * (SOCK_DEAD). Context: socket lock, BHs off.
 */
void xtcp_life_done(struct sock *sk, enum xtcp_reason reason);
/* The rest of it: the state is TCP_CLOSE and the sock out of the table already. */
void xtcp_life_finish(struct sock *sk);
/* xtcp_life_done() with an error for the program: sk_err, sk_error_report. */
void xtcp_life_abort(struct sock *sk, int err, enum xtcp_reason reason);

/* An orphan in TCP_CLOSE: last reference of the protocol. Socket lock, BHs off. */
void xtcp_life_destroy(struct sock *sk);

/* A child in SYN_RECV lets go of its listener. Socket lock. */
void xtcp_life_leave_parent(struct sock *sk);

void xtcp_life_set_unpinned(struct proto *v4, struct proto *v6);
/* The sock has lost its program: stop pinning the module (design 7). */
void xtcp_life_unpin(struct sock *sk);
/* How many full socks there are, in all namespaces: unload waits for 0. */
int xtcp_life_count(void);
void xtcp_life_count_add(int n);

/* More orphans than allowed, or out of memory? */
bool xtcp_life_too_many_orphans(const struct sock *sk);

#endif /* _XTCP_CONN_LIFE_H */
