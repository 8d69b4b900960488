// SPDX-License-Identifier: GPL-2.0-only
/* connect(): every way in which it ends, and the way back to a fresh socket. */
#define API_WITH_CROSS
#include "fixture.h"

TEST_F(api, connect_blocking)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(ST_ESTABLISHED, tcp_state(c));
	EXPECT_EQ(ST_ESTABLISHED, tcp_state(d));
	EXPECT_EQ(0, so_error(c));
	EXPECT_EQ(0, so_error(d));
}

TEST_F(api, connect_again)
{
	int c, d;
	struct addr a;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	a = peer_of(c);
	EXPECT_EQ(-EISCONN, do_connect(c, &a));
	a = peer_of(d);
	EXPECT_EQ(-EISCONN, do_connect(d, &a));
}

TEST_F(api, connect_nonblocking)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a);
	int c = cli_socket(self->s, SOCK_NONBLOCK);

	ASSERT_LE(0, l);
	EXPECT_EQ(-EINPROGRESS, do_connect(c, &a));
	EXPECT_EQ(POLLOUT, poll_for(c, POLLOUT));
	EXPECT_EQ(0, so_error(c));
	/* the first call after success reports it, the next ones know */
	EXPECT_EQ(0, do_connect(c, &a));
	EXPECT_EQ(-EISCONN, do_connect(c, &a));
}

TEST_F(api, connect_in_progress)
{
	struct addr a = addr_make(self->s, W_MUTE, 4711), n;
	int mute = ns_mute_device(), c;
	char b = 0;

	ASSERT_LE(0, mute);
	c = make_stuck(self->s);
	ASSERT_LE(0, c);
	EXPECT_EQ(ST_SYN_SENT, tcp_state(c));
	EXPECT_EQ(0, poll_now(c));
	EXPECT_EQ(-EALREADY, do_connect(c, &a));
	EXPECT_EQ(0, so_error(c));
	EXPECT_EQ(-EAGAIN, sys(send(c, &b, 1, MSG_NOSIGNAL)));
	EXPECT_EQ(-EAGAIN, sys(recv(c, &b, 1, 0)));
	n.len = sizeof(n.ss);
	EXPECT_EQ(-ENOTCONN, sys(getpeername(c, &n.sa, &n.len)));
	n = name_of(c);
	EXPECT_NE(0U, addr_port(&n));
	EXPECT_EQ(-EINVAL, do_bind(c, &n));
	EXPECT_EQ(-EINVAL, sys(listen(c, 1)));
}

TEST_F(api, connect_in_progress_shutdown)
{
	int mute = ns_mute_device(), c;
	struct addr lis;
	int l = make_listener(self->s, 1, &lis);

	ASSERT_LE(0, mute);
	ASSERT_LE(0, l);
	c = make_stuck(self->s);
	ASSERT_LE(0, c);
	EXPECT_EQ(0, shutdown(c, SHUT_RDWR));
	EXPECT_EQ(ST_CLOSE, tcp_state(c));
	EXPECT_EQ(POLLHUP, poll_now(c) & POLLHUP);
}

TEST_F(api, connect_in_progress_unspec)
{
	int mute = ns_mute_device(), c;
	struct addr lis, none = addr_unspec();
	int l = make_listener(self->s, 1, &lis);

	ASSERT_LE(0, mute);
	ASSERT_LE(0, l);
	c = make_stuck(self->s);
	ASSERT_LE(0, c);
	EXPECT_EQ(0, do_connect(c, &none));
	EXPECT_EQ(ST_CLOSE, tcp_state(c));
	EXPECT_EQ(ECONNRESET, so_error(c));
	EXPECT_TRUE(set_nonblock(c, false));
	EXPECT_EQ(0, do_connect(c, &lis));
}

TEST_F(api, connect_refused)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a), c = cli_socket(self->s, 0);

	ASSERT_LE(0, l);
	close(l);
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &a));
	EXPECT_EQ(0, so_error(c));
	EXPECT_EQ(ST_CLOSE, tcp_state(c));
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &a));
	/* the same socket may try again where somebody listens */
	l = make_listener(self->s, 1, &a);
	ASSERT_LE(0, l);
	EXPECT_EQ(0, do_connect(c, &a));
}

TEST_F(api, connect_refused_nonblocking)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a), c = cli_socket(self->s, SOCK_NONBLOCK);
	short bits = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLRDHUP | POLLHUP;

	ASSERT_LE(0, l);
	close(l);
	EXPECT_EQ(-EINPROGRESS, do_connect(c, &a));
	EXPECT_TRUE(wait_poll(c, bits | POLLERR));
	EXPECT_EQ(ECONNREFUSED, so_error(c));
	EXPECT_EQ(0, so_error(c));
	EXPECT_EQ(bits, poll_now(c));
	EXPECT_EQ(-ECONNABORTED, do_connect(c, &a));
}

TEST_F(api, connect_refused_reported_by_connect)
{
	struct addr a;
	int l = make_listener(self->s, 1, &a), c = cli_socket(self->s, SOCK_NONBLOCK);

	ASSERT_LE(0, l);
	close(l);
	EXPECT_EQ(-EINPROGRESS, do_connect(c, &a));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &a));
	EXPECT_EQ(0, so_error(c));
}

TEST_F(api, connect_unreachable)
{
	struct addr a = addr_make(self->s, W_FOREIGN, 80);
	static const struct { const char *type; int err; } how[] = {
		{ "unreachable", -EHOSTUNREACH },
		{ "prohibit", -EACCES },
		{ "blackhole", -EINVAL },
	};
	bool six = self->s->af == AF_INET6 && !self->s->mapped;
	unsigned int i;

	EXPECT_EQ(-ENETUNREACH, do_connect(cli_socket(self->s, 0), &a));
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		int c = cli_socket(self->s, 0);

		ASSERT_EQ(0, ns_route("%s route add %s %s", six ? "-6" : "-4", how[i].type,
				      six ? "2001:db8::/64" : "192.0.2.0/24"));
		EXPECT_EQ(how[i].err, do_connect(c, &a));
		EXPECT_EQ(ST_CLOSE, tcp_state(c));
		ASSERT_EQ(0, ns_route("%s route del %s %s", six ? "-6" : "-4", how[i].type,
				      six ? "2001:db8::/64" : "192.0.2.0/24"));
		close(c);
	}
}

TEST_F(api, connect_multicast)
{
	struct addr a = addr_make(self->s, W_LO, 80);
	int c = cli_socket(self->s, 0), mute = ns_mute_device();

	ASSERT_LE(0, mute);
	ASSERT_EQ(0, ns_route("route add 224.0.0.0/4 dev mute"));
	if (self->s->af == AF_INET)
		inet_pton(AF_INET, "224.0.0.9", &a.in.sin_addr);
	else
		inet_pton(AF_INET6, self->s->mapped ? "::ffff:224.0.0.9" : "ff02::9",
			  &a.in6.sin6_addr);
	EXPECT_EQ(-ENETUNREACH, do_connect(c, &a));
	if (self->s->af == AF_INET) {
		inet_pton(AF_INET, "198.51.100.255", &a.in.sin_addr);
		EXPECT_EQ(-ENETUNREACH, do_connect(c, &a));
	}
}

TEST_F(api, connect_wildcard_is_loopback)
{
	struct addr a, any, peer;
	int l = make_listener(self->s, 1, &a), c = cli_socket(self->s, 0);

	ASSERT_LE(0, l);
	if (self->s->mapped)
		return;		/* the wildcard is ::, where nobody listens here */
	any = addr_make(self->s, W_ANY, addr_port(&a));
	EXPECT_EQ(0, do_connect(c, &any));
	peer = peer_of(c);
	EXPECT_TRUE(addr_same(&peer, &a));
}

TEST_F(api, connect_bad_arguments)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct addr a;
	int l = make_listener(self->s, 1, &a), c = cli_socket(self->s, 0);

	ASSERT_LE(0, l);
	EXPECT_EQ(-EINVAL, sys(connect(c, &a.sa, sizeof(sa_family_t) - 1)));
	EXPECT_EQ(-EINVAL, sys(connect(c, &a.sa, sizeof(a.ss) + 1)));
	EXPECT_EQ(-EFAULT, sys(connect(c, (void *)8, a.len)));
	EXPECT_EQ(-EAFNOSUPPORT, sys(connect(c, (void *)&un, sizeof(un))));
	EXPECT_EQ(-EINVAL, sys(connect(c, &a.sa, self->s->af == AF_INET ? a.len - 1 : 20)));
	EXPECT_EQ(0, do_connect(c, &a));
}

TEST_F(api, connect_from_bound)
{
	struct addr a, from = addr_make(self->s, W_OTHER, 4300), n;
	int l = srv_socket(self->s, 0), c = cli_socket(self->s, 0), d;

	a = addr_make(self->s, W_LO, 4301);
	EXPECT_EQ(0, do_bind(l, &a));
	EXPECT_EQ(0, listen(l, 1));
	EXPECT_EQ(0, do_bind(c, &from));
	EXPECT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	n = peer_of(d);
	EXPECT_TRUE(addr_same(&n, &from));
}

TEST_F(api, connect_tuple_taken)
{
	struct addr a, from = addr_make(self->s, W_LO, 4302);
	int l = make_listener(self->s, 4, &a), c[2], i;

	ASSERT_LE(0, l);
	for (i = 0; i < 2; i++) {
		c[i] = cli_socket(self->s, 0);
		EXPECT_EQ(0, set_int(c[i], SOL_SOCKET, SO_REUSEADDR, 1));
		EXPECT_EQ(0, do_bind(c[i], &from));
	}
	EXPECT_EQ(0, do_connect(c[0], &a));
	EXPECT_EQ(-EADDRNOTAVAIL, do_connect(c[1], &a));
	/* another destination is another connection */
	l = make_listener(self->s, 4, &a);
	EXPECT_EQ(0, do_connect(c[1], &a));
}

TEST_F(api, connect_ports_exhausted)
{
	struct addr a, b, n;
	int l = make_listener(self->s, 16, &a), l2 = make_listener(self->s, 16, &b), i, c;
	const unsigned int low = 62000;
	char range[32];
	int seen = 0;

	ASSERT_LE(0, l);
	ASSERT_LE(0, l2);
	snprintf(range, sizeof(range), "%u %u", low, low + 3);
	ASSERT_EQ(0, sysctl_stack(self->s, "net/ipv4/ip_local_port_range",
				  "net/xtcp/ip_local_port_range", range));
	for (i = 0; i < 4; i++) {
		c = cli_socket(self->s, 0);
		EXPECT_EQ(0, do_connect(c, &a));
		n = name_of(c);
		ASSERT_LE(low, addr_port(&n));
		ASSERT_GE(low + 3, addr_port(&n));
		seen |= 1 << (addr_port(&n) - low);
	}
	EXPECT_EQ(0xf, seen);
	c = cli_socket(self->s, 0);
	EXPECT_EQ(-EADDRNOTAVAIL, do_connect(c, &a));
	/* all four ports are free towards another destination */
	EXPECT_EQ(0, do_connect(c, &b));
}

static void on_signal(int sig)
{
}

struct poker {
	pthread_t victim;
	int fd;
	atomic_bool done;
};

static void *poke_in_syn_sent(void *arg)
{
	struct poker *p = arg;

	while (!p->done) {
		usleep(2000);
		if (!p->done && tcp_state(p->fd) == ST_SYN_SENT)
			pthread_kill(p->victim, SIGUSR1);
	}
	return NULL;
}

TEST_F(api, connect_interrupted)
{
	struct addr a = addr_make(self->s, W_MUTE, 4711);
	struct sigaction sa = { .sa_handler = on_signal };
	struct poker p = { .victim = pthread_self() };
	int mute = ns_mute_device();
	pthread_t t;

	ASSERT_LE(0, mute);
	p.fd = cli_socket(self->s, 0);
	sigaction(SIGUSR1, &sa, NULL);
	ASSERT_EQ(0, pthread_create(&t, NULL, poke_in_syn_sent, &p));
	EXPECT_EQ(-EINTR, do_connect(p.fd, &a));
	p.done = true;
	pthread_join(t, NULL);
	/* the attempt goes on */
	EXPECT_EQ(ST_SYN_SENT, tcp_state(p.fd));
	EXPECT_TRUE(set_nonblock(p.fd, true));
	EXPECT_EQ(-EALREADY, do_connect(p.fd, &a));
}

TEST_F(api, connect_send_timeout)
{
	struct addr a = addr_make(self->s, W_MUTE, 4711);
	int mute = ns_mute_device(), c = cli_socket(self->s, 0);
	__u64 start = tick_us();

	ASSERT_LE(0, mute);
	EXPECT_EQ(0, set_timeo(c, SO_SNDTIMEO, 100));
	EXPECT_EQ(-EINPROGRESS, do_connect(c, &a));
	EXPECT_LE(50000ULL, tick_us() - start);
	EXPECT_EQ(ST_SYN_SENT, tcp_state(c));
	EXPECT_EQ(-EALREADY, do_connect(c, &a));
}

TEST_F(api, connect_unspec_fresh)
{
	struct addr none = addr_unspec(), a;
	int c = cli_socket(self->s, 0), l = make_listener(self->s, 1, &a);

	ASSERT_LE(0, l);
	EXPECT_EQ(0, do_connect(c, &none));
	EXPECT_EQ(0, do_connect(c, &a));
}

TEST_F(api, connect_unspec_reuse)
{
	struct addr none = addr_unspec(), a, n = { .len = sizeof(n.ss) };
	int l = make_listener(self->s, 4, &a), c = cli_socket(self->s, 0), d;
	char b[4];

	ASSERT_LE(0, l);
	EXPECT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(3, send(d, "abc", 3, 0));
	EXPECT_TRUE(wait_inq(c, 3));
	EXPECT_EQ(0, do_connect(c, &none));
	EXPECT_EQ(ST_CLOSE, tcp_state(c));
	EXPECT_EQ(-ENOTCONN, sys(getpeername(c, &n.sa, &n.len)));
	EXPECT_EQ(POLLERR, poll_for(d, POLLERR) & POLLERR);
	EXPECT_EQ(ECONNRESET, so_error(d));
	so_error(c);
	/* nothing of the old connection is left in the socket */
	EXPECT_EQ(0, do_connect(c, &a));
	close(d);
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(0, inq(c));
	EXPECT_EQ(2, send(d, "xy", 2, 0));
	EXPECT_EQ(2, recv(c, b, 4, 0));
	EXPECT_EQ(0, memcmp(b, "xy", 2));
	EXPECT_EQ(2, send(c, "zw", 2, 0));
	EXPECT_EQ(2, recv(d, b, 4, 0));
	EXPECT_EQ(0, memcmp(b, "zw", 2));
}

TEST_F(api, connect_unspec_listener)
{
	struct addr none = addr_unspec(), a;
	int l = make_listener(self->s, 4, &a), c = cli_socket(self->s, 0);

	ASSERT_LE(0, l);
	EXPECT_EQ(0, do_connect(l, &none));
	EXPECT_EQ(ST_CLOSE, tcp_state(l));
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &a));
}

/* One socket, both ends: its SYN meets itself, the simultaneous open of RFC 9293 3.5. */
TEST_F(api, connect_to_self)
{
	struct addr a = addr_make(self->s, W_LO, 4303), n;
	int c = cli_socket(self->s, 0);
	char b[8];

	EXPECT_EQ(0, do_bind(c, &a));
	EXPECT_EQ(0, do_connect(c, &a));
	EXPECT_EQ(ST_ESTABLISHED, tcp_state(c));
	n = peer_of(c);
	EXPECT_TRUE(addr_same(&n, &a));
	EXPECT_EQ(5, send(c, "hello", 5, 0));
	EXPECT_EQ(5, recv(c, b, 5, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(b, "hello", 5));
	EXPECT_EQ(0, shutdown(c, SHUT_WR));
	EXPECT_EQ(0, recv(c, b, 5, 0));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
}

TEST_F(api, connect_many)
{
	enum { N = 100 };
	struct addr a;
	int l = make_listener(self->s, N, &a), c[N], d[N], i;
	char b;

	ASSERT_LE(0, l);
	for (i = 0; i < N; i++) {
		c[i] = cli_socket(self->s, 0);
		ASSERT_EQ(0, do_connect(c[i], &a));
		d[i] = accept(l, NULL, NULL);
		ASSERT_LE(0, d[i]);
	}
	for (i = 0; i < N; i++) {
		b = i;
		ASSERT_EQ(1, send(c[i], &b, 1, 0));
		b = ~i;
		ASSERT_EQ(1, send(d[i], &b, 1, 0));
	}
	for (i = N - 1; i >= 0; i--) {
		ASSERT_EQ(1, recv(d[i], &b, 1, 0));
		ASSERT_EQ((char)i, b);
		ASSERT_EQ(1, recv(c[i], &b, 1, 0));
		ASSERT_EQ((char)~i, b);
		close(c[i]);
		ASSERT_EQ(0, recv(d[i], &b, 1, 0));
	}
}
