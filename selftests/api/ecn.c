// SPDX-License-Identifier: GPL-2.0-only
/* ECN, RFC 3168: what the sysctl asks for, and what TCP_INFO shows of it. */
#define API_WITH_CROSS
#include "fixture.h"

static int ecn_knob(const struct api_stack *s, const char *value)
{
	return sysctl_stack(s, "net/ipv4/tcp_ecn", "net/xtcp/ecn", value);
}

static unsigned int ecn_bits(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return ~0U;
	return info.tcpi_options & (TCPI_OPT_ECN | TCPI_OPT_ECN_SEEN);
}

/* What is new is ECT(0): whoever gets it sees that. */
static void talk(struct __test_metadata *_metadata, int c, int d)
{
	char buf[3000] = { 0 };

	ASSERT_EQ(3000, send(c, buf, 3000, 0));
	ASSERT_EQ(3000, recv(d, buf, 3000, MSG_WAITALL));
	ASSERT_EQ(100, send(d, buf, 100, 0));
	ASSERT_EQ(100, recv(c, buf, 100, MSG_WAITALL));
}

TEST_F(api, RFC3168_ecn_when_asked_for)
{
	int c, d;

	ASSERT_EQ(0, ecn_knob(self->s, "1"));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(TCPI_OPT_ECN, ecn_bits(c));
	EXPECT_EQ(TCPI_OPT_ECN, ecn_bits(d));
	talk(_metadata, c, d);
	EXPECT_EQ(TCPI_OPT_ECN | TCPI_OPT_ECN_SEEN, ecn_bits(c));
	EXPECT_EQ(TCPI_OPT_ECN | TCPI_OPT_ECN_SEEN, ecn_bits(d));
}

TEST_F(api, RFC3168_no_ecn_unless_asked_for)
{
	static const char * const value[] = { "0", "2" };
	int c, d, i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, ecn_knob(self->s, value[i]));
		ASSERT_EQ(0, make_pair(self->s, &c, &d));
		talk(_metadata, c, d);
		EXPECT_EQ(0U, ecn_bits(c));
		EXPECT_EQ(0U, ecn_bits(d));
		close(c);
		close(d);
	}
}

/* The two bits belong to the stack: a program can neither set nor lose them. */
TEST_F(api, RFC3168_tos_is_the_other_six_bits)
{
	bool v4 = self->s->af == AF_INET && self->s->cli_domain != AF_INET6;
	int level = v4 ? IPPROTO_IP : IPPROTO_IPV6, name = v4 ? 1 : 67;	/* IP_TOS, IPV6_TCLASS */
	int c, d;

	ASSERT_EQ(0, ecn_knob(self->s, "1"));
	ASSERT_EQ(0, make_pair(self->s, &c, &d));
	EXPECT_EQ(0, set_int(c, level, name, 0xb8 | 3));
	EXPECT_EQ(0xb8, get_int(c, level, name));
	EXPECT_EQ(0, set_int(c, level, name, 1));
	EXPECT_EQ(0, get_int(c, level, name));
	talk(_metadata, c, d);
	EXPECT_EQ(TCPI_OPT_ECN | TCPI_OPT_ECN_SEEN, ecn_bits(d));
}
