// SPDX-License-Identifier: GPL-2.0-only
/*
 * Urgent data as programs see them: MSG_OOB, SIOCATMARK, SO_OOBINLINE, SIGURG, POLLPRI.
 * MUST-30 to MUST-33 of RFC 9293, and what RFC 6093 says of sockets.
 */
#define API_WITH_CROSS
#include "fixture.h"

#define P_OUT	(POLLOUT | POLLWRNORM)
#define P_IN	(POLLIN | POLLRDNORM)

/* The stream "abc", the urgent byte "!", the stream "def"; all of it has come. */
static int make_marked(const struct api_stack *s, int *cli, int *srv, bool in_line)
{
	int err = make_pair(s, cli, srv);

	if (err)
		return err;
	if (in_line)
		err = set_int(*srv, SOL_SOCKET, SO_OOBINLINE, 1);
	if (send(*cli, "abc!", 4, MSG_OOB) != 4 || send(*cli, "def", 3, 0) != 3)
		return -EIO;
	/* What is behind the mark SIOCINQ tells only when that is in line */
	if (!WAIT(outq(*cli) == 0) || !(poll_for(*srv, POLLPRI) & POLLPRI))
		return -ETIMEDOUT;
	return err;
}

static int at_mark(int fd)
{
	int yes = -1;

	return ioctl(fd, SIOCATMARK, &yes) ? -errno : yes;
}

/* What a read with room for much gives: its text, or "-errno". */
static const char *text(int fd, int flags)
{
	static char b[64];
	ssize_t n = recv(fd, b, sizeof(b) - 1, flags | MSG_DONTWAIT);

	if (n < 0)
		snprintf(b, sizeof(b), "-%d", errno);
	else
		b[n] = 0;
	return b;
}

TEST_F(api, urgent_none)
{
	struct addr a;
	int c, d, l = make_listener(self->s, 1, &a), fresh = srv_socket(self->s, 0);
	char b;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, at_mark(fresh));
	EXPECT_EQ(-EINVAL, sys(recv(fresh, &b, 1, MSG_OOB)));
	EXPECT_EQ(0, at_mark(l));
	EXPECT_EQ(-ENOTCONN, sys(recv(l, &b, 1, MSG_OOB)));
	EXPECT_EQ(-EPIPE, sys(send(fresh, "x", 1, MSG_OOB | MSG_NOSIGNAL)));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, at_mark(d));
	/* no urgent data: an error at once, also of a socket that blocks */
	EXPECT_EQ(-EINVAL, sys(recv(d, &b, 1, MSG_OOB)));
	EXPECT_EQ(-EINVAL, sys(recv(d, &b, 1, MSG_OOB | MSG_PEEK)));
	EXPECT_EQ(1, send(c, "x", 1, 0));
	EXPECT_TRUE(wait_inq(d, 1));
	EXPECT_EQ(-EINVAL, sys(recv(d, &b, 1, MSG_OOB)));
	EXPECT_EQ(0, send(c, "x", 0, MSG_OOB));
	EXPECT_EQ(1, send(c, "y", 1, 0));
	EXPECT_TRUE(wait_inq(d, 2));
	EXPECT_EQ(-EINVAL, sys(recv(d, &b, 1, MSG_OOB)));
	EXPECT_STREQ("xy", text(d, 0));
}

/* The program of the textbook: read to the mark, take the byte, go on behind it. */
TEST_F(api, urgent_out_of_line)
{
	int c, d;

	ASSERT_EQ(0, make_marked(self->s, &c, &d, false));
	EXPECT_EQ(P_IN | P_OUT | POLLPRI, poll_now(d));
	EXPECT_EQ(0, at_mark(d));
	EXPECT_EQ(3, inq(d));
	EXPECT_STREQ("abc", text(d, 0));
	EXPECT_EQ(1, at_mark(d));
	EXPECT_EQ(0, inq(d));
	EXPECT_EQ(P_IN | P_OUT | POLLPRI, poll_now(d));
	EXPECT_STREQ("!", text(d, MSG_OOB));
	EXPECT_EQ(1, at_mark(d));
	EXPECT_EQ(P_IN | P_OUT, poll_now(d));
	EXPECT_STREQ("def", text(d, 0));
	EXPECT_EQ(0, at_mark(d));
	EXPECT_EQ(P_OUT, poll_now(d));
}

TEST_F(api, urgent_byte_first)
{
	char b;
	int c, d;

	ASSERT_EQ(0, make_marked(self->s, &c, &d, false));
	EXPECT_STREQ("!", text(d, MSG_OOB | MSG_PEEK));
	EXPECT_STREQ("!", text(d, MSG_OOB));
	/* once, and it stays out of the stream */
	EXPECT_EQ(-EINVAL, sys(recv(d, &b, 1, MSG_OOB)));
	EXPECT_EQ(P_IN | P_OUT, poll_now(d));
	EXPECT_EQ(3, inq(d));
	EXPECT_STREQ("abc", text(d, 0));
	EXPECT_EQ(1, at_mark(d));
	EXPECT_STREQ("def", text(d, 0));
}

TEST_F(api, urgent_in_line)
{
	char b;
	int c, d;

	ASSERT_EQ(0, make_marked(self->s, &c, &d, true));
	EXPECT_EQ(P_IN | P_OUT | POLLPRI, poll_now(d));
	EXPECT_EQ(7, inq(d));
	EXPECT_EQ(-EINVAL, sys(recv(d, &b, 1, MSG_OOB)));
	EXPECT_STREQ("abc", text(d, 0));
	EXPECT_EQ(1, at_mark(d));
	EXPECT_EQ(P_IN | P_OUT | POLLPRI, poll_now(d));
	EXPECT_STREQ("!def", text(d, 0));
	EXPECT_EQ(0, at_mark(d));
	EXPECT_EQ(P_OUT, poll_now(d));
}

/* SO_OOBINLINE says how it is now, also for a byte that waits. */
TEST_F(api, urgent_in_line_later)
{
	int c, d;

	ASSERT_EQ(0, make_marked(self->s, &c, &d, false));
	EXPECT_EQ(0, set_int(d, SOL_SOCKET, SO_OOBINLINE, 1));
	EXPECT_EQ(7, inq(d));
	EXPECT_STREQ("abc", text(d, 0));
	EXPECT_STREQ("!def", text(d, MSG_PEEK));
	EXPECT_EQ(0, set_int(d, SOL_SOCKET, SO_OOBINLINE, 0));
	EXPECT_EQ(0, inq(d));
	EXPECT_STREQ("!", text(d, MSG_OOB));
	EXPECT_STREQ("def", text(d, 0));
}

TEST_F(api, urgent_peek)
{
	int c, d;

	ASSERT_EQ(0, make_marked(self->s, &c, &d, false));
	EXPECT_STREQ("abc", text(d, MSG_PEEK));
	EXPECT_STREQ("abc", text(d, MSG_PEEK));
	EXPECT_STREQ("abc", text(d, 0));
	/* at the mark it shows what a read would give, and leaves the mark */
	EXPECT_STREQ("def", text(d, MSG_PEEK));
	EXPECT_EQ(1, at_mark(d));
	EXPECT_STREQ("!", text(d, MSG_OOB));
	EXPECT_STREQ("def", text(d, 0));
}

/* recvmsg() says MSG_OOB, and MSG_TRUNC where there is no room. */
TEST_F(api, urgent_flags)
{
	char b = 'x';
	struct iovec iov = { .iov_base = &b, .iov_len = 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int c, d;

	ASSERT_EQ(0, make_marked(self->s, &c, &d, false));
	EXPECT_EQ(0, recvmsg(d, &m, MSG_OOB | MSG_PEEK));
	EXPECT_EQ(MSG_OOB | MSG_TRUNC, m.msg_flags);
	iov.iov_len = 1;
	EXPECT_EQ(1, recvmsg(d, &m, MSG_OOB | MSG_PEEK | MSG_TRUNC));
	EXPECT_EQ('x', b);
	EXPECT_EQ(-EFAULT, sys(recv(d, (void *)8, 1, MSG_OOB | MSG_PEEK)));
	EXPECT_EQ(1, recvmsg(d, &m, MSG_OOB));
	EXPECT_EQ(MSG_OOB, m.msg_flags);
	EXPECT_EQ('!', b);
	EXPECT_STREQ("abc", text(d, 0));
}

/* No read goes across the mark, whatever it was asked for. */
TEST_F(api, urgent_stops_reads)
{
	char b[64];
	int c, d;

	ASSERT_EQ(0, make_marked(self->s, &c, &d, false));
	EXPECT_EQ(3, recv(d, b, 6, MSG_WAITALL));
	EXPECT_EQ(3, recv(d, b, 3, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(b, "def", 3));
	ASSERT_EQ(0, make_marked(self->s, &c, &d, true));
	EXPECT_EQ(3, read(d, b, sizeof(b)));
	EXPECT_EQ(4, recv(d, b, 4, MSG_WAITALL));
	ASSERT_EQ(0, make_marked(self->s, &c, &d, false));
	EXPECT_EQ(3, recv(d, b, sizeof(b), MSG_TRUNC));
	EXPECT_EQ(1, at_mark(d));
	EXPECT_EQ(2, recv(d, b, 2, 0));
	EXPECT_EQ(0, memcmp(b, "de", 2));
}

TEST_F(api, urgent_splice)
{
	int c, d, p[2];
	char b[8];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, make_marked(self->s, &c, &d, false));
	EXPECT_EQ(3, splice(d, NULL, p[1], NULL, 4096, SPLICE_F_NONBLOCK));
	EXPECT_EQ(3, read(p[0], b, sizeof(b)));
	EXPECT_EQ(0, memcmp(b, "abc", 3));
	EXPECT_EQ(1, at_mark(d));
	EXPECT_STREQ("!", text(d, MSG_OOB));
	EXPECT_STREQ("def", text(d, 0));
}

/*
 * Urgent data of any length. The pointer moves while they are on their way, and a program
 * that takes the byte it leads to out of line takes several out: in line, as RFC 6093 5 has it.
 */
TEST_F(api, urgent_long)
{
	static __u8 out[100000], in[100000];
	size_t got = 0;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	pattern_fill(out, 0, sizeof(out));
	if (!fork()) {
		send_all(c, "x", 1);
		_exit(send(c, out, sizeof(out), MSG_OOB) != sizeof(out));
	}
	close(c);
	EXPECT_EQ(0, set_int(d, SOL_SOCKET, SO_OOBINLINE, 1));
	EXPECT_EQ(1, recv(d, in, 1, 0));
	EXPECT_EQ('x', in[0]);
	while (got < sizeof(out)) {
		ssize_t n = recv(d, in + got, sizeof(in) - got, 0);

		if (n <= 0)
			break;
		got += n;
	}
	EXPECT_EQ(sizeof(out), got);
	EXPECT_TRUE(pattern_ok(in, 0, got));
	EXPECT_EQ(0, at_mark(d));
}

/* A newer mark: the older byte is data again. */
TEST_F(api, urgent_twice)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(2, send(c, "a1", 2, MSG_OOB));
	EXPECT_TRUE(WAIT(outq(c) == 0));
	EXPECT_EQ(2, send(c, "b2", 2, MSG_OOB));
	EXPECT_TRUE(WAIT(outq(c) == 0));
	EXPECT_STREQ("2", text(d, MSG_OOB));
	EXPECT_STREQ("a1b", text(d, 0));
	EXPECT_EQ(1, at_mark(d));
}

TEST_F(api, urgent_end_of_stream)
{
	char b;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(4, send(c, "abc!", 4, MSG_OOB));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_TRUE(wait_poll(d, P_IN | P_OUT | POLLPRI | POLLRDHUP));
	EXPECT_STREQ("abc", text(d, 0));
	EXPECT_STREQ("!", text(d, MSG_OOB));
	EXPECT_STREQ("", text(d, 0));
	EXPECT_EQ(-EINVAL, sys(recv(d, &b, 1, MSG_OOB)));
	/* the other way all is as before */
	EXPECT_EQ(1, send(d, "?", 1, MSG_OOB));
	EXPECT_EQ(POLLPRI, poll_for(c, POLLPRI));
	EXPECT_STREQ("?", text(c, MSG_OOB));
}

TEST_F(api, urgent_reset)
{
	struct addr none = addr_unspec();
	char b;
	int c, d;

	ASSERT_EQ(0, make_marked(self->s, &c, &d, false));
	EXPECT_EQ(0, reset_peer(c));
	EXPECT_TRUE(wait_state(d, ST_CLOSE));
	EXPECT_EQ(-ENOTCONN, sys(recv(d, &b, 1, MSG_OOB)));
	EXPECT_EQ(ECONNRESET, so_error(d));
	/* what was there is forgotten with the connection */
	EXPECT_EQ(0, do_connect(d, &none));
	EXPECT_EQ(-EINVAL, sys(recv(d, &b, 1, MSG_OOB)));
	EXPECT_EQ(0, at_mark(d));
}

/* A byte that nobody took is data that nobody read: close() resets. */
TEST_F(api, urgent_unread_at_close)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(1, send(c, "!", 1, MSG_OOB));
	EXPECT_EQ(POLLPRI, poll_for(d, POLLPRI));
	EXPECT_EQ(0, close(d));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	EXPECT_EQ(ECONNRESET, so_error(c));
}

/* It is announced where the byte itself finds no room: EAGAIN, not EINVAL. */
TEST_F(api, urgent_announced)
{
	static __u8 buf[60000];
	size_t got = 0;
	sigset_t set;
	int c, d;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 200000, 4096));
	EXPECT_EQ(0, fcntl(d, F_SETOWN, getpid()));
	pattern_fill(buf, 0, sizeof(buf));
	EXPECT_EQ(sizeof(buf), send(c, buf, sizeof(buf), MSG_DONTWAIT));
	EXPECT_EQ(1, send(c, "!", 1, MSG_OOB | MSG_DONTWAIT));
	EXPECT_EQ(SIGURG, sigwaitinfo(&set, NULL));
	EXPECT_EQ(0, poll_now(d) & POLLPRI);
	EXPECT_EQ(-EAGAIN, sys(recv(d, buf, 1, MSG_OOB)));
	EXPECT_EQ(0, at_mark(d));
	while (got < sizeof(buf)) {
		ssize_t n = recv(d, buf, sizeof(buf), 0);

		ASSERT_LT(0, n);
		ASSERT_TRUE(pattern_ok(buf, got, n));
		got += n;
	}
	EXPECT_EQ(1, at_mark(d));
	EXPECT_EQ(POLLPRI, poll_for(d, POLLPRI));
	EXPECT_STREQ("!", text(d, MSG_OOB));
}

/* SIGURG goes to the owner, SIGIO with POLL_PRI to who asked for signals. */
TEST_F(api, urgent_signals)
{
	siginfo_t info;
	sigset_t set;
	int c, d;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	/* without an owner there is nobody to tell */
	EXPECT_EQ(1, send(c, "1", 1, MSG_OOB));
	EXPECT_EQ(POLLPRI, poll_for(d, POLLPRI));
	EXPECT_EQ(0, sigpending(&set) || sigismember(&set, SIGURG));
	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	EXPECT_EQ(0, fcntl(d, F_SETOWN, getpid()));
	EXPECT_EQ(1, send(c, "2", 1, MSG_OOB));
	EXPECT_EQ(SIGURG, sigwaitinfo(&set, &info));
	/* O_ASYNC */
	EXPECT_EQ(0, fcntl(d, F_SETSIG, SIGRTMIN));
	EXPECT_EQ(0, fcntl(d, F_SETFL, O_ASYNC));
	EXPECT_EQ(1, send(c, "3", 1, MSG_OOB));
	EXPECT_EQ(SIGURG, sigwaitinfo(&set, &info));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	EXPECT_EQ(SIGRTMIN, sigwaitinfo(&set, &info));
	EXPECT_EQ(POLL_PRI, info.si_code);
	EXPECT_EQ(d, info.si_fd);
}

static void urgent_nothing(int signo)
{
}

/* A read that waits comes back for SIGURG, with the mark in front of it. */
TEST_F(api, urgent_interrupts)
{
	struct sigaction sa = { .sa_handler = urgent_nothing };
	int c, d, status;
	char b;

	EXPECT_EQ(0, sigaction(SIGURG, &sa, NULL));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, fcntl(d, F_SETOWN, getpid()));
	if (!fork()) {
		/* the parent sleeps in recv() */
		char path[64], line[256] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", getppid());
		while (!strstr(line, ") S ")) {
			f = fopen(path, "r");
			if (!f || !fgets(line, sizeof(line), f))
				_exit(1);
			fclose(f);
		}
		_exit(send(c, "!", 1, MSG_OOB) != 1);
	}
	EXPECT_EQ(-EINTR, sys(recv(d, &b, 1, 0)));
	EXPECT_EQ(1, at_mark(d));
	EXPECT_STREQ("!", text(d, MSG_OOB));
	EXPECT_LT(0, wait(&status));
	EXPECT_EQ(0, status);
}

TEST_F(api, urgent_select)
{
	struct timeval bound = { .tv_sec = 20 };
	fd_set r, x;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(1, send(c, "!", 1, MSG_OOB));
	FD_ZERO(&x);
	FD_SET(d, &x);
	FD_ZERO(&r);
	FD_SET(d, &r);
	/* an exceptional condition, and nothing to read */
	EXPECT_EQ(1, select(d + 1, &r, NULL, &x, &bound));
	EXPECT_TRUE(FD_ISSET(d, &x));
	EXPECT_FALSE(FD_ISSET(d, &r));
}

static __u32 ep_get(int ep, bool wait)
{
	struct epoll_event e = { 0 };

	return epoll_wait(ep, &e, 1, wait ? (int)(WAIT_BOUND_US / 1000) : 0) == 1 ? e.events : 0;
}

TEST_F(api, urgent_epoll)
{
	struct epoll_event e = { .events = EPOLLPRI };
	int c, d, level = epoll_create1(0), edge = epoll_create1(0);

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, epoll_ctl(level, EPOLL_CTL_ADD, d, &e));
	e.events = EPOLLPRI | EPOLLET;
	EXPECT_EQ(0, epoll_ctl(edge, EPOLL_CTL_ADD, d, &e));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_TRUE(wait_inq(d, 3));
	EXPECT_EQ(0U, ep_get(level, false));
	EXPECT_EQ(0U, ep_get(edge, false));
	EXPECT_EQ(1, send(c, "!", 1, MSG_OOB));
	EXPECT_EQ(EPOLLPRI, ep_get(level, true));
	EXPECT_EQ(EPOLLPRI, ep_get(edge, true));
	EXPECT_EQ(EPOLLPRI, ep_get(level, false));
	EXPECT_EQ(0U, ep_get(edge, false));
	EXPECT_STREQ("!", text(d, MSG_OOB));
	EXPECT_EQ(0U, ep_get(level, false));
	EXPECT_EQ(1, send(c, "?", 1, MSG_OOB));
	EXPECT_EQ(EPOLLPRI, ep_get(level, true));
	EXPECT_EQ(EPOLLPRI, ep_get(edge, true));
	EXPECT_STREQ("?", text(d, MSG_OOB));
}
