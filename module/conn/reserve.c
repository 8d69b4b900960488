// SPDX-License-Identifier: GPL-2.0-only
/*
 * The counterpart of a binding in the host's TCP: a socket of the kernel's that is
 * bound to the same and has the same options, so that whoever binds in the host
 * meets it and gets the answer TCP's own rules give. It listens, backlog 0, while
 * one of ours does. It never sees a segment. It holds no reference to its
 * namespace and is gone before that ends.
 */
#include <linux/net.h>
#include <net/ip.h>

#include "ports.h"
#include "reserve.h"

/* Ours are told from the host's own listeners by this callback. */
static void xtcp_reserve_ready(struct sock *sk)
{
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
		reuseport = reuseport && ((struct sock *)owner)->sk_reuseport;
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

static int xtcp_reserve_bind(struct socket *host, const struct xtcp_binding *b)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(b->port),
		.sin6_addr = b->addr6,
		.sin6_scope_id = b->dev,
	};
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(b->port),
		.sin_addr.s_addr = b->addr,
	};
	int err;

	if (b->family == AF_INET6)
		err = kernel_bind(host, (struct sockaddr_unsized *)&sin6, sizeof(sin6));
	else
		err = kernel_bind(host, (struct sockaddr_unsized *)&sin, sizeof(sin));
	if (err)
		return err;
	/* a cgroup's bind program that moves everything would have moved this as well */
	if (inet_sk(host->sk)->inet_num != b->port ||
	    inet_sk(host->sk)->inet_rcv_saddr != b->addr)
		return -EADDRINUSE;
#if IS_ENABLED(CONFIG_IPV6)
	if (b->family == AF_INET6 && !ipv6_addr_equal(&host->sk->sk_v6_rcv_saddr, &b->addr6))
		return -EADDRINUSE;
#endif
	return 0;
}

/**
 * xtcp_reserve_make() - bind a socket of the host's
 * @port: binding; gets the socket
 * @sk: the first owner: its options are mirrored
 *
 * Context: process, xtcp_ports_mutex.
 * Return: 0, -EADDRINUSE if the host's rules forbid it, or another negative errno.
 */
int xtcp_reserve_make(struct xtcp_port *port, const struct sock *sk)
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
	inet_assign_bit(TRANSPARENT, hsk, inet_test_bit(TRANSPARENT, sk));
	inet_assign_bit(FREEBIND, hsk, inet_test_bit(FREEBIND, sk));
	if (b->family == AF_INET6)
		hsk->sk_ipv6only = b->v6only;
	rcu_assign_sk_user_data(hsk, port);
	release_sock(hsk);

	err = xtcp_reserve_bind(host, b);
	if (err) {
		sock_release(host);
		return err;
	}
	port->host = host;
	return 0;
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
 * xtcp_port_listener() - the XTCP listener behind a socket of the host's
 * @host: any listening TCP socket, as tproxy puts it into skb->sk
 *
 * Context: RCU.
 * Return: the listener, RCU-freed, without a reference; NULL if @host is none of ours.
 */
struct sock *xtcp_port_listener(const struct sock *host)
{
	struct xtcp_port *port;

	if (READ_ONCE(host->sk_data_ready) != xtcp_reserve_ready)
		return NULL;
	port = rcu_dereference_sk_user_data(host);
	return port ? rcu_dereference(port->listener) : NULL;
}
