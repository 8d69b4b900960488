// SPDX-License-Identifier: GPL-2.0-only
/* What only XTCP has: its family, narrowing, SOL_XTCP, its sysctls, who may create. */
#define API_FAMILY_ONLY
#include "fixture.h"

/* The other address family than the variant's. */
static struct api_stack other_of(const struct api_stack *s)
{
	struct api_stack o = *s;

	o.af = s->af == AF_INET ? AF_INET6 : AF_INET;
	return o;
}

static int knob(const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "net/xtcp/%s", name);
	return sysctl_write(path, value);
}

static long knob_get(const char *name)
{
	char path[64], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/xtcp/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return -errno;
	close(fd);
	return strtol(text, NULL, 10);
}

TEST_F(api, socket_arguments)
{
	static const struct { int domain, type, proto, err; } c[] = {
		{ AF_XTCP, SOCK_STREAM, 0, 0 },
		{ AF_XTCP, SOCK_STREAM, IPPROTO_TCP, 0 },
		{ AF_XTCP, SOCK_STREAM, IPPROTO_XTCP, 0 },
		{ AF_INET, SOCK_STREAM, IPPROTO_XTCP, 0 },
		{ AF_INET6, SOCK_STREAM, IPPROTO_XTCP, 0 },
		{ AF_INET, SOCK_RAW, IPPROTO_XTCP, 0 },
		{ AF_INET6, SOCK_RAW, IPPROTO_XTCP, 0 },
		{ AF_XTCP, SOCK_STREAM, IPPROTO_UDP, -EPROTONOSUPPORT },
		{ AF_XTCP, SOCK_STREAM, 252, -EPROTONOSUPPORT },
		{ AF_XTCP, SOCK_DGRAM, 0, -ESOCKTNOSUPPORT },
		{ AF_XTCP, SOCK_SEQPACKET, 0, -ESOCKTNOSUPPORT },
		{ AF_XTCP, SOCK_RAW, 0, -ESOCKTNOSUPPORT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(c); i++) {
		long fd = sys(socket(c[i].domain, c[i].type, c[i].proto));
		int err = c[i].err;

		if (c[i].domain == AF_INET6 && !has_ipv6())
			err = -EAFNOSUPPORT;
		EXPECT_EQ(err, fd < 0 ? fd : 0) {
			TH_LOG("socket(%d, %d, %d)", c[i].domain, c[i].type, c[i].proto);
		}
		if (fd >= 0)
			close(fd);
	}
}

/* What a socket of AF_XTCP is before it has an address */
static int first_domain(void)
{
	return has_ipv6() ? AF_INET6 : AF_INET;
}

TEST_F(api, starts_dual_stack)
{
	struct api_stack six = { .af = AF_INET6 };
	struct addr a = addr_make(&six, W_LO, 4709);
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(first_domain(), get_int(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(has_ipv6() ? 0 : -EOPNOTSUPP, get_int(fd, SOL_IPV6, IPV6_V6ONLY));
	EXPECT_EQ(has_ipv6() ? 0 : -EAFNOSUPPORT, do_bind(fd, &a));
}

TEST_F(api, bind_narrows_once)
{
	struct api_stack o = other_of(self->s);
	struct addr a = addr_make(self->s, W_LO, 4700), wrong = addr_make(&o, W_LO, 4701), n;
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, do_bind(fd, &a));
	EXPECT_EQ(self->s->af, get_int(fd, SOL_SOCKET, SO_DOMAIN));
	n = name_of(fd);
	EXPECT_TRUE(addr_same(&a, &n));
	EXPECT_EQ(a.len, n.len);
	/* an IPv4 socket never widens, and what is bound to IPv6 never narrows */
	EXPECT_EQ(-EAFNOSUPPORT, do_connect(fd, &wrong));
	if (self->s->af == AF_INET) {
		EXPECT_EQ(-EOPNOTSUPP, get_int(fd, SOL_IPV6, IPV6_V6ONLY));
		EXPECT_EQ(-ENOPROTOOPT, set_int(fd, SOL_IPV6, IPV6_V6ONLY, 1));
	}
}

TEST_F(api, connect_narrows_once)
{
	struct api_stack o = other_of(self->s);
	struct addr a, wrong = addr_make(&o, W_LO, 4702), none = addr_unspec();
	int l = make_listener(self->s, 2, &a), c = cli_socket(self->s, 0), d;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, do_connect(c, &a));
	EXPECT_EQ(self->s->af, get_int(c, SOL_SOCKET, SO_DOMAIN));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(self->s->af, get_int(d, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(0, do_connect(c, &none));
	if (self->s->af == AF_INET) {
		EXPECT_EQ(-EAFNOSUPPORT, do_connect(c, &wrong));
		EXPECT_EQ(AF_INET, get_int(c, SOL_SOCKET, SO_DOMAIN));
	}
}

/* A connection that is refused has still settled the family. */
TEST_F(api, narrowed_by_a_refusal)
{
	struct addr a;
	int l = make_listener(self->s, 2, &a), c = cli_socket(self->s, 0);

	ASSERT_LE(0, l);
	close(l);
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &a));
	EXPECT_EQ(self->s->af, get_int(c, SOL_SOCKET, SO_DOMAIN));
}

TEST_F(api, wrong_address_does_not_narrow)
{
	struct addr a = addr_make(self->s, W_LO, 4703);
	int fd = srv_socket(self->s, 0);

	ASSERT_LE(0, fd);
	a.len = 3;
	EXPECT_EQ(-EINVAL, do_bind(fd, &a));
	EXPECT_EQ(-EINVAL, do_connect(fd, &a));
	EXPECT_EQ(first_domain(), get_int(fd, SOL_SOCKET, SO_DOMAIN));
}

TEST_F(api, create_group_range)
{
	int fd;

	ASSERT_EQ(0, knob("create_group_range", "100 200"));
	ASSERT_EQ(0, setresgid(300, 300, 300));
	ASSERT_EQ(0, setgroups(0, NULL));
	ASSERT_EQ(0, setresuid(65534, 65534, 0));
	EXPECT_EQ(-EACCES, sys(socket(AF_XTCP, SOCK_STREAM, 0)));
	EXPECT_EQ(-EACCES, sys(socket(AF_INET, SOCK_STREAM, IPPROTO_XTCP)));
	EXPECT_EQ(has_ipv6() ? -EACCES : -EAFNOSUPPORT,
		  sys(socket(AF_INET6, SOCK_STREAM, IPPROTO_XTCP)));
	/* other sockets are none of its business */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_LE(0, fd);
	ASSERT_EQ(0, setresuid(0, 0, 0));
	ASSERT_EQ(0, setresgid(150, 150, 150));
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	fd = socket(AF_XTCP, SOCK_STREAM, 0);
	EXPECT_LE(0, fd);
}

TEST_F(api, create_group_range_supplementary)
{
	gid_t more[] = { 1000, 200, 3000 };

	ASSERT_EQ(0, knob("create_group_range", "100 200"));
	ASSERT_EQ(0, setgroups(3, more));
	ASSERT_EQ(0, setresgid(300, 300, 300));
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	EXPECT_LE(0, sys(socket(AF_XTCP, SOCK_STREAM, 0)));
}

/* "1 0", an empty range, means nobody, as for ping_group_range. */
TEST_F(api, create_group_range_empty)
{
	ASSERT_EQ(0, knob("create_group_range", "1 0"));
	EXPECT_EQ(-EACCES, sys(socket(AF_XTCP, SOCK_STREAM, 0)));
	ASSERT_EQ(0, knob("create_group_range", "0 2147483647"));
	EXPECT_LE(0, sys(socket(AF_XTCP, SOCK_STREAM, 0)));
}

struct knob_case {
	const char *name;
	const char *good;
	const char *bad;
};

static const struct knob_case knob_cases[] = {
	{ "syn_retries", "3", "128" }, { "synack_retries", "3", "256" },
	{ "msl_ms", "240000", "240001" }, { "msl_ms", "1", "0" },
	{ "fin_wait2_ms", "1000", "0" }, { "keepalive_time", "60", "0" },
	{ "keepalive_intvl", "60", "32768" }, { "keepalive_probes", "127", "128" },
	{ "keepalive_force", "1", "2" }, { "dead_peer_ms", "5000", "-1" },
	{ "retries1", "4", "-1" }, { "retries2", "20", "0" },
	{ "orphan_retries", "0", "-1" }, { "rto_initial_ms", "3000", "0" },
	{ "rto_min_ms", "100", "0" }, { "rto_max_ms", "60000", "0" },
	{ "delack_ms", "0", "500" }, { "quick_ack_wait_ms", "0", "500" },
	{ "comp_sack_delay_ns", "0", "499000001" }, { "comp_sack_slack_ns", "0", "-1" },
	{ "comp_sack_nr", "0", "256" }, { "comp_sack_rtt_percent", "1", "0" },
	{ "wire_protocol", "253", "17" },
	{ "sack", "0", "2" }, { "timestamps", "0", "2" }, { "window_scaling", "0", "2" },
	{ "ecn", "0", "3" }, { "ecn_fallback", "0", "2" },
	{ "syncookies", "2", "3" }, { "tw_reuse", "1", "3" },
	{ "max_syn_backlog", "10", "0" }, { "somaxconn", "10", "-1" },
	{ "rfc1337", "0", "2" }, { "slow_start_after_idle", "0", "2" },
	{ "pacing", "1", "2" }, { "pacing_ss_ratio", "1000", "0" },
	{ "pacing_ca_ratio", "1", "1001" }, { "limit_output_bytes", "65536", "0" },
	{ "challenge_ack_limit", "5", "-1" }, { "msl_min_ms", "5", "0" },
	{ "rto_min_floor_ms", "5", "0" }, { "keepalive_min", "5", "0" },
	{ "max_orphans", "0", "-1" }, { "mtu_probing", "0", "2" },
	{ "base_mss", "48", "47" }, { "mtu_probe_floor", "500", "65536" },
	{ "mtu_probe_interval", "1", "0" },
};

TEST_F(api, sysctls_are_bounded)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(knob_cases); i++) {
		const struct knob_case *k = &knob_cases[i];

		EXPECT_EQ(0, knob(k->name, k->good)) { TH_LOG("%s = %s", k->name, k->good); }
		EXPECT_EQ(strtol(k->good, NULL, 10), knob_get(k->name));
		/* out of bounds is EINVAL and changes nothing */
		EXPECT_EQ(-EINVAL, knob(k->name, k->bad)) { TH_LOG("%s = %s", k->name, k->bad); }
		EXPECT_EQ(strtol(k->good, NULL, 10), knob_get(k->name));
		EXPECT_EQ(-EINVAL, knob(k->name, "x"));
	}
	EXPECT_EQ(0, knob("ip_local_port_range", "62000 62010"));
	EXPECT_EQ(-EINVAL, knob("ip_local_port_range", "62010 62000"));
	EXPECT_EQ(-EINVAL, knob("ip_local_port_range", "62000 65536"));
	EXPECT_EQ(62000, knob_get("ip_local_port_range"));
	EXPECT_EQ(0, knob("congestion_control", "reno"));
	EXPECT_EQ(-EINVAL, knob("congestion_control", "nosuch"));
}

TEST_F(api, sysctls_reach_the_sockets)
{
	int fd;

	ASSERT_EQ(0, knob("keepalive_time", "100"));
	ASSERT_EQ(0, knob("keepalive_intvl", "20"));
	ASSERT_EQ(0, knob("keepalive_probes", "3"));
	ASSERT_EQ(0, knob("syn_retries", "2"));
	ASSERT_EQ(0, knob("fin_wait2_ms", "7000"));
	ASSERT_EQ(0, knob("msl_ms", "1234"));
	fd = srv_socket(self->s, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(100, get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(20, get_int(fd, IPPROTO_TCP, TCP_KEEPINTVL));
	EXPECT_EQ(3, get_int(fd, IPPROTO_TCP, TCP_KEEPCNT));
	EXPECT_EQ(2, get_int(fd, IPPROTO_TCP, TCP_SYNCNT));
	EXPECT_EQ(7, get_int(fd, IPPROTO_TCP, TCP_LINGER2));
	EXPECT_EQ(1234, get_int(fd, SOL_XTCP, XTCP_MSL_MS));
}

TEST_F(api, sysctls_are_per_namespace)
{
	ASSERT_EQ(0, knob("msl_ms", "777"));
	ASSERT_EQ(0, knob("retries2", "9"));
	/* a new namespace starts with its creator's values and goes its own way */
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	EXPECT_EQ(777, knob_get("msl_ms"));
	EXPECT_EQ(9, knob_get("retries2"));
	EXPECT_EQ(0, knob("msl_ms", "888"));
	EXPECT_EQ(888, knob_get("msl_ms"));
}

TEST_F(api, own_options)
{
	static const struct { int name, good, bad; const char *text; } c[] = {
		{ XTCP_MSL_MS, 1, 0, "XTCP_MSL_MS" },
		{ XTCP_MSL_MS, 240000, 240001, "XTCP_MSL_MS" },
		{ XTCP_SYN_BUDGET_MS, 5000, -1, "XTCP_SYN_BUDGET_MS" },
		{ XTCP_SYN_BUDGET_MS, 0, -2, "XTCP_SYN_BUDGET_MS" },
		{ XTCP_RTO_MIN_MS, 50, 0, "XTCP_RTO_MIN_MS" },
		{ XTCP_RTO_MAX_MS, 10000, 0, "XTCP_RTO_MAX_MS" },
		{ XTCP_DEAD_PEER_MS, 9000, -1, "XTCP_DEAD_PEER_MS" },
		{ XTCP_SYNACK_RETRIES, 3, -1, "XTCP_SYNACK_RETRIES" },
		{ XTCP_ORPHAN_RETRIES, 2, -1, "XTCP_ORPHAN_RETRIES" },
		{ XTCP_WIRE_PROTOCOL, 253, 17, "XTCP_WIRE_PROTOCOL" },
		{ XTCP_WIRE_PROTOCOL, 6, 0, "XTCP_WIRE_PROTOCOL" },
	};
	int fd = srv_socket(self->s, 0);
	unsigned int i;
	char b = 1;

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(c); i++) {
		EXPECT_EQ(0, set_int(fd, SOL_XTCP, c[i].name, c[i].good)) {
			TH_LOG("%s = %d", c[i].text, c[i].good);
		}
		EXPECT_EQ(-EINVAL, set_int(fd, SOL_XTCP, c[i].name, c[i].bad)) {
			TH_LOG("%s = %d", c[i].text, c[i].bad);
		}
		EXPECT_EQ(c[i].good, get_int(fd, SOL_XTCP, c[i].name));
		EXPECT_EQ(-EINVAL, sys(setsockopt(fd, SOL_XTCP, c[i].name, &b, 1)));
	}
	EXPECT_EQ(-ENOPROTOOPT, set_int(fd, SOL_XTCP, XTCP_INFO, 1));
	EXPECT_EQ(-ENOPROTOOPT, set_int(fd, SOL_XTCP, 99, 1));
	EXPECT_EQ(-ENOPROTOOPT, get_int(fd, SOL_XTCP, 99));
}

TEST_F(api, unprivileged_floors)
{
	int fd;

	ASSERT_EQ(0, knob("msl_min_ms", "1000"));
	ASSERT_EQ(0, knob("rto_min_floor_ms", "100"));
	ASSERT_EQ(0, knob("keepalive_min", "10"));
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	fd = srv_socket(self->s, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EPERM, set_int(fd, SOL_XTCP, XTCP_MSL_MS, 999));
	EXPECT_EQ(0, set_int(fd, SOL_XTCP, XTCP_MSL_MS, 1000));
	EXPECT_EQ(-EPERM, set_int(fd, SOL_XTCP, XTCP_RTO_MIN_MS, 99));
	EXPECT_EQ(0, set_int(fd, SOL_XTCP, XTCP_RTO_MIN_MS, 100));
	EXPECT_EQ(-EPERM, set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 9));
	EXPECT_EQ(0, set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10));
	EXPECT_EQ(-EPERM, set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, 9));
	EXPECT_EQ(0, set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10));
}

TEST_F(api, wire_protocol_is_settled_by_bind)
{
	struct addr a = addr_make(self->s, W_LO, 0);
	int fd = srv_socket(self->s, 0), c, d;

	ASSERT_LE(0, fd);
	EXPECT_EQ(6, get_int(fd, SOL_XTCP, XTCP_WIRE_PROTOCOL));
	EXPECT_EQ(0, do_bind(fd, &a));
	EXPECT_EQ(-EINVAL, set_int(fd, SOL_XTCP, XTCP_WIRE_PROTOCOL, 253));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(-EINVAL, set_int(c, SOL_XTCP, XTCP_WIRE_PROTOCOL, 253));
}

/* The two wire protocols are two worlds: the same port in each, and no way between them. */
TEST_F(api, wire_protocols_are_apart)
{
	struct addr a = addr_make(self->s, W_LO, 4704);
	int l6 = srv_socket(self->s, 0), l253 = srv_socket(self->s, 0);
	int c = cli_socket(self->s, 0), d;
	char b[4];

	EXPECT_EQ(0, set_int(l253, SOL_XTCP, XTCP_WIRE_PROTOCOL, 253));
	EXPECT_EQ(0, do_bind(l6, &a));
	EXPECT_EQ(0, do_bind(l253, &a));
	EXPECT_EQ(0, listen(l6, 1));
	EXPECT_EQ(0, listen(l253, 1));
	EXPECT_EQ(0, set_int(c, SOL_XTCP, XTCP_WIRE_PROTOCOL, 253));
	EXPECT_EQ(0, do_connect(c, &a));
	d = accept(l253, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(253, get_int(d, SOL_XTCP, XTCP_WIRE_PROTOCOL));
	EXPECT_EQ(0, poll_now(l6));
	EXPECT_EQ(3, send(c, "abc", 3, 0));
	EXPECT_EQ(3, recv(d, b, 3, MSG_WAITALL));
	close(l253);
	c = cli_socket(self->s, 0);
	EXPECT_EQ(0, set_int(c, SOL_XTCP, XTCP_WIRE_PROTOCOL, 253));
	EXPECT_EQ(-ECONNREFUSED, do_connect(c, &a));
}

TEST_F(api, info)
{
	struct xtcp_info i = { 0 };
	socklen_t len = sizeof(i);
	char buf[3000] = { 0 };
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, set_int(c, SOL_XTCP, XTCP_MSL_MS, 4321));
	EXPECT_EQ(3000, send(c, buf, 3000, 0));
	EXPECT_EQ(3000, recv(d, buf, 3000, MSG_WAITALL));
	EXPECT_TRUE(WAIT(outq(c) == 0));
	EXPECT_EQ(0, getsockopt(c, SOL_XTCP, XTCP_INFO, &i, &len));
	EXPECT_EQ(sizeof(i), len);
	EXPECT_EQ(ST_ESTABLISHED, i.state);
	EXPECT_EQ(0, i.close_reason);
	EXPECT_EQ(6, i.wire_protocol);
	EXPECT_EQ(self->s->af == AF_INET ? 4 : 6, i.ip_version);
	EXPECT_EQ((unsigned int)getpid(), i.creator_pid);
	EXPECT_EQ(4321U, i.msl_ms);
	EXPECT_EQ(3000ULL, (unsigned long long)i.bytes_out);
	EXPECT_LE(2U, i.segs_out);
	EXPECT_EQ(-1, i.timer_ms[XTCP_INFO_TIMER_KEEPALIVE]);
	EXPECT_EQ(0, set_int(c, SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_EQ(0, getsockopt(c, SOL_XTCP, XTCP_INFO, &i, &len));
	EXPECT_LT(7100 * 1000, i.timer_ms[XTCP_INFO_TIMER_KEEPALIVE]);
	/* a timer is rounded up to the next tick */
	EXPECT_GE(7200 * 1000 + 10, i.timer_ms[XTCP_INFO_TIMER_KEEPALIVE]);
	len = 4;
	EXPECT_EQ(0, getsockopt(c, SOL_XTCP, XTCP_INFO, &i, &len));
	EXPECT_EQ(4U, len);
	EXPECT_EQ(0, reset_peer(d));
	EXPECT_TRUE(wait_state(c, ST_CLOSE));
	len = sizeof(i);
	EXPECT_EQ(0, getsockopt(c, SOL_XTCP, XTCP_INFO, &i, &len));
	EXPECT_NE(0, i.close_reason);
}

/* SO_PEEK_OFF as TCP has it since Linux 6.9: peeks go on where the last one ended. */
TEST_F(api, peek_offset)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	char b[8];
	int c, d;

	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(-1, get_int(d, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(6, send(c, "abcdef", 6, 0));
	EXPECT_TRUE(wait_inq(d, 6));
	EXPECT_EQ(0, set_int(d, SOL_SOCKET, SO_PEEK_OFF, 1));
	EXPECT_EQ(2, recv(d, b, 2, MSG_PEEK));
	EXPECT_EQ(0, memcmp(b, "bc", 2));
	EXPECT_EQ(2, recv(d, b, 2, MSG_PEEK));
	EXPECT_EQ(0, memcmp(b, "de", 2));
	EXPECT_EQ(5, get_int(d, SOL_SOCKET, SO_PEEK_OFF));
	/* reading takes from the offset what it takes from the queue */
	EXPECT_EQ(3, recv(d, b, 3, 0));
	EXPECT_EQ(0, memcmp(b, "abc", 3));
	EXPECT_EQ(2, get_int(d, SOL_SOCKET, SO_PEEK_OFF));
	EXPECT_EQ(1, recv(d, b, 8, MSG_PEEK));
	EXPECT_EQ('f', b[0]);
	/* it was that connection's */
	EXPECT_EQ(0, connect(d, &none, sizeof(none)));
	EXPECT_EQ(-1, get_int(d, SOL_SOCKET, SO_PEEK_OFF));
}

/* XTCP_SYN_BUDGET_MS ends an attempt that the retries would let run for two minutes. */
TEST_F(api, syn_budget)
{
	struct addr a = addr_make(self->s, W_MUTE, 80);
	int mute = ns_mute_device(), c = cli_socket(self->s, 0);
	__u64 start = now_us();

	ASSERT_LE(0, mute);
	EXPECT_EQ(0, set_int(c, SOL_XTCP, XTCP_SYN_BUDGET_MS, 300));
	EXPECT_EQ(-ETIMEDOUT, do_connect(c, &a));
	/* the tick of a busy machine may lag behind its clock */
	EXPECT_LE(200000ULL, now_us() - start);
}

/* TIME_WAIT ends after twice the MSL that the socket asked for. */
TEST_F(api, short_msl)
{
	struct addr a;
	int l = make_listener(self->s, 2, &a), c = cli_socket(self->s, 0), d, again;

	ASSERT_LE(0, l);
	EXPECT_EQ(0, set_int(l, SOL_XTCP, XTCP_MSL_MS, 50));
	EXPECT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(0, close(d));
	EXPECT_TRUE(wait_state(c, ST_CLOSE_WAIT));
	EXPECT_EQ(0, close(c));
	close(l);
	again = srv_socket(self->s, 0);
	/* without SO_REUSEADDR the port is had once TIME_WAIT is over */
	EXPECT_TRUE(WAIT(do_bind(again, &a) == 0));
}
