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

/* Ten bytes from @seq on, behind IPv6 extension headers of which @first is the first. */
static void write_behind(struct conn *c, int seq, int first, const uint8_t *ext, int len)
{
	struct inj i = { .flags = ACK, .seq = seq, .ack = 1, .len = 10 };
	uint8_t buf[2048], out[4096];
	int n = pkt_build(c, &i, buf), payload = n - 40 + len;

	memcpy(out, buf, 40);
	out[4] = payload >> 8;
	out[5] = payload;
	out[6] = first;
	memcpy(out + 40, ext, len);
	memcpy(out + 40 + len, buf + 40, n - 40);
	raw_write(out, n + len);
}

/* These are taken... */
static void passes(struct conn *c, int first, const uint8_t *ext, int len)
{
	write_behind(c, c->snd, first, ext, len);
	c->snd += 10;
	expect(c, ACK, 1, c->snd);
	read_stream(c, 10);
}

/* ...and these are not, nor are they answered with a RST: the connection lives on. */
static void is_dropped(struct conn *c, const uint8_t *ext, int len)
{
	write_behind(c, c->snd, IPPROTO_DSTOPTS, ext, len);
	quiet(c);
}

/* IPv6: a destination options header with an option that may be skipped, a hop-by-hop header. */
static void unknown_options6(void)
{
	struct conn *c = in_established();

	passes(c, IPPROTO_DSTOPTS, (uint8_t[]){ w.proto, 0, 0x1e, 2, 0, 0, 1, 0 }, 8);
	passes(c, IPPROTO_HOPOPTS, (uint8_t[]){ w.proto, 0, 1, 4, 0, 0, 0, 0 }, 8);
}

/* A destination options header of @len octets in as many options of @type as it takes. */
static void fill_options(uint8_t *ext, int len, int type)
{
	int at = 2, n;

	memset(ext, 0, len);
	ext[0] = w.proto;
	ext[1] = len / 8 - 1;
	for (; at < len; at += n) {
		n = len - at < 257 ? len - at : 257;
		/* an option has two octets at least */
		if (len - at - n == 1)
			n--;
		ext[at] = type;
		ext[at + 1] = n - 2;
	}
}

/* RFC 8200 4.2, however long the header is: 2048 octets is what its length can say. */
static void long_options6(void)
{
	static const int lens[] = { 256, 264, 1024, 2048 };
	struct conn *c = in_established();
	uint8_t ext[2048];
	unsigned int i;

	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		fill_options(ext, lens[i], 0x5e);
		is_dropped(c, ext, lens[i]);
		fill_options(ext, lens[i], 0x1e);
		passes(c, IPPROTO_DSTOPTS, ext, lens[i]);
	}
	/* The last option alone: it is looked at, too. */
	ext[2048 - 247] = 0x5e;
	check_eq(ext[2048 - 246], 245);
	is_dropped(c, ext, 2048);
	ext[2048 - 247] = 0x1e;
	ext[2048 - 246] = 246;
	is_dropped(c, ext, 2048);
}

/* The host's own limits hold for XTCP's segments, too, and no others do. */
static void option_limits6(void)
{
	uint8_t ext[64] = { w.proto, 64 / 8 - 1, 1, 0 };
	struct conn *c = in_established();
	int i;

	/* 30 options without data: by default no more than 8 are let in */
	for (i = 4; i < 64; i += 2)
		ext[i] = 0x1e;
	is_dropped(c, ext, 64);
	put_file("/proc/sys/net/ipv6/max_dst_opts_number", "29");
	is_dropped(c, ext, 64);
	put_file("/proc/sys/net/ipv6/max_dst_opts_number", "30");
	passes(c, IPPROTO_DSTOPTS, ext, 64);
	put_file("/proc/sys/net/ipv6/max_dst_opts_length", "56");
	is_dropped(c, ext, 64);
	put_file("/proc/sys/net/ipv6/max_dst_opts_length", "64");
	passes(c, IPPROTO_DSTOPTS, ext, 64);
	/* below zero: none that is not known, but padding is */
	put_file("/proc/sys/net/ipv6/max_dst_opts_number", "-30");
	is_dropped(c, ext, 64);
	passes(c, IPPROTO_DSTOPTS, (uint8_t[]){ w.proto, 0, 1, 4, 0, 0, 0, 0 }, 8);
}

/* @count headers with nothing but padding. Return: their length. */
static int fill_headers(uint8_t *ext, int count)
{
	int i;

	for (i = 0; i < count; i++)
		memcpy(ext + 8 * i, (uint8_t[]){ IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0 }, 8);
	ext[8 * i - 8] = w.proto;
	return 8 * i;
}

/* Twelve headers any kernel takes. Since 7.1 it drops what has more; nothing is ever reset. */
static void many_headers6(void)
{
	static const int counts[] = { 13, 100 };
	struct conn *c = in_established();
	struct seg *s;
	uint8_t ext[800];
	unsigned int i;
	int len;

	len = fill_headers(ext, 12);
	passes(c, IPPROTO_DSTOPTS, ext, len);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		len = fill_headers(ext, counts[i]);
		write_behind(c, c->snd, IPPROTO_DSTOPTS, ext, len);
		inject(c, ACK, c->snd, 1, .len = 10);
		while ((s = next_seg(c, 1000)))
			check(!(s->flags & RST), "a RST for %d headers", counts[i]);
		read_stream(c, 10);
	}
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

/*
 * Source routes. The way out: 192.0.2.7 comes first, then 198.51.100.7, then the peer;
 * the header has the first, the option the others. A way in: the hops that were passed.
 */
#define LSRR		131
#define HOP_NEAR	192, 0, 2, 7
#define HOP_FAR		198, 51, 100, 7
#define HOP_OTHER	192, 0, 2, 33

static const uint8_t way_out[] = { LSRR, 11, 4, HOP_FAR, 192, 0, 2, 2, 0 };
static const uint8_t way_in[] = { LSRR, 11, 12, HOP_FAR, HOP_NEAR, 0 };
static const uint8_t other_way_in[] = { LSRR, 7, 8, HOP_OTHER, 0 };

static void accept_routes(void)
{
	put_file("/proc/sys/net/ipv4/conf/all/accept_source_route", "1");
	put_file("/proc/sys/net/ipv4/conf/w0/accept_source_route", "1");
}

/* expect() has compared the end of the route, and the checksum that covers it. */
static void check_way_at(const struct seg *s, int line)
{
	static const uint8_t near_hop[] = { HOP_NEAR };

	if (memcmp(s->via, near_hop, 4))
		fail_at(__FILE__, line, "it goes to %d.%d.%d.%d first", s->via[0], s->via[1],
			s->via[2], s->via[3]);
	if (s->ipoptlen != sizeof(way_out) || memcmp(s->ipopt, way_out, sizeof(way_out)))
		fail_at(__FILE__, line, "%d bytes of IP options, %d %d %d %d.%d...",
			s->ipoptlen, s->ipopt[0], s->ipopt[1], s->ipopt[2], s->ipopt[3],
			s->ipopt[4]);
}

#define check_way(s) check_way_at(s, __LINE__)

/* Data, what is sent again, an answer, the end: all go the same way. */
static void all_go_that_way(struct conn *c)
{
	write_stream(c, 10);
	check_way(expect(c, ACK, 1, 1, .len = 10));
	check_way(expect(c, ACK, 1, 1, .len = 10));
	inject(c, ACK, 1, 11, .len = 10);
	check_way(expect(c, ACK, 11, 11));
	inject(c, ACK, 11, 11, .len = 10);
	check_way(expect(c, ACK, 11, 21));
	/* The option takes its room from the data (RFC 6691 2). */
	write_stream(c, 1436);
	check_way(expect(c, ACK, 11, 21, .len = 1436));
	inject(c, ACK, 21, 1447);
	do_close(c, HOW());
	check_way(expect(c, FIN | ACK, 1447, 21));
}

static void tune_route(int fd)
{
	static const uint8_t o[] = { LSRR, 11, 4, HOP_NEAR, HOP_FAR };

	sys(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, o, sizeof(o)));
}

/* MUST-51: the SYN goes to the first hop, and so does all that follows. */
static void route_of_program(void)
{
	struct conn *c = in_syn_sent(.tune = tune_route);

	check_way(&c->syn);
	peer_syn_ack(c, HOW());
	check_way(expect(c, ACK, 1, 1));
	all_go_that_way(c);
}

/* MUST-52: what the peer's datagrams came by does not change the program's mind. */
static void route_of_program_first(void)
{
	struct conn *c;

	accept_routes();
	c = in_syn_sent(.tune = tune_route);
	check_way(&c->syn);
	inject(c, SYN | ACK, 0, 1, .mss = 1460, .sackok = true, .ts = true, .ws = 1,
	       .ipopt = other_way_in, .ipoptlen = sizeof(other_way_in));
	c->ts = true;
	check_way(expect(c, ACK, 1, 1));
	inject(c, ACK, 1, 1, .len = 10, .ipopt = other_way_in, .ipoptlen = sizeof(other_way_in));
	check_way(expect(c, ACK, 1, 11));
	write_stream(c, 10);
	check_way(expect(c, ACK, 1, 11, .len = 10));
}

/* MUST-53: the way a SYN came by is the way back of the whole connection, reversed. */
static void route_of_syn(void)
{
	struct conn *c;

	accept_routes();
	c = in_listen();
	inject(c, SYN, 0, 0, .mss = 1460, .sackok = true, .ts = true, .ws = 1,
	       .ipopt = way_in, .ipoptlen = sizeof(way_in));
	c->ts = true;
	check_way(expect(c, SYN | ACK, 0, 1));
	check_way(expect(c, SYN | ACK, 0, 1));
	/* The last segment of the handshake need not say it again. */
	inject(c, ACK, 1, 1);
	do_accept(c);
	all_go_that_way(c);
}

/* MUST-53 is about a route that is completed: without a hop there is nothing to reverse. */
static void route_of_none(void)
{
	static const uint8_t empty[] = { LSRR, 3, 4, 0 };
	struct conn *c;
	struct seg *s;

	accept_routes();
	c = in_listen();
	inject(c, SYN, 0, 0, .mss = 1460, .ipopt = empty, .ipoptlen = sizeof(empty));
	s = expect(c, SYN | ACK, 0, 1);
	check_eq(s->ipoptlen, 0);
	check(!memcmp(s->via, c->paddr, 4), "it goes elsewhere first");
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

/* Options that come later leave less room for data, at once: no segment is too large to be sent */
static void late_options(void)
{
	static const uint8_t record_route[] = { 7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct conn *c = in_established();
	struct seg *s;
	int got = 0;

	sys(setsockopt(c->fd, IPPROTO_IP, IP_OPTIONS, record_route, sizeof(record_route)));
	mark(c);
	write_stream(c, 6000);
	while (got < 6000) {
		s = next_seg(c, 60000);
		check(s, "nothing more after %d of 6000", got);
		check(since_ms(c) < 150, "a segment of %d after %d ms", s->len, (int)since_ms(c));
		got += s->len;
	}
}

const struct row ip_rows[] = {
	ROW(ROW_CORE, "MUST-48 DSCP", dscp),
	ROW(0, "MUST-48 DSCP of SYN and SYN+ACK", dscp_syn),
	ROW(ROW_CORE | ROW_V4, "MUST-50 unknown IP options",
	    unknown_options),
	ROW(ROW_CORE | ROW_V6, "MUST-50 unknown IPv6 options",
	    unknown_options6),
	ROW(ROW_CORE | ROW_V6, "MUST-50 IPv6 options of up to 2048 octets", long_options6),
	ROW(ROW_V6, "MUST-50 the host's limits on IPv6 options", option_limits6),
	ROW(ROW_V6, "MUST-50 many IPv6 extension headers", many_headers6),
	ROW(ROW_V4 | ROW_VT, "MUST-50 options that come later leave less room", late_options),
	ROW(ROW_CORE | ROW_V4, "MUST-51 a source route of the program", route_of_program),
	ROW(ROW_CORE | ROW_V4, "MUST-52 the program's source route goes before the peer's",
	    route_of_program_first),
	ROW(ROW_CORE | ROW_V4, "MUST-53 the source route of a SYN, reversed", route_of_syn),
	ROW(ROW_V4, "MUST-53 a source route without a hop", route_of_none),
	ROW(ROW_V4, "RFC 6864 4.1 IPv4 ID of children", identification),
	ROW(ROW_V4, "IPv4 fragments", fragments),
	ROW(ROW_V6, "IPv6 fragments", fragments6),
	{ NULL }
};
