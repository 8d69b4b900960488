// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a socket is bound to, and whether two bindings are in each other's way.
 */
#include <net/inet_sock.h>
#include <net/ipv6.h>

#include "binding.h"

/**
 * xtcp_binding_of - what a socket that wants a port asks for
 * @sk: the socket, its address and device set
 * @port: host order
 * @b: filled
 *
 * Context: Process, socket lock.
 */
void xtcp_binding_of(const struct sock *sk, u16 port, struct xtcp_binding *b)
{
	memset(b, 0, sizeof(*b));
	b->net = sock_net(sk);
	b->family = sk->sk_family;
	b->wire_protocol = xtcp_sk(sk)->wire_protocol;
	b->port = port;
	b->dev = READ_ONCE(sk->sk_bound_dev_if);
	b->l3mdev = inet_sk_bound_l3mdev(sk);
	b->addr = inet_sk(sk)->inet_rcv_saddr;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		b->addr6 = sk->sk_v6_rcv_saddr;
		b->v6only = ipv6_only_sock(sk);
	}
#endif
}

/**
 * xtcp_binding_same - do two sockets ask for the same?
 * @a: one
 * @b: the other
 *
 * Context: Any.
 * Return: true if one reservation serves both.
 */
bool xtcp_binding_same(const struct xtcp_binding *a, const struct xtcp_binding *b)
{
	return net_eq(a->net, b->net) && a->family == b->family &&
	       a->wire_protocol == b->wire_protocol && a->v6only == b->v6only &&
	       a->port == b->port && a->dev == b->dev && a->l3mdev == b->l3mdev &&
	       a->addr == b->addr && ipv6_addr_equal(&a->addr6, &b->addr6);
}

/* Is there an IPv4 address that a segment for both could have? */
static bool xtcp_binding_overlap_v4(const struct xtcp_binding *a, const struct xtcp_binding *b)
{
	return !a->addr || !b->addr || a->addr == b->addr;
}

/* Does an AF_INET6 binding take IPv4 segments as well? */
static bool xtcp_binding_takes_v4(const struct xtcp_binding *b)
{
	return b->family == AF_INET || ipv6_addr_v4mapped(&b->addr6) ||
	       (ipv6_addr_any(&b->addr6) && !b->v6only);
}

static bool xtcp_binding_takes_v6(const struct xtcp_binding *b)
{
	return b->family == AF_INET6 && !ipv6_addr_v4mapped(&b->addr6);
}

/**
 * xtcp_binding_overlap - could one segment be meant for both, options aside?
 * @a: one
 * @b: the other
 *
 * A VRF's ports are its own: TCP keeps them apart even from those of a socket that is
 * bound to no device, unless tcp_l3mdev_accept lets that one in.
 *
 * Context: Any.
 * Return: true if so.
 */
bool xtcp_binding_overlap(const struct xtcp_binding *a, const struct xtcp_binding *b)
{
	if (!net_eq(a->net, b->net) || a->port != b->port ||
	    a->wire_protocol != b->wire_protocol || a->l3mdev != b->l3mdev)
		return false;
	if (a->dev && b->dev && a->dev != b->dev)
		return false;
	if (xtcp_binding_takes_v4(a) && xtcp_binding_takes_v4(b) && xtcp_binding_overlap_v4(a, b))
		return true;
	return xtcp_binding_takes_v6(a) && xtcp_binding_takes_v6(b) &&
	       (ipv6_addr_any(&a->addr6) || ipv6_addr_any(&b->addr6) ||
		ipv6_addr_equal(&a->addr6, &b->addr6));
}
