// SPDX-License-Identifier: GPL-2.0-only
/* RFC 4821: a path that drops large packets and says nothing. */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "pmtu"

/* RFC 9293 3.8.3 (MUST-20): R1 is so many timeouts, doubled from 200 ms on; 3 take 3 s. */
#define R1_MS(retries) (((2 << (retries)) - 1) * 200)

/* Only what is as long as @limit at most gets to the peer, in order. */
struct path {
	uint32_t limit, got;
	int largest;		/* that got there */
	uint64_t out_until;	/* nothing passes before, ns */
};

static uint32_t full(void)
{
	return mss_wire() - 12;
}

/* Wait for a segment and answer if it gets there. Return: it, or NULL after @ms. */
static struct seg *carry(struct conn *c, struct path *p, int ms)
{
	struct seg *s = next_seg(c, ms);
	uint32_t seq;

	if (!s)
		return NULL;
	check(!(s->flags & RST), "reset");
	seq = s->seq - c->iss;
	if (s->o.has_ts)
		c->ts_recent = s->o.tsval;
	if ((uint32_t)s->len > p->limit || s->t_ns < p->out_until)
		return s;
	if (s->len > p->largest)
		p->largest = s->len;
	if (seq <= p->got && seq + s->len > p->got)
		p->got = seq + s->len;
	inject(c, ACK, 1, p->got);
	return s;
}

/* @len bytes more are written and carried. */
static void move(struct conn *c, struct path *p, int len)
{
	uint32_t end;

	write_stream(c, len);
	end = 1 + c->written;
	while (p->got < end)
		check(carry(c, p, 140000), "the stream stops at %u of %u", p->got, end);
}

static void probing(int on)
{
	knob("mtu_probing", on);
	knob("base_mss", 1024);
	knob("mtu_probe_floor", 48);
}

static struct conn *wide(void)
{
	return in_established(.win = 30000, .sndbuf = 1000000);
}

/* 7.7: after R1 the segments become smaller, and the stream goes on. */
static void black_hole_after(int retries1)
{
	struct path p = { .limit = 1100, .got = 1 };
	int r1 = R1_MS(retries1);
	struct conn *c;
	struct seg *s;

	probing(1);
	knob("retries1", retries1);
	c = wide();
	mark(c);
	write_stream(c, 5 * full());
	do
		s = carry(c, &p, 140000);
	while (s && (uint32_t)s->len > p.limit);
	check(s, "nothing gets through");
	check_eq(s->seq - c->iss, 1);
	check_eq(s->len, 1024);
	/* The first timeout after R1; the RTO is a little more than 200 ms */
	near(since_ms(c), r1, is_xtcp() ? r1 / 8 + 100 : r1 + r1 / 8 + 400);
	while (p.got < 1 + c->written)
		check(carry(c, &p, 140000), "the stream stops at %u", p.got);
	state_is(c, TCP_ESTABLISHED);
}

static void black_hole(void)
{
	black_hole_after(3);
}

static void black_hole_r1(void)
{
	black_hole_after(1);
	black_hole_after(5);
}

/* Half of it each time, down to the floor. */
static void steps(void)
{
	static const int sizes[] = { 1024, 512, 256, 200 };
	struct conn *c;
	unsigned int i = 0;
	struct seg *s;

	probing(1);
	knob("mtu_probe_floor", 200);
	c = wide();
	write_stream(c, full());
	mark(c);
	while (i < 4) {
		s = next_seg(c, 140000);
		check(s, "silence");
		if (s->seq - c->iss != 1 || s->len == (int)full() ||
		    (i && s->len == sizes[i - 1]))
			continue;
		check_eq(s->len, sizes[i]);
		i++;
	}
	s = next_seg(c, 140000);
	check(s && s->len == 200, "less than the floor");
}

/* Where it is off the same segment comes again until the end. */
static void off(void)
{
	struct path p = { .limit = 1100, .got = 1 };
	struct conn *c;
	struct seg *s;

	probing(0);
	c = wide();
	write_stream(c, full());
	mark(c);
	while (since_ms(c) < 10 * R1_MS(3)) {
		s = carry(c, &p, 140000);
		check(s && s->len == (int)full(), "a segment of %d bytes", s ? s->len : 0);
	}
}

/* What is small is not lost for its size. */
static void not_the_size(void)
{
	struct path p = { .limit = 10000, .got = 1, .out_until = now_ns() + 10 * SEC };
	struct conn *c;

	probing(1);
	c = wide();
	write_stream(c, 500);
	while (p.got == 1)
		check(carry(c, &p, 140000), "silence");
	move(c, &p, 3 * full());
	check_eq(p.largest, full());
	check_eq(xtcp_counter("MtuBlackHoles"), 0);
}

/* 7.3: larger ones are tried one by one, until the largest that passes is known. */
static void search(void)
{
	struct path p = { .limit = 1250, .got = 1 };
	/* the kernel's TCP is content with less */
	int want = p.limit - (is_xtcp() ? 8 : 32);
	struct conn *c;
	int i;

	probing(1);
	c = wide();
	for (i = 0; i < 30 && p.largest < want; i++)
		move(c, &p, 40 * full());
	check(p.largest >= want, "%d bytes at most, of %u possible", p.largest, p.limit);
	state_is(c, TCP_ESTABLISHED);
}

/* It was not the size, but an outage: back to full segments. */
static void outage(void)
{
	struct path p = { .limit = 10000, .got = 1, .out_until = now_ns() + 5 * SEC };
	struct conn *c;
	int i;

	probing(1);
	c = wide();
	for (i = 0; i < 30 && p.largest < (int)full() - 8; i++)
		move(c, &p, 40 * full());
	check(p.largest >= (int)full() - 8, "%d bytes at most, of %d possible", p.largest,
	      full());
	if (is_xtcp())
		check_eq(xtcp_counter("MtuProbesPassed"), 1);
}

const struct row pmtu_rows[] = {
	ROW(ROW_VT, "MUST-20 RFC 4821 7.7 a black hole: smaller segments after R1", black_hole),
	ROW(ROW_VT, "MUST-20 R1 is settable: retries1 1 and 5", black_hole_r1),
	ROW(ROW_VT, "RFC 4821 7.7 a black hole: down to the floor", steps),
	ROW(ROW_VT, "RFC 4821 mtu_probing 0", off),
	ROW(ROW_VT | ROW_XTCP, "RFC 4821 7.7 a small segment is not lost for its size",
	    not_the_size),
	ROW(ROW_VT, "RFC 4821 7.3 probes upwards", search),
	ROW(ROW_VT, "RFC 4821 7.3 after an outage segments are full again", outage),
	{}
};
