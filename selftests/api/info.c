// SPDX-License-Identifier: GPL-2.0-only
/* XTCP_INFO: every knob that takes effect, and who has made the socket. */
#define API_FAMILY_ONLY
#include "fixture.h"

static struct xtcp_info own_info(int fd)
{
	struct xtcp_info i = { 0 };
	socklen_t len = sizeof(i);

	if (getsockopt(fd, SOL_XTCP, XTCP_INFO, &i, &len) || len != sizeof(i))
		memset(&i, 0xff, sizeof(i));
	return i;
}

/* A member of struct xtcp_info, how it is set, and what it is then. */
struct knob {
	size_t at;
	int level, option;
	const char *sysctl;
	int value;
	__u32 shown;
};

#define OPT(member, level, name, value, shown)						\
	{ offsetof(struct xtcp_info, member), level, name, NULL, value, shown }
#define CTL(member, name, value)							\
	{ offsetof(struct xtcp_info, member), 0, 0, "net/xtcp/" name, value, value }

/* No value occurs twice, nor is one a default. */
static const struct knob by_option[] = {
	OPT(msl_ms, SOL_XTCP, XTCP_MSL_MS, 4321, 4321),
	OPT(syn_budget_ms, SOL_XTCP, XTCP_SYN_BUDGET_MS, 5432, 5432),
	OPT(rto_min_ms, SOL_XTCP, XTCP_RTO_MIN_MS, 321, 321),
	OPT(rto_max_ms, SOL_XTCP, XTCP_RTO_MAX_MS, 65432, 65432),
	OPT(dead_peer_ms, SOL_XTCP, XTCP_DEAD_PEER_MS, 76543, 76543),
	OPT(user_timeout_ms, IPPROTO_TCP, TCP_USER_TIMEOUT, 8765, 8765),
	OPT(keepalive_time_s, IPPROTO_TCP, TCP_KEEPIDLE, 1234, 1234),
	OPT(keepalive_intvl_s, IPPROTO_TCP, TCP_KEEPINTVL, 56, 56),
	OPT(keepalive_probes, IPPROTO_TCP, TCP_KEEPCNT, 7, 7),
	OPT(syn_retries, IPPROTO_TCP, TCP_SYNCNT, 9, 9),
	OPT(synack_retries, SOL_XTCP, XTCP_SYNACK_RETRIES, 11, 11),
	OPT(orphan_retries, SOL_XTCP, XTCP_ORPHAN_RETRIES, 12, 12),
	OPT(fin_wait2_ms, IPPROTO_TCP, TCP_LINGER2, 13, 13000),
};

static const struct knob by_sysctl[] = {
	CTL(msl_ms, "msl_ms", 1111), CTL(rto_min_ms, "rto_min_ms", 222),
	CTL(rto_max_ms, "rto_max_ms", 33333), CTL(dead_peer_ms, "dead_peer_ms", 44444),
	CTL(keepalive_time_s, "keepalive_time", 555), CTL(keepalive_intvl_s, "keepalive_intvl", 66),
	CTL(keepalive_probes, "keepalive_probes", 77), CTL(syn_retries, "syn_retries", 8),
	CTL(synack_retries, "synack_retries", 14), CTL(orphan_retries, "orphan_retries", 15),
	CTL(fin_wait2_ms, "fin_wait2_ms", 16000), CTL(delack_ms, "delack_ms", 17),
};

static __u32 shown(const struct xtcp_info *i, const struct knob *k)
{
	__u32 value;

	memcpy(&value, (const char *)i + k->at, sizeof(value));
	return value;
}

/* The first knob of @k that is not what it was set to, or -1. */
static int wrong(int fd, const struct knob *k, int n)
{
	struct xtcp_info info = own_info(fd);
	int i;

	for (i = 0; i < n && shown(&info, &k[i]) == k[i].shown; i++)
		;
	return i < n ? i : -1;
}

/* Each at once, and a child has its listener's. */
TEST_F(api, knobs_by_option)
{
	struct addr a;
	int l = make_listener(self->s, 2, &a), c = cli_socket(self->s, 0), d;
	unsigned int i;

	ASSERT_LE(0, l);
	for (i = 0; i < ARRAY_SIZE(by_option); i++) {
		const struct knob *k = &by_option[i];
		struct xtcp_info before = own_info(l);

		EXPECT_NE(k->shown, shown(&before, k)) { TH_LOG("knob %u", i); }
		EXPECT_EQ(0, set_int(l, k->level, k->option, k->value)) { TH_LOG("knob %u", i); }
	}
	EXPECT_EQ(-1, wrong(l, by_option, ARRAY_SIZE(by_option)));
	ASSERT_EQ(0, do_connect(c, &a));
	d = accept(l, NULL, NULL);
	ASSERT_LE(0, d);
	EXPECT_EQ(-1, wrong(d, by_option, ARRAY_SIZE(by_option)));
}

/* Of the namespace: for all who have none of their own. */
TEST_F(api, knobs_by_sysctl)
{
	int fd = srv_socket(self->s, 0), own = srv_socket(self->s, 0);
	unsigned int i;

	ASSERT_LE(0, fd);
	ASSERT_LE(0, own);
	for (i = 0; i < ARRAY_SIZE(by_option); i++)
		EXPECT_EQ(0, set_int(own, by_option[i].level, by_option[i].option,
				     by_option[i].value));
	for (i = 0; i < ARRAY_SIZE(by_sysctl); i++) {
		struct xtcp_info before = own_info(fd);
		char text[16];

		EXPECT_NE(by_sysctl[i].shown, shown(&before, &by_sysctl[i])) {
			TH_LOG("%s", by_sysctl[i].sysctl);
		}
		snprintf(text, sizeof(text), "%d", by_sysctl[i].value);
		EXPECT_EQ(0, sysctl_write(by_sysctl[i].sysctl, text));
	}
	EXPECT_EQ(-1, wrong(fd, by_sysctl, ARRAY_SIZE(by_sysctl)));
	EXPECT_EQ(-1, wrong(own, by_option, ARRAY_SIZE(by_option)));
}

/* What a process in a pid namespace of its own has made and seen; shared. */
struct inside {
	const struct api_stack *s;
	int outer;			/* a socket from outside */
	int made;			/* one that init of the namespace has made */
	int second;			/* one of a child there */
	int say[2], hear[2];		/* pipes: to the outside, from there */
	__u32 self, seen_own, seen_outer, child, seen_second, seen_dead;
};

/* clone() for a process with these files, its memory a copy: what it opens is ours, too. */
static pid_t with_files(int (*fn)(void *arg), struct inside *in, int flags)
{
	static __u64 stack[2][4096];

	return clone(fn, stack[flags ? 0 : 1] + 4096, CLONE_FILES | SIGCHLD | flags, in);
}

static int child_inside(void *arg)
{
	struct inside *in = arg;

	in->child = getpid();
	in->second = srv_socket(in->s, 0);
	return in->second < 0;
}

static int init_inside(void *arg)
{
	struct inside *in = arg;
	siginfo_t info;
	pid_t child;
	char b = 0;

	in->self = getpid();
	in->made = srv_socket(in->s, 0);
	in->seen_own = own_info(in->made).creator_pid;
	in->seen_outer = own_info(in->outer).creator_pid;
	child = with_files(child_inside, in, 0);
	/* a zombie keeps its number */
	if (child < 0 || waitid(P_PID, child, &info, WEXITED | WNOWAIT))
		return 1;
	in->seen_second = own_info(in->second).creator_pid;
	waitpid(child, NULL, 0);
	in->seen_dead = own_info(in->second).creator_pid;
	return write(in->say[1], &b, 1) != 1 || read(in->hear[0], &b, 1) != 1;
}

/* The creator by the reader's numbers; nobody where he is not to be seen. */
TEST_F(api, creator_in_pid_namespaces)
{
	struct inside *in = mmap(NULL, sizeof(*in), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t pid;
	char b;

	ASSERT_NE(MAP_FAILED, in);
	in->s = self->s;
	in->outer = srv_socket(self->s, 0);
	ASSERT_LE(0, in->outer);
	ASSERT_EQ(0, pipe(in->say));
	ASSERT_EQ(0, pipe(in->hear));
	EXPECT_EQ((__u32)getpid(), own_info(in->outer).creator_pid);
	pid = with_files(init_inside, in, CLONE_NEWPID);
	ASSERT_LT(0, pid);
	ASSERT_EQ(1, read(in->say[0], &b, 1));
	EXPECT_EQ(1U, in->self);
	EXPECT_EQ(1U, in->seen_own);
	EXPECT_EQ(0U, in->seen_outer);
	EXPECT_EQ(2U, in->child);
	EXPECT_EQ(2U, in->seen_second);
	EXPECT_EQ(0U, in->seen_dead);
	/* out here it has the number that we see */
	EXPECT_EQ((__u32)pid, own_info(in->made).creator_pid);
	EXPECT_EQ(1, write(in->hear[1], &b, 1));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}
