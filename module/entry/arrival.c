// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lies between IP and a TCP: a packet taken from the host at LOCAL_IN never
 * reaches the host's code for it, so all of it is done here, in its order.
 */
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <net/xfrm.h>

#include "arrival.h"
#include "../conn/flows.h"
#include "../trace.h"

/**
 * xtcp_arrival_peek() - read ports, numbers and flags
 * @skb: only looked at
 * @s: @s->thoff is set
 *
 * Return: false: too short to be a segment.
 */
bool xtcp_arrival_peek(const struct sk_buff *skb, struct xtcp_arrival *s)
{
	const u8 *p;
	u8 buf[XTCP_HEADER_MIN];

	p = skb_header_pointer(skb, s->thoff, sizeof(buf), buf);
	if (!p)
		return false;
	memcpy(&s->t.rport, p, 2);
	memcpy(&s->t.lport, p + 2, 2);
	s->seq = xtcp_get_be32(p + 4);
	s->ack = xtcp_get_be32(p + 8);
	s->flags = p[13];
	return true;
}

/**
 * xtcp_arrival_ipv4() - begin with what the IPv4 header says
 * @net: the namespace
 * @skb: its cb is still IP's
 * @protocol: 6 or 253
 * @s: cleared, then filled in
 */
void xtcp_arrival_ipv4(struct net *net, const struct sk_buff *skb, u8 protocol,
		       struct xtcp_arrival *s)
{
	const struct iphdr *iph = ip_hdr(skb);

	memset(s, 0, sizeof(*s));
	s->t.net = net;
	s->t.family = AF_INET;
	s->t.wire_protocol = protocol;
	s->t.laddr.ip = iph->daddr;
	s->t.raddr.ip = iph->saddr;
	s->t.dif = inet_iif(skb);
	s->t.sdif = inet_sdif(skb);
	s->tos = iph->tos;
	s->ttl = iph->ttl;
}

/**
 * xtcp_arrival_ipv6() - begin with what the IPv6 header says
 * @net: the namespace
 * @skb: its cb is still IPv6's
 * @protocol: 6 or 253
 * @s: cleared, then filled in
 */
void xtcp_arrival_ipv6(struct net *net, const struct sk_buff *skb, u8 protocol,
		       struct xtcp_arrival *s)
{
	const struct ipv6hdr *hdr = ipv6_hdr(skb);

	memset(s, 0, sizeof(*s));
	s->t.net = net;
	s->t.family = AF_INET6;
	s->t.wire_protocol = protocol;
	s->t.laddr.in6 = hdr->daddr;
	s->t.raddr.in6 = hdr->saddr;
	s->t.dif = inet6_iif(skb);
	s->t.sdif = inet6_sdif(skb);
	s->tos = ipv6_get_dsfield(hdr);
	s->ttl = hdr->hop_limit;
}

/**
 * xtcp_arrival_bad_address() - MUST-57, MUST-63: nobody to answer
 * @skb: its route is set
 * @t: its tuple
 *
 * That a network's broadcast address is no peer's is what the answer's route says; with a source
 * route that leads elsewhere first.
 *
 * Return: true if it goes to a broadcast or multicast address, or comes from one
 * that cannot be a peer's.
 */
bool xtcp_arrival_bad_address(const struct sk_buff *skb, const struct xtcp_tuple *t)
{
	if (t->family == AF_INET6)
		return !ipv6_unicast_destination(skb) ||
		       ipv6_addr_is_multicast(&t->raddr.in6) ||
		       ipv6_addr_any(&t->raddr.in6) || ipv6_addr_v4mapped(&t->raddr.in6);
	return skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST) ||
	       ipv4_is_multicast(t->raddr.ip) || ipv4_is_lbcast(t->raddr.ip) ||
	       ipv4_is_zeronet(t->raddr.ip) ||
	       (IPCB(skb)->opt.srr &&
		inet_addr_type_dev_table(t->net, skb->dev, t->raddr.ip) == RTN_BROADCAST);
}

/**
 * xtcp_arrival_drop() - not wanted
 * @skb: freed
 * @s: what is known of it; the reference in @s->skc is given back
 * @reason: why
 */
void xtcp_arrival_drop(struct sk_buff *skb, struct xtcp_arrival *s,
		       enum skb_drop_reason reason)
{
	trace_xtcp_drop(&s->t, reason);
	sk_skb_reason_drop(NULL, skb, reason);
	if (s->skc)
		xtcp_flow_put(s->skc);
}

/* The full socket whose policies apply: a request's are its listener's. NULL: none. */
static struct sock *xtcp_arrival_policy_sk(const struct xtcp_arrival *s)
{
	if (!s->skc)
		return s->listener;
	if (s->skc->skc_state == TCP_NEW_SYN_RECV)
		return xtcp_req(s->skc)->ireq.req.rsk_listener;
	if (s->skc->skc_state == TCP_TIME_WAIT)
		return NULL;
	return (struct sock *)s->skc;
}

/* RFC 5082: IP_MINTTL, IPV6_MINHOPCOUNT. */
static bool xtcp_arrival_too_far(const struct sock *sk, const struct xtcp_arrival *s)
{
	if (!sk)
		return false;
	if (s->t.family == AF_INET)
		return s->ttl < READ_ONCE(inet_sk(sk)->min_ttl);
	return s->ttl < READ_ONCE(inet6_sk(sk)->min_hopcount);
}

/* Filters that stand between LOCAL_IN and a TCP. Return: why not, or NOT_DROPPED_YET. */
static enum skb_drop_reason xtcp_arrival_admit(struct sk_buff *skb, const struct xtcp_arrival *s)
{
	struct sock *sk = xtcp_arrival_policy_sk(s);

	if (xtcp_arrival_too_far(sk, s))
		return SKB_DROP_REASON_TCP_MINTTL;
	if (s->t.family == AF_INET ? !xfrm4_policy_check(sk, XFRM_POLICY_IN, skb) :
				     !xfrm6_policy_check(sk, XFRM_POLICY_IN, skb))
		return SKB_DROP_REASON_XFRM_POLICY;
	return SKB_NOT_DROPPED_YET;
}

static bool xtcp_arrival_checksum_ok(struct sk_buff *skb, const struct xtcp_arrival *s)
{
	__sum16 bad;

	if (s->t.family == AF_INET)
		bad = skb_checksum_init(skb, s->t.wire_protocol, inet_compute_pseudo);
	else
		bad = skb_checksum_init(skb, s->t.wire_protocol, ip6_compute_pseudo);
	if (bad)
		return false;
	return skb_csum_unnecessary(skb) || !__skb_checksum_complete(skb);
}

/*
 * One segment of its own, skb->data at its TCP header: verify, parse, hand over.
 * Consumes @skb and the reference in @s->skc.
 */
static void xtcp_arrival_deliver(struct sk_buff *skb, struct xtcp_arrival *s)
{
	struct net *net = s->t.net;
	enum skb_drop_reason reason;

	if (!xtcp_arrival_checksum_ok(skb, s)) {	/* MUST-3 */
		XTCP_INC(net, InCsumErrors);
		reason = SKB_DROP_REASON_TCP_CSUM;
		goto drop;
	}
	reason = xtcp_receive_parse(skb);
	if (reason)
		goto drop;
	xtcp_cb(skb)->rx.iif = s->t.dif;
	xtcp_cb(skb)->rx.sdif = s->t.sdif;
	xtcp_cb(skb)->tos = s->tos;
	xtcp_cb(skb)->ttl = s->ttl;
	xtcp_receive_segment(skb, &s->t, s->skc);
	return;

drop:
	XTCP_INC(net, InSegs);	/* the good ones are counted further on */
	XTCP_INC(net, InErrs);
	xtcp_arrival_drop(skb, s, reason);
}

/* Pull what is in front of the segment, @s->thoff octets, then deliver. */
static void xtcp_arrival_pull(struct sk_buff *skb, struct xtcp_arrival *s)
{
	if (!pskb_may_pull(skb, s->thoff + XTCP_HEADER_MIN)) {
		xtcp_arrival_drop(skb, s, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	__skb_pull(skb, s->thoff);
	skb_reset_transport_header(skb);
	/* An IPv4 header adds up to nothing; IPv6 ones must be taken out of the sum */
	if (s->t.family == AF_INET6)
		skb_postpull_rcsum(skb, skb_network_header(skb), s->thoff);
	xtcp_arrival_deliver(skb, s);
}

/*
 * rx-gro-list merges segments that each keep a TCP header of their own: cut them
 * apart. Each one is delivered with a reference of its own to the flow.
 */
static void xtcp_arrival_split(struct sk_buff *skb, struct xtcp_arrival *s)
{
	struct sk_buff *segs, *next;

	__skb_push(skb, -skb_mac_offset(skb));
	segs = __skb_gso_segment(skb, NETIF_F_SG | NETIF_F_HW_CSUM, false);
	if (IS_ERR_OR_NULL(segs)) {
		xtcp_arrival_drop(skb, s, SKB_DROP_REASON_SKB_GSO_SEG);
		return;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, skb, next) {
		skb_mark_not_on_list(skb);
		__skb_pull(skb, skb_network_offset(skb));
		if (s->skc)
			refcount_inc(&s->skc->skc_refcnt);
		xtcp_arrival_pull(skb, s);
	}
	if (s->skc)
		xtcp_flow_put(s->skc);
}

/*
 * The order is not free: pages that a sender still owns are copied before
 * anything may keep them (a local sender's MSG_ZEROCOPY); what time the core
 * stamped becomes a receive time; whoever owned it lets go; policies see the
 * packet whole, with its security path; conntrack has confirmed it before.
 * Return: false: dropped.
 */
static bool xtcp_arrival_own(struct sk_buff *skb, struct xtcp_arrival *s)
{
	enum skb_drop_reason reason;

	if (skb_orphan_frags_rx(skb, GFP_ATOMIC)) {
		xtcp_arrival_drop(skb, s, SKB_DROP_REASON_SKB_UCOPY_FAULT);
		return false;
	}
	skb_clear_delivery_time(skb);
	skb_orphan(skb);
	reason = xtcp_arrival_admit(skb, s);
	if (reason) {
		XTCP_INC(s->t.net, PolicyDrops);
		xtcp_arrival_drop(skb, s, reason);
		return false;
	}
	/* Its security path goes when it is queued: LSMs ask for it until then */
	nf_reset_ct(skb);
	return true;
}

/**
 * xtcp_arrival_take() - a packet is taken from the host
 * @skb: skb->data at the IP header; consumed
 * @s: what was seen of it; consumes the reference in @s->skc
 *
 * Context: softirq, RCU.
 */
void xtcp_arrival_take(struct sk_buff *skb, struct xtcp_arrival *s)
{
	if (!xtcp_arrival_own(skb, s))
		return;
	if (s->t.family == AF_INET)
		__IP_INC_STATS(s->t.net, IPSTATS_MIB_INDELIVERS);
	else
		__IP6_INC_STATS(s->t.net, ip6_dst_idev(skb_dst(skb)), IPSTATS_MIB_INDELIVERS);

	if (skb_is_gso(skb) && skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST)
		xtcp_arrival_split(skb, s);
	else
		xtcp_arrival_pull(skb, s);
}

/**
 * xtcp_arrival_take_delivered() - IP has delivered a segment to us
 * @skb: skb->data at the TCP header; consumed
 * @s: what was seen of it; consumes the reference in @s->skc
 *
 * Context: softirq, RCU.
 */
void xtcp_arrival_take_delivered(struct sk_buff *skb, struct xtcp_arrival *s)
{
	if (xtcp_arrival_own(skb, s))
		xtcp_arrival_deliver(skb, s);
}
