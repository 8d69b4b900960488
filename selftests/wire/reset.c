// SPDX-License-Identifier: GPL-2.0-only
/* S15, S19, RFC 9293 3.5.2-3: who is reset, when and with which numbers. */
#include "wire.h"

#define TOPIC "reset"

/* Nobody there: RST with the numbers of 3.10.7.1. */
static void closed_port(void)
{
	struct conn *c = in_closed();
	struct seg *s;

	c->iss = 0;
	inject(c, SYN, 0, 0, .mss = 1460);
	s = expect(c, RST | ACK, 0, 1, .win = ZERO_WIN);
	check_eq(s->seq, 0);
	inject(c, ACK, 1, 7000);
	s = expect(c, RST, 7000, 0, .win = ZERO_WIN);
	inject(c, ACK, 1, 8000, .len = 10);
	expect(c, RST, 8000, 0, .win = ZERO_WIN);
	inject(c, FIN, 1, 0, .len = 5);
	expect(c, RST | ACK, 0, 7, .win = ZERO_WIN);
	inject(c, SYN | ACK, 0, 9000);
	expect(c, RST, 9000, 0, .win = ZERO_WIN);
	inject(c, RST, 0, 0);
	quiet(c);
	inject(c, RST | ACK, 0, 1);
	quiet(c);
}

static void listen_state(void)
{
	struct conn *c = in_listen();

	inject(c, RST, 0, 0);
	quiet(c);
	c->snd = 0;
	inject(c, ACK, 1, 6000);
	expect(c, RST, 6000, 0);
	inject(c, SYN | ACK, 0, 5000);
	expect(c, RST, 5000, 0);
	check(!wait_fd(c->lfd, POLLIN, 0), "something to accept");
	check_eq(so_error(c->lfd), 0);
}

static void syn_sent_refused(void)
{
	struct conn *c = in_syn_sent();

	inject(c, RST | ACK, 0, 1);
	quiet(c);
	check_eq(so_error(c->fd), ECONNREFUSED);
	gone(c);
}

/* A blind RST must not end an attempt: the ACK has to cover the SYN. */
static void syn_sent_blind(void)
{
	struct conn *c = in_syn_sent();

	inject(c, RST, 0, 0);
	quiet(c);
	inject(c, RST | ACK, 0, 0);
	quiet(c);
	inject(c, RST | ACK, 0, 2);
	quiet(c);
	state_is(c, TCP_SYN_SENT);
	check_eq(so_error(c->fd), 0);
}

static void by_state(struct conn *c, uint32_t snd, int err)
{
	inject(c, RST, snd, 0);
	quiet(c);
	gone(c);
	check_eq(so_error(c->fd), err);
	check(poll_now(c->fd) & POLLHUP, "no POLLHUP");
}

static void every_state(void)
{
	struct conn *c;

	by_state(in_established(), 1, ECONNRESET);
	by_state(in_established(.active = true), 1, ECONNRESET);
	by_state(in_fin_wait_1(), 1, ECONNRESET);
	by_state(in_fin_wait_2(), 1, ECONNRESET);
	by_state(in_close_wait(), 2, EPIPE);
	by_state(in_closing(), 2, ECONNRESET);
	by_state(in_last_ack(), 2, ECONNRESET);
	c = in_syn_recv();
	inject(c, RST, 1, 0);
	quiet(c);
	gone(c);
}

/* S15: the peer has lost its memory; we report it and may come again. */
static void lost_memory(void)
{
	struct conn *c = in_established(.active = true), *d;
	uint16_t port = c->lport;
	char b;

	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	inject(c, RST, 1, 0);
	quiet(c);
	gone(c);
	sys_err(recv(c->fd, &b, 1, MSG_DONTWAIT), ECONNRESET);
	sys_err(send(c->fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	close(c->fd);
	d = in_syn_sent(.lport = port);
	check_eq(d->lport, port);
	peer_syn_ack(d, HOW());
	expect(d, ACK, 1, 1);
	state_is(d, TCP_ESTABLISHED);
}

/* S15 the other way: a new SYN of a peer that forgot. RFC 5961 4. */
static void peer_restarts(void)
{
	struct conn *c = in_established();

	inject(c, SYN, 50000, 0, .mss = 1460);
	expect(c, ACK, 1, 1);
	state_is(c, TCP_ESTABLISHED);
	inject(c, RST, 1, 0);	/* the forgetful peer's answer to that ACK */
	quiet(c);
	gone(c);
	check_eq(so_error(c->fd), ECONNRESET);
	c->irs += 70000;
	c->iss = 0;
	c->rcv = 0;
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
}

static void reset_with_data(void)
{
	struct conn *c = in_established();
	char b;

	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 101);
	inject(c, RST, 101, 0);
	quiet(c);
	read_stream(c, 100);
	sys_err(recv(c->fd, &b, 1, MSG_DONTWAIT), ECONNRESET);
	gone(c);
}

/* What is written after the peer closed for good is reset, and EPIPE. */
static void data_for_the_gone(void)
{
	struct conn *c = in_close_wait();

	write_stream(c, 10);
	expect(c, ACK, 1, 2, .len = 10);
	inject(c, RST, 2, 0);
	quiet(c);
	gone(c);
	sys_err(send(c->fd, "x", 1, MSG_NOSIGNAL), EPIPE);
}

/* shutdown(SHUT_RD) alone tells the peer nothing. */
static void shut_rd(void)
{
	struct conn *c = in_established();

	sys(shutdown(c->fd, SHUT_RD));
	quiet(c);
	state_is(c, TCP_ESTABLISHED);
	read_eof(c);
}

/* connect(AF_UNSPEC) aborts an established connection. */
static void disconnect(void)
{
	struct sockaddr sa = { .sa_family = AF_UNSPEC };
	struct conn *c = in_established(.active = true);
	struct seg *s;

	sys(connect(c->fd, &sa, sizeof(sa)));
	s = expect(c, RST | ACK, 1, 1, .any = ANY_FLAGS);
	check(s->flags & RST, "no RST but %#x", s->flags);
	gone(c);
}

const struct row reset_rows[] = {
	ROW(ROW_CORE, "RFC 9293 3.10.7.1 a port nobody listens on",
	    closed_port),
	ROW(0, "RFC 9293 3.10.7.2 LISTEN", listen_state),
	ROW(ROW_CORE, "S15 a refused SYN is ECONNREFUSED", syn_sent_refused),
	ROW(0, "RFC 9293 3.10.7.3 SYN_SENT ignores a blind RST",
	    syn_sent_blind),
	ROW(0, "RFC 9293 3.10.7.4 RST in every state", every_state),
	ROW(ROW_CORE, "S15 the peer lost its memory: ECONNRESET, then again",
	    lost_memory),
	ROW(0, "S15 the peer restarts with a SYN", peer_restarts),
	ROW(0, "MUST-47 reset with unread data", reset_with_data),
	ROW(0, "MUST-47 EPIPE for who writes on", data_for_the_gone),
	ROW(0, "SHUT_RD sends nothing", shut_rd),
	ROW(0, "ABORT by connect(AF_UNSPEC)", disconnect),
	{ NULL }
};
