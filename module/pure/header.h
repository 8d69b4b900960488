/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixed part of the TCP header (RFC 9293 section 3.1), as bytes on the
 * wire and as a struct in host order.
 */
#ifndef XTCP_PURE_HEADER_H
#define XTCP_PURE_HEADER_H

#include "port.h"

/* Control bits, in the order of octet 13 of the header. */
#define XTCP_FLAG_FIN	0x01
#define XTCP_FLAG_SYN	0x02
#define XTCP_FLAG_RST	0x04
#define XTCP_FLAG_PSH	0x08
#define XTCP_FLAG_ACK	0x10
#define XTCP_FLAG_URG	0x20
#define XTCP_FLAG_ECE	0x40
#define XTCP_FLAG_CWR	0x80

#define XTCP_HEADER_MIN	20	/* octets without options */
#define XTCP_HEADER_MAX	60	/* octets with all the options that fit */

/**
 * struct xtcp_header - a TCP header without its options, in host order
 * @source: source port
 * @dest: destination port
 * @seq: sequence number
 * @ack: acknowledgment number; without meaning unless XTCP_FLAG_ACK is set
 * @doff_bytes: length of header and options, in octets: 20 to 60, by 4
 * @flags: XTCP_FLAG_* bits
 * @window: the window as on the wire, not scaled; unsigned (MUST-1)
 * @check: checksum as on the wire
 * @urg_ptr: urgent pointer; without meaning unless XTCP_FLAG_URG is set
 */
struct xtcp_header {
	u16 source;
	u16 dest;
	u32 seq;
	u32 ack;
	u8 doff_bytes;
	u8 flags;
	u16 window;
	u16 check;
	u16 urg_ptr;
};

/**
 * xtcp_header_parse() - read a TCP header
 * @p: the header's first octet, at any alignment
 * @len: readable octets at @p: the header and whatever follows it
 * @h: filled in on success, untouched otherwise
 *
 * The four reserved bits are ignored, as RFC 9293 section 3.1 asks. The
 * options lie at @p + 20 and are @h->doff_bytes - 20 octets long.
 *
 * Return: 0, or -EINVAL if @len cannot hold a header or the header says it is
 * shorter than 20 octets or longer than @len.
 */
static inline int xtcp_header_parse(const u8 *p, u32 len, struct xtcp_header *h)
{
	u8 doff;

	if (len < XTCP_HEADER_MIN)
		return -EINVAL;
	doff = (p[12] >> 4) * 4;
	if (doff < XTCP_HEADER_MIN || doff > len)
		return -EINVAL;

	h->source = xtcp_get_be16(p);
	h->dest = xtcp_get_be16(p + 2);
	h->seq = xtcp_get_be32(p + 4);
	h->ack = xtcp_get_be32(p + 8);
	h->doff_bytes = doff;
	h->flags = p[13];
	h->window = xtcp_get_be16(p + 14);
	h->check = xtcp_get_be16(p + 16);
	h->urg_ptr = xtcp_get_be16(p + 18);
	return 0;
}

/**
 * xtcp_header_build() - write the 20 fixed octets of a TCP header
 * @p: 20 writable octets, at any alignment
 * @h: what to write; the checksum goes out as given
 *
 * Options are xtcp_options_build()'s business; their length must already be
 * part of @h->doff_bytes. The reserved bits are zero.
 */
static inline void xtcp_header_build(u8 *p, const struct xtcp_header *h)
{
	xtcp_put_be16(p, h->source);
	xtcp_put_be16(p + 2, h->dest);
	xtcp_put_be32(p + 4, h->seq);
	xtcp_put_be32(p + 8, h->ack);
	p[12] = (u8)(h->doff_bytes / 4 << 4);
	p[13] = h->flags;
	xtcp_put_be16(p + 14, h->window);
	xtcp_put_be16(p + 16, h->check);
	xtcp_put_be16(p + 18, h->urg_ptr);
}

#endif
