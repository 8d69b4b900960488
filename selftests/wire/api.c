// SPDX-License-Identifier: GPL-2.0-only
/* MUST-47, RFC 9293 3.9.1: what programs are told, seen beside the wire. */
#define _GNU_SOURCE
#include <sys/ioctl.h>

#include "loss.h"
#include "wire.h"

#define TOPIC "api"

/* MUST-47: errors that come by themselves wake who polls. */
static void async_error(void)
{
	struct conn *c = in_syn_sent();

	check(!wait_fd(c->fd, POLLOUT, 0), "ready before the answer");
	inject(c, RST | ACK, 0, 1);
	check(wait_fd(c->fd, POLLOUT, 5000), "poll() is not woken");
	check(poll_now(c->fd) & POLLERR, "no POLLERR");
	check_eq(so_error(c->fd), ECONNREFUSED);
	check_eq(so_error(c->fd), 0);	/* told once */
}

static void while_connecting(void)
{
	struct conn *c = in_syn_sent();
	struct sockaddr_storage ss;
	int len = addr_fill(&ss, addr_peer(), c->pport);
	char b;

	sys_err(connect(c->fd, (void *)&ss, len), EALREADY);
	sys_err(recv(c->fd, &b, 1, MSG_DONTWAIT), EAGAIN);
	sys_err(send(c->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL), EAGAIN);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	sys(connect(c->fd, (void *)&ss, len));	/* reports success once */
	sys_err(connect(c->fd, (void *)&ss, len), EISCONN);
}

static void close_while_connecting(void)
{
	struct conn *c = in_syn_sent();

	sys(close(c->fd));
	c->fd = -1;
	gone(c);
	inject(c, SYN | ACK, 0, 1);
	expect(c, RST, 1, 0);
}

/* Events as the connection goes through its states. */
static void poll_bits(void)
{
	int fd = stack_socket();
	struct conn *c;

	poll_is(fd, POLLOUT | POLLHUP);
	close(fd);
	c = in_listen();
	poll_is(c->lfd, 0);
	c = in_syn_sent();
	poll_is(c->fd, 0);
	c = in_established();
	poll_is(c->fd, POLLOUT);
	inject(c, ACK, 1, 1, .len = 1);
	fence();
	poll_is(c->fd, POLLIN | POLLOUT);
	c = in_fin_wait_1();
	poll_is(c->fd, POLLOUT);
	c = in_fin_wait_2();
	poll_is(c->fd, POLLOUT);
	c = in_close_wait();
	poll_is(c->fd, POLLIN | POLLOUT | POLLRDHUP);
	c = in_closing();
	poll_is(c->fd, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	c = in_last_ack();
	poll_is(c->fd, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	inject(c, ACK, 2, 2);
	fence();
	poll_is(c->fd, POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
}

/* What is queued and what is on its way, in bytes. */
static void queues(void)
{
	struct conn *c = in_established();
	int n;

	inject(c, ACK, 1, 1, .len = 123);
	fence();
	sys(ioctl(c->fd, FIONREAD, &n));
	check_eq(n, 123);
	write_stream(c, 77);
	fence();
	sys(ioctl(c->fd, TIOCOUTQ, &n));
	check_eq(n, 77);
	inject(c, ACK, 124, 78);
	fence();
	sys(ioctl(c->fd, TIOCOUTQ, &n));
	check_eq(n, 0);
}

/* STATUS: TCP_INFO says in every state what is so. */
static void info(void)
{
	struct conn *c = in_established(.mss = 1012);
	struct tcp_info ti;

	write_stream(c, 500);
	expect(c, ACK, 1, 1, .len = 500);
	ti = tcpi(c);
	check_eq(ti.tcpi_state, TCP_ESTABLISHED);
	check_eq(ti.tcpi_unacked, 1);
	check_eq(ti.tcpi_snd_mss, 1000);
	check_eq(ti.tcpi_rcv_wscale, c->ws);
	check_eq(ti.tcpi_snd_wscale, 0);
	check_eq(!!(ti.tcpi_options & TCPI_OPT_TIMESTAMPS), 1);
	check_eq(!!(ti.tcpi_options & TCPI_OPT_SACK), 1);
	check(ti.tcpi_rto >= 200000 && ti.tcpi_rto <= 1100000, "rto %u us",
	      ti.tcpi_rto);
	check_eq(ti.tcpi_snd_cwnd, 10);
	expect(c, ACK, 1, 1, .len = 500);
	expect(c, ACK, 1, 1, .len = 500);
	ti = tcpi(c);
	check(ti.tcpi_total_retrans >= 2, "%u retransmissions",
	      ti.tcpi_total_retrans);
}

/* accept() of a connection that was reset meanwhile. */
static void accept_reset(void)
{
	struct conn *c = in_syn_recv();
	char b;
	int fd;

	inject(c, ACK, 1, 1);
	quiet(c);
	inject(c, RST, 1, 0);
	quiet(c);
	fd = accept4(c->lfd, NULL, NULL, SOCK_NONBLOCK);
	check(fd >= 0, "accept(): %s", strerror(errno));
	sys_err(recv(fd, &b, 1, MSG_DONTWAIT), ECONNRESET);
}

/* Backlog 3: room for four, and for three requests before there are cookies. */
static struct conn *full_accept_queue(struct conn **c, int n)
{
	struct conn *l = in_listen();
	int i;

	sys(listen(l->lfd, 3));
	for (i = 0; i < n; i++) {
		c[i] = listener_peer(l);
		peer_syn(c[i], HOW());
		expect(c[i], SYN | ACK, 0, 1);
		if (i < 2)
			inject(c[i], ACK, 1, 1);
	}
	for (i = 2; i < 4; i++)
		inject(c[i], ACK, 1, 1);
	for (i = 0; i < 4; i++) {
		quiet(c[i]);
		state_is(c[i], TCP_ESTABLISHED);
	}
	return l;
}

/*
 * A full accept queue: who has a SYN-ACK already stays half-open, whatever he sends, and
 * gets it again; a new SYN is not answered at all. As soon as accept() has made room,
 * either gets in.
 */
static void accept_queue_full(void)
{
	struct conn *c[5], *l = full_accept_queue(c, 5), *late = listener_peer(l);
	int i;

	inject(c[4], ACK, 1, 1);
	quiet(c[4]);
	inject(c[4], ACK, 1, 1, .len = 10);
	quiet(c[4]);
	state_is(c[4], TCP_SYN_RECV);
	peer_syn(late, HOW());
	quiet(late);
	gone(late);
	check(!is_xtcp() || xtcp_counter("ListenOverflows") == 3,
	      "%ld overflows counted", xtcp_counter("ListenOverflows"));
	expect(c[4], SYN | ACK, 0, 1);
	do_accept(c[0]);
	inject(c[4], ACK, 1, 1, .len = 10);
	expect(c[4], ACK, 1, 11);
	state_is(c[4], TCP_ESTABLISHED);
	peer_syn(late, HOW());
	quiet(late);
	do_accept(c[1]);
	peer_syn(late, HOW());
	expect(late, SYN | ACK, 0, 1);
	inject(late, ACK, 1, 1);
	for (i = 2; i < 5; i++)
		do_accept(c[i]);
	do_accept(late);
	read_stream(c[4], 10);
}

const struct row api_rows[] = {
	ROW(ROW_CORE, "MUST-47 asynchronous errors wake poll()",
	    async_error),
	ROW(0, "RFC 9293 3.9.1 calls while connecting", while_connecting),
	ROW(0, "RFC 9293 3.9.1.4 CLOSE in SYN_SENT", close_while_connecting),
	ROW(0, "poll() in every state", poll_bits),
	ROW(0, "SIOCINQ, SIOCOUTQ", queues),
	ROW(0, "RFC 9293 3.9.1.6 STATUS: TCP_INFO", info),
	ROW(0, "MUST-47 accept() of what was reset", accept_reset),
	ROW(0, "a full accept queue", accept_queue_full),
	{ NULL }
};
