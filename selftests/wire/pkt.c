// SPDX-License-Identifier: GPL-2.0-only
/* Bytes to segments and back, with checksums made and verified here. */
#include "wire.h"

uint8_t pattern(uint64_t offset)
{
	return offset * 7 + (offset >> 8) * 13 + 1;
}

void pattern_fill(uint8_t *p, uint64_t offset, int len)
{
	int i;

	for (i = 0; i < len; i++)
		p[i] = pattern(offset + i);
}

uint32_t csum_add(uint32_t sum, const void *data, int len)
{
	const uint8_t *p = data;
	int i;

	for (i = 0; i + 1 < len; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (len & 1)
		sum += p[len - 1] << 8;
	return sum;
}

uint16_t csum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static int opt_mss_ws(const struct inj *i, uint8_t *p)
{
	int n = 0;

	if (i->mss) {
		p[n++] = 2;
		p[n++] = 4;
		put16(p + n, i->mss);
		n += 2;
	}
	if (i->sackok) {
		p[n++] = 4;
		p[n++] = 2;
		p[n++] = 1;
		p[n++] = 1;
	}
	if (i->ws) {
		p[n++] = 3;
		p[n++] = 3;
		p[n++] = i->ws - 1;
		p[n++] = 1;
	}
	return n;
}

static int opt_build(const struct conn *c, const struct inj *i, uint8_t *p)
{
	uint32_t tsval = i->set_ts ? i->tsval :
			 c->ts_base + (uint32_t)(now_ns() / MSEC);
	uint32_t tsecr = i->set_ts ? i->tsecr : c->ts_recent;
	int n;

	if (i->opt) {
		memcpy(p, i->opt, i->optlen);
		for (n = i->optlen; n & 3; n++)
			p[n] = 0;
		return n;
	}
	n = opt_mss_ws(i, p);
	if (i->no_ts || !(i->ts || c->ts))
		return n;
	p[n++] = 1;
	p[n++] = 1;
	p[n++] = 8;
	p[n++] = 10;
	put32(p + n, tsval);
	put32(p + n + 4, tsecr);
	return n + 8;
}

static int ip4_header(uint8_t *b, const void *src, const void *dst,
		      const struct inj *i, int proto, int len)
{
	int hl = 20 + i->ipoptlen;

	memset(b, 0, 20);
	b[0] = 0x40 | hl / 4;
	b[1] = i->tos;
	put16(b + 2, hl + len);
	put16(b + 4, rnd());
	b[6] = 0x40;
	b[8] = i->ttl ? i->ttl : 64;
	b[9] = proto;
	memcpy(b + 12, src, 4);
	memcpy(b + 16, dst, 4);
	if (i->ipoptlen)
		memcpy(b + 20, i->ipopt, i->ipoptlen);
	put16(b + 10, csum_fold(csum_add(0, b, hl)));
	return hl;
}

static int ip6_header(uint8_t *b, const void *src, const void *dst,
		      const struct inj *i, int proto, int len)
{
	memset(b, 0, 40);
	b[0] = 0x60 | i->tos >> 4;
	b[1] = i->tos << 4;
	put16(b + 4, len);
	b[6] = proto;
	b[7] = i->ttl ? i->ttl : 64;
	memcpy(b + 8, src, 16);
	memcpy(b + 24, dst, 16);
	return 40;
}

/* An IP header towards the stack; returns its length. */
int pkt_ip(uint8_t *b, const struct conn *c, const struct inj *i, int proto,
	   int len)
{
	const void *src = i->src ? i->src : c->paddr;
	const void *dst = i->dst ? i->dst : c->laddr;

	if (c->family == AF_INET6)
		return ip6_header(b, src, dst, i, proto, len);
	return ip4_header(b, src, dst, i, proto, len);
}

static uint16_t tcp_csum(int family, const void *src, const void *dst,
			 int proto, const uint8_t *tcp, int len)
{
	int al = family == AF_INET6 ? 16 : 4;
	uint32_t sum = proto + len;

	sum = csum_add(sum, src, al);
	sum = csum_add(sum, dst, al);
	return csum_fold(csum_add(sum, tcp, len));
}

int pkt_build(const struct conn *c, const struct inj *i, uint8_t *buf)
{
	int ihl = c->family == AF_INET6 ? 40 : 20 + i->ipoptlen;
	uint8_t *t = buf + ihl;
	int hl = 20 + opt_build(c, i, t + 20);
	int win = i->win == ZERO_WIN ? 0 : i->win ? i->win : c->win;

	put16(t, i->sport ? i->sport : c->pport);
	put16(t + 2, i->dport ? i->dport : c->lport);
	put32(t + 4, c->irs + i->seq);
	put32(t + 8, i->flags & ACK ? c->iss + i->ack : i->ack);
	t[12] = (i->doff ? i->doff : hl) / 4 << 4 | i->ae;
	t[13] = i->flags;
	put16(t + 14, win);
	put16(t + 16, 0);
	put16(t + 18, i->urg);
	if (i->data)
		memcpy(t + hl, i->data, i->len);
	else
		pattern_fill(t + hl, i->seq + !!(i->flags & SYN) - 1, i->len);
	put16(t + 16, tcp_csum(c->family, i->src ? i->src : c->paddr,
			       i->dst ? i->dst : c->laddr, w.proto, t,
			       hl + i->len) ^ (i->bad_csum ? 0x1020 : 0));
	pkt_ip(buf, c, i, w.proto, hl + i->len);
	return ihl + hl + i->len;
}

static void opt_sack(const uint8_t *p, int n, struct topt *o)
{
	int k;

	if ((n - 2) % 8 || n > 34) {
		o->bad = true;
		return;
	}
	o->nsack = (n - 2) / 8;
	for (k = 0; k < o->nsack; k++) {
		o->sack[k][0] = get32(p + 2 + 8 * k);
		o->sack[k][1] = get32(p + 6 + 8 * k);
	}
}

static void opt_one(const uint8_t *p, int n, struct topt *o)
{
	static const uint8_t sizes[] = { [2] = 4, [3] = 3, [4] = 2, [8] = 10 };

	if (p[0] < sizeof(sizes) && sizes[p[0]] && sizes[p[0]] != n)
		o->bad = true;
	switch (p[0]) {
	case 2:
		o->has_mss = true;
		o->mss = get16(p + 2);
		break;
	case 3:
		o->has_ws = true;
		o->ws = p[2];
		break;
	case 4:
		o->sackok = true;
		break;
	case 5:
		opt_sack(p, n, o);
		break;
	case 8:
		o->has_ts = true;
		o->tsval = get32(p + 2);
		o->tsecr = get32(p + 6);
		break;
	}
}

void opt_parse(const uint8_t *p, int len, struct topt *o)
{
	int k = 0;

	memset(o, 0, sizeof(*o));
	while (k < len && p[k]) {
		if (p[k] == 1) {
			k++;
			continue;
		}
		if (k + 1 >= len || p[k + 1] < 2 || k + p[k + 1] > len) {
			o->bad = true;
			return;
		}
		opt_one(p + k, p[k + 1], o);
		k += p[k + 1];
	}
	for (; k < len; k++)
		if (p[k])
			o->bad = true;	/* MUST-69: zeroes after EOL */
}

/* A source route that is not used up ends at its last address, and so does the segment. */
static void parse_route(struct seg *s)
{
	const uint8_t *p = s->ipopt;
	int k = 0;

	while (k < s->ipoptlen && p[k]) {
		if (p[k] == 1) {
			k++;
			continue;
		}
		check(k + 2 < s->ipoptlen && p[k + 1] >= 3 && k + p[k + 1] <= s->ipoptlen,
		      "the stack sent malformed IP options");
		if ((p[k] == 131 || p[k] == 137) && p[k + 2] < p[k + 1])
			memcpy(s->daddr, p + k + p[k + 1] - 4, 4);
		k += p[k + 1];
	}
}

static int parse_ip(const uint8_t *p, int len, struct seg *s, int *proto,
		    int *total)
{
	int ihl;

	if (len < 1)
		return -1;
	if (p[0] >> 4 == 6 && len >= 40) {
		s->family = AF_INET6;
		*proto = p[6];
		*total = 40 + get16(p + 4);
		s->tos = p[0] << 4 | p[1] >> 4;
		s->ttl = p[7];
		s->df = true;
		memcpy(s->saddr, p + 8, 16);
		memcpy(s->daddr, p + 24, 16);
		return *total > len ? -1 : 40;
	}
	if (p[0] >> 4 != 4 || len < 20)
		return -1;
	ihl = (p[0] & 15) * 4;
	if (csum_fold(csum_add(0, p, ihl)))
		fail("the stack sent a wrong IPv4 header checksum");
	s->family = AF_INET;
	*proto = p[9];
	*total = get16(p + 2);
	s->tos = p[1];
	s->ttl = p[8];
	s->id = get16(p + 4);
	s->df = p[6] & 0x40;
	memcpy(s->saddr, p + 12, 4);
	memcpy(s->daddr, p + 16, 4);
	memcpy(s->via, p + 16, 4);
	s->ipoptlen = ihl - 20;
	memcpy(s->ipopt, p + 20, s->ipoptlen);
	parse_route(s);
	return *total > len ? -1 : ihl;
}

/* 6 (or the wire protocol): *s is filled; else the IP protocol, or -1. */
int pkt_parse(const uint8_t *p, int len, struct seg *s)
{
	int ihl, proto, total, hl, n;
	const uint8_t *t;

	memset(s, 0, sizeof(*s));
	ihl = parse_ip(p, len, s, &proto, &total);
	if (ihl < 0)
		return -1;
	s->proto = proto;
	if (proto != w.proto && proto != IPPROTO_TCP)
		return proto;
	t = p + ihl;
	n = total - ihl;
	check(n >= 20, "the stack sent %d bytes of TCP header", n);
	if (tcp_csum(s->family, s->saddr, s->daddr, proto, t, n))
		fail("MUST-2: the stack sent a wrong checksum");
	hl = (t[12] >> 4) * 4;
	check(hl >= 20 && hl <= n, "the stack sent a header length of %d", hl);
	s->sport = get16(t);
	s->dport = get16(t + 2);
	s->seq = get32(t + 4);
	s->ack = get32(t + 8);
	s->reserved = t[12] & 15;
	s->flags = t[13];
	s->win = get16(t + 14);
	s->urg = get16(t + 18);
	s->optlen = hl - 20;
	memcpy(s->opt, t + 20, s->optlen);
	opt_parse(s->opt, s->optlen, &s->o);
	check(!s->o.bad, "the stack sent malformed options");
	s->len = n - hl;
	memcpy(s->data, t + hl, s->len < 2048 ? s->len : 2048);
	return proto;
}
