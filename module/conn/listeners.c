// SPDX-License-Identifier: GPL-2.0-only
/*
 * The listener table: by namespace and port, read under RCU.
 *
 * A listener is freed only after a grace period (SOCK_RCU_FREE), so that a lookup
 * needs no reference. The memory of one that has gone may still become another
 * socket, and its node enter another chain, of this table or of the flow
 * table, while a reader stands on it: hence nulls lists here too, with values of their own.
 */
#include <linux/mm.h>
#include <linux/rculist_nulls.h>
#include <net/netns/hash.h>
#include <net/sock_reuseport.h>

#include "flows.h"
#include "inuse.h"

#define XTCP_LISTENERS_BUCKETS	1024U
#define XTCP_LISTENERS_NULLS	BIT(29)	/* above all buckets of the flow table */

/**
 * struct xtcp_listeners_bucket - listeners of some ports
 * @lock: taken with BHs off; reuseport_lock nests inside
 * @head: the listeners, through sk_nulls_node
 */
struct xtcp_listeners_bucket {
	spinlock_t lock;	/* the chain, and who is in which group */
	struct hlist_nulls_head head;
};

static struct xtcp_listeners_bucket *xtcp_listeners_table __ro_after_init;

static unsigned int xtcp_listeners_slot(const struct net *net, u16 port)
{
	return (net_hash_mix(net) + port) & (XTCP_LISTENERS_BUCKETS - 1);
}

/**
 * xtcp_listeners_init() - make the table
 *
 * Return: 0 or -ENOMEM.
 */
int xtcp_listeners_init(void)
{
	unsigned int i;

	xtcp_listeners_table = kvmalloc_array(XTCP_LISTENERS_BUCKETS,
					      sizeof(*xtcp_listeners_table), GFP_KERNEL);
	if (!xtcp_listeners_table)
		return -ENOMEM;
	for (i = 0; i < XTCP_LISTENERS_BUCKETS; i++) {
		spin_lock_init(&xtcp_listeners_table[i].lock);
		INIT_HLIST_NULLS_HEAD(&xtcp_listeners_table[i].head,
				      XTCP_LISTENERS_NULLS + i);
	}
	return 0;
}

/**
 * xtcp_listeners_exit() - free the table, which is empty
 */
void xtcp_listeners_exit(void)
{
	unsigned int i;

	for (i = 0; i < XTCP_LISTENERS_BUCKETS; i++)
		WARN_ON_ONCE(!hlist_nulls_empty(&xtcp_listeners_table[i].head));
	kvfree(xtcp_listeners_table);
}

/* Is @sk bound to any address? */
static bool xtcp_listeners_any(const struct sock *sk)
{
	if (sk->sk_family == AF_INET)
		return !sk->sk_rcv_saddr;
	return ipv6_addr_any(&sk->sk_v6_rcv_saddr);
}

/* May both share one SO_REUSEPORT group? */
static bool xtcp_listeners_group(const struct sock *a, const struct sock *b)
{
	if (!a->sk_reuseport || !b->sk_reuseport || a->sk_family != b->sk_family ||
	    a->sk_num != b->sk_num || a->sk_bound_dev_if != b->sk_bound_dev_if ||
	    ipv6_only_sock(a) != ipv6_only_sock(b) ||
	    xtcp_sk(a)->wire_protocol != xtcp_sk(b)->wire_protocol ||
	    !net_eq(sock_net(a), sock_net(b)) || !uid_eq(sk_uid(a), sk_uid(b)))
		return false;
	if (a->sk_family == AF_INET)
		return a->sk_rcv_saddr == b->sk_rcv_saddr;
	return ipv6_addr_equal(&a->sk_v6_rcv_saddr, &b->sk_v6_rcv_saddr);
}

/* Join the group of a listener that is there, or found one. Bucket lock. */
static int xtcp_listeners_join(struct sock *sk, struct xtcp_listeners_bucket *bucket)
{
	const struct hlist_nulls_node *node;
	struct sock *other;

	sk_nulls_for_each(other, node, &bucket->head)
		if (other != sk && xtcp_listeners_group(sk, other))
			return reuseport_add_sock(sk, other, xtcp_listeners_any(sk));
	return reuseport_alloc(sk, xtcp_listeners_any(sk));
}

/**
 * xtcp_flow_listen() - enter a listener
 * @sk: bound to its port
 *
 * Context: process, socket lock. Entering twice is no error.
 * Return: 0, or what SO_REUSEPORT's group said (-ENOMEM, -EBUSY).
 */
int xtcp_flow_listen(struct sock *sk)
{
	struct xtcp_listeners_bucket *bucket;
	int err = 0;

	if (xtcp_sk(sk)->listening)
		return 0;
	bucket = &xtcp_listeners_table[xtcp_listeners_slot(sock_net(sk), sk->sk_num)];
	spin_lock_bh(&bucket->lock);
	if (sk->sk_reuseport)
		err = xtcp_listeners_join(sk, bucket);
	if (!err) {
		sock_set_flag(sk, SOCK_RCU_FREE);
		xtcp_inuse_add(sock_net(sk), sk->sk_num);
		hlist_nulls_add_head_rcu(&sk->sk_nulls_node, &bucket->head);
		xtcp_sk(sk)->listening = 1;
	}
	spin_unlock_bh(&bucket->lock);
	return err;
}

/**
 * xtcp_flow_unlisten() - take a listener out
 * @sk: the listener; nothing happens if it is not in the table
 *
 * Lookups may still return it until a grace period has passed.
 * Context: process or softirq, socket lock.
 */
void xtcp_flow_unlisten(struct sock *sk)
{
	struct xtcp_listeners_bucket *bucket;

	/* A clone of a listener has its mark, but not its place */
	if (!xtcp_sk(sk)->listening || hlist_nulls_unhashed(&sk->sk_nulls_node))
		return;
	bucket = &xtcp_listeners_table[xtcp_listeners_slot(sock_net(sk), sk->sk_num)];
	spin_lock_bh(&bucket->lock);
	if (rcu_access_pointer(sk->sk_reuseport_cb))
		reuseport_detach_sock(sk);
	hlist_nulls_del_init_rcu(&sk->sk_nulls_node);
	xtcp_inuse_sub(sock_net(sk), sk->sk_num);
	xtcp_sk(sk)->listening = 0;
	spin_unlock_bh(&bucket->lock);
}

/*
 * How well does the address @sk is bound to fit? -1: not at all, 0: it is bound to
 * none, 1: exactly.
 */
static int xtcp_listeners_address(const struct sock *sk, const struct xtcp_tuple *t)
{
	const struct in6_addr *addr = &sk->sk_v6_rcv_saddr;

	if (sk->sk_family == AF_INET) {
		if (t->family != AF_INET)
			return -1;
		return !sk->sk_rcv_saddr ? 0 : sk->sk_rcv_saddr == t->laddr.ip ? 1 : -1;
	}
	if (t->family == AF_INET) {
		if (ipv6_only_sock(sk))
			return -1;
		if (ipv6_addr_v4mapped(addr))
			return addr->s6_addr32[3] == t->laddr.ip ? 1 :
			       addr->s6_addr32[3] ? -1 : 0;
		return ipv6_addr_any(addr) ? 0 : -1;
	}
	return ipv6_addr_any(addr) ? 0 : ipv6_addr_equal(addr, &t->laddr.in6) ? 1 : -1;
}

/*
 * -1: not for this segment. Address beats device beats family beats CPU. The
 * state is asked first: the memory may be that of anything which uses the node.
 */
static int xtcp_listeners_score(const struct sock *sk, const struct xtcp_tuple *t)
{
	int dev = READ_ONCE(sk->sk_bound_dev_if);
	int address;

	if (READ_ONCE(sk->sk_state) != TCP_LISTEN || sk->sk_num != ntohs(t->lport) ||
	    !net_eq(sock_net(sk), t->net) ||
	    READ_ONCE(xtcp_sk(sk)->wire_protocol) != t->wire_protocol ||
	    !inet_sk_bound_dev_eq(t->net, dev, t->dif, t->sdif))
		return -1;
	address = xtcp_listeners_address(sk, t);
	if (address < 0)
		return -1;
	return address * 8 + (dev ? 4 : 0) + (sk->sk_family == t->family ? 2 : 0) +
	       (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id());
}

/**
 * xtcp_flow_lookup_listener() - the listener for a SYN
 * @t: the SYN's tuple
 * @skb: the SYN, for a SO_ATTACH_REUSEPORT program, or NULL
 * @doff: from skb->data to the payload, for that program
 *
 * Context: rcu_read_lock().
 * Return: the best listener, without a reference (it is RCU-freed), or NULL.
 */
struct sock *xtcp_flow_lookup_listener(const struct xtcp_tuple *t, struct sk_buff *skb,
				       int doff)
{
	unsigned int slot = xtcp_listeners_slot(t->net, ntohs(t->lport));
	const struct hlist_nulls_node *node;
	struct sock *sk, *best, *chosen;
	int score, hiscore;

	if (t->listener)
		return t->listener;
	do {
		best = NULL;
		hiscore = -1;
		sk_nulls_for_each_rcu(sk, node, &xtcp_listeners_table[slot].head) {
			score = xtcp_listeners_score(sk, t);
			if (score > hiscore) {
				hiscore = score;
				best = sk;
			}
		}
	} while (get_nulls_value(node) != XTCP_LISTENERS_NULLS + slot);

	if (best && best->sk_reuseport) {
		chosen = reuseport_select_sock(best, xtcp_flow_hash(t), skb, doff);
		if (chosen)
			best = chosen;
	}
	return best;
}

/* Calls @fn for all listeners of a bucket; see xtcp_flow_walk_listeners(). */
static int xtcp_listeners_walk_bucket(struct xtcp_listeners_bucket *bucket, struct net *net,
				      int (*fn)(struct sock *sk, void *arg), void *arg)
{
	const struct hlist_nulls_node *node;
	struct sock *sk, *held = NULL;
	unsigned int skip = 0, i;
	int err = 0;

	do {
		held = NULL;
		i = 0;
		spin_lock_bh(&bucket->lock);
		sk_nulls_for_each(sk, node, &bucket->head) {
			if (i++ < skip || (net && !net_eq(sock_net(sk), net)))
				continue;
			/* Closed, and about to be taken out */
			if (!refcount_inc_not_zero(&sk->sk_refcnt))
				continue;
			held = sk;
			break;
		}
		spin_unlock_bh(&bucket->lock);
		skip = i;
		if (held) {
			err = fn(held, arg);
			/* It left, and those behind it moved up */
			if (hlist_nulls_unhashed_lockless(&held->sk_nulls_node))
				skip--;
			sock_put(held);
		}
	} while (held && !err);
	return err;
}

/**
 * xtcp_flow_walk_listeners() - visit all listeners
 * @net: of this namespace, NULL: of all
 * @fn: called with a reference held and no lock; nonzero stops the walk
 * @arg: for @fn
 *
 * While listeners come and go, one may be seen twice or be missed.
 * Context: any but hard IRQ; @fn may sleep if the caller may.
 * Return: what @fn returned last.
 */
int xtcp_flow_walk_listeners(struct net *net, int (*fn)(struct sock *sk, void *arg), void *arg)
{
	unsigned int slot;
	int err;

	for (slot = 0; slot < XTCP_LISTENERS_BUCKETS; slot++) {
		if (hlist_nulls_empty(&xtcp_listeners_table[slot].head))
			continue;
		err = xtcp_listeners_walk_bucket(&xtcp_listeners_table[slot], net, fn, arg);
		if (err)
			return err;
	}
	return 0;
}
