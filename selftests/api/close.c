// SPDX-License-Identifier: GPL-2.0-only
/* shutdown(), close(), SO_LINGER, and what the other side learns from them. */
#define API_WITH_CROSS
#include "fixture.h"

TEST_F(api, shutdown_write)
{
	char b[8];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_TRUE(wait_state(c, ST_FIN_WAIT2));
	EXPECT_EQ(ST_CLOSE_WAIT, tcp_state(d));
	EXPECT_EQ(3, recv(d, b, 8, 0));
	EXPECT_EQ(0, recv(d, b, 8, 0));
	EXPECT_EQ(0, recv(d, b, 8, 0));
	/* the other half lives on for as long as it likes (S8, S9) */
	EXPECT_EQ(4, send(d, "defg", 4, 0));
	EXPECT_EQ(4, recv(c, b, 8, 0));
	EXPECT_EQ(-EPIPE, sys(send(c, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, shutdown(d, SHUT_WR));
	EXPECT_EQ(0, recv(c, b, 8, 0));
	/* TIME_WAIT is a minisock; the descriptor itself is closed */
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	EXPECT_TRUE(wait_state(d, ST_CLOSE));
	EXPECT_EQ(-ENOTCONN, sys(shutdown(c, SHUT_WR)));
	EXPECT_EQ(0, so_error(c));
	EXPECT_EQ(0, so_error(d));
	EXPECT_EQ(0U, peer_of(c).len);
}

TEST_F(api, shutdown_write_twice)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_TRUE(wait_state(c, ST_FIN_WAIT2));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(ST_FIN_WAIT2, tcp_state(c));
	EXPECT_EQ(ST_CLOSE_WAIT, tcp_state(d));
}

TEST_F(api, shutdown_read)
{
	char b[8];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_TRUE(wait_inq(d, 3));
	EXPECT_EQ(0, shutdown(d, SHUT_RD));
	EXPECT_EQ(ST_ESTABLISHED, tcp_state(d));
	/* what had come may still be read, and what comes is still taken */
	EXPECT_EQ(3, recv(d, b, 8, 0));
	EXPECT_EQ(0, recv(d, b, 8, 0));
	EXPECT_EQ(2, send(c, "de", 2, 0));
	EXPECT_TRUE(wait_inq(d, 2));
	EXPECT_EQ(2, recv(d, b, 8, 0));
	EXPECT_EQ(0, recv(d, b, 8, 0));
	EXPECT_EQ(1, send(d, "x", 1, 0));
	EXPECT_EQ(1, recv(c, b, 8, 0));
}

TEST_F(api, shutdown_both)
{
	char b;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(-EINVAL, sys(shutdown(c, 3)));
	EXPECT_EQ(-EINVAL, sys(shutdown(c, -1)));
	EXPECT_EQ(0, shutdown(c, SHUT_RDWR));
	EXPECT_TRUE(wait_state(c, ST_FIN_WAIT2));
	EXPECT_EQ(0, recv(c, &b, 1, 0));
	EXPECT_EQ(-EPIPE, sys(send(c, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, recv(d, &b, 1, 0));
	EXPECT_EQ(0, shutdown(d, SHUT_RDWR));
	EXPECT_TRUE(wait_state(d, ST_CLOSE));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
}

TEST_F(api, shutdown_wakes_reader)
{
	int c, d, status;
	pid_t pid;
	char b;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(recv(c, &b, 1, 0) == 0 ? 0 : 1);
	EXPECT_EQ(0, shutdown(c, SHUT_RD));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Everything written before close() arrives, however long it takes (S8, S18). */
TEST_F(api, close_delivers)
{
	enum { LEN = 1 << 20 };
	__u8 *buf = malloc(LEN), *got = malloc(LEN + 1);
	int c, d, n;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	pattern_fill(buf, 0, LEN);
	EXPECT_TRUE(set_nonblock(c, true));
	n = send(c, buf, LEN, 0);
	ASSERT_LT(0, n);
	EXPECT_EQ(0, close(c));
	EXPECT_EQ(n, recv_all(d, got, LEN + 1));
	EXPECT_TRUE(pattern_ok(got, 0, n));
	EXPECT_EQ(0, recv(d, got, 1, 0));
	EXPECT_EQ(ST_CLOSE_WAIT, tcp_state(d));
}

/* SHLD-3: unread data at close is told to the peer by RST (S19). */
TEST_F(api, close_unread)
{
	char b;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_TRUE(wait_inq(d, 3));
	EXPECT_EQ(0, close(d));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	EXPECT_EQ(-ECONNRESET, sys(recv(c, &b, 1, 0)));
	EXPECT_EQ(0, recv(c, &b, 1, 0));
	EXPECT_EQ(-EPIPE, sys(send(c, &b, 1, MSG_NOSIGNAL)));
}

/* Data that meets a closed reader is answered by RST (RFC 9293 3.6.1). */
TEST_F(api, data_after_close)
{
	char b;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, close(d));
	EXPECT_EQ(0, recv(c, &b, 1, 0));
	EXPECT_EQ(ST_CLOSE_WAIT, tcp_state(c));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	EXPECT_EQ(EPIPE, so_error(c));
	EXPECT_EQ(-EPIPE, sys(send(c, "abc", 3, MSG_NOSIGNAL)));
	EXPECT_EQ(0, recv(c, &b, 1, 0));
}

TEST_F(api, linger_zero)
{
	char b;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, reset_peer(c));
	EXPECT_TRUE(wait_state(d, ST_CLOSE));
	EXPECT_EQ(-ECONNRESET, sys(send(d, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(-EPIPE, sys(send(d, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, recv(d, &b, 1, 0));
}

/* What came before the reset may still be read; the error follows it. */
TEST_F(api, reset_keeps_received_data)
{
	char b[8];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_TRUE(wait_inq(d, 3));
	EXPECT_EQ(0, reset_peer(c));
	EXPECT_TRUE(wait_state(d, ST_CLOSE));
	EXPECT_EQ(3, recv(d, b, 8, 0));
	EXPECT_EQ(-ECONNRESET, sys(recv(d, b, 8, 0)));
	EXPECT_EQ(0, recv(d, b, 8, 0));
}

TEST_F(api, linger_waits_for_the_end)
{
	int c, d;
	char b[4];

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, set_linger(c, 1, 20));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_EQ(0, close(c));
	/* it came back because all was acknowledged, FIN included */
	EXPECT_EQ(ST_CLOSE_WAIT, tcp_state(d));
	EXPECT_EQ(3, recv(d, b, 4, MSG_DONTWAIT));
	EXPECT_EQ(0, recv(d, b, 4, MSG_DONTWAIT));
}

TEST_F(api, linger_gives_up)
{
	__u64 start;
	ssize_t total;
	int c, d;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 8192, 8192));
	total = fill_up(c);
	ASSERT_LT(0, total);
	EXPECT_EQ(0, set_linger(c, 1, 1));
	start = tick_us();
	EXPECT_EQ(0, close(c));
	EXPECT_LE(900000ULL, tick_us() - start);
	/* the rest is still delivered */
	{
		__u8 *got = malloc(total + 1);

		EXPECT_EQ(total, recv_all(d, got, total + 1));
		EXPECT_TRUE(pattern_ok(got, 0, total));
		free(got);
	}
}

TEST_F(api, dup_keeps_it_open)
{
	char b[4];
	int c, d, e;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	e = dup(c);
	ASSERT_LE(0, e);
	EXPECT_EQ(0, close(c));
	EXPECT_EQ(2, send(e, "ab", 2, 0));
	EXPECT_EQ(2, recv(d, b, 4, 0));
	EXPECT_EQ(ST_ESTABLISHED, tcp_state(d));
	EXPECT_EQ(0, close(e));
	EXPECT_EQ(0, recv(d, b, 4, 0));
	EXPECT_EQ(ST_CLOSE_WAIT, tcp_state(d));
}

TEST_F(api, close_both_at_once)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(0, shutdown(d, SHUT_WR));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	EXPECT_TRUE(wait_state(d, ST_CLOSE));
	EXPECT_EQ(0, so_error(c) | so_error(d));
}

/* A listener with SO_REUSEADDR set before or after it got its port, and the port's address. */
static int reusable_listener(const struct api_stack *s, bool late, struct addr *a)
{
	struct addr any = addr_make(s, W_LO, 0);
	int l = srv_socket(s, 0);

	if (!late)
		set_int(l, SOL_SOCKET, SO_REUSEADDR, 1);
	if (do_bind(l, &any) || listen(l, 1))
		return -errno;
	if (late)
		set_int(l, SOL_SOCKET, SO_REUSEADDR, 1);
	*a = name_of(l);
	return l;
}

/* The side that closed first leaves TIME_WAIT behind, which holds the port. */
static void time_wait_port(struct __test_metadata *_metadata, const struct api_stack *s, bool late)
{
	struct addr a;
	int l = reusable_listener(s, late, &a), c = cli_socket(s, 0), d;
	char b;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(0, close(d));
	EXPECT_EQ(0, recv(c, &b, 1, 0));
	EXPECT_EQ(0, close(c));
	close(l);
	l = srv_socket(s, 0);
	EXPECT_EQ(-EADDRINUSE, do_bind(l, &a));
	EXPECT_EQ(0, set_int(l, SOL_SOCKET, SO_REUSEADDR, 1));
	EXPECT_EQ(0, do_bind(l, &a));
	EXPECT_EQ(0, listen(l, 1));
	c = cli_socket(s, 0);
	EXPECT_EQ(0, do_connect(c, &a));
}

TEST_F(api, time_wait_holds_the_port)
{
	time_wait_port(_metadata, self->s, false);
}

TEST_F(api, time_wait_holds_the_port_late)
{
	time_wait_port(_metadata, self->s, true);
}

TEST_F(api, connection_holds_the_port)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a), c = cli_socket(self->s, 0), d;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	close(l);
	l = srv_socket(self->s, 0);
	EXPECT_EQ(-EADDRINUSE, do_bind(l, &a));
	EXPECT_EQ(0, reset_peer(d));
	EXPECT_TRUE(WAIT(do_bind(l, &a) == 0));
}

/* A process that dies closes as if it had called close() (S18). */
TEST_F(api, killed_process)
{
	int c, d, status;
	pid_t pid;
	char b;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(d);
		send(c, "x", 1, 0);
		pause();
		_exit(0);
	}
	close(c);
	EXPECT_EQ(1, recv(d, &b, 1, 0));
	EXPECT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, recv(d, &b, 1, 0));
	EXPECT_EQ(ST_CLOSE_WAIT, tcp_state(d));
}
