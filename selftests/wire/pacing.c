// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pacing: when segments leave, by the clock, with sch_fq on the device, which keeps what is
 * stamped for later, and without, where the stack has to keep it. And what may wait there.
 */
#define _GNU_SOURCE
#include <sys/utsname.h>

#include "loss.h"

#define TOPIC "pacing"

#ifndef SO_MAX_PACING_RATE
#define SO_MAX_PACING_RATE 47
#endif

static void fq(void)
{
	net_qdisc("fq", NULL, 0);
}

static void rate(int fd, uint32_t bytes_s)
{
	set_int(fd, SOL_SOCKET, SO_MAX_PACING_RATE, bytes_s);
}

/*
 * @n segments, each acknowledged as it comes, so that no window holds them back. When they
 * came, and that each came once, in order.
 */
static void take_all(struct conn *c, int first, int n, uint64_t *t)
{
	struct seg *s;
	int got = 0;

	while (got < n) {
		s = next_seg(c, 5000);
		check(s, "nothing after segment %d", first + got - 1);
		check(s->seq - c->iss == (uint32_t)AT(first + got) && s->len &&
		      s->len % LEN == 0, "seq %u len %d instead of segment %d",
		      s->seq - c->iss, s->len, first + got);
		for (; s->len; s->len -= LEN)
			t[got++] = s->t_ns;
		c->rcv = AT(first + got);
		if (s->o.has_ts)
			c->ts_recent = s->o.tsval;
		inject(c, ACK, 1, c->rcv);
	}
}

static void ms_between(uint64_t from, uint64_t to, uint64_t low, uint64_t high,
		       const char *what)
{
	uint64_t ms = (to - from + MSEC / 2) / MSEC;

	check(ms >= low && ms <= high, "%s: %llu ms, not %llu to %llu", what,
	      (unsigned long long)ms, (unsigned long long)low, (unsigned long long)high);
}

/*
 * 100 segments at 100 kB/s take a second, whatever the window. The kernel's TCP sends more at
 * once where round trips are as short as here (tcp_tso_rtt_log).
 */
static void max_rate(void)
{
	struct conn *c = in_established(.mss = LEN + 12, .sndbuf = 400000);
	uint64_t t[120];
	int i;

	rate(c->fd, 100000);
	write_stream(c, 120 * LEN);
	take_all(c, 0, 120, t);
	ms_between(t[19], t[119], 960, 1040, "100 segments at 100 kB/s");
	for (i = 20; is_xtcp() && i + 2 < 120; i++)
		ms_between(t[i], t[i + 2], 10, 30, "two segments at 100 kB/s");
	check_eq(resent(c), 0);
}

static void max_rate_fq(void)
{
	fq();
	max_rate();
}

/* Slower than an RTO: nothing is sent again, no window is probed. */
static void slower_than_rto(void)
{
	struct conn *c = in_established(.mss = LEN + 12, .sndbuf = 400000);
	uint64_t t[20];

	rate(c->fd, 2000);
	write_stream(c, 20 * LEN);
	take_all(c, 0, 20, t);
	if (is_xtcp())
		ms_between(t[11], t[19], 3500, 4600, "8 segments at 2 kB/s");
	check_eq(resent(c), 0);
}

static void slower_than_rto_fq(void)
{
	fq();
	slower_than_rto();
}

/* What is lost is sent again at the same rate, not faster. */
static void repair(void)
{
	struct conn *c = far();
	uint64_t t[10];
	struct seg *s;
	int i;

	flight(c, 0, 10);
	rate(c->fd, 50000);
	pass(c, RTT);
	/* All but the last were lost: nine to repair, in 20 ms each or two in 40 */
	sack(c, 1, { AT(9), AT(10) });
	for (i = 0; i < 9; i++) {
		s = next_seg(c, 1000);
		check(s && s->len == LEN && s->seq - c->iss == (uint32_t)AT(i),
		      "segment %d was not sent again", i);
		t[i] = s->t_ns;
		if (s->o.has_ts)
			c->ts_recent = s->o.tsval;
		sack(c, AT(i + 1), { AT(9), AT(10) });
	}
	ms_between(t[0], t[8], 120, 200, "nine segments at 50 kB/s");
}

static void repair_fq(void)
{
	fq();
	repair();
}

/* The FIN stands behind the data, and leaves when they have left. */
static void fin_in_its_turn(void)
{
	struct conn *c = in_established(.mss = LEN + 12, .sndbuf = 400000);
	uint64_t t[40];
	struct seg *s;

	rate(c->fd, 100000);
	write_stream(c, 40 * LEN);
	close(c->fd);
	c->fd = -1;
	take_all(c, 0, 39, t);
	s = next_seg(c, 1000);
	check(s && s->seq - c->iss == (uint32_t)AT(39) && s->len == LEN, "the last segment");
	if (!(s->flags & FIN)) {
		inject(c, ACK, 1, AT(40));
		s = next_seg(c, 1000);
		check(s && !s->len && (s->flags & FIN), "no FIN");
	}
	ms_between(t[19], s->t_ns, 180, 230, "20 segments and FIN at 100 kB/s");
	inject(c, ACK, 1, AT(40) + 1);
	inject(c, FIN | ACK, 1, AT(40) + 1);
	expect(c, ACK, AT(40) + 1, 2);
}

static void fin_in_its_turn_fq(void)
{
	fq();
	fin_in_its_turn();
}

/* A window of @n segments from AT(10) on: first and last leave @low to @high ms apart. */
static void window_takes(struct conn *c, int n, int low, int high)
{
	uint64_t first = 0, last = 0;
	struct seg *s;
	int i;

	write_stream(c, n * LEN);
	for (i = 0; i < n; i += s->len / LEN) {
		s = next_seg(c, 100);
		check(s, "%d segments of %d", i, n);
		check_eq(s->seq - c->iss, (uint32_t)AT(10 + i));
		if (!i)
			first = s->t_ns;
		last = s->t_ns;
	}
	ms_between(first, last, low, high, "a window");
}

/*
 * Paced without a word of the program: a window of 20 in a round trip of 100 ms leaves at
 * twice that rate in slow start. The initial window before it left at once (RFC 6928).
 */
static void window_rate(int percent)
{
	struct conn *c;

	if (percent != 200)
		knob("pacing_ss_ratio", percent);
	c = far();
	twenty(c);
	/* The last leaves when 19, or with its predecessor when 18, have had their time */
	window_takes(c, 20, 80 * 100 / percent, 100 * 100 / percent);
}

static void slow_start_rate(void)
{
	fq();
	window_rate(200);
}

static void ss_ratio(void)
{
	fq();
	window_rate(400);
}

/* After a loss: seven in flight in each round trip of 100 ms, and a little faster than that. */
static void avoidance_rate(int percent)
{
	struct conn *c;

	fq();
	if (percent != 120)
		knob("pacing_ca_ratio", percent);
	c = far();
	flight(c, 0, 10);
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(10) });
	data_within(c, AT(0), 90);
	pass(c, RTT);
	inject(c, ACK, 1, AT(10));
	none(c);
	check_eq(ssthresh(c), 7);
	check_eq(cwnd(c), 7);
	/* The last leaves when six, or with its predecessor when five, have had their time */
	window_takes(c, 7, 68 * 100 / percent, 100 * 100 / percent);
}

static void avoidance_default(void)
{
	avoidance_rate(120);
}

static void ca_ratio(void)
{
	avoidance_rate(240);
}

/* By a timer of the stack's own, where the administrator wants it. */
static void all_paced(void)
{
	knob("pacing", 1);
	window_rate(200);
}

/* Neither fq nor a rate: a window leaves at once. */
static void unpaced(void)
{
	struct conn *c = far();

	twenty(c);
	write_stream(c, 20 * LEN);
	fence();
	check_eq(sent(c), 20);
}

/* A rate that the program names holds from the first segment on. */
static void from_the_first(void)
{
	struct conn *c = in_established(.mss = LEN + 12, .sndbuf = 400000);
	uint64_t t[10];
	int i;

	rate(c->fd, 100000);
	write_stream(c, 10 * LEN);
	take_all(c, 0, 10, t);
	for (i = 1; i < 10; i++)
		ms_between(t[i - 1], t[i], 7, 13, "a segment at 100 kB/s");
}

/* A higher rate ends a long wait. */
static void raised(void)
{
	struct conn *c = in_established(.mss = LEN + 12, .sndbuf = 400000);
	uint64_t t[20], begin;

	rate(c->fd, 10);
	write_stream(c, 20 * LEN);
	take_all(c, 0, 1, t);
	quiet_for(c, 1500);
	rate(c->fd, 100000);
	begin = now_ns();
	take_all(c, 1, 19, t);
	ms_between(begin, t[18], 170, 1400, "19 segments after 100 s at 10 B/s");
}

/*
 * In Linux 6.12 and before fq looks at what is put into the flow of a socket that is paced, and
 * not TCP's, when the flow's first packet is due.
 */
static bool fq_passes_early(void)
{
	struct utsname u;

	check(!uname(&u), "uname");
	return atoi(u.release) > 6;
}

/* By how many ms, at least, @n segments came later than their timestamps say; a constant aside. */
static int32_t least_late(struct conn *c, int first, int n)
{
	int32_t late, least = INT32_MAX;
	uint64_t t;
	int i;

	for (i = first; i < first + n; i++) {
		take_all(c, i, 1, &t);
		late = (int32_t)((uint32_t)(t / MSEC) - c->ts_recent);
		if (late < least)
			least = late;
	}
	return least;
}

/*
 * RFC 7323 3: TSval says when a segment leaves, not when fq got it: what comes back of it would
 * have the wait in it. Ten milliseconds lie between the two here.
 */
static void stamped_at_departure(void)
{
	struct conn *c;
	int32_t base, least;

	fq();
	c = in_established(.mss = LEN + 12, .sndbuf = 400000);
	/* the first ten do not wait */
	write_stream(c, 10 * LEN);
	base = least_late(c, 0, 10);
	rate(c->fd, 100000);
	write_stream(c, 30 * LEN);
	least_late(c, 10, 10);
	least = least_late(c, 20, 20);
	check(least - base >= -2 && least - base <= 4, "stamped %d ms before they came",
	      least - base);
}

/* A bare ACK does not wait behind data. */
static void ack_overtakes(void)
{
	struct conn *c;
	uint64_t t[12];

	fq();
	c = in_established(.mss = LEN + 12, .sndbuf = 400000);
	rate(c->fd, 100000);
	write_stream(c, 12 * LEN);
	take_all(c, 0, 11, t);
	/* the twelfth is stamped and lies in fq, or waits for its time */
	inject(c, ACK, 101, AT(11), .len = 10);
	expect(c, ACK, AT(12), 1, .any = ANY_SEQ | (fq_passes_early() ? NO_WAIT : 0));
	take_all(c, 11, 1, t);
}

const struct row pacing_rows[] = {
	ROW(ROW_CORE, "SO_MAX_PACING_RATE", max_rate),
	ROW(ROW_CORE, "SO_MAX_PACING_RATE by fq", max_rate_fq),
	ROW(0, "SO_MAX_PACING_RATE slower than an RTO", slower_than_rto),
	ROW(0, "SO_MAX_PACING_RATE slower than an RTO by fq", slower_than_rto_fq),
	ROW(0, "SO_MAX_PACING_RATE in recovery", repair),
	ROW(0, "SO_MAX_PACING_RATE in recovery by fq", repair_fq),
	ROW(0, "SO_MAX_PACING_RATE: the FIN in its turn", fin_in_its_turn),
	ROW(0, "SO_MAX_PACING_RATE: the FIN in its turn by fq", fin_in_its_turn_fq),
	ROW(0, "fq: a window at pacing_ss_ratio 200", slow_start_rate),
	ROW(0, "fq: a window at pacing_ss_ratio 400", ss_ratio),
	ROW(0, "fq: a window at pacing_ca_ratio 120", avoidance_default),
	ROW(0, "fq: a window at pacing_ca_ratio 240", ca_ratio),
	ROW(0, "RFC 7323 3 fq: TSval is the departure", stamped_at_departure),
	ROW(0, "neither fq nor a rate: a window at once", unpaced),
	ROW(ROW_XTCP, "pacing 1: a window at pacing_ss_ratio 200", all_paced),
	ROW(ROW_XTCP, "SO_MAX_PACING_RATE from the first segment", from_the_first),
	ROW(ROW_XTCP, "SO_MAX_PACING_RATE raised", raised),
	ROW(ROW_XTCP, "fq: an ACK overtakes data", ack_overtakes),
	{ NULL }
};
