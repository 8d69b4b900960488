// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFC 5681, 9438, 9406: how the window grows and falls, round trip by round trip. The
 * program always has more to send than the window takes.
 */
#define _GNU_SOURCE
#include <net/if.h>
#include <sys/ioctl.h>

#include "loss.h"

#define TOPIC "cc"

#define AHEAD 130		/* segments that wait behind what was sent */

static int una;			/* segments that are acknowledged */
static uint32_t stamps[4096];	/* TSval of each that was sent */

static void reno(int fd)
{
	sys(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
}

/* What the namespace has. */
static void as_it_is(int fd)
{
	(void)fd;
}

static void feed(struct conn *c)
{
	int want = (int)c->rcv - 1 + AHEAD * LEN - (int)c->written;

	if (want > 0)
		write_stream(c, want);
}

/* What goes out now. Return: how many segments. */
static int taken(struct conn *c)
{
	int i, at, n = 0;
	struct seg *s;

	fence();
	while ((s = next_pending(c))) {
		at = (s->seq - c->iss - 1) / LEN;
		check(s->seq - c->iss == (uint32_t)AT(at) && s->len % LEN == 0 && at < 4000,
		      "seq %u len %d", s->seq - c->iss, s->len);
		for (i = 0; i < s->len / LEN; i++, n++)
			stamps[at + i] = s->o.tsval;
		if (c->rcv < (uint32_t)AT(at + i))
			c->rcv = AT(at + i);
		c->ts_recent = s->o.tsval;
	}
	return n;
}

/* In flight from the beginning: what the initial window allows. */
static struct conn *bulk_(struct how h, int rtt)
{
	struct conn *c = far_away(h, rtt);

	una = 0;
	feed(c);
	check_eq(taken(c), 10);
	return c;
}

#define bulk(rtt, ...) bulk_(HOW(.sndbuf = 400000, .win = 60000, ##__VA_ARGS__), rtt)

static int in_flight(const struct conn *c)
{
	return ((int)c->rcv - 1) / LEN - una;
}

/* @n more segments are acknowledged. Return: how many go out for it. */
static int ack(struct conn *c, int n)
{
	una += n;
	inject(c, ACK, 1, AT(una), .set_ts = true, .tsecr = stamps[una - 1],
	       .tsval = c->ts_base + (uint32_t)(now_ns() / MSEC));
	return taken(c);
}

/* A round trip: all that is in flight is acknowledged, @step segments at a time. */
static int round_trip(struct conn *c, int rtt, int step)
{
	int left = in_flight(c), n;

	feed(c);
	pass(c, rtt);
	for (; left > 0; left -= n) {
		n = left < step ? left : step;
		ack(c, n);
	}
	return cwnd(c);
}

/* The first of the flight is lost. Recovery ends with the ACK of all, now. */
static void lose_one(struct conn *c, int rtt)
{
	feed(c);
	pass(c, rtt);
	sack(c, AT(una), { AT(una + 1), c->rcv });
	data(c, AT(una));
	taken(c);
	feed(c);
	pass(c, rtt);
	ack(c, in_flight(c));
}

/* RFC 5681 3.1: in slow start one more for each that is acknowledged. */
static void reno_slow_start(void)
{
	struct conn *c = bulk(RTT, .tune = reno);
	int i;

	pass(c, RTT);
	for (i = 1; i <= 5; i++) {
		check_eq(ack(c, 2), 4);
		check_eq(cwnd(c), 10 + 2 * i);
	}
	check_eq(round_trip(c, RTT, 2), 40);
	check_eq(in_flight(c), 40);
	check_eq(ssthresh(c), NO_SSTHRESH);
}

/* Equations 3 and 4: half of it after a loss, then one more in each round trip. */
static void reno_avoids(struct conn *c)
{
	int i, base;

	check_eq(round_trip(c, RTT, 2), 20);
	lose_one(c, RTT);
	check_eq(ssthresh(c), 10);
	base = cwnd(c);
	check(base == 10 || base == 11, "cwnd %d after recovery", base);
	for (i = 1; i <= 6; i++) {
		check_eq(round_trip(c, RTT, 2), base + i);
		check_eq(in_flight(c), base + i);
	}
	check_eq(resent(c), 1);
	check_eq(ssthresh(c), 10);
}

static void reno_avoidance(void)
{
	reno_avoids(bulk(RTT, .tune = reno));
}

/* The same by sysctl, for who does not choose. */
static void reno_sysctl(void)
{
	char name[16] = "";
	socklen_t len = sizeof(name);
	struct conn *c;

	put_file(is_xtcp() ? "/proc/sys/net/xtcp/congestion_control" :
		 "/proc/sys/net/ipv4/tcp_congestion_control", "reno");
	c = bulk(RTT, .tune = as_it_is);
	sys(getsockopt(c->fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	check(!strcmp(name, "reno"), "%s", name);
	reno_avoids(c);
}

/* While it is connected: what was CUBIC's 14 of 20 is 10. */
static void reno_later(void)
{
	struct conn *c = bulk(RTT);

	check_eq(round_trip(c, RTT, 20), 20);
	reno(c->fd);
	lose_one(c, RTT);
	check_eq(ssthresh(c), 10);
}

/* Equation 4: half of what is in flight, not of the window. (The kernel's TCP: of the window.) */
static void reno_flight(void)
{
	struct conn *c = far(.tune = reno);

	twenty(c);
	flight(c, 10, 22);
	check_eq(cwnd(c), 20);
	pass(c, RTT);
	sack(c, AT(10), { AT(11), AT(22) });
	data(c, AT(10));
	check_eq(ssthresh(c), is_xtcp() ? 6 : 10);
}

/* MUST-19, equation 4: after a timeout one segment, slow start up to half, then avoidance. */
static void reno_timeout(void)
{
	struct conn *c = far(.tune = reno, .no_ts = true, .no_sack = true);
	int i, n, at = 10;

	twenty(c);
	flight(c, 10, 30);
	data_within(c, AT(10), 1500);
	none(c);
	check_eq(cwnd(c), 1);
	check_eq(ssthresh(c), 10);
	for (n = 1; n < 8; n *= 2) {
		pass(c, RTT);
		for (i = 0; i < n; i++) {
			inject(c, ACK, 1, AT(++at));
			check_eq(sent(c), 2);
		}
		check_eq(cwnd(c), 2 * n);
	}
	/* 30 is the end: eight are in flight, and five not sent yet */
	for (i = 1; i <= 2; i++) {
		inject(c, ACK, 1, AT(++at));
		check_eq(cwnd(c), 8 + i);
	}
	for (i = 0; i < 5; i++)
		inject(c, ACK, 1, AT(++at));
	fence();
	check_eq(cwnd(c), 10);
}

/* C = 0.4, beta = 0.7, alpha = 3 (1 - beta) / (1 + beta) */
#define CUBIC_C		0.4
#define CUBIC_BETA	0.7
#define CUBIC_ALPHA	(9.0 / 17)

/* RFC 9438 4.2: W_cubic(t) of a stage that began at @start. */
static double w_cubic(double t, double w_max, double start)
{
	double low = 0, high = 1000, k, d;

	while (high - low > 0.000001) {
		k = (low + high) / 2;
		if (CUBIC_C * k * k * k < w_max - start)
			low = k;
		else
			high = k;
	}
	d = t - low;
	return w_max + CUBIC_C * d * d * d;
}

static double seconds(const struct conn *c)
{
	return (now_ns() - c->mark_ns) / 1e9;
}

/*
 * @rounds round trips of a stage that has just begun, at mark(). Each ACK asks for its part of
 * the way to the window of one round trip later (4.2), but not less than Reno would have (4.3).
 * @seen: the windows.
 */
static void follows_cubic(struct conn *c, int rtt, double w_max, int rounds, int *seen)
{
	double low, high, est, start = ssthresh(c);
	int i, w;

	for (i = 1; i <= rounds; i++) {
		w = round_trip(c, rtt, 7);
		high = w_cubic(seconds(c) + rtt / 1e3, w_max, start);
		low = w_cubic(seconds(c), w_max, start);
		est = start + CUBIC_ALPHA * i;
		low = low > est ? low : est;
		high = high > est ? high : est;
		check(w >= low - 2 && w <= high + 2, "cwnd %d after %.1f s, not %.1f to %.1f", w,
		      seconds(c), low, high);
		check_eq(in_flight(c), w);
		seen[i] = w;
	}
}

/* Slow start up to 40 in flight, and one of them is lost. */
static struct conn *lost_at_forty(int rtt)
{
	struct conn *c = bulk(rtt);

	round_trip(c, rtt, 1000);
	check_eq(round_trip(c, rtt, 1000), 40);
	lose_one(c, rtt);
	mark(c);
	check_eq(ssthresh(c), 28);
	return c;
}

/* RFC 9438 4.4, 4.5: fast, slow near where the loss was, and fast again beyond. */
static void cubic_curve(void)
{
	struct conn *c = lost_at_forty(300);
	int w[21];

	follows_cubic(c, 300, 40, 20, w);
	check(w[4] >= 35 && w[12] - w[8] <= 2 && w[20] - w[16] >= 5,
	      "not concave, flat, convex: 28, %d, %d, %d, %d, %d", w[4], w[8], w[12], w[16],
	      w[20]);
	check_eq(resent(c), 1);
}

/* 4.3: where round trips are short Reno's window is larger, and it is what counts. */
static void cubic_reno_friendly(void)
{
	struct conn *c = lost_at_forty(30);
	int w[21], base, i;

	follows_cubic(c, 30, 40, 20, w);
	check(w_cubic(seconds(c) + 0.03, 40, 28) < w[20] - 3, "CUBIC has as much");
	/* One a round trip once it is where it was (the kernel's TCP goes on as before) */
	if (!is_xtcp())
		return;
	while (cwnd(c) < 41)
		round_trip(c, 30, 1000);
	base = cwnd(c);
	for (i = 1; i <= 6; i++)
		check_eq(round_trip(c, 30, 1000), base + i);
}

/* 4.7: a second loss below W_max: W_max is less than that window was, and flat is there. */
static void cubic_fast_convergence(void)
{
	struct conn *c = lost_at_forty(300);
	int before, w[9];

	follows_cubic(c, 300, 40, 2, w);
	before = w[2];
	check(before >= 32 && before <= 36, "cwnd %d", before);
	lose_one(c, 300);
	mark(c);
	check_eq(ssthresh(c), before * 7 / 10);
	follows_cubic(c, 300, before * (1 + CUBIC_BETA) / 2, 8, w);
	check(w[8] <= before - 3, "cwnd %d where it is flat, it was %d", w[8], before);
	check_eq(resent(c), 2);
}

/* RFC 9406: a round with a longer RTT. Growth is a quarter from its eighth sample on. */
static struct conn *slow_start_longer(void)
{
	struct conn *c = bulk(RTT, .ws = 1);

	check_eq(round_trip(c, RTT, 1), 20);
	check_eq(round_trip(c, RTT + 30, 1), 27 + 13 / 4);
	check_eq(ssthresh(c), NO_SSTHRESH);
	return c;
}

/* 4.2: after five rounds of conservative slow start congestion avoidance begins. */
static void hystart_css(void)
{
	struct conn *c = slow_start_longer();
	int i, was, now;

	/* the round that has begun it counts for one of five; then those that begin in it */
	for (i = 0, was = 30; i < 4; i++, was = now) {
		check(ssthresh(c) == NO_SSTHRESH, "it ended after %d rounds", i + 1);
		now = round_trip(c, RTT + 30, 1);
		check(now >= was + was / 4 - 1 && now <= was + was / 4 + 1, "from %d to %d",
		      was, now);
	}
	/* The first ACK of the next round ends it */
	now = round_trip(c, RTT + 30, 1);
	check_eq(ssthresh(c), was);
	check(now <= was + 2, "congestion avoidance from %d to %d", was, now);
	check_eq(resent(c), 0);
}

/* It was jitter: with a round as short as before slow start goes on. */
static void hystart_resumes(void)
{
	struct conn *c = slow_start_longer();
	int now = round_trip(c, RTT + 5, 1);

	/* of 30, seven for a quarter, then one by one */
	check(now >= 30 + 1 + 23 && now <= 30 + 1 + 24, "from 30 to %d", now);
	check_eq(round_trip(c, RTT + 5, 2), 2 * now);
	check_eq(ssthresh(c), NO_SSTHRESH);
}

/* Less than an eighth is no reason, nor are seven samples. */
static void hystart_goes_on(void)
{
	struct conn *c = bulk(RTT, .ws = 1);

	check_eq(round_trip(c, RTT, 1), 20);
	check_eq(round_trip(c, RTT + 8, 1), 40);
	check_eq(ssthresh(c), NO_SSTHRESH);
	c = bulk(RTT, .ws = 1);
	check_eq(round_trip(c, RTT, 1), 20);
	check_eq(round_trip(c, RTT + 60, 3), 40);
	check_eq(ssthresh(c), NO_SSTHRESH);
}

/* A flight of 40 after 60 ms, an ACK each millisecond, the @late th of them 3 ms later. */
static struct conn *acks_in_a_train(int late)
{
	struct conn *c = bulk(60, .ws = 1);
	int i;

	check_eq(round_trip(c, 60, 1), 20);
	check_eq(round_trip(c, 60, 1), 40);
	feed(c);
	pass(c, 60);
	for (i = 0; i < 40; i++) {
		ack(c, 1);
		pass(c, i == late ? 3 : 1);
	}
	return c;
}

/* ACKs in a train for half the RTT: the window is long enough, and then probes for more. */
static void hystart_train(void)
{
	struct conn *c = acks_in_a_train(40);
	int was = cwnd(c), now;

	/* It takes thirty and a little, and they let out as many more */
	check(ssthresh(c) >= 60 && ssthresh(c) <= 73, "ssthresh %d", ssthresh(c));
	check(was >= ssthresh(c) && was <= ssthresh(c) + 2, "cwnd %d", was);
	now = round_trip(c, 60, 1);
	check(now >= was + was / 20 && now <= was + was / 20 + 2, "from %d to %d", was, now);
	check_eq(resent(c), 0);
}

/* A gap longer than two milliseconds: they did not come as fast as the path could. */
static void hystart_gap(void)
{
	struct conn *c = acks_in_a_train(10);

	check_eq(cwnd(c), 80);
	check_eq(ssthresh(c), NO_SSTHRESH);
}

/* @n segments, all there is to send, in each of @rounds round trips. Return: cwnd. */
static int little(struct conn *c, int n, int rounds)
{
	while (rounds--) {
		write_stream(c, n * LEN);
		check_eq(taken(c), n);
		pass(c, RTT);
		check_eq(ack(c, n), 0);
	}
	return cwnd(c);
}

/* Out of slow start, nothing in flight and nothing to send. */
static struct conn *idle_after_loss(void (*tune)(int fd), int want)
{
	struct conn *c = far(.tune = tune);

	una = 0;
	check_eq(little(c, 10, 1), 20);
	write_stream(c, 20 * LEN);
	check_eq(taken(c), 20);
	pass(c, RTT);
	sack(c, AT(una), { AT(una + 1), AT(una + 20) });
	data(c, AT(una));
	none(c);
	pass(c, RTT);
	/* this one echoes what was sent again */
	una += 20;
	inject(c, ACK, 1, AT(una));
	none(c);
	check_eq(ssthresh(c), want);
	return c;
}

/* RFC 7661, RFC 5681: in congestion avoidance only a window that is full grows. */
static void unused_reno(void)
{
	struct conn *c = idle_after_loss(reno, 10);
	int base = cwnd(c);

	check(base == 10 || base == 11, "cwnd %d", base);
	check_eq(little(c, base - 3, 20), base);
	check_eq(little(c, base, 1), base + 1);
	check_eq(little(c, base + 1, 1), base + 2);
}

/* RFC 9438 5.8: nor does time go on for CUBIC: 15 round trips later it goes on where it was. */
static void unused_cubic(void)
{
	struct conn *c;
	int base, now;

	/* RFC 2861 would take the window down */
	knob("slow_start_after_idle", 0);
	c = idle_after_loss(NULL, 14);
	base = cwnd(c);
	check(base >= 14 && base <= 15, "cwnd %d", base);
	check_eq(little(c, 6, 30), base);
	now = little(c, base, 1);
	/* the curve would be beyond 20 by now */
	check(now <= base + 2, "cwnd from %d to %d at once", base, now);
}

/* How many segments of @mss leave before anything is acknowledged. */
static int initial_window(int mss)
{
	struct ifreq ifr = { .ifr_name = "w0", .ifr_mtu = 9216 };
	int fd = sys(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), n = 0;
	struct conn *c;
	struct seg *s;

	sys(ioctl(fd, SIOCSIFMTU, &ifr));
	close(fd);
	w.mtu = ifr.ifr_mtu;
	c = in_established(.mss = mss, .win = 65000, .no_ts = true, .sndbuf = 200000);
	write_stream(c, 100000);
	fence();
	while ((s = next_pending(c))) {
		check_eq(s->len, mss);
		n++;
	}
	return n;
}

/* RFC 6928: ten segments, if these are 14600 bytes at most, else that, but two. */
static void initial_windows(void)
{
	check_eq(initial_window(536), 10);
	check_eq(initial_window(1460), 10);
	if (!is_xtcp())		/* ten, whatever they are */
		return;
	check_eq(initial_window(1461), 9);
	check_eq(initial_window(4000), 3);
	check_eq(initial_window(8960), 2);
}

const struct row cc_rows[] = {
	ROW(ROW_CORE | ROW_VT, "RFC 5681 3.1 Reno: slow start", reno_slow_start),
	ROW(ROW_CORE | ROW_VT, "RFC 5681 3.1 3.2 Reno: half, then one a round trip",
	    reno_avoidance),
	ROW(ROW_VT, "RFC 5681 Reno by congestion_control", reno_sysctl),
	ROW(ROW_VT, "RFC 5681 Reno by TCP_CONGESTION on a connection", reno_later),
	ROW(ROW_VT, "RFC 5681 3.1 Reno: half of what is in flight", reno_flight),
	ROW(ROW_VT, "RFC 5681 3.1 MUST-19 Reno: one segment after a timeout", reno_timeout),
	ROW(ROW_CORE | ROW_VT, "RFC 9438 4.4 4.5 concave, flat, convex", cubic_curve),
	ROW(ROW_VT, "RFC 9438 4.3 not less than Reno", cubic_reno_friendly),
	ROW(ROW_VT, "RFC 9438 4.7 fast convergence", cubic_fast_convergence),
	ROW(ROW_VT, "RFC 7661 Reno: an unused window does not grow", unused_reno),
	ROW(ROW_VT, "RFC 9438 5.8 CUBIC: an unused window does not grow", unused_cubic),
	ROW(ROW_CORE, "RFC 6928 the initial window by MSS", initial_windows),
	/* The kernel's has the HyStart before this RFC. */
	ROW(ROW_XTCP | ROW_CORE | ROW_VT, "RFC 9406 4.2 five rounds of a quarter, then avoidance",
	    hystart_css),
	ROW(ROW_XTCP | ROW_VT, "RFC 9438 4.10 a train of ACKs ends slow start", hystart_train),
	ROW(ROW_XTCP | ROW_VT, "RFC 9438 4.10 a gap ends the train", hystart_gap),
	ROW(ROW_XTCP | ROW_VT, "RFC 9406 4.2 jitter: slow start goes on", hystart_resumes),
	ROW(ROW_XTCP | ROW_VT, "RFC 9406 4.2 4.3 too little, and too few samples",
	    hystart_goes_on),
	{ NULL }
};
