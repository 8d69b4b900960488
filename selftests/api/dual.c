// SPDX-License-Identifier: GPL-2.0-only
/* Dual-stack sockets: one listener for both families, and what it sees of IPv4. */
#include "fixture.h"

static struct api_stack v4_of(const struct api_stack *s)
{
	struct api_stack v = *s;

	v.af = AF_INET;
	v.mapped = false;
	if (v.cli_domain != AF_XTCP)
		v.cli_domain = AF_INET;
	if (v.srv_domain != AF_XTCP)
		v.srv_domain = AF_INET;
	return v;
}

/* The tests below listen by IPv6; for the IPv4 variants there is nothing to be said. */
static struct api_stack six_of(const struct api_stack *s)
{
	struct api_stack v = *s;

	v.af = AF_INET6;
	v.mapped = false;
	if (v.cli_domain == AF_INET)
		v.cli_domain = AF_INET6;
	if (v.srv_domain == AF_INET)
		v.srv_domain = AF_INET6;
	return v;
}

static int any_listener(const struct api_stack *s, unsigned int port, int v6only)
{
	struct addr a = addr_make(s, W_ANY, port);
	int fd = srv_socket(s, 0), err;

	if (fd < 0)
		return -errno;
	err = s->af == AF_INET6 ? set_int(fd, SOL_IPV6, IPV6_V6ONLY, v6only) : 0;
	if (!err)
		err = do_bind(fd, &a);
	if (!err)
		err = sys(listen(fd, 4));
	return err ? err : fd;
}

TEST_F(api, listener_takes_both)
{
	struct api_stack s6 = six_of(self->s), s4 = v4_of(self->s);
	struct addr to6 = addr_make(&s6, W_LO, 4600), to4 = addr_make(&s4, W_LO, 4600), n;
	int l = any_listener(&s6, 4600, 0), c6 = cli_socket(&s6, 0), c4 = cli_socket(&s4, 0);
	int d;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, do_connect(c6, &to6));
	n.len = sizeof(n.ss);
	d = accept(l, &n.sa, &n.len);
	ASSERT_LE(0, d);
	EXPECT_EQ(AF_INET6, n.sa.sa_family);
	EXPECT_TRUE(IN6_IS_ADDR_LOOPBACK(&n.in6.sin6_addr));
	EXPECT_EQ(0, do_connect(c4, &to4));
	n.len = sizeof(n.ss);
	d = accept(l, &n.sa, &n.len);
	ASSERT_LE(0, d);
	EXPECT_EQ(AF_INET6, n.sa.sa_family);
	EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&n.in6.sin6_addr));
	n = name_of(d);
	EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&n.in6.sin6_addr));
	n = name_of(c4);
	EXPECT_EQ(AF_INET, n.sa.sa_family);
}

TEST_F(api, v6only_listener_refuses_v4)
{
	struct api_stack s6 = six_of(self->s), s4 = v4_of(self->s);
	struct addr to4 = addr_make(&s4, W_LO, 4601);
	int l = any_listener(&s6, 4601, 1), c = cli_socket(&s4, 0), l4;

	ASSERT_LE(0, l);
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &to4));
	/* the IPv4 side of the port is free */
	l4 = any_listener(&s4, 4601, 0);
	EXPECT_LE(0, l4);
	close(c);
	c = cli_socket(&s4, 0);
	EXPECT_EQ(0, do_connect(c, &to4));
	EXPECT_LE(0, accept(l4, NULL, NULL));
}

TEST_F(api, v6only_socket_refuses_mapped)
{
	struct api_stack s6 = six_of(self->s), map = s6;
	struct addr to;
	int l, c = cli_socket(&s6, 0);

	map.mapped = true;
	to = addr_make(&map, W_LO, 4602);
	l = any_listener(&s6, 4602, 0);
	ASSERT_LE(0, l);
	EXPECT_EQ(0, set_int(c, SOL_IPV6, IPV6_V6ONLY, 1));
	EXPECT_EQ(-ENETUNREACH, do_connect(c, &to));
	close(c);
	c = cli_socket(&s6, 0);
	EXPECT_EQ(0, do_connect(c, &to));
}

TEST_F(api, link_local_needs_scope)
{
	struct api_stack s6 = six_of(self->s);
	struct addr a = addr_make(&s6, W_LO, 4603);
	int fd = srv_socket(&s6, 0), c = cli_socket(&s6, 0), l;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ns_route("-6 addr add fe80::1/64 dev lo nodad"));
	inet_pton(AF_INET6, "fe80::1", &a.in6.sin6_addr);
	EXPECT_EQ(-EINVAL, do_bind(fd, &a));
	EXPECT_EQ(-EINVAL, do_connect(c, &a));
	a.in6.sin6_scope_id = if_nametoindex("lo");
	EXPECT_TRUE(WAIT(do_bind(fd, &a) == 0));
	EXPECT_EQ(0, listen(fd, 1));
	/* a worker of the kernel puts the address's route in, after the address */
	ASSERT_TRUE(WAIT(do_connect(c, &a) == 0));
	l = accept(fd, NULL, NULL);
	ASSERT_LE(0, l);
	a = peer_of(l);
	EXPECT_EQ(if_nametoindex("lo"), a.in6.sin6_scope_id);
	a = name_of(c);
	EXPECT_EQ(if_nametoindex("lo"), a.in6.sin6_scope_id);
}
