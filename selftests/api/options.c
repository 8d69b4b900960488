// SPDX-License-Identifier: GPL-2.0-only
/* Socket options as tables: what may be set, what comes back, which error. */
#include "fixture.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#define IP_TOS_			1
#define IP_TTL_			2
#define IP_MTU_DISCOVER_	10
#define IP_MTU_			14

/**
 * struct opt_case - set an int, look at the error and at what can be read back
 * @level: as for setsockopt()
 * @name: as for setsockopt()
 * @text: for the log
 * @set: the value
 * @err: 0 or the negative errno of the set
 * @get: what getsockopt() then says (only looked at when @err is 0)
 */
struct opt_case {
	int level;
	int name;
	const char *text;
	int set;
	int err;
	int get;
};

#define T(name_, set_, err_, get_) { IPPROTO_TCP, name_, #name_, set_, err_, get_ }
#define S(name_, set_, err_, get_) { SOL_SOCKET, name_, #name_, set_, err_, get_ }

static const struct opt_case tcp_cases[] = {
	T(TCP_NODELAY, 1, 0, 1), T(TCP_NODELAY, 7, 0, 1), T(TCP_NODELAY, 0, 0, 0),
	T(TCP_CORK, 1, 0, 1), T(TCP_CORK, 0, 0, 0),
	T(TCP_MAXSEG, 87, -EINVAL, 0), T(TCP_MAXSEG, 32768, -EINVAL, 0),
	T(TCP_MAXSEG, -1, -EINVAL, 0), T(TCP_MAXSEG, 0, 0, 536), T(TCP_MAXSEG, 88, 0, 88),
	T(TCP_KEEPIDLE, 0, -EINVAL, 0), T(TCP_KEEPIDLE, 1, 0, 1),
	T(TCP_KEEPIDLE, 32767, 0, 32767), T(TCP_KEEPIDLE, 32768, -EINVAL, 0),
	T(TCP_KEEPINTVL, 0, -EINVAL, 0), T(TCP_KEEPINTVL, 1, 0, 1),
	T(TCP_KEEPINTVL, 32767, 0, 32767), T(TCP_KEEPINTVL, 32768, -EINVAL, 0),
	T(TCP_KEEPCNT, 0, -EINVAL, 0), T(TCP_KEEPCNT, 1, 0, 1),
	T(TCP_KEEPCNT, 127, 0, 127), T(TCP_KEEPCNT, 128, -EINVAL, 0),
	T(TCP_SYNCNT, 0, -EINVAL, 0), T(TCP_SYNCNT, 1, 0, 1),
	T(TCP_SYNCNT, 127, 0, 127), T(TCP_SYNCNT, 128, -EINVAL, 0),
	T(TCP_LINGER2, -1, 0, -1), T(TCP_LINGER2, 0, 0, 60), T(TCP_LINGER2, 30, 0, 30),
	T(TCP_LINGER2, 100, 0, 100), T(TCP_LINGER2, 121, 0, 120),
	T(TCP_WINDOW_CLAMP, 0, 0, 0), T(TCP_WINDOW_CLAMP, 50000, 0, 50000),
	T(TCP_USER_TIMEOUT, -1, -EINVAL, 0), T(TCP_USER_TIMEOUT, 1234, 0, 1234),
	T(TCP_USER_TIMEOUT, 0, 0, 0),
	T(TCP_NOTSENT_LOWAT, 4096, 0, 4096),
	T(TCP_DEFER_ACCEPT, 0, 0, 0), T(TCP_DEFER_ACCEPT, 1, 0, 1), T(TCP_DEFER_ACCEPT, 2, 0, 3),
	T(TCP_DEFER_ACCEPT, 4, 0, 7), T(TCP_DEFER_ACCEPT, -5, 0, 0),
	T(TCP_SAVE_SYN, 1, 0, 1), T(TCP_SAVE_SYN, 0, 0, 0), T(TCP_SAVE_SYN, -1, -EINVAL, 0),
	T(TCP_SAVE_SYN, 3, -EINVAL, 0),
	T(TCP_INFO, 1, -ENOPROTOOPT, 0), T(TCP_SAVED_SYN, 1, -ENOPROTOOPT, 0),
	T(9999, 1, -ENOPROTOOPT, 0), T(0, 1, -ENOPROTOOPT, 0), T(-1, 1, -ENOPROTOOPT, 0),
};

static const struct opt_case so_cases[] = {
	S(SO_KEEPALIVE, 5, 0, 1), S(SO_KEEPALIVE, 0, 0, 0),
	S(SO_REUSEADDR, 3, 0, 1), S(SO_REUSEADDR, 0, 0, 0),
	S(SO_REUSEPORT, 1, 0, 1), S(SO_REUSEPORT, 0, 0, 0),
	S(SO_OOBINLINE, 1, 0, 1), S(SO_OOBINLINE, 0, 0, 0),
	S(SO_RCVBUF, 10000, 0, 20000), S(SO_SNDBUF, 10000, 0, 20000),
	S(SO_RCVLOWAT, 0, 0, 1), S(SO_RCVLOWAT, 100, 0, 100),
	S(SO_SNDLOWAT, 5, -ENOPROTOOPT, 1),
	S(SO_PRIORITY, 6, 0, 6), S(SO_MARK, 9, 0, 9),
	S(SO_DONTROUTE, 1, 0, 1), S(SO_DONTROUTE, 0, 0, 0),
	S(SO_BROADCAST, 1, 0, 1), S(SO_TIMESTAMP, 1, 0, 1), S(SO_TIMESTAMP, 0, 0, 0),
	S(SO_TYPE, 1, -ENOPROTOOPT, 0), S(SO_ERROR, 1, -ENOPROTOOPT, 0),
	S(SO_PROTOCOL, 6, -ENOPROTOOPT, 0), S(SO_DOMAIN, 2, -ENOPROTOOPT, 0),
	S(SO_ACCEPTCONN, 1, -ENOPROTOOPT, 0), S(9999, 1, -ENOPROTOOPT, 0),
};

static void run_cases(struct __test_metadata *_metadata, const struct api_stack *s,
		      const struct opt_case *c, unsigned int n)
{
	struct addr a = addr_make(s, W_LO, 0);
	unsigned int i;
	int fd;

	for (i = 0; i < n; i++) {
		fd = srv_socket(s, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, do_bind(fd, &a));
		EXPECT_EQ(c[i].err, set_int(fd, c[i].level, c[i].name, c[i].set)) {
			TH_LOG("%s = %d", c[i].text, c[i].set);
		}
		if (!c[i].err) {
			EXPECT_EQ(c[i].get, get_int(fd, c[i].level, c[i].name)) {
				TH_LOG("%s after %d", c[i].text, c[i].set);
			}
		}
		close(fd);
	}
}

TEST_F(api, tcp_values)
{
	run_cases(_metadata, self->s, tcp_cases, ARRAY_SIZE(tcp_cases));
}

TEST_F(api, so_values)
{
	run_cases(_metadata, self->s, so_cases, ARRAY_SIZE(so_cases));
}

TEST_F(api, short_and_long_values)
{
	int fd = srv_socket(self->s, 0), big[4] = { 1, 0, 0, 0 };
	socklen_t len;
	char c = 1;

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, sys(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &c, 1)));
	EXPECT_EQ(-EINVAL, sys(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &c, 0)));
	EXPECT_EQ(-EINVAL, sys(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &c, (socklen_t)-1)));
	EXPECT_EQ(-EFAULT, sys(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, (void *)8, 4)));
	EXPECT_EQ(0, setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, big, sizeof(big)));
	/* a short buffer gets the first bytes, a long one learns the true length */
	len = 1;
	c = 0;
	EXPECT_EQ(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &c, &len));
	EXPECT_EQ(1U, len);
	EXPECT_EQ(1, c);
	len = sizeof(big);
	EXPECT_EQ(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, big, &len));
	EXPECT_EQ(4U, len);
	len = 0;
	EXPECT_EQ(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, big, &len));
	EXPECT_EQ(0U, len);
	len = (socklen_t)-1;
	EXPECT_EQ(-EINVAL, sys(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, big, &len)));
	len = 4;
	EXPECT_EQ(-EFAULT, sys(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, (void *)8, &len)));
	EXPECT_EQ(-EFAULT, sys(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, big, (void *)8)));
	EXPECT_EQ(-ENOPROTOOPT, get_int(fd, IPPROTO_TCP, 9999));
}

TEST_F(api, defaults)
{
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, get_int(fd, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_EQ(0, get_int(fd, IPPROTO_TCP, TCP_CORK));
	EXPECT_EQ(7200, get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(75, get_int(fd, IPPROTO_TCP, TCP_KEEPINTVL));
	EXPECT_EQ(6, get_int(fd, IPPROTO_TCP, TCP_SYNCNT));
	EXPECT_EQ(60, get_int(fd, IPPROTO_TCP, TCP_LINGER2));
	EXPECT_EQ(0, get_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT));
	EXPECT_EQ(0, get_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT));
	EXPECT_EQ(536, get_int(fd, IPPROTO_TCP, TCP_MAXSEG));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(1, get_int(fd, SOL_SOCKET, SO_RCVLOWAT));
}

/* keepalive_probes is the one default in which XTCP follows the RFC's era and not Linux. */
TEST_F(api, default_keepalive_probes)
{
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(stack_is_xtcp(self->s) ? 10 : 9, get_int(fd, IPPROTO_TCP, TCP_KEEPCNT));
}

TEST_F(api, congestion)
{
	int fd = srv_socket(self->s, 0);
	char name[16] = "";
	socklen_t len = sizeof(name);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	EXPECT_EQ(0, getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	EXPECT_STREQ("reno", name);
	EXPECT_EQ(16U, len);
	len = 2;
	EXPECT_EQ(0, getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	EXPECT_EQ(2U, len);
	EXPECT_EQ(-ENOENT, sys(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6)));
	EXPECT_EQ(-EINVAL, sys(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 0)));
	EXPECT_EQ(-EFAULT, sys(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, (void *)8, 4)));
}

TEST_F(api, linger_and_timeouts)
{
	int fd = srv_socket(self->s, 0);
	struct timeval tv = { 0 };
	struct linger lg = { 0 };
	socklen_t len = sizeof(lg);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, &len));
	EXPECT_EQ(0, lg.l_onoff);
	EXPECT_EQ(0, set_linger(fd, 1, 17));
	EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, &len));
	EXPECT_EQ(1, lg.l_onoff);
	EXPECT_EQ(17, lg.l_linger);
	EXPECT_EQ(-EINVAL, sys(setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, 4)));
	EXPECT_EQ(0, set_timeo(fd, SO_RCVTIMEO, 1500));
	len = sizeof(tv);
	EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	EXPECT_EQ(1, tv.tv_sec);
	EXPECT_EQ(500000, tv.tv_usec);
	tv.tv_usec = 1000000;
	EXPECT_EQ(-EDOM, sys(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv))));
	EXPECT_EQ(-EINVAL, sys(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, 4)));
}

/* SO_MAX_PACING_RATE: 32 bits or 64, all ones: none. A child has its listener's. */
TEST_F(api, max_pacing_rate)
{
	__u64 wide = 5000000000ULL, seen = 0;
	struct tcp_info info = { 0 };
	struct addr a;
	int l = make_listener(self->s, 2, &a), c = cli_socket(self->s, 0), d;
	socklen_t len = sizeof(seen), ilen = sizeof(info);

	ASSERT_LE(0, l);
	EXPECT_EQ(-1, get_int(l, SOL_SOCKET, SO_MAX_PACING_RATE));
	EXPECT_EQ(0, getsockopt(l, SOL_SOCKET, SO_MAX_PACING_RATE, &seen, &len));
	EXPECT_EQ(8U, len);
	EXPECT_EQ(~0ULL, (unsigned long long)seen);
	EXPECT_EQ(0, setsockopt(l, SOL_SOCKET, SO_MAX_PACING_RATE, &wide, sizeof(wide)));
	EXPECT_EQ(0, getsockopt(l, SOL_SOCKET, SO_MAX_PACING_RATE, &seen, &len));
	EXPECT_EQ(5000000000ULL, (unsigned long long)seen);
	EXPECT_EQ(-1, get_int(l, SOL_SOCKET, SO_MAX_PACING_RATE));
	EXPECT_EQ(0, set_int(l, SOL_SOCKET, SO_MAX_PACING_RATE, 1000000));
	EXPECT_EQ(1000000, get_int(l, SOL_SOCKET, SO_MAX_PACING_RATE));
	EXPECT_EQ(-EINVAL, sys(setsockopt(l, SOL_SOCKET, SO_MAX_PACING_RATE, &wide, 2)));

	ASSERT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(1000000, get_int(d, SOL_SOCKET, SO_MAX_PACING_RATE));
	EXPECT_EQ(0, getsockopt(d, IPPROTO_TCP, TCP_INFO, &info, &ilen));
	EXPECT_EQ(1000000ULL, (unsigned long long)info.tcpi_max_pacing_rate);
	EXPECT_EQ(5, send(d, "hello", 5, 0));
	EXPECT_TRUE(WAIT(outq(d) == 0));
	EXPECT_EQ(0, getsockopt(d, IPPROTO_TCP, TCP_INFO, &info, &ilen));
	/* a window in a round trip over loopback is more than that */
	EXPECT_EQ(1000000ULL, (unsigned long long)info.tcpi_pacing_rate);
	ilen = sizeof(info);
	EXPECT_EQ(0, getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, &ilen));
	EXPECT_EQ(~0ULL, (unsigned long long)info.tcpi_max_pacing_rate);
}

/* MUST-48 and MUST-49: DSCP, TTL and hop limit are the program's to set. */
TEST_F(api, ip_options)
{
	bool six = self->s->af == AF_INET6;
	struct addr a = addr_make(self->s, W_LO, 0);
	int fd = srv_socket(self->s, 0), c, d, mtu;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, do_bind(fd, &a));
	EXPECT_EQ(0, set_int(fd, SOL_IP, IP_TTL_, 77));
	EXPECT_EQ(77, get_int(fd, SOL_IP, IP_TTL_));
	EXPECT_EQ(-EINVAL, set_int(fd, SOL_IP, IP_TTL_, 256));
	EXPECT_EQ(-EINVAL, set_int(fd, SOL_IP, IP_TTL_, 0));
	EXPECT_EQ(0, set_int(fd, SOL_IP, IP_TOS_, 0xb8));
	EXPECT_EQ(0xb8, get_int(fd, SOL_IP, IP_TOS_) & 0xfc);
	EXPECT_EQ(0, set_int(fd, SOL_IP, IP_MTU_DISCOVER_, 2));
	EXPECT_EQ(2, get_int(fd, SOL_IP, IP_MTU_DISCOVER_));
	if (six) {
		EXPECT_EQ(0, set_int(fd, SOL_IPV6, IPV6_UNICAST_HOPS, 33));
		EXPECT_EQ(33, get_int(fd, SOL_IPV6, IPV6_UNICAST_HOPS));
		EXPECT_EQ(-EINVAL, set_int(fd, SOL_IPV6, IPV6_UNICAST_HOPS, 256));
		EXPECT_EQ(0, set_int(fd, SOL_IPV6, IPV6_TCLASS, 0x28));
		EXPECT_EQ(0x28, get_int(fd, SOL_IPV6, IPV6_TCLASS) & 0xfc);
	} else {
		EXPECT_EQ(-EOPNOTSUPP, get_int(fd, SOL_IPV6, IPV6_TCLASS));
	}
	EXPECT_EQ(-ENOTCONN, get_int(fd, SOL_IP, IP_MTU_));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	mtu = self->s->mapped || !six ? get_int(c, SOL_IP, IP_MTU_) :
		get_int(c, SOL_IPV6, IPV6_MTU);
	/* an IPv4 packet ends at 65535 bytes, whatever the device takes */
	EXPECT_EQ(self->s->mapped || !six ? 65535 : 65536, mtu);
}

/* RFC 3542: what a listener has its packets carry, its children's carry as well. */
TEST_F(api, extension_headers_of_a_listener)
{
	/* An option to be skipped that nobody knows, and padding */
	const unsigned char dst[8] = { 0, 0, 0x1e, 0, 1, 2, 0, 0 };
	struct addr a;
	int l = make_listener(self->s, 2, &a), c = cli_socket(self->s, 0), d;
	unsigned char got[64];
	socklen_t len = sizeof(got);

	ASSERT_LE(0, l);
	if (self->s->af != AF_INET6 || self->s->mapped)
		return;
	ASSERT_EQ(0, setsockopt(l, SOL_IPV6, IPV6_DSTOPTS, dst, sizeof(dst)));
	ASSERT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	ASSERT_EQ(0, getsockopt(d, SOL_IPV6, IPV6_DSTOPTS, got, &len));
	ASSERT_EQ(sizeof(dst), len);
	EXPECT_EQ(0, memcmp(dst, got, sizeof(dst)));
	EXPECT_EQ(1, send(d, "x", 1, 0));
	EXPECT_EQ(1, recv(c, got, 1, 0));
}

TEST_F(api, v6only)
{
	struct addr a = addr_make(self->s, W_ANY, 0);
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	if (self->s->af == AF_INET) {
		ASSERT_EQ(0, do_bind(fd, &a));
		EXPECT_EQ(-ENOPROTOOPT, set_int(fd, SOL_IPV6, IPV6_V6ONLY, 1));
		return;
	}
	EXPECT_EQ(0, get_int(fd, SOL_IPV6, IPV6_V6ONLY));
	EXPECT_EQ(0, set_int(fd, SOL_IPV6, IPV6_V6ONLY, 1));
	EXPECT_EQ(1, get_int(fd, SOL_IPV6, IPV6_V6ONLY));
	ASSERT_EQ(0, do_bind(fd, &a));
	EXPECT_EQ(-EINVAL, set_int(fd, SOL_IPV6, IPV6_V6ONLY, 0));
}

TEST_F(api, tcp_info)
{
	struct tcp_info info = { 0 };
	char big[512], buf[5000] = { 0 };
	socklen_t len = sizeof(big), host_len = sizeof(big), ilen = sizeof(info);
	int c, d, host = host_socket(self->s, 0);

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	/* struct tcp_info in full: as long as this kernel's own */
	EXPECT_EQ(0, getsockopt(host, IPPROTO_TCP, TCP_INFO, big, &host_len));
	EXPECT_EQ(0, getsockopt(c, IPPROTO_TCP, TCP_INFO, big, &len));
	EXPECT_EQ(host_len, len);
	EXPECT_EQ(5000, send(c, buf, 5000, 0));
	EXPECT_EQ(5000, recv(d, buf, 5000, MSG_WAITALL));
	EXPECT_TRUE(WAIT(outq(c) == 0));
	EXPECT_EQ(0, getsockopt(c, IPPROTO_TCP, TCP_INFO, &info, &ilen));
	EXPECT_EQ(ST_ESTABLISHED, info.tcpi_state);
	EXPECT_EQ(0, info.tcpi_ca_state);
	EXPECT_EQ(0, info.tcpi_retransmits);
	EXPECT_EQ(0U, info.tcpi_unacked);
	EXPECT_EQ(0U, info.tcpi_total_retrans);
	EXPECT_LT(0U, info.tcpi_snd_mss);
	EXPECT_LT(0U, info.tcpi_snd_cwnd);
	EXPECT_LE(200000U, info.tcpi_rto);
	EXPECT_EQ(5001ULL, (unsigned long long)info.tcpi_bytes_acked);
	EXPECT_LE(2U, info.tcpi_segs_out);
	EXPECT_LE(2U, info.tcpi_segs_in);
	EXPECT_NE(0, info.tcpi_options & TCPI_OPT_WSCALE);
	EXPECT_NE(0, info.tcpi_options & TCPI_OPT_TIMESTAMPS);
	EXPECT_NE(0, info.tcpi_options & TCPI_OPT_SACK);
	EXPECT_EQ(0, getsockopt(d, IPPROTO_TCP, TCP_INFO, &info, &ilen));
	EXPECT_EQ(5000ULL, (unsigned long long)info.tcpi_bytes_received);
	ilen = 1;
	EXPECT_EQ(0, getsockopt(d, IPPROTO_TCP, TCP_INFO, &info, &ilen));
	EXPECT_EQ(1U, ilen);
}

/* What a receiver knows: its own RTT, what a program reads in one, and the window it has told. */
TEST_F(api, tcp_info_of_a_receiver)
{
	/* tcpi_rcv_wnd: since Linux 6.2, and in newer headers than are at hand everywhere */
	const size_t wnd_at = offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(__u32);
	struct tcp_info ci = { 0 }, di = { 0 };
	char buf[1500] = { 0 }, whole[512] = { 0 };
	struct addr a;
	int l = make_listener(self->s, 2, &a), c = cli_socket(self->s, 0), d;
	socklen_t len = sizeof(whole);
	__u32 wnd;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_MAXSEG, 1000));
	ASSERT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	di = info_of(d);
	EXPECT_EQ(0U, di.tcpi_rcv_rtt);
	EXPECT_EQ(10 * di.tcpi_advmss, di.tcpi_rcv_space);
	/* the timestamp that the first segment of data echoes is as old as the SYN-ACK */
	ASSERT_TRUE(WAIT(info_of(c).tcpi_last_ack_recv >= 64));
	ci = info_of(c);
	ASSERT_GE(sizeof(buf), ci.tcpi_snd_mss);
	EXPECT_EQ(ci.tcpi_snd_mss, send(c, buf, ci.tcpi_snd_mss, 0));
	EXPECT_EQ(ci.tcpi_snd_mss, recv(d, buf, ci.tcpi_snd_mss, MSG_WAITALL));
	EXPECT_TRUE(WAIT(outq(c) == 0));
	di = info_of(d);
	EXPECT_LE(59000U, di.tcpi_rcv_rtt);
	EXPECT_GE(10000000U, di.tcpi_rcv_rtt);
	/* less than a window was read: it is still the guess of the beginning */
	EXPECT_EQ(10 * di.tcpi_advmss, di.tcpi_rcv_space);
	EXPECT_EQ(0, getsockopt(d, IPPROTO_TCP, TCP_INFO, whole, &len));
	if (len < wnd_at + sizeof(wnd))
		return;
	memcpy(&wnd, whole + wnd_at, sizeof(wnd));
	ci = info_of(c);
	EXPECT_LE(ci.tcpi_snd_wnd, wnd);
	EXPECT_GT(1U << di.tcpi_rcv_wscale, wnd - ci.tcpi_snd_wnd);
}

TEST_F(api, saved_syn)
{
	struct addr a;
	int l = make_listener(self->s, 2, &a), c = cli_socket(self->s, 0), d;
	unsigned char syn[256];
	socklen_t len = sizeof(syn);
	unsigned int hdr;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_SAVE_SYN, 1));
	EXPECT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(0, getsockopt(d, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len));
	EXPECT_LE(40U, len);
	EXPECT_EQ(self->s->af == AF_INET || self->s->mapped ? 4 : 6, syn[0] >> 4);
	hdr = syn[0] >> 4 == 4 ? (syn[0] & 15) * 4 : 40;
	ASSERT_LE(hdr + 20, len);
	EXPECT_EQ(2, syn[hdr + 13] & 0x17);	/* SYN and nothing else */
	/* it can be had once */
	len = sizeof(syn);
	EXPECT_EQ(0, getsockopt(d, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len));
	EXPECT_EQ(0U, len);
}

TEST_F(api, maxseg_on_connection)
{
	struct addr a;
	int l = make_listener(self->s, 2, &a), c = cli_socket(self->s, 0), d;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, set_int(l, IPPROTO_TCP, TCP_MAXSEG, 1000));
	EXPECT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	/* the timestamps option takes 12 bytes of each segment */
	EXPECT_EQ(988, get_int(c, IPPROTO_TCP, TCP_MAXSEG));
	EXPECT_EQ(988, get_int(d, IPPROTO_TCP, TCP_MAXSEG));
}

TEST_F(api, cookie_is_unique)
{
	unsigned long long a = 0, b = 0, again = 0;
	socklen_t len = sizeof(a);
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, getsockopt(c, SOL_SOCKET, SO_COOKIE, &a, &len));
	EXPECT_EQ(0, getsockopt(d, SOL_SOCKET, SO_COOKIE, &b, &len));
	EXPECT_EQ(0, getsockopt(c, SOL_SOCKET, SO_COOKIE, &again, &len));
	EXPECT_EQ(a, again);
	EXPECT_NE(a, b);
}

TEST_F(api, options_of_a_connection)
{
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, set_int(c, IPPROTO_TCP, TCP_QUICKACK, 1));
	EXPECT_EQ(1, get_int(c, IPPROTO_TCP, TCP_QUICKACK));
	EXPECT_EQ(0, set_int(c, IPPROTO_TCP, TCP_QUICKACK, 0));
	EXPECT_EQ(0, get_int(c, IPPROTO_TCP, TCP_QUICKACK));
	EXPECT_EQ(0, set_int(c, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_EQ(0, set_int(c, IPPROTO_TCP, TCP_KEEPIDLE, 600));
	EXPECT_EQ(600, get_int(c, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(0, setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	EXPECT_EQ(-EINVAL, sys(setsockopt(c, IPPROTO_TCP, TCP_CONGESTION, "reno", 0)));
}
