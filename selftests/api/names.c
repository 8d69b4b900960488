// SPDX-License-Identifier: GPL-2.0-only
/* socket(), bind(), getsockname(), getpeername() and where a socket may live. */
#define API_WITH_CROSS
#include "fixture.h"

TEST_F(api, socket_flags)
{
	int fd = srv_socket(self->s, SOCK_NONBLOCK);

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(SOCK_STREAM, get_int(fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(0, so_error(fd));
	EXPECT_EQ(ST_CLOSE, tcp_state(fd));
	close(fd);
	fd = socket(self->s->srv_domain, SOCK_STREAM, self->s->srv_proto);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
}

TEST_F(api, domain_and_protocol)
{
	const struct api_stack *s = self->s;
	int proto = s->srv_proto == IPPROTO_XTCP || s->srv_domain == AF_XTCP ?
		IPPROTO_XTCP : IPPROTO_TCP;
	struct addr a = addr_make(s, W_LO, 0);
	int fd = srv_socket(s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(proto, get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(0, do_bind(fd, &a));
	EXPECT_EQ(s->af, get_int(fd, SOL_SOCKET, SO_DOMAIN));
}

TEST_F(api, socketpair_refused)
{
	int sv[2];

	EXPECT_EQ(-EOPNOTSUPP, sys(socketpair(self->s->cli_domain, SOCK_STREAM,
					      self->s->cli_proto, sv)));
}

TEST_F(api, bind_port_zero)
{
	struct addr a = addr_make(self->s, W_LO, 0), b;
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, do_bind(fd, &a));
	b = name_of(fd);
	EXPECT_EQ(a.len, b.len);
	EXPECT_NE(0, addr_port(&b));
	a = addr_make(self->s, W_LO, addr_port(&b));
	EXPECT_TRUE(addr_same(&a, &b));
}

TEST_F(api, bind_given_port)
{
	struct addr a = addr_make(self->s, W_ANY, 4242), b;
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, do_bind(fd, &a));
	b = name_of(fd);
	EXPECT_TRUE(addr_same(&a, &b));
	close(fd);
	/* closing gives the port back at once */
	fd = srv_socket(self->s, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, do_bind(fd, &a));
}

TEST_F(api, bind_twice)
{
	struct addr a = addr_make(self->s, W_LO, 0);
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, do_bind(fd, &a));
	EXPECT_EQ(-EINVAL, do_bind(fd, &a));
}

TEST_F(api, bind_errors)
{
	struct addr a = addr_make(self->s, W_FOREIGN, 0);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EADDRNOTAVAIL, do_bind(fd, &a));
	a = addr_make(self->s, W_LO, 0);
	a.len = self->s->af == AF_INET ? a.len - 1 : 23;
	EXPECT_EQ(-EINVAL, do_bind(fd, &a));
	a.len = sizeof(sa_family_t);
	EXPECT_EQ(-EINVAL, do_bind(fd, &a));
	EXPECT_EQ(-EINVAL, sys(bind(fd, &a.sa, 0)));
	EXPECT_EQ(-EINVAL, sys(bind(fd, &a.sa, sizeof(a.ss) + 1)));
	EXPECT_EQ(-EAFNOSUPPORT, sys(bind(fd, (void *)&un, sizeof(un))));
	EXPECT_EQ(-EFAULT, sys(bind(fd, (void *)8, sizeof(a.in6))));
	/* none of it has bound the socket */
	a = addr_make(self->s, W_LO, 0);
	EXPECT_EQ(0, do_bind(fd, &a));
}

TEST_F(api, bind_in_use)
{
	struct addr a = addr_make(self->s, W_LO, 4243);
	int fd = srv_socket(self->s, 0), fd2 = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	ASSERT_LE(0, fd2);
	EXPECT_EQ(0, do_bind(fd, &a));
	EXPECT_EQ(-EADDRINUSE, do_bind(fd2, &a));
	a = addr_make(self->s, W_OTHER, 4243);
	EXPECT_EQ(0, do_bind(fd2, &a));
}

TEST_F(api, bind_privileged_port)
{
	struct addr a = addr_make(self->s, W_LO, 81);
	int fd;

	ASSERT_EQ(0, sysctl_write("net/ipv4/ip_unprivileged_port_start", "1024"));
	ASSERT_EQ(0, setresgid(65534, 65534, 65534));
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	fd = srv_socket(self->s, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EACCES, do_bind(fd, &a));
	a = addr_make(self->s, W_LO, 8181);
	EXPECT_EQ(0, do_bind(fd, &a));
}

TEST_F(api, bind_freebind)
{
	struct addr a = addr_make(self->s, W_FOREIGN, 4244), b;
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, set_int(fd, SOL_IP, 15 /* IP_FREEBIND */, 1));
	EXPECT_EQ(0, do_bind(fd, &a));
	b = name_of(fd);
	EXPECT_TRUE(addr_same(&a, &b));
	EXPECT_EQ(0, listen(fd, 1));
}

TEST_F(api, bind_after_connect)
{
	struct addr a = addr_make(self->s, W_LO, 0);
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(-EINVAL, do_bind(c, &a));
	EXPECT_EQ(-EINVAL, sys(listen(c, 1)));
	EXPECT_EQ(-EINVAL, do_bind(d, &a));
	EXPECT_EQ(-EINVAL, sys(listen(d, 1)));
}

TEST_F(api, names_of_a_connection)
{
	struct addr lis, cn, cp, sn, sp;
	int l = make_listener(self->s, 1, &lis);
	int c = cli_socket(self->s, 0), d;

	ASSERT_LE(0, l);
	ASSERT_LE(0, c);
	EXPECT_EQ(0, do_connect(c, &lis));
	sp.len = sizeof(sp.ss);
	d = accept(l, &sp.sa, &sp.len);
	ASSERT_LE(0, d);
	cn = name_of(c);
	cp = peer_of(c);
	sn = name_of(d);
	EXPECT_TRUE(addr_same(&cp, &lis));
	EXPECT_TRUE(addr_same(&sn, &lis));
	EXPECT_TRUE(addr_same(&cn, &sp));
	sp = peer_of(d);
	EXPECT_TRUE(addr_same(&cn, &sp));
	EXPECT_EQ(cn.len, lis.len);
}

TEST_F(api, names_unconnected)
{
	struct addr any = addr_make(self->s, W_ANY, 0), a;
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, do_bind(fd, &any));
	a.len = sizeof(a.ss);
	EXPECT_EQ(-ENOTCONN, sys(getpeername(fd, &a.sa, &a.len)));
	EXPECT_EQ(0, listen(fd, 1));
	EXPECT_EQ(-ENOTCONN, sys(getpeername(fd, &a.sa, &a.len)));
	close(fd);
	/* never bound: the wildcard and port 0 */
	fd = cli_socket(self->s, 0);
	a = name_of(fd);
	EXPECT_LT(0U, a.len);
	EXPECT_EQ(0U, addr_port(&a));
}

TEST_F(api, names_bad_arguments)
{
	struct addr a = { .len = 0 }, lis;
	int fd = make_listener(self->s, 1, &lis);
	unsigned char short_name[4];
	socklen_t len = sizeof(short_name);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EFAULT, sys(getsockname(fd, (void *)8, &lis.len)));
	EXPECT_EQ(-EFAULT, sys(getsockname(fd, &a.sa, (void *)8)));
	a.len = (socklen_t)-1;
	EXPECT_EQ(-EINVAL, sys(getsockname(fd, &a.sa, &a.len)));
	/* a short buffer gets the beginning, and the true length is told */
	EXPECT_EQ(0, getsockname(fd, (void *)short_name, &len));
	EXPECT_EQ(lis.len, len);
	EXPECT_EQ(0, memcmp(short_name, &lis.sa, sizeof(short_name)));
}

TEST_F(api, bindtodevice)
{
	struct addr lis;
	char name[IFNAMSIZ];
	socklen_t len = sizeof(name);
	int l = make_listener(self->s, 4, &lis);
	int c = cli_socket(self->s, 0), mute = ns_mute_device();

	ASSERT_LE(0, l);
	ASSERT_LE(0, mute);
	EXPECT_EQ(-ENODEV, sys(setsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, "nosuch", 7)));
	EXPECT_EQ(0, setsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	EXPECT_EQ(0, getsockopt(c, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	EXPECT_STREQ("lo", name);
	EXPECT_EQ(0, do_connect(c, &lis));
	/* a listener on another device does not hear what comes in over lo */
	EXPECT_EQ(0, setsockopt(l, SOL_SOCKET, SO_BINDTODEVICE, "mute", 5));
	close(c);
	c = cli_socket(self->s, 0);
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &lis));
	EXPECT_EQ(0, setsockopt(l, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
	close(c);
	c = cli_socket(self->s, 0);
	EXPECT_EQ(0, do_connect(c, &lis));
}

TEST_F(api, bindtodevice_separates_ports)
{
	struct addr a = addr_make(self->s, W_ANY, 4245);
	int fd = srv_socket(self->s, 0), fd2 = srv_socket(self->s, 0);
	int mute = ns_mute_device();

	ASSERT_LE(0, mute);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, fd2);
	EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	EXPECT_EQ(0, setsockopt(fd2, SOL_SOCKET, SO_BINDTODEVICE, "mute", 5));
	EXPECT_EQ(0, do_bind(fd, &a));
	EXPECT_EQ(0, do_bind(fd2, &a));
	close(fd2);
	fd2 = srv_socket(self->s, 0);
	EXPECT_EQ(-EADDRINUSE, do_bind(fd2, &a));
}

TEST_F(api, unsupported_calls)
{
	struct addr lis;
	int fd = make_listener(self->s, 1, &lis);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-ESPIPE, sys(lseek(fd, 0, SEEK_SET)));
	EXPECT_EQ(-EINVAL, sys(ftruncate(fd, 0)));
	EXPECT_EQ(-ENOTTY, sys(ioctl(fd, 0x5401 /* TCGETS */, &lis)));
}
