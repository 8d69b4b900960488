// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv6 extension headers. LOCAL_IN runs before the host has looked at them, so
 * what stands between the IPv6 header and the segment must be judged here as
 * the host would: RFC 8200 4, and its limits on options, headers and lengths.
 * What the host would drop is left to it, and it says so; what it would pass on
 * to TCP must be found here, or its TCP resets the flow.
 */
#include <linux/ipv6.h>
#include <linux/seg6.h>
#include <linux/skbuff.h>
#include <net/addrconf.h>
#include <net/ipv6.h>

#include "entry.h"

#define XTCP_EXTHDR_PAD_MAX	7	/* padding is for alignment to eight octets */

/* The octets of a PadN option: the host drops what is not zero. */
static bool xtcp_exthdr_pad(const struct sk_buff *skb, unsigned int off, unsigned int len)
{
	u8 buf[XTCP_EXTHDR_PAD_MAX];
	const u8 *p;

	if (len > sizeof(buf))
		return false;
	p = skb_header_pointer(skb, off, len, buf);
	if (!p)
		return false;
	while (len)
		if (p[--len])
			return false;
	return true;
}

/*
 * Is an option to be passed over? RFC 8200 4.2: the two high bits of an unknown
 * one say what is to be done; only 00 means "skip". Jumbo payload, home address
 * and the like are none of ours. A limit below 0: no unknown one at all.
 */
static bool xtcp_exthdr_skipped(u8 type, unsigned int count, int limit)
{
	return !(type & 0xc0) && limit >= 0 && count <= limit;
}

/*
 * Destination options from @off to @end, all of them harmless? They are read one
 * by one: the header may have 2048 octets.
 */
static bool xtcp_exthdr_destopts(const struct sk_buff *skb, unsigned int off, unsigned int end)
{
	const struct net *net = dev_net(skb->dev);
	int most = READ_ONCE(net->ipv6.sysctl.max_dst_opts_cnt);
	unsigned int pad = 0, count = 0, optlen;
	const u8 *p;
	u8 buf[2];

	if ((int)(end - off) > READ_ONCE(net->ipv6.sysctl.max_dst_opts_len))
		return false;
	for (off += sizeof(struct ipv6_opt_hdr); off < end; off += optlen) {
		/* of a last octet there is only the type */
		p = skb_header_pointer(skb, off, min_t(unsigned int, end - off, 2), buf);
		if (!p)
			return false;
		if (p[0] != IPV6_TLV_PAD1 && end - off < 2)
			return false;
		optlen = p[0] == IPV6_TLV_PAD1 ? 1 : p[1] + 2;
		if (optlen > end - off)
			return false;
		if (p[0] != IPV6_TLV_PAD1 && p[0] != IPV6_TLV_PADN) {
			if (!xtcp_exthdr_skipped(p[0], ++count, most))
				return false;
			pad = 0;
			continue;
		}
		pad += optlen;
		if (pad > XTCP_EXTHDR_PAD_MAX)
			return false;
		if (optlen > 2 && !xtcp_exthdr_pad(skb, off + 2, optlen - 2))
			return false;
	}
	return true;
}

/* Segment routing (RFC 8754) is heard where both knobs say so; the host knows good HMACs. */
static bool xtcp_exthdr_srv6(const struct sk_buff *skb, unsigned int off,
			     const struct inet6_dev *idev)
{
	const struct ipv6_devconf *all = dev_net(skb->dev)->ipv6.devconf_all;
	const struct ipv6_sr_hdr *srh;
	struct ipv6_sr_hdr buf;
	int hmac = -1;	/* nobody looks at it */

	srh = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!srh || !READ_ONCE(all->seg6_enabled) || !READ_ONCE(idev->cnf.seg6_enabled))
		return false;
#ifdef CONFIG_IPV6_SEG6_HMAC
	hmac = READ_ONCE(idev->cnf.seg6_require_hmac);
#endif
	return hmac < 0 || (hmac == 0 && !(srh->flags & SR6_FLAG1_HMAC));
}

/* A routing header that has done its work, and that the host would not drop? */
static bool xtcp_exthdr_routed(const struct sk_buff *skb, unsigned int off)
{
	const struct inet6_dev *idev = __in6_dev_get(skb->dev);
	const struct ipv6_rt_hdr *rh;
	struct ipv6_rt_hdr buf;

	rh = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!rh || rh->segments_left || !idev)
		return false;
	switch (rh->type) {
	case IPV6_SRCRT_TYPE_2:		/* of Mobile IPv6: never as it comes from the wire */
		return !IS_ENABLED(CONFIG_IPV6_MIP6);
	case IPV6_SRCRT_TYPE_3:
		return READ_ONCE(dev_net(skb->dev)->ipv6.devconf_all->rpl_seg_enabled) &&
		       READ_ONCE(idev->cnf.rpl_seg_enabled);
	case IPV6_SRCRT_TYPE_4:
		return xtcp_exthdr_srv6(skb, off, idev);
	default:
		return true;
	}
}

/**
 * xtcp_exthdr_find() - find what the IPv6 packet carries
 * @skb: skb->data at the IPv6 header; only looked at
 * @proto: set to the upper protocol
 *
 * Hop-by-hop options were judged by the host already (it does so on arrival), and
 * may only come first. Fragments and AH are the host's: they come by
 * again once they are whole or verified. There may be as many headers as the
 * host takes; where it does not count them, as the packet has room for.
 *
 * Context: softirq.
 * Return: offset of the upper header from skb->data, or negative: not for us.
 */
int xtcp_exthdr_find(const struct sk_buff *skb, u8 *proto)
{
	unsigned int off = sizeof(struct ipv6hdr), len, count = 0;
	u8 next = ipv6_hdr(skb)->nexthdr;
	const struct ipv6_opt_hdr *h;
	struct ipv6_opt_hdr buf;

	while (next == NEXTHDR_HOP || next == NEXTHDR_DEST || next == NEXTHDR_ROUTING) {
		if (next == NEXTHDR_HOP && off != sizeof(struct ipv6hdr))
			return -EINVAL;
		/* the host does not count that one either */
		if (next != NEXTHDR_HOP && ++count > IP6_MAX_EXT_HDRS_CNT)
			return -EINVAL;
		h = skb_header_pointer(skb, off, sizeof(buf), &buf);
		if (!h)
			return -EINVAL;
		len = ipv6_optlen(h);
		if (next == NEXTHDR_DEST && !xtcp_exthdr_destopts(skb, off, off + len))
			return -EINVAL;
		if (next == NEXTHDR_ROUTING && !xtcp_exthdr_routed(skb, off))
			return -EINVAL;
		next = h->nexthdr;
		off += len;
	}
	*proto = next;
	return next == NEXTHDR_FRAGMENT ? -EINVAL : off;
}
