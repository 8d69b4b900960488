/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Minisocks: requests and TIME_WAIT entries; birth, death, purge.
 */
#ifndef _XTCP_CONN_MINIS_H
#define _XTCP_CONN_MINIS_H

#include "../xtcp.h"

int xtcp_minis_init(void);
void xtcp_minis_exit(void);

/*
 * A request, zeroed but for what the SLAB_TYPESAFE_BY_RCU rules forbid; one
 * reference, the caller's; holds a reference to @listener, counts in its
 * requests. Not in the table. Return: NULL: no memory. Context: softirq.
 */
struct xtcp_request *xtcp_minis_request(struct sock *listener, sa_family_t family);
/* Last reference gone. For xtcp_flow_put() alone. */
void xtcp_minis_request_free(struct xtcp_request *req);
/*
 * Out of the table, timer off. Return: false: it was not in the table any more
 * (somebody else won). The caller keeps its own reference.
 */
bool xtcp_minis_request_drop(struct xtcp_request *req, enum xtcp_reason reason);
/* The listener closes: all its requests go. Context: process. */
void xtcp_minis_request_purge(struct sock *listener, enum xtcp_reason reason);

/* A TIME_WAIT entry with the tuple of @sk; one reference. Return: NULL: too many, no memory. */
struct xtcp_timewait *xtcp_minis_timewait(struct sock *sk);
void xtcp_minis_timewait_free(struct xtcp_timewait *tw);
/* Out of the table and the list, timer off. Return: false: somebody else did. */
bool xtcp_minis_timewait_kill(struct xtcp_timewait *tw, enum xtcp_reason reason);
/* Namespace or module (@net NULL) exit: all of them. Context: process. */
void xtcp_minis_timewait_purge(struct net *net, enum xtcp_reason reason);
/*
 * RFC 6191: connect() of @sk wants the tuple of @tw. If tw_reuse permits, takes
 * write_seq and ts_recent from it. Return: true: kill it and go on.
 */
bool xtcp_minis_timewait_reusable(struct sock *sk, struct xtcp_timewait *tw);

#endif /* _XTCP_CONN_MINIS_H */
