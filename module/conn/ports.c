// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports that XTCP sockets are bound to, and their counterparts in the host's TCP.
 *
 * One struct xtcp_port stands for one binding {net, wire protocol, address, port,
 * device, v6only}. For wire protocol 6 it owns a TCP socket of the kernel's that
 * is bound to the same and listens while one of ours does: whoever binds in the
 * host meets it and gets the answer that TCP's own rules give. It never sees a
 * segment. Protocol 253 is another protocol: only our own rules apply there.
 *
 * References: one for each socket bound here (an owner, in @owners), one for each
 * child and TIME_WAIT entry that lives under its listener's binding (a sharer,
 * only counted). The last put may come from softirq, where a socket cannot be
 * released: the binding goes to a list and one work item empties it. A bind()
 * that comes first takes the binding up again as it is.
 *
 * Locks: the socket lock of the caller, then xtcp_ports_mutex (all that makes,
 * changes or releases host sockets), then the host socket's lock, which belongs
 * to another lock class; below them, in any context, port->lock (owners) and
 * xtcp_ports_gone_lock (the last put against taking up again).
 */
#include <linux/hash.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/ip.h>

#include "ports.h"
#include "reserve.h"

#define XTCP_PORTS_BITS	8

static struct hlist_head xtcp_ports_table[1 << XTCP_PORTS_BITS];
static DEFINE_MUTEX(xtcp_ports_mutex);

static LIST_HEAD(xtcp_ports_gone);
static DEFINE_SPINLOCK(xtcp_ports_gone_lock);
static void xtcp_ports_work_fn(struct work_struct *work);
static DECLARE_WORK(xtcp_ports_work, xtcp_ports_work_fn);
static struct workqueue_struct *xtcp_ports_wq;

static struct hlist_head *xtcp_ports_bucket(const struct net *net, u16 port)
{
	return &xtcp_ports_table[hash_32(net_hash_mix(net) + port, XTCP_PORTS_BITS)];
}

/* ---- making and releasing ---- */

/*
 * Is @b free for @sk among XTCP's own? Context: RCU: what it says is true for a moment; with
 * xtcp_ports_mutex: for as long as that is held.
 */
static bool xtcp_ports_free(const struct sock *sk, const struct xtcp_binding *b, bool relax)
{
	struct xtcp_port *port;

	hlist_for_each_entry_rcu(port, xtcp_ports_bucket(b->net, b->port), node,
				 lockdep_is_held(&xtcp_ports_mutex)) {
		if (xtcp_binding_overlap(b, &port->bind) && refcount_read(&port->refs) &&
		    xtcp_port_clash(sk, port, relax))
			return false;
	}
	return true;
}

static struct xtcp_port *
xtcp_ports_make(const struct sock *sk, const struct xtcp_binding *b, bool relax)
{
	struct xtcp_port *other, *port;
	int err;

	port = kzalloc(sizeof(*port), GFP_KERNEL_ACCOUNT);
	if (!port)
		return ERR_PTR(-ENOMEM);
	port->bind = *b;
	refcount_set(&port->refs, 1);
	spin_lock_init(&port->lock);
	INIT_LIST_HEAD(&port->gone);
	port->share_reuse = true;
	port->share_reuseport = true;
	port->share_uid = sk_uid(sk);
	if (b->wire_protocol == IPPROTO_TCP) {
		hlist_for_each_entry(other, xtcp_ports_bucket(b->net, b->port), node) {
			if (other->bind.port == b->port && net_eq(other->bind.net, b->net))
				xtcp_reserve_mirror(other);
		}
		err = xtcp_reserve_make(port, sk, relax);
		if (err) {
			kfree(port);
			return ERR_PTR(err);
		}
		XTCP_INC(b->net, Reservations);
	}
	hlist_add_head_rcu(&port->node, xtcp_ports_bucket(b->net, b->port));
	return port;
}

static void xtcp_ports_destroy(struct xtcp_port *port)
{
	lockdep_assert_held(&xtcp_ports_mutex);
	hlist_del_rcu(&port->node);
	xtcp_reserve_release(port);
	kfree_rcu(port, rcu);
}

static struct xtcp_port *xtcp_ports_next_gone(void)
{
	struct xtcp_port *port;

	spin_lock_irq(&xtcp_ports_gone_lock);
	port = list_first_entry_or_null(&xtcp_ports_gone, struct xtcp_port, gone);
	if (port)
		list_del_init(&port->gone);
	spin_unlock_irq(&xtcp_ports_gone_lock);
	return port;
}

/* Release what nobody refers to any more. Context: xtcp_ports_mutex. */
static void xtcp_ports_reap(void)
{
	struct xtcp_port *port;

	while ((port = xtcp_ports_next_gone()))
		xtcp_ports_destroy(port);
}

static void xtcp_ports_work_fn(struct work_struct *work)
{
	mutex_lock(&xtcp_ports_mutex);
	xtcp_ports_reap();
	mutex_unlock(&xtcp_ports_mutex);
}

/* The binding that is just @b, with a reference, or NULL. Context: xtcp_ports_mutex. */
static struct xtcp_port *xtcp_ports_take_up(const struct xtcp_binding *b)
{
	struct xtcp_port *port;

	hlist_for_each_entry(port, xtcp_ports_bucket(b->net, b->port), node) {
		if (!xtcp_binding_same(b, &port->bind))
			continue;
		spin_lock_irq(&xtcp_ports_gone_lock);
		if (!refcount_inc_not_zero(&port->refs)) {
			/* waits to be released: spare it */
			list_del_init(&port->gone);
			refcount_set(&port->refs, 1);
			port->share_reuse = true;
			port->share_reuseport = true;
		}
		spin_unlock_irq(&xtcp_ports_gone_lock);
		return port;
	}
	return NULL;
}

/* Note what the children of @sk will have inherited. */
static void xtcp_ports_note(struct xtcp_port *port, const struct sock *sk)
{
	port->share_reuse = port->share_reuse && sk->sk_reuse;
	port->share_reuseport = port->share_reuseport && sk->sk_reuseport;
}

/* @sk becomes an owner, and has the reference. Context: xtcp_ports_mutex. */
static void xtcp_ports_join(struct sock *sk, struct xtcp_port *port)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	spin_lock_bh(&port->lock);
	port->share_uid = sk_uid(sk);
	port->owner_count++;
	hlist_add_head(&xt->port_node, &port->owners);
	xt->port_owner = 1;
	spin_unlock_bh(&port->lock);
	/* children of a listener find it here */
	smp_store_release(&xt->port, port);
	xtcp_reserve_mirror(port);
}

/* An owner no more; the reference is the caller's. Context: any but hard IRQ. */
static void xtcp_ports_leave(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_port *port = xt->port;

	spin_lock_bh(&port->lock);
	xtcp_ports_note(port, sk);
	hlist_del(&xt->port_node);
	xt->port_owner = 0;
	port->owner_count--;
	spin_unlock_bh(&port->lock);
}

static int xtcp_ports_bind(struct sock *sk, u16 snum, bool relax)
{
	struct xtcp_binding b;
	struct xtcp_port *port;

	xtcp_binding_of(sk, snum, &b);
	if (!xtcp_ports_free(sk, &b, relax))
		return -EADDRINUSE;
	port = xtcp_ports_take_up(&b);
	xtcp_ports_reap();
	if (!port) {
		port = xtcp_ports_make(sk, &b, false);
		if (IS_ERR(port))
			return PTR_ERR(port);
	}

	xtcp_ports_join(sk, port);
	inet_sk(sk)->inet_num = snum;
	return 0;
}

/* bind() to port 0: any free one of XTCP's own range, from a random start on */
static int xtcp_ports_choose(struct sock *sk)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(sk))->knobs;
	u32 low = READ_ONCE(knobs->ip_local_port_range[0]);
	u32 high = READ_ONCE(knobs->ip_local_port_range[1]);
	u32 count, i, start;
	int err;

	count = max(high, low) - low + 1;
	start = get_random_u32_below(count);
	for (i = 0; i < count; i++) {
		u16 snum = low + (start + i) % count;

		if (inet_is_local_reserved_port(sock_net(sk), snum))
			continue;
		err = xtcp_ports_bind(sk, snum, false);
		if (err != -EADDRINUSE)
			return err;
		cond_resched();
	}
	return -EADDRINUSE;
}

/* For a BPF program at connect(), which must not sleep: as if connect() had chosen, unreserved. */
static int xtcp_ports_bind_atomic(struct sock *sk, unsigned short snum)
{
	struct xtcp_binding b;
	bool free;

	xtcp_binding_of(sk, snum, &b);
	rcu_read_lock();
	free = snum && xtcp_ports_free(sk, &b, true);
	rcu_read_unlock();
	if (free)
		inet_sk(sk)->inet_num = snum;
	return free ? 0 : -EADDRINUSE;
}

/**
 * xtcp_port_get() - bind: proto.get_port
 * @sk: socket, its address and device are set
 * @snum: port, host order; 0: choose one
 *
 * Context: process, socket lock owned; may sleep, but if a BPF program calls.
 * Return: 0, -EADDRINUSE, -ENOMEM.
 */
int xtcp_port_get(struct sock *sk, unsigned short snum)
{
	int err;

	if (WARN_ON_ONCE(xtcp_sk(sk)->port))
		return -EADDRINUSE;
	if (unlikely(has_current_bpf_ctx()))
		return xtcp_ports_bind_atomic(sk, snum);
	mutex_lock(&xtcp_ports_mutex);
	err = snum ? xtcp_ports_bind(sk, snum, true) : xtcp_ports_choose(sk);
	mutex_unlock(&xtcp_ports_mutex);
	return err;
}

/* ---- listening ---- */

/* @relax: it listened before. Context: process, xtcp_ports_mutex. */
static int xtcp_ports_listen(struct sock *sk, bool relax)
{
	struct xtcp_port *port = xtcp_sk(sk)->port;
	int err;

	if (!relax && !xtcp_ports_free(sk, &port->bind, true))
		return -EADDRINUSE;
	xtcp_reserve_mirror(port);
	if (!port->listeners && port->host) {
		err = xtcp_reserve_listen(port, relax);
		if (err)
			return err;
	}
	port->listeners++;
	if (!rcu_access_pointer(port->listener))
		rcu_assign_pointer(port->listener, sk);
	WRITE_ONCE(xtcp_sk(sk)->port_listens, true);
	return 0;
}

static struct sock *xtcp_ports_other_listener(struct xtcp_port *port)
{
	struct xtcp_sock *other;
	struct sock *sk = NULL;

	spin_lock_bh(&port->lock);
	hlist_for_each_entry(other, &port->owners, port_node) {
		if (other->port_listens) {
			sk = (struct sock *)other;
			break;
		}
	}
	spin_unlock_bh(&port->lock);
	return sk;
}

static void xtcp_ports_unlisten(struct sock *sk)
{
	struct xtcp_port *port = xtcp_sk(sk)->port;

	if (!xtcp_sk(sk)->port_listens)
		return;
	WRITE_ONCE(xtcp_sk(sk)->port_listens, false);
	if (rcu_access_pointer(port->listener) == sk)
		rcu_assign_pointer(port->listener, xtcp_ports_other_listener(port));
	if (!--port->listeners && port->host)
		kernel_sock_shutdown(port->host, SHUT_RDWR);
}

/**
 * xtcp_port_unlisten() - a listener stops
 * @sk: socket; nothing happens unless it listens
 *
 * The binding stays.
 *
 * Context: process, socket lock owned; may sleep.
 */
void xtcp_port_unlisten(struct sock *sk)
{
	if (!xtcp_sk(sk)->port || !xtcp_sk(sk)->port_listens)
		return;
	mutex_lock(&xtcp_ports_mutex);
	xtcp_ports_unlisten(sk);
	mutex_unlock(&xtcp_ports_mutex);
}

/* ---- another device ---- */

/*
 * The binding of an only user goes where its socket goes, as TCP's does, unless a VRF is entered or
 * left: the host has its socket among the others of that one. Context: xtcp_ports_mutex.
 */
static bool xtcp_ports_follow(struct xtcp_port *port, const struct xtcp_binding *b)
{
	if (refcount_read(&port->refs) > 1 || port->bind.l3mdev != b->l3mdev ||
	    !xtcp_reserve_move(port, b->dev))
		return false;
	port->bind.dev = b->dev;
	return true;
}

/*
 * What others live under as well stays with them, and @sk gets a binding of its own. As with TCP
 * nobody asks whether that is in anybody's way. What fails, listen() makes up for.
 * Context: process, xtcp_ports_mutex.
 */
static void xtcp_ports_part(struct sock *sk, const struct xtcp_binding *b)
{
	struct xtcp_port *old = xtcp_sk(sk)->port, *port;
	bool listens = xtcp_sk(sk)->port_listens;

	port = xtcp_ports_take_up(b);
	if (!port)
		port = xtcp_ports_make(sk, b, true);
	if (IS_ERR(port))
		return;
	xtcp_ports_unlisten(sk);
	xtcp_ports_leave(sk);
	xtcp_ports_join(sk, port);
	xtcp_port_put(old);
	xtcp_ports_reap();
	if (listens)
		xtcp_ports_listen(sk, true);
}

/**
 * xtcp_port_move() - SO_BINDTODEVICE of a bound socket
 * @sk: socket; its device is the new one
 * @may_sleep: false in a BPF program, which is under RCU, perhaps in a softirq
 *
 * The reservation follows. TCP does not fail here, and looks for a clash when the socket listens.
 * Where it can not follow, for want of memory or of sleep, it stays as it was until the socket
 * listens; one that listens already then keeps host sockets away from more than it hears.
 *
 * Context: process, or softirq if !@may_sleep; socket lock owned.
 */
void xtcp_port_move(struct sock *sk, bool may_sleep)
{
	struct xtcp_port *port = xtcp_sk(sk)->port;
	struct xtcp_binding b;

	if (!xtcp_sk(sk)->port_owner)
		return;
	if (may_sleep)
		mutex_lock(&xtcp_ports_mutex);
	else if (in_serving_softirq() || !mutex_trylock(&xtcp_ports_mutex))
		return;
	b = port->bind;		/* a connection's own address may be narrower */
	b.dev = READ_ONCE(sk->sk_bound_dev_if);
	b.l3mdev = inet_sk_bound_l3mdev(sk);
	if (!xtcp_binding_same(&port->bind, &b) && !xtcp_ports_follow(port, &b) && may_sleep)
		xtcp_ports_part(sk, &b);
	mutex_unlock(&xtcp_ports_mutex);
}

/**
 * xtcp_port_listen() - a bound socket begins to listen
 * @sk: socket
 * @again: it listens already
 *
 * By TCP's rules two sockets that share a binding through SO_REUSEADDR alone
 * cannot both listen. With @again it makes up for what could not be done when its
 * device changed.
 *
 * Context: process, socket lock owned; may sleep.
 * Return: 0 or -EADDRINUSE.
 */
int xtcp_port_listen(struct sock *sk, bool again)
{
	int err;

	if (WARN_ON_ONCE(!xtcp_sk(sk)->port))
		return -EADDRINUSE;
	xtcp_port_move(sk, true);
	if (xtcp_sk(sk)->port_listens)
		return 0;
	mutex_lock(&xtcp_ports_mutex);
	err = xtcp_ports_listen(sk, again);
	mutex_unlock(&xtcp_ports_mutex);
	return err;
}

/* ---- references ---- */

/**
 * xtcp_port_share() - another one lives under this binding
 * @port: of @sk, or NULL
 * @sk: the listener of a child, or what goes into TIME_WAIT: its SO_REUSEADDR and
 *      SO_REUSEPORT of this moment are what the other inherits
 *
 * A listener that closes may give its binding back at this moment: a child born
 * now will never be accepted, and needs none.
 *
 * Context: RCU, or the socket lock of an owner.
 * Return: @port, or NULL.
 */
struct xtcp_port *xtcp_port_share(struct xtcp_port *port, const struct sock *sk)
{
	if (!port || !refcount_inc_not_zero(&port->refs))
		return NULL;
	spin_lock_bh(&port->lock);
	xtcp_ports_note(port, sk);
	spin_unlock_bh(&port->lock);
	return port;
}

/**
 * xtcp_port_put() - one less
 * @port: or NULL
 *
 * Context: any.
 */
void xtcp_port_put(struct xtcp_port *port)
{
	unsigned long flags;
	bool last;

	if (!port || refcount_dec_not_one(&port->refs))
		return;
	/* The last one goes under the lock: a bind that comes now may spare the port */
	spin_lock_irqsave(&xtcp_ports_gone_lock, flags);
	last = refcount_dec_and_test(&port->refs);
	if (last)
		list_add_tail(&port->gone, &xtcp_ports_gone);
	spin_unlock_irqrestore(&xtcp_ports_gone_lock, flags);
	if (last)
		queue_work(xtcp_ports_wq, &xtcp_ports_work);
}

/**
 * xtcp_port_release() - a socket gives back its binding
 * @sk: an owner, or a child that shares
 *
 * Context: any but hard IRQ; a listener has called xtcp_port_unlisten() before.
 */
void xtcp_port_release(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_port *port = xt->port;

	if (!port)
		return;
	WARN_ON_ONCE(xt->port_listens);
	if (xt->port_owner)
		xtcp_ports_leave(sk);
	WRITE_ONCE(xt->port, NULL);
	xtcp_port_put(port);
}

/**
 * xtcp_port_in_use() - is a socket of ours bound to that port?
 * @net: namespace
 * @port: host order
 *
 * connect() chooses another one then.
 *
 * Context: any.
 * Return: true if there is one, or was a moment ago.
 */
bool xtcp_port_in_use(struct net *net, unsigned short port)
{
	struct xtcp_port *p;
	bool used = false;

	rcu_read_lock();
	hlist_for_each_entry_rcu(p, xtcp_ports_bucket(net, port), node) {
		if (p->bind.port == port && net_eq(p->bind.net, net)) {
			used = true;
			break;
		}
	}
	rcu_read_unlock();
	return used;
}

/**
 * xtcp_ports_settle() - wait until given back bindings are the host's again
 *
 * For close(): a program that closes and binds again, in whichever stack, finds
 * the port free.
 *
 * Context: process, no socket lock.
 */
void xtcp_ports_settle(void)
{
	/* what is in nobody's list is being released by whoever holds the mutex */
	if (list_empty_careful(&xtcp_ports_gone) && !mutex_is_locked(&xtcp_ports_mutex))
		return;
	mutex_lock(&xtcp_ports_mutex);
	xtcp_ports_reap();
	mutex_unlock(&xtcp_ports_mutex);
}

/**
 * xtcp_ports_flush() - a namespace ends
 * @net: namespace; nothing of ours is left in it
 *
 * Context: process.
 */
void xtcp_ports_flush(struct net *net)
{
	struct xtcp_port *port;
	size_t i;

	mutex_lock(&xtcp_ports_mutex);
	xtcp_ports_reap();
	for (i = 0; i < ARRAY_SIZE(xtcp_ports_table); i++) {
		hlist_for_each_entry(port, &xtcp_ports_table[i], node) {
			/* the host's socket must not outlive its namespace, come what may */
			if (WARN_ON_ONCE(net_eq(port->bind.net, net)))
				xtcp_reserve_release(port);
		}
	}
	mutex_unlock(&xtcp_ports_mutex);
}

/**
 * xtcp_ports_init() - begin
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int xtcp_ports_init(void)
{
	xtcp_ports_wq = alloc_workqueue("xtcp", WQ_UNBOUND, 0);
	return xtcp_ports_wq ? 0 : -ENOMEM;
}

/**
 * xtcp_ports_exit() - all namespaces have been flushed
 *
 * Context: process.
 */
void xtcp_ports_exit(void)
{
	size_t i;

	destroy_workqueue(xtcp_ports_wq);
	for (i = 0; i < ARRAY_SIZE(xtcp_ports_table); i++)
		WARN_ON(!hlist_empty(&xtcp_ports_table[i]));
}
