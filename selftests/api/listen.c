// SPDX-License-Identifier: GPL-2.0-only
/* listen(), the accept queue, accept4(). */
#define API_WITH_CROSS
#include "fixture.h"

TEST_F(api, listen_state)
{
	struct addr a;
	int fd = make_listener(self->s, 5, &a);

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(ST_LISTEN, tcp_state(fd));
	EXPECT_EQ(-EISCONN, do_connect(fd, &a));
	EXPECT_EQ(ST_LISTEN, tcp_state(fd));
}

TEST_F(api, listen_unbound)
{
	int fd = srv_socket(self->s, 0), c;
	struct addr a, to;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, listen(fd, 1));
	a = name_of(fd);
	EXPECT_NE(0U, addr_port(&a));
	if (self->s->mapped || self->s->af == AF_INET6 || self->s->srv_domain != AF_XTCP) {
		to = addr_make(self->s, W_LO, addr_port(&a));
		c = cli_socket(self->s, 0);
		EXPECT_EQ(0, do_connect(c, &to));
	}
}

TEST_F(api, listen_backlog_clamped)
{
	int fd;

	ASSERT_EQ(0, sysctl_stack(self->s, "net/core/somaxconn", "net/xtcp/somaxconn", "17"));
	fd = make_listener(self->s, 5, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(5U, info_of(fd).tcpi_sacked);
	EXPECT_EQ(0U, info_of(fd).tcpi_unacked);
	EXPECT_EQ(0, listen(fd, 100));
	EXPECT_EQ(17U, info_of(fd).tcpi_sacked);
	EXPECT_EQ(0, listen(fd, -1));
	EXPECT_EQ(17U, info_of(fd).tcpi_sacked);
	EXPECT_EQ(0, listen(fd, 0));
	EXPECT_EQ(0U, info_of(fd).tcpi_sacked);
}

/* A queue of n takes n + 1; who comes later waits in SYN_SENT for a place. */
TEST_F(api, listen_backlog_full)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a), c[3], i;

	ASSERT_LE(0, l);
	for (i = 0; i < 3; i++) {
		c[i] = cli_socket(self->s, SOCK_NONBLOCK);
		ASSERT_LE(0, c[i]);
		EXPECT_EQ(-EINPROGRESS, do_connect(c[i], &a));
		if (i < 2) {
			ASSERT_TRUE(wait_state(c[i], ST_ESTABLISHED));
			ASSERT_TRUE(WAIT(info_of(l).tcpi_unacked == (unsigned int)i + 1));
		}
	}
	EXPECT_EQ(ST_SYN_SENT, tcp_state(c[2]));
	EXPECT_EQ(2U, info_of(l).tcpi_unacked);
	EXPECT_LE(0, accept(l, NULL, NULL));
	EXPECT_TRUE(wait_state(c[2], ST_ESTABLISHED));
	/* The client is connected a moment before the server has its ACK */
	EXPECT_TRUE(WAIT(info_of(l).tcpi_unacked == 2));
}

TEST_F(api, accept_nothing)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a), fd = srv_socket(self->s, 0);

	ASSERT_LE(0, l);
	EXPECT_TRUE(set_nonblock(l, true));
	EXPECT_EQ(-EAGAIN, sys(accept(l, NULL, NULL)));
	EXPECT_EQ(-EINVAL, sys(accept(fd, NULL, NULL)));
	EXPECT_EQ(-EINVAL, sys(accept4(l, NULL, NULL, 0x40)));
}

TEST_F(api, accept_not_listening)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(-EINVAL, sys(accept(c, NULL, NULL)));
	EXPECT_EQ(-EINVAL, sys(accept(d, NULL, NULL)));
}

TEST_F(api, accept_flags)
{
	struct addr a, from = { .len = sizeof(from.ss) };
	int l = make_listener(self->s, 4, &a), c[3], d, i;

	ASSERT_LE(0, l);
	EXPECT_TRUE(set_nonblock(l, true));
	for (i = 0; i < 3; i++) {
		c[i] = cli_socket(self->s, 0);
		EXPECT_EQ(0, do_connect(c[i], &a));
	}
	EXPECT_TRUE(poll_for(l, POLLIN) & POLLIN);
	d = accept(l, &from.sa, &from.len);
	ASSERT_LE(0, d);
	EXPECT_EQ(0, fcntl(d, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(0, fcntl(d, F_GETFD));
	EXPECT_TRUE(WAIT((d = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0));
	EXPECT_EQ(O_NONBLOCK, fcntl(d, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(d, F_GETFD));
	EXPECT_TRUE(poll_for(l, POLLIN) & POLLIN);
	/* a bad address pointer costs the connection, as with every protocol */
	EXPECT_EQ(-EFAULT, sys(accept(l, (void *)8, &from.len)));
	EXPECT_EQ(-EAGAIN, sys(accept(l, NULL, NULL)));
}

TEST_F(api, accept_timeout)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a);
	__u64 start = now_us();

	ASSERT_LE(0, l);
	EXPECT_EQ(0, set_timeo(l, SO_RCVTIMEO, 100));
	EXPECT_EQ(-EAGAIN, sys(accept(l, NULL, NULL)));
	EXPECT_LE(50000ULL, now_us() - start);
}

static void on_signal(int sig)
{
}

/* Sends SIGUSR1 to a thread until told that the call it sat in has returned. */
struct poker {
	pthread_t victim;
	atomic_bool done;
};

static void *poke(void *arg)
{
	struct poker *p = arg;

	while (!p->done) {
		usleep(2000);
		if (!p->done)
			pthread_kill(p->victim, SIGUSR1);
	}
	return NULL;
}

TEST_F(api, accept_interrupted)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct poker p = { .victim = pthread_self() };
	struct addr a;
	int l = make_listener(self->s, 1, &a);
	pthread_t t;

	ASSERT_LE(0, l);
	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_EQ(0, pthread_create(&t, NULL, poke, &p));
	EXPECT_EQ(-EINTR, sys(accept(l, NULL, NULL)));
	p.done = true;
	pthread_join(t, NULL);
}

static void *accept_thread(void *arg)
{
	return (void *)sys(accept(*(int *)arg, NULL, NULL));
}

TEST_F(api, shutdown_listener)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a), c;
	pthread_t t;
	void *ret;

	ASSERT_LE(0, l);
	ASSERT_EQ(0, pthread_create(&t, NULL, accept_thread, &l));
	EXPECT_EQ(0, shutdown(l, SHUT_WR));
	EXPECT_EQ(ST_LISTEN, tcp_state(l));
	/* SHUT_RD ends listening and wakes who waits, now or in a moment */
	EXPECT_EQ(0, shutdown(l, SHUT_RD));
	EXPECT_EQ(0, pthread_join(t, &ret));
	EXPECT_EQ(-EINVAL, (long)ret);
	EXPECT_EQ(ST_CLOSE, tcp_state(l));
	c = cli_socket(self->s, 0);
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &a));
	/* the socket can listen again, on a new port if the first was not asked for */
	EXPECT_EQ(0, listen(l, 1));
	a = name_of(l);
	close(c);
	c = cli_socket(self->s, 0);
	EXPECT_EQ(0, do_connect(c, &a));
}

TEST_F(api, close_listener_resets_queued)
{
	struct addr a;
	int l = make_listener(self->s, 4, &a), c[3], i;
	char b;

	ASSERT_LE(0, l);
	for (i = 0; i < 3; i++) {
		c[i] = cli_socket(self->s, 0);
		EXPECT_EQ(0, do_connect(c[i], &a));
	}
	EXPECT_TRUE(WAIT(info_of(l).tcpi_unacked == 3));
	close(l);
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(wait_state(c[i], ST_CLOSE));
		EXPECT_EQ(-ECONNRESET, sys(recv(c[i], &b, 1, 0)));
		EXPECT_EQ(0, recv(c[i], &b, 1, 0));
	}
	i = cli_socket(self->s, 0);
	EXPECT_EQ(-ECONNREFUSED, do_connect(i, &a));
}

TEST_F(api, accept_a_reset_connection)
{
	struct addr a;
	int l = make_listener(self->s, 4, &a), c = cli_socket(self->s, 0), d;
	char b;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, do_connect(c, &a));
	EXPECT_TRUE(WAIT(info_of(l).tcpi_unacked == 1));
	EXPECT_EQ(0, reset_peer(c));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_TRUE(wait_state(d, ST_CLOSE));
	EXPECT_EQ(0U, peer_of(d).len);
	EXPECT_EQ(-ECONNRESET, sys(recv(d, &b, 1, 0)));
	EXPECT_EQ(0, recv(d, &b, 1, 0));
	EXPECT_EQ(-EPIPE, sys(send(d, &b, 1, MSG_NOSIGNAL)));
}

TEST_F(api, accept_a_closed_connection)
{
	struct addr a;
	int l = make_listener(self->s, 4, &a), c = cli_socket(self->s, 0), d;
	char b[8];

	ASSERT_LE(0, l);
	EXPECT_EQ(0, do_connect(c, &a));
	EXPECT_EQ(5, send(c, "hello", 5, 0));
	close(c);
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(5, recv_all(d, b, 8));
	EXPECT_EQ(0, memcmp(b, "hello", 5));
	EXPECT_EQ(ST_CLOSE_WAIT, tcp_state(d));
}

TEST_F(api, accepted_inherits)
{
	struct addr a;
	int l = make_listener(self->s, 4, &a), c = cli_socket(self->s, 0), d;
	struct linger lg = { 0 };
	socklen_t len = sizeof(lg);
	int rcvbuf;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_NODELAY, 1));
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_KEEPIDLE, 123));
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_KEEPINTVL, 45));
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_KEEPCNT, 6));
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_USER_TIMEOUT, 7890));
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_LINGER2, 13));
	EXPECT_EQ(0, set_int(l, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_EQ(0, set_int(l, SOL_SOCKET, SO_RCVBUF, 20000));
	EXPECT_EQ(0, set_int(l, SOL_SOCKET, SO_MARK, 77));
	EXPECT_EQ(0, set_linger(l, 1, 9));
	EXPECT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(1, get_int(d, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_EQ(123, get_int(d, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(45, get_int(d, IPPROTO_TCP, TCP_KEEPINTVL));
	EXPECT_EQ(6, get_int(d, IPPROTO_TCP, TCP_KEEPCNT));
	EXPECT_EQ(7890, get_int(d, IPPROTO_TCP, TCP_USER_TIMEOUT));
	EXPECT_EQ(13, get_int(d, IPPROTO_TCP, TCP_LINGER2));
	EXPECT_EQ(1, get_int(d, SOL_SOCKET, SO_KEEPALIVE));
	rcvbuf = get_int(l, SOL_SOCKET, SO_RCVBUF);
	EXPECT_EQ(40000, rcvbuf);
	EXPECT_EQ(rcvbuf, get_int(d, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(77, get_int(d, SOL_SOCKET, SO_MARK));
	EXPECT_EQ(0, get_int(d, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(0, getsockopt(d, SOL_SOCKET, SO_LINGER, &lg, &len));
	EXPECT_EQ(9, lg.l_linger);
	set_linger(d, 0, 0);
	set_linger(l, 0, 0);
}

TEST_F(api, accept_order)
{
	struct addr a, from, want[32];
	int l = make_listener(self->s, 64, &a), c[32], d, i;

	ASSERT_LE(0, l);
	for (i = 0; i < 32; i++) {
		c[i] = cli_socket(self->s, 0);
		ASSERT_LE(0, c[i]);
		ASSERT_EQ(0, do_connect(c[i], &a));
		ASSERT_TRUE(WAIT(info_of(l).tcpi_unacked == (unsigned int)i + 1));
		want[i] = name_of(c[i]);
	}
	for (i = 0; i < 32; i++) {
		from.len = sizeof(from.ss);
		d = accept(l, &from.sa, &from.len);
		ASSERT_LE(0, d);
		EXPECT_TRUE(addr_same(&from, &want[i]));
		close(d);
	}
}

TEST_F(api, defer_accept)
{
	struct addr a;
	int l = make_listener(self->s, 4, &a), c = cli_socket(self->s, 0), d;
	char b;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 30));
	EXPECT_LE(30, get_int(l, IPPROTO_TCP, TCP_DEFER_ACCEPT));
	EXPECT_EQ(0, do_connect(c, &a));
	EXPECT_EQ(ST_ESTABLISHED, tcp_state(c));
	/* the bare ACK has been seen by now; only data completes it */
	EXPECT_EQ(0, poll_now(l));
	EXPECT_TRUE(set_nonblock(l, true));
	EXPECT_EQ(-EAGAIN, sys(accept(l, NULL, NULL)));
	EXPECT_EQ(1, send(c, "x", 1, 0));
	EXPECT_TRUE(poll_for(l, POLLIN) & POLLIN);
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(1, recv(d, &b, 1, MSG_DONTWAIT));
}

/* A request may wait for long: its child goes by the routes of then. */
TEST_F(api, defer_accept_new_route)
{
	bool six = self->s->af == AF_INET6 && !self->s->mapped;
	int l, c = cli_socket(self->s, 0), d;
	struct addr a;

	l = make_listener(self->s, 4, &a);
	ASSERT_LE(0, l);
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 30));
	EXPECT_EQ(0, do_connect(c, &a));
	ASSERT_EQ(0, ns_route("%s route del local %s dev lo table local", six ? "-6" : "-4",
			      six ? "::1" : "127.0.0.1"));
	ASSERT_EQ(0, ns_route("%s route add local %s dev lo table local mtu 1400",
			      six ? "-6" : "-4", six ? "::1" : "127.0.0.1"));
	EXPECT_EQ(1, send(c, "x", 1, 0));
	EXPECT_TRUE(poll_for(l, POLLIN) & POLLIN);
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(1400U, info_of(d).tcpi_pmtu);
}
