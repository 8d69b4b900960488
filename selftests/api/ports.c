// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may have a port: every combination of address, SO_REUSEADDR, SO_REUSEPORT
 * and listening for two sockets, compared with two sockets of the kernel's TCP.
 * With an XTCP socket on either side or on both the answer must be the same.
 */
#include <linux/filter.h>

#include "fixture.h"

enum { OPT_REUSEADDR = 1, OPT_REUSEPORT = 2, OPT_LISTEN = 4, OPTS = 8 };
enum where2 { A_ANY, A_LO, A_OTHER, A_ANY_V6ONLY, A_ANY_INET, A_LO_INET, WHERES };

struct party {
	bool host;		/* made by the kernel's TCP */
	enum where2 where;
	unsigned int opts;
};

static bool where_is_inet(enum where2 w)
{
	return w == A_ANY_INET || w == A_LO_INET;
}

/* Binds (and listens) as told; the first error, or 0. */
static int party_bind(const struct api_stack *s, const struct party *p, unsigned int port, int *fd)
{
	struct api_stack inet = { .af = AF_INET };
	bool v4 = where_is_inet(p->where);
	struct addr a;
	int domain = v4 ? AF_INET : s->af, proto = p->host ? 0 : IPPROTO_XTCP, err;

	switch (p->where) {
	case A_ANY:
	case A_ANY_V6ONLY:
		a = addr_make(s, W_ANY, port);
		break;
	case A_LO:
		a = addr_make(s, W_LO, port);
		break;
	case A_OTHER:
		a = addr_make(s, W_OTHER, port);
		break;
	default:
		a = addr_make(&inet, p->where == A_ANY_INET ? W_ANY : W_LO, port);
		break;
	}
	if (!p->host && s->srv_domain == AF_XTCP)
		domain = AF_XTCP;
	*fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, proto);
	if (*fd < 0)
		return -errno;
	set_int(*fd, SOL_SOCKET, SO_REUSEADDR, !!(p->opts & OPT_REUSEADDR));
	set_int(*fd, SOL_SOCKET, SO_REUSEPORT, !!(p->opts & OPT_REUSEPORT));
	if (p->where == A_ANY_V6ONLY)
		set_int(*fd, SOL_IPV6, IPV6_V6ONLY, 1);
	err = do_bind(*fd, &a);
	if (!err && (p->opts & OPT_LISTEN))
		err = sys(listen(*fd, 1));
	return err;
}

/* What becomes of @b while @a has the port. */
static int collide(const struct api_stack *s, const struct party *a, const struct party *b)
{
	int fa = -1, fb = -1, err;

	err = party_bind(s, a, 4500, &fa);
	if (!err)
		err = party_bind(s, b, 4500, &fb);
	else
		err = -1000;	/* the first one alone must always succeed */
	if (fa >= 0)
		close(fa);
	if (fb >= 0)
		close(fb);
	return err;
}

static const char *const where_names[] = { "any", "lo", "other", "any6only", "any4", "lo4" };

static unsigned int check_one(struct __test_metadata *_metadata, const struct api_stack *s,
			      struct party a, struct party b)
{
	static const struct { bool ha, hb; const char *text; } who[] = {
		{ false, false, "XTCP, XTCP" }, { true, false, "TCP, XTCP" },
		{ false, true, "XTCP, TCP" },
	};
	unsigned int i, wrong = 0;
	int want, got;

	a.host = true;
	b.host = true;
	want = collide(s, &a, &b);
	if (!stack_is_xtcp(s))
		return want == -1000;
	for (i = 0; i < ARRAY_SIZE(who); i++) {
		a.host = who[i].ha;
		b.host = who[i].hb;
		got = collide(s, &a, &b);
		if (got == want)
			continue;
		wrong++;
		TH_LOG("%s: %s opts %u, then %s opts %u: %d, two of TCP: %d", who[i].text,
		       where_names[a.where], a.opts, where_names[b.where], b.opts, got, want);
	}
	return wrong;
}

static unsigned int check_all(struct __test_metadata *_metadata, const struct api_stack *s)
{
	unsigned int wrong = 0;
	struct party a = { 0 }, b = { 0 };
	enum where2 last = s->af == AF_INET6 ? A_LO_INET : A_OTHER;

	for (a.where = A_ANY; a.where <= last; a.where++)
		for (b.where = A_ANY; b.where <= last; b.where++)
			for (a.opts = 0; a.opts < OPTS; a.opts++)
				for (b.opts = 0; b.opts < OPTS; b.opts++)
					if (wrong < 10)
						wrong += check_one(_metadata, s, a, b);
	return wrong;
}

TEST_F_TIMEOUT(api, conflicts_as_two_tcp_sockets, 400)
{
	EXPECT_EQ(0U, check_all(_metadata, self->s));
}

TEST_F(api, reuseport_other_user)
{
	struct addr a = addr_make(self->s, W_LO, 4501);
	int fd = srv_socket(self->s, 0), fd2;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	EXPECT_EQ(0, do_bind(fd, &a));
	EXPECT_EQ(0, listen(fd, 1));
	ASSERT_EQ(0, setresuid(65534, 65534, 0));
	fd2 = srv_socket(self->s, 0);
	ASSERT_LE(0, fd2);
	EXPECT_EQ(0, set_int(fd2, SOL_SOCKET, SO_REUSEPORT, 1));
	EXPECT_EQ(-EADDRINUSE, do_bind(fd2, &a));
}

static unsigned int accept_all(int l)
{
	unsigned int n = 0;
	int d;

	while ((d = accept(l, NULL, NULL)) >= 0) {
		close(d);
		n++;
	}
	return n;
}

/* One more listener of the group at @a. Return: it, or -errno. */
static int make_member(const struct api_stack *s, int backlog, const struct addr *a)
{
	int fd = srv_socket(s, SOCK_NONBLOCK), err;

	if (fd < 0)
		return -errno;
	err = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) ? : do_bind(fd, a);
	if (!err && listen(fd, backlog))
		err = -errno;
	return err ? : fd;
}

TEST_F(api, reuseport_balance)
{
	enum { L = 4, N = 120 };
	struct addr a = addr_make(self->s, W_LO, 4502);
	unsigned int got[L] = { 0 }, sum;
	int l[L], c[N], i, round;

	for (i = 0; i < L; i++) {
		l[i] = make_member(self->s, N, &a);
		ASSERT_LE(0, l[i]);
	}
	for (round = 0; round < 2; round++) {
		for (i = 0; i < N; i++) {
			c[i] = cli_socket(self->s, 0);
			ASSERT_EQ(0, do_connect(c[i], &a));
		}
		memset(got, 0, sizeof(got));
		EXPECT_TRUE(WAIT(({
			for (i = round, sum = 0; i < L; i++) {
				got[i] += accept_all(l[i]);
				sum += got[i];
			}
			sum == N;
		})));
		/* chance leaves one of them with less than 5 of 30 once in 10^9 */
		for (i = round; i < L; i++)
			EXPECT_LE(5U, got[i]);
		for (i = 0; i < N; i++)
			close(c[i]);
		/* the second round is shared by those that are left */
		close(l[0]);
	}
}

/*
 * A program gives all to the first of the group, whose SYN cookies' ACKs are the group's whoever is
 * asked first.
 */
TEST_F(api, reuseport_cookies)
{
	enum { L = 4, N = 24 };
	struct sock_filter first[] = { { BPF_RET | BPF_K, 0, 0, 0 } };
	struct sock_fprog prog = { .len = 1, .filter = first };
	struct addr a = addr_make(self->s, W_LO, 4504);
	unsigned int got = 0;
	int l[L], c[N], i;

	ASSERT_EQ(0, sysctl_stack(self->s, "net/ipv4/tcp_syncookies", "net/xtcp/syncookies", "2"));
	for (i = 0; i < L; i++) {
		l[i] = make_member(self->s, N, &a);
		ASSERT_LE(0, l[i]);
	}
	ASSERT_EQ(0, setsockopt(l[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &prog, sizeof(prog)));
	for (i = 0; i < N; i++) {
		c[i] = cli_socket(self->s, 0);
		ASSERT_EQ(0, do_connect(c[i], &a));
	}
	EXPECT_TRUE(WAIT((got += accept_all(l[0])) == N)) {
		TH_LOG("%u of %d", got, N);
	}
	for (i = 0; i < N; i++)
		close(c[i]);
}

TEST_F(api, listen_conflict_late)
{
	struct addr a = addr_make(self->s, W_LO, 4503);
	int x = srv_socket(self->s, 0), y = srv_socket(self->s, 0);

	EXPECT_EQ(0, set_int(x, SOL_SOCKET, SO_REUSEADDR, 1));
	EXPECT_EQ(0, set_int(y, SOL_SOCKET, SO_REUSEADDR, 1));
	EXPECT_EQ(0, do_bind(x, &a));
	EXPECT_EQ(0, do_bind(y, &a));
	EXPECT_EQ(0, listen(x, 1));
	EXPECT_EQ(-EADDRINUSE, sys(listen(y, 1)));
	EXPECT_EQ(0, close(x));
	EXPECT_TRUE(WAIT(listen(y, 1) == 0));
}

/* The port goes along with its socket, and a right that was needed once is needed no more. */
TEST_F(api, bindtodevice_of_a_low_port)
{
	struct addr a = addr_make(self->s, W_ANY, 745);
	int l = srv_socket(self->s, 0);

	ASSERT_LE(0, l);
	ASSERT_LE(0, ns_mute_device());
	ASSERT_EQ(0, do_bind(l, &a));
	ASSERT_EQ(0, listen(l, 1));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "mute", &a));
	ASSERT_EQ(0, setresuid(65534, 65534, 0));
	EXPECT_EQ(0, on_device(l, "lo"));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "lo", &a));
	EXPECT_EQ(0, host_may(self->s, "mute", &a));
	EXPECT_EQ(0, on_device(l, ""));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "mute", &a));
	close(l);
	EXPECT_EQ(0, host_may(self->s, "lo", &a));
}

TEST_F(api, bindtodevice_of_one_of_two)
{
	struct addr a = addr_make(self->s, W_ANY, 4246);
	int l[2];

	ASSERT_LE(0, ns_mute_device());
	ASSERT_EQ(0, bind_both(self->s, SO_REUSEPORT, &a, l));
	ASSERT_EQ(0, listen(l[0], 1));
	ASSERT_EQ(0, listen(l[1], 1));
	EXPECT_EQ(0, on_device(l[0], "mute"));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "lo", &a));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "mute", &a));
	close(l[1]);
	EXPECT_EQ(0, host_may(self->s, "lo", &a));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "mute", &a));
}

/* Another one listens on that device: it is listen() that fails, and until it is gone. */
TEST_F(api, bindtodevice_where_another_listens)
{
	struct addr a = addr_make(self->s, W_ANY, 4247), lo = addr_make(self->s, W_LO, 4247);
	int fd[2], host = host_socket(self->s, 0), c = cli_socket(self->s, 0);

	ASSERT_LE(0, host);
	ASSERT_LE(0, ns_mute_device());
	ASSERT_EQ(0, bind_both(self->s, SO_REUSEADDR, &a, fd));
	set_int(host, SOL_SOCKET, SO_REUSEADDR, 1);
	ASSERT_EQ(0, on_device(host, "mute"));
	ASSERT_EQ(0, do_bind(host, &a));
	ASSERT_EQ(0, listen(host, 1));
	EXPECT_EQ(0, on_device(fd[0], "mute"));
	EXPECT_EQ(-EADDRINUSE, sys(listen(fd[0], 1)));
	close(host);
	EXPECT_EQ(0, sys(listen(fd[0], 1)));
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &lo));
}

/* A shared binding, to an address that is on another device: what comes over that is refused. */
TEST_F(api, bindtodevice_where_the_address_is_not)
{
	struct addr a = addr_make(self->s, W_LO, 4250);
	int fd[2], c = cli_socket(self->s, 0);

	ASSERT_LE(0, ns_mute_device());
	ASSERT_EQ(0, bind_both(self->s, SO_REUSEADDR, &a, fd));
	EXPECT_EQ(0, on_device(fd[0], "mute"));
	EXPECT_EQ(0, sys(listen(fd[0], 1)));
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &a));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "lo", &a));
}

/* Two that listen go to another device one after the other, rights or not. */
TEST_F(api, bindtodevice_of_both)
{
	struct addr a = addr_make(self->s, W_ANY, 746), lo = addr_make(self->s, W_LO, 746);
	int l[2], c, i;

	ASSERT_LE(0, ns_mute_device());
	ASSERT_EQ(0, bind_both(self->s, SO_REUSEPORT, &a, l));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, listen(l[i], 4));
	ASSERT_EQ(0, setresuid(65534, 65534, 0));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, on_device(l[i], "lo"));
	ASSERT_EQ(0, setresuid(0, 0, 0));
	c = cli_socket(self->s, 0);
	EXPECT_EQ(0, do_connect(c, &lo));
	close(c);
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "lo", &a));
	EXPECT_EQ(0, host_may(self->s, "mute", &a));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, on_device(l[i], "mute"));
	c = cli_socket(self->s, 0);
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &lo));
}

/* The connections that it has accepted stay where they are, and so does what keeps others away. */
TEST_F(api, bindtodevice_leaves_children)
{
	struct addr a = addr_make(self->s, W_ANY, 4251), lo = addr_make(self->s, W_LO, 4251);
	int l = srv_socket(self->s, 0), c = cli_socket(self->s, 0), child;

	ASSERT_LE(0, l);
	ASSERT_LE(0, ns_mute_device());
	ASSERT_EQ(0, do_bind(l, &a));
	ASSERT_EQ(0, listen(l, 4));
	ASSERT_EQ(0, do_connect(c, &lo));
	child = accept(l, NULL, NULL);
	ASSERT_LE(0, child);
	EXPECT_EQ(0, on_device(l, "lo"));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "mute", &a));
	EXPECT_EQ(-EADDRINUSE, host_may(self->s, "lo", &a));
	/* it listens on */
	close(c);
	c = cli_socket(self->s, 0);
	EXPECT_EQ(0, do_connect(c, &lo));
	EXPECT_EQ(0, on_device(l, "mute"));
	close(c);
	c = cli_socket(self->s, 0);
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &lo));
}
