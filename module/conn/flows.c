// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow table: every connection of every namespace by its exact tuple, be it
 * a socket, a half-open request or a TIME_WAIT entry.
 *
 * A lookup takes no lock and must never miss what is there: a segment that is
 * not ours goes to the host, whose RST kills the connection at the peer. Two
 * things could make a walk along a chain miss:
 *
 * - The entries are SLAB_TYPESAFE_BY_RCU: one can be freed and reused under the
 *   reader's feet and lead into another chain. Chains end in a "nulls" value
 *   that names the bucket; a reader who ends in the wrong one starts again. All
 *   insertions go to the head, so that one who is led back into his own
 *   chain sees all of it again.
 * - A replacement enters the new at the head before the old leaves. A reader who
 *   has passed the head, but has not reached the old one, sees neither. So the
 *   lock carries a number that changes between the two steps: a
 *   reader who found nothing and sees it changed starts again.
 *
 * Locks: one spinlock guards every 256th bucket or so; taken with BHs off, below
 * the socket lock, nothing but refcounts inside.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rculist_nulls.h>
#include <linux/siphash.h>
#include <net/l3mdev.h>
#include <net/netns/hash.h>

#include "flows.h"
#include "inuse.h"
#include "minis.h"

#define XTCP_FLOWS_BUCKET_BYTES	(128U << 10)	/* memory of the machine per bucket */
#define XTCP_FLOWS_BUCKETS_MIN	1024U
#define XTCP_FLOWS_BUCKETS_MAX	(256U << 10)
#define XTCP_FLOWS_LOCKS	1024U
#define XTCP_FLOWS_BATCH	16
#define XTCP_FLOWS_BREATH	1024	/* buckets visited between two cond_resched() */

/**
 * struct xtcp_flows_lock - lock of a group of buckets
 * @lock: insertion, removal, replacement
 * @replaced: counts replacements; see the head of this file
 */
struct xtcp_flows_lock {
	spinlock_t lock;	/* insertion, removal, replacement */
	unsigned int replaced;
};

static struct hlist_nulls_head *xtcp_flows_table __ro_after_init;
static struct xtcp_flows_lock *xtcp_flows_locks __ro_after_init;
static unsigned int xtcp_flows_mask __ro_after_init;
static hsiphash_key_t xtcp_flows_key __ro_after_init;
atomic_t xtcp_inuse_count[1 << XTCP_INUSE_BITS];

static struct hlist_nulls_head *xtcp_flows_bucket(u32 hash)
{
	return &xtcp_flows_table[hash & xtcp_flows_mask];
}

static struct xtcp_flows_lock *xtcp_flows_lock(u32 hash)
{
	return &xtcp_flows_locks[hash & (XTCP_FLOWS_LOCKS - 1)];
}

/* How many buckets this machine's memory is worth: a power of two. */
static unsigned int xtcp_flows_size(void)
{
	u64 bytes = (u64)totalram_pages() << PAGE_SHIFT;
	u64 want = clamp_t(u64, bytes / XTCP_FLOWS_BUCKET_BYTES, XTCP_FLOWS_BUCKETS_MIN,
			   XTCP_FLOWS_BUCKETS_MAX);

	return roundup_pow_of_two((unsigned int)want);
}

/**
 * xtcp_flows_init() - make both tables
 *
 * Context: process, module init.
 * Return: 0 or -ENOMEM.
 */
int xtcp_flows_init(void)
{
	unsigned int size = xtcp_flows_size();
	unsigned int i;

	xtcp_flows_table = kvmalloc_array(size, sizeof(*xtcp_flows_table), GFP_KERNEL);
	xtcp_flows_locks = kvmalloc_array(XTCP_FLOWS_LOCKS, sizeof(*xtcp_flows_locks),
					  GFP_KERNEL);
	if (!xtcp_flows_table || !xtcp_flows_locks || xtcp_listeners_init()) {
		kvfree(xtcp_flows_table);
		kvfree(xtcp_flows_locks);
		return -ENOMEM;
	}

	for (i = 0; i < size; i++)
		INIT_HLIST_NULLS_HEAD(&xtcp_flows_table[i], i);
	for (i = 0; i < XTCP_FLOWS_LOCKS; i++) {
		spin_lock_init(&xtcp_flows_locks[i].lock);
		xtcp_flows_locks[i].replaced = 0;
	}
	xtcp_flows_mask = size - 1;
	get_random_bytes(&xtcp_flows_key, sizeof(xtcp_flows_key));
	xtcp_ephemeral_init();
	return 0;
}

/**
 * xtcp_flows_exit() - free both tables
 *
 * All entries are gone, and no reader is left: the hooks are off and an RCU
 * grace period has passed. Context: process, module exit.
 */
void xtcp_flows_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(xtcp_inuse_count); i++)
		WARN_ON_ONCE(atomic_read(&xtcp_inuse_count[i]));
	for (i = 0; i <= xtcp_flows_mask; i++)
		WARN_ON_ONCE(!hlist_nulls_empty(&xtcp_flows_table[i]));
	xtcp_listeners_exit();
	kvfree(xtcp_flows_table);
	kvfree(xtcp_flows_locks);
}

/**
 * xtcp_flow_wire_protocol() - the wire protocol of an entry of any kind
 * @skc: the entry, with a reference
 *
 * Return: 6 or 253.
 */
u8 xtcp_flow_wire_protocol(const struct sock_common *skc)
{
	switch (READ_ONCE(skc->skc_state)) {
	case TCP_NEW_SYN_RECV:
		return xtcp_req(skc)->wire_protocol;
	case TCP_TIME_WAIT:
		return xtcp_tw(skc)->wire_protocol;
	default:
		return READ_ONCE(xtcp_sk((const struct sock *)skc)->wire_protocol);
	}
}

/*
 * Is this an IPv4 flow? A request of a dual-stack listener is AF_INET, the child
 * made of it AF_INET6 with mapped addresses: both are the same flow.
 */
static bool xtcp_flows_is_v4(const struct sock_common *skc)
{
	return skc->skc_family == AF_INET || ipv6_addr_v4mapped(&skc->skc_v6_daddr);
}

/**
 * xtcp_flow_tuple() - the tuple of an entry, as a segment for it would have it
 * @skc: socket, request or TIME_WAIT entry
 * @t: filled in; @t->dif is the device it is bound to, or 0
 */
void xtcp_flow_tuple(const struct sock_common *skc, struct xtcp_tuple *t)
{
	memset(t, 0, sizeof(*t));
	t->net = read_pnet(&skc->skc_net);
	t->wire_protocol = xtcp_flow_wire_protocol(skc);
	t->lport = htons(skc->skc_num);
	t->rport = skc->skc_dport;
	t->dif = READ_ONCE(skc->skc_bound_dev_if);
	if (xtcp_flows_is_v4(skc)) {
		t->family = AF_INET;
		t->laddr.ip = skc->skc_rcv_saddr;
		t->raddr.ip = skc->skc_daddr;
	} else {
		t->family = AF_INET6;
		t->laddr.in6 = skc->skc_v6_rcv_saddr;
		t->raddr.in6 = skc->skc_v6_daddr;
	}
}

/**
 * xtcp_flow_hash() - keyed hash of a tuple; our own address is no attacker's choice
 * @t: the tuple; its devices do not count
 *
 * Return: the hash, for our tables and for SO_REUSEPORT.
 */
u32 xtcp_flow_hash(const struct xtcp_tuple *t)
{
	u32 ports = (__force u32)t->lport << 16 | (__force u16)t->rport;
	u32 mix = net_hash_mix(t->net) ^ t->wire_protocol;
	struct {
		struct in6_addr laddr;
		struct in6_addr raddr;
		u32 ports;
		u32 mix;
	} __aligned(HSIPHASH_ALIGNMENT) six;

	if (t->family == AF_INET)
		return hsiphash_3u32((__force u32)t->laddr.ip ^ mix,
				     (__force u32)t->raddr.ip, ports, &xtcp_flows_key);
	six.laddr = t->laddr.in6;
	six.raddr = t->raddr.in6;
	six.ports = ports;
	six.mix = mix;
	return hsiphash(&six, sizeof(six), &xtcp_flows_key);
}

/* Same net, protocol, addresses and ports? The device is not asked. */
static bool xtcp_flows_same(const struct sock_common *skc, const struct xtcp_tuple *t)
{
	/* Born, but not finished: its kind, and so its size, is not known yet */
	if (!READ_ONCE(skc->skc_state))
		return false;
	if (skc->skc_dport != t->rport || skc->skc_num != ntohs(t->lport) ||
	    !net_eq(read_pnet(&skc->skc_net), t->net) ||
	    xtcp_flow_wire_protocol(skc) != t->wire_protocol)
		return false;
	if (t->family == AF_INET)
		return skc->skc_rcv_saddr == t->laddr.ip && skc->skc_daddr == t->raddr.ip &&
		       xtcp_flows_is_v4(skc);
	return skc->skc_family == AF_INET6 &&
	       ipv6_addr_equal(&skc->skc_v6_rcv_saddr, &t->laddr.in6) &&
	       ipv6_addr_equal(&skc->skc_v6_daddr, &t->raddr.in6);
}

/*
 * Does a segment with tuple @t belong to @skc? One that is bound to no device takes any,
 * those of a VRF if tcp_l3mdev_accept says so.
 */
static bool xtcp_flows_match(const struct sock_common *skc, const struct xtcp_tuple *t)
{
	return xtcp_flows_same(skc, t) &&
	       inet_sk_bound_dev_eq(t->net, READ_ONCE(skc->skc_bound_dev_if), t->dif, t->sdif);
}

/**
 * xtcp_flow_lookup() - find the exact flow of a segment
 * @t: its tuple; gets its hash
 *
 * Only the hash is looked at before the reference is held: until then the
 * memory may be that of an entry that dies or is being born, and its kind
 * unknown.
 *
 * Context: rcu_read_lock().
 * Return: the entry with a reference, to be given back with xtcp_flow_put(), or NULL.
 */
struct sock_common *xtcp_flow_lookup(struct xtcp_tuple *t)
{
	u32 hash = t->hash = xtcp_flow_hash(t);
	struct hlist_nulls_head *head = xtcp_flows_bucket(hash);
	struct xtcp_flows_lock *lock = xtcp_flows_lock(hash);
	const struct hlist_nulls_node *node;
	unsigned int replaced;
	struct sock *sk;

restart:
	/* Read before the chain: pairs with the barriers of xtcp_flow_replace() */
	replaced = smp_load_acquire(&lock->replaced);
	sk_nulls_for_each_rcu(sk, node, head) {
		if (READ_ONCE(sk->sk_hash) != hash ||
		    !refcount_inc_not_zero(&sk->sk_refcnt))
			continue;
		if (!xtcp_flows_match(&sk->__sk_common, t)) {
			xtcp_flow_put(&sk->__sk_common);
			continue;
		}
		/* Its successor may be there already */
		if (hlist_nulls_unhashed_lockless(&sk->sk_nulls_node)) {
			xtcp_flow_put(&sk->__sk_common);
			goto restart;
		}
		return &sk->__sk_common;
	}
	/* Read again after the chain */
	smp_rmb();
	if (get_nulls_value(node) != (hash & xtcp_flows_mask) ||
	    READ_ONCE(lock->replaced) != replaced)
		goto restart;
	return NULL;
}

/**
 * xtcp_flow_put() - give back a reference to any kind of entry
 * @skc: the entry
 *
 * Context: any.
 */
void xtcp_flow_put(struct sock_common *skc)
{
	if (!refcount_dec_and_test(&skc->skc_refcnt))
		return;
	switch (skc->skc_state) {
	case TCP_NEW_SYN_RECV:
		xtcp_minis_request_free(xtcp_req(skc));
		break;
	case TCP_TIME_WAIT:
		xtcp_minis_timewait_free(xtcp_tw(skc));
		break;
	default:
		sk_free((struct sock *)skc);
	}
}

/*
 * A full socket remembers whether it is in the table. A child was copied from a
 * listener, which is in the other one. Bucket lock.
 */
static void xtcp_flows_mark(struct sock_common *skc, bool in)
{
	struct xtcp_sock *xt = xtcp_sk((struct sock *)skc);

	if (skc->skc_state == TCP_NEW_SYN_RECV || skc->skc_state == TCP_TIME_WAIT)
		return;
	xt->hashed = in;
	xt->listening = 0;
}

/*
 * Would @skc, of tuple @t, get into the way of an entry that is there? What the
 * peer begins (@passive) is told apart by the device as the lookup does. What we
 * begin is not to be ambiguous either way. Bucket lock.
 */
static bool xtcp_flows_taken(const struct hlist_nulls_head *head, u32 hash,
			     const struct xtcp_tuple *t, bool passive)
{
	const struct hlist_nulls_node *node;
	struct sock *sk;

	sk_nulls_for_each(sk, node, head) {
		int dev = READ_ONCE(sk->sk_bound_dev_if);

		if (sk->sk_hash != hash || !xtcp_flows_same(&sk->__sk_common, t))
			continue;
		if (passive ? inet_sk_bound_dev_eq(t->net, dev, t->dif, t->sdif) :
			      !dev || !t->dif || dev == t->dif)
			return true;
	}
	return false;
}

/* @t: of @skc, with its hash */
static int xtcp_flows_add(struct sock_common *skc, struct xtcp_tuple *t, bool passive)
{
	u32 hash = t->hash;
	struct hlist_nulls_head *head = xtcp_flows_bucket(hash);
	struct xtcp_flows_lock *lock = xtcp_flows_lock(hash);
	int err = 0;

	t->sdif = t->dif ? l3mdev_master_ifindex_by_index(t->net, t->dif) : 0;

	spin_lock_bh(&lock->lock);
	if (xtcp_flows_taken(head, hash, t, passive)) {
		err = -EADDRNOTAVAIL;
	} else {
		WRITE_ONCE(skc->skc_hash, hash);
		refcount_inc(&skc->skc_refcnt);
		xtcp_inuse_add(t->net, skc->skc_num);
		hlist_nulls_add_head_rcu(&skc->skc_nulls_node, head);
		xtcp_flows_mark(skc, true);
	}
	spin_unlock_bh(&lock->lock);
	return err;
}

/**
 * xtcp_flow_insert() - enter a full socket
 * @sk: the socket, its addresses and ports set; the table takes a reference
 *
 * Context: socket lock or private; any but hard IRQ.
 * Return: 0, or -EADDRNOTAVAIL if the tuple is taken.
 */
int xtcp_flow_insert(struct sock *sk)
{
	struct xtcp_tuple t;

	xtcp_flow_tuple(&sk->__sk_common, &t);
	t.hash = xtcp_flow_hash(&t);
	return xtcp_flows_add(&sk->__sk_common, &t, xtcp_sk(sk)->passive_open);
}

/**
 * xtcp_flow_insert_request() - enter a request
 * @req: the request; the table takes a reference
 * @hash: of its tuple; the lookup that did not find it knows
 *
 * Context: softirq or process.
 * Return: 0, or -EADDRNOTAVAIL if the tuple is taken: a duplicate SYN, most likely.
 */
int xtcp_flow_insert_request(struct xtcp_request *req, u32 hash)
{
	struct xtcp_tuple t;

	xtcp_flow_tuple(&req->ireq.req.__req_common, &t);
	DEBUG_NET_WARN_ON_ONCE(hash != xtcp_flow_hash(&t));
	t.hash = hash;
	return xtcp_flows_add(&req->ireq.req.__req_common, &t, true);
}

/**
 * xtcp_flow_replace() - one entry takes the place of another
 * @old: the one that leaves; the table's reference to it is dropped
 * @new: the one that comes, with the same tuple; the table takes a reference
 *
 * Context: any but hard IRQ.
 * Return: false if @old is no longer in the table: nothing was changed, somebody
 * else was quicker.
 */
bool xtcp_flow_replace(struct sock_common *old, struct sock_common *new)
{
	u32 hash = READ_ONCE(old->skc_hash);
	struct xtcp_flows_lock *lock = xtcp_flows_lock(hash);
	bool in;

	spin_lock_bh(&lock->lock);
	in = !hlist_nulls_unhashed(&old->skc_nulls_node);
	if (in) {
		WRITE_ONCE(new->skc_hash, hash);
		refcount_inc(&new->skc_refcnt);
		hlist_nulls_add_head_rcu(&new->skc_nulls_node, xtcp_flows_bucket(hash));
		xtcp_flows_mark(new, true);
		/* Who passed the head before @new was there still reads the old number */
		smp_wmb();
		WRITE_ONCE(lock->replaced, lock->replaced + 1);
		/* Who finds @old gone reads the new one */
		smp_wmb();
		hlist_nulls_del_init_rcu(&old->skc_nulls_node);
		xtcp_flows_mark(old, false);
	}
	spin_unlock_bh(&lock->lock);
	if (in)
		xtcp_flow_put(old);
	return in;
}

/**
 * xtcp_flow_remove() - take an entry out
 * @skc: the entry; the caller has a reference of its own
 *
 * Context: any but hard IRQ; socket lock for full sockets.
 * Return: true if it was in; the table's reference is dropped then.
 */
bool xtcp_flow_remove(struct sock_common *skc)
{
	struct xtcp_flows_lock *lock = xtcp_flows_lock(READ_ONCE(skc->skc_hash));
	bool in;

	/* Listeners use the same node for a table of their own */
	if (skc->skc_state != TCP_NEW_SYN_RECV && skc->skc_state != TCP_TIME_WAIT &&
	    !xtcp_sk((struct sock *)skc)->hashed)
		return false;

	spin_lock_bh(&lock->lock);
	in = !hlist_nulls_unhashed(&skc->skc_nulls_node);
	if (in) {
		hlist_nulls_del_init_rcu(&skc->skc_nulls_node);
		xtcp_inuse_sub(read_pnet(&skc->skc_net), skc->skc_num);
		xtcp_flows_mark(skc, false);
	}
	spin_unlock_bh(&lock->lock);
	if (in)
		xtcp_flow_put(skc);
	return in;
}

/*
 * The node behind @cursor in bucket @slot. It is looked for from the front: its own node
 * may be in another chain by now, that of the listeners even. NULL: it is not here.
 * Bucket lock.
 */
static struct hlist_nulls_node *xtcp_flows_after(unsigned int slot, const struct sock *cursor)
{
	struct hlist_nulls_node *node;
	struct sock *sk;

	hlist_nulls_for_each_entry(sk, node, &xtcp_flows_table[slot], sk_nulls_node) {
		if (sk == cursor)
			return node->next;
	}
	return NULL;
}

/*
 * Up to XTCP_FLOWS_BATCH entries of bucket @slot that come after @cursor, each
 * with a reference. If the cursor has left the bucket, from the front: an entry
 * may be seen twice then, but none is left out. Takes over the cursor's reference.
 */
static unsigned int xtcp_flows_batch(unsigned int slot, struct net *net, struct sock *cursor,
				     struct sock **batch)
{
	struct xtcp_flows_lock *lock = xtcp_flows_lock(slot);
	struct hlist_nulls_node *node = NULL;
	unsigned int n = 0;
	struct sock *sk;

	spin_lock_bh(&lock->lock);
	if (cursor)
		node = xtcp_flows_after(slot, cursor);
	if (!node)
		node = xtcp_flows_table[slot].first;
	hlist_nulls_for_each_entry_from(sk, node, sk_nulls_node) {
		if (n == XTCP_FLOWS_BATCH)
			break;
		if (net && !net_eq(sock_net(sk), net))
			continue;
		refcount_inc(&sk->sk_refcnt);
		batch[n++] = sk;
	}
	spin_unlock_bh(&lock->lock);
	if (cursor)
		xtcp_flow_put(&cursor->__sk_common);
	return n;
}

/* All entries of one bucket. */
static int xtcp_flows_walk_bucket(unsigned int slot, struct net *net,
				  int (*fn)(struct sock_common *skc, void *arg), void *arg)
{
	struct sock *batch[XTCP_FLOWS_BATCH];
	struct sock *cursor = NULL;
	unsigned int n, i;
	int err = 0;

	do {
		n = xtcp_flows_batch(slot, net, cursor, batch);
		cursor = NULL;
		for (i = 0; i < n; i++) {
			if (!err)
				err = fn(&batch[i]->__sk_common, arg);
			if (!err && n == XTCP_FLOWS_BATCH && i == n - 1)
				cursor = batch[i];
			else
				xtcp_flow_put(&batch[i]->__sk_common);
		}
	} while (cursor);
	return err;
}

/**
 * xtcp_flow_walk() - visit all entries
 * @net: of this namespace, NULL: of all
 * @fn: called with a reference held and no lock; nonzero stops the walk
 * @arg: for @fn
 *
 * Context: process; may sleep, and so may @fn.
 * Return: what @fn returned last.
 */
int xtcp_flow_walk(struct net *net, int (*fn)(struct sock_common *skc, void *arg), void *arg)
{
	unsigned int slot;
	int err;

	for (slot = 0; slot <= xtcp_flows_mask; slot++) {
		if (slot % XTCP_FLOWS_BREATH == XTCP_FLOWS_BREATH - 1)
			cond_resched();
		if (hlist_nulls_empty(&xtcp_flows_table[slot]))
			continue;
		err = xtcp_flows_walk_bucket(slot, net, fn, arg);
		if (err)
			return err;
	}
	return 0;
}

/**
 * xtcp_flow_next_bucket() - for readers that go through the table piece by piece
 * @slot: where to look first
 *
 * Context: any.
 * Return: the first bucket from @slot on that is not empty, UINT_MAX if there is none.
 */
unsigned int xtcp_flow_next_bucket(unsigned int slot)
{
	for (; slot <= xtcp_flows_mask; slot++) {
		if (!hlist_nulls_empty(&xtcp_flows_table[slot]))
			return slot;
	}
	return UINT_MAX;
}

/**
 * xtcp_flow_walk_bucket() - visit the entries of one bucket
 * @slot: bucket, from xtcp_flow_next_bucket()
 * @net: of this namespace, NULL: of all
 * @fn: called with a reference held and no lock; nonzero stops the walk
 * @arg: for @fn
 *
 * Context: any but hard IRQ; @fn may sleep if the caller may.
 * Return: what @fn returned last.
 */
int xtcp_flow_walk_bucket(unsigned int slot, struct net *net,
			  int (*fn)(struct sock_common *skc, void *arg), void *arg)
{
	return slot <= xtcp_flows_mask ? xtcp_flows_walk_bucket(slot, net, fn, arg) : 0;
}
