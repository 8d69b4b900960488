// SPDX-License-Identifier: GPL-2.0-only
/* MUST-30, 31, 62, RFC 9293 3.8.5: urgent data that the stack sends. */
#define _GNU_SOURCE
#include "urg.h"

#define TOPIC "urg"

/* The pointer is one past the last urgent byte, and Nagle does not hold it back. */
static void one_byte(void)
{
	struct conn *c = in_established();

	write_stream(c, 10);
	check_eq(expect(c, ACK, 1, 1, .len = 10)->urg, 0);
	oob_write(c, 1);
	urgent(c, ACK, 11, 1, 12, .len = 1, .any = NO_WAIT);
	inject(c, ACK, 1, 12);
	write_stream(c, 10);
	check_eq(expect(c, ACK, 12, 1, .len = 10)->urg, 0);
}

/* MUST-31: more than a segment of it; each tells how far it goes. */
static void any_length(void)
{
	struct conn *c = in_established(.sndbuf = 100000);
	struct seg *s;

	oob_write(c, 300);
	urgent(c, ACK, 1, 1, 301, .len = 300);
	inject(c, ACK, 1, 301);
	oob_write(c, 8000);
	while (c->rcv < 8301) {
		s = urgent(c, ACK, c->rcv, 1, 8301, .any = ANY_LEN);
		check(s->len > 0 && s->len <= mss_wire(), "%d bytes", s->len);
	}
	inject(c, ACK, 1, 8301);
	quiet(c);
}

/* What was written before is told of it as well, as far as it is still to be sent. */
static void behind_data(void)
{
	struct conn *c = in_established(.sndbuf = 100000);
	struct seg *s;

	zero_window(c);
	write_stream(c, 9000);
	oob_write(c, 1);
	write_stream(c, 5000);
	fence();
	drop_pending();
	inject(c, ACK, 1, 11);
	while (c->rcv < 9012) {
		s = urgent(c, ACK, c->rcv, 1, 9012, .any = ANY_LEN);
		check(s->len > 0 && s->len <= mss_wire(), "%d bytes", s->len);
	}
	/* Beyond it there is nothing to point to. */
	expect_stream(c, 14012);
}

/* Sent again: with the same end of urgent data. */
static void again(void)
{
	struct conn *c = in_established();
	struct seg *s;
	int i;

	write_stream(c, 10);
	expect(c, ACK, 1, 1, .len = 10);
	oob_write(c, 5);
	urgent(c, ACK, 11, 1, 16, .len = 5);
	for (i = 0; i < 2; i++) {
		s = next_seg(c, 5000);
		check(s, "nothing is sent again");
		check(s->flags & URG, "without URG");
		check_eq(s->seq - c->iss + s->urg, 16);
	}
	inject(c, ACK, 1, 16);
	quiet_for(c, 600);
}

/* The timeout sends the oldest again: what was no part of urgent data then is now. */
static void again_later(void)
{
	struct conn *c = in_established();
	struct seg *s;

	write_stream(c, 3000);
	expect_stream(c, 3001);
	oob_write(c, 1);
	urgent(c, ACK, 3001, 1, 3002, .len = 1);
	do {
		s = next_seg(c, 5000);
		check(s, "the first is not sent again");
		check(s->flags & URG, "without URG");
		check_eq(s->seq - c->iss + s->urg, 3002);
		check(s->len <= mss_wire(), "%d bytes", s->len);
	} while (s->seq - c->iss != 1);
}

/* One after the other: the newer takes the place of the older. */
static void twice(void)
{
	struct conn *c = in_established();
	struct seg *s;

	oob_write(c, 1);
	urgent(c, ACK, 1, 1, 2, .len = 1, .any = NO_WAIT);
	oob_write(c, 1);
	urgent(c, ACK, 2, 1, 3, .len = 1, .any = NO_WAIT);
	do {
		s = next_seg(c, 5000);
		check(s, "nothing is sent again");
		check_eq(s->seq - c->iss + s->urg, 3);
	} while (s->seq - c->iss != 1);
	inject(c, ACK, 1, 3);
	quiet(c);
}

/* Neither a cork nor data under way hold it back. */
static void corked(void)
{
	struct conn *c = in_established();

	set_int(c->fd, IPPROTO_TCP, TCP_CORK, 1);
	write_stream(c, 10);
	quiet(c);
	oob_write(c, 1);
	urgent(c, ACK, 1, 1, 12, .len = 11, .any = NO_WAIT);
}

/* Where its data can't go, the news goes: with an ACK, with a zero-window probe. */
static void zero_window_ack(void)
{
	struct conn *c = in_established();

	zero_window(c);
	write_stream(c, 100);
	oob_write(c, 1);
	inject(c, ACK, 1, 11, .len = 10, .win = ZERO_WIN);
	urgent(c, ACK, 11, 11, 112, .any = NO_WAIT);
}

static void zero_window_probe(void)
{
	struct conn *c = in_established();

	zero_window(c);
	write_stream(c, 100);
	oob_write(c, 1);
	/* One that is acceptable, since nobody looks at the URG of one that is not. */
	urgent(c, ACK, 11, 1, 112);
	urgent(c, ACK, 10, 1, 112, .any = NO_WAIT);
	inject(c, ACK, 1, 11);
	urgent(c, ACK, 11, 1, 112, .len = 101);
}

/* URG and FIN in one segment. */
static void with_fin(void)
{
	struct conn *c = in_established();

	zero_window(c);
	oob_write(c, 4);
	sys(shutdown(c->fd, SHUT_WR));
	fence();
	drop_pending();
	inject(c, ACK, 1, 11);
	urgent(c, FIN | ACK, 11, 1, 15, .len = 4);
	inject(c, ACK, 1, 16);
	state_is(c, TCP_FIN_WAIT2);
}

/* A FIN that comes later has nothing to do with it. */
static void before_fin(void)
{
	struct conn *c = in_established();

	oob_write(c, 1);
	urgent(c, ACK, 1, 1, 2, .len = 1);
	sys(shutdown(c->fd, SHUT_WR));
	check_eq(expect(c, FIN | ACK, 2, 1)->urg, 0);
}

/* Further away than 16 bits: 65535, ahead of all that was sent, until it is in reach. */
static void far_away(void)
{
	struct conn *c = in_established(.sndbuf = 400000, .win = 60000);
	uint32_t end = 11 + 100001, ahead;
	struct seg *s;

	zero_window(c);
	write_stream(c, 100000);
	oob_write(c, 1);
	fence();
	drop_pending();
	inject(c, ACK, 1, 11);
	while (c->rcv < end) {
		s = expect(c, ACK | URG, c->rcv, 1, .any = ANY_LEN);
		ahead = end - (s->seq - c->iss);
		check_eq(s->urg, ahead > 65535 ? 65535 : ahead);
		inject(c, ACK, 1, c->rcv);
	}
	quiet(c);
}

/* MSG_OOB in the other states that may send. */
static void close_wait(void)
{
	struct conn *c = in_close_wait();

	oob_write(c, 2);
	urgent(c, ACK, 1, 2, 3, .len = 2);
}

static void fin_wait(void)
{
	struct conn *c = in_fin_wait_1();

	sys_err(send(c->fd, "x", 1, MSG_OOB | MSG_NOSIGNAL), EPIPE);
}

/* MSG_MORE with MSG_OOB: urgent is what counts. */
static void more(void)
{
	struct conn *c = in_established();
	uint8_t b[10];

	pattern_fill(b, 0, 10);
	check_eq(send(c->fd, b, 10, MSG_OOB | MSG_MORE | MSG_NOSIGNAL), 10);
	urgent(c, ACK, 1, 1, 11, .len = 10, .any = NO_WAIT);
	/* Without a byte there is nothing urgent. */
	inject(c, ACK, 1, 11);
	check_eq(send(c->fd, b, 0, MSG_OOB | MSG_NOSIGNAL), 0);
	c->written = 10;
	write_stream(c, 5);
	check_eq(expect(c, ACK, 11, 1, .len = 5)->urg, 0);
}

const struct row urgsend_rows[] = {
	ROW(ROW_CORE, "MUST-30 MUST-62 MSG_OOB: URG, the pointer one past the byte", one_byte),
	ROW(ROW_CORE, "MUST-31 urgent data longer than a segment", any_length),
	ROW(0, "MUST-30 URG on all that goes before it, each with its own pointer", behind_data),
	ROW(0, "MUST-30 sent again with URG", again),
	ROW(0, "MUST-30 the timeout's retransmission tells of later urgent data", again_later),
	ROW(0, "RFC 9293 3.8.5 a second MSG_OOB moves the pointer", twice),
	ROW(0, "RFC 9293 3.8.5 neither Nagle nor TCP_CORK hold urgent data", corked),
	ROW(0, "RFC 9293 3.8.5 an ACK tells of urgent data beyond the window", zero_window_ack),
	ROW(0, "RFC 9293 3.8.6.1 zero-window probes tell of urgent data", zero_window_probe),
	ROW(0, "RFC 9293 3.8.5 URG and FIN in one segment", with_fin),
	ROW(0, "RFC 9293 3.8.5 no URG on a FIN behind urgent data", before_fin),
	ROW(0, "RFC 9293 3.8.5 urgent data further away than 64 KiB", far_away),
	ROW(0, "RFC 9293 3.10.2 MSG_OOB in CLOSE_WAIT", close_wait),
	ROW(0, "RFC 9293 3.10.2 MSG_OOB after shutdown()", fin_wait),
	ROW(0, "RFC 9293 3.10.2 MSG_OOB with MSG_MORE, and without a byte", more),
	{ NULL }
};
