/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ports.c, portrules.c and reserve.c share: a binding and its counterpart in the host.
 */
#ifndef _XTCP_CONN_RESERVE_H
#define _XTCP_CONN_RESERVE_H

#include "binding.h"

/**
 * struct xtcp_port - one binding
 * @node: in the table; xtcp_ports_mutex, read under RCU
 * @bind: what is bound; constant but for the device (xtcp_ports_mutex)
 * @refs: owners and sharers
 * @lock: covers the five below; any context
 * @owners: bound sockets, by xtcp_sock.port_node
 * @owner_count: how many
 * @share_reuse: all sockets that ever shared it had SO_REUSEADDR
 * @share_reuseport: the same of SO_REUSEPORT
 * @share_uid: whose they were
 * @listeners: owners that listen; xtcp_ports_mutex
 * @listener: one of them, for tproxy; RCU, written under xtcp_ports_mutex
 * @cookie_sent_s: when a cookie was last sent, seconds of boot time; 0: never. Any context
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
	u32 cookie_sent_s;
	struct socket *host;
	struct list_head gone;
	struct rcu_head rcu;
};

/* portrules.c: is @port, which overlaps, in the way of @sk? Context: any but hard IRQ. */
bool xtcp_port_clash(const struct sock *sk, struct xtcp_port *port, bool relax);

/* reserve.c: the host's socket of a binding. Context: process, xtcp_ports_mutex. */
int xtcp_reserve_make(struct xtcp_port *port, const struct sock *sk, bool relax);
int xtcp_reserve_listen(struct xtcp_port *port, bool relax);
bool xtcp_reserve_move(struct xtcp_port *port, int dev);
void xtcp_reserve_release(struct xtcp_port *port);
void xtcp_reserve_mirror(struct xtcp_port *port);

#endif /* _XTCP_CONN_RESERVE_H */
