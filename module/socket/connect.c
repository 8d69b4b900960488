// SPDX-License-Identifier: GPL-2.0-only
/*
 * connect(): RFC 9293 3.10.1, OPEN, active.
 */
#include "socket.h"

#include <linux/bpf-cgroup.h>
#include <linux/random.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "../conn/flows.h"
#include "../conn/ports.h"
#include "../conn/sndq.h"
#include "../conn/state.h"
#include "../conn/timers.h"
#include "../output/output.h"

/**
 * xtcp_pre_connect - proto.pre_connect of IPv4: programs of the cgroup look first
 * @sk: the socket
 * @uaddr: where to; they may change it
 * @addr_len: its length, bytes
 *
 * Context: Process, socket lock.
 * Return: 0, -EINVAL, or what a program says (-EPERM).
 */
int xtcp_pre_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
{
	if (addr_len < (int)sizeof(struct sockaddr_in))
		return -EINVAL;
	sock_owned_by_me(sk);
	return XTCP_CGROUP_INET4_CONNECT(sk, uaddr, &addr_len);
}

/**
 * xtcp_connect_forget - back to a socket without a peer
 * @sk: in TCP_CLOSE
 *
 * An address or port that bind() was asked for stays.
 *
 * Context: Socket lock.
 */
void xtcp_connect_forget(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	inet->inet_dport = 0;
	sk_dst_reset(sk);
	sk->sk_route_caps = 0;
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK))
		inet_reset_saddr(sk);
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK)) {
		xtcp_port_release(sk);
		inet->inet_num = 0;
		inet->inet_sport = 0;
	}
}

/*
 * RFC 9293 3.4.1: the number is taken from the clock and the tuple (RFC 6528),
 * unless a TIME_WAIT entry gave way (RFC 6191).
 */
static void xtcp_connect_init_numbers(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_tuple tuple;

	xtcp_flow_tuple(&sk->__sk_common, &tuple);
	if (!xt->write_seq)
		xt->write_seq = xtcp_flow_isn(&tuple, &xt->ts_offset);
	else
		xt->ts_offset = xtcp_flow_ts_offset(&tuple);
}

/* The part that puts the flow into the tables and the SYN on the wire. */
static int xtcp_connect_start(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	bool ephemeral = !inet_sk(sk)->inet_num;
	int err;

	xt->passive_open = 0;
	/* In the table it must look like what it is going to be */
	xtcp_state_set(sk, TCP_SYN_SENT, XTCP_REASON_USER);
	sk_set_txhash(sk);
	err = xtcp_flow_connect(sk);
	if (err)
		return err;

	if (ephemeral) {
		err = xtcp_ip_connect(sk);
		if (err)
			return err;
	}
	atomic_set(&inet_sk(sk)->inet_id, get_random_u16());
	xtcp_connect_init_numbers(sk);
	err = xtcp_data_send_syn(sk);
	if (err)
		return err;
	if (xtcp_tune(sk)->syn_budget_ms)
		xtcp_timer_arm_ms(sk, XTCP_TIMER_CONNECT, xtcp_tune(sk)->syn_budget_ms);
	return 0;
}

/* It did not get as far as a SYN: leave no trace. */
static void xtcp_connect_undo(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xtcp_timers_stop(sk);
	xtcp_flow_remove(&sk->__sk_common);
	xtcp_state_set(sk, TCP_CLOSE, XTCP_REASON_USER);
	xtcp_sndq_purge(sk);
	xt->write_seq = 0;
	xt->ts_recent = 0;
	xt->ts_recent_age_s = 0;
	xtcp_connect_forget(sk);
}

/* Destination set, wire version chosen: route, then go. */
static int xtcp_connect_go(struct sock *sk, __be16 port)
{
	int err;

	inet_sk(sk)->inet_dport = port;
	err = inet_sk(sk)->inet_num ? xtcp_ip_connect(sk) : xtcp_ip_source(sk);
	if (err) {
		/* Nothing was chosen yet; what bind() gave stays */
		inet_sk(sk)->inet_dport = 0;
		return err;
	}
	err = xtcp_connect_start(sk);
	if (err)
		xtcp_connect_undo(sk);
	return err;
}

static int xtcp_connect_ipv4(struct sock *sk, __be32 daddr, __be16 port)
{
	struct inet_sock *inet = inet_sk(sk);
	const struct ip_options_rcu *opt;

	opt = rcu_dereference_protected(inet->inet_opt, lockdep_sock_is_held(sk));
	if (!daddr && opt && opt->opt.srr)
		return -EINVAL;
	/* A BSDism: nobody's address is this host's */
	if (!daddr)
		daddr = inet->inet_saddr ? inet->inet_saddr : htonl(INADDR_LOOPBACK);

	xtcp_sk(sk)->ip_version = 4;
	sk_daddr_set(sk, daddr);
	return xtcp_connect_go(sk, port);
}

/**
 * xtcp_connect - proto.connect of IPv4
 * @sk: closed socket
 * @uaddr: struct sockaddr_in
 * @addr_len: its length, bytes
 *
 * Context: Process, socket lock.
 * Return: 0: a SYN is on its way. -EINVAL, -EAFNOSUPPORT, -ENETUNREACH (also for
 * broadcast and multicast, MUST-46), -EADDRNOTAVAIL without a free port, ...
 */
int xtcp_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)uaddr;

	if (addr_len < (int)sizeof(*sin))
		return -EINVAL;
	if (sin->sin_family != AF_INET)
		return -EAFNOSUPPORT;
	return xtcp_connect_ipv4(sk, sin->sin_addr.s_addr, sin->sin_port);
}

#if IS_ENABLED(CONFIG_IPV6)
/* AF_XTCP takes both kinds of addresses, but not on one socket. */
static bool xtcp_connect_other_family(const struct sock *sk,
				      const struct sockaddr_unsized *uaddr, int addr_len)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)uaddr;

	return xtcp_sk(sk)->af_xtcp && addr_len >= (int)sizeof(*sin) &&
	       sin->sin_family == AF_INET;
}

/**
 * xtcp6_pre_connect - proto.pre_connect of IPv6
 * @sk: the socket
 * @uaddr: where to; a program of the cgroup may change it
 * @addr_len: its length, bytes
 *
 * Context: Process, socket lock.
 * Return: 0, -EINVAL, -EAFNOSUPPORT, or what a program says (-EPERM).
 */
int xtcp6_pre_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
{
	if (xtcp_connect_other_family(sk, uaddr, addr_len))
		return -EAFNOSUPPORT;
	if (addr_len < SIN6_LEN_RFC2133)
		return -EINVAL;
	sock_owned_by_me(sk);
	return XTCP_CGROUP_INET6_CONNECT(sk, uaddr, &addr_len);
}

/* IPV6_FLOWINFO_SEND: the label must be one that was leased. */
static int xtcp_connect_flowlabel(struct sock *sk, const struct sockaddr_in6 *sin6)
{
	struct ip6_flowlabel *lease;
	__be32 label = 0;

	if (inet6_test_bit(SNDFLOW, sk)) {
		label = sin6->sin6_flowinfo & IPV6_FLOWINFO_MASK;
		if (label & IPV6_FLOWLABEL_MASK) {
			lease = fl6_sock_lookup(sk, label);
			if (IS_ERR(lease))
				return -EINVAL;
			fl6_sock_release(lease);
		}
	}
	inet6_sk(sk)->flow_label = label;
	return 0;
}

/* A link-local address means nothing without a link (RFC 4007 6). */
static int xtcp_connect_scope(struct sock *sk, const struct sockaddr_in6 *sin6, int addr_len)
{
	if (addr_len >= (int)sizeof(*sin6) && sin6->sin6_scope_id) {
		if (!sk_dev_equal_l3scope(sk, sin6->sin6_scope_id))
			return -EINVAL;
		sk->sk_bound_dev_if = sin6->sin6_scope_id;
		xtcp_port_move(sk, true);
	}
	return sk->sk_bound_dev_if ? 0 : -EINVAL;
}

static int xtcp_connect_mapped(struct sock *sk, const struct in6_addr *daddr, __be16 port)
{
	int err;

	if (ipv6_only_sock(sk))
		return -ENETUNREACH;
	err = xtcp_connect_ipv4(sk, daddr->s6_addr32[3], port);
	if (!err)
		inet6_sk(sk)->saddr = sk->sk_v6_rcv_saddr;
	return err;
}

static int xtcp_connect_ipv6(struct sock *sk, const struct in6_addr *daddr, __be16 port)
{
	xtcp_sk(sk)->ip_version = 6;
	sk->sk_v6_daddr = *daddr;
	return xtcp_connect_go(sk, port);
}

/**
 * xtcp6_connect - proto.connect of IPv6, dual stack
 * @sk: closed socket
 * @uaddr: struct sockaddr_in6; a v4-mapped address is reached by IPv4
 * @addr_len: its length, bytes
 *
 * Context: Process, socket lock.
 * Return: As xtcp_connect().
 */
int xtcp6_connect(struct sock *sk, struct sockaddr_unsized *uaddr, int addr_len)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)uaddr;
	struct in6_addr daddr;
	int type, err;

	if (xtcp_connect_other_family(sk, uaddr, addr_len))
		return -EAFNOSUPPORT;
	if (addr_len < SIN6_LEN_RFC2133)
		return -EINVAL;
	if (sin6->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	err = xtcp_connect_flowlabel(sk, sin6);
	if (err)
		return err;

	daddr = sin6->sin6_addr;
	if (ipv6_addr_any(&daddr)) {
		if (ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
			ipv6_addr_set_v4mapped(htonl(INADDR_LOOPBACK), &daddr);
		else
			daddr = in6addr_loopback;
	}

	type = ipv6_addr_type(&daddr);
	if (type & IPV6_ADDR_MULTICAST)
		return -ENETUNREACH;
	if (type & IPV6_ADDR_LINKLOCAL) {
		err = xtcp_connect_scope(sk, sin6, addr_len);
		if (err)
			return err;
	}
	if (type & IPV6_ADDR_MAPPED)
		return xtcp_connect_mapped(sk, &daddr, sin6->sin6_port);
	return xtcp_connect_ipv6(sk, &daddr, sin6->sin6_port);
}
#endif
