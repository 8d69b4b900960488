// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every edge of the figure in RFC 9293 3.3.2 is taken, and seen from outside;
 * XTCP has to have counted it in /proc/net/xtcp/states, and told of it by the
 * tracepoint xtcp_state, too.  (LISTEN -> SYN_SENT by SEND is no part of the
 * socket interface.)
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include "wire.h"

#define TOPIC "transitions"

/* An instance of the tracer for this row's namespace alone */
static char tracer[64];
static uint64_t watched;	/* since when, ns */

static void tracer_write(const char *file, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/events/xtcp/xtcp_state/%s", tracer, file);
	f = fopen(path, "w");
	check(f && fputs(text, f) >= 0 && !fclose(f), "%s: %s", path, strerror(errno));
}

static void watch(void)
{
	char filter[64];
	struct stat st;

	if (tracer[0])
		return;
	watched = now_ns();
	snprintf(tracer, sizeof(tracer), "/sys/kernel/tracing/instances/xtcp-wire-%d", getpid());
	check(!mkdir(tracer, 0700), "%s: %s", tracer, strerror(errno));
	sys(stat("/proc/self/ns/net", &st));
	snprintf(filter, sizeof(filter), "netns == %lu", (unsigned long)st.st_ino);
	tracer_write("filter", filter);
	tracer_write("enable", "1");
}

/* A line of xtcp_state */
struct told {
	char old[16], new[16], reason[24];
	unsigned long long cookie;
	unsigned int ms;
	int pid;
};

/* What the tracepoint said last of @c, if that was of this edge */
static bool tell(const struct conn *c, int from, int to, struct told *t)
{
	char path[128], text[512], port[16], *at;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/trace", tracer);
	/* connect() finds a port in SYN_SENT, so that the first event has none */
	snprintf(port, sizeof(port), ":%u dst=", to == TCP_SYN_SENT ? 0 : c->lport);
	f = fopen(path, "r");
	check(f, "%s: %s", path, strerror(errno));
	while (fgets(text, sizeof(text), f)) {
		at = strstr(text, "cookie=");
		if (!at || !strstr(text, port))
			continue;
		check(sscanf(at, "cookie=%llu", &t->cookie) == 1 &&
		      sscanf(strstr(at, "old="), "old=%15s new=%15s reason=%23s ms=%u pid=%d",
			     t->old, t->new, t->reason, &t->ms, &t->pid) == 5, "%s", text);
		found = state_named(t->old, from) && state_named(t->new, to);
	}
	fclose(f);
	return found;
}

static const char *why(int from, int to)
{
	if (from == TCP_TIME_WAIT)
		return "2msl";
	if (to == TCP_LISTEN || to == TCP_SYN_SENT || to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK)
		return "user";
	return to == TCP_CLOSE && from != TCP_LAST_ACK ? "user" : "segment";
}

static void traced(const struct conn *c, int from, int to)
{
	uint64_t passed = (now_ns() - watched) / MSEC;
	struct told t;

	check(tell(c, from, to, &t), "xtcp_state said nothing of %s -> %s", state_name(from),
	      state_name(to));
	check(!strcmp(t.reason, why(from, to)), "the reason of %s -> %s is %s", t.old, t.new,
	      t.reason);
	check(t.cookie, "no cookie");
	/* a request is nobody's yet */
	check_eq(t.pid, from == TCP_LISTEN && to == TCP_SYN_RECV ? 0 : getpid());
	check(t.ms <= passed + 10000, "%u ms in %s", t.ms, t.old);
	/* it is told at ticks, of 4 ms */
	if (from == TCP_TIME_WAIT)
		check(t.ms <= passed + 10 && t.ms + 100 >= passed, "%u ms in TIME_WAIT, %d passed",
		      t.ms, (int)passed);
}

/* The edge was taken just now: what was counted before, and what after. */
static long counted(int from, int to)
{
	if (!is_xtcp())
		return 0;
	watch();
	return xtcp_moved(from, to);
}

static void edge(struct conn *c, int from, int to, long before)
{
	state_is(c, to);
	if (!is_xtcp())
		return;
	traced(c, from, to);
	sys(rmdir(tracer));
	check(counted(from, to) == before + 1,
	      "%s -> %s was counted %ld times, not once",
	      state_name(from), state_name(to), counted(from, to) - before);
}

static void closed_listen(void)
{
	long n = counted(TCP_CLOSE, TCP_LISTEN);
	struct conn *c = in_listen();

	c->fd = c->lfd;
	c->pport = 0;
	edge(c, TCP_CLOSE, TCP_LISTEN, n);
}

static void closed_syn_sent(void)
{
	long n = counted(TCP_CLOSE, TCP_SYN_SENT);

	edge(in_syn_sent(), TCP_CLOSE, TCP_SYN_SENT, n);
}

static void listen_syn_recv(void)
{
	long n = counted(TCP_LISTEN, TCP_SYN_RECV);

	edge(in_syn_recv(), TCP_LISTEN, TCP_SYN_RECV, n);
}

static void listen_closed(void)
{
	struct conn *c = in_listen();
	long n = counted(TCP_LISTEN, TCP_CLOSE);

	c->pport = 0;
	sys(close(c->lfd));
	edge(c, TCP_LISTEN, TCP_CLOSE, n);
}

static void syn_sent_syn_recv(void)
{
	long n = counted(TCP_SYN_SENT, TCP_SYN_RECV);

	edge(in_syn_recv(.active = true), TCP_SYN_SENT, TCP_SYN_RECV, n);
}

static void syn_sent_established(void)
{
	long n = counted(TCP_SYN_SENT, TCP_ESTABLISHED);

	edge(in_established(.active = true), TCP_SYN_SENT, TCP_ESTABLISHED, n);
}

static void syn_sent_closed(void)
{
	struct conn *c = in_syn_sent();
	long n = counted(TCP_SYN_SENT, TCP_CLOSE);

	sys(close(c->fd));
	c->fd = -1;
	edge(c, TCP_SYN_SENT, TCP_CLOSE, n);
}

static void syn_recv_established(void)
{
	long n = counted(TCP_SYN_RECV, TCP_ESTABLISHED);

	edge(in_established(), TCP_SYN_RECV, TCP_ESTABLISHED, n);
}

/* The listener was in LISTEN all the time: its peer's entry goes. */
static void syn_recv_listen(void)
{
	struct conn *c = in_syn_recv(), l;

	inject(c, RST, 1, 0);
	fence();
	gone(c);
	l = *c;
	l.fd = c->lfd;
	l.pport = 0;
	state_is(&l, TCP_LISTEN);
}

/* CLOSE in SYN_RECV, which a program can do after a simultaneous open. */
static void syn_recv_fin_wait_1(void)
{
	struct conn *c = in_syn_recv(.active = true);
	long n = counted(TCP_SYN_RECV, TCP_FIN_WAIT1);

	sys(close(c->fd));
	c->fd = -1;
	edge(c, TCP_SYN_RECV, TCP_FIN_WAIT1, n);
	inject(c, ACK, 1, 1);
	expect(c, FIN | ACK, 1, 1);
}

static void established_fin_wait_1(void)
{
	long n = counted(TCP_ESTABLISHED, TCP_FIN_WAIT1);

	edge(in_fin_wait_1(), TCP_ESTABLISHED, TCP_FIN_WAIT1, n);
}

static void established_close_wait(void)
{
	long n = counted(TCP_ESTABLISHED, TCP_CLOSE_WAIT);

	edge(in_close_wait(), TCP_ESTABLISHED, TCP_CLOSE_WAIT, n);
}

static void fin_wait_1_fin_wait_2(void)
{
	long n = counted(TCP_FIN_WAIT1, TCP_FIN_WAIT2);

	edge(in_fin_wait_2(), TCP_FIN_WAIT1, TCP_FIN_WAIT2, n);
}

static void fin_wait_1_closing(void)
{
	long n = counted(TCP_FIN_WAIT1, TCP_CLOSING);

	edge(in_closing(), TCP_FIN_WAIT1, TCP_CLOSING, n);
}

static void fin_wait_1_time_wait(void)
{
	struct conn *c = in_fin_wait_1();
	long n = counted(TCP_FIN_WAIT1, TCP_TIME_WAIT);

	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	edge(c, TCP_FIN_WAIT1, TCP_TIME_WAIT, n);
}

static void fin_wait_2_time_wait(void)
{
	long n = counted(TCP_FIN_WAIT2, TCP_TIME_WAIT);

	edge(in_time_wait(), TCP_FIN_WAIT2, TCP_TIME_WAIT, n);
}

static void closing_time_wait(void)
{
	struct conn *c = in_closing();
	long n = counted(TCP_CLOSING, TCP_TIME_WAIT);

	inject(c, ACK, 2, 2);
	fence();
	edge(c, TCP_CLOSING, TCP_TIME_WAIT, n);
}

static void close_wait_last_ack(void)
{
	long n = counted(TCP_CLOSE_WAIT, TCP_LAST_ACK);

	edge(in_last_ack(), TCP_CLOSE_WAIT, TCP_LAST_ACK, n);
}

static void last_ack_closed(void)
{
	struct conn *c = in_last_ack();
	long n = counted(TCP_LAST_ACK, TCP_CLOSE);

	inject(c, ACK, 2, 2);
	fence();
	edge(c, TCP_LAST_ACK, TCP_CLOSE, n);
}

static void time_wait_closed(void)
{
	struct conn *c = in_time_wait();
	long n = counted(TCP_TIME_WAIT, TCP_CLOSE);

	wait_gone(c, 100000);
	edge(c, TCP_TIME_WAIT, TCP_CLOSE, n);
}

static void time_wait_closed_short(void)
{
	struct conn *c;
	long n;

	knob("msl_ms", 100);
	c = in_time_wait();
	n = counted(TCP_TIME_WAIT, TCP_CLOSE);
	wait_gone(c, 10000);
	edge(c, TCP_TIME_WAIT, TCP_CLOSE, n);
}

#define EDGE(fl, from, to, fn) \
	ROW(fl, "S20 RFC 9293 figure 5: " from " -> " to, fn)

const struct row transitions_rows[] = {
	EDGE(ROW_CORE, "CLOSED", "LISTEN", closed_listen),
	EDGE(ROW_CORE, "CLOSED", "SYN_SENT", closed_syn_sent),
	EDGE(ROW_CORE, "LISTEN", "SYN_RECV", listen_syn_recv),
	EDGE(ROW_CORE, "LISTEN", "CLOSED", listen_closed),
	EDGE(ROW_CORE, "SYN_SENT", "SYN_RECV", syn_sent_syn_recv),
	EDGE(ROW_CORE, "SYN_SENT", "ESTABLISHED", syn_sent_established),
	EDGE(ROW_CORE, "SYN_SENT", "CLOSED", syn_sent_closed),
	EDGE(ROW_CORE, "SYN_RECV", "ESTABLISHED", syn_recv_established),
	EDGE(ROW_CORE, "SYN_RECV", "LISTEN", syn_recv_listen),
	EDGE(ROW_CORE, "SYN_RECV", "FIN_WAIT_1", syn_recv_fin_wait_1),
	EDGE(ROW_CORE, "ESTABLISHED", "FIN_WAIT_1", established_fin_wait_1),
	EDGE(ROW_CORE, "ESTABLISHED", "CLOSE_WAIT", established_close_wait),
	EDGE(ROW_CORE, "FIN_WAIT_1", "FIN_WAIT_2", fin_wait_1_fin_wait_2),
	EDGE(ROW_CORE, "FIN_WAIT_1", "CLOSING", fin_wait_1_closing),
	EDGE(ROW_CORE, "FIN_WAIT_1", "TIME_WAIT", fin_wait_1_time_wait),
	EDGE(ROW_CORE, "FIN_WAIT_2", "TIME_WAIT", fin_wait_2_time_wait),
	EDGE(ROW_CORE, "CLOSING", "TIME_WAIT", closing_time_wait),
	EDGE(ROW_CORE, "CLOSE_WAIT", "LAST_ACK", close_wait_last_ack),
	EDGE(ROW_CORE, "LAST_ACK", "CLOSED", last_ack_closed),
	EDGE(ROW_CORE | ROW_VT, "TIME_WAIT", "CLOSED", time_wait_closed),
	EDGE(ROW_XTCP, "TIME_WAIT", "CLOSED (msl_ms 100)",
	     time_wait_closed_short),
	{ NULL }
};
