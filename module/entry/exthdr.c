// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv6 extension headers. LOCAL_IN runs before the host has looked at them, so
 * what stands between the IPv6 header and the segment must be judged here as
 * the host would: RFC 8200 4. Whatever is not plainly in order is left to the
 * host, which drops it and says so.
 */
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

#include "entry.h"

#define XTCP_EXTHDR_HEADERS_MAX	8	/* more than any sane chain has */
#define XTCP_EXTHDR_OPTIONS_MAX	8	/* the host's default too: max_dst_opts_number */
#define XTCP_EXTHDR_PAD_MAX	7	/* padding is for alignment to eight octets */
#define XTCP_EXTHDR_TLV_MAX	256	/* more octets of options: not for us */

/*
 * One PadN option: zero octets, no more in a row than alignment takes.
 * Return: false: the host would drop the packet.
 */
static bool xtcp_exthdr_pad(const u8 *data, unsigned int len)
{
	while (len)
		if (data[--len])
			return false;
	return true;
}

/*
 * Are these options to be passed over? RFC 8200 4.2: the two high bits of an
 * unknown option say what is to be done; only 00 means "skip". Jumbo payload,
 * home address and the like are none of ours.
 */
static bool xtcp_exthdr_options(const u8 *p, unsigned int len)
{
	unsigned int pad = 0, count = 0, optlen;

	while (len) {
		if (p[0] == IPV6_TLV_PAD1) {
			if (++pad > XTCP_EXTHDR_PAD_MAX)
				return false;
			p++;
			len--;
			continue;
		}
		if (len < 2)
			return false;
		optlen = p[1] + 2;
		if (optlen > len)
			return false;
		if (p[0] == IPV6_TLV_PADN) {
			pad += optlen;
			if (pad > XTCP_EXTHDR_PAD_MAX || !xtcp_exthdr_pad(p + 2, optlen - 2))
				return false;
		} else {
			if (p[0] & 0xc0 || ++count > XTCP_EXTHDR_OPTIONS_MAX)
				return false;
			pad = 0;
		}
		p += optlen;
		len -= optlen;
	}
	return true;
}

/* Destination options at @off, all of them harmless? */
static bool xtcp_exthdr_destopts(const struct sk_buff *skb, unsigned int off, unsigned int len)
{
	u8 buf[XTCP_EXTHDR_TLV_MAX];
	const u8 *p;

	if (len <= 2 || len - 2 > sizeof(buf))
		return false;
	p = skb_header_pointer(skb, off + 2, len - 2, buf);
	return p && xtcp_exthdr_options(p, len - 2);
}

/* A routing header that has done its work? */
static bool xtcp_exthdr_routed(const struct sk_buff *skb, unsigned int off)
{
	const struct ipv6_rt_hdr *rh;
	struct ipv6_rt_hdr buf;

	rh = skb_header_pointer(skb, off, sizeof(buf), &buf);
	return rh && !rh->segments_left;
}

/**
 * xtcp_exthdr_find() - find what the IPv6 packet carries
 * @skb: skb->data at the IPv6 header; only looked at
 * @proto: set to the upper protocol
 *
 * Hop-by-hop options were judged by the host already (it does so on arrival), and
 * may only come first. Fragments and AH are the host's: they come by
 * again once they are whole or verified.
 *
 * Context: softirq.
 * Return: offset of the upper header from skb->data, or negative: not for us.
 */
int xtcp_exthdr_find(const struct sk_buff *skb, u8 *proto)
{
	unsigned int off = sizeof(struct ipv6hdr), len, n;
	const struct ipv6_opt_hdr *h;
	struct ipv6_opt_hdr buf;
	u8 next = ipv6_hdr(skb)->nexthdr;

	for (n = 0; n < XTCP_EXTHDR_HEADERS_MAX; n++) {
		if (next != NEXTHDR_HOP && next != NEXTHDR_DEST && next != NEXTHDR_ROUTING) {
			*proto = next;
			return next == NEXTHDR_FRAGMENT ? -EINVAL : off;
		}
		if (next == NEXTHDR_HOP && n)
			return -EINVAL;
		h = skb_header_pointer(skb, off, sizeof(buf), &buf);
		if (!h)
			return -EINVAL;
		len = ipv6_optlen(h);
		if (next == NEXTHDR_DEST && !xtcp_exthdr_destopts(skb, off, len))
			return -EINVAL;
		if (next == NEXTHDR_ROUTING && !xtcp_exthdr_routed(skb, off))
			return -EINVAL;
		next = h->nexthdr;
		off += len;
	}
	return -EINVAL;
}
