// SPDX-License-Identifier: GPL-2.0-only
/* RFC 4821 7: the search for the largest segments that a silent path carries, one by one. */
#define _GNU_SOURCE
#include "loss.h"

#define TOPIC "probe"

#define BASE 1024	/* base_mss */
#define BEHIND 4	/* segments behind a probe */

/* Only what is as long as @limit at most gets to the peer. */
struct path {
	uint32_t limit, got;
	uint32_t held, held_to;	/* got behind a hole, if they differ */
};

static uint32_t full(void)
{
	return mss_wire() - 12;
}

static void probing(void)
{
	knob("mtu_probing", 1);
	knob("base_mss", BASE);
	knob("retries1", 1);
}

static struct seg seen[64];

/* What is on its way: the first within @ms, the others at once. Return: how many. */
static int on_its_way(struct conn *c, int ms)
{
	struct seg *s = next_seg(c, ms);
	int n = 0;

	fence();
	for (; s; s = next_pending(c)) {
		check(n < 64, "more than 64 segments");
		check(!(s->flags & RST), "reset");
		if (s->o.has_ts)
			c->ts_recent = s->o.tsval;
		seen[n++] = *s;
	}
	return n;
}

/* The peer's answer to one of them, SACK included: a hole at most. */
static void answer(struct conn *c, struct path *p, const struct seg *s)
{
	uint32_t seq = s->seq - c->iss, end = seq + s->len;

	if ((uint32_t)s->len > p->limit)
		return;
	if (seq > p->got) {
		if (p->held == p->held_to)
			p->held = seq;
		p->held_to = end;
	} else if (end > p->got) {
		p->got = end;
	}
	if (p->held != p->held_to && p->got >= p->held) {
		p->got = p->held_to;
		p->held = p->held_to;
	}
	if (p->held != p->held_to)
		sack(c, p->got, { p->held, p->held_to });
	else
		inject(c, ACK, 1, p->got);
}

static void arrive(struct conn *c, struct path *p, int n)
{
	int i;

	pass(c, RTT);
	for (i = 0; i < n; i++)
		answer(c, p, &seen[i]);
}

/* Until all is acknowledged: in a round trip nothing but what is on its way at its beginning. */
static void deliver(struct conn *c, struct path *p)
{
	int n;

	while (p->got < 1 + c->written) {
		n = on_its_way(c, 140000);
		check(n, "the stream stops at %u", p->got);
		arrive(c, p, n);
	}
	none(c);
}

/*
 * A window of @segs segments or more falls into a black hole, and gets through in pieces. Nothing
 * is in flight then, and the window is seven tenths of what it was.
 */
static struct conn *after_black_hole(struct path *p, int segs, bool no_sack)
{
	struct conn *c;

	probing();
	c = far_away(HOW(.mss = mss_wire(), .win = 60000, .sndbuf = 1000000, .no_sack = no_sack),
		     RTT);
	*p = (struct path){ .limit = full(), .got = 1 };
	while (cwnd(c) < segs) {
		write_stream(c, cwnd(c) * full());
		deliver(c, p);
	}
	p->limit = 1100;
	write_stream(c, cwnd(c) * full());
	deliver(c, p);
	check_eq(xtcp_counter("MtuBlackHoles"), 1);
	check_eq(xtcp_counter("MtuProbes"), 0);
	return c;
}

/* In chunks that are too small for a probe. */
static void grow_to(struct conn *c, struct path *p, int segs)
{
	long probes = xtcp_counter("MtuProbes");

	while (cwnd(c) < segs) {
		write_stream(c, BEHIND * BASE);
		deliver(c, p);
	}
	check_eq(xtcp_counter("MtuProbes"), probes);
}

/* A probe of @size, and behind it @n - 1 segments of @mss: at once, and nothing else. */
static void probe_seen(struct conn *c, uint32_t seq, int size, int n, int mss)
{
	int i;

	check_eq(on_its_way(c, 0), n);
	for (i = 0; i < n; i++) {
		check_eq(seen[i].seq - c->iss, seq);
		check_eq(seen[i].len, i ? mss : size);
		seq += seen[i].len;
	}
}

/* @size with all that the window takes behind it: seen, and a round trip ago. */
static int probe_out(struct conn *c, struct path *p, int size)
{
	int n = cwnd(c);

	write_stream(c, size + (n - 1) * BASE);
	probe_seen(c, p->got, size, n, BASE);
	pass(c, RTT);
	return n;
}

static void piece(struct conn *c, uint32_t seq, int len)
{
	check_eq(on_its_way(c, 0), 1);
	check_eq(seen[0].seq - c->iss, seq);
	check_eq(seen[0].len, len);
}

/* What was one segment of full size: in two, at once. */
static void in_pieces(struct conn *c, uint32_t seq)
{
	check_eq(on_its_way(c, 0), 2);
	check_eq(seen[0].seq - c->iss, seq);
	check_eq(seen[0].len, BASE);
	check_eq(seen[1].seq - c->iss, seq + BASE);
	check_eq(seen[1].len, full() - BASE);
}

/* 7.3, 7.4: it is of full size, and has four segments behind it. */
static void probe_first(void)
{
	struct path p;
	struct conn *c = after_black_hole(&p, 20, false);
	int i, n;

	grow_to(c, &p, 14);
	/* A byte less, and there is none */
	write_stream(c, full() + BEHIND * BASE - 1);
	n = on_its_way(c, 0);
	for (i = 0; i < n; i++)
		check(seen[i].len <= BASE, "%d bytes", seen[i].len);
	arrive(c, &p, n);
	none(c);
	write_stream(c, full() + BEHIND * BASE);
	probe_seen(c, p.got, full(), 1 + BEHIND, BASE);
	/* One at a time, though the window has room for a second */
	n = cwnd(c) - 1 - BEHIND;
	check(n > BEHIND, "cwnd %d", cwnd(c));
	write_stream(c, 40 * full());
	probe_seen(c, p.got + full() + BEHIND * BASE, BASE, n, BASE);
	pass(c, RTT);
	p.got += full() + (BEHIND + n) * BASE;
	/* It passed: all are full at once, and there is nothing left to try */
	inject(c, ACK, 1, p.got);
	n = on_its_way(c, 0);
	check(n > BEHIND, "%d segments", n);
	for (i = 0; i <= BEHIND; i++)
		check_eq(seen[i].len, full());
	check_eq(xtcp_counter("MtuProbes"), 1);
	check_eq(xtcp_counter("MtuProbesPassed"), 1);
}

/* 7.6.2: the probe alone is lost. It goes again in pieces, and that was no congestion. */
static void probe_lost(void)
{
	struct path p;
	struct conn *c = after_black_hole(&p, 10, false);
	int before, again, n, i;
	uint32_t at;

	grow_to(c, &p, 7);
	before = cwnd(c);
	again = resent(c);
	at = p.got;
	n = probe_out(c, &p, full());
	for (i = 1; i < 3; i++) {
		sack(c, at, { at + full(), at + full() + i * BASE });
		none(c);
	}
	/* The third behind it tells; the window has room for what the three have left */
	sack(c, at, { at + full(), at + full() + 3 * BASE });
	in_pieces(c, at);
	check_eq(cwnd(c), before);
	sack(c, at, { at + full(), at + full() + 4 * BASE });
	none(c);
	sack(c, at, { at + full(), at + full() + (n - 1) * BASE });
	none(c);
	check_eq(resent(c), again + 2);
	pass(c, RTT);
	p.got = 1 + c->written;
	inject(c, ACK, 1, p.got);
	none(c);
	check_eq(xtcp_counter("FastRetrans"), 0);
	check(ssthresh(c) >= before, "ssthresh %d, the window was %d", ssthresh(c), before);
	/* The next size is half way */
	write_stream(c, BEHIND * BASE);
	deliver(c, &p);
	check(cwnd(c) >= before, "cwnd %d, it was %d", cwnd(c), before);
	probe_out(c, &p, (full() - 1 + BASE + 1) / 2);
}

/* With the one behind it: that is congestion. */
static void probe_and_next_lost(void)
{
	struct path p;
	struct conn *c = after_black_hole(&p, 10, false);
	uint32_t at, next;
	int before;

	grow_to(c, &p, 7);
	before = cwnd(c);
	at = p.got;
	next = at + full();
	probe_out(c, &p, full());
	sack(c, at, { next + BASE, next + 3 * BASE });
	none(c);
	sack(c, at, { next + BASE, next + 4 * BASE });
	piece(c, at, BASE);
	sack(c, at, { next + BASE, next + 5 * BASE });
	piece(c, at + BASE, full() - BASE);
	sack(c, at, { next + BASE, next + 6 * BASE });
	piece(c, next, BASE);
	check_eq(xtcp_counter("SackRecoveries"), 1);
	pass(c, RTT);
	inject(c, ACK, 1, 1 + c->written);
	none(c);
	check_eq(ssthresh(c), before * 7 / 10);
	check_eq(cwnd(c), ssthresh(c));
}

/* What is lost behind it, and is known only later, is sent again like the pieces. */
static void probe_and_last_lost(void)
{
	struct path p;
	struct conn *c = after_black_hole(&p, 10, false);
	uint32_t at, next;
	int n;

	grow_to(c, &p, 7);
	at = p.got;
	next = at + full();
	n = probe_out(c, &p, full());
	sack(c, at, { next, next + 3 * BASE });
	in_pieces(c, at);
	sack(c, at, { next + 4 * BASE, next + 5 * BASE }, { next, next + 3 * BASE });
	piece(c, next + 3 * BASE, BASE);
	sack(c, at, { next + 4 * BASE, next + (n - 1) * BASE }, { next, next + 3 * BASE });
	none(c);
	pass(c, RTT);
	inject(c, ACK, 1, 1 + c->written);
	none(c);
}

/* Without SACK nobody can tell: a loss as any other. */
static void probe_lost_newreno(void)
{
	struct path p;
	struct conn *c = after_black_hole(&p, 10, true);
	int before, i;
	uint32_t at;

	/* RFC 6582 3.2 step 1: duplicates count beyond what the timeout was about */
	write_stream(c, BASE);
	deliver(c, &p);
	grow_to(c, &p, 7);
	before = cwnd(c);
	at = p.got;
	probe_out(c, &p, full());
	for (i = 0; i < 2; i++) {
		inject(c, ACK, 1, at);
		none(c);
	}
	inject(c, ACK, 1, at);
	piece(c, at, BASE);
	check_eq(xtcp_counter("RenoRecoveries"), 1);
	check_eq(ssthresh(c), before * 7 / 10);
	for (i = 0; i < 3; i++)
		inject(c, ACK, 1, at);
	piece(c, at + BASE, full() - BASE);
	pass(c, RTT);
	inject(c, ACK, 1, 1 + c->written);
	none(c);
	check_eq(cwnd(c), before * 7 / 10);
}

/* What is tried where @limit gets through: full size, then half of what is left, to 8 bytes. */
static const int *sizes(void)
{
	static const int v4[] = { 1448, 1236, 1342, 1289, 1262, 1249, 1255, 0 };
	static const int v6[] = { 1428, 1226, 1327, 1276, 1251, 1238, 1244, 0 };

	return is_v6() ? v6 : v4;
}

/* Each of them, one after the other. Return: the largest that passed. */
static int whole_search(struct conn *c, struct path *p)
{
	const int *size;
	int mss = BASE;

	p->limit = 1250;
	for (size = sizes(); *size; size++) {
		grow_to(c, p, 7);
		write_stream(c, *size + BEHIND * mss);
		probe_seen(c, p->got, *size, 1 + BEHIND, mss);
		arrive(c, p, 1 + BEHIND);
		deliver(c, p);
		if (*size <= 1250)
			mss = *size;
	}
	return mss;
}

/* 7.3: the sizes, in their order. */
static void probe_sizes(void)
{
	struct path p;
	struct conn *c = after_black_hole(&p, 10, false);
	int mss = whole_search(c, &p);

	/* It is over: 8 bytes are not worth another */
	grow_to(c, &p, 7);
	write_stream(c, 7 * full());
	check_eq(on_its_way(c, 0), cwnd(c));
	check_eq(seen[0].len, mss);
	check_eq(xtcp_counter("MtuProbes"), 7);
	check_eq(xtcp_counter("FastRetrans"), 0);
}

/* Where less than the route has was found: again after mtu_probe_interval, and not before. */
static void probe_again(void)
{
	const int segs = 1 + BEHIND;
	struct path p;
	struct conn *c = after_black_hole(&p, 10, false);
	int mss = whole_search(c, &p), half, i;

	/* The first finds that it is over: from then on */
	for (i = 0; i < 7; i++) {
		grow_to(c, &p, 7);
		write_stream(c, full() + BEHIND * mss);
		check_eq(on_its_way(c, 0), segs + 1);
		check_eq(seen[0].len, mss);
		arrive(c, &p, segs + 1);
		none(c);
		quiet_for(c, i == 5 ? 98000 : 100000 - RTT);
	}
	check_eq(xtcp_counter("MtuProbes"), 7);
	write_stream(c, full() + BEHIND * mss);
	probe_seen(c, p.got, full(), segs, mss);
	arrive(c, &p, segs);
	deliver(c, &p);
	/* It fails; the search goes on at once */
	grow_to(c, &p, 7);
	half = (full() - 1 + mss + 1) / 2;
	write_stream(c, half + BEHIND * mss);
	probe_seen(c, p.got, half, segs, mss);
}

/* An ACK for every second of @n segments. Return: how many are larger than base_mss. */
static int every_second(struct conn *c, struct path *p, int n)
{
	int i, larger = 0;

	pass(c, RTT);
	for (i = 0; i < n; i++) {
		uint32_t seq = seen[i].seq - c->iss;

		if ((uint32_t)seen[i].len > p->limit)
			continue;
		larger += seen[i].len > BASE;
		if (seq <= p->got && seq + seen[i].len > p->got)
			p->got = seq + seen[i].len;
		if (i % 2 || i == n - 1)
			inject(c, ACK, 1, p->got);
	}
	return larger;
}

/* A stream that never pauses: the window never has room by itself. New data wait for the probe. */
static void probe_in_stream(void)
{
	struct path p = { .limit = 1100, .got = 1 };
	struct conn *c;
	int n, larger;

	probing();
	c = far_away(HOW(.mss = mss_wire(), .win = 60000, .sndbuf = 2000000), RTT);
	write_stream(c, 600000);
	while (p.got < 20000) {
		n = on_its_way(c, 140000);
		check(n, "the stream stops at %u", p.got);
		every_second(c, &p, n);
	}
	p.limit = full();
	do {
		check(p.got < 200000, "no probe");
		n = on_its_way(c, 0);
		check(n > BEHIND, "%d segments, cwnd %d", n, cwnd(c));
		larger = every_second(c, &p, n);
	} while (!larger);
	/* One of them, and full segments a round trip later */
	check_eq(larger, 1);
	check_eq(xtcp_counter("MtuProbes"), 1);
	check_eq(xtcp_counter("MtuProbesPassed"), 1);
	n = on_its_way(c, 0);
	every_second(c, &p, n);
	n = on_its_way(c, 0);
	check(every_second(c, &p, n) > n - 3, "still small");
}

const struct row probe_rows[] = {
	ROW(ROW_VT | ROW_XTCP, "RFC 4821 7.3 7.4 the first: full size, four behind, one at a time",
	    probe_first),
	ROW(ROW_VT | ROW_XTCP, "RFC 4821 7.4 a probe in a stream that never pauses",
	    probe_in_stream),
	ROW(ROW_VT | ROW_XTCP, "RFC 4821 7.3 the sizes that are tried", probe_sizes),
	ROW(ROW_VT | ROW_XTCP, "RFC 4821 7.6.2 a probe is lost alone: in pieces, no congestion",
	    probe_lost),
	ROW(ROW_VT | ROW_XTCP, "RFC 4821 7.6.4 a probe and the next are lost: congestion",
	    probe_and_next_lost),
	ROW(ROW_VT | ROW_XTCP, "RFC 4821 7.6.2 a probe is lost, and another is known to be later",
	    probe_and_last_lost),
	ROW(ROW_VT | ROW_XTCP, "RFC 4821 7.6.2 a probe is lost without SACK: a loss as any other",
	    probe_lost_newreno),
	ROW(ROW_VT | ROW_XTCP, "RFC 4821 mtu_probe_interval 600: nothing, and then the full size",
	    probe_again),
	{ NULL }
};
