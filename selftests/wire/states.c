// SPDX-License-Identifier: GPL-2.0-only
/*
 * State constructors: each brings a fresh connection into the state of its
 * name, by segments and calls alone, and verifies every segment on the way.
 */
#define _GNU_SOURCE
#include "wire.h"

#define CONNS 4096

struct conn conns[CONNS];
int nconns;

/* Forget all of them; their ports are not used again. */
void conns_reset(void)
{
	nconns = 0;
}

/* Also used for peers that only knock: nothing of it is known to the stack. */
struct conn *conn_new(void)
{
	static unsigned int made;
	struct conn *c;

	check(nconns < CONNS, "more than %d connections in a row", CONNS);
	c = &conns[nconns++];
	memset(c, 0, sizeof(*c));
	c->fd = -1;
	c->lfd = -1;
	c->family = w.family;
	memcpy(c->laddr, addr_local(), is_v6() ? 16 : 4);
	memcpy(c->paddr, addr_peer(), is_v6() ? 16 : 4);
	/* Above 1024, below every ephemeral range, unlike for each conn. */
	c->lport = 2000 + (made++ * 4 + rnd() % 4) % 28000;
	c->pport = rnd_between(30000, 60000);
	c->irs = rnd();
	c->ts_base = rnd();
	c->win = 32000;
	return c;
}

static void tune(int fd, struct how h)
{
	if (h.rcvbuf)
		set_int(fd, SOL_SOCKET, SO_RCVBUF, h.rcvbuf);
	if (h.sndbuf)
		set_int(fd, SOL_SOCKET, SO_SNDBUF, h.sndbuf);
	if (h.tune)
		h.tune(fd);
}

struct conn *in_listen_(struct how h)
{
	struct conn *c = conn_new();
	struct sockaddr_storage ss;
	int len;

	if (h.lport)
		c->lport = h.lport;
	if (h.win)
		c->win = h.win;
	c->fd = stack_socket();
	len = addr_fill(&ss, NULL, c->lport);
	set_int(c->fd, SOL_SOCKET, SO_REUSEADDR, 1);
	tune(c->fd, h);
	sys(bind(c->fd, (void *)&ss, len));
	sys(listen(c->fd, 100));
	c->lfd = c->fd;
	c->pport = 0;
	state_is(c, TCP_LISTEN);
	c->pport = rnd_between(30000, 60000);
	c->fd = -1;
	return c;
}

/* One more peer for a listener that is there already. */
struct conn *listener_peer(const struct conn *l)
{
	struct conn *c = conn_new();

	c->lfd = l->lfd;
	c->lport = l->lport;
	c->win = l->win;
	return c;
}

void peer_syn(struct conn *c, struct how h)
{
	inject(c, SYN | (h.ecn ? ECE | CWR : 0), 0, 0, .mss = h.mss ? h.mss : 1460,
	       .ws = h.no_ws ? 0 : 1 + h.ws, .sackok = !h.no_sack, .ts = !h.no_ts);
	c->ts = !h.no_ts;
	c->ecn = h.ecn;
}

void peer_syn_ack(struct conn *c, struct how h)
{
	inject(c, SYN | ACK | (h.ecn ? ECE : 0), 0, 1, .mss = h.mss ? h.mss : 1460,
	       .ws = h.no_ws ? 0 : 1 + h.ws, .sackok = !h.no_sack,
	       .ts = !h.no_ts);
	c->ts = !h.no_ts;
	c->ecn = h.ecn;
}

static void check_syn_options(const struct conn *c, struct how h, bool answer)
{
	const struct topt *o = &c->syn.o;

	check(o->has_mss, "no MSS option in %s", answer ? "SYN+ACK" : "SYN");
	check_eq(o->mss, mss_wire());
	check_eq(o->sackok, !(answer && h.no_sack));
	check_eq(o->has_ts, !(answer && h.no_ts));
	check_eq(o->has_ws, !(answer && h.no_ws));
}

struct conn *in_syn_sent_(struct how h)
{
	struct sockaddr_storage ss;
	struct conn *c = conn_new();
	socklen_t slen = sizeof(ss);
	int len;

	if (h.win)
		c->win = h.win;
	c->fd = stack_socket();
	tune(c->fd, h);
	if (h.lport) {
		len = addr_fill(&ss, NULL, h.lport);
		sys(bind(c->fd, (void *)&ss, len));
	}
	len = addr_fill(&ss, addr_peer(), c->pport);
	sys_err(connect(c->fd, (void *)&ss, len), EINPROGRESS);
	sys(getsockname(c->fd, (void *)&ss, &slen));
	c->lport = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	expect(c, SYN | (h.ecn ? ECE | CWR : 0), 0, 0);
	mark_last(c);
	check_syn_options(c, h, false);
	state_is(c, TCP_SYN_SENT);
	return c;
}

struct conn *in_syn_recv_(struct how h)
{
	struct conn *c;

	if (h.active) {	/* simultaneous open */
		c = in_syn_sent_(h);
		peer_syn(c, h);
	} else {
		c = in_listen_(h);
		peer_syn(c, h);
	}
	expect(c, SYN | ACK | (h.ecn ? ECE : 0), 0, 1);
	mark_last(c);
	check_syn_options(c, h, true);
	state_is(c, TCP_SYN_RECV);
	return c;
}

void do_accept(struct conn *c)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	check(wait_fd(c->lfd, POLLIN, 5000), "nothing to accept");
	c->fd = sys(accept4(c->lfd, (void *)&ss, &len,
			    SOCK_NONBLOCK | SOCK_CLOEXEC));
	check_eq(ntohs(((struct sockaddr_in *)&ss)->sin_port), c->pport);
}

struct conn *in_established_(struct how h)
{
	struct conn *c;

	if (h.active) {
		c = in_syn_sent_(h);
		peer_syn_ack(c, h);
		expect(c, ACK, 1, 1);
		check_eq(so_error(c->fd), 0);
	} else {
		c = in_syn_recv_(h);
		inject(c, ACK, 1, 1);
		do_accept(c);
	}
	quiet(c);
	mark_last(c);
	state_is(c, TCP_ESTABLISHED);
	return c;
}

void do_close(struct conn *c, struct how h)
{
	if (h.close) {
		sys(close(c->fd));
		c->fd = -1;
	} else {
		sys(shutdown(c->fd, SHUT_WR));
	}
}

struct conn *in_fin_wait_1_(struct how h)
{
	struct conn *c = in_established_(h);

	do_close(c, h);
	expect(c, FIN | ACK, 1, 1);
	mark_last(c);
	state_is(c, TCP_FIN_WAIT1);
	return c;
}

struct conn *in_fin_wait_2_(struct how h)
{
	struct conn *c = in_fin_wait_1_(h);

	inject(c, ACK, 1, 2);
	quiet(c);
	mark_last(c);
	state_is(c, TCP_FIN_WAIT2);
	return c;
}

struct conn *in_close_wait_(struct how h)
{
	struct conn *c = in_established_(h);

	inject(c, FIN | ACK, 1, 1);
	expect(c, ACK, 1, 2);
	mark_last(c);
	state_is(c, TCP_CLOSE_WAIT);
	return c;
}

struct conn *in_closing_(struct how h)
{
	struct conn *c = in_fin_wait_1_(h);

	inject(c, FIN | ACK, 1, 1);
	expect(c, ACK, 2, 2);
	mark_last(c);
	state_is(c, TCP_CLOSING);
	return c;
}

struct conn *in_last_ack_(struct how h)
{
	struct conn *c = in_close_wait_(h);

	do_close(c, h);
	expect(c, FIN | ACK, 1, 2);
	mark_last(c);
	state_is(c, TCP_LAST_ACK);
	return c;
}

struct conn *in_time_wait_(struct how h)
{
	struct conn *c = in_fin_wait_2_(h);

	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	mark_last(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	state_is(c, TCP_TIME_WAIT);
	return c;
}

/* A port that was in use and is not any more. */
struct conn *in_closed_(struct how h)
{
	struct conn *c = in_listen_(h);

	sys(close(c->lfd));
	c->lfd = -1;
	state_is(c, TCP_CLOSE);
	return c;
}

/*
 * Shuts the peer's window by the acknowledgment of new data: a stack may
 * ignore a window that shrinks without any.
 */
void zero_window(struct conn *c)
{
	uint32_t from = c->rcv;

	write_stream(c, 10);
	expect(c, ACK, from, c->snd, .len = 10);
	inject(c, ACK, c->snd, c->rcv, .win = ZERO_WIN);
	quiet(c);
	mark_last(c);
}

/*
 * The stack's own window is zero: its program does not read. Some stacks close it only when
 * it is filled to the last byte.
 */
struct conn *own_zero_window(void)
{
	struct conn *c = in_established(.rcvbuf = 2304);
	int i, win = 200;
	struct seg *s;

	for (i = 0; i < 300 && win; i++) {
		inject(c, ACK, c->snd, 1, .len = win < 200 ? win : 200);
		s = next_seg(c, 1000);
		check(s, "data is not acknowledged");
		win = s->win << c->ws;
		c->snd = s->ack - c->irs;
		c->ts_recent = s->o.tsval;
	}
	check(!win, "the window never closes");
	drop_pending();
	return c;
}
