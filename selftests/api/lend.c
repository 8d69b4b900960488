// SPDX-License-Identifier: GPL-2.0-only
/* Data that are not copied: sendfile, splice both ways, MSG_ZEROCOPY and its notices. */
#define API_WITH_CROSS
#include "fixture.h"

#define SOME	(64 << 10)

static __u8 *pages_of(size_t pos, size_t len)
{
	__u8 *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	pattern_fill(p, pos, len);
	return p;
}

struct job {
	int fd;
	size_t len;
	size_t got;
	int how;	/* 0: recv, 1: splice */
};

/* Through a pipe and out of it. */
static ssize_t splice_recv(int fd, const int *p, __u8 *buf, size_t len)
{
	ssize_t n = splice(fd, NULL, p[1], NULL, len, 0);

	return n > 0 ? read(p[0], buf, n) : n;
}

/* Checks the stream to its end. */
static void *reader(void *arg)
{
	static __thread __u8 buf[40000];
	struct job *j = arg;
	int p[2];
	ssize_t n;

	if (pipe(p))
		return NULL;
	for (;;) {
		size_t want = 1 + (j->got * 7919) % sizeof(buf);

		n = j->how ? splice_recv(j->fd, p, buf, want) : recv(j->fd, buf, want, 0);
		if (n <= 0 || !pattern_ok(buf, j->got, n))
			break;
		j->got += n;
	}
	close(p[0]);
	close(p[1]);
	j->how = n;	/* 0: the end of the stream */
	return NULL;
}

static unsigned int a_seed(void)
{
	const char *env = getenv("XTCP_SEED");

	return env ? strtoul(env, NULL, 0) : (unsigned int)now_us();
}

/* ---- sendfile ---- */

static ssize_t piece_by_pipe(int to, const int *p, int file, off_t pos, size_t len, int more)
{
	ssize_t n = splice(file, &pos, p[1], NULL, len, 0), m, done = 0;

	while (done < n) {
		m = splice(p[0], NULL, to, NULL, n - done, more ? SPLICE_F_MORE : 0);
		if (m <= 0)
			return -errno;
		done += m;
	}
	return n < 0 ? -errno : n;
}

static ssize_t piece(int to, const int *p, int file, const __u8 *copy, off_t pos, size_t len,
		     unsigned int how)
{
	switch (how % 5) {
	case 0:
		return sys(send(to, copy + pos, len, 0));
	case 1:
		return sys(send(to, copy + pos, len, MSG_MORE));
	case 2:
		return piece_by_pipe(to, p, file, pos, len, how % 2);
	default:
		return sys(sendfile(to, file, &pos, len));
	}
}

/* Odd sizes from odd offsets, between copied data, some of it corked. */
static void mixed(struct __test_metadata *_metadata, const struct api_stack *s, int mss, int how)
{
	enum { LEN = (1 << 20) + 4321 };
	unsigned int seed = a_seed();
	struct job j = { .len = LEN, .how = how };
	int c, p[2], file = pattern_file(LEN);
	__u8 *copy = pages_of(0, LEN);
	size_t pos = 0;
	pthread_t t;

	TH_LOG("seed %u", seed);
	ASSERT_LE(0, file);
	ASSERT_NE(NULL, copy);
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, make_pair(s, &c, &j.fd));
	if (mss)
		EXPECT_EQ(0, set_int(c, IPPROTO_TCP, TCP_MAXSEG, mss));
	ASSERT_EQ(0, pthread_create(&t, NULL, reader, &j));
	while (pos < LEN) {
		size_t n = 1 + rand_r(&seed) % (1 << (rand_r(&seed) % 17));
		ssize_t m = piece(c, p, file, copy, pos, n < LEN - pos ? n : LEN - pos,
				  rand_r(&seed));

		ASSERT_LT(0, m);
		pos += m;
	}
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	pthread_join(t, NULL);
	EXPECT_EQ(LEN, j.got);
	EXPECT_EQ(0, j.how);
}

TEST_F(api, sendfile_mixed)
{
	mixed(_metadata, self->s, 0, 0);
}

TEST_F(api, sendfile_mixed_small_segments)
{
	mixed(_metadata, self->s, 536, 0);
}

TEST_F(api, sendfile_to_splice)
{
	mixed(_metadata, self->s, 0, 1);
}

TEST_F(api, sendfile_bounds)
{
	int c, d, file = pattern_file(5000);
	__u8 buf[6000];
	off_t off = 4999;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(1, sendfile(c, file, &off, 100000));
	EXPECT_EQ(5000, off);
	EXPECT_EQ(0, sendfile(c, file, &off, 1));
	off = 6000;
	EXPECT_EQ(0, sendfile(c, file, &off, 1));
	off = 1;
	EXPECT_EQ(0, sendfile(c, file, &off, 0));
	EXPECT_EQ(4999, sendfile(c, file, &off, 5000));
	EXPECT_EQ(5000, recv_all(d, buf, 5000));
	EXPECT_TRUE(pattern_ok(buf, 4999, 1));
	EXPECT_TRUE(pattern_ok(buf + 1, 1, 4999));
}

/* What was not read yet is still the file: it was not copied on its way. */
TEST_F(api, sendfile_refers_to_the_file)
{
	int c, d, file = pattern_file(8192);
	__u8 *other = pages_of(12345, 8192), buf[8192];
	off_t off = 0;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(8192, sendfile(c, file, &off, 8192));
	EXPECT_TRUE(wait_inq(d, 8192));
	EXPECT_EQ(8192, pwrite(file, other, 8192, 0));
	EXPECT_EQ(8192, recv_all(d, buf, 8192));
	EXPECT_TRUE(pattern_ok(buf, 12345, 8192));
}

/* The file is cut while its pages wait: they stay what they were, or read as zero. */
TEST_F(api, sendfile_truncated_meanwhile)
{
	enum { LEN = 200 << 10 };	/* what any kernel's wmem_max has room for */
	int c, d, file = pattern_file(LEN);
	static __u8 buf[LEN];
	off_t off = 0;
	size_t i;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 1 << 20, 32768));
	EXPECT_EQ(LEN, sendfile(c, file, &off, LEN));
	EXPECT_EQ(0, ftruncate(file, 100));
	EXPECT_EQ(LEN, recv_all(d, buf, LEN));
	for (i = 0; i < LEN && (!buf[i] || buf[i] == pattern(i)); i++)
		;
	EXPECT_EQ(LEN, i);
}

/* Pages are counted like copies: sendfile() stops at the buffer's end. */
TEST_F(api, sendfile_fills_the_buffer)
{
	enum { LEN = 8 << 20 };
	int c, d, file = pattern_file(LEN);
	struct job j = { .len = LEN };
	size_t total = 0;
	off_t off = 0;
	pthread_t t;
	ssize_t n;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 32768, 32768));
	EXPECT_TRUE(set_nonblock(c, true));
	while ((n = sys(sendfile(c, file, &off, LEN))) > 0)
		total += n;
	EXPECT_EQ(-EAGAIN, n);
	EXPECT_GT(1 << 20, total);
	EXPECT_EQ(total, off);
	j.fd = d;
	ASSERT_EQ(0, pthread_create(&t, NULL, reader, &j));
	EXPECT_TRUE(set_nonblock(c, false));
	while (off < LEN)
		ASSERT_LT(0, sendfile(c, file, &off, LEN - off));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	pthread_join(t, NULL);
	EXPECT_EQ(LEN, j.got);
}

TEST_F(api, sendfile_errors)
{
	int c, d, file = pattern_file(4096), fresh = cli_socket(self->s, 0);
	off_t off = 0;

	ASSERT_LE(0, file);
	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(-EPIPE, sys(sendfile(fresh, file, &off, 10)));
	EXPECT_EQ(0, off);
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, reset_peer(d));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	EXPECT_EQ(-ECONNRESET, sys(sendfile(c, file, &off, 10)));
	EXPECT_EQ(-EPIPE, sys(sendfile(c, file, &off, 10)));
}

/* ---- splice out of a socket ---- */

TEST_F(api, splice_errors)
{
	int c, d, p[2], l = make_listener(self->s, 1, NULL), fresh = cli_socket(self->s, 0);
	loff_t off = 5;
	char b[4];

	ASSERT_EQ(0, pipe(p));
	EXPECT_EQ(-ENOTCONN, sys(splice(fresh, NULL, p[1], NULL, 10, 0)));
	EXPECT_EQ(-ENOTCONN, sys(splice(l, NULL, p[1], NULL, 10, 0)));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(-EINVAL, sys(splice(d, &off, p[1], NULL, 10, 0)));
	EXPECT_EQ(0, set_timeo(d, SO_RCVTIMEO, 30));
	EXPECT_EQ(-EAGAIN, sys(splice(d, NULL, p[1], NULL, 10, 0)));
	/* data come before the reset, and are not lost by it */
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_TRUE(wait_inq(d, 3));
	EXPECT_EQ(3, splice(d, NULL, p[1], NULL, 10, 0));
	EXPECT_EQ(3, read(p[0], b, 4));
	EXPECT_EQ(0, reset_peer(c));
	EXPECT_TRUE(wait_state(d, ST_CLOSE));
	EXPECT_EQ(-ECONNRESET, sys(splice(d, NULL, p[1], NULL, 10, 0)));
	EXPECT_EQ(0, splice(d, NULL, p[1], NULL, 10, 0));
}

TEST_F(api, splice_shut_down)
{
	int c, d, p[2];
	char b[8];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(5, send(c, "hello", 5, 0));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_TRUE(wait_state(d, ST_CLOSE_WAIT));
	EXPECT_EQ(2, splice(d, NULL, p[1], NULL, 2, 0));
	EXPECT_EQ(3, splice(d, NULL, p[1], NULL, 100, 0));
	EXPECT_EQ(5, read(p[0], b, 8));
	EXPECT_EQ(0, memcmp(b, "hello", 5));
	EXPECT_EQ(0, splice(d, NULL, p[1], NULL, 100, 0));
	EXPECT_EQ(0, splice(d, NULL, p[1], NULL, 100, 0));
}

/* A pipe that is full: what fits is taken, the rest stays in the socket. */
TEST_F(api, splice_into_a_full_pipe)
{
	int c, d, p[2], got;
	static __u8 buf[SOME];
	ssize_t n, m;

	ASSERT_EQ(0, pipe(p));
	EXPECT_LE(4096, fcntl(p[1], F_SETPIPE_SZ, 4096));
	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 0, 1 << 20));
	pattern_fill(buf, 0, SOME);
	EXPECT_EQ(SOME, send_all(c, buf, SOME));
	EXPECT_TRUE(wait_inq(d, SOME));
	n = splice(d, NULL, p[1], NULL, SOME, 0);
	ASSERT_LT(0, n);
	EXPECT_GT(SOME, n);
	EXPECT_EQ(SOME - n, inq(d));
	EXPECT_EQ(-EAGAIN, sys(splice(d, NULL, p[1], NULL, SOME, SPLICE_F_NONBLOCK)));
	EXPECT_EQ(SOME - n, inq(d));
	m = read(p[0], buf, SOME);
	EXPECT_EQ(n, m);
	EXPECT_TRUE(pattern_ok(buf, 0, n));
	got = recv_all(d, buf, SOME - n);
	EXPECT_EQ(SOME - n, got);
	EXPECT_TRUE(pattern_ok(buf, n, got));
	/* nobody will ever read it */
	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(1, send(c, "x", 1, 0));
	EXPECT_TRUE(wait_inq(d, 1));
	close(p[0]);
	EXPECT_EQ(-EPIPE, sys(splice(d, NULL, p[1], NULL, 1, 0)));
	EXPECT_EQ(1, inq(d));
}

/* The window opens as the pipe takes data: the writer never stops for good. */
TEST_F(api, splice_opens_the_window)
{
	enum { LEN = 1 << 20 };
	struct job j = { .len = LEN, .how = 1 };
	__u8 *data = pages_of(0, LEN);
	pthread_t t;
	int c;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &j.fd, 0, 32768));
	ASSERT_EQ(0, pthread_create(&t, NULL, reader, &j));
	EXPECT_EQ(LEN, send_all(c, data, LEN));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	pthread_join(t, NULL);
	EXPECT_EQ(LEN, j.got);
}

/* Once the main thread sleeps in its splice(). Return: NULL; anything else: it never did. */
static void *late_sender(void *arg)
{
	bool slept = WAIT(sleeps_in(getpid(), SYS_splice));

	send(*(int *)arg, "late", 4, MSG_NOSIGNAL);
	return slept ? NULL : arg;
}

TEST_F(api, splice_waits)
{
	int c, d, p[2];
	pthread_t t;
	void *ret;

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	ASSERT_EQ(0, pthread_create(&t, NULL, late_sender, &c));
	EXPECT_EQ(4, splice(d, NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK));
	pthread_join(t, &ret);
	EXPECT_EQ(NULL, ret);
}
