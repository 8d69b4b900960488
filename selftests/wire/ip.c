// SPDX-License-Identifier: GPL-2.0-only
/* MUST-48, 50-53: what IP hands over besides the segment. */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "ip"

/* MUST-50: options that are not known, or are none of TCP's business. */
static void unknown_options(void)
{
	static const uint8_t o[][8] = {
		{ 1, 1, 1, 1, 1, 1, 1, 0 },
		{ 0x5e, 4, 1, 2, 0, 0, 0, 0 },		/* experimental */
		{ 0x94, 4, 0, 0, 0, 0, 0, 0 },		/* router alert */
		{ 0x88, 4, 1, 2, 0, 0, 0, 0 },		/* stream id */
	};
	struct conn *c = in_listen();
	unsigned int i;

	inject(c, SYN, 0, 0, .mss = 1460, .ipopt = o[1], .ipoptlen = 8);
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1, .ipopt = o[1], .ipoptlen = 8);
	do_accept(c);
	for (i = 0; i < 4; i++) {
		inject(c, ACK, c->snd, 1, .len = 10, .ipopt = o[i],
		       .ipoptlen = 8);
		expect(c, ACK, 1, c->snd);
	}
	read_stream(c, 40);
}

/* IPv6: a destination options header with an option that may be skipped. */
static void unknown_options6(void)
{
	struct inj i = { .flags = ACK, .seq = 1, .ack = 1, .len = 10 };
	struct conn *c = in_established();
	uint8_t buf[2048], out[2048];
	int n = pkt_build(c, &i, buf);

	memcpy(out, buf, 40);
	memcpy(out + 40, (uint8_t[]){ w.proto, 0, 0x1e, 2, 0, 0, 1, 0 }, 8);
	memcpy(out + 48, buf + 40, n - 40);
	out[5] += 8;
	out[6] = 60;
	raw_write(out, n + 8);
	expect(c, ACK, 1, 11);
	read_stream(c, 10);
	/* A hop-by-hop header likewise. */
	i.seq = 11;
	c->snd = 11;
	n = pkt_build(c, &i, buf);
	memcpy(out, buf, 40);
	memcpy(out + 40, (uint8_t[]){ w.proto, 0, 1, 4, 0, 0, 0, 0 }, 8);
	memcpy(out + 48, buf + 40, n - 40);
	out[5] += 8;
	out[6] = 0;
	raw_write(out, n + 8);
	expect(c, ACK, 1, 21);
	read_stream(c, 10);
}

/* MUST-48: DSCP of what is sent, as the program says. */
static void dscp(void)
{
	struct conn *c = in_established();
	int tos = 46 << 2;

	if (is_v6())
		set_int(c->fd, IPPROTO_IPV6, IPV6_TCLASS, tos);
	else
		set_int(c->fd, IPPROTO_IP, IP_TOS, tos);
	write_stream(c, 10);
	check_eq(expect(c, ACK, 1, 1, .len = 10)->tos & 0xfc, tos);
	inject(c, ACK, 1, 11, .len = 10);
	check_eq(expect(c, ACK, 11, 11)->tos & 0xfc, tos);
}

static void tune_tos(int fd)
{
	if (is_v6())
		set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, 10 << 2);
	else
		set_int(fd, IPPROTO_IP, IP_TOS, 10 << 2);
}

static void dscp_syn(void)
{
	struct conn *c = in_syn_sent(.tune = tune_tos);

	check_eq(c->syn.tos & 0xfc, 10 << 2);
	c = in_established(.tune = tune_tos);
	check_eq(c->syn.tos & 0xfc, 10 << 2);
	write_stream(c, 1);
	check_eq(expect(c, ACK, 1, 1, .len = 1)->tos & 0xfc, 10 << 2);
}

/* MUST-51-53: the return way of a source-routed SYN is used, reversed. */
static void source_route(void)
{
	/* Loose route, used up: recorded 198.51.100.7, came to us. */
	static const uint8_t o[] = { 1, 131, 7, 8, 198, 51, 100, 7 };
	struct conn *c;
	struct inj i = { 0 };

	(void)i;
	put_file("/proc/sys/net/ipv4/conf/all/accept_source_route", "1");
	put_file("/proc/sys/net/ipv4/conf/w0/accept_source_route", "1");
	c = in_listen();
	inject(c, SYN, 0, 0, .mss = 1460, .ipopt = o, .ipoptlen = 8);
	fence();
	/* No route leads to 198.51.100.7: what matters is that nothing breaks. */
	drop_pending();
	inject(c, RST, 1, 0);
	c = listener_peer(c);
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
}

/* IPv4 fragments are reassembled before TCP sees them. */
static void fragments(void)
{
	struct inj i = { .flags = ACK, .seq = 1, .ack = 1, .len = 800 };
	struct conn *c = in_established();
	uint8_t buf[2048], f[2048];
	int n = pkt_build(c, &i, buf), cut = 400, len;

	buf[6] = 0;
	len = 20 + cut;
	memcpy(f, buf, len);
	f[2] = len >> 8;
	f[3] = len;
	f[6] = 0x20;
	f[10] = 0;
	f[11] = 0;
	len = csum_fold(csum_add(0, f, 20));
	f[10] = len >> 8;
	f[11] = len;
	raw_write(f, 20 + cut);
	quiet(c);
	len = n - cut;
	memcpy(f, buf, 20);
	memcpy(f + 20, buf + 20 + cut, len - 20);
	f[2] = len >> 8;
	f[3] = len;
	f[6] = 0;
	f[7] = cut / 8;
	f[10] = 0;
	f[11] = 0;
	n = csum_fold(csum_add(0, f, 20));
	f[10] = n >> 8;
	f[11] = n;
	raw_write(f, len);
	expect(c, ACK, 1, 801);
	read_stream(c, 800);
}

/* IPv6 fragments too. */
static void fragments6(void)
{
	struct inj i = { .flags = ACK, .seq = 1, .ack = 1, .len = 800 };
	struct conn *c = in_established();
	uint8_t buf[2048], f[2048];
	int n = pkt_build(c, &i, buf) - 40, cut = 400, len;

	memcpy(f, buf, 40);
	f[6] = 44;
	memcpy(f + 40, (uint8_t[]){ w.proto, 0, 0, 1, 1, 2, 3, 4 }, 8);
	memcpy(f + 48, buf + 40, cut);
	len = 8 + cut;
	f[4] = len >> 8;
	f[5] = len;
	raw_write(f, 40 + len);
	quiet(c);
	len = 8 + n - cut;
	f[4] = len >> 8;
	f[5] = len;
	f[42] = cut >> 8;
	f[43] = cut & 0xf8;
	memcpy(f + 48, buf + 40 + cut, n - cut);
	raw_write(f, 40 + len);
	expect(c, ACK, 1, 801);
	read_stream(c, 800);
}

/* RFC 6864 4.1: unfragmented, so any will do; RFC 7739 5: but not the same for all to see. */
static void identification(void)
{
	uint16_t first = 0;
	int i, apart = 0;
	struct conn *c;
	struct seg *s;

	for (i = 0; i < 4; i++) {
		c = in_established();
		write_stream(c, 10);
		s = expect(c, ACK, 1, 1, .len = 10);
		if (!i)
			first = s->id;
		apart += (uint16_t)(s->id - first + 16) > 32;
		inject(c, ACK, 1, 11);
	}
	check(apart, "connections of a listener begin with the same IPv4 ID, %u", first);
}

const struct row ip_rows[] = {
	ROW(ROW_CORE, "MUST-48 DSCP", dscp),
	ROW(0, "MUST-48 DSCP of SYN and SYN+ACK", dscp_syn),
	ROW(ROW_CORE | ROW_V4, "MUST-50 unknown IP options",
	    unknown_options),
	ROW(ROW_CORE | ROW_V6, "MUST-50 unknown IPv6 options",
	    unknown_options6),
	ROW(ROW_CORE | ROW_V4, "MUST-51 MUST-52 MUST-53 source routes",
	    source_route),
	ROW(ROW_V4, "RFC 6864 4.1 IPv4 ID of children", identification),
	ROW(ROW_V4, "IPv4 fragments", fragments),
	ROW(ROW_V6, "IPv6 fragments", fragments6),
	{ NULL }
};
