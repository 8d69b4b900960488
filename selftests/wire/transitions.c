// SPDX-License-Identifier: GPL-2.0-only
/*
 * S20: every edge of the figure in RFC 9293 3.3.2 is taken, and seen from outside; XTCP has to have
 * counted it in /proc/net/xtcp/states, and told of it by the tracepoint xtcp_state, too. (LISTEN ->
 * SYN_SENT by SEND is no part of the socket interface.)
 */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "transitions"

/* Less than any timer of these rows. */
#define STAY_MS 60

/* The edge that the row is about, and how often it was taken before. */
static struct {
	int from, to;
	long before;
} row;

static void begin(int from, int to)
{
	row.from = from;
	row.to = to;
	if (!is_xtcp())
		return;
	row.before = xtcp_moved(from, to);
	trace_begin();
}

/* In the state that is left, and for a while: how long is told as well. */
static struct conn *leave(int from, int to, struct conn *(*make)(struct how h), struct how h)
{
	struct conn *c;

	begin(from, to);
	c = make(h);
	quiet_for(c, STAY_MS);
	return c;
}

/* It was taken just now. */
static void taken(struct conn *c, const char *why)
{
	long n;

	state_is(c, row.to);
	if (!is_xtcp())
		return;
	n = xtcp_moved(row.from, row.to) - row.before;
	check(n == 1, "%s -> %s was counted %ld times, not once", state_name(row.from),
	      state_name(row.to), n);
	trace_shows(c, row.from, row.to, why);
	trace_end();
}

static void closed_listen(void)
{
	struct conn *c;

	begin(TCP_CLOSE, TCP_LISTEN);
	c = in_listen();
	c->fd = c->lfd;
	c->pport = 0;
	taken(c, "user");
}

static void closed_syn_sent(void)
{
	begin(TCP_CLOSE, TCP_SYN_SENT);
	taken(in_syn_sent(), "user");
}

static void listen_syn_recv(void)
{
	begin(TCP_LISTEN, TCP_SYN_RECV);
	taken(in_syn_recv(), "segment");
}

static void listen_closed(void)
{
	struct conn *c = leave(TCP_LISTEN, TCP_CLOSE, in_listen_, HOW());

	c->pport = 0;
	sys(close(c->lfd));
	taken(c, "user");
}

static void syn_sent_syn_recv(void)
{
	struct conn *c = leave(TCP_SYN_SENT, TCP_SYN_RECV, in_syn_sent_, HOW());

	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	taken(c, "segment");
}

static void syn_sent_established(void)
{
	struct conn *c = leave(TCP_SYN_SENT, TCP_ESTABLISHED, in_syn_sent_, HOW());

	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	taken(c, "segment");
}

static void syn_sent_closed(void)
{
	struct conn *c = leave(TCP_SYN_SENT, TCP_CLOSE, in_syn_sent_, HOW());

	sys(close(c->fd));
	c->fd = -1;
	taken(c, "user");
}

static void syn_recv_established(void)
{
	struct conn *c = leave(TCP_SYN_RECV, TCP_ESTABLISHED, in_syn_recv_, HOW());

	inject(c, ACK, 1, 1);
	do_accept(c);
	taken(c, "segment");
}

/* The listener was in LISTEN all the time: its peer's entry goes. */
static void syn_recv_listen(void)
{
	struct conn *c = leave(TCP_SYN_RECV, TCP_CLOSE, in_syn_recv_, HOW()), l;

	inject(c, RST, 1, 0);
	fence();
	taken(c, "reset");
	l = *c;
	l.fd = c->lfd;
	l.pport = 0;
	state_is(&l, TCP_LISTEN);
}

/* CLOSE in SYN_RECV, which a program can do after a simultaneous open. */
static void syn_recv_fin_wait_1(void)
{
	struct conn *c = leave(TCP_SYN_RECV, TCP_FIN_WAIT1, in_syn_recv_, HOW(.active = true));

	sys(close(c->fd));
	c->fd = -1;
	taken(c, "user");
	inject(c, ACK, 1, 1);
	expect(c, FIN | ACK, 1, 1);
}

static void established_fin_wait_1(void)
{
	struct conn *c = leave(TCP_ESTABLISHED, TCP_FIN_WAIT1, in_established_, HOW());

	do_close(c, HOW());
	expect(c, FIN | ACK, 1, 1);
	taken(c, "user");
}

static void established_close_wait(void)
{
	struct conn *c = leave(TCP_ESTABLISHED, TCP_CLOSE_WAIT, in_established_, HOW());

	inject(c, FIN | ACK, 1, 1);
	expect(c, ACK, 1, 2);
	taken(c, "segment");
}

static void fin_wait_1_fin_wait_2(void)
{
	struct conn *c = leave(TCP_FIN_WAIT1, TCP_FIN_WAIT2, in_fin_wait_1_, HOW());

	inject(c, ACK, 1, 2);
	quiet(c);
	taken(c, "segment");
}

static void fin_wait_1_closing(void)
{
	struct conn *c = leave(TCP_FIN_WAIT1, TCP_CLOSING, in_fin_wait_1_, HOW());

	inject(c, FIN | ACK, 1, 1);
	expect(c, ACK, 2, 2);
	taken(c, "segment");
}

static void fin_wait_1_time_wait(void)
{
	struct conn *c = leave(TCP_FIN_WAIT1, TCP_TIME_WAIT, in_fin_wait_1_, HOW());

	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	taken(c, "segment");
}

static void fin_wait_2_time_wait(void)
{
	struct conn *c = leave(TCP_FIN_WAIT2, TCP_TIME_WAIT, in_fin_wait_2_, HOW());

	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	taken(c, "segment");
}

static void closing_time_wait(void)
{
	struct conn *c = leave(TCP_CLOSING, TCP_TIME_WAIT, in_closing_, HOW());

	inject(c, ACK, 2, 2);
	fence();
	taken(c, "segment");
}

static void close_wait_last_ack(void)
{
	struct conn *c = leave(TCP_CLOSE_WAIT, TCP_LAST_ACK, in_close_wait_, HOW());

	do_close(c, HOW());
	expect(c, FIN | ACK, 1, 2);
	taken(c, "user");
}

static void last_ack_closed(void)
{
	struct conn *c = leave(TCP_LAST_ACK, TCP_CLOSE, in_last_ack_, HOW());

	inject(c, ACK, 2, 2);
	fence();
	taken(c, "segment");
}

static void time_wait_closed(void)
{
	struct conn *c;

	begin(TCP_TIME_WAIT, TCP_CLOSE);
	c = in_time_wait();
	wait_gone(c, 100000);
	taken(c, "2msl");
}

static void time_wait_closed_short(void)
{
	struct conn *c;

	knob("msl_ms", 100);
	begin(TCP_TIME_WAIT, TCP_CLOSE);
	c = in_time_wait();
	wait_gone(c, 10000);
	taken(c, "2msl");
}

#define EDGE(fl, from, to, fn) \
	ROW(fl, "S20 RFC 9293 figure 5: " from " -> " to, fn)

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
