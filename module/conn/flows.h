/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow table (exact tuples: sockets, requests, TIME_WAIT entries) and the
 * listener table. Lookups take no lock; a lookup that finds takes a reference.
 */
#ifndef _XTCP_CONN_FLOWS_H
#define _XTCP_CONN_FLOWS_H

#include "../xtcp.h"

/**
 * struct xtcp_tuple - what a segment is looked up by
 * @net: namespace
 * @family: AF_INET or AF_INET6, of the packet
 * @wire_protocol: 6 or 253
 * @laddr: our address; @laddr.ip for AF_INET
 * @raddr: the peer's
 * @lport: our port, network order
 * @rport: the peer's, network order
 * @dif: device it came in by (the VRF master, if enslaved)
 * @sdif: the slave device, or 0
 * @hash: xtcp_flow_hash() of it, once xtcp_flow_lookup() has looked
 * @listener: what a tproxy rule chose for a segment that has no flow; no reference,
 *	RCU. NULL: look it up
 */
struct xtcp_tuple {
	struct net *net;
	sa_family_t family;
	u8 wire_protocol;
	union nf_inet_addr laddr;
	union nf_inet_addr raddr;
	__be16 lport;
	__be16 rport;
	int dif;
	int sdif;
	u32 hash;
	struct sock *listener;
};

/* Tables. Context: process. Return: 0 or -ENOMEM. */
int xtcp_flows_init(void);
void xtcp_flows_exit(void);

/* Parts of xtcp_flows_init(): listeners.c, ephemeral.c. */
int xtcp_listeners_init(void);
void xtcp_listeners_exit(void);
void xtcp_ephemeral_init(void);

/* Keyed hash of a tuple, also sk_hash of its entry. Context: any. */
u32 xtcp_flow_hash(const struct xtcp_tuple *t);

/* The wire protocol of any entry, whatever its kind. */
u8 xtcp_flow_wire_protocol(const struct sock_common *skc);

/* The tuple of an entry: its local view. */
void xtcp_flow_tuple(const struct sock_common *skc, struct xtcp_tuple *t);

/*
 * Find the exact flow. Context: rcu_read_lock(). Return: the entry with a
 * reference (give back with xtcp_flow_put()) or NULL.
 */
struct sock_common *xtcp_flow_lookup(struct xtcp_tuple *t);

/* Give back a reference to any kind of entry. Context: any. */
void xtcp_flow_put(struct sock_common *skc);

/*
 * Enter a full socket or a request. The table takes a reference.
 * Return: 0, or -EADDRNOTAVAIL if the tuple is taken.
 * Context: any but hard IRQ; takes the bucket lock with BHs off.
 */
int xtcp_flow_insert(struct sock *sk);
int xtcp_flow_insert_request(struct xtcp_request *req, u32 hash);

/*
 * Replace @old by @new in one step under the bucket lock, new in before old
 * out. Both have the same tuple. The table's reference to @old is dropped,
 * one to @new is taken.
 * Return: false if @old is no longer in the table: nothing was changed.
 */
bool xtcp_flow_replace(struct sock_common *old, struct sock_common *new);

/* Take out. Return: true if it was in (the caller then dropped the table's reference). */
bool xtcp_flow_remove(struct sock_common *skc);

/* Is it in the table at this moment? Context: any, racy without the bucket lock. */
static inline bool xtcp_flow_hashed(const struct sock_common *skc)
{
	return !hlist_nulls_unhashed_lockless(&skc->skc_nulls_node);
}

/* Listeners: RCU, SOCK_RCU_FREE. */
int xtcp_flow_listen(struct sock *sk);
void xtcp_flow_unlisten(struct sock *sk);

/*
 * Best listener for a SYN: address beats wildcard, device beats none, then
 * IPv4 over dual stack, then reuseport. @skb may be NULL (no reuseport BPF).
 * Context: RCU. Return: the listener without a reference (it is RCU-freed), or NULL.
 */
struct sock *xtcp_flow_lookup_listener(const struct xtcp_tuple *t, struct sk_buff *skb,
				       int doff);

/*
 * Walk all entries of a namespace (NULL: all) for /proc, sysfs and purges.
 * @fn is called with a reference held, no lock; it may sleep if the caller
 * may. Return of @fn: nonzero stops the walk.
 */
int xtcp_flow_walk(struct net *net,
		   int (*fn)(struct sock_common *skc, void *arg), void *arg);
/* The same piece by piece, for readers of long lists; UINT_MAX: no more. */
unsigned int xtcp_flow_next_bucket(unsigned int slot);
int xtcp_flow_walk_bucket(unsigned int slot, struct net *net,
			  int (*fn)(struct sock_common *skc, void *arg), void *arg);
int xtcp_flow_walk_listeners(struct net *net,
			     int (*fn)(struct sock *sk, void *arg), void *arg);

/*
 * Choose an ephemeral port for connect() and enter the flow: RFC 6056
 * algorithm 4 style over ip_local_port_range, checked against our flows, our
 * reservations and the host's flows. inet_sport/inet_num are set on success.
 * If inet_num is set already only that port is tried. A TIME_WAIT entry of ours
 * gives way by tw_reuse (RFC 6191, needs timestamps; write_seq and ts_recent
 * are then taken from it).
 * Return: 0 or -EADDRNOTAVAIL. Context: process, socket lock.
 */
int xtcp_flow_connect(struct sock *sk);

/* RFC 6528 initial sequence number and timestamp offset of a tuple. */
u32 xtcp_flow_isn(const struct xtcp_tuple *t, u32 *ts_offset);
u32 xtcp_flow_ts_offset(const struct xtcp_tuple *t);

#endif /* _XTCP_CONN_FLOWS_H */
