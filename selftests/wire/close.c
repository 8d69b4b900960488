// SPDX-License-Identifier: GPL-2.0-only
/* S8-S13, S18, S19, S21, MUST-12: how connections end. */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "close"

static void active_close(void)
{
	struct conn *c = in_fin_wait_1();

	inject(c, ACK, 1, 2);
	quiet(c);
	state_is(c, TCP_FIN_WAIT2);
	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	state_is(c, TCP_TIME_WAIT);
}

/* S8: after shutdown(SHUT_WR) data is still taken and acknowledged. */
static void half_close(void)
{
	struct conn *c = in_fin_wait_1();

	inject(c, ACK, 1, 1, .len = 100);	/* does not cover the FIN */
	expect(c, ACK, 2, 101);
	state_is(c, TCP_FIN_WAIT1);
	inject(c, ACK, 101, 2, .len = 200);
	expect(c, ACK, 2, 301);
	state_is(c, TCP_FIN_WAIT2);
	inject(c, PSH | ACK, 301, 2, .len = 300);
	expect(c, ACK, 2, 601);
	read_stream(c, 600);
	sys_err(send(c->fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	inject(c, FIN | ACK, 601, 2);
	expect(c, ACK, 2, 602);
	read_eof(c);
}

/* S8: what the peer sent before it saw our FIN, overtaken by its ACK. */
static void late_data(void)
{
	struct conn *c = in_fin_wait_2();

	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 2, 101);
	read_stream(c, 100);
	inject(c, FIN | ACK, 101, 1);
	expect(c, ACK, 2, 102);
	state_is(c, TCP_TIME_WAIT);
}

/* RFC 9293 3.10.7.4, seventh: beyond the peer's FIN there is nothing. */
static void beyond_fin(void)
{
	struct conn *c = in_close_wait();

	inject(c, ACK, 1, 1, .len = 10);
	fence();
	drop_pending();
	read_eof(c);
	write_stream(c, 5);
	expect(c, ACK, 1, 2, .len = 5);
}

/* S8: what was written before goes out before the FIN, and again. */
static void queue_before_fin(void)
{
	struct conn *c = in_established(.win = 1000, .no_ws = true,
					.mss = 512);

	write_stream(c, 2500);
	expect_stream(c, 1001);
	sys(shutdown(c->fd, SHUT_WR));
	state_is(c, TCP_FIN_WAIT1);
	quiet(c);
	inject(c, ACK, 1, 1001);
	expect_stream(c, 2001);
	quiet(c);
	inject(c, ACK, 1, 2001);
	expect(c, FIN | ACK, 2001, 1, .len = 500);
	inject(c, ACK, 1, 2502);
	quiet(c);
	state_is(c, TCP_FIN_WAIT2);
}

static void queue_after_close(void)
{
	struct conn *c = in_established(.win = 1000, .no_ws = true,
					.mss = 512);

	write_stream(c, 1500);
	expect_stream(c, 1001);
	sys(close(c->fd));
	c->fd = -1;
	state_is(c, TCP_FIN_WAIT1);
	inject(c, ACK, 1, 1001);
	expect(c, FIN | ACK, 1001, 1, .len = 500);
	inject(c, FIN | ACK, 1, 1502);
	expect(c, ACK, 1502, 2);
	state_is(c, TCP_TIME_WAIT);
}

/* S9: CLOSE_WAIT may go on sending for as long as it likes. */
static void passive_close(void)
{
	struct conn *c = in_close_wait();

	read_eof(c);
	poll_is(c->fd, POLLIN | POLLOUT | POLLRDHUP);
	write_stream(c, 700);
	expect(c, ACK, 1, 2, .len = 700);
	inject(c, ACK, 2, 701);
	write_stream(c, 100);
	expect(c, ACK, 701, 2, .len = 100);
	inject(c, ACK, 2, 801);
	state_is(c, TCP_CLOSE_WAIT);
	sys(shutdown(c->fd, SHUT_WR));
	expect(c, FIN | ACK, 801, 2);
	state_is(c, TCP_LAST_ACK);
	inject(c, ACK, 2, 802);
	quiet(c);
	gone(c);
	check_eq(so_error(c->fd), 0);
}

/* S9: for as long as its program likes. */
static void close_wait_lasts(void)
{
	struct conn *c = in_close_wait();

	mark(c);
	pass_quietly(c, 2 * 3600 * 1000);
	state_is(c, TCP_CLOSE_WAIT);
	sys(shutdown(c->fd, SHUT_WR));
	expect(c, FIN | ACK, 1, 2);
	inject(c, ACK, 2, 2);
	quiet(c);
	gone(c);
}

static void last_ack_wants_its_ack(void)
{
	struct conn *c = in_last_ack();

	inject(c, ACK, 2, 1);
	quiet(c);
	state_is(c, TCP_LAST_ACK);
	inject(c, ACK, 2, 2);
	quiet(c);
	gone(c);
}

/* S11: the peer's FIN acknowledges ours. */
static void three_segments(void)
{
	struct conn *c = in_fin_wait_1();

	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	state_is(c, TCP_TIME_WAIT);
	read_eof(c);
}

static void three_segments_data(void)
{
	struct conn *c = in_fin_wait_1();

	inject(c, FIN | ACK, 1, 2, .len = 50);
	expect(c, ACK, 2, 52);
	state_is(c, TCP_TIME_WAIT);
	read_stream(c, 50);
	read_eof(c);
}

/* S12: both FINs cross. */
static void simultaneous(void)
{
	struct conn *c = in_closing();

	read_eof(c);
	inject(c, ACK, 2, 1);
	quiet(c);
	state_is(c, TCP_CLOSING);
	inject(c, ACK, 2, 2);
	quiet(c);
	state_is(c, TCP_TIME_WAIT);
}

/* S13: LAST_ACK repeats its FIN until it is acknowledged. */
static void lost_last_ack(void)
{
	struct conn *c = in_last_ack(.close = true);

	expect(c, FIN | ACK, 1, 2, .at_ms = 200, .slack_ms = 150);
	expect(c, FIN | ACK, 1, 2, .at_ms = 400, .slack_ms = 450);
	state_is(c, TCP_LAST_ACK);
	inject(c, ACK, 2, 2);
	quiet(c);
	gone(c);
}

/* S13: TIME_WAIT acknowledges the repeated FIN. */
static void lost_ack_time_wait(void)
{
	struct conn *c = in_time_wait();

	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	state_is(c, TCP_TIME_WAIT);
}

static void lost_fin(void)
{
	struct conn *c = in_fin_wait_1();

	expect(c, FIN | ACK, 1, 1, .at_ms = 200, .slack_ms = 150);
	expect(c, FIN | ACK, 1, 1, .at_ms = 400, .slack_ms = 450);
	state_is(c, TCP_FIN_WAIT1);
	inject(c, ACK, 1, 2);
	quiet(c);
	state_is(c, TCP_FIN_WAIT2);
}

/* A FIN that comes before the data it follows. */
static void fin_out_of_order(void)
{
	struct conn *c = in_established();

	inject(c, FIN | ACK, 101, 1);
	expect(c, ACK, 1, 1);
	state_is(c, TCP_ESTABLISHED);
	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 102);
	state_is(c, TCP_CLOSE_WAIT);
	read_stream(c, 100);
	read_eof(c);
}

/* S18: nobody holds the socket; the orphan goes all the way by itself. */
static void orphan(void)
{
	struct conn *c = in_fin_wait_2(.close = true);

	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	state_is(c, TCP_TIME_WAIT);
}

static void orphan_data(void)
{
	struct conn *c = in_fin_wait_2(.close = true);

	/* There is nobody who could read it: RFC 9293 3.6.1. */
	inject(c, ACK, 1, 2, .len = 10);
	expect(c, RST, 2, 0, .any = ANY_ACK | ANY_FLAGS);
	gone(c);
}

/* S18, MUST-12: SO_LINGER 0 aborts, and the difference can be told. */
static void linger_zero(void)
{
	struct linger l = { .l_onoff = 1 };
	struct conn *c = in_established();
	struct seg *s;

	sys(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	sys(close(c->fd));
	c->fd = -1;
	s = expect(c, RST | ACK, 1, 1, .any = ANY_FLAGS);
	check(s->flags & RST, "no RST but %#x", s->flags);
	quiet(c);
	gone(c);
}

static void told_apart(void)
{
	struct conn *c = in_established(), *d = in_established();
	char b;

	inject(c, FIN | ACK, 1, 1);
	expect(c, ACK, 1, 2);
	check_eq(recv(c->fd, &b, 1, MSG_DONTWAIT), 0);
	poll_is(c->fd, POLLIN | POLLOUT | POLLRDHUP);
	inject(d, RST, 1, 0);
	quiet(d);
	poll_is(d->fd, POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
	sys_err(recv(d->fd, &b, 1, MSG_DONTWAIT), ECONNRESET);
	check_eq(recv(d->fd, &b, 1, MSG_DONTWAIT), 0);
}

/* S19, SHLD-3: data was lost, and the peer shall know. */
static void unread_data(void)
{
	struct conn *c = in_established();
	struct seg *s;

	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 101);
	sys(close(c->fd));
	c->fd = -1;
	s = expect(c, RST | ACK, 1, 101, .any = ANY_FLAGS);
	check(s->flags & RST, "no RST but %#x", s->flags);
	gone(c);
}

static void tune_mark(int fd)
{
	set_int(fd, SOL_SOCKET, SO_MARK, 77);
}

/* The RST that answers data goes the way of the connection: by its mark. */
static void late_data_marked(void)
{
	struct conn *c = in_fin_wait_2(.close = true, .tune = tune_mark);

	check_eq(system("nft 'add table inet t; add chain inet t o { type filter hook output priority 0; };"
			"add rule inet t o meta mark != 77 drop'"), 0);
	inject(c, ACK, 1, 2, .len = 10);
	check(expect(c, RST, 2, 0, .any = ANY_ACK | ANY_FLAGS)->flags & RST, "no RST");
	gone(c);
}

static void unread_data_close_wait(void)
{
	struct conn *c = in_established();
	struct seg *s;

	inject(c, FIN | ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 102);
	sys(close(c->fd));
	c->fd = -1;
	s = expect(c, RST | ACK, 1, 102, .any = ANY_FLAGS);
	check(s->flags & RST, "no RST but %#x", s->flags);
	gone(c);
}

static void listener_closed(void)
{
	struct conn *c = in_syn_recv(), *d = listener_peer(c);
	struct seg *s;

	peer_syn(d, HOW());
	expect(d, SYN | ACK, 0, 1);
	inject(d, ACK, 1, 1);
	quiet(d);
	sys(close(c->lfd));
	s = expect(d, RST | ACK, 1, 1, .any = ANY_FLAGS | ANY_ACK);
	check(s->flags & RST, "what waited to be accepted was not reset");
	gone(d);
	inject(c, ACK, 1, 1);
	expect(c, RST, 1, 0);
}

/* S21: the seven segments, from the active side, with their numbers. */
static void textbook_active(void)
{
	struct conn *c = in_syn_sent();	/* 1: SYN(x) */

	peer_syn_ack(c, HOW());			/* 2: SYN(y), ACK(x+1) */
	expect(c, ACK, 1, 1);			/* 3: ACK(y+1) */
	sys(shutdown(c->fd, SHUT_WR));
	expect(c, FIN | ACK, 1, 1);		/* 4: FIN(u) */
	inject(c, ACK, 1, 2);			/* 5: ACK(u+1) */
	quiet(c);
	inject(c, FIN | ACK, 1, 2);		/* 6: FIN(w) */
	expect(c, ACK, 2, 2);			/* 7: ACK(w+1) */
	quiet(c);
	state_is(c, TCP_TIME_WAIT);
}

static void textbook_passive(void)
{
	struct conn *c = in_listen();

	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	do_accept(c);
	quiet(c);
	inject(c, FIN | ACK, 1, 1);
	expect(c, ACK, 1, 2);
	quiet(c);
	sys(close(c->fd));
	c->fd = -1;
	expect(c, FIN | ACK, 1, 2);
	inject(c, ACK, 2, 2);
	quiet(c);
	gone(c);
}

const struct row close_rows[] = {
	ROW(ROW_CORE, "S8 active close", active_close),
	ROW(0, "S8 half-close still receives", half_close),
	ROW(0, "S8 FIN_WAIT_2 takes what was sent before our FIN came",
	    late_data),
	ROW(0, "S8 what was queued goes out before the FIN", queue_before_fin),
	ROW(0, "S8 what was queued goes out after close()", queue_after_close),
	ROW(ROW_CORE, "S9 passive close", passive_close),
	ROW(ROW_XTCP, "S9 text beyond the peer's FIN is ignored", beyond_fin),
	ROW(ROW_VT, "S9 CLOSE_WAIT for two hours", close_wait_lasts),
	ROW(0, "S10 LAST_ACK ends with the ACK of the FIN, no other",
	    last_ack_wants_its_ack),
	ROW(ROW_CORE, "S11 FIN+ACK in FIN_WAIT_1 leads to TIME_WAIT",
	    three_segments),
	ROW(0, "S11 the same with data", three_segments_data),
	ROW(ROW_CORE, "S12 simultaneous close", simultaneous),
	ROW(ROW_CORE, "S13 a lost last ACK: LAST_ACK repeats its FIN",
	    lost_last_ack),
	ROW(0, "S13 a lost last ACK: TIME_WAIT acknowledges again",
	    lost_ack_time_wait),
	ROW(0, "S13 a lost FIN is repeated from FIN_WAIT_1", lost_fin),
	ROW(0, "S9 a FIN before its data waits for it", fin_out_of_order),
	ROW(ROW_CORE, "S18 an orphan finishes its close by itself", orphan),
	ROW(0, "S18 data for an orphan is reset", orphan_data),
	ROW(0, "S18 SO_LINGER 0 sends RST", linger_zero),
	ROW(ROW_CORE, "MUST-12 normal end and abort are told apart",
	    told_apart),
	ROW(ROW_CORE, "S19 unread data at close sends RST", unread_data),
	ROW(0, "S19 the same after the peer's FIN", unread_data_close_wait),
	ROW(ROW_CORE, "S19 data for who has closed: RST by SO_MARK's way", late_data_marked),
	ROW(0, "S19 closing a listener resets what waits", listener_closed),
	ROW(ROW_CORE, "S21 the seven segments, active side", textbook_active),
	ROW(ROW_CORE, "S21 the seven segments, passive side",
	    textbook_passive),
	{ NULL }
};
