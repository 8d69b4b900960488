// SPDX-License-Identifier: GPL-2.0-only
/* MUST-18, 20-23, S16: retransmission, its budgets and giving up. */
#define _GNU_SOURCE
#include "wire.h"
#include "loss.h"

#define TOPIC "failure"

/* MUST-18: the second shot at R, then 2R, 4R: exponential backoff. */
static void backoff(void)
{
	struct conn *c = in_established();
	uint64_t t[5];
	int i, shift = 0;

	write_stream(c, 100);
	for (i = 0; i < 5; i++)
		t[i] = expect(c, ACK, 1, 1, .len = 100)->t_ns / MSEC;
	/* A tail loss probe may come before the first of the doubled ones. */
	if (t[2] - t[1] < (t[1] - t[0]) * 8 / 5)
		shift = 1;
	for (i = 1 + shift; i < 4; i++)
		check((t[i + 1] - t[i]) * 10 > (t[i] - t[i - 1]) * 14 &&
		      (t[i + 1] - t[i]) * 10 < (t[i] - t[i - 1]) * 26,
		      "intervals %d, then %d ms", (int)(t[i] - t[i - 1]),
		      (int)(t[i + 1] - t[i]));
	check(t[1] - t[0] >= 190, "the first after %d ms",
	      (int)(t[1] - t[0]));
	inject(c, ACK, 1, 101);
	quiet(c);
}

/* Only the first unacknowledged segment is sent again on a timeout. */
static void from_snd_una(void)
{
	struct conn *c = in_established();
	struct seg *s;

	write_stream(c, 3000);
	expect_stream(c, 3001);
	inject(c, ACK, 1, c->syn.o.mss - 11);	/* the first segment */
	do
		s = next_seg(c, 5000);
	while (s && s->seq - c->iss != (uint32_t)c->syn.o.mss - 11);
	check(s, "the second segment was never sent again");
	inject(c, ACK, 1, 3001);
	fence();
}

/* RFC 5681 3.2: three duplicate ACKs are worth a retransmission at once. */
static void fast_retransmit(void)
{
	int mss = 1000 - 12, i;
	struct conn *c = in_established(.mss = 1000, .no_sack = true);
	struct seg *s;

	write_stream(c, 10 * mss);
	expect_stream(c, 1 + 10 * mss);
	inject(c, ACK, 1, 1 + mss);
	quiet(c);
	for (i = 0; i < 3; i++)
		inject(c, ACK, 1, 1 + mss);
	/* At once, or after RACK's reordering time; not after an RTO. */
	mark(c);
	s = expect(c, ACK, 1 + mss, 1, .len = mss);
	check(since_ms(c) < 190, "only after %d ms", (int)since_ms(c));
	check_eq(s->len, mss);
	inject(c, ACK, 1, 1 + 10 * mss);
	fence();
}

/* R2 in true size: 15 shots from the least RTO, in ms. */
#define R2_MS 924600

/* How much more it is because the path, and a slow machine in it, made the RTO longer than that. */
static uint64_t longer_r2_ms(const struct conn *c)
{
	uint32_t rto = tcpi(c).tcpi_rto / 1000;
	uint64_t all = 0;
	int i;

	for (i = 0; i <= 15; i++, rto *= 2)
		all += rto < 120000 ? rto : 120000;
	return all - R2_MS;
}

/* The next segment; NULL as soon as the socket has an error, or after a second. */
static struct seg *seg_or_error(struct conn *c)
{
	struct pollfd p[2] = { { .fd = w.tun, .events = POLLIN }, { .fd = c->fd } };
	struct seg *s = next_seg(c, 0);

	if (s)
		return s;
	sys(poll(p, 2, 1000));
	return next_seg(c, 0);
}

/* MUST-20, MUST-21, S16: given up after so many shots. */
static void give_up_data(struct conn *c, uint64_t want_ms, int shots,
			 uint64_t slack_ms)
{
	int n = -1;

	mark(c);
	write_stream(c, 100);
	while (!wait_fd(c->fd, POLLERR, 0)) {
		struct seg *s = seg_or_error(c);

		check(since_ms(c) < want_ms + slack_ms + 2000,
		      "not given up after %d ms", (int)since_ms(c));
		if (s && !(s->flags & RST))
			n++;
	}
	near(since_ms(c), want_ms, slack_ms);
	check(n >= shots - 1 && n <= shots + 1, "%d retransmissions", n);
	check_eq(so_error(c->fd), ETIMEDOUT);
	drop_pending();
	gone(c);
}

/* At the first timeout that finds R2 over; the first of all sends a tail loss probe. */
static uint64_t over_ms(const struct conn *c, uint64_t r2_ms)
{
	uint64_t interval = tcpi(c).tcpi_rto, t = interval;

	while (t < r2_ms * 1000) {
		t += interval;
		interval = interval < 60000000 ? 2 * interval : 120000000;
	}
	return t / 1000;
}

/*
 * 0.2 %, and three ticks of 4 ms for each timer; the kernel's wheel makes it late, by up to 2 s a
 * shot.
 */
static void give_up_r2(struct conn *c, uint64_t r2_ms, int shots, uint64_t tcp_slack_ms)
{
	uint64_t t = over_ms(c, r2_ms);

	if (is_xtcp())
		give_up_data(c, t, shots, t / 500 + 12 * (shots + 2));
	else
		give_up_data(c, r2_ms, shots, tcp_slack_ms);
}

static void retries2(void)
{
	struct conn *c = in_established();

	give_up_r2(c, R2_MS, 15, longer_r2_ms(c) + 21000);
}

static void retries2_small(void)
{
	knob("retries2", 5);
	/* 12.6 s since the first of them, judged at the next: 12.8 or 25.6 */
	give_up_r2(in_established(), 12600, 5, 14500);
}

static void user_timeout(void)
{
	struct conn *c = in_established();

	set_int(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
	give_up_data(c, 5000, 4, is_xtcp() ? 20 : 2700);
}

static void dead_peer_data(void)
{
	struct conn *c = in_established();

	set_int(c->fd, SOL_XTCP, XTCP_DEAD_PEER_MS, 5000);
	give_up_data(c, 5000, 5, 300);
}

/* Nothing is under way; the deadline is 5 s. */
static void idle_and_dead(struct conn *c)
{
	int probes = 0;

	mark(c);
	while (!wait_fd(c->fd, POLLERR, 0)) {
		if (next_seg(c, 100))
			probes++;
		check(since_ms(c) < 8000, "not given up after 8 s");
	}
	near(since_ms(c), 5000, 400);
	check(probes >= 1, "nobody asked the peer");
	check_eq(so_error(c->fd), ETIMEDOUT);
	drop_pending();
	gone(c);
}

static void dead_peer_idle(void)
{
	struct conn *c = in_established();

	set_int(c->fd, SOL_XTCP, XTCP_DEAD_PEER_MS, 5000);
	idle_and_dead(c);
}

/* By the namespace, for who has not set it himself. */
static void dead_peer_knob(void)
{
	struct conn *patient;

	knob("dead_peer_ms", 5000);
	patient = in_established();
	set_int(patient->fd, SOL_XTCP, XTCP_DEAD_PEER_MS, 0);
	give_up_data(in_established(), 5000, 5, 300);
	idle_and_dead(in_established());
	state_is(patient, TCP_ESTABLISHED);
}

/* The same, but the peer answers: nothing happens for a quarter of an hour. */
static void dead_peer_alive(void)
{
	struct conn *c = in_established();
	struct seg *s;

	set_int(c->fd, SOL_XTCP, XTCP_DEAD_PEER_MS, 5000);
	mark(c);
	while (since_ms(c) < 900 * 1000) {
		s = next_seg(c, 6000);
		check(s && !(s->flags & RST), "no probe within 6 s");
		c->ts_recent = s->o.tsval;
		inject(c, ACK, 1, 1);
	}
	fence();
	state_is(c, TCP_ESTABLISHED);
}

/* What comes within @ms is answered by a shut window and @una; 0: it is not. Return: one came. */
static int still_shut(struct conn *c, uint32_t una, int ms)
{
	struct seg *s = next_seg(c, ms);

	if (!s || s->flags & RST)
		return 0;
	c->ts_recent = s->o.tsval;
	if (una)
		inject(c, ACK, c->snd, una, .win = ZERO_WIN);
	return 1;
}

/* No progress for 8 s, answers (@una) or not, is the end. Return: how many segments asked. */
static int eight_seconds(struct conn *c, uint32_t una, uint64_t at_most_ms)
{
	int shots = 0;

	while (!wait_fd(c->fd, POLLERR, 0)) {
		shots += still_shut(c, una, 500);
		check(since_ms(c) < at_most_ms, "not given up after %d ms, %d segments",
		      (int)at_most_ms, shots);
	}
	check(since_ms(c) >= 7900, "given up after %d ms", (int)since_ms(c));
	check(shots >= 3, "%d segments", shots);
	check_eq(so_error(c->fd), ETIMEDOUT);
	drop_pending();
	gone(c);
	return shots;
}

static void zero_window_dead(int level, int opt, uint64_t at_most_ms)
{
	struct conn *c = in_established();

	set_int(c->fd, level, opt, 8000);
	zero_window(c);
	write_stream(c, 100);
	eight_seconds(c, 0, at_most_ms);
}

static void zero_window_user_timeout(void)
{
	zero_window_dead(IPPROTO_TCP, TCP_USER_TIMEOUT, 20000);
}

/* Not with the next probe, but then; it is looked at every half second. */
static void zero_window_dead_peer(void)
{
	zero_window_dead(SOL_XTCP, XTCP_DEAD_PEER_MS, 8600);
}

/* TCP_USER_TIMEOUT is about what is not delivered: answers for a shut window keep nothing */
static void zero_window_answered(void)
{
	struct conn *c = in_established();

	set_int(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 8000);
	zero_window(c);
	write_stream(c, 100);
	mark_last(c);
	eight_seconds(c, 11, 60000);
}

static void shut_over_data(struct conn *c)
{
	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	mark_last(c);
	inject(c, ACK, 1, 1, .win = ZERO_WIN);
}

/* The window shuts over data in flight, and the peer answers: no progress all the same. */
static void shut_window_user_timeout(void)
{
	struct conn *c = in_established();
	int shots;

	set_int(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 8000);
	shut_over_data(c);
	shots = eight_seconds(c, 1, 20000);
	check(shots <= 12, "%d segments", shots);
}

/* Nobody answers. Return: how many segments asked until it was given up. */
static int silent(struct conn *c)
{
	int shots = 0;

	while (!wait_fd(c->fd, POLLERR, 0)) {
		shots += still_shut(c, 0, 500);
		check(since_ms(c) < 1000000, "not given up after 1000 s, %d segments", shots);
	}
	check_eq(so_error(c->fd), ETIMEDOUT);
	drop_pending();
	gone(c);
	return shots;
}

/* As many probes as retries2 says. */
static void zero_window_silent(void)
{
	struct conn *c;

	knob("retries2", 4);
	c = in_established();
	zero_window(c);
	write_stream(c, 100);
	check_eq(silent(c), 4);
}

/*
 * A window withdrawn over data in flight: silence for three of the longest intervals, as seen when
 * the next probe is due.
 */
static void shut_and_silent(void)
{
	struct conn *c = in_established();
	uint64_t ms;

	shut_over_data(c);
	silent(c);
	ms = since_ms(c);
	check(ms > 360000 && ms < 481000, "given up after %d ms", (int)ms);
}

/*
 * A window withdrawn over data in flight, and a reader that takes a quarter of an hour: each
 * probe is answered, so the connection lives, though they are as far apart as silence may last
 */
static void shut_and_alive(void)
{
	struct conn *c = in_established();
	int shots = 0;

	shut_over_data(c);
	while (since_ms(c) < 900000) {
		shots += still_shut(c, 1, 1000);
		if (wait_fd(c->fd, POLLERR, 0))
			fail("given up after %d ms, %d probes, all answered: %s",
			     (int)since_ms(c), shots, strerror(so_error(c->fd)));
	}
	/* 0.2 s doubled up to 120 s takes 204.6 s */
	check(shots >= 14, "only %d probes", shots);
	inject(c, ACK, 1, 101);
	state_is(c, TCP_ESTABLISHED);
}

/* MUST-23: with what the profile rfc9293 sets (net tool_profile), three minutes. */
static void syn_three_minutes(void)
{
	struct conn *c;

	knob("syn_retries", 7);
	c = in_syn_sent();
	while (!wait_fd(c->fd, POLLERR, 0)) {
		next_seg(c, 1000);
		check(since_ms(c) < 300000, "not given up after 300 s");
	}
	check(since_ms(c) >= 180000, "given up after %d ms", (int)since_ms(c));
	check_eq(so_error(c->fd), ETIMEDOUT);
}

static void tune_patient(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_SYNCNT, 2);
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 24 * 86400 * 1000);
}

static void tune_impatient(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 2500);
}

/* What ends a SYN first: the user timeout, or so many of them. */
static uint64_t syn_gone_ms(void (*tune)(int fd))
{
	struct conn *c = in_syn_sent(.tune = tune);

	while (!wait_fd(c->fd, POLLERR, 0)) {
		next_seg(c, 100);
		check(since_ms(c) < 60000, "not given up after 60 s");
	}
	check_eq(so_error(c->fd), ETIMEDOUT);
	return since_ms(c);
}

static void syn_user_timeout(void)
{
	uint64_t t = syn_gone_ms(tune_patient);

	/* 1 + 2 + 4 s */
	check(t >= 6900 && t <= 9000, "two more SYNs: %d ms", (int)t);
	t = syn_gone_ms(tune_impatient);
	check(t >= 2400 && t <= 4000, "TCP_USER_TIMEOUT 2500: %d ms", (int)t);
}

/* S13, S16: LAST_ACK and FIN_WAIT_1 of a program that waits: retries2. */
static void fin_retries(void)
{
	struct conn *c = in_fin_wait_1();
	uint64_t more = longer_r2_ms(c), t;

	t = wait_gone(c, 960000 + more);
	near(t, R2_MS, more + (is_xtcp() ? 9000 : 20000));
	check_eq(so_error(c->fd), ETIMEDOUT);
}

const struct row failure_rows[] = {
	ROW(ROW_CORE, "MUST-18 RFC 6298 exponential backoff", backoff),
	ROW(0, "RFC 6298 5.4 the earliest segment is sent again",
	    from_snd_una),
	ROW(ROW_CORE, "RFC 5681 3.2 fast retransmit", fast_retransmit),
	ROW(ROW_CORE | ROW_VT, "MUST-20 S16 retries2 15: 924.6 s", retries2),
	ROW(ROW_CORE | ROW_VT, "MUST-21 R2 is settable: retries2 5",
	    retries2_small),
	ROW(ROW_CORE | ROW_VT, "S16 TCP_USER_TIMEOUT, data in flight",
	    user_timeout),
	ROW(ROW_VT | ROW_XTCP, "S16 XTCP_DEAD_PEER_MS, data in flight",
	    dead_peer_data),
	ROW(ROW_VT | ROW_XTCP, "S16 XTCP_DEAD_PEER_MS, idle",
	    dead_peer_idle),
	ROW(ROW_VT | ROW_XTCP, "S16 dead_peer_ms", dead_peer_knob),
	ROW(ROW_LONG | ROW_XTCP, "S16 XTCP_DEAD_PEER_MS, the peer lives",
	    dead_peer_alive),
	ROW(ROW_VT, "S16 TCP_USER_TIMEOUT, zero window",
	    zero_window_user_timeout),
	ROW(ROW_CORE | ROW_VT, "S16 TCP_USER_TIMEOUT, the window shuts over data in flight",
	    shut_window_user_timeout),
	ROW(ROW_VT, "S16 TCP_USER_TIMEOUT, zero window, probes answered", zero_window_answered),
	ROW(ROW_CORE | ROW_VT, "S16 retries2 4, zero window, no probe is answered",
	    zero_window_silent),
	ROW(ROW_VT, "MUST-37 a window shut over data in flight, the peer lives", shut_and_alive),
	ROW(ROW_XTCP | ROW_VT, "S16 a window shut over data in flight, the peer is silent",
	    shut_and_silent),
	ROW(ROW_VT | ROW_XTCP, "S16 XTCP_DEAD_PEER_MS, zero window",
	    zero_window_dead_peer),
	ROW(ROW_CORE | ROW_VT,
	    "MUST-22 MUST-23 SYN for three minutes, syn_retries 7",
	    syn_three_minutes),
	ROW(ROW_VT, "S16 MUST-22 TCP_USER_TIMEOUT and TCP_SYNCNT, whichever is first",
	    syn_user_timeout),
	ROW(ROW_VT, "S13 FIN retries with a program: retries2", fin_retries),
	{ NULL }
};
