// SPDX-License-Identifier: GPL-2.0-only
/* What ip-route(8) writes at a route: its connections keep to it. */
#define _GNU_SOURCE
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "wire.h"

#define TOPIC "route"

struct metric {
	int name;
	uint32_t value;
	bool lock;
};

struct buffer {
	struct nlmsghdr h;
	struct rtmsg r;
	uint8_t attr[256];
};

static struct rtattr *put(struct buffer *b, int type, const void *data, int len)
{
	struct rtattr *a = (void *)((uint8_t *)b + NLMSG_ALIGN(b->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	b->h.nlmsg_len = NLMSG_ALIGN(b->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

/* A route to the peer alone. */
static void route(const struct metric *m, int n)
{
	struct buffer b = {
		.h = { NLMSG_LENGTH(sizeof(struct rtmsg)), RTM_NEWROUTE,
		       NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, 1, 0 },
		.r = { .rtm_family = w.family, .rtm_dst_len = is_v6() ? 128 : 32,
		       .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
		       .rtm_scope = is_v6() ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		       .rtm_type = RTN_UNICAST },
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} answer;
	uint32_t oif = if_nametoindex("w0"), locks = 0;
	int fd = sys(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	struct rtattr *nest;
	int i;

	put(&b, RTA_DST, addr_peer(), is_v6() ? 16 : 4);
	put(&b, RTA_OIF, &oif, 4);
	nest = put(&b, RTA_METRICS, NULL, 0);
	for (i = 0; i < n; i++) {
		put(&b, m[i].name, &m[i].value, 4);
		locks |= m[i].lock ? 1U << m[i].name : 0;
	}
	if (locks)
		put(&b, RTAX_LOCK, &locks, 4);
	nest->rta_len = (uint8_t *)&b + b.h.nlmsg_len - (uint8_t *)nest;
	sys(send(fd, &b, b.h.nlmsg_len, 0));
	sys(recv(fd, &answer, sizeof(answer), 0));
	check(!answer.e.error, "the route: %s", strerror(-answer.e.error));
	close(fd);
}

#define ROUTE(...) do {							\
	const struct metric m_[] = { __VA_ARGS__ };			\
									\
	route(m_, sizeof(m_) / sizeof(m_[0]));				\
} while (0)

/* advmss: in our SYN and in our SYN+ACK. */
static void advmss(void)
{
	struct conn *c;

	w.mtu = 1000 + (is_v6() ? 60 : 40);
	ROUTE({ RTAX_ADVMSS, 1000 });
	c = in_syn_sent();
	check_eq(c->syn.o.mss, 1000);
	c = in_syn_recv();
	check_eq(c->syn.o.mss, 1000);
}

/* mtu: the segments fit. */
static void mtu(void)
{
	struct conn *c;

	w.mtu = 1300;
	ROUTE({ RTAX_MTU, 1300 });
	c = in_established();
	write_stream(c, 3000);
	expect(c, ACK, 1, 1, .len = mss_wire() - 12);
}

/* mtu lock: no path MTU discovery; ICMP is not asked. */
static void mtu_lock(void)
{
	struct conn *c;
	struct seg *s;

	w.mtu = 1400;
	ROUTE({ RTAX_MTU, 1400, true });
	c = in_established();
	write_stream(c, 3000);
	s = expect(c, ACK, 1, 1, .len = 1400 - 52);
	check(!s->df, "DF is set");
	expect_stream(c, 3001);
	inject_icmp(c, 3, 4, 1000, 1, false);
	inject(c, ACK, 1, 3001);
	fence();
	drop_pending();
	write_stream(c, 3000);
	expect(c, ACK, 3001, 1, .len = 1400 - 52);
}

/* window: never more, whatever the buffer takes. */
static void window(void)
{
	/* the kernel's TCP rounds up, to whole segments */
	uint32_t most = is_xtcp() ? 5000 : 5000 + 2 * 1460;
	struct conn *c;
	uint32_t at;

	ROUTE({ RTAX_WINDOW, 5000 });
	c = in_established();
	check(c->syn.win <= 5000, "a window of %u", c->syn.win);
	for (at = 1; at < 20001; at += 1000) {
		struct seg *s;

		inject(c, ACK, at, 1, .len = 1000);
		read_stream(c, 1000);
		s = next_seg(c, 500);
		while (s) {
			check(((uint32_t)s->win << c->ws) <= most, "a window of %u",
			      (uint32_t)s->win << c->ws);
			s = next_pending(c);
		}
	}
}

/* initrwnd: what the SYN+ACK lets the peer send at once. */
static void initrwnd(void)
{
	struct conn *c;

	ROUTE({ RTAX_INITRWND, 4 });
	c = in_syn_recv();
	check(c->syn.win <= 4 * 1460 && c->syn.win >= 4 * 1400, "a window of %u", c->syn.win);
}

static int first_flight(struct conn *c)
{
	struct seg *s;
	int n = 0;

	write_stream(c, 60000);
	fence();
	while ((s = next_pending(c)))
		n += s->len;
	return n / (mss_wire() - 12);
}

/* initcwnd: instead of ten segments. */
static void initcwnd(void)
{
	struct conn *c;

	ROUTE({ RTAX_INITCWND, 4 });
	c = in_established(.win = 60000, .sndbuf = 400000);
	check_eq(first_flight(c), 4);
	ROUTE({ RTAX_INITCWND, 20 });
	c = in_established(.win = 60000, .sndbuf = 400000);
	check_eq(first_flight(c), 20);
}

/* cwnd lock: never more. The kernel's TCP keeps to it from a second connection on. */
static void cwnd_lock(void)
{
	struct conn *c;
	uint32_t acked = 1;
	struct seg *s;
	int round, n;

	ROUTE({ RTAX_CWND, 6, true });
	c = in_established(.win = 60000, .sndbuf = 400000);
	write_stream(c, 60000);
	for (round = 0; round < 4; round++) {
		fence();
		for (n = 0; (s = next_pending(c)); n++) {
			acked = s->seq - c->iss + s->len;
			c->ts_recent = s->o.tsval;
		}
		check(n > 0 && n <= 6, "%d segments at once", n);
		inject(c, ACK, 1, acked);
	}
}

/* rto_min: the first retransmission is the earlier for it. */
static void rto_min(void)
{
	struct conn *c;
	uint64_t t;

	ROUTE({ RTAX_RTO_MIN, 600, true });
	c = in_established(.no_sack = true);
	write_stream(c, 100);
	expect(c, ACK, 1, 1, .len = 100);
	mark_last(c);
	expect(c, ACK, 1, 1, .len = 100, .within_ms = 3000);
	t = since_ms(c);
	check(t >= 590 && t < 800, "after %d ms", (int)t);
}

/* quickack: no ACK waits, also where programs take turns. */
static void quickack(void)
{
	struct conn *c;
	int i;

	ROUTE({ RTAX_QUICKACK, 1 });
	c = in_established();
	for (i = 0; i < 30; i++) {
		inject(c, ACK, 1 + 10 * i, 1 + 10 * i, .len = 10);
		expect(c, ACK, 1 + 10 * i, 11 + 10 * i, .any = NO_WAIT);
		read_stream(c, 10);
		write_stream(c, 10);
		expect(c, ACK, 1 + 10 * i, 11 + 10 * i, .len = 10);
	}
}

const struct row route_rows[] = {
	ROW(0, "MUST-67 route: advmss", advmss),
	ROW(0, "MUST-16 route: mtu", mtu),
	ROW(ROW_V4, "RFC 1191 route: mtu lock", mtu_lock),
	ROW(0, "route: window", window),
	ROW(0, "route: initrwnd", initrwnd),
	ROW(0, "RFC 6928 route: initcwnd", initcwnd),
	ROW(ROW_XTCP, "route: cwnd lock", cwnd_lock),
	ROW(0, "RFC 6298 2.4 route: rto_min", rto_min),
	ROW(0, "MUST-58 route: quickack", quickack),
	{}
};
