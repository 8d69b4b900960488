// SPDX-License-Identifier: GPL-2.0-only
/* MSG_ZEROCOPY: who may ask for it, and when the program is told that its pages are free. */
#define API_WITH_CROSS
#include "fixture.h"

#include <linux/errqueue.h>
#include <sys/resource.h>
#include <sys/utsname.h>

static __u8 *pages_of(size_t len)
{
	__u8 *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	pattern_fill(p, 0, len);
	return p;
}

/* The core asks others than TCP and UDP about SO_ZEROCOPY since 6.5. */
static bool core_asks(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	return sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 5));
}

static bool fd_is_xtcp(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_XTCP;
}

static int zerocopy(int fd, int val)
{
	if (fd_is_xtcp(fd) && !core_asks())
		return set_int(fd, SOL_XTCP, XTCP_ZEROCOPY, val);
	return set_int(fd, SOL_SOCKET, SO_ZEROCOPY, val);
}

/**
 * struct notices - what the error queue said
 * @next: the first call that was not reported
 * @code: all ee_code together
 * @bad: something was not as it should be
 */
struct notices {
	__u32 next;
	int code;
	const char *bad;
};

static void notice_take(struct notices *n, const struct cmsghdr *c)
{
	const struct sock_extended_err *e = (const void *)CMSG_DATA(c);

	if (!(c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) &&
	    !(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR))
		n->bad = "cmsg";
	else if (e->ee_origin != SO_EE_ORIGIN_ZEROCOPY || e->ee_errno)
		n->bad = "origin";
	else if (e->ee_info != n->next || e->ee_data < e->ee_info)
		n->bad = "range";
	n->next = e->ee_data + 1;
	n->code |= e->ee_code;
}

/* Takes what is there. Return: whether there was something. */
static bool notice_get(int fd, struct notices *n)
{
	char ctl[256];
	struct sockaddr_storage ss;
	struct msghdr m = { .msg_control = ctl, .msg_controllen = sizeof(ctl),
			    .msg_name = &ss, .msg_namelen = sizeof(ss) };
	struct cmsghdr *c;
	ssize_t len = recvmsg(fd, &m, MSG_ERRQUEUE);

	if (len < 0)
		return false;
	if (len || !(m.msg_flags & MSG_ERRQUEUE) || m.msg_namelen)
		n->bad = "message";
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		notice_take(n, c);
	return true;
}

/* Waits until call number @last is reported. */
static bool notices_until(int fd, struct notices *n, __u32 last)
{
	return WAIT((notice_get(fd, n), n->bad || n->next > last)) && !n->bad &&
	       n->next == last + 1;
}

TEST_F(api, option)
{
	int c, d, fd = cli_socket(self->s, 0);
	char b = 1;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ZEROCOPY));
	if (fd_is_xtcp(fd)) {
		EXPECT_EQ(-EINVAL, set_int(fd, SOL_XTCP, XTCP_ZEROCOPY, 2));
		EXPECT_EQ(0, set_int(fd, SOL_XTCP, XTCP_ZEROCOPY, 1));
		EXPECT_EQ(1, get_int(fd, SOL_XTCP, XTCP_ZEROCOPY));
		EXPECT_EQ(1, get_int(fd, SOL_SOCKET, SO_ZEROCOPY));
		EXPECT_EQ(0, set_int(fd, SOL_XTCP, XTCP_ZEROCOPY, 0));
	}
	if (fd_is_xtcp(fd) && !core_asks()) {
		EXPECT_EQ(-EOPNOTSUPP, set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1));
		return;
	}
	EXPECT_EQ(-EINVAL, set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 2));
	EXPECT_EQ(-EINVAL, set_int(fd, SOL_SOCKET, SO_ZEROCOPY, -1));
	EXPECT_EQ(-EINVAL, sys(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &b, 1)));
	EXPECT_EQ(-EFAULT, sys(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, (void *)8, 4)));
	EXPECT_EQ(0, set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1));
	EXPECT_EQ(1, get_int(fd, SOL_SOCKET, SO_ZEROCOPY));
	/* the others still get where they belong */
	EXPECT_EQ(0, set_int(fd, SOL_SOCKET, SO_MARK, 7));
	EXPECT_EQ(7, get_int(fd, SOL_SOCKET, SO_MARK));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	/* one end may be the kernel's, the other not */
	if (fd_is_xtcp(d) && !core_asks())
		return;
	EXPECT_EQ(0, set_int(d, SOL_SOCKET, SO_ZEROCOPY, 1));
	EXPECT_EQ(1, get_int(d, SOL_SOCKET, SO_ZEROCOPY));
	EXPECT_EQ(0, set_int(d, SOL_SOCKET, SO_ZEROCOPY, 0));
	EXPECT_EQ(0, get_int(d, SOL_SOCKET, SO_ZEROCOPY));
}

TEST_F(api, option_is_inherited)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a), c = cli_socket(self->s, 0), d;

	ASSERT_EQ(0, zerocopy(l, 1));
	ASSERT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(1, get_int(d, SOL_SOCKET, SO_ZEROCOPY));
	EXPECT_EQ(0, get_int(c, SOL_SOCKET, SO_ZEROCOPY));
}

TEST_F(api, ignored_without_the_option)
{
	struct notices n = {};
	int c, d;
	char b[8];

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(5, send(c, "hello", 5, MSG_ZEROCOPY));
	EXPECT_EQ(5, recv(d, b, 8, 0));
	EXPECT_TRUE(WAIT(!outq(c)));
	EXPECT_FALSE(notice_get(c, &n));
	EXPECT_EQ(0, poll_now(c) & POLLERR);
}

/* Every call is reported once, in order; over loopback the receiver's copy is told of. */
TEST_F(api, ranges)
{
	enum { LEN = 10000, CALLS = 20 };
	struct notices n = {};
	static __u8 buf[LEN * CALLS];
	__u8 *page = pages_of(LEN * CALLS);
	int c, d, i;

	ASSERT_NE(NULL, page);
	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 1 << 20, 1 << 20));
	ASSERT_EQ(0, zerocopy(c, 1));
	for (i = 0; i < CALLS; i++)
		ASSERT_EQ(LEN, send(c, page + i * LEN, LEN, MSG_ZEROCOPY));
	EXPECT_EQ(LEN * CALLS, recv_all(d, buf, LEN * CALLS));
	EXPECT_TRUE(pattern_ok(buf, 0, LEN * CALLS));
	EXPECT_TRUE(poll_for(c, 0) & POLLERR);
	EXPECT_TRUE(notices_until(c, &n, CALLS - 1)) {
		TH_LOG("%s, next %u", n.bad, n.next);
	}
	EXPECT_EQ(SO_EE_CODE_ZEROCOPY_COPIED, n.code);
	EXPECT_EQ(0, poll_now(c) & POLLERR);
	EXPECT_EQ(0, so_error(c));
	EXPECT_EQ(-EAGAIN, sys(recv(c, buf, 1, MSG_ERRQUEUE)));
}

/* Small ones, between data that were copied, in one buffer with them. */
TEST_F(api, among_copies)
{
	enum { CALLS = 200 };
	struct notices n = {};
	__u8 *page = pages_of(1 << 20);
	static __u8 buf[1 << 20];
	unsigned int seed = 7;
	size_t pos = 0, got = 0;
	int c, d, i;
	ssize_t m;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	ASSERT_EQ(0, zerocopy(c, 1));
	for (i = 0; i < 2 * CALLS; i++) {
		size_t len = 1 + rand_r(&seed) % 1500;
		int flags = i % 2 ? MSG_ZEROCOPY : 0;

		ASSERT_EQ(len, send(c, page + pos, len, flags | (i % 7 ? MSG_MORE : 0)));
		pos += len;
		m = recv(d, buf + got, sizeof(buf) - got, MSG_DONTWAIT);
		got += m > 0 ? m : 0;
	}
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	got += recv_all(d, buf + got, sizeof(buf) - got);
	EXPECT_EQ(pos, got);
	EXPECT_TRUE(pattern_ok(buf, 0, pos));
	EXPECT_TRUE(notices_until(c, &n, CALLS - 1)) {
		TH_LOG("%s, next %u", n.bad, n.next);
	}
}

/* A call that took nothing has no number. */
TEST_F(api, failed_calls_are_not_counted)
{
	enum { LEN = 4 << 20 };
	struct notices n = {};
	__u8 *page = pages_of(LEN);
	static __u8 buf[1 << 16];
	__u32 calls = 0;
	int c, d;
	ssize_t m;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 32768, 32768));
	ASSERT_EQ(0, zerocopy(c, 1));
	EXPECT_EQ(0, send(c, page, 0, MSG_ZEROCOPY));
	EXPECT_EQ(-EFAULT, sys(send(c, (void *)8, 100, MSG_ZEROCOPY)));
	while ((m = sys(send(c, page, LEN, MSG_ZEROCOPY | MSG_DONTWAIT))) > 0)
		calls++;
	EXPECT_EQ(-EAGAIN, m);
	EXPECT_EQ(-EAGAIN, sys(send(c, page, LEN, MSG_ZEROCOPY | MSG_DONTWAIT)));
	while (outq(c) || inq(d)) {
		m = recv(d, buf, sizeof(buf), MSG_DONTWAIT);
		if (m < 0)
			usleep(500);
	}
	EXPECT_EQ(10, send(c, page, 10, MSG_ZEROCOPY));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(-EPIPE, sys(send(c, page, 10, MSG_ZEROCOPY)));
	EXPECT_TRUE(notices_until(c, &n, calls)) {
		TH_LOG("%s, next %u of %u", n.bad, n.next, calls);
	}
}

/* While the peer has not acknowledged, the pages are not the program's again. */
TEST_F(api, not_before_acknowledged)
{
	enum { LEN = 200 << 10 };	/* what any kernel's wmem_max has room for */
	struct notices n = {};
	__u8 *page = pages_of(LEN);
	static __u8 buf[LEN];
	int c, d;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 4 << 20, 32768));
	ASSERT_EQ(0, zerocopy(c, 1));
	ASSERT_EQ(LEN, send(c, page, LEN, MSG_ZEROCOPY));
	EXPECT_TRUE(wait_inq(d, 1));
	EXPECT_FALSE(notice_get(c, &n));
	EXPECT_EQ(LEN, recv_all(d, buf, LEN));
	EXPECT_TRUE(pattern_ok(buf, 0, LEN));
	EXPECT_TRUE(notices_until(c, &n, 0));
}

/* Once they are free, the program writes into them; what is queued must not change. */
TEST_F(api, receiver_keeps_what_it_got)
{
	enum { LEN = 32768 };
	struct notices n = {};
	__u8 *page = pages_of(LEN), buf[LEN];
	int c, d;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 0, 1 << 20));
	ASSERT_EQ(0, zerocopy(c, 1));
	ASSERT_EQ(LEN, send(c, page, LEN, MSG_ZEROCOPY));
	EXPECT_TRUE(notices_until(c, &n, 0));
	memset(page, 0xee, LEN);
	EXPECT_EQ(LEN, recv_all(d, buf, LEN));
	EXPECT_TRUE(pattern_ok(buf, 0, LEN));
}

/* A reset gives everything back. */
TEST_F(api, reset_gives_back)
{
	enum { LEN = 200 << 10 };	/* what any kernel's wmem_max has room for */
	struct notices n = {};
	__u8 *page = pages_of(LEN);
	int c, d;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 4 << 20, 32768));
	ASSERT_EQ(0, zerocopy(c, 1));
	ASSERT_EQ(LEN, send(c, page, LEN, MSG_ZEROCOPY));
	EXPECT_TRUE(wait_inq(d, 1));
	EXPECT_EQ(0, reset_peer(d));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	EXPECT_TRUE(notices_until(c, &n, 0));
	EXPECT_EQ(ECONNRESET, so_error(c));
}

/* Nobody is left to be told; the data arrive all the same. */
TEST_F(api, closed_meanwhile)
{
	enum { LEN = 200 << 10 };	/* what any kernel's wmem_max has room for */
	__u8 *page = pages_of(LEN);
	static __u8 buf[LEN];
	int c, d;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 4 << 20, 32768));
	ASSERT_EQ(0, zerocopy(c, 1));
	ASSERT_EQ(LEN, send(c, page, LEN, MSG_ZEROCOPY));
	EXPECT_EQ(0, close(c));
	EXPECT_EQ(0, munmap(page, LEN));
	EXPECT_EQ(LEN, recv_all(d, buf, LEN));
	EXPECT_TRUE(pattern_ok(buf, 0, LEN));
	EXPECT_EQ(0, recv(d, buf, 1, 0));
}

/* Pinned pages count against RLIMIT_MEMLOCK of those who may not lock at will. */
TEST_F(api, memlock)
{
	struct rlimit lim = { 64 << 10, 64 << 10 };
	__u8 *page = pages_of(1 << 20);
	struct notices n = {};
	static __u8 buf[16384];
	int c, d;

	ASSERT_EQ(0, make_pair_bufs(self->s, &c, &d, 4 << 20, 2 << 20));
	ASSERT_EQ(0, zerocopy(c, 1));
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &lim));
	ASSERT_EQ(0, setresuid(12345, 12345, 12345));
	EXPECT_EQ(-ENOBUFS, sys(send(c, page, 1 << 20, MSG_ZEROCOPY)));
	EXPECT_EQ(0, so_error(c));
	EXPECT_EQ(16384, send(c, page, 16384, MSG_ZEROCOPY));
	EXPECT_EQ(16384, recv_all(d, buf, 16384));
	EXPECT_TRUE(pattern_ok(buf, 0, 16384));
	EXPECT_TRUE(notices_until(c, &n, 0));
}
