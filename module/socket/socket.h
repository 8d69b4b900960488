/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls.
 */
#ifndef _XTCP_SOCKET_H
#define _XTCP_SOCKET_H

#include "../xtcp.h"

extern struct proto xtcp_prot;		/* IPv4 */
extern struct proto xtcpv6_prot;	/* IPv6, dual stack */

/* family.c: the family, the aliases under AF_INET and AF_INET6. */
int xtcp_family_init(void);
void xtcp_family_exit(void);
/* Stop making new sockets; part one of unloading. */
void xtcp_family_close_door(void);
/* Number the family has, and may this task open a socket in @net? */
extern int xtcp_family;

/* close.c */
void xtcp_close(struct sock *sk, long timeout);
void xtcp_shutdown(struct sock *sk, int how);
int xtcp_disconnect(struct sock *sk, int flags);
void xtcp_destroy_sock(struct sock *sk);	/* proto.destroy */
/* Namespace or module exit: RST and free all sockets without a program. */
void xtcp_close_orphans(struct net *net, enum xtcp_reason reason);

#endif /* _XTCP_SOCKET_H */
