// SPDX-License-Identifier: GPL-2.0-only
/* Much data: small buffers, both ways at once, odd sizes, sendfile and splice. */
#define API_WITH_CROSS
#include "fixture.h"

struct job {
	int fd;
	size_t len;
	unsigned int seed;
	bool ok;
	const char *why;
};

static size_t next_size(unsigned int *seed)
{
	size_t bits = rand_r(seed) % 16;

	return 1 + rand_r(seed) % (1UL << bits);
}

/* Writes the pattern in pieces of random size, then ends its direction. */
static void *writer(void *arg)
{
	static __thread __u8 buf[65536];
	struct job *j = arg;
	size_t pos = 0;

	j->ok = false;
	while (pos < j->len) {
		size_t n = next_size(&j->seed);

		if (n > j->len - pos)
			n = j->len - pos;
		pattern_fill(buf, pos, n);
		if (send_all(j->fd, buf, n) != (ssize_t)n) {
			j->why = "send";
			return NULL;
		}
		pos += n;
	}
	j->ok = !shutdown(j->fd, SHUT_WR);
	return NULL;
}

static void *reader(void *arg)
{
	static __thread __u8 buf[65536];
	struct job *j = arg;
	size_t pos = 0;
	ssize_t n;

	j->ok = false;
	while ((n = recv(j->fd, buf, next_size(&j->seed), 0)) > 0) {
		if (!pattern_ok(buf, pos, n)) {
			j->why = "content";
			return NULL;
		}
		pos += n;
	}
	j->why = n < 0 ? "recv" : "length";
	j->ok = !n && pos == j->len;
	return NULL;
}

static unsigned int a_seed(void)
{
	const char *env = getenv("XTCP_SEED");

	return env ? strtoul(env, NULL, 0) : (unsigned int)now_us();
}

/* Runs four threads: both ends read and write @len bytes at the same time. */
static bool both_ways(struct __test_metadata *_metadata, int c, int d, size_t len)
{
	unsigned int seed = a_seed();
	struct job j[4] = {
		{ c, len, seed, false, NULL }, { d, len, seed + 1, false, NULL },
		{ c, len, seed + 2, false, NULL }, { d, len, seed + 3, false, NULL },
	};
	bool ok = true;
	pthread_t t[4];
	int i;

	TH_LOG("seed %u", seed);
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, i < 2 ? writer : reader, &j[i]);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		if (!j[i].ok)
			TH_LOG("%s %d: %s", i < 2 ? "writer" : "reader", i, j[i].why);
		ok = ok && j[i].ok;
	}
	return ok;
}

TEST_F(api, both_ways)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_TRUE(both_ways(_metadata, c, d, 4 << 20));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	EXPECT_TRUE(wait_state(d, ST_CLOSE));
}

TEST_F(api, small_buffers)
{
	int c, d;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 4096, 4096));
	EXPECT_TRUE(both_ways(_metadata, c, d, 256 << 10));
}

TEST_F(api, small_send_buffer)
{
	int c, d;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 1, 0));
	EXPECT_TRUE(both_ways(_metadata, c, d, 512 << 10));
}

TEST_F(api, small_mss)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a), c = cli_socket(self->s, 0), d;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, set_int(c, IPPROTO_TCP, TCP_MAXSEG, 536));
	EXPECT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_GE(536, get_int(d, IPPROTO_TCP, TCP_MAXSEG));
	EXPECT_LE(500, get_int(d, IPPROTO_TCP, TCP_MAXSEG));
	EXPECT_TRUE(both_ways(_metadata, c, d, 256 << 10));
}

/* One call with everything blocks until the last byte has found its place. */
TEST_F(api, one_big_write)
{
	enum { LEN = 4 << 20 };
	__u8 *buf = malloc(LEN);
	struct job j = { .len = LEN, .seed = 1 };
	pthread_t t;
	int c;

	ASSERT_NE(NULL, buf);
	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &j.fd, 16384, 0));
	pattern_fill(buf, 0, LEN);
	ASSERT_EQ(0, pthread_create(&t, NULL, reader, &j));
	EXPECT_EQ(LEN, send(c, buf, LEN, 0));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	pthread_join(t, NULL);
	EXPECT_TRUE(j.ok);
}

TEST_F(api, sendfile)
{
	enum { LEN = (1 << 20) + 4321 };
	struct job j = { .len = LEN, .seed = 2 };
	int c, file = pattern_file(LEN);
	off_t off = 0;
	pthread_t t;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, make_pair(self->s, &c, &j.fd));
	ASSERT_EQ(0, pthread_create(&t, NULL, reader, &j));
	while (off < LEN)
		ASSERT_LT(0, sendfile(c, file, &off, LEN - off));
	EXPECT_EQ(0, sendfile(c, file, &off, 1));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	pthread_join(t, NULL);
	EXPECT_TRUE(j.ok);
}

TEST_F(api, sendfile_nonblocking)
{
	enum { LEN = 16 << 20 };
	int c, d, file = pattern_file(LEN);
	off_t off = 0;
	ssize_t n;

	ASSERT_LE(0, file);
	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 16384, 16384));
	EXPECT_TRUE(set_nonblock(c, true));
	do {
		n = sys(sendfile(c, file, &off, LEN));
	} while (n > 0);
	EXPECT_EQ(-EAGAIN, n);
	EXPECT_LT(0, off);
	EXPECT_GT(LEN, off);
}

TEST_F(api, sendfile_after_shutdown)
{
	int c, d, file = pattern_file(4096);

	ASSERT_LE(0, file);
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(-EPIPE, sys(sendfile(c, file, NULL, 4096)));
}

/* socket -> pipe -> socket, as a proxy does it */
TEST_F(api, splice)
{
	enum { LEN = 1 << 20 };
	struct job w = { .len = LEN, .seed = 3 }, r = { .len = LEN, .seed = 4 };
	pthread_t tw, tr;
	int in, out, p[2];
	ssize_t n, m;

	ASSERT_EQ(0, make_pair(self->s, &w.fd, &in));
	ASSERT_EQ(0, make_pair(self->s, &out, &r.fd));
	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, pthread_create(&tw, NULL, writer, &w));
	ASSERT_EQ(0, pthread_create(&tr, NULL, reader, &r));
	while ((n = splice(in, NULL, p[1], NULL, 65536, SPLICE_F_MOVE)) > 0) {
		while (n > 0) {
			m = splice(p[0], NULL, out, NULL, n, SPLICE_F_MOVE | SPLICE_F_MORE);
			ASSERT_LT(0, m);
			n -= m;
		}
	}
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, shutdown(out, SHUT_WR));
	pthread_join(tw, NULL);
	pthread_join(tr, NULL);
	EXPECT_TRUE(w.ok);
	EXPECT_TRUE(r.ok);
}

TEST_F(api, splice_edges)
{
	int c, d, p[2];
	char b[8];

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	ASSERT_EQ(0, pipe(p));
	/* SPLICE_F_NONBLOCK is about the pipe; the socket goes by its own flag */
	EXPECT_TRUE(set_nonblock(d, true));
	EXPECT_EQ(-EAGAIN, sys(splice(d, NULL, p[1], NULL, 100, 0)));
	EXPECT_TRUE(set_nonblock(d, false));
	EXPECT_EQ(5, send(c, "hello", 5, 0));
	EXPECT_TRUE(wait_inq(d, 5));
	EXPECT_EQ(3, splice(d, NULL, p[1], NULL, 3, 0));
	EXPECT_EQ(3, read(p[0], b, 8));
	EXPECT_EQ(0, memcmp(b, "hel", 3));
	EXPECT_EQ(2, inq(d));
	EXPECT_EQ(2, recv(d, b, 8, 0));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(0, splice(d, NULL, p[1], NULL, 100, 0));
}

/* Pages lent by splice stay the sender's: the reader must see them as they were. */
TEST_F(api, vmsplice)
{
	enum { LEN = 16384 };
	__u8 *buf = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u8 *got = malloc(LEN);
	struct iovec iov = { buf, LEN };
	int c, d, p[2];

	ASSERT_NE(MAP_FAILED, (void *)buf);
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	ASSERT_EQ(0, pipe(p));
	pattern_fill(buf, 0, LEN);
	EXPECT_EQ(LEN, vmsplice(p[1], &iov, 1, 0));
	EXPECT_EQ(LEN, splice(p[0], NULL, c, NULL, LEN, 0));
	EXPECT_EQ(LEN, recv_all(d, got, LEN));
	EXPECT_TRUE(pattern_ok(got, 0, LEN));
}

/* When the last of @len bytes came, by SO_TIMESTAMPNS; 0: nobody says. */
static __s64 read_stamp(int fd, size_t len)
{
	char b[32], control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec iov = { b, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct timespec t;

	if (!wait_inq(fd, len) || recvmsg(fd, &m, 0) != (ssize_t)len || !CMSG_FIRSTHDR(&m) ||
	    CMSG_FIRSTHDR(&m)->cmsg_type != SO_TIMESTAMPNS)
		return 0;
	memcpy(&t, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(t));
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* What is read in one piece has the time of its last byte. */
TEST_F(api, timestamp_of_the_last_byte)
{
	struct timespec between;
	char b[10] = { 0 };
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, set_int(d, SOL_SOCKET, SO_TIMESTAMPNS, 1));
	/* the core begins to stamp packets a little later */
	ASSERT_TRUE(WAIT(send(c, b, 1, 0) == 1 && read_stamp(d, 1)));
	EXPECT_EQ(10, send(c, b, 10, 0));
	EXPECT_TRUE(wait_inq(d, 10));
	clock_gettime(CLOCK_REALTIME, &between);
	EXPECT_EQ(10, send(c, b, 10, 0));
	EXPECT_LE(between.tv_sec * 1000000000LL + between.tv_nsec, read_stamp(d, 20));
}
