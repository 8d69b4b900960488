// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv4 source routes of connections that the peer opened: MUST-53 asks that the way a
 * SYN came by be taken back, in reverse. Nothing is learnt from other segments: a route
 * the program has set stays (MUST-52), and a later one of the peer's does not replace the
 * first (SHLD-24 would have it so; neither does the host's TCP).
 *
 * The host accepts such packets only if accept_source_route says so.
 */
#include <linux/ip.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/ip.h>

#include "output.h"

#define XTCP_SRCROUTE_HOPS	9	/* 40 octets of options: 3, then 4 for each */
#define XTCP_SRCROUTE_FIRST	3	/* octets before the first address */

/* The source route option in @len octets of IP options, or NULL. All lengths are checked. */
static const u8 *xtcp_srcroute_find(const u8 *p, unsigned int len)
{
	unsigned int left = len;

	while (left) {
		if (*p == IPOPT_END)
			return NULL;
		if (*p == IPOPT_NOOP) {
			p++;
			left--;
			continue;
		}
		if (left < 2 || p[1] < 2 || p[1] > left)
			return NULL;
		if (*p == IPOPT_LSRR || *p == IPOPT_SSRR)
			return p[1] >= XTCP_SRCROUTE_FIRST && p[2] >= 4 ? p : NULL;
		left -= p[1];
		p += p[1];
	}
	return NULL;
}

/*
 * The hops that were passed, last one first. One that is the sender itself is an
 * error of his that RFC 1812 5.2.4.1 asks to mend. Return: how many.
 */
static unsigned int xtcp_srcroute_reverse(const struct iphdr *iph, const u8 *opt, __be32 *hop)
{
	unsigned int n = min(opt[1] - XTCP_SRCROUTE_FIRST, opt[2] - 4) / 4;
	unsigned int i;

	n = min_t(unsigned int, n, XTCP_SRCROUTE_HOPS);
	for (i = 0; i < n; i++)
		memcpy(&hop[i], opt + XTCP_SRCROUTE_FIRST + 4 * (n - 1 - i), 4);
	if (n && hop[n - 1] == iph->saddr)
		n--;
	return n;
}

/**
 * xtcp_ip_return_route() - the way back of a source-routed SYN
 * @skb: the SYN, its IPv4 header in place, its transport header set
 *
 * Built as the header wants it: the first hop is the destination, the option
 * holds the others and at its end room for the peer's own address.
 *
 * Context: softirq.
 * Return: options for ireq_opt, to be freed with kfree(); NULL: no source route, or
 * no memory.
 */
struct ip_options_rcu *xtcp_ip_return_route(const struct sk_buff *skb)
{
	/* Not ihl: rules of the administrator may have changed that since IP looked at it */
	int options = skb_network_header_len(skb) - (int)sizeof(struct iphdr);
	const struct iphdr *iph = ip_hdr(skb);
	__be32 hop[XTCP_SRCROUTE_HOPS];
	struct ip_options_rcu *back;
	unsigned int n, len;
	const u8 *opt;

	if (likely(options <= 0))
		return NULL;
	opt = xtcp_srcroute_find((const u8 *)(iph + 1), options);
	n = opt ? xtcp_srcroute_reverse(iph, opt, hop) : 0;
	if (!n)
		return NULL;
	len = XTCP_SRCROUTE_FIRST + 4 * n;
	back = kzalloc(sizeof(*back) + ALIGN(len, 4), GFP_ATOMIC);
	if (!back)
		return NULL;
	back->opt.faddr = hop[0];
	back->opt.srr = sizeof(*iph);
	back->opt.is_strictroute = opt[0] == IPOPT_SSRR;
	back->opt.optlen = ALIGN(len, 4);
	back->opt.__data[0] = opt[0];
	back->opt.__data[1] = len;
	back->opt.__data[2] = 4;
	memcpy(&back->opt.__data[XTCP_SRCROUTE_FIRST], &hop[1], 4 * (n - 1));
	return back;
}

/**
 * xtcp_ip_inherit_options() - a child keeps the way back of its request
 * @child: private; has no options yet
 * @req: the request
 *
 * A copy: two CPUs may make a child of one request, and one of them is freed.
 *
 * Context: softirq, RCU.
 */
void xtcp_ip_inherit_options(struct sock *child, const struct xtcp_request *req)
{
	const struct ip_options_rcu *from = rcu_dereference(req->ireq.ireq_opt);
	struct ip_options_rcu *copy;

	if (likely(!from))
		return;
	copy = kmemdup(from, sizeof(*from) + from->opt.optlen, GFP_ATOMIC);
	if (copy)
		RCU_INIT_POINTER(inet_sk(child)->inet_opt, copy);
}
