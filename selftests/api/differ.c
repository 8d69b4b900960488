// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every option number of SOL_TCP and the common ones of SOL_SOCKET with a sweep
 * of values and lengths, on a socket of the kernel's TCP and on the one under
 * test, in the same state: result, errno and what is read back must agree.
 *
 * What is allowed to differ is listed below, each with its reason; an exception
 * that is no longer needed makes the test fail as well.
 */
#include "fixture.h"

#ifndef TCP_REPAIR
#define TCP_REPAIR 19
#endif

/**
 * struct exception - an option in which XTCP may differ from the kernel's TCP
 * @level: as for setsockopt()
 * @name: as for setsockopt()
 * @absent: XTCP must answer ENOPROTOOPT (else: no comparison)
 * @why: the reason
 */
struct exception {
	int level;
	int name;
	bool absent;
	const char *why;
};

/* Numbers instead of names: older headers lack the newer options. */
static const struct exception exceptions[] = {
	{ IPPROTO_TCP, 14, true, "TCP_MD5SIG: no RFC 2385" },
	{ IPPROTO_TCP, 16, true, "TCP_THIN_LINEAR_TIMEOUTS: not there" },
	{ IPPROTO_TCP, 17, true, "TCP_THIN_DUPACK: obsolete even in Linux" },
	{ IPPROTO_TCP, 19, true, "TCP_REPAIR: no checkpoint" },
	{ IPPROTO_TCP, 20, true, "TCP_REPAIR_QUEUE: no checkpoint" },
	{ IPPROTO_TCP, 21, true, "TCP_QUEUE_SEQ: no checkpoint" },
	{ IPPROTO_TCP, 22, true, "TCP_REPAIR_OPTIONS: no checkpoint" },
	{ IPPROTO_TCP, 23, true, "TCP_FASTOPEN: later" },
	{ IPPROTO_TCP, 24, true, "TCP_TIMESTAMP: no checkpoint" },
	{ IPPROTO_TCP, 29, true, "TCP_REPAIR_WINDOW: no checkpoint" },
	{ IPPROTO_TCP, 30, true, "TCP_FASTOPEN_CONNECT: later" },
	{ IPPROTO_TCP, 31, true, "TCP_ULP: no upper protocols" },
	{ IPPROTO_TCP, 32, true, "TCP_MD5SIG_EXT: no RFC 2385" },
	{ IPPROTO_TCP, 33, true, "TCP_FASTOPEN_KEY: later" },
	{ IPPROTO_TCP, 34, true, "TCP_FASTOPEN_NO_COOKIE: later" },
	{ IPPROTO_TCP, 35, true, "TCP_ZEROCOPY_RECEIVE: later" },
	{ IPPROTO_TCP, 36, true, "TCP_INQ: later" },
	{ IPPROTO_TCP, 37, true, "TCP_TX_DELAY: later" },
	{ IPPROTO_TCP, 38, true, "TCP_AO_ADD_KEY: no RFC 5925" },
	{ IPPROTO_TCP, 39, true, "TCP_AO_DEL_KEY: no RFC 5925" },
	{ IPPROTO_TCP, 40, true, "TCP_AO_INFO: no RFC 5925" },
	{ IPPROTO_TCP, 41, true, "TCP_AO_GET_KEYS: no RFC 5925" },
	{ IPPROTO_TCP, 42, true, "TCP_AO_REPAIR: no RFC 5925" },
	{ IPPROTO_TCP, 43, true, "TCP_IS_MPTCP: not there" },
	{ IPPROTO_TCP, 44, true, "TCP_RTO_MAX_MS: XTCP_RTO_MAX_MS" },
	{ IPPROTO_TCP, 45, true, "TCP_RTO_MIN_US: XTCP_RTO_MIN_MS" },
	{ IPPROTO_TCP, 46, true, "TCP_DELACK_MAX_US: later" },
	{ IPPROTO_TCP, 11, false, "TCP_INFO: times and counters; options.c looks at it" },
	{ IPPROTO_TCP, 13, false, "TCP_CONGESTION: default by sysctl; options.c looks at it" },
	{ SOL_SOCKET, 38, false, "SO_PROTOCOL" },
	{ SOL_SOCKET, 39, false, "SO_DOMAIN: families" },
	{ SOL_SOCKET, 57, false, "SO_COOKIE: unique" },
	{ SOL_SOCKET, 42, false, "SO_PEEK_OFF: TCP's since 6.9, XTCP's on every kernel" },
	{ SOL_SOCKET, 37, false, "SO_TIMESTAMPING: the core ties OPT_ID to its own TCP" },
	{ SOL_SOCKET, 65, false, "SO_TIMESTAMPING_NEW: the core ties OPT_ID to its own TCP" },
	{ SOL_SOCKET, 49, false, "SO_INCOMING_CPU" },
	{ SOL_SOCKET, 55, false, "SO_MEMINFO: sizes of buffers" },
	{ SOL_SOCKET, 60, false, "SO_ZEROCOPY: TCP only before 6.5; see notice.c" },
	{ SOL_SOCKET, 73, false, "SO_RESERVE_MEM: the core ties it to its own TCP" },
	{ SOL_SOCKET, 74, false, "SO_TXREHASH: the core ties it to its own TCP" },
	{ SOL_SOCKET, 80, false, "SO_DEVMEM_DONTNEED: the core ties it to its own TCP" },
};

static const struct exception *except(int level, int name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(exceptions); i++)
		if (exceptions[i].level == level && exceptions[i].name == name)
			return &exceptions[i];
	return NULL;
}

static const int values[] = { 0, 1, 2, 3, 59, 60, 88, 120, 121, 127, 128, 255, 256, 536, 1460,
	4096, 32767, 32768, 65535, 65536, 1000000, 0x7fffffff, -1, -2, -60, (int)0x80000000 };

/* The lengths given to setsockopt(); 4 is what the value sweep uses. */
static const socklen_t lengths[] = { 0, 1, 2, 3, 5, 8, 16, 17, (socklen_t)-1 };

enum state { FRESH, BOUND, LISTENING, CONNECTED, STATES };

static const char *const state_names[STATES] = { "fresh", "bound", "listening", "connected" };

struct pair {
	const struct api_stack *s;
	int fd;
	int other;
};

static int pair_open(struct pair *p, enum state st)
{
	struct addr a = addr_make(p->s, W_LO, 0);

	p->other = -1;
	if (st == CONNECTED)
		return make_pair(p->s, &p->fd, &p->other);
	p->fd = st == LISTENING ? make_listener(p->s, 1, NULL) : srv_socket(p->s, 0);
	if (p->fd < 0)
		return p->fd;
	return st == BOUND ? do_bind(p->fd, &a) : 0;
}

static void pair_close(struct pair *p)
{
	close(p->fd);
	if (p->other >= 0)
		close(p->other);
}

struct answer {
	int set;
	int get;
	socklen_t len;
	unsigned char val[64];
};

static void ask(struct answer *ans, int fd, int level, int name, const void *val, socklen_t len)
{
	memset(ans, 0, sizeof(*ans));
	ans->set = val ? sys(setsockopt(fd, level, name, val, len)) : 0;
	ans->len = sizeof(ans->val);
	ans->get = sys(getsockopt(fd, level, name, ans->val, &ans->len));
	if (ans->get)
		ans->len = 0;
}

static bool same(const struct answer *a, const struct answer *b)
{
	return a->set == b->set && a->get == b->get && a->len == b->len &&
	       !memcmp(a->val, b->val, sizeof(a->val));
}

static int first(const struct answer *a)
{
	int v;

	memcpy(&v, a->val, sizeof(v));
	return v;
}

struct sweep {
	struct pair host;
	struct pair under;
	enum state st;
	int level;
	int name;
	unsigned int differences;
	unsigned int shown;	/* of this option in this state */
};

static void compare(struct __test_metadata *_metadata, struct sweep *w, const void *val,
		    socklen_t len, int shown)
{
	struct answer a, b;

	ask(&a, w->host.fd, w->level, w->name, val, len);
	ask(&b, w->under.fd, w->level, w->name, val, len);
	if (same(&a, &b))
		return;
	/* A negative clamp is the least one, as in newer kernels; older ones take it for 4 GB */
	if (w->level == IPPROTO_TCP && w->name == TCP_WINDOW_CLAMP &&
	    a.set == b.set && first(&a) < 0)
		return;
	w->differences++;
	if (w->shown++ < 2)
		TH_LOG("%s %d/%d = %d, length %d: TCP %d, get %d (%d); here %d, get %d (%d)",
		       state_names[w->st], w->level, w->name, shown, (int)len, a.set, a.get,
		       first(&a), b.set, b.get, first(&b));
}

/* A fresh pair of sockets for each option: one option's value must not colour another. */
static void sweep_option(struct __test_metadata *_metadata, struct sweep *w)
{
	static const char zeros[64];
	unsigned int i;

	ASSERT_EQ(0, pair_open(&w->host, w->st));
	ASSERT_EQ(0, pair_open(&w->under, w->st));
	/* a connection's buffers have been tuned by then, each stack's by its own rule */
	if (w->st != CONNECTED || w->level != SOL_SOCKET ||
	    (w->name != SO_SNDBUF && w->name != SO_RCVBUF))
		compare(_metadata, w, NULL, 0, 0);
	for (i = 0; i < ARRAY_SIZE(values); i++)
		compare(_metadata, w, &values[i], sizeof(int), values[i]);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		compare(_metadata, w, zeros, lengths[i], 0);
	pair_close(&w->host);
	pair_close(&w->under);
}

static void check_absent(struct __test_metadata *_metadata, const struct api_stack *s,
			 const struct exception *x)
{
	struct pair p = { .s = s };

	ASSERT_EQ(0, pair_open(&p, FRESH));
	EXPECT_EQ(-ENOPROTOOPT, set_int(p.fd, x->level, x->name, 1)) {
		TH_LOG("%s: it is there now: strike the exception", x->why);
	}
	pair_close(&p);
}

static struct api_stack host_of(const struct api_stack *s)
{
	struct api_stack h = *s;

	h.group = "tcp";
	h.srv_domain = s->af;
	h.cli_domain = s->af;
	h.srv_proto = 0;
	h.cli_proto = 0;
	return h;
}

static void sweep_level(struct __test_metadata *_metadata, const struct api_stack *s, int level,
			int last)
{
	struct api_stack host = host_of(s);
	struct sweep w = { .host.s = &host, .under.s = s, .level = level };

	/* keepalive_probes is 10 here and 9 there by design: make the start equal */
	ASSERT_EQ(0, stack_is_xtcp(s) ? sysctl_write("net/xtcp/keepalive_probes", "9") : 0);
	for (w.name = 1; w.name <= last; w.name++) {
		const struct exception *x = except(level, w.name);

		if (x) {
			if (x->absent && stack_is_xtcp(s))
				check_absent(_metadata, s, x);
			continue;
		}
		for (w.st = FRESH; w.st < STATES; w.st++) {
			w.shown = 0;
			sweep_option(_metadata, &w);
		}
	}
	EXPECT_EQ(0U, w.differences);
}

TEST_F(api, sol_tcp)
{
	sweep_level(_metadata, self->s, IPPROTO_TCP, 50);
}

TEST_F(api, sol_socket)
{
	sweep_level(_metadata, self->s, SOL_SOCKET, 75);
}
