// SPDX-License-Identifier: GPL-2.0-only
/* What knobs of /proc/sys/net/xtcp do on the wire. */
#define _GNU_SOURCE
#include <fcntl.h>

#include "loss.h"

#define TOPIC "effects"

/* A pause after a window of 40 was acknowledged; how many segments leave at once then. */
static int after_idle(int knob_value, int idle_ms)
{
	struct conn *c;

	knob("slow_start_after_idle", knob_value);
	c = far();
	forty(c);
	/* Counted from the last data, a round trip ago; the RTO is 300 ms. */
	pass(c, idle_ms - RTT);
	write_stream(c, 60 * LEN);
	return sent(c);
}

static void idle_restart(void)
{
	check_eq(after_idle(1, 2000), 10);
}

static void idle_half(void)
{
	check_eq(after_idle(1, 450), 20);
}

static void idle_short(void)
{
	check_eq(after_idle(1, 250), 40);
}

static void idle_kept(void)
{
	check_eq(after_idle(0, 2000), 40);
}

/* A pause counts when it ends, and once: what waits for more has not ended it. */
static void idle_cork(void)
{
	struct conn *c = far();
	uint8_t b[20];

	forty(c);
	pass(c, 450 - RTT);
	pattern_fill(b, c->written, sizeof(b));
	check_eq(send(c->fd, b, 10, MSG_MORE | MSG_NOSIGNAL), 10);
	none(c);
	check_eq(send(c->fd, b + 10, 10, MSG_MORE | MSG_NOSIGNAL), 10);
	none(c);
	c->written += sizeof(b);
	write_stream(c, 60 * LEN - sizeof(b));
	check_eq(sent(c), 20);
}

/* RFC 2861 3.2: of a window of which two segments are used, half of the rest goes in an RTO. */
static void unused(void)
{
	struct conn *c = far();
	int i, before = 40, steps = 0;

	forty(c);
	for (i = 0; i < 12; i++) {
		flight(c, 30 + 2 * i, 32 + 2 * i);
		pass(c, RTT);
		inject(c, ACK, 1, AT(32 + 2 * i));
		none(c);
		if (cwnd(c) == before)
			continue;
		/* No less than an initial window counts as used */
		check_eq(cwnd(c), (before + 10) / 2);
		before = cwnd(c);
		steps++;
	}
	check(steps == 2 || steps == 3, "%d steps in four RTOs", steps);
}

/* Two segments in a round trip, the whole window in the next: never unused for an RTO. */
static void used(void)
{
	struct conn *c = far();
	int i;

	twenty(c);
	for (i = 0; i < 8; i++) {
		/* the RTO is 300 ms */
		int from = 10 + 22 * i;

		flight(c, from, from + 2);
		pass(c, RTT);
		inject(c, ACK, 1, AT(from + 2));
		none(c);
		flight(c, from + 2, from + 22);
		pass(c, RTT);
		inject(c, ACK, 1, AT(from + 22));
		none(c);
		check(cwnd(c) >= 20, "cwnd %d", cwnd(c));
	}
}

/* Return: 0, or what writing it fails with. */
static int put_errno(const char *path, const char *text)
{
	int fd = sys(open(path, O_WRONLY | O_CLOEXEC)), err = 0;

	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}

static void cc_is_at(int fd, const char *want, int line)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	sys(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	if (strcmp(name, want))
		fail_at(__FILE__, line, "it is %s, not %s", name, want);
}

#define cc_is(fd, want) cc_is_at(fd, want, __LINE__)

/* Ten segments are lost; what the timeout makes of the window. */
static void cc_acts(struct conn *c, int want)
{
	flight(c, 0, 10);
	while (ssthresh(c) == NO_SSTHRESH)
		check(next_seg(c, 5000), "nothing is sent again");
	check_eq(ssthresh(c), want);
	drop_pending();
	inject(c, RST, 1, 0);
}

static void congestion_control(void)
{
	const char *path = is_xtcp() ? "/proc/sys/net/xtcp/congestion_control" :
			   "/proc/sys/net/ipv4/tcp_congestion_control";
	struct conn *old, *passive, *active;
	int fd;

	put_file(path, "cubic");
	old = in_established(.mss = LEN + 12);
	put_file(path, "reno");
	check_eq(put_errno(path, "nosuch"), is_xtcp() ? EINVAL : ENOENT);
	fd = stack_socket();
	cc_is(fd, "reno");
	close(fd);
	passive = in_established(.mss = LEN + 12);
	active = in_established(.active = true, .mss = LEN + 12);
	cc_is(old->fd, "cubic");
	cc_is(passive->fd, "reno");
	cc_is(active->fd, "reno");
	/* RFC 9438 4.6: 0.7 of ten; RFC 5681 (4): half of them. */
	cc_acts(old, 7);
	cc_acts(passive, 5);
	cc_acts(active, 5);
}

/* The times between a segment and its retransmissions; without SACK nothing but the RTO sends. */
static void gaps(uint64_t *gap, int n)
{
	struct conn *c = in_established(.no_sack = true);
	uint64_t last, t;
	int i;

	write_stream(c, 100);
	last = expect(c, ACK, 1, 1, .len = 100)->t_ns;
	for (i = 0; i < n; i++) {
		t = expect(c, ACK, 1, 1, .len = 100)->t_ns;
		gap[i] = (t - last) / MSEC;
		last = t;
	}
}

static void rto_min(void)
{
	uint64_t gap[2];

	knob("rto_min_ms", 600);
	gaps(gap, 2);
	near(gap[0], 600, 100);
	near(gap[1], 1200, 100);
	knob("rto_min_ms", 50);
	gaps(gap, 2);
	near(gap[0], 50, 80);
	near(gap[1], 100, 120);
}

static void rto_max(void)
{
	uint64_t gap[5];
	struct conn *c;

	knob("rto_max_ms", 1000);
	gaps(gap, 5);
	near(gap[2], 800, 200);
	near(gap[3], 1000, 100);
	near(gap[4], 1000, 100);
	c = in_syn_sent();
	expect(c, SYN, 0, 0, .at_ms = 1000, .slack_ms = 100);
	expect(c, SYN, 0, 0, .at_ms = 2000, .slack_ms = 100);
	expect(c, SYN, 0, 0, .at_ms = 3000, .slack_ms = 100);
}

const struct row effects_rows[] = {
	ROW(ROW_CORE, "RFC 5681 4.1 slow_start_after_idle 1: the restart window", idle_restart),
	ROW(0, "RFC 2861 slow_start_after_idle 1: half after one RTO", idle_half),
	ROW(0, "RFC 5681 4.1 slow_start_after_idle 1: all within an RTO", idle_short),
	ROW(0, "RFC 5681 4.1 slow_start_after_idle 0: the window stays", idle_kept),
	ROW(0, "RFC 5681 4.1 RFC 2861 a pause counts once: MSG_MORE", idle_cork),
	ROW(ROW_CORE | ROW_XTCP, "RFC 2861 3.2 an unused window is taken down", unused),
	ROW(0, "RFC 2861 3.2 a window that is filled now and then is not", used),
	ROW(0, "congestion_control: for new connections", congestion_control),
	ROW(ROW_XTCP, "MUST-18 rto_min_ms", rto_min),
	ROW(ROW_XTCP, "MUST-18 rto_max_ms", rto_max),
	{ NULL }
};
