// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every edge of the figure in RFC 9293 3.3.2 is taken, and seen from outside;
 * XTCP has to have counted it in /proc/net/xtcp/states, too.  (LISTEN -> SYN_SENT
 * by SEND is no part of the socket interface.)
 */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "transitions"

/* The edge was taken just now: what was counted before, and what after. */
static long counted(int from, int to)
{
	return is_xtcp() ? xtcp_moved(from, to) : 0;
}

static void edge(struct conn *c, int from, int to, long before)
{
	state_is(c, to);
	if (!is_xtcp())
		return;
	check(counted(from, to) == before + 1,
	      "%s -> %s was counted %ld times, not once",
	      state_name(from), state_name(to), counted(from, to) - before);
}

static void closed_listen(void)
{
	long n = counted(TCP_CLOSE, TCP_LISTEN);
	struct conn *c = in_listen();

	c->fd = c->lfd;
	c->pport = 0;
	edge(c, TCP_CLOSE, TCP_LISTEN, n);
}

static void closed_syn_sent(void)
{
	long n = counted(TCP_CLOSE, TCP_SYN_SENT);

	edge(in_syn_sent(), TCP_CLOSE, TCP_SYN_SENT, n);
}

static void listen_syn_recv(void)
{
	long n = counted(TCP_LISTEN, TCP_SYN_RECV);

	edge(in_syn_recv(), TCP_LISTEN, TCP_SYN_RECV, n);
}

static void listen_closed(void)
{
	struct conn *c = in_listen();
	long n = counted(TCP_LISTEN, TCP_CLOSE);

	c->pport = 0;
	sys(close(c->lfd));
	edge(c, TCP_LISTEN, TCP_CLOSE, n);
}

static void syn_sent_syn_recv(void)
{
	long n = counted(TCP_SYN_SENT, TCP_SYN_RECV);

	edge(in_syn_recv(.active = true), TCP_SYN_SENT, TCP_SYN_RECV, n);
}

static void syn_sent_established(void)
{
	long n = counted(TCP_SYN_SENT, TCP_ESTABLISHED);

	edge(in_established(.active = true), TCP_SYN_SENT, TCP_ESTABLISHED, n);
}

static void syn_sent_closed(void)
{
	struct conn *c = in_syn_sent();
	long n = counted(TCP_SYN_SENT, TCP_CLOSE);

	sys(close(c->fd));
	c->fd = -1;
	edge(c, TCP_SYN_SENT, TCP_CLOSE, n);
}

static void syn_recv_established(void)
{
	long n = counted(TCP_SYN_RECV, TCP_ESTABLISHED);

	edge(in_established(), TCP_SYN_RECV, TCP_ESTABLISHED, n);
}

/* The listener was in LISTEN all the time: its peer's entry goes. */
static void syn_recv_listen(void)
{
	struct conn *c = in_syn_recv(), l;

	inject(c, RST, 1, 0);
	fence();
	gone(c);
	l = *c;
	l.fd = c->lfd;
	l.pport = 0;
	state_is(&l, TCP_LISTEN);
}

/* CLOSE in SYN_RECV, which a program can do after a simultaneous open. */
static void syn_recv_fin_wait_1(void)
{
	struct conn *c = in_syn_recv(.active = true);
	long n = counted(TCP_SYN_RECV, TCP_FIN_WAIT1);

	sys(close(c->fd));
	c->fd = -1;
	edge(c, TCP_SYN_RECV, TCP_FIN_WAIT1, n);
	inject(c, ACK, 1, 1);
	expect(c, FIN | ACK, 1, 1);
}

static void established_fin_wait_1(void)
{
	long n = counted(TCP_ESTABLISHED, TCP_FIN_WAIT1);

	edge(in_fin_wait_1(), TCP_ESTABLISHED, TCP_FIN_WAIT1, n);
}

static void established_close_wait(void)
{
	long n = counted(TCP_ESTABLISHED, TCP_CLOSE_WAIT);

	edge(in_close_wait(), TCP_ESTABLISHED, TCP_CLOSE_WAIT, n);
}

static void fin_wait_1_fin_wait_2(void)
{
	long n = counted(TCP_FIN_WAIT1, TCP_FIN_WAIT2);

	edge(in_fin_wait_2(), TCP_FIN_WAIT1, TCP_FIN_WAIT2, n);
}

static void fin_wait_1_closing(void)
{
	long n = counted(TCP_FIN_WAIT1, TCP_CLOSING);

	edge(in_closing(), TCP_FIN_WAIT1, TCP_CLOSING, n);
}

static void fin_wait_1_time_wait(void)
{
	struct conn *c = in_fin_wait_1();
	long n = counted(TCP_FIN_WAIT1, TCP_TIME_WAIT);

	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	edge(c, TCP_FIN_WAIT1, TCP_TIME_WAIT, n);
}

static void fin_wait_2_time_wait(void)
{
	long n = counted(TCP_FIN_WAIT2, TCP_TIME_WAIT);

	edge(in_time_wait(), TCP_FIN_WAIT2, TCP_TIME_WAIT, n);
}

static void closing_time_wait(void)
{
	struct conn *c = in_closing();
	long n = counted(TCP_CLOSING, TCP_TIME_WAIT);

	inject(c, ACK, 2, 2);
	fence();
	edge(c, TCP_CLOSING, TCP_TIME_WAIT, n);
}

static void close_wait_last_ack(void)
{
	long n = counted(TCP_CLOSE_WAIT, TCP_LAST_ACK);

	edge(in_last_ack(), TCP_CLOSE_WAIT, TCP_LAST_ACK, n);
}

static void last_ack_closed(void)
{
	struct conn *c = in_last_ack();
	long n = counted(TCP_LAST_ACK, TCP_CLOSE);

	inject(c, ACK, 2, 2);
	fence();
	edge(c, TCP_LAST_ACK, TCP_CLOSE, n);
}

static void time_wait_closed(void)
{
	struct conn *c = in_time_wait();
	long n = counted(TCP_TIME_WAIT, TCP_CLOSE);

	wait_gone(c, 100000);
	edge(c, TCP_TIME_WAIT, TCP_CLOSE, n);
}

static void time_wait_closed_short(void)
{
	struct conn *c;
	long n;

	knob("msl_ms", 100);
	c = in_time_wait();
	n = counted(TCP_TIME_WAIT, TCP_CLOSE);
	wait_gone(c, 10000);
	edge(c, TCP_TIME_WAIT, TCP_CLOSE, n);
}

#define EDGE(fl, from, to, fn) \
	ROW(fl, "RFC 9293 figure 5: " from " -> " to, fn)

const struct row transitions_rows[] = {
	EDGE(ROW_CORE, "CLOSED", "LISTEN", closed_listen),
	EDGE(ROW_CORE, "CLOSED", "SYN_SENT", closed_syn_sent),
	EDGE(ROW_CORE, "LISTEN", "SYN_RECV", listen_syn_recv),
	EDGE(ROW_CORE, "LISTEN", "CLOSED", listen_closed),
	EDGE(ROW_CORE, "SYN_SENT", "SYN_RECV", syn_sent_syn_recv),
	EDGE(ROW_CORE, "SYN_SENT", "ESTABLISHED", syn_sent_established),
	EDGE(ROW_CORE, "SYN_SENT", "CLOSED", syn_sent_closed),
	EDGE(ROW_CORE, "SYN_RECV", "ESTABLISHED", syn_recv_established),
	EDGE(ROW_CORE, "SYN_RECV", "LISTEN", syn_recv_listen),
	EDGE(ROW_CORE, "SYN_RECV", "FIN_WAIT_1", syn_recv_fin_wait_1),
	EDGE(ROW_CORE, "ESTABLISHED", "FIN_WAIT_1", established_fin_wait_1),
	EDGE(ROW_CORE, "ESTABLISHED", "CLOSE_WAIT", established_close_wait),
	EDGE(ROW_CORE, "FIN_WAIT_1", "FIN_WAIT_2", fin_wait_1_fin_wait_2),
	EDGE(ROW_CORE, "FIN_WAIT_1", "CLOSING", fin_wait_1_closing),
	EDGE(ROW_CORE, "FIN_WAIT_1", "TIME_WAIT", fin_wait_1_time_wait),
	EDGE(ROW_CORE, "FIN_WAIT_2", "TIME_WAIT", fin_wait_2_time_wait),
	EDGE(ROW_CORE, "CLOSING", "TIME_WAIT", closing_time_wait),
	EDGE(ROW_CORE, "CLOSE_WAIT", "LAST_ACK", close_wait_last_ack),
	EDGE(ROW_CORE, "LAST_ACK", "CLOSED", last_ack_closed),
	EDGE(ROW_CORE | ROW_VT, "TIME_WAIT", "CLOSED", time_wait_closed),
	EDGE(ROW_XTCP, "TIME_WAIT", "CLOSED (msl_ms 100)",
	     time_wait_closed_short),
	{ NULL }
};
