// SPDX-License-Identifier: GPL-2.0-only
/* S13, S18: connections whose program is gone. */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "orphan"

static uint64_t slack(uint64_t ms)
{
	return is_xtcp() ? ms / 400 + 15 : ms / 8 + 1000;
}

/* S18: the peer never sends its FIN: fin_wait2_ms, 60 s. */
static void fin_wait_2(void)
{
	struct conn *c = in_fin_wait_2(.close = true);
	uint64_t t = wait_gone(c, 90000);

	near(t, 60000, slack(60000));
	quiet(c);
	inject(c, FIN | ACK, 1, 2);
	expect(c, RST, 2, 0);
}

/* With a program that holds the socket it lasts as long as it likes. */
static void fin_wait_2_held(void)
{
	struct conn *c = in_fin_wait_2();

	pass_quietly(c, 3600 * 1000);
	state_is(c, TCP_FIN_WAIT2);
	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
}

static void fin_wait_2_knob(void)
{
	struct conn *c;

	knob("fin_wait2_ms", 20000);
	c = in_fin_wait_2(.close = true);
	near(wait_gone(c, 60000), 20000, slack(20000));
}

static void tune_linger2(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_LINGER2, 15);
}

static void linger2(void)
{
	struct conn *c = in_fin_wait_2(.close = true, .tune = tune_linger2);

	near(wait_gone(c, 60000), 15000, slack(15000));
}

/* S13: orphan_retries 8 bounds how long a FIN is repeated: 102.2 s. */
static void fin_retries(void)
{
	struct conn *c = in_fin_wait_1(.close = true);
	struct seg *s;
	int n = 0;

	while (state_of(c) != TCP_CLOSE) {
		s = next_seg(c, 500);
		n += s && (s->flags & FIN);
		check(since_ms(c) < 200000, "an orphan of 200 s");
	}
	check(since_ms(c) >= 95000 && since_ms(c) <= 125000,
	      "given up after %d ms", (int)since_ms(c));
	check(n >= 7 && n <= 10, "%d FINs", n);
}

static void fin_retries_last_ack(void)
{
	struct conn *c = in_last_ack(.close = true);
	uint64_t t = wait_gone(c, 200000);

	check(t >= 95000 && t <= 125000, "given up after %d ms", (int)t);
}

static void fin_retries_knob(void)
{
	struct conn *c;
	uint64_t t;

	knob("orphan_retries", 3);
	c = in_fin_wait_1(.close = true);
	t = wait_gone(c, 60000);
	/* 200 + 400 + 800 + 1600; one more would be 6200, which TCP makes of 3 */
	check(t >= 2800 && t <= (is_xtcp() ? 5000 : 7500), "given up after %d ms", (int)t);
}

static void tune_orphan(int fd)
{
	set_int(fd, SOL_XTCP, XTCP_ORPHAN_RETRIES, 4);
}

static void fin_retries_option(void)
{
	struct conn *c = in_fin_wait_1(.close = true, .tune = tune_orphan);
	uint64_t t = wait_gone(c, 60000);

	/* and 3200; one more would be 12600 */
	check(t >= 5900 && t <= 10000, "given up after %d ms", (int)t);
}

/* A zero window does not keep an orphan for ever. */
static void zero_window_orphan_of(struct conn *c)
{
	struct seg *s;

	zero_window(c);
	write_stream(c, 100);
	sys(close(c->fd));
	c->fd = -1;
	while (state_of(c) != TCP_CLOSE) {
		s = next_seg(c, 1000);
		check(since_ms(c) < 600000, "an orphan of ten minutes");
		if (s && !(s->flags & RST))
			inject(c, ACK, 1, 11, .win = ZERO_WIN);
	}
}

static void zero_window_orphan(void)
{
	zero_window_orphan_of(in_established());
}

static void tune_patient(int fd)
{
	set_int(fd, SOL_XTCP, XTCP_ORPHAN_RETRIES, 6);
}

/* Nor if it may try more often than one with a program. */
static void zero_window_orphan_patient(void)
{
	struct conn *c;

	knob("retries2", 3);
	c = in_established(.tune = tune_patient);
	zero_window_orphan_of(c);
	/* 200 ms doubled six times */
	check(since_ms(c) >= 12000 && since_ms(c) < 30000, "given up after %d ms",
	      (int)since_ms(c));
}

/* SO_LINGER: close() waits for the ACK of the FIN, or for so long. */
static void linger(void)
{
	struct linger l = { .l_onoff = 1, .l_linger = 5 };
	struct conn *c = in_established();
	int fl = 0;

	(void)fl;
	sys(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	sys(shutdown(c->fd, SHUT_WR));
	expect(c, FIN | ACK, 1, 1);
	mark_last(c);
	sys(close(c->fd));	/* nobody answers meanwhile */
	c->fd = -1;
	near(since_ms(c), 5000, 1500);
	inject(c, ACK, 1, 2);
	fence();
	state_is(c, TCP_FIN_WAIT2);
}

const struct row orphan_rows[] = {
	ROW(ROW_CORE | ROW_LONG, "S18 FIN_WAIT_2 is bounded: 60 s", fin_wait_2),
	ROW(ROW_LONG, "S18 FIN_WAIT_2 with a program is not", fin_wait_2_held),
	ROW(ROW_LONG, "S18 fin_wait2_ms 20000", fin_wait_2_knob),
	ROW(ROW_LONG, "S18 TCP_LINGER2 15 s", linger2),
	ROW(ROW_CORE | ROW_VT, "S13 FIN retries of an orphan, FIN_WAIT_1",
	    fin_retries),
	ROW(ROW_VT, "S13 FIN retries of an orphan, LAST_ACK",
	    fin_retries_last_ack),
	ROW(ROW_VT, "S13 orphan_retries 3", fin_retries_knob),
	ROW(ROW_VT | ROW_XTCP, "S13 XTCP_ORPHAN_RETRIES 4",
	    fin_retries_option),
	ROW(ROW_VT, "S18 an orphan before a zero window",
	    zero_window_orphan),
	ROW(ROW_VT | ROW_XTCP, "S18 an orphan before a zero window that may try above retries2",
	    zero_window_orphan_patient),
	ROW(ROW_VT, "SO_LINGER 5 s", linger),
	{ NULL }
};
