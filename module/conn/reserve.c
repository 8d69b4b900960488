// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counterpart of a binding in the host's TCP: a socket of the kernel's that is
 * bound to the same and has the same options, so that whoever binds in the host
 * meets it and gets the answer TCP's own rules give. It listens, backlog 0, while
 * one of ours does. It never sees a segment. It holds no reference to its
 * namespace and is gone before that ends.
 */
#include <linux/net.h>
#include <net/inet_connection_sock.h>
#include <net/ip.h>

#include "ports.h"
#include "reserve.h"

/* Ours are told from the host's own listeners by this callback. */
static void xtcp_reserve_ready(struct sock *sk)
{
}

/*
 * The hook keeps SYNs away, but what it has let pass may find another world in the host's TCP: the
 * connection that it was for has ended, or a listener of ours has just begun. Backlog 0 is room for
 * one. It counts as lost on the way; when it comes again, the hook sees it.
 */
static int xtcp_reserve_no_syn(struct sock *sk, struct sk_buff *skb)
{
	return 0;
}

/* The host's, but for the above: of IPv4 and of IPv6. Filled in once, under xtcp_ports_mutex. */
static struct inet_connection_sock_af_ops xtcp_reserve_ops[2];

static const struct inet_connection_sock_af_ops *xtcp_reserve_af_ops(const struct sock *hsk)
{
	struct inet_connection_sock_af_ops *ops = &xtcp_reserve_ops[hsk->sk_family == AF_INET6];

	if (!ops->conn_request) {
		*ops = *inet_csk(hsk)->icsk_af_ops;
		ops->conn_request = xtcp_reserve_no_syn;
	}
	return ops;
}

/**
 * xtcp_reserve_mirror() - tell the host's socket what the owners have set by now
 * @port: binding; nothing happens without a host's socket
 *
 * SO_REUSEADDR and SO_REUSEPORT may be changed after bind(), and a binding that lingers may be
 * taken up by another user; the host judges by what its socket says when somebody else comes.
 *
 * Context: process, xtcp_ports_mutex.
 */
void xtcp_reserve_mirror(struct xtcp_port *port)
{
	bool reuse, reuseport, transparent = false;
	struct xtcp_sock *owner;

	if (!port->host)
		return;
	spin_lock_bh(&port->lock);
	reuse = refcount_read(&port->refs) == port->owner_count || port->share_reuse;
	reuseport = refcount_read(&port->refs) == port->owner_count || port->share_reuseport;
	hlist_for_each_entry(owner, &port->owners, port_node) {
		reuse = reuse && ((struct sock *)owner)->sk_reuse;
		/* of one user only */
		reuseport = reuseport && ((struct sock *)owner)->sk_reuseport &&
			    uid_eq(sk_uid((struct sock *)owner), port->share_uid);
		transparent = transparent || inet_test_bit(TRANSPARENT, (struct sock *)owner);
	}
	spin_unlock_bh(&port->lock);

	lock_sock(port->host->sk);
	port->host->sk->sk_reuse = reuse ? SK_CAN_REUSE : SK_NO_REUSE;
	port->host->sk->sk_reuseport = reuseport;
	/* SO_REUSEPORT is for sockets of one user */
	port->host->sk->sk_uid = port->share_uid;
	SOCK_INODE(port->host)->i_uid = port->share_uid;
	inet_assign_bit(TRANSPARENT, port->host->sk, transparent);
	release_sock(port->host->sk);
}

/*
 * As bind() does it once it has asked for rights, an address and BPF programs: ours was asked. With
 * @relax a clash is none, as for a TCP socket that changes its device.
 */
static int xtcp_reserve_bind(struct sock *hsk, const struct xtcp_binding *b, bool relax)
{
	unsigned char reuse = hsk->sk_reuse;
	bool any = !b->addr;
	int err;

	inet_sk(hsk)->inet_rcv_saddr = b->addr;
	inet_sk(hsk)->inet_saddr = b->addr;
#if IS_ENABLED(CONFIG_IPV6)
	if (b->family == AF_INET6) {
		hsk->sk_v6_rcv_saddr = b->addr6;
		inet6_sk(hsk)->saddr = b->addr6;
		hsk->sk_ipv6only = b->v6only;
		any = ipv6_addr_any(&b->addr6);
	}
#endif
	err = hsk->sk_prot->get_port(hsk, b->port);
	if (err && relax) {
		hsk->sk_reuse = SK_FORCE_REUSE;
		err = hsk->sk_prot->get_port(hsk, b->port);
		hsk->sk_reuse = reuse;
	}
	if (err)
		return -EADDRINUSE;
	/* what stops to listen keeps them */
	hsk->sk_userlocks |= SOCK_BINDPORT_LOCK | (any ? 0 : SOCK_BINDADDR_LOCK);
	inet_sk(hsk)->inet_sport = htons(b->port);
	return 0;
}

/**
 * xtcp_reserve_make() - bind a socket of the host's
 * @port: binding; gets the socket
 * @sk: the first owner: its options are mirrored
 * @relax: also where the host's rules forbid it
 *
 * Context: process, xtcp_ports_mutex.
 * Return: 0, -EADDRINUSE if the host's rules forbid it, or another negative errno.
 */
int xtcp_reserve_make(struct xtcp_port *port, const struct sock *sk, bool relax)
{
	const struct xtcp_binding *b = &port->bind;
	struct socket *host;
	struct sock *hsk;
	int err;

	err = sock_create_kern(b->net, b->family, SOCK_STREAM, IPPROTO_TCP, &host);
	if (err)
		return err;
	hsk = host->sk;
	lock_sock(hsk);
	hsk->sk_reuse = sk->sk_reuse;
	hsk->sk_reuseport = sk->sk_reuseport;
	hsk->sk_bound_dev_if = b->dev;
	hsk->sk_uid = sk_uid(sk);
	SOCK_INODE(host)->i_uid = sk_uid(sk);
	hsk->sk_data_ready = xtcp_reserve_ready;
	inet_csk(hsk)->icsk_af_ops = xtcp_reserve_af_ops(hsk);
	inet_assign_bit(TRANSPARENT, hsk, inet_test_bit(TRANSPARENT, sk));
	inet_assign_bit(FREEBIND, hsk, inet_test_bit(FREEBIND, sk));
	rcu_assign_sk_user_data(hsk, port);
	err = xtcp_reserve_bind(hsk, b, relax);
	release_sock(hsk);
	if (err) {
		sock_release(host);
		return err;
	}
	port->host = host;
	return 0;
}

/**
 * xtcp_reserve_listen() - begin to listen
 * @port: binding, it has a host's socket
 * @relax: also where the host's rules forbid it
 *
 * Context: process, xtcp_ports_mutex.
 * Return: 0, -EADDRINUSE, -ENOMEM.
 */
int xtcp_reserve_listen(struct xtcp_port *port, bool relax)
{
	struct sock *hsk = port->host->sk;
	int err;

	err = kernel_listen(port->host, 0);
	if (err != -EADDRINUSE || !relax)
		return err;
	lock_sock(hsk);
	hsk->sk_reuse = SK_FORCE_REUSE;
	release_sock(hsk);
	err = kernel_listen(port->host, 0);
	xtcp_reserve_mirror(port);
	return err;
}

/**
 * xtcp_reserve_move() - the host's socket changes its device
 * @port: binding
 * @dev: device, 0: none
 *
 * Not as a member of a group of SO_REUSEPORT: it is chosen from without a look at devices.
 *
 * Context: xtcp_ports_mutex; does not sleep.
 * Return: false: it stays.
 */
bool xtcp_reserve_move(struct xtcp_port *port, int dev)
{
	if (!port->host)
		return true;
	if (rcu_access_pointer(port->host->sk->sk_reuseport_cb))
		return false;
	WRITE_ONCE(port->host->sk->sk_bound_dev_if, dev);
	return true;
}

/**
 * xtcp_reserve_release() - give the port back to the host
 * @port: binding; nothing happens without a host's socket
 *
 * Context: process, xtcp_ports_mutex.
 */
void xtcp_reserve_release(struct xtcp_port *port)
{
	if (!port->host)
		return;
	XTCP_INC(port->bind.net, ReservationsFreed);
	rcu_assign_sk_user_data(port->host->sk, NULL);
	sock_release(port->host);
	port->host = NULL;
}

/**
 * xtcp_port_is_reservation() - is this socket of the host's a counterpart of ours?
 * @host: any
 *
 * Context: any.
 * Return: true: it must get no segment.
 */
bool xtcp_port_is_reservation(const struct sock *host)
{
	return READ_ONCE(host->sk_data_ready) == xtcp_reserve_ready;
}

/**
 * xtcp_port_listener() - the XTCP listener behind a socket of the host's
 * @host: any listening TCP socket, as tproxy puts it into skb->sk
 *
 * Context: RCU.
 * Return: the listener, RCU-freed, without a reference; NULL if @host is none of ours.
 */
struct sock *xtcp_port_listener(const struct sock *host)
{
	struct xtcp_port *port;

	if (!xtcp_port_is_reservation(host))
		return NULL;
	port = rcu_dereference_sk_user_data(host);
	return port ? rcu_dereference(port->listener) : NULL;
}

/**
 * xtcp_port_cookie_sent() - a SYN cookie was sent
 * @listener: for this one
 *
 * Context: RCU.
 */
void xtcp_port_cookie_sent(const struct sock *listener)
{
	struct xtcp_port *port = READ_ONCE(xtcp_sk(listener)->port);
	u32 now_s = (u32)ktime_get_seconds() ?: 1;

	/* All CPUs have it in their caches */
	if (port && READ_ONCE(port->cookie_sent_s) != now_s)
		WRITE_ONCE(port->cookie_sent_s, now_s);
}

/**
 * xtcp_port_cookie_age_s() - how long ago was the last SYN cookie sent?
 * @listener: for this one, or another member of its group
 *
 * Context: RCU.
 * Return: Seconds; U32_MAX: never.
 */
u32 xtcp_port_cookie_age_s(const struct sock *listener)
{
	struct xtcp_port *port = READ_ONCE(xtcp_sk(listener)->port);
	u32 sent_s = port ? READ_ONCE(port->cookie_sent_s) : 0;

	return sent_s ? (u32)ktime_get_seconds() - sent_s : U32_MAX;
}
