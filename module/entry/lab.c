// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lab mode: TCP on IP protocol 253 (RFC 3692: for experiments), wholly apart from
 * the host's. IP delivers it to us; nobody else is asked, and what finds no
 * socket is answered RST by us.
 */
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/protocol.h>

#include "arrival.h"
#include "../conn/flows.h"

/* skb->data at the TCP header; conntrack and IPv6's checksum are IP's work, and done. */
static void xtcp_lab_receive(struct sk_buff *skb, struct xtcp_arrival *s)
{
	if (skb->pkt_type != PACKET_HOST || !pskb_may_pull(skb, XTCP_HEADER_MIN) ||
	    !xtcp_arrival_peek(skb, s)) {
		xtcp_arrival_drop(skb, s, SKB_DROP_REASON_PKT_TOO_SMALL);
		return;
	}
	s->skc = xtcp_flow_lookup(&s->t);
	if (!s->skc) {
		if (xtcp_arrival_bad_address(skb, &s->t)) {
			xtcp_arrival_drop(skb, s, SKB_DROP_REASON_IP_INADDRERRORS);
			return;
		}
		s->listener = xtcp_flow_lookup_listener(&s->t, NULL, 0);
	}
	xtcp_arrival_take_delivered(skb, s);
}

static int xtcp_lab_ipv4(struct sk_buff *skb)
{
	struct xtcp_arrival s;

	xtcp_arrival_ipv4(dev_net(skb->dev), skb, IPPROTO_XTCP, &s);
	xtcp_lab_receive(skb, &s);
	return 0;
}

static int xtcp_lab_ipv6(struct sk_buff *skb)
{
	struct xtcp_arrival s;

	xtcp_arrival_ipv6(dev_net(skb->dev), skb, IPPROTO_XTCP, &s);
	xtcp_lab_receive(skb, &s);
	return 0;
}

static int xtcp_lab_ipv4_err(struct sk_buff *skb, u32 info)
{
	const struct icmphdr *icmph = icmp_hdr(skb);

	xtcp_icmp_error(dev_net(skb->dev), skb, AF_INET, IPPROTO_XTCP, 0, icmph->type,
			icmph->code, info);
	return 0;
}

static int xtcp_lab_ipv6_err(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
			     int offset, __be32 info)
{
	if (type <= ICMPV6_PARAMPROB)
		xtcp_icmp_error(dev_net(skb->dev), skb, AF_INET6, IPPROTO_XTCP, 0, type, code,
				ntohl(info));
	return 0;
}

static const struct net_protocol xtcp_lab_protocol4 = {
	.handler	= xtcp_lab_ipv4,
	.err_handler	= xtcp_lab_ipv4_err,
	.no_policy	= 1,
};

static const struct inet6_protocol xtcp_lab_protocol6 = {
	.handler	= xtcp_lab_ipv6,
	.err_handler	= xtcp_lab_ipv6_err,
	.flags		= INET6_PROTO_NOPOLICY | INET6_PROTO_FINAL,
};

/**
 * xtcp_lab_init() - take IP protocol 253
 *
 * Context: module init.
 * Return: 0, or -EBUSY if somebody else has it.
 */
int xtcp_lab_init(void)
{
	if (inet_add_protocol(&xtcp_lab_protocol4, IPPROTO_XTCP)) {
		pr_err("xtcp: IP protocol %d is taken for IPv4\n", IPPROTO_XTCP);
		return -EBUSY;
	}
	if (inet6_add_protocol(&xtcp_lab_protocol6, IPPROTO_XTCP)) {
		pr_err("xtcp: IP protocol %d is taken for IPv6\n", IPPROTO_XTCP);
		inet_del_protocol(&xtcp_lab_protocol4, IPPROTO_XTCP);
		return -EBUSY;
	}
	return 0;
}

/**
 * xtcp_lab_exit() - give IP protocol 253 back
 *
 * Both calls wait for a grace period. Context: process, module exit.
 */
void xtcp_lab_exit(void)
{
	inet6_del_protocol(&xtcp_lab_protocol6, IPPROTO_XTCP);
	inet_del_protocol(&xtcp_lab_protocol4, IPPROTO_XTCP);
}
