// SPDX-License-Identifier: GPL-2.0-only
/*
 * S20: all eleven states can be seen from outside, and how long they last. (One after the other,
 * with why it was left: transitions.c.)
 */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "visible"

/* Neither connected nor listening. */
static struct conn *in_close_(struct how h)
{
	struct conn *c = conn_new();

	(void)h;
	c->fd = stack_socket();
	return c;
}

static const struct {
	int state;
	struct conn *(*make)(struct how h);
	const char *kind;	/* NULL: it is in no table, so it has no line */
} all[] = {
	{ TCP_CLOSE, in_close_, NULL },
	{ TCP_LISTEN, in_listen_, "sock" },
	{ TCP_SYN_SENT, in_syn_sent_, "sock" },
	{ TCP_SYN_RECV, in_syn_recv_, "req" },
	{ TCP_ESTABLISHED, in_established_, "sock" },
	{ TCP_FIN_WAIT1, in_fin_wait_1_, "sock" },
	{ TCP_FIN_WAIT2, in_fin_wait_2_, "sock" },
	{ TCP_CLOSE_WAIT, in_close_wait_, "sock" },
	{ TCP_CLOSING, in_closing_, "sock" },
	{ TCP_LAST_ACK, in_last_ack_, "sock" },
	{ TCP_TIME_WAIT, in_time_wait_, "tw" },
};

#define STATES (sizeof(all) / sizeof(all[0]))

/* A line of /proc/net/xtcp/sockets, in the order of its columns. */
struct line {
	char kind[8], local[80], remote[80], state[24], timer[24];
	long tx, rx, timer_ms, inode, uid, ms;
};

static bool find(const struct conn *c, struct line *l)
{
	FILE *f = fopen("/proc/net/xtcp/sockets", "r");
	char text[512], *lp, *pp;
	bool found = false;

	check(f, "/proc/net/xtcp/sockets: %s", strerror(errno));
	check(fgets(text, sizeof(text), f) && strstr(text, "local"),
	      "no header line");
	while (!found && fgets(text, sizeof(text), f)) {
		if (sscanf(text, "%*s %7s %79s %79s %23s %ld %ld %23s %ld %ld %ld %ld",
			   l->kind, l->local, l->remote, l->state, &l->tx,
			   &l->rx, l->timer, &l->timer_ms, &l->inode, &l->uid,
			   &l->ms) != 11)
			continue;
		lp = strrchr(l->local, ':');
		pp = strrchr(l->remote, ':');
		found = lp && pp && atoi(lp + 1) == c->lport &&
			atoi(pp + 1) == c->pport;
	}
	fclose(f);
	return found;
}

/* How long the connection has been in @state, by its line. */
static long line_ms(const struct conn *c, int state)
{
	struct line l;

	check(find(c, &l), "%s went away", state_name(state));
	return l.ms;
}

/* The time in a state goes on by 20 ms, which take as long. */
static void grows(const struct conn *c, int state, long (*ms)(const struct conn *c, int state))
{
	uint64_t start = now_ns(), passed;
	long first = ms(c, state), last;

	check(first < 10000, "%ld ms in %s", first, state_name(state));
	do {
		last = ms(c, state);
		passed = (now_ns() - start) / MSEC;
		check(passed < 10000, "%ld ms, %d ms later %ld ms in %s", first, (int)passed, last,
		      state_name(state));
		poll(NULL, 0, 1);
	} while (last < first + 20);
	/* A tick, and milliseconds that are cut off. */
	check(passed + 5 >= 20, "20 ms more after %d ms", (int)passed);
}

static void sockets(void)
{
	struct conn *c;
	unsigned int i;
	struct line l;

	for (i = 0; i < STATES; i++) {
		if (!all[i].kind)
			continue;
		c = all[i].make(HOW());
		if (all[i].state == TCP_LISTEN)
			c->pport = 0;
		check(find(c, &l), "%s is not there",
		      state_name(all[i].state));
		check(!strcmp(l.kind, all[i].kind), "%s is a %s, not a %s",
		      state_name(all[i].state), l.kind, all[i].kind);
		grows(c, all[i].state, line_ms);
		if (all[i].make == in_fin_wait_1_ ||
		    all[i].make == in_syn_sent_ || all[i].make == in_time_wait_)
			check(l.timer_ms > 0 && strcmp(l.timer, "-"),
			      "no timer in %s", l.state);
	}
}

static int lines(void)
{
	FILE *f = fopen("/proc/net/xtcp/sockets", "r");
	char text[512];
	int n = 0;

	check(f, "/proc/net/xtcp/sockets: %s", strerror(errno));
	while (fgets(text, sizeof(text), f))
		n++;
	fclose(f);
	return n;
}

/* What is in no table is in no line, bound or not; the states count it. */
static void no_line(void)
{
	int n = lines();

	in_close_(HOW());
	stack_socket_bound(1999);
	check_eq(lines(), n);
}

static void queues(void)
{
	struct conn *c = in_established();
	struct line l;

	write_stream(c, 100);
	inject(c, ACK, 1, 1, .len = 60);
	fence();
	check(find(c, &l), "the connection is not there");
	check_eq(l.tx, 100);
	check_eq(l.rx, 60);
	check(l.inode > 0, "inode %ld", l.inode);
	check_eq(l.uid, getuid());
}

/* How many are in each state, now and ever. */
static void counts(void)
{
	long now, ever, now2, ever2;
	struct conn *c;
	unsigned int i;
	int s;

	for (i = 0; i < STATES; i++) {
		s = all[i].state;
		check(xtcp_count(s, &now, &ever), "no line for %s",
		      state_name(s));
		c = all[i].make(HOW());
		check(xtcp_count(s, &now2, &ever2), "no line for %s",
		      state_name(s));
		check(now2 == now + 1, "%s: now %ld, before %ld",
		      state_name(s), now2, now);
		check(ever2 == ever + 1, "%s: entered %ld times, before %ld",
		      state_name(s), ever2, ever);
		(void)c;
	}
}

#ifdef _UAPI_XTCP_H
static struct xtcp_info xtcp_info(int fd)
{
	struct xtcp_info x = { 0 };
	socklen_t len = sizeof(x);

	sys(getsockopt(fd, SOL_XTCP, XTCP_INFO, &x, &len));
	return x;
}

static long info_ms(const struct conn *c, int state)
{
	struct xtcp_info x = xtcp_info(state == TCP_LISTEN ? c->lfd : c->fd);

	check_eq(x.state, state);
	return x.state_ms;
}
#endif

/* By the program's own socket. TIME_WAIT has none, and SYN_RECV only after both have opened. */
static void own_info(void)
{
#ifdef _UAPI_XTCP_H
	unsigned int i;

	for (i = 0; i < STATES; i++) {
		struct how h = HOW(.active = all[i].state == TCP_SYN_RECV);
		struct conn *c;

		if (all[i].state == TCP_TIME_WAIT)
			continue;
		c = all[i].make(h);
		check_eq(tcpi_state(all[i].state == TCP_LISTEN ? c->lfd : c->fd), all[i].state);
		grows(c, all[i].state, info_ms);
	}
#else
	fail("built without module/uapi/xtcp.h");
#endif
}

static void info(void)
{
#ifdef _UAPI_XTCP_H
	struct conn *c = in_established();
	struct xtcp_info x;

	x = xtcp_info(c->fd);
	check_eq(x.state, TCP_ESTABLISHED);
	check_eq(x.wire_protocol, w.proto);
	check_eq(x.ip_version, is_v6() ? 6 : 4);
	check_eq(x.creator_pid, getpid());
	check(x.state_ms < 10000, "%lld ms", (long long)x.state_ms);
	check_eq(x.msl_ms, 30000);
	check_eq(x.keepalive_time_s, 7200);
	write_stream(c, 100);
	x = xtcp_info(c->fd);
	check(x.timer_ms[XTCP_INFO_TIMER_REXMIT] > 0 ||
	      x.timer_ms[XTCP_INFO_TIMER_PROBE] > 0,
	      "no timer with data in flight");
	expect(c, ACK, 1, 1, .len = 100);
	inject(c, RST, 1, 0);
	fence();
	x = xtcp_info(c->fd);
	check_eq(x.state, TCP_CLOSE);
	check(x.close_reason, "no reason why it closed");
#else
	fail("built without module/uapi/xtcp.h");
#endif
}

static long sysfs_count(int state)
{
	char path[80], text[32];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/xtcp/states/%s", state_name(state));
	f = fopen(path, "r");
	check(f, "%s: %s", path, strerror(errno));
	check(fgets(text, sizeof(text), f), "%s is empty", path);
	fclose(f);
	return atol(text);
}

/* How many there are of each state in other namespaces. */
static void sysfs_beside(long *beside)
{
	long ever;
	unsigned int i;

	for (i = 0; i < STATES; i++) {
		check(xtcp_count(all[i].state, &beside[i], &ever), "no line for %s",
		      state_name(all[i].state));
		beside[i] = sysfs_count(all[i].state) - beside[i];
	}
}

/*
 * One more in the state, and whatever else has come with it, in every file as in this namespace's
 * own count. What an earlier row has left behind in another may end meanwhile: then once more,
 * with another connection.
 */
static bool sysfs_counts(int at)
{
	long before[STATES], after[STATES], n = sysfs_count(all[at].state);

	sysfs_beside(before);
	all[at].make(HOW());
	sysfs_beside(after);
	return sysfs_count(all[at].state) == n + 1 && !memcmp(before, after, sizeof(before));
}

static void sysfs(void)
{
	unsigned int i;
	int tries;

	for (i = 0; i < STATES; i++) {
		for (tries = 0; tries < 10 && !sysfs_counts(i); tries++)
			poll(NULL, 0, 100);
		check(tries < 10, "/sys/kernel/xtcp/states/%s does not count it",
		      state_name(all[i].state));
	}
}

/* What XTCP_INFO counts and measures, after an exchange of which all is known. */
static void info_exchange(void)
{
#ifdef _UAPI_XTCP_H
	/* Without SACK there is no tail loss probe */
	struct conn *c = in_established(.mss = 1012, .no_sack = true);
	struct xtcp_info x = xtcp_info(c->fd), y;
	uint64_t sent_ns, rtt_us;
	uint32_t segs = x.segs_out;

	check_eq(x.mss, 1000);
	check_eq(x.cwnd, 10);
	check_eq(x.ssthresh, 2147483647);
	check_eq(x.bytes_in + x.bytes_out + x.retransmissions, 0);
	check(x.srtt_us && x.srtt_us < 10000000, "SRTT %u us", x.srtt_us);

	/* 100 ms until the ACK: an eighth of the sample, whatever the first one was */
	sent_ns = now_ns();
	write_stream(c, 3000);
	expect_stream(c, 3001);
	while (now_ns() - sent_ns < 100 * MSEC)
		next_seg(c, 10);
	inject(c, ACK, 1, 3001, .len = 60);
	fence();
	rtt_us = (now_ns() - sent_ns) / 1000;
	drop_pending();
	y = xtcp_info(c->fd);
	check_eq(y.bytes_out, 3000);
	check_eq(y.bytes_in, 60);
	check_eq(y.retransmissions, 0);
	check_eq(y.cwnd, 10);
	check(y.segs_in >= x.segs_in + 1, "%u segments came", y.segs_in);
	check(y.segs_out >= segs + 3, "%u segments sent, before %u", y.segs_out, segs);
	check(y.srtt_us >= (7ULL * x.srtt_us + 99000) / 8 &&
	      y.srtt_us <= (7ULL * x.srtt_us + rtt_us) / 8 + 1,
	      "SRTT %u us, before %u, after a sample of 100000 to %d", y.srtt_us, x.srtt_us,
	      (int)rtt_us);
	/* SRTT + max(4 RTTVAR, 200 ms) */
	check(y.rto_us >= y.srtt_us + 200000 && y.rto_us <= y.srtt_us + 200000 + 4 * rtt_us,
	      "RTO %u us, SRTT %u", y.rto_us, y.srtt_us);

	/* Sent again once */
	write_stream(c, 500);
	expect(c, ACK, 3001, 61, .len = 500);
	expect(c, ACK, 3001, 61, .len = 500, .within_ms = 5000);
	inject(c, ACK, 61, 3501);
	fence();
	x = xtcp_info(c->fd);
	check_eq(x.retransmissions, 1);
	check_eq(x.bytes_out, 4000);
	check_eq(x.bytes_in, 60);
#else
	fail("built without module/uapi/xtcp.h");
#endif
}

const struct row visible_rows[] = {
	ROW(ROW_XTCP | ROW_CORE, "S20 every state but CLOSE in /proc/net/xtcp/sockets", sockets),
	ROW(ROW_XTCP, "S20 a socket in CLOSE has no line in /proc/net/xtcp/sockets", no_line),
	ROW(ROW_XTCP, "S20 queues, inode and uid", queues),
	ROW(ROW_XTCP, "S20 all eleven states in /proc/net/xtcp/states", counts),
	ROW(ROW_XTCP, "S20 every state but TIME_WAIT in TCP_INFO and XTCP_INFO", own_info),
	ROW(ROW_XTCP, "S20 XTCP_INFO", info),
	ROW(ROW_XTCP, "S20 XTCP_INFO after a known exchange", info_exchange),
	ROW(ROW_XTCP, "S20 all eleven states in /sys/kernel/xtcp/states", sysfs),
	{ NULL }
};
