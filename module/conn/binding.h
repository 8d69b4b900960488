/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a socket is bound to, and whether two bindings are in each other's way.
 */
#ifndef _XTCP_CONN_BINDING_H
#define _XTCP_CONN_BINDING_H

#include "../xtcp.h"

/**
 * struct xtcp_binding - what a socket asks for
 * @net: namespace
 * @family: AF_INET or AF_INET6, of the socket
 * @wire_protocol: 6 or 253
 * @v6only: IPV6_V6ONLY, also set by the core for a specific IPv6 address
 * @port: host order
 * @dev: bound device, 0: any
 * @l3mdev: the VRF it belongs to, 0: none, or tcp_l3mdev_accept is set
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
	int l3mdev;
	__be32 addr;
	struct in6_addr addr6;
};

void xtcp_binding_of(const struct sock *sk, u16 port, struct xtcp_binding *b);
bool xtcp_binding_same(const struct xtcp_binding *a, const struct xtcp_binding *b);
bool xtcp_binding_overlap(const struct xtcp_binding *a, const struct xtcp_binding *b);

#endif /* _XTCP_CONN_BINDING_H */
