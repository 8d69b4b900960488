// SPDX-License-Identifier: GPL-2.0-only
/* MUST-1, 34-39, 66: windows, zero windows and silly ones. */
#define _GNU_SOURCE
#include <sys/ioctl.h>

#include "wire.h"

#define TOPIC "window"

/* MUST-1: 0xffff is large, not minus one. */
static void is_unsigned(void)
{
	struct conn *c = in_established(.no_ws = true, .sndbuf = 200000);

	c->win = 0xffff;
	inject(c, ACK, 1, 1);
	write_stream(c, 40000);
	while (c->rcv < 40001) {
		struct seg *s = next_seg(c, 3000);

		check(s, "the stream stops at %u", c->rcv);
		c->rcv = s->seq - c->iss + s->len;
		inject(c, ACK, 1, c->rcv);
	}
}

/* MUST-34: the peer takes back window that it gave. */
static void shrinks(void)
{
	struct conn *c = in_established(.no_ws = true, .win = 4000,
					.mss = 1012);

	write_stream(c, 6000);
	expect_stream(c, 4001);
	inject(c, ACK, 1, 1001, .win = 500);	/* right edge 4001 -> 1501 */
	fence();
	drop_pending();
	state_is(c, TCP_ESTABLISHED);
	/* What was sent beyond is still acknowledged, and it goes on. */
	c->win = 4000;
	inject(c, ACK, 1, 4001);
	c->rcv = 4001;
	expect_stream(c, 6001);
	inject(c, ACK, 1, 6001);
	quiet(c);
}

/* MUST-34: data of the old window that arrives after ours closed. */
static void own_edge(void)
{
	struct conn *c = in_established(.rcvbuf = 4096);
	struct seg *s;
	uint32_t edge;

	inject(c, ACK, 1, 1, .len = 1000);
	s = expect(c, ACK, 1, 1001);
	edge = 1001 + ((uint32_t)s->win << c->ws);
	check(edge >= 1001, "edge %u", edge);
	inject(c, ACK, 1001, 1, .len = 500);
	s = expect(c, ACK, 1, 1501);
	check(1501 + ((uint32_t)s->win << c->ws) + (1U << c->ws) > edge,
	      "the right edge went back from %u to %u", edge,
	      1501 + ((uint32_t)s->win << c->ws));
}

/* MUST-35, MUST-36: the window is zero; the stack asks when it opens. */
static void probes(void)
{
	struct conn *c = in_established(.no_ws = true, .win = 1000,
					.mss = 512);
	uint64_t t[4];
	struct seg *s;
	int i;

	write_stream(c, 3000);
	expect_stream(c, 1001);
	inject(c, ACK, 1, 1001, .win = ZERO_WIN);
	quiet(c);
	mark_last(c);
	for (i = 0; i < 4; i++) {
		s = next_seg(c, 5000);
		check(s, "no probe");
		check(s->len <= 1, "a probe of %d bytes", s->len);
		check(s->seq - c->iss == 1000 || s->seq - c->iss == 1001,
		      "a probe with seq %u", s->seq - c->iss);
		t[i] = s->t_ns / MSEC;
		c->ts_recent = s->o.tsval;
		inject(c, ACK, 1, 1001, .win = ZERO_WIN);
	}
	check(t[0] - c->mark_ns / MSEC >= 150, "the first after %d ms",
	      (int)(t[0] - c->mark_ns / MSEC));
	check(t[3] - t[2] > (t[2] - t[1]) * 3 / 2,
	      "intervals %d, %d ms do not grow", (int)(t[2] - t[1]),
	      (int)(t[3] - t[2]));
	inject(c, ACK, 1, 1001, .win = 4000);
	c->rcv = 1001;
	expect_stream(c, 3001);
}

/* MUST-37: for as long as probes are answered, however long that is. */
static void probes_for_ever(void)
{
	struct conn *c = in_established();
	uint64_t last, gap;
	struct seg *s;
	int n = 0;

	zero_window(c);
	last = now_ns();
	write_stream(c, 100);
	while (since_ms(c) < 2 * 3600 * 1000ULL) {
		s = next_seg(c, 150000);
		check(s, "no probe for 150 s after %d s",
		      (int)(since_ms(c) / 1000));
		check(!(s->flags & RST), "given up after %d s",
		      (int)(since_ms(c) / 1000));
		gap = (s->t_ns - last) / MSEC;
		last = s->t_ns;
		check(gap < 137000, "%d s between two probes",
		      (int)(gap / 1000));
		c->ts_recent = s->o.tsval;
		inject(c, ACK, 1, 11, .win = ZERO_WIN);
		n++;
	}
	check(n > 50, "%d probes in two hours", n);
	state_is(c, TCP_ESTABLISHED);
	inject(c, ACK, 1, 11);
	expect(c, ACK, 11, 1, .len = 100);
	inject(c, ACK, 1, 111);
	quiet(c);
}

/* MUST-66: a closed window shuts out data, not RST, URG (urgrecv.c) and ACKs. */
static void rst_at_zero_window(void)
{
	struct conn *c = own_zero_window();

	inject(c, ACK, c->snd, 1, .len = 50);
	c->snd -= 50;
	expect(c, ACK, 1, c->snd, .any = NO_WAIT);
	inject(c, RST, c->snd, 0);
	quiet(c);
	gone(c);
}

static void ack_at_zero_window(void)
{
	struct conn *c = own_zero_window();

	write_stream(c, 100);
	expect(c, ACK, 1, c->snd, .len = 100);
	inject(c, ACK, c->snd, 101);
	quiet(c);	/* else it would be sent again */
	quiet_for(c, 600);
}

/* The window opens: the peer is told without having to ask. */
static void window_update(void)
{
	struct conn *c = own_zero_window();
	struct seg *s;
	int n;

	sys(ioctl(c->fd, FIONREAD, &n));
	check(n > 0, "nothing is readable");
	read_stream(c, n);
	s = next_seg(c, 1000);
	check(s && s->win > 0, "no window update");
	check_eq(s->ack - c->irs, c->snd);
}

/* MUST-39: a window is opened by a worthwhile step or not at all. */
static void receiver_silly(void)
{
	struct conn *c = own_zero_window();
	struct seg *s;

	read_stream(c, 1);
	fence();
	s = next_pending(c);
	check(!s || ((uint32_t)s->win << c->ws) == 0 ||
	      ((uint32_t)s->win << c->ws) >= 500,
	      "a window of %u bytes", s ? (uint32_t)s->win << c->ws : 0);
	/* Asked, it says the same. */
	inject(c, ACK, c->snd - 1, 1);
	s = next_seg(c, 1000);
	check(s, "a probe is not answered");
	check(((uint32_t)s->win << c->ws) == 0 ||
	      ((uint32_t)s->win << c->ws) >= 500,
	      "a window of %u bytes", (uint32_t)s->win << c->ws);
}

/* MUST-38: crumbs of window are not filled with crumbs of data. */
static void sender_silly(void)
{
	struct conn *c = in_established(.no_ws = true, .win = 8000,
					.mss = 1012, .sndbuf = 200000);
	struct seg *s;

	write_stream(c, 20000);
	expect_stream(c, 8001);
	inject(c, ACK, 1, 8001, .win = 10);
	fence();
	s = next_pending(c);
	check(!s, "%d bytes into a window of 10", s ? s->len : 0);
	inject(c, ACK, 1, 8001, .win = 8000);
	s = next_seg(c, 1000);
	check(s && s->len == 1000, "no full segment");
}

/* Seven segments and a half: a piece for the device ends with the last that is whole. */
static void sender_silly_piece(void)
{
	struct conn *c = in_established(.no_ws = true, .win = 7500, .mss = 1012,
					.sndbuf = 200000);

	write_stream(c, 20000);
	fence();
	expect_stream(c, 7001);
	quiet(c);
	inject(c, ACK, 1, 1001, .win = 7500);
	expect(c, ACK, 7001, 1, .len = 1000, .any = NO_WAIT);
	quiet(c);
}

/* 3.4: a FIN takes a number, and must fit the window like data. */
static void fin_fits(void)
{
	struct conn *c = in_established(.no_ws = true, .win = 2000, .mss = 1012);

	write_stream(c, 3000);
	expect_stream(c, 2001);
	sys(shutdown(c->fd, SHUT_WR));
	inject(c, ACK, 1, 2001, .win = 1000);
	check(expect(c, ACK, 2001, 1, .len = 1000)->flags & PSH, "no PSH");
	quiet(c);
	inject(c, ACK, 1, 3001, .win = 1000);
	expect(c, FIN | ACK, 3001, 1);
}

/* The same for the rest that a probe sends when the silly window lasts. */
static void fin_fits_probe(void)
{
	struct conn *c = in_established(.no_ws = true, .win = 1000, .mss = 1012);

	write_stream(c, 1500);
	expect_stream(c, 1001);
	sys(shutdown(c->fd, SHUT_WR));
	inject(c, ACK, 1, 1001, .win = 400);
	expect(c, ACK, 1001, 1, .len = 400, .within_ms = 3000);
	inject(c, ACK, 1, 1401, .win = 100);
	expect(c, ACK, 1401, 1, .len = 100, .within_ms = 3000);
	inject(c, ACK, 1, 1501, .win = 1000);
	expect(c, FIN | ACK, 1501, 1);
}

/* An old ACK must not change the window: SND.WL1, SND.WL2. */
static void old_update(void)
{
	struct conn *c = in_established(.no_ws = true, .win = 1000,
					.mss = 512);

	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 101);
	/* An older number (seq 1) with a larger window. */
	inject(c, ACK, 1, 1, .win = 8000);
	fence();
	drop_pending();
	write_stream(c, 3000);
	expect_stream(c, 1001);
	quiet(c);
}

const struct row window_rows[] = {
	ROW(ROW_CORE, "MUST-1 windows are unsigned", is_unsigned),
	ROW(ROW_CORE, "MUST-34 the peer's window shrinks", shrinks),
	ROW(0, "MUST-34 the own right edge never goes back", own_edge),
	ROW(ROW_CORE, "MUST-35 MUST-36 zero-window probes", probes),
	ROW(ROW_CORE | ROW_VT, "MUST-37 zero window for two hours",
	    probes_for_ever),
	ROW(ROW_CORE, "MUST-66 RST at zero window", rst_at_zero_window),
	ROW(0, "MUST-66 ACK at zero window", ack_at_zero_window),
	ROW(0, "RFC 9293 3.8.6 a window update", window_update),
	ROW(ROW_CORE, "MUST-38 sender silly window", sender_silly),
	/* The kernel's TCP fills the first window to the last byte. */
	ROW(ROW_XTCP, "MUST-38 a piece ends with a whole segment", sender_silly_piece),
	ROW(ROW_CORE, "MUST-39 receiver silly window", receiver_silly),
	ROW(0, "RFC 9293 3.10.7.4 SND.WL1: an old update", old_update),
	ROW(ROW_XTCP, "RFC 9293 3.4 a FIN fits the window or waits", fin_fits),
	ROW(ROW_XTCP, "RFC 9293 3.4 a FIN behind the data of a probe", fin_fits_probe),
	{ NULL }
};
