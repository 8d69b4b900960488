/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ports.c and reserve.c share: a binding and its counterpart in the host.
 */
#ifndef _XTCP_CONN_RESERVE_H
#define _XTCP_CONN_RESERVE_H

#include "../xtcp.h"

/**
 * struct xtcp_binding - what a socket asks for
 * @net: namespace
 * @family: AF_INET or AF_INET6, of the socket
 * @wire_protocol: 6 or 253
 * @v6only: IPV6_V6ONLY, also set by the core for a specific IPv6 address
 * @port: host order
 * @dev: bound device, 0: any
 * @addr: local address; IPv4 (also v4-mapped) ones in @addr.ip
 * @addr6: local address of an AF_INET6 socket, v4-mapped ones included
 */
struct xtcp_binding {
	struct net *net;
	sa_family_t family;
	u8 wire_protocol;
	bool v6only;
	u16 port;
	int dev;
	__be32 addr;
	struct in6_addr addr6;
};

/**
 * struct xtcp_port - one binding
 * @node: in the table; xtcp_ports_mutex, read under RCU
 * @bind: what is bound; constant
 * @refs: owners and sharers
 * @lock: covers the five below; any context
 * @owners: bound sockets, by xtcp_sock.port_node
 * @owner_count: how many
 * @share_reuse: all sockets that ever shared it had SO_REUSEADDR
 * @share_reuseport: the same of SO_REUSEPORT
 * @share_uid: whose they were
 * @listeners: owners that listen; xtcp_ports_mutex
 * @listener: one of them, for tproxy; RCU, written under xtcp_ports_mutex
 * @host: the host's socket, NULL for protocol 253
 * @gone: in xtcp_ports_gone after the last put; xtcp_ports_gone_lock
 * @rcu: for kfree_rcu()
 */
struct xtcp_port {
	struct hlist_node node;
	struct xtcp_binding bind;
	refcount_t refs;
	spinlock_t lock;		/* owners */
	struct hlist_head owners;
	unsigned int owner_count;
	bool share_reuse;
	bool share_reuseport;
	kuid_t share_uid;
	unsigned int listeners;
	struct sock __rcu *listener;
	struct socket *host;
	struct list_head gone;
	struct rcu_head rcu;
};

/* reserve.c: the host's socket of a binding. Context: process, xtcp_ports_mutex. */
int xtcp_reserve_make(struct xtcp_port *port, const struct sock *sk);
void xtcp_reserve_release(struct xtcp_port *port);
void xtcp_reserve_mirror(struct xtcp_port *port);

#endif /* _XTCP_CONN_RESERVE_H */
