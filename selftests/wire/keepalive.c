// SPDX-License-Identifier: GPL-2.0-only
/* S14, S17, MUST-24-29: keepalive, most of it in its true size. */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "keepalive"

/*
 * The kernel's TCP has nine probes, and its timer wheel rounds a two-hour
 * timer up by as much as two minutes.
 */
static int probes_default(void)
{
	return is_xtcp() ? 10 : 9;
}

static uint64_t slack(uint64_t ms)
{
	/* 0.2 %, and 10 ms for each of up to four timers one after the other */
	return is_xtcp() ? ms / 500 + 40 : ms / 8 + 200;
}

/*
 * Idle time counts from the peer's last segment, which was a moment before
 * mark(); the answer to it may have been delayed.
 */
static void in_time(const struct conn *c, const struct seg *s, uint64_t at_ms)
{
	near((s->t_ns - c->mark_ns) / MSEC + 60, at_ms, slack(at_ms) + 60);
}

static struct seg *probe(struct conn *c, uint64_t at_ms)
{
	struct seg *s = next_seg(c, at_ms * 2);

	check(s, "nothing within %d s", (int)(at_ms / 500));
	in_time(c, s, at_ms);
	check_eq(s->flags, ACK);
	check_eq(s->seq - c->iss, c->rcv - 1);
	check_eq(s->ack - c->irs, c->snd);
	check(s->len <= 1, "%d bytes of data", s->len);
	c->ts_recent = s->o.tsval;
	return s;
}

static void given_up(struct conn *c, uint64_t at_ms)
{
	struct seg *s = next_seg(c, at_ms * 2);

	check(s && (s->flags & RST), "no RST at the end");
	in_time(c, s, at_ms);
	check_eq(s->seq - c->iss, c->rcv);
	check_eq(so_error(c->fd), ETIMEDOUT);
	gone(c);
}

static struct conn *idle(bool active)
{
	struct conn *c = in_established(.active = active);

	set_int(c->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	mark(c);
	return c;
}

static void tune(struct conn *c, int time, int intvl, int cnt)
{
	set_int(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, time);
	set_int(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, intvl);
	set_int(c->fd, IPPROTO_TCP, TCP_KEEPCNT, cnt);
	set_int(c->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	mark(c);
}

/* S14: 7200 s, then every 75 s; 7950 s and it is over. */
static void true_defaults(void)
{
	struct conn *c = idle(false);
	int i, n = probes_default();

	for (i = 0; i < n; i++)
		probe(c, (7200 + 75 * i) * 1000ULL);
	given_up(c, (7200 + 75 * n) * 1000ULL);
}

static void true_defaults_active(void)
{
	struct conn *c = idle(true);
	int i, n = probes_default();

	for (i = 0; i < n; i++)
		probe(c, (7200 + 75 * i) * 1000ULL);
	given_up(c, (7200 + 75 * n) * 1000ULL);
}

/* MUST-29: one answer, whenever it comes, and all starts again. */
static void answer_resets(void)
{
	struct conn *c = idle(false);

	probe(c, 7200 * 1000);
	probe(c, 7275 * 1000);
	probe(c, 7350 * 1000);
	inject(c, ACK, 1, 1);
	mark(c);
	quiet(c);
	probe(c, 7200 * 1000);
	inject(c, ACK, 1, 1);
	fence();
	state_is(c, TCP_ESTABLISHED);
}

/* MUST-25, MUST-28: silence if nobody asked, for longer than two hours. */
static void off_by_default(void)
{
	struct conn *c = in_established();

	check_eq(get_int(c->fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	check(get_int(c->fd, IPPROTO_TCP, TCP_KEEPIDLE) >= 7200,
	      "the default is shorter than two hours");
	pass_quietly(c, 3 * 3600 * 1000);
	state_is(c, TCP_ESTABLISHED);
}

/* MUST-24: on and off again. */
static void switched_off(void)
{
	struct conn *c = in_established();

	tune(c, 10, 5, 3);
	probe(c, 10000);
	inject(c, ACK, 1, 1);
	set_int(c->fd, SOL_SOCKET, SO_KEEPALIVE, 0);
	mark(c);
	pass_quietly(c, 600 * 1000);
	state_is(c, TCP_ESTABLISHED);
}

/* MUST-26: any segment of the peer counts as a sign of life. */
static void only_when_idle(void)
{
	struct conn *c = in_established();
	int i;

	tune(c, 10, 5, 3);
	for (i = 0; i < 5; i++) {
		pass_quietly(c, 8000);
		inject(c, ACK, c->snd, 1, .len = 10);
		expect(c, ACK, 1, c->snd);
		mark(c);
	}
	probe(c, 10000);
}

/* MUST-26: nor while data is in flight; the retransmissions do the work. */
static void not_with_data(void)
{
	struct conn *c = in_established();
	struct seg *s;

	tune(c, 3, 1, 3);
	write_stream(c, 100);
	while (since_ms(c) < 20000) {
		s = next_seg(c, 1000);
		check(!s || s->len == 100, "a probe beside data in flight");
	}
	state_is(c, TCP_ESTABLISHED);
}

/* MUST-27, S17: down to one second. */
static void one_second(void)
{
	struct conn *c = in_established();

	tune(c, 1, 1, 3);
	probe(c, 1000);
	probe(c, 2000);
	probe(c, 3000);
	given_up(c, 4000);
}

static void one_second_once(void)
{
	struct conn *c = in_established();
	struct seg *s;

	tune(c, 1, 1, 3);
	s = next_seg(c, 10000);
	check(s, "no probe");
	check_eq(s->seq - c->iss, 0);
	check((s->t_ns - c->mark_ns) / MSEC >= 990, "the probe is early");
	inject(c, ACK, 1, 1);
	fence();
	state_is(c, TCP_ESTABLISHED);
}

/* The knobs of the namespace, read when the option is switched on or later. */
static void namespace_knobs(void)
{
	struct conn *c;

	knob("keepalive_time", 20);
	knob("keepalive_intvl", 10);
	knob("keepalive_probes", 2);
	c = idle(false);
	probe(c, 20000);
	probe(c, 30000);
	given_up(c, 40000);
}

static void forced(void)
{
	struct conn *c;

	knob("keepalive_time", 20);
	knob("keepalive_force", 1);
	c = in_established();
	probe(c, 20000);
	inject(c, ACK, 1, 1);
	fence();
	state_is(c, TCP_ESTABLISHED);
}

/* S15: the peer that forgot answers the probe with RST. */
static void answered_by_reset(void)
{
	struct conn *c = in_established();
	struct seg *s;

	tune(c, 1, 1, 3);
	s = next_seg(c, 10000);
	check(s, "no probe");
	inject(c, RST, s->ack - c->irs, 0);
	fence();
	check_eq(so_error(c->fd), ECONNRESET);
	gone(c);
}

/* Also where only one side has closed. */
static void in_other_states(void)
{
	struct conn *c = in_close_wait();

	tune(c, 10, 5, 2);
	probe(c, 10000);
	probe(c, 15000);
	given_up(c, 20000);
	c = in_fin_wait_2();
	tune(c, 10, 5, 2);
	probe(c, 10000);
	probe(c, 15000);
	given_up(c, 20000);
}

/* RFC 9293 3.8.4: what the stack answers to the probe of another. */
static void answers_probes(void)
{
	static const uint8_t garbage[] = { 0xee };
	struct conn *c = in_established();

	inject(c, ACK, 0, 1);
	expect(c, ACK, 1, 1);
	inject(c, ACK, 0, 1, .len = 1, .data = garbage);
	expect(c, ACK, 1, 1);
	check(!wait_fd(c->fd, POLLIN, 0), "the garbage byte is readable");
}

const struct row keepalive_rows[] = {
	ROW(ROW_CORE | ROW_LONG,
	    "S14 MUST-24 MUST-28 the true defaults to the end", true_defaults),
	ROW(ROW_LONG | ROW_V4, "S14 the same after an active open", true_defaults_active),
	ROW(ROW_CORE | ROW_LONG, "S14 MUST-29 one answer resets it",
	    answer_resets),
	ROW(ROW_CORE | ROW_LONG, "MUST-25 off by default: three hours",
	    off_by_default),
	ROW(ROW_LONG, "MUST-24 switched off again", switched_off),
	ROW(ROW_CORE | ROW_LONG, "MUST-26 only when idle", only_when_idle),
	ROW(ROW_VT, "MUST-26 not while data is in flight", not_with_data),
	ROW(ROW_CORE | ROW_VT, "S17 MUST-27 1 s, 1 s, 3 probes", one_second),
	ROW(ROW_CORE, "S17 MUST-27 a probe after 1 s", one_second_once),
	ROW(ROW_LONG, "MUST-27 the namespace's knobs", namespace_knobs),
	ROW(ROW_CORE | ROW_LONG | ROW_XTCP, "S17 keepalive_force", forced),
	ROW(0, "S15 a probe answered by RST", answered_by_reset),
	ROW(ROW_LONG, "S14 in CLOSE_WAIT and FIN_WAIT_2", in_other_states),
	ROW(ROW_CORE, "RFC 9293 3.8.4 probes of others are answered",
	    answers_probes),
	{ NULL }
};
