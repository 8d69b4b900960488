// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tracepoints xtcp_timer, xtcp_segment_out and xtcp_drop tell where there is no full
 * socket. (xtcp_state: transitions.c; those of full sockets: selftests/net.)
 */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "events"

#ifndef SO_MAX_PACING_RATE
#define SO_MAX_PACING_RATE 47
#endif

/* A tick or two: when a timer is armed, and when the trace says so. */
#define SLACK_MS 12

/* "cookie=N which=@which action=@action ms=", for trace_lines(). */
static const char *timer_text(unsigned long long cookie, const char *which, const char *action)
{
	static char text[120];

	snprintf(text, sizeof(text), "cookie=%llu which=%s action=%s ms=", cookie, which, action);
	return text;
}

/* It was armed once, for @ms, fires when that is over, and never before. */
static void armed_and_fires(unsigned long long cookie, const char *which, long ms)
{
	double armed_s, fired_s;
	long for_ms, zero;

	check_eq(trace_lines("xtcp_timer", timer_text(cookie, which, "armed"), &armed_s, &for_ms),
		 1);
	check(for_ms >= ms && for_ms <= ms + SLACK_MS, "%s armed for %ld ms, not %ld", which,
	      for_ms, ms);
	check_eq(trace_lines("xtcp_timer", timer_text(cookie, which, "fired"), NULL, NULL), 0);
	trace_waits("xtcp_timer", timer_text(cookie, which, "fired"), &fired_s, &zero);
	check_eq(zero, 0);
	check((fired_s - armed_s) * 1000 >= ms - 1, "%s armed for %ld ms fired after %.1f", which,
	      ms, (fired_s - armed_s) * 1000);
}

/* Of a request: at first for rto_initial_ms, then for twice that, with the SYN+ACK again. */
static void timer_request(void)
{
	unsigned long long cookie;
	struct conn *c;
	long ms = 0;

	knob("rto_initial_ms", 400);
	trace_begin();
	trace_also("xtcp_timer");
	c = in_syn_recv();
	cookie = trace_cookie(c);
	armed_and_fires(cookie, "synack", 400);
	expect(c, SYN | ACK, 0, 1);
	check_eq(trace_lines("xtcp_timer", timer_text(cookie, "synack", "armed"), NULL, &ms), 2);
	check(ms >= 800 && ms <= 800 + SLACK_MS, "armed again for %ld ms", ms);
	trace_end();
}

static void msl_200(int fd)
{
	set_int(fd, SOL_XTCP, XTCP_MSL_MS, 200);
}

/* Under the cookie that the connection had; a FIN that comes again starts it anew. */
static void timer_timewait(void)
{
	unsigned long long cookie;
	struct conn *c;
	double armed_s, fired_s;
	long ms = 0;

	trace_begin();
	trace_also("xtcp_timer");
	c = in_time_wait(.tune = msl_200);
	cookie = trace_cookie(c);
	check_eq(trace_lines("xtcp_timer", timer_text(cookie, "timewait", "armed"), NULL, NULL), 1);
	inject(c, FIN | ACK, 1, 2);
	expect(c, ACK, 2, 2);
	check_eq(trace_lines("xtcp_timer", timer_text(cookie, "timewait", "armed"), &armed_s, &ms),
		 2);
	check(ms >= 400 && ms <= 400 + SLACK_MS, "armed for %ld ms", ms);
	trace_waits("xtcp_timer", timer_text(cookie, "timewait", "fired"), &fired_s, &ms);
	check_eq(ms, 0);
	check((fired_s - armed_s) * 1000 >= 399, "it fired after %.1f ms",
	      (fired_s - armed_s) * 1000);
	gone(c);
	trace_end();
}

/* 2000 bytes leave at 10 kB/s: the next ones wait for 200 ms. */
static void timer_pace(void)
{
	unsigned long long cookie;
	double armed_s, fired_s;
	struct conn *c;
	long ms = 0;

	trace_begin();
	trace_also("xtcp_timer");
	c = in_established(.mss = 1012);
	cookie = trace_cookie(c);
	set_int(c->fd, SOL_SOCKET, SO_MAX_PACING_RATE, 10000);
	write_stream(c, 2000);
	trace_waits("xtcp_timer", timer_text(cookie, "pace", "armed"), &armed_s, &ms);
	check(ms > 20 && ms <= 200, "armed for %ld ms", ms);
	trace_waits("xtcp_timer", timer_text(cookie, "pace", "fired"), &fired_s, NULL);
	check((fired_s - armed_s) * 1000 > 20, "it fired after %.1f ms",
	      (fired_s - armed_s) * 1000);
	trace_end();
}

/* An ACK of what was never sent is answered with RST, which is told once, as the connection's. */
static void rst_of(struct conn *c, int state)
{
	char want[120];
	int n;

	inject(c, ACK, 1, 77);
	expect(c, RST, 77, 0, .any = ANY_ACK);
	snprintf(want, sizeof(want), "cookie=%llu family=%d * seq=%u ack=0 flags=RST win=0 len=0 state=%s",
		 trace_cookie(c), w.family, c->iss + 77, state_name(state));
	n = trace_lines("xtcp_segment_out", want, NULL, NULL);
	check(n == 1, "%d lines with %s", n, want);
}

/* A RST from a request, and one from SYN_SENT: both go on, and it is theirs. */
static void rst_of_flows(void)
{
	trace_begin();
	trace_also("xtcp_segment_out");
	rst_of(in_syn_recv(), TCP_SYN_RECV);
	rst_of(in_syn_sent(), TCP_SYN_SENT);
	trace_end();
}

/* Nobody listens: over protocol 6 the host answers, so there is nothing to tell. */
static void rst_of_nobody(void)
{
	struct conn *c = conn_new();
	char want[120];

	trace_begin();
	trace_also("xtcp_segment_out");
	trace_also("xtcp_drop");
	inject(c, SYN, 0, 0, .mss = 1460);
	expect(c, RST | ACK, 0, 1, .any = ANY_SEQ);
	snprintf(want, sizeof(want), "cookie=0 family=%d * seq=0 ack=%u flags=RST|ACK win=0 len=0 state=CLOSE",
		 w.family, c->irs + 1);
	check_eq(trace_lines("xtcp_segment_out", want, NULL, NULL), w.proto != IPPROTO_TCP);
	snprintf(want, sizeof(want), ":%u dst=*:%u reason=NO_SOCKET", c->lport, c->pport);
	check_eq(trace_lines("xtcp_drop", want, NULL, NULL), w.proto != IPPROTO_TCP);
	trace_end();
}

/* MUST-57: a SYN to many is refused before it is anybody's, and that is told. */
static void drop_to_many(void)
{
	struct conn *c = listener_peer(in_listen());
	char want[120];
	uint8_t addr[16];

	trace_begin();
	trace_also("xtcp_drop");
	inet_pton(w.family, is_v6() ? "ff02::1" : "192.0.2.255", addr);
	inject(c, SYN, 0, 0, .mss = 1460, .dst = addr);
	quiet(NULL);
	snprintf(want, sizeof(want), "family=%d src=*:%u dst=*:%u reason=IP_INADDRERRORS",
		 w.family, c->lport, c->pport);
	check_eq(trace_lines("xtcp_drop", want, NULL, NULL), 1);
	trace_end();
}

const struct row events_rows[] = {
	ROW(ROW_XTCP | ROW_CORE, "xtcp_timer of a request", timer_request),
	ROW(ROW_XTCP | ROW_CORE, "xtcp_timer of TIME_WAIT", timer_timewait),
	ROW(ROW_XTCP, "xtcp_timer of pacing", timer_pace),
	ROW(ROW_XTCP, "xtcp_segment_out: RST from SYN_RECV and SYN_SENT", rst_of_flows),
	ROW(ROW_XTCP | ROW_CORE, "xtcp_segment_out: RST of no socket", rst_of_nobody),
	ROW(ROW_XTCP, "xtcp_drop: a SYN to many", drop_to_many),
	{ NULL }
};
