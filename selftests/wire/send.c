// SPDX-License-Identifier: GPL-2.0-only
/* MUST-17, 19, 49, 60, 61, RFC 6928: what goes out, and when. */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include "wire.h"

#define TOPIC "send"

/* MUST-60, MUST-61: the end of what was written goes out, with PSH. */
static void push(void)
{
	struct conn *c = in_established();
	struct seg *s;

	write_stream(c, 10);
	s = expect(c, PSH | ACK, 1, 1, .len = 10, .any = WANT_PSH);
	inject(c, ACK, 1, 11);
	write_stream(c, 4000);
	while (c->rcv < 4011) {
		s = next_seg(c, 3000);
		check(s, "the stream stops at %u: no PUSH may hold it back",
		      c->rcv);
		c->rcv = s->seq - c->iss + s->len;
	}
	check(s->flags & PSH, "no PSH on the last segment");
}

/* Nagle: one small segment at a time. */
static void nagle(void)
{
	struct conn *c = in_established();

	write_stream(c, 10);
	expect(c, ACK, 1, 1, .len = 10);
	write_stream(c, 10);
	write_stream(c, 10);
	quiet(c);
	inject(c, ACK, 1, 11);
	expect(c, ACK, 11, 1, .len = 20);
}

/* MUST-17: unless the program says no. */
static void nodelay(void)
{
	struct conn *c = in_established();
	int i;

	set_int(c->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	for (i = 0; i < 5; i++) {
		write_stream(c, 10);
		expect(c, ACK, 1 + 10 * i, 1, .len = 10, .any = NO_WAIT);
	}
}

/* TCP_CORK: nothing but full segments, for 200 ms at most. */
static void cork(void)
{
	struct conn *c = in_established();

	set_int(c->fd, IPPROTO_TCP, TCP_CORK, 1);
	write_stream(c, 10);
	write_stream(c, 10);
	quiet(c);
	set_int(c->fd, IPPROTO_TCP, TCP_CORK, 0);
	expect(c, ACK, 1, 1, .len = 20, .any = NO_WAIT);
	inject(c, ACK, 1, 21);
	set_int(c->fd, IPPROTO_TCP, TCP_CORK, 1);
	mark(c);
	write_stream(c, 10);
	expect(c, ACK, 21, 1, .len = 10);
	check(since_ms(c) >= 150, "corked for %d ms", (int)since_ms(c));
}

/* Full segments go, what is left over waits; a FIN takes it along. */
static void cork_full(void)
{
	struct conn *c = in_established(.mss = 1012);

	set_int(c->fd, IPPROTO_TCP, TCP_CORK, 1);
	write_stream(c, 2500);
	expect_stream(c, 2001);
	quiet(c);
	inject(c, ACK, 1, 2001);
	quiet(c);
	sys(shutdown(c->fd, SHUT_WR));
	expect(c, FIN | ACK, 2001, 1, .len = 500, .any = NO_WAIT);
}

/* With data under way the 200 ms begin when they are acknowledged. */
static void cork_behind(void)
{
	struct conn *c = in_established();

	write_stream(c, 10);
	expect(c, ACK, 1, 1, .len = 10);
	set_int(c->fd, IPPROTO_TCP, TCP_CORK, 1);
	write_stream(c, 10);
	quiet(c);
	/* The cork is off, and Nagle holds it still. */
	set_int(c->fd, IPPROTO_TCP, TCP_CORK, 0);
	quiet(c);
	set_int(c->fd, IPPROTO_TCP, TCP_CORK, 1);
	inject(c, ACK, 1, 11);
	mark_last(c);
	expect(c, ACK, 11, 1, .len = 10);
	check(since_ms(c) >= 150, "corked for %d ms", (int)since_ms(c));
}

/* TCP_NODELAY is weaker than a cork, but for the moment when it is set. */
static void cork_nodelay(void)
{
	struct conn *c = in_established();

	set_int(c->fd, IPPROTO_TCP, TCP_CORK, 1);
	write_stream(c, 10);
	quiet(c);
	set_int(c->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	expect(c, ACK, 1, 1, .len = 10, .any = NO_WAIT);
	write_stream(c, 10);
	quiet(c);
	set_int(c->fd, IPPROTO_TCP, TCP_CORK, 0);
	expect(c, ACK, 11, 1, .len = 10, .any = NO_WAIT);
}

/* MSG_MORE is a cork for one call: the next ACK ends it. */
static void more_ends(void)
{
	struct conn *c = in_established();
	uint8_t b[10];

	pattern_fill(b, 0, 10);
	check_eq(send(c->fd, b, 10, MSG_MORE | MSG_NOSIGNAL), 10);
	quiet(c);
	inject(c, ACK, 1, 1);
	expect(c, ACK, 1, 1, .len = 10);
	/* By itself after 200 ms, like a cork. */
	inject(c, ACK, 1, 11);
	pattern_fill(b, 10, 10);
	mark(c);
	check_eq(send(c->fd, b, 10, MSG_MORE | MSG_NOSIGNAL), 10);
	expect(c, ACK, 11, 1, .len = 10);
	check(since_ms(c) >= 150, "held for %d ms", (int)since_ms(c));
}

/* TCP_NOTSENT_LOWAT: writable while less than half of it is unsent. */
static void notsent(void)
{
	struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
	struct conn *c = in_established(.sndbuf = 100000);
	int ep = sys(epoll_create1(0));

	zero_window(c);
	set_int(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1000);
	write_stream(c, 499);
	poll_is(c->fd, POLLOUT);
	write_stream(c, 1);
	poll_is(c->fd, 0);
	sys(epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e));
	check_eq(epoll_wait(ep, &e, 1, 0), 0);
	/* What is under way does not count: the window opens, and that is news. */
	inject(c, ACK, 1, 11);
	expect(c, ACK, 11, 1, .len = 500);
	poll_is(c->fd, POLLOUT);
	check_eq(epoll_wait(ep, &e, 1, 5000), 1);
	check(e.events & EPOLLOUT, "events %#x", e.events);
	set_int(c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0);
	inject(c, ACK, 1, 511, .win = ZERO_WIN);
	write_stream(c, 5000);
	poll_is(c->fd, POLLOUT);
}

static void more(void)
{
	struct conn *c = in_established();
	uint8_t b[30];

	pattern_fill(b, 0, 30);
	check_eq(send(c->fd, b, 10, MSG_MORE | MSG_NOSIGNAL), 10);
	quiet(c);
	check_eq(send(c->fd, b + 10, 10, MSG_MORE | MSG_NOSIGNAL), 10);
	quiet(c);
	check_eq(send(c->fd, b + 20, 10, MSG_NOSIGNAL), 10);
	expect(c, ACK, 1, 1, .len = 30, .any = NO_WAIT);
}

/* What comes until it pauses for longer than pacing would (an RTO is 200). */
static int burst(struct conn *c, int *bytes)
{
	struct seg *s;
	int n = 0;

	*bytes = 0;
	while ((s = next_seg(c, 120))) {
		c->rcv = s->seq - c->iss + s->len;
		*bytes += s->len;
		n++;
	}
	return n;
}

/* RFC 6928, MUST-19: ten segments, and each ACK of slow start adds what it acks. */
static void slow_start(void)
{
	struct conn *c = in_established(.mss = 1012, .win = 60000,
					.sndbuf = 400000);
	int i, n;

	write_stream(c, 100000);
	expect_stream(c, 10001);
	for (i = 0; i < 2; i++) {
		inject(c, ACK, 1, c->rcv);
		expect_stream(c, c->rcv + (20000 << i));
		fence();
		for (n = 0; next_pending(c); n++)
			c->rcv += 1000;
		/* One may be a tail loss probe, RFC 8985 7.3. */
		check(n <= 1, "%d segments more than cwnd", n);
	}
}

/* MUST-19: after a timeout, one segment. */
static void after_timeout(void)
{
	struct conn *c = in_established(.mss = 1012, .sndbuf = 200000);
	struct seg *s, last = { 0 };
	int bytes, i;

	write_stream(c, 30000);
	expect_stream(c, 10001);
	/* A tail loss probe may come first; the timeout sends the head. */
	for (i = 0; i < 3 && last.seq - c->iss != 1; i++) {
		s = next_seg(c, 3000);
		check(s, "nothing is sent again");
		last = *s;
	}
	check_eq(last.seq - c->iss, 1);
	check(last.len <= 1000, "%d bytes", last.len);
	quiet(c);
	inject(c, ACK, 1, 1001);
	i = burst(c, &bytes);
	check(i >= 1 && i <= 2, "%d segments after one ACK", i);
}

/* MUST-49: TTL, hop limit. */
static void ttl(void)
{
	struct conn *c = in_established();

	if (is_v6())
		set_int(c->fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 42);
	else
		set_int(c->fd, IPPROTO_IP, IP_TTL, 42);
	write_stream(c, 10);
	check_eq(expect(c, ACK, 1, 1, .len = 10)->ttl, 42);
	check_eq(c->syn.ttl, 64);
}

static void tune_ttl(int fd)
{
	if (is_v6())
		set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 99);
	else
		set_int(fd, IPPROTO_IP, IP_TTL, 99);
}

static void ttl_syn(void)
{
	struct conn *c = in_syn_sent(.tune = tune_ttl);

	check_eq(c->syn.ttl, 99);
	peer_syn_ack(c, HOW());
	check_eq(expect(c, ACK, 1, 1)->ttl, 99);
	c = in_established(.tune = tune_ttl);
	check_eq(c->syn.ttl, 99);
	write_stream(c, 1);
	check_eq(expect(c, ACK, 1, 1, .len = 1)->ttl, 99);
}

/* Path MTU discovery wants DF; RFC 1191. */
static void dont_fragment(void)
{
	struct conn *c = in_established();

	check(c->syn.df, "DF is not set on the SYN+ACK");
	write_stream(c, 10);
	check(expect(c, ACK, 1, 1, .len = 10)->df, "DF is not set");
}

const struct row send_rows[] = {
	ROW(ROW_CORE, "MUST-60 MUST-61 nothing is held back, PSH at the end",
	    push),
	ROW(0, "RFC 1122 4.2.3.4 Nagle", nagle),
	ROW(ROW_CORE, "MUST-17 Nagle can be switched off", nodelay),
	ROW(0, "TCP_CORK", cork),
	ROW(0, "TCP_CORK full segments go, and all with a FIN", cork_full),
	ROW(0, "TCP_CORK behind data under way, and Nagle after it", cork_behind),
	ROW(0, "TCP_CORK and TCP_NODELAY", cork_nodelay),
	ROW(0, "MSG_MORE", more),
	ROW(0, "MSG_MORE ends by itself", more_ends),
	ROW(0, "TCP_NOTSENT_LOWAT", notsent),
	ROW(ROW_CORE, "MUST-19 RFC 6928 RFC 5681 ten segments, slow start",
	    slow_start),
	ROW(0, "MUST-19 RFC 5681 one segment after a timeout",
	    after_timeout),
	ROW(ROW_CORE, "MUST-49 TTL and hop limit", ttl),
	ROW(0, "MUST-49 TTL and hop limit of SYN and SYN+ACK", ttl_syn),
	ROW(ROW_V4, "RFC 1191 DF", dont_fragment),
	{ NULL }
};
