/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ports reserved in the host's TCP, so that both stacks conflict as two TCP
 * sockets do. See Documentation/ and design decision 4.
 */
#ifndef _XTCP_CONN_PORTS_H
#define _XTCP_CONN_PORTS_H

#include "../xtcp.h"

/*
 * proto.get_port: reserve @snum (0: choose one from ip_local_port_range of
 * XTCP) for the address and device in @sk, by TCP's SO_REUSEADDR /
 * SO_REUSEPORT rules among XTCP sockets and against the host's.
 * Sets inet_num; sk's port reference. Return: 0 or nonzero (inet_bind makes
 * EADDRINUSE of it). Context: process, socket lock owned; may sleep.
 */
int xtcp_port_get(struct sock *sk, unsigned short snum);

/*
 * listen() and its end: check again by the rules for listeners and let the
 * reservation listen (backlog 0), or stop it when its last listener goes.
 * Return: 0 or -EADDRINUSE. Context: process, socket lock owned; may sleep.
 */
int xtcp_port_listen(struct sock *sk, bool again);
void xtcp_port_unlisten(struct sock *sk);

/* SO_BINDTODEVICE: the reservation follows. Context: process, socket lock; may sleep if it may. */
void xtcp_port_move(struct sock *sk, bool may_sleep);

/* A child or a TIME_WAIT entry shares its parent's reservation. Context: any. */
struct xtcp_port *xtcp_port_share(struct xtcp_port *port, const struct sock *sk);

/* Drop one reference; the last goes to a work item. NULL is fine. Context: any. */
void xtcp_port_put(struct xtcp_port *port);

/* Socket gives back its own binding (inet_put_port): clears xt->port. Any context. */
void xtcp_port_release(struct sock *sk);

/* Is that socket of the host's a reservation? It must get no segment. Context: any. */
bool xtcp_port_is_reservation(const struct sock *host);

/* The XTCP listener behind a reservation that tproxy chose, or NULL. Context: RCU. */
struct sock *xtcp_port_listener(const struct sock *host);

/*
 * A SYN cookie was sent for @listener; how long ago, s: U32_MAX: never. By the binding, since the
 * ACK may find another member of a group of SO_REUSEPORT. Context: RCU.
 */
void xtcp_port_cookie_sent(const struct sock *listener);
u32 xtcp_port_cookie_age_s(const struct sock *listener);

/* close(): wait until bindings given back are the host's again. Process, no socket lock. */
void xtcp_ports_settle(void);

/* Does any XTCP socket hold a reservation for this port in @net (connect's check)? */
bool xtcp_port_in_use(struct net *net, unsigned short port);

int xtcp_ports_init(void);
void xtcp_ports_exit(void);
/* Namespace exit: all released reservations are really gone. Context: process. */
void xtcp_ports_flush(struct net *net);

#endif /* _XTCP_CONN_PORTS_H */
