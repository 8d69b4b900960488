// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IP side of a connection: its route, its checksum, its IP header.
 *
 * Routes, policy rules and IPsec see the protocol that is on the wire (6 or 253),
 * not sk_protocol; so no helper that takes it from the socket is used.
 */
#include <net/addrconf.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_fib.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "output.h"

static bool xtcp_ip_source_routed(const struct ip_options_rcu *opt)
{
	return opt && opt->opt.srr;
}

/* The options of @sk. Context: RCU or socket lock. */
static struct ip_options_rcu *xtcp_ip_options(const struct sock *sk)
{
	return rcu_dereference_check(inet_sk(sk)->inet_opt, lockdep_sock_is_held(sk));
}

static struct ipv6_txoptions *xtcp_ip_txoptions(const struct sock *sk)
{
	return rcu_dereference_check(inet6_sk(sk)->opt, lockdep_sock_is_held(sk));
}

/* A route of @sk was found: remember it and what its device can do. Takes over @dst. */
static void xtcp_ip_cache(struct sock *sk, struct dst_entry *dst)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	sk->sk_gso_type = xt->ip_version == 4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6;
	sk->sk_gso_disabled = xt->wire_protocol != IPPROTO_TCP;	/* no device cuts 253 */
	if (xt->ip_version == 6)
		inet6_sk(sk)->dst_cookie = rt6_get_cookie(dst_rt6_info(dst));
	sk_setup_caps(sk, dst);
	/* The core gives BIG TCP (more than 64 KiB at a time) to its own TCP only */
	if (sk_can_gso(sk)) {
		rcu_read_lock();
		sk->sk_gso_max_size = XTCP_GSO_MAX_SIZE(dst_dev_rcu(dst), xt->ip_version == 4) -
				      (MAX_TCP_HEADER + 1);
		rcu_read_unlock();
	}
}

/* First hop of an IPv4 connection: with a source route not its end (MUST-51). */
static __be32 xtcp_ip_first_hop(const struct sock *sk)
{
	const struct ip_options_rcu *opt = xtcp_ip_options(sk);

	return xtcp_ip_source_routed(opt) ? opt->opt.faddr : inet_sk(sk)->inet_daddr;
}

/* Is @rt of use for a connection? Return: 0, -ENETUNREACH, or the lookup's error. */
static int xtcp_ip_connectable(const struct sock *sk, struct rtable *rt)
{
	if (IS_ERR(rt)) {
		if (PTR_ERR(rt) == -ENETUNREACH)
			IP_INC_STATS(sock_net(sk), IPSTATS_MIB_OUTNOROUTES);
		return PTR_ERR(rt);
	}
	if (!(rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)))	/* MUST-46 */
		return 0;
	ip_rt_put(rt);
	return -ENETUNREACH;
}

/* MUST-43: an address the program chose; MUST-44: else IP's choice; MUST-45: kept. */
static void xtcp_ip_set_source4(struct sock *sk, const struct flowi4 *fl4)
{
	struct inet_sock *inet = inet_sk(sk);

	if (!xtcp_ip_source_routed(xtcp_ip_options(sk)))
		sk_daddr_set(sk, fl4->daddr);
	if (!inet->inet_saddr)
		inet->inet_saddr = fl4->saddr;
	sk_rcv_saddr_set(sk, inet->inet_saddr);
}

static int xtcp_ip_source4(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;
	struct flowi4 fl4;
	int err;

	ip_route_connect_init(&fl4, xtcp_ip_first_hop(sk), inet->inet_saddr,
			      sk->sk_bound_dev_if, xtcp_sk(sk)->wire_protocol,
			      0, inet->inet_dport, sk);
	rt = __ip_route_output_key(sock_net(sk), &fl4);
	err = xtcp_ip_connectable(sk, rt);
	if (err)
		return err;
	xtcp_ip_set_source4(sk, &fl4);
	ip_rt_put(rt);
	return 0;
}

static int xtcp_ip_connect4(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	struct rtable *rt;
	int err;

	rt = ip_route_connect(fl4, xtcp_ip_first_hop(sk), inet->inet_saddr,
			      sk->sk_bound_dev_if, xtcp_sk(sk)->wire_protocol,
			      inet->inet_sport, inet->inet_dport, sk);
	err = xtcp_ip_connectable(sk, rt);
	if (err)
		return err;
	xtcp_ip_set_source4(sk, fl4);
	xtcp_ip_cache(sk, &rt->dst);
	return 0;
}

/*
 * The IPv6 flow of @sk; @final is the memory for what this returns: the real
 * destination, if a routing header sends the packet elsewhere first, or NULL.
 */
static struct in6_addr *xtcp_ip_flow6(const struct sock *sk, struct flowi6 *fl6,
				      struct in6_addr *final)
{
	const struct inet_sock *inet = inet_sk(sk);
	const struct ipv6_pinfo *np = inet6_sk(sk);

	memset(fl6, 0, sizeof(*fl6));
	fl6->flowi6_proto = xtcp_sk(sk)->wire_protocol;
	fl6->daddr = sk->sk_v6_daddr;
	fl6->saddr = np->saddr;
	fl6->flowlabel = ip6_make_flowinfo(np->tclass, np->flow_label);
	fl6->flowi6_oif = sk->sk_bound_dev_if;
	fl6->flowi6_mark = READ_ONCE(sk->sk_mark);
	fl6->fl6_sport = inet->inet_sport;
	fl6->fl6_dport = inet->inet_dport;
	fl6->flowi6_uid = sk_uid(sk);
	security_sk_classify_flow((struct sock *)sk, flowi6_to_flowi_common(fl6));
	return fl6_update_dst(fl6, xtcp_ip_txoptions(sk), final);
}

/* Look the route of an IPv6 connection up and cache it. */
static struct dst_entry *xtcp_ip_route6(struct sock *sk, struct flowi6 *fl6)
{
	struct in6_addr final, *final_p;
	struct dst_entry *dst;

	rcu_read_lock();
	final_p = xtcp_ip_flow6(sk, fl6, &final);
	rcu_read_unlock();
	dst = ip6_dst_lookup_flow(sock_net(sk), sk, fl6, final_p);
	if (IS_ERR(dst))
		return dst;
	inet_sk(sk)->cork.fl.u.ip6 = *fl6;
	xtcp_ip_cache(sk, dst);
	return dst;
}

static int xtcp_ip_connect6(struct sock *sk)
{
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct dst_entry *dst;
	struct flowi6 fl6;

	if (ipv6_addr_is_multicast(&sk->sk_v6_daddr))	/* MUST-46 */
		return -ENETUNREACH;
	if (!ipv6_addr_any(&sk->sk_v6_rcv_saddr))
		np->saddr = sk->sk_v6_rcv_saddr;
	dst = xtcp_ip_route6(sk, &fl6);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	np->saddr = fl6.saddr;
	sk->sk_v6_rcv_saddr = fl6.saddr;
	inet_sk(sk)->inet_rcv_saddr = LOOPBACK4_IPV6;
	return 0;
}

/**
 * xtcp_ip_connect() - route of a connection that begins
 * @sk: destination and its port, device, and source if bound, are set; so is
 *      ip_version
 *
 * Chooses the source address, caches the route, sets up offloads.
 *
 * Context: process, socket lock.
 * Return: 0, -ENETUNREACH, -EHOSTUNREACH, -EACCES, ...
 */
int xtcp_ip_connect(struct sock *sk)
{
	return xtcp_is_v4(sk) ? xtcp_ip_connect4(sk) : xtcp_ip_connect6(sk);
}

/**
 * xtcp_ip_source() - source address of a connection that begins and has no port yet
 * @sk: as for xtcp_ip_connect(), which is to follow once the source port is known: policy
 *      rules and IPsec may depend on it
 *
 * Context: process, socket lock.
 * Return: 0, -ENETUNREACH, -EHOSTUNREACH, -EACCES, ...
 */
int xtcp_ip_source(struct sock *sk)
{
	return xtcp_is_v4(sk) ? xtcp_ip_source4(sk) : xtcp_ip_connect6(sk);
}

static struct dst_entry *xtcp_ip_route4(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;

	rt = ip_route_output_ports(sock_net(sk), &inet->cork.fl.u.ip4, sk,
				   xtcp_ip_first_hop(sk), inet->inet_saddr,
				   inet->inet_dport, inet->inet_sport,
				   xtcp_sk(sk)->wire_protocol, ip_sock_rt_tos(sk),
				   sk->sk_bound_dev_if);
	if (IS_ERR(rt))
		return ERR_CAST(rt);
	xtcp_ip_cache(sk, &rt->dst);
	return &rt->dst;
}

/* There is no route, or it went stale. Return: the new one, borrowed, or NULL. */
static noinline struct dst_entry *xtcp_ip_reroute(struct sock *sk)
{
	bool v4 = xtcp_is_v4(sk);
	struct dst_entry *dst;
	struct flowi6 fl6;

	dst = v4 ? xtcp_ip_route4(sk) : xtcp_ip_route6(sk, &fl6);
	if (!IS_ERR(dst))
		return dst;
	sk->sk_route_caps = 0;
	if (!v4)	/* what the program is told when it gives up */
		WRITE_ONCE(sk->sk_err_soft, -PTR_ERR(dst));
	return NULL;
}

/**
 * xtcp_ip_dst() - the route of a connection
 * @sk: the connection
 *
 * A route that went stale is looked up again; the source address stays.
 *
 * Context: socket lock, rcu_read_lock() if the result is used after dropping it.
 * Return: the cached route, borrowed, or NULL: there is none.
 */
struct dst_entry *xtcp_ip_dst(struct sock *sk)
{
	struct dst_entry *dst;

	dst = __sk_dst_check(sk, xtcp_is_v4(sk) ? 0 : inet6_sk(sk)->dst_cookie);
	return likely(dst) ? dst : xtcp_ip_reroute(sk);
}

/**
 * xtcp_ip_child() - the route of a new child
 * @child: addresses, ports, device and ip_version are set
 * @req: the request it was made of
 * @dst: route of the SYN-ACK, borrowed; or NULL: look it up
 *
 * Context: softirq or process; @child is private or locked.
 * Return: 0 or -EHOSTUNREACH.
 */
int xtcp_ip_child(struct sock *child, struct xtcp_request *req, struct dst_entry *dst)
{
	struct inet_sock *inet = inet_sk(child);
	struct in6_addr final, *final_p;
	struct flowi6 fl6;

	sk_set_txhash(child);
	if (req->ireq.ireq_family == AF_INET) {
		rcu_read_lock();
		xtcp_ip_inherit_options(child, req);
		rcu_read_unlock();
	}
	if (!dst)
		return xtcp_ip_dst(child) ? 0 : -EHOSTUNREACH;
	if (xtcp_is_v4(child)) {
		flowi4_init_output(&inet->cork.fl.u.ip4, child->sk_bound_dev_if,
				   READ_ONCE(child->sk_mark), ip_sock_rt_tos(child),
				   ip_sock_rt_scope(child), req->wire_protocol,
				   inet_sk_flowi_flags(child), xtcp_ip_first_hop(child),
				   inet->inet_saddr, inet->inet_dport, inet->inet_sport,
				   sk_uid(child));
	} else {
		rcu_read_lock();
		final_p = xtcp_ip_flow6(child, &fl6, &final);
		if (final_p)
			fl6.daddr = *final_p;
		rcu_read_unlock();
		inet->cork.fl.u.ip6 = fl6;
	}
	xtcp_ip_cache(child, dst_clone(dst));
	return 0;
}

/**
 * xtcp_ip_checksum() - fill in the checksum of a built segment (MUST-2)
 * @skb: skb->data at the TCP header
 * @ip_version: 4 or 6
 * @src: our address
 * @dst: the peer's: the last one, should it be source routed
 * @wire_protocol: 6: the device is to complete it; 253: no device knows how
 *
 * Context: any.
 */
void xtcp_ip_checksum(struct sk_buff *skb, u8 ip_version, const union nf_inet_addr *src,
		      const union nf_inet_addr *dst, u8 wire_protocol)
{
	struct tcphdr *th = tcp_hdr(skb);
	bool partial = wire_protocol == IPPROTO_TCP;
	__wsum csum = 0;

	th->check = 0;
	if (!partial)
		csum = skb_checksum(skb, 0, skb->len, 0);
	if (ip_version == 4)
		th->check = csum_tcpudp_magic(src->ip, dst->ip, skb->len, wire_protocol, csum);
	else
		th->check = csum_ipv6_magic(&src->in6, &dst->in6, skb->len, wire_protocol,
					    csum);
	skb->ip_summed = CHECKSUM_NONE;
	if (!partial)
		return;
	th->check = ~th->check;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
}

/* Options go behind the IPv4 header; what is to be recorded of us is filled in. */
static void xtcp_ip_put_options(struct sk_buff *skb, const struct xtcp_ip_out4 *o)
{
	const struct ip_options *opt = &o->opt->opt;
	u8 *iph = skb_network_header(skb);
	struct timespec64 now;
	__be32 ms;

	IPCB(skb)->opt = *opt;
	memcpy(iph + sizeof(struct iphdr), opt->__data, opt->optlen);
	/* The end of a source route is its last address; the header has the first */
	if (opt->srr)
		memcpy(iph + opt->srr + iph[opt->srr + 1] - 4, &o->final, 4);
	if (opt->rr_needaddr)
		memcpy(iph + opt->rr + iph[opt->rr + 2] - 5, &o->saddr, 4);
	if (opt->ts_needaddr)
		memcpy(iph + opt->ts + iph[opt->ts + 2] - 9, &o->saddr, 4);
	if (opt->ts_needtime) {		/* milliseconds since midnight UT, RFC 791 3.1 */
		ktime_get_real_ts64(&now);
		ms = htonl(((u32)((u64)now.tv_sec % 86400) * MSEC_PER_SEC) +
			   (u32)now.tv_nsec / NSEC_PER_MSEC);
		memcpy(iph + opt->ts + iph[opt->ts + 2] - 5, &ms, 4);
	}
}

/**
 * xtcp_ip_out4() - write the IPv4 header and send
 * @skb: skb->data at the TCP header, checksum done, route set; consumed
 * @o: what the header says
 *
 * Context: rcu_read_lock().
 * Return: as ip_local_out().
 */
int xtcp_ip_out4(struct sk_buff *skb, const struct xtcp_ip_out4 *o)
{
	struct sock *sk = (struct sock *)o->sk;
	unsigned int optlen = o->opt ? o->opt->opt.optlen : 0;
	struct dst_entry *dst = skb_dst(skb);
	int ttl = READ_ONCE(inet_sk(sk)->uc_ttl);
	struct iphdr *iph;

	if (xtcp_ip_source_routed(o->opt) && o->opt->opt.is_strictroute &&
	    dst_rtable(dst)->rt_uses_gateway) {
		sk_skb_reason_drop(sk, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return -EHOSTUNREACH;
	}
	if (unlikely(skb_headroom(skb) < sizeof(*iph) + optlen) &&
	    skb_cow_head(skb, sizeof(*iph) + optlen)) {
		sk_skb_reason_drop(sk, skb, SKB_DROP_REASON_NOMEM);
		return -ENOMEM;
	}
	memset(skb->cb, 0, max(sizeof(struct inet_skb_parm), sizeof(struct inet6_skb_parm)));
	skb_push(skb, sizeof(*iph) + optlen);
	skb_reset_network_header(skb);
	iph = ip_hdr(skb);
	iph->version = 4;
	iph->ihl = (sizeof(*iph) + optlen) / 4;
	iph->tos = o->tos;
	iph->frag_off = ip_dont_fragment(sk, dst) && !skb->ignore_df ? htons(IP_DF) : 0;
	iph->ttl = ttl < 0 ? ip4_dst_hoplimit(dst) : ttl;	/* MUST-49 */
	iph->protocol = o->protocol;
	iph->saddr = o->saddr;
	iph->daddr = o->daddr;
	if (optlen)
		xtcp_ip_put_options(skb, o);
	ip_select_ident_segs(sock_net(sk), skb, sk, skb_shinfo(skb)->gso_segs ?: 1);
	skb->priority = READ_ONCE(sk->sk_priority);
	skb->mark = o->mark;
	return ip_local_out(sock_net(sk), sk, skb);
}

static int xtcp_ip_xmit4(struct sock *sk, struct sk_buff *skb)
{
	struct inet_sock *inet = inet_sk(sk);
	union nf_inet_addr src = { .ip = inet->inet_saddr };
	union nf_inet_addr dst = { .ip = inet->inet_daddr };
	struct xtcp_ip_out4 o = {
		.sk = sk,
		.opt = xtcp_ip_options(sk),
		.saddr = inet->inet_saddr,
		.daddr = xtcp_ip_first_hop(sk),
		.final = inet->inet_daddr,
		.mark = READ_ONCE(sk->sk_mark),
		.tos = READ_ONCE(inet->tos) | xtcp_cb(skb)->tos,
		.protocol = xtcp_sk(sk)->wire_protocol,
	};

	xtcp_ip_checksum(skb, 4, &src, &dst, o.protocol);
	return xtcp_ip_out4(skb, &o);
}

static int xtcp_ip_xmit6(struct sock *sk, struct sk_buff *skb)
{
	/* As it was when the route was found; options that are set later drop the route */
	struct flowi6 *fl6 = &inet_sk(sk)->cork.fl.u.ip6;
	struct ipv6_pinfo *np = inet6_sk(sk);
	union nf_inet_addr src = { .in6 = np->saddr };
	union nf_inet_addr dst = { .in6 = sk->sk_v6_daddr };
	u8 ecn = xtcp_cb(skb)->tos;

	xtcp_ip_checksum(skb, 6, &src, &dst, xtcp_sk(sk)->wire_protocol);
	memset(skb->cb, 0, max(sizeof(struct inet_skb_parm), sizeof(struct inet6_skb_parm)));
	/* ip6_xmit() works the first hop out by itself */
	return ip6_xmit(sk, skb, fl6, READ_ONCE(sk->sk_mark), xtcp_ip_txoptions(sk),
			np->tclass | ecn, READ_ONCE(sk->sk_priority));
}

/**
 * xtcp_ip_xmit() - send a built segment of a connection
 * @sk: the connection
 * @skb: skb->data at the TCP header, transport header set; consumed
 *
 * Context: socket lock.
 * Return: 0, NET_XMIT_*, or negative: -EHOSTUNREACH without a route.
 */
int xtcp_ip_xmit(struct sock *sk, struct sk_buff *skb)
{
	struct dst_entry *dst;
	int err;

	rcu_read_lock();
	dst = xtcp_ip_dst(sk);
	if (!dst) {
		rcu_read_unlock();
		if (xtcp_is_v4(sk))
			IP_INC_STATS(sock_net(sk), IPSTATS_MIB_OUTNOROUTES);
		sk_skb_reason_drop(sk, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return -EHOSTUNREACH;
	}
	skb_dst_set_noref(skb, dst);
	skb_set_hash_from_sk(skb, sk);
	err = xtcp_is_v4(sk) ? xtcp_ip_xmit4(sk, skb) : xtcp_ip_xmit6(sk, skb);
	rcu_read_unlock();
	return err;
}

/**
 * xtcp_ip_header_len() - IP header with options and extension headers
 * @sk: the connection
 *
 * Context: socket lock.
 * Return: bytes.
 */
u32 xtcp_ip_header_len(const struct sock *sk)
{
	u32 len = xtcp_is_v4(sk) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	const struct ipv6_txoptions *opt6;
	const struct ip_options_rcu *opt;

	if (xtcp_is_v4(sk) ? !rcu_access_pointer(inet_sk(sk)->inet_opt) :
			     !rcu_access_pointer(inet6_sk(sk)->opt))
		return len;
	rcu_read_lock();
	if (xtcp_is_v4(sk)) {
		opt = xtcp_ip_options(sk);
		len += opt ? opt->opt.optlen : 0;
	} else {
		opt6 = xtcp_ip_txoptions(sk);
		len += opt6 ? opt6->opt_flen + opt6->opt_nflen : 0;
	}
	rcu_read_unlock();
	return len;
}

/**
 * xtcp_ip_advmss() - MSS to announce (MUST-67)
 * @sk: the connection, or the listener
 * @dst: the route
 * @ip_version: 4 or 6
 *
 * What IP can take in, less fixed headers; options are the sender's business
 * (RFC 6691). A route may say any number; one without room for options is none.
 *
 * Context: any.
 * Return: bytes.
 */
u32 xtcp_ip_advmss(const struct sock *sk, const struct dst_entry *dst, u8 ip_version)
{
	return clamp_t(u32, dst_metric_advmss(dst), TCP_MIN_MSS, U16_MAX);
}

/**
 * xtcp_ip_mtu() - the path MTU now
 * @sk: the connection
 *
 * A route that went stale counts until the next segment finds that out: it looks for a
 * new one then, and the segment after it knows the new MTU.
 *
 * Context: socket lock.
 * Return: bytes; without a route the least any path carries.
 */
u32 xtcp_ip_mtu(const struct sock *sk)
{
	struct dst_entry *dst;
	u32 mtu;

	dst = __sk_dst_get((struct sock *)sk);
	if (likely(dst))
		return dst_mtu(dst);
	rcu_read_lock();
	dst = xtcp_ip_dst((struct sock *)sk);
	if (dst)
		mtu = dst_mtu(dst);
	else
		mtu = xtcp_is_v4(sk) ? 576 : IPV6_MIN_MTU;
	rcu_read_unlock();
	return mtu;
}

/**
 * xtcp_ip_pmtu_enabled() - does path MTU discovery apply? IP_MTU_DISCOVER
 * @sk: the connection
 *
 * Context: any.
 * Return: true if ICMP's word on the MTU is to be taken.
 */
bool xtcp_ip_pmtu_enabled(const struct sock *sk)
{
	if (xtcp_is_v4(sk))
		return READ_ONCE(inet_sk(sk)->pmtudisc) != IP_PMTUDISC_DONT &&
		       ip_sk_accept_pmtu(sk);
	return ip6_sk_accept_pmtu(sk);
}
