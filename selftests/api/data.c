// SPDX-License-Identifier: GPL-2.0-only
/* send and receive, with every flag that the issue of the day knows. */
#define API_WITH_CROSS
#include "fixture.h"

#define SIOCOUTQNSD_	0x894B

TEST_F(api, round_trip)
{
	char b[16];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(5, write(c, "hello", 5));
	EXPECT_EQ(5, read(d, b, sizeof(b)));
	EXPECT_EQ(0, memcmp(b, "hello", 5));
	EXPECT_EQ(5, send(d, "world", 5, 0));
	EXPECT_EQ(5, recv(c, b, sizeof(b), 0));
	EXPECT_EQ(0, memcmp(b, "world", 5));
}

TEST_F(api, zero_length)
{
	char b;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, send(c, "", 0, 0));
	EXPECT_EQ(-EAGAIN, sys(recv(d, &b, 1, MSG_DONTWAIT)));
	EXPECT_EQ(1, send(c, "a", 1, 0));
	EXPECT_TRUE(wait_inq(d, 1));
	EXPECT_EQ(0, recv(d, &b, 0, 0));
	EXPECT_EQ(1, recv(d, &b, 1, 0));
}

TEST_F(api, dontwait)
{
	static char buf[65536];
	ssize_t n, total = 0;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(-EAGAIN, sys(recv(d, buf, 1, MSG_DONTWAIT)));
	do {
		n = sys(send(c, buf, sizeof(buf), MSG_DONTWAIT));
		total += n > 0 ? n : 0;
	} while (n > 0);
	EXPECT_EQ(-EAGAIN, n);
	EXPECT_LT(0, total);
	EXPECT_EQ(-EAGAIN, sys(recv(c, buf, 1, MSG_DONTWAIT)));
}

TEST_F(api, nonblocking_file)
{
	char b;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_TRUE(set_nonblock(d, true));
	EXPECT_EQ(-EAGAIN, sys(read(d, &b, 1)));
	EXPECT_EQ(-EAGAIN, sys(recv(d, &b, 1, MSG_WAITALL)));
}

TEST_F(api, peek)
{
	char b[16];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(4, send(c, "peek", 4, 0));
	EXPECT_EQ(4, recv(d, b, sizeof(b), MSG_PEEK));
	EXPECT_EQ(0, memcmp(b, "peek", 4));
	EXPECT_EQ(2, recv(d, b, 2, MSG_PEEK));
	EXPECT_EQ(4, inq(d));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_TRUE(wait_inq(d, 7));
	EXPECT_EQ(7, recv(d, b, sizeof(b), MSG_PEEK));
	EXPECT_EQ(0, memcmp(b, "peekabc", 7));
	EXPECT_EQ(7, recv(d, b, sizeof(b), 0));
	EXPECT_EQ(0, memcmp(b, "peekabc", 7));
	EXPECT_EQ(-EAGAIN, sys(recv(d, b, 1, MSG_PEEK | MSG_DONTWAIT)));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(0, recv(d, b, 1, MSG_PEEK));
}

struct late {
	int fd, reader;		/* where to send, and where the main thread waits for all */
	int pieces;		/* how many it had asked for more after */
};

/* A piece whenever the one before was taken and the reader sleeps again. */
static void *send_late(void *arg)
{
	struct late *l = arg;
	int i;

	for (i = 0; i < 5; i++) {
		l->pieces += WAIT(inq(l->reader) == 0 && sleeps_in(getpid(), SYS_recvfrom));
		if (send(l->fd, "0123456789", 10, 0) != 10)
			return (void *)1;
	}
	return NULL;
}

TEST_F(api, waitall)
{
	struct late l = { 0 };
	pthread_t t;
	char b[64];
	void *ret;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	l.fd = c;
	l.reader = d;
	ASSERT_EQ(0, pthread_create(&t, NULL, send_late, &l));
	EXPECT_EQ(50, recv(d, b, 50, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(b + 40, "0123456789", 10));
	pthread_join(t, &ret);
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(5, l.pieces);
	/* the end of the stream and the timeout cut it short */
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_EQ(0, set_timeo(d, SO_RCVTIMEO, 50));
	EXPECT_EQ(3, recv(d, b, 50, MSG_WAITALL));
	EXPECT_EQ(0, set_timeo(d, SO_RCVTIMEO, 0));
	EXPECT_EQ(2, send(c, "de", 2, 0));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(2, recv(d, b, 50, MSG_WAITALL));
	EXPECT_EQ(0, recv(d, b, 50, MSG_WAITALL));
}

TEST_F(api, waitall_peek)
{
	char b[16];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(6, send(c, "abcdef", 6, 0));
	EXPECT_EQ(6, recv(d, b, 6, MSG_WAITALL | MSG_PEEK));
	EXPECT_EQ(6, recv(d, b, 6, MSG_WAITALL));
}

TEST_F(api, trunc_discards)
{
	char b[16] = "unchanged";
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(10, send(c, "0123456789", 10, 0));
	EXPECT_TRUE(wait_inq(d, 10));
	EXPECT_EQ(4, recv(d, b, 4, MSG_TRUNC));
	EXPECT_STREQ("unchanged", b);
	EXPECT_EQ(3, recv(d, NULL, 3, MSG_TRUNC));
	EXPECT_EQ(3, recv(d, b, sizeof(b), 0));
	EXPECT_EQ(0, memcmp(b, "789", 3));
}

/*
 * What MSG_MORE or TCP_CORK holds back stays unsent (SIOCOUTQNSD) until it is
 * released; the kernel pushes it out by itself after about 200 ms, so a try that
 * was held up by a busy machine is repeated.
 */
static int unsent_after(int fd, int flags, __u64 *us)
{
	__u64 start = now_us();
	int n = -1;

	if (send(fd, "0123456789", 10, flags) != 10)
		return -1;
	ioctl(fd, SIOCOUTQNSD_, &n);
	*us = now_us() - start;
	return n;
}

TEST_F(api, more)
{
	char b[64];
	int c, d, tries, n = -1;
	__u64 us;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	for (tries = 0; tries < 20; tries++) {
		n = unsent_after(c, MSG_MORE, &us);
		if (us < 100000)
			break;
		recv(d, b, 10, MSG_WAITALL);
	}
	EXPECT_EQ(10, n);
	EXPECT_EQ(2, send(c, "ab", 2, 0));
	EXPECT_EQ(12, recv(d, b, 12, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(b, "0123456789ab", 12));
}

TEST_F(api, cork)
{
	char b[64];
	int c, d, tries, n = -1;
	__u64 us;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, set_int(c, IPPROTO_TCP, TCP_CORK, 1));
	EXPECT_EQ(1, get_int(c, IPPROTO_TCP, TCP_CORK));
	for (tries = 0; tries < 20; tries++) {
		n = unsent_after(c, 0, &us);
		if (us < 100000)
			break;
		recv(d, b, 10, MSG_WAITALL);
	}
	EXPECT_EQ(10, n);
	EXPECT_EQ(0, set_int(c, IPPROTO_TCP, TCP_CORK, 0));
	EXPECT_EQ(10, recv(d, b, 10, MSG_WAITALL));
}

/* Held back data is not held back for ever (MUST-60). */
TEST_F(api, more_is_sent_in_the_end)
{
	char b[16];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(3, send(c, "abc", 3, MSG_MORE));
	EXPECT_EQ(3, recv(d, b, 3, MSG_WAITALL));
}

/* As many single bytes as the initial window has segments: none of them waits for an ACK. */
TEST_F(api, nodelay_sends_at_once)
{
	char b[64];
	int c, d, i;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, set_int(c, IPPROTO_TCP, TCP_NODELAY, 1));
	for (i = 0; i < 9; i++)
		EXPECT_EQ(1, send(c, "x", 1, 0));
	i = -1;
	EXPECT_EQ(0, ioctl(c, SIOCOUTQNSD_, &i));
	EXPECT_EQ(0, i);
	EXPECT_EQ(9, recv(d, b, 9, MSG_WAITALL));
}

static int sigpipes;

static void on_sigpipe(int sig)
{
	sigpipes++;
}

TEST_F(api, sigpipe)
{
	struct sigaction sa = { .sa_handler = on_sigpipe };
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	sigaction(SIGPIPE, &sa, NULL);
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(-EPIPE, sys(send(c, "x", 1, MSG_NOSIGNAL)));
	EXPECT_EQ(0, sigpipes);
	EXPECT_EQ(-EPIPE, sys(send(c, "x", 1, 0)));
	EXPECT_EQ(1, sigpipes);
	EXPECT_EQ(-EPIPE, sys(write(c, "x", 1)));
	EXPECT_EQ(2, sigpipes);
	close(c);
	c = cli_socket(self->s, 0);
	EXPECT_EQ(-EPIPE, sys(send(c, "x", 1, 0)));
	EXPECT_EQ(3, sigpipes);
}

TEST_F_SIGNAL(api, sigpipe_kills, SIGPIPE)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	send(c, "x", 1, 0);
}

TEST_F(api, unconnected)
{
	struct addr a;
	int c = cli_socket(self->s, 0), l = make_listener(self->s, 1, &a);
	char b;

	ASSERT_LE(0, c);
	ASSERT_LE(0, l);
	EXPECT_EQ(-ENOTCONN, sys(recv(c, &b, 1, 0)));
	EXPECT_EQ(-EPIPE, sys(send(c, &b, 1, MSG_NOSIGNAL)));
	EXPECT_EQ(-ENOTCONN, sys(shutdown(c, SHUT_WR)));
	EXPECT_EQ(-ENOTCONN, sys(recv(l, &b, 1, 0)));
	EXPECT_EQ(-EPIPE, sys(send(l, &b, 1, MSG_NOSIGNAL)));
	EXPECT_EQ(-EPIPE, sys(sendto(c, &b, 1, MSG_NOSIGNAL, &a.sa, a.len)));
}

TEST_F(api, addresses_are_ignored)
{
	struct addr a = addr_make(self->s, W_FOREIGN, 1), from;
	int c, d;
	char b[4];

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(2, sendto(c, "ab", 2, 0, &a.sa, a.len));
	from.len = sizeof(from.ss);
	EXPECT_EQ(2, recvfrom(d, b, sizeof(b), 0, &from.sa, &from.len));
	EXPECT_EQ(0U, from.len);
}

TEST_F(api, vectors)
{
	char p[3] = "abc", q[4] = "defg", x[2], y[8], ctl[64];
	struct iovec out[3] = { { p, 3 }, { NULL, 0 }, { q, 4 } };
	struct iovec in[2] = { { x, 2 }, { y, 8 } };
	struct msghdr m = { .msg_iov = out, .msg_iovlen = 3 };
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(7, sendmsg(c, &m, 0));
	m = (struct msghdr){ .msg_iov = in, .msg_iovlen = 2, .msg_control = ctl,
			     .msg_controllen = sizeof(ctl), .msg_flags = -1 };
	EXPECT_TRUE(wait_inq(d, 7));
	EXPECT_EQ(7, recvmsg(d, &m, 0));
	EXPECT_EQ(0, memcmp(x, "ab", 2));
	EXPECT_EQ(0, memcmp(y, "cdefg", 5));
	EXPECT_EQ(0, m.msg_flags);
	EXPECT_EQ(0U, m.msg_controllen);
	EXPECT_EQ(7, writev(c, out, 3));
	EXPECT_EQ(7, recv(d, y, 7, MSG_WAITALL));
}

TEST_F(api, many_messages)
{
	struct mmsghdr mm[4] = { 0 };
	struct iovec io = { "abc", 3 };
	char b[12];
	int c, d, i;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	for (i = 0; i < 4; i++) {
		mm[i].msg_hdr.msg_iov = &io;
		mm[i].msg_hdr.msg_iovlen = 1;
	}
	EXPECT_EQ(4, sendmmsg(c, mm, 4, 0));
	EXPECT_EQ(12, recv(d, b, 12, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(b, "abcabcabcabc", 12));
}

TEST_F(api, bad_pointers)
{
	char b[8];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(-EFAULT, sys(send(c, (void *)8, 5, 0)));
	EXPECT_EQ(5, send(c, "hello", 5, 0));
	EXPECT_TRUE(wait_inq(d, 5));
	EXPECT_EQ(-EFAULT, sys(recv(d, (void *)8, 5, 0)));
	/* nothing was lost and nothing was sent by the calls that failed */
	EXPECT_EQ(5, recv(d, b, sizeof(b), 0));
	EXPECT_EQ(0, memcmp(b, "hello", 5));
	EXPECT_EQ(-EBADF, sys(send(-1, b, 1, 0)));
	EXPECT_EQ(-EAGAIN, sys(recv(d, b, 1, MSG_ERRQUEUE)));
}

TEST_F(api, queue_ioctls)
{
	struct addr a;
	int c, d, l = make_listener(self->s, 1, &a), n;
	char b[100] = { 0 };

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, inq(d));
	EXPECT_EQ(0, outq(c));
	EXPECT_EQ(100, send(c, b, 100, 0));
	EXPECT_TRUE(WAIT(inq(d) == 100));
	EXPECT_EQ(0, ioctl(d, FIONREAD, &n));
	EXPECT_EQ(100, n);
	EXPECT_EQ(40, recv(d, b, 40, 0));
	EXPECT_EQ(60, inq(d));
	EXPECT_TRUE(WAIT(outq(c) == 0));
	/* a FIN is not a byte to read */
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_TRUE(wait_state(d, ST_CLOSE_WAIT));
	EXPECT_EQ(60, inq(d));
	EXPECT_EQ(60, recv(d, b, 100, 0));
	EXPECT_EQ(0, inq(d));
	EXPECT_EQ(-EINVAL, inq(l));
	EXPECT_EQ(-EINVAL, outq(l));
	EXPECT_EQ(-EFAULT, sys(ioctl(d, SIOCINQ, (void *)8)));
}

TEST_F(api, outq_counts_unacknowledged)
{
	ssize_t total;
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	total = fill_up(c);
	ASSERT_LT(0, total);
	EXPECT_TRUE(WAIT(outq(c) + inq(d) == total));
	EXPECT_LT(0, outq(c));
}

TEST_F(api, receive_low_water)
{
	char b[16];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, set_int(d, SOL_SOCKET, SO_RCVLOWAT, 8));
	EXPECT_EQ(8, get_int(d, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_EQ(4, send(c, "abcd", 4, 0));
	EXPECT_TRUE(wait_inq(d, 4));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(d));
	EXPECT_EQ(4, send(c, "efgh", 4, 0));
	EXPECT_EQ(POLLIN, poll_for(d, POLLIN));
	EXPECT_EQ(8, recv(d, b, 16, 0));
	/* the end of the stream is readable whatever the mark */
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(POLLIN, poll_for(d, POLLIN));
	EXPECT_EQ(0, recv(d, b, 16, 0));
}

TEST_F(api, receive_timeout)
{
	char b;
	int c, d;
	__u64 start;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, set_timeo(d, SO_RCVTIMEO, 100));
	start = now_us();
	EXPECT_EQ(-EAGAIN, sys(recv(d, &b, 1, 0)));
	EXPECT_LE(50000ULL, now_us() - start);
	EXPECT_EQ(1, send(c, "x", 1, 0));
	EXPECT_EQ(1, recv(d, &b, 1, 0));
}

TEST_F(api, send_timeout)
{
	static char buf[1 << 20];
	__u64 start;
	ssize_t n;
	int c, d;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 8192, 8192));
	EXPECT_EQ(0, set_timeo(c, SO_SNDTIMEO, 100));
	start = now_us();
	n = send(c, buf, sizeof(buf), 0);
	EXPECT_LT(0, n);
	EXPECT_GT((ssize_t)sizeof(buf), n);
	EXPECT_LE(50000ULL, now_us() - start);
	/* window probes may carry a little more over; then nothing fits any more */
	EXPECT_TRUE(WAIT(sys(send(c, buf, sizeof(buf), 0)) == -EAGAIN));
}

static void on_signal(int sig)
{
}

struct poker {
	pthread_t victim;
	int ready_fd;		/* poke once this one is unwritable, or at once if < 0 */
	atomic_bool done;
};

static void *poke(void *arg)
{
	struct poker *p = arg;

	while (!p->done) {
		usleep(3000);
		if (p->ready_fd >= 0 && (poll_now(p->ready_fd) & POLLOUT))
			continue;
		if (!p->done)
			pthread_kill(p->victim, SIGUSR1);
	}
	return NULL;
}

TEST_F(api, receive_interrupted)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct poker p = { .victim = pthread_self(), .ready_fd = -1 };
	pthread_t t;
	char b[8];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_EQ(0, pthread_create(&t, NULL, poke, &p));
	EXPECT_EQ(-EINTR, sys(recv(d, b, 8, 0)));
	/* what had come is handed out rather than lost */
	EXPECT_TRUE(WAIT(sys(send(c, "abc", 3, 0)) == 3));
	EXPECT_EQ(3, recv(d, b, 8, MSG_WAITALL));
	p.done = true;
	pthread_join(t, NULL);
}

TEST_F(api, send_interrupted)
{
	static char buf[1 << 20];
	struct sigaction sa = { .sa_handler = on_signal };
	struct poker p = { .victim = pthread_self() };
	pthread_t t;
	ssize_t n;
	int c, d, rounds;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 8192, 8192));
	sigaction(SIGUSR1, &sa, NULL);
	p.ready_fd = c;
	ASSERT_EQ(0, pthread_create(&t, NULL, poke, &p));
	n = sys(send(c, buf, sizeof(buf), 0));
	EXPECT_LT(0, n);
	EXPECT_GT((ssize_t)sizeof(buf), n);
	/* An acknowledgment may have made room between two signals */
	for (rounds = 0; n > 0 && rounds < 64; rounds++)
		n = sys(send(c, buf, sizeof(buf), 0));
	EXPECT_EQ(-EINTR, n);
	p.done = true;
	pthread_join(t, NULL);
}

struct restart {
	int fd;
	char b;
	long ret;
	atomic_int tid;
};

static atomic_int caught;

static void on_caught(int sig)
{
	caught++;
}

static void *recv_thread(void *arg)
{
	struct restart *r = arg;

	r->tid = syscall(SYS_gettid);
	r->ret = sys(recv(r->fd, &r->b, 1, 0));
	return NULL;
}

TEST_F(api, receive_restarted)
{
	struct sigaction sa = { .sa_handler = on_caught, .sa_flags = SA_RESTART };
	struct restart r = { 0 };
	pthread_t t;
	int c, i;

	ASSERT_EQ(0, make_pair(self->s, &c, &r.fd));
	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_EQ(0, pthread_create(&t, NULL, recv_thread, &r));
	for (i = 0; i < 20; i++) {
		ASSERT_TRUE(WAIT(sleeps_in(r.tid, SYS_recvfrom)));
		pthread_kill(t, SIGUSR1);
		ASSERT_TRUE(WAIT(caught == i + 1));
	}
	ASSERT_TRUE(WAIT(sleeps_in(r.tid, SYS_recvfrom)));
	EXPECT_EQ(1, send(c, "x", 1, 0));
	pthread_join(t, NULL);
	EXPECT_EQ(1, r.ret);
	EXPECT_EQ('x', r.b);
}

static atomic_int sigios;

static void on_sigio(int sig)
{
	sigios++;
}

TEST_F(api, sigio)
{
	struct sigaction sa = { .sa_handler = on_sigio, .sa_flags = SA_RESTART };
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	sigaction(SIGIO, &sa, NULL);
	EXPECT_EQ(0, fcntl(d, F_SETOWN, getpid()));
	EXPECT_EQ(0, fcntl(d, F_SETFL, O_ASYNC | fcntl(d, F_GETFL)));
	sigios = 0;
	EXPECT_EQ(1, send(c, "x", 1, 0));
	EXPECT_TRUE(WAIT(sigios > 0));
	sigios = 0;
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_TRUE(WAIT(sigios > 0));
}
