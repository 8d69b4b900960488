// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small queues: how much is given down while the device takes its time, and that it goes on as
 * that drains. And how large the pieces are: who cuts them lets the segments of one go together.
 */
#define _GNU_SOURCE
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "loss.h"

#define TOPIC "queue"

#ifndef SO_MAX_PACING_RATE
#define SO_MAX_PACING_RATE 47
#endif

#define WIRE_LEN(payload) ((payload) + (is_v6() ? 72 : 52))
#define REST 300	/* of what is written, less than a segment */

/* What is below leaves at so many bytes a second, the first @burst and no more at once. */
static void slow(uint32_t rate, uint32_t burst)
{
	struct {
		struct rtattr parms;
		struct tc_tbf_qopt q;
		struct rtattr size;
		uint32_t burst;
	} opt = {
		.parms = { RTA_LENGTH(sizeof(opt.q)), TCA_TBF_PARMS },
		.q = { .rate = { .linklayer = TC_LINKLAYER_ETHERNET, .rate = rate },
		       .limit = 1000000 },
		.size = { RTA_LENGTH(sizeof(opt.burst)), TCA_TBF_BURST },
		.burst = burst,
	};

	net_qdisc("tbf", &opt, sizeof(opt));
}

/* What leaves in a millisecond of the 1024 that a second has here. */
static uint32_t bytes_in_ms(const struct conn *c)
{
	struct {
		struct tcp_info known;
		uint64_t pacing_rate;	/* the C library's header ends before */
	} ti = { 0 };
	socklen_t len = sizeof(ti);

	sys(getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &ti, &len));
	check_eq(len, sizeof(ti));
	return ti.pacing_rate / 1024;
}

/* A window of @window segments, all acknowledged; what is written is not cut by its half. */
static struct conn *grown(int rtt, int window)
{
	struct conn *c;
	int n, i, at = 0;

	/* That sch_tbf has to be loaded takes longer than a pause of the connection may */
	slow(1000000000, 1000000);
	c = far_away(HOW(.sndbuf = 400000, .win = 60000, .ws = 2), rtt);
	for (n = 10; n < window; n *= 2) {
		/* no more than one call takes, of whole segments */
		for (i = 0; i < n; i += 10, at += 10)
			flight(c, at, at + 10);
		pass(c, rtt);
		inject(c, ACK, 1, AT(at));
		none(c);
	}
	check_eq(cwnd(c), window);
	return c;
}

/* The next in order, of @len bytes. */
static void takes(struct conn *c, const struct seg *s, int len)
{
	check(s && s->seq - c->iss == c->rcv && s->len == len, "seq %u len %d, not %u, %d",
	      s ? s->seq - c->iss : 0, s ? s->len : 0, c->rcv, len);
	c->rcv += len;
	if (s->o.has_ts)
		c->ts_recent = s->o.tsval;
}

/* What has come, and when. Return: how many segments. */
static int arrived(struct conn *c, int len, uint64_t *t)
{
	struct seg *s;
	int n = 0;

	while ((s = next_pending(c))) {
		takes(c, s, len);
		t[n++] = s->t_ns;
	}
	return n;
}

/* Segments that are below now: an echo reply has to wait behind them. */
static int below(struct conn *c, uint64_t *t)
{
	fence();
	return arrived(c, LEN, t);
}

/* Many segments in a millisecond, though the round trip is long enough for a slow machine. */
static struct conn *fast(int rtt)
{
	knob("pacing_ss_ratio", 1000);
	return grown(rtt, 160);
}

/*
 * Two pieces of two segments, beside what is leaving, whatever windows allow. What has left is made
 * up for, though no ACK comes.
 */
static void two_pieces(void)
{
	struct conn *c = grown(900, 40);
	uint64_t t[40 + 8];
	int n = 0, more, i;

	slow(WIRE_LEN(LEN) * 50, 1500);
	write_stream(c, 40 * LEN);
	while (n < 40) {
		more = below(c, t + n);
		check(more > 0 && more <= 6, "%d segments wait after %d", more, n);
		n += more;
	}
	check_eq(n, 40);
	/* 20 ms each, and the echo replies' share; the first did not wait */
	for (i = 1; i < 40; i++)
		check(t[i] - t[i - 1] < 40 * MSEC, "segment %d after %llu us", i,
		      (unsigned long long)(t[i] - t[i - 1]) / 1000);
	check(t[39] - t[1] > 740 * MSEC && t[39] - t[1] < 840 * MSEC, "38 segments in %llu ms",
	      (unsigned long long)((t[39] - t[1]) / MSEC));
	inject(c, ACK, 1, c->rcv);
	none(c);
	check_eq(resent(c), 0);
}

/*
 * Behind two full segments in a queue that crawls, 12 small ones of 100 bytes, each in a kilobyte
 * of memory or so. Return: how many of them are given down.
 */
static int small_ones(struct conn *c)
{
	uint64_t t[100];
	int i;

	/* the kernel's TCP would have them wait for one another */
	if (!is_xtcp())
		put_file("/proc/sys/net/ipv4/tcp_autocorking", "0");
	set_int(c->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	slow(5000, 1500);
	write_stream(c, 2 * LEN);
	for (i = 0; i < 12; i++)
		write_stream(c, 100);
	fence();
	takes(c, next_pending(c), LEN);
	takes(c, next_pending(c), LEN);
	return arrived(c, 100, t);
}

/* Not paced: what leaves in a millisecond at the rate that the window has, and one more. */
static void a_millisecond(void)
{
	struct conn *c = fast(150);
	int left = bytes_in_ms(c) - 3000, n;

	/* The full segments' are 3000, by and large */
	check(left > 5500 && left < 8500, "%d bytes are left in a millisecond", left);
	n = small_ones(c);
	check(n >= 4 && n <= left / 800 + 1, "%d wait, %d bytes", n, left);
}

static void limit_output_bytes(void)
{
	int n;

	knob("limit_output_bytes", 5000);
	n = small_ones(fast(150));
	check(n >= 1 && n <= 3, "%d wait", n);
}

/*
 * Three pieces of @size segments and one of a segment and a rest, in a queue that gives one of
 * @size in 100 ms, and would cut what is larger.
 */
static void pieces_are(struct conn *c, int size)
{
	int i, n, segs = 3 * size + 2;
	uint64_t t[80];

	check(segs <= 40, "%d segments", segs);
	slow(WIRE_LEN(LEN) * size * 10, WIRE_LEN(LEN) * size + 100);
	write_stream(c, (segs - 1) * LEN + REST);
	for (i = 0; i < segs; i++) {
		struct seg *s = next_seg(c, 200);

		takes(c, s, i < segs - 1 ? LEN : REST);
		t[i] = s->t_ns;
	}
	for (i = 0; i < segs; i += n) {
		for (n = 1; i + n < segs && t[i + n] - t[i + n - 1] < 10 * MSEC; n++)
			;
		check_eq(n, i < 3 * size ? size : 2);
	}
	check_eq(resent(c), 0);
}

/* Not paced: a millisecond at the rate of window and round trip, in whole segments. */
static void piece_of_window(void)
{
	struct conn *c = fast(300);
	int size = bytes_in_ms(c) / LEN;

	check(size >= 3 && size <= 5, "%d segments in a millisecond", size);
	pieces_are(c, size);
}

/* Two segments get one ACK: so many, even where a millisecond has no time for one. */
static void piece_of_two(void)
{
	struct conn *c = grown(500, 20);

	check(bytes_in_ms(c) < LEN, "%u bytes in a millisecond", bytes_in_ms(c));
	pieces_are(c, 2);
}

/* Paced: a millisecond at the rate that the program names. */
static void piece_of_rate(void)
{
	struct conn *c = fast(300);

	set_int(c->fd, SOL_SOCKET, SO_MAX_PACING_RATE, 3 * LEN * 1024);
	check_eq(bytes_in_ms(c), 3 * LEN);
	pieces_are(c, 3);
}

const struct row queue_rows[] = {
	ROW(ROW_VT, "small queues: two pieces wait, and it goes on as they leave", two_pieces),
	ROW(ROW_VT, "small queues: a millisecond at the rate waits", a_millisecond),
	ROW(ROW_VT, "small queues: limit_output_bytes 5000", limit_output_bytes),
	ROW(ROW_VT | ROW_TCP, "GSO: a millisecond at the window's rate, whole segments",
	    piece_of_window),
	ROW(ROW_VT | ROW_TCP, "GSO: two segments at least", piece_of_two),
	ROW(ROW_VT | ROW_TCP, "GSO: a millisecond at SO_MAX_PACING_RATE", piece_of_rate),
	{ NULL }
};
