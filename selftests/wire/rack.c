// SPDX-License-Identifier: GPL-2.0-only
/* RFC 8985: losses by time, reordering, and probes for the tail. */
#define _GNU_SOURCE
#include "loss.h"

#define TOPIC "rack"

/* Of [at, at + n) the first is missed: it is sent again @ms after the others have come. */
static void waits(struct conn *c, int at, int n, int ms, int slack)
{
	flight(c, at, at + n);
	pass(c, RTT);
	mark(c);
	sack(c, AT(at), { AT(at + 1), AT(at + n) });
	none(c);
	data_within(c, AT(at), ms + 90);
	near(since_ms(c), ms, slack);
}

/* min_rtt / 4 after the one that overtook it: no count of three is needed. */
static void by_time(void)
{
	struct conn *c = far();

	flight(c, 0, 3);
	pass(c, RTT);
	mark(c);
	sack(c, AT(0), { AT(2), AT(3) });
	none(c);
	data_within(c, AT(0), 90);
	near(since_ms(c), RTT / 4, 20);
	sack(c, AT(1), { AT(2), AT(3) });
	data(c, AT(1));
	none(c);
	check_eq(resent(c), 2);
}

/*
 * 6.2 step 2: 0 is late, or lost. What was sent half a round trip after it arrives, so 0 is sent
 * again, while 2 to 5, sent before that, are on their way: nothing tells that they are lost, but
 * the arrival of what was sent again. @first: TSval of what was sent first.
 */
static struct conn *on_their_way(bool no_ts, uint32_t *first)
{
	struct conn *c = far(.no_ts = no_ts);

	flight(c, 0, 1);
	*first = c->ts_recent;
	pass(c, RTT / 2);
	flight(c, 1, 6);
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(2) });
	data(c, AT(0));
	none(c);
	return c;
}

/* The ACK was for the original: nothing is lost, not even in half a round trip more. */
static void nothing_lost(struct conn *c)
{
	none(c);
	check_eq(tcpi(c).tcpi_lost, 0);
	pass(c, RTT / 2);
	check_eq(tcpi(c).tcpi_lost, 0);
	inject(c, ACK, 1, AT(6));
	none(c);
	check_eq(resent(c), 1);
}

/* Sooner than any ACK ever came. */
static void original_by_time(void)
{
	uint32_t first;
	struct conn *c = on_their_way(true, &first);

	pass(c, RTT / 20);
	inject(c, ACK, 1, AT(2));
	nothing_lost(c);
}

/* It echoes what was sent first. By its time it could be for what was sent again. */
static void original_by_echo(void)
{
	uint32_t first;
	struct conn *c = on_their_way(false, &first);

	pass(c, RTT + RTT / 5);
	sack_(c, AT(2), first, NULL, 0);
	nothing_lost(c);
}

/* A round trip later it is for what was sent again: 2 to 5 did not come, one out for one in. */
static void again_arrives(bool no_ts)
{
	uint32_t first;
	struct conn *c = on_their_way(no_ts, &first);

	pass(c, RTT + RTT / 5);
	inject(c, ACK, 1, AT(2));
	data(c, AT(2));
	none(c);
	check_eq(tcpi(c).tcpi_lost, 4);
	pass(c, RTT);
	inject(c, ACK, 1, AT(3));
	data(c, AT(3));
	data(c, AT(4));
	none(c);
	pass(c, RTT);
	inject(c, ACK, 1, AT(5));
	data(c, AT(5));
	none(c);
	pass(c, RTT);
	inject(c, ACK, 1, AT(6));
	none(c);
	check_eq(resent(c), 5);
}

static void again_by_time(void)
{
	again_arrives(true);
}

static void again_by_echo(void)
{
	again_arrives(false);
}

/* Established by a cookie, so that no round trip has been measured. */
static struct conn *by_cookie(void)
{
	struct conn *c;

	knob("syncookies", 2);
	c = in_listen(.win = 60000);
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	pass(c, RTT);
	inject(c, ACK, 1, 1);
	do_accept(c);
	check_eq(tcpi(c).tcpi_rtt, 0);
	/* Segments are longer than LEN: the cookie knows a few sizes */
	set_int(c->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return c;
}

/*
 * The whole first flight is lost, its probe arrives. Without a sample no ACK comes sooner than
 * others did; that it is for the probe its timestamp says, and what was sent before is lost.
 */
static void no_sample(void)
{
	struct conn *c = by_cookie();
	int i;

	for (i = 0; i < 10; i++)
		flight(c, i, i + 1);
	mark(c);
	data_within(c, AT(9), 2000);
	near(since_ms(c), 1000, 100);
	pass(c, RTT);
	check_eq(tcpi(c).tcpi_rtt, 0);
	sack(c, AT(0), { AT(9), AT(10) });
	data(c, AT(0));
	none(c);
	check_eq(tcpi(c).tcpi_lost, 9);
	check_eq(cwnd(c), 1);
	pass(c, RTT);
	sack(c, AT(1), { AT(9), AT(10) });
	data(c, AT(1));
	data(c, AT(2));
	none(c);
	check_eq(resent(c), 4);
}

/* A segment comes late, and is seen to: the connection knows reordering. */
static void overtaken(struct conn *c, int first)
{
	flight(c, first, first + 4);
	pass(c, RTT);
	sack(c, AT(first), { AT(first + 1), AT(first + 2) });
	none(c);
	inject(c, ACK, 1, AT(first + 4));
	none(c);
}

/* After that, no number of duplicate ACKs is a loss before its time. */
static void not_by_count(void)
{
	struct conn *c = far();
	int i;

	overtaken(c, 0);
	flight(c, 4, 12);
	pass(c, RTT);
	for (i = 1; i < 8; i++) {
		sack(c, AT(4), { AT(5), AT(5 + i) });
		none(c);
	}
	/* It was only late. */
	pass(c, RTT / 10);
	inject(c, ACK, 1, AT(12));
	none(c);
	check_eq(resent(c), 0);
	check_eq(ssthresh(c), NO_SSTHRESH);
	/* And a loss is one still, when its time has passed. */
	flight(c, 12, 18);
	pass(c, RTT);
	mark(c);
	sack(c, AT(12), { AT(13), AT(18) });
	none(c);
	data_within(c, AT(12), 90);
	near(since_ms(c), RTT / 4, 20);
	none(c);
}

/* Sent again without need, says a DSACK: it waits for longer from then on. */
static void adapts(void)
{
	struct conn *c = far();

	overtaken(c, 0);
	flight(c, 4, 10);
	pass(c, RTT);
	sack(c, AT(4), { AT(5), AT(10) });
	data_within(c, AT(4), 90);
	pass(c, RTT);
	inject(c, ACK, 1, AT(10));
	none(c);
	sack(c, AT(10), { AT(4), AT(5) });
	none(c);
	waits(c, 10, 6, RTT / 2, 25);
}

/* So does a recovery that turns out to be a mistake by its timestamps. */
static void adapts_by_timestamp(void)
{
	struct conn *c = far();
	uint32_t before;

	overtaken(c, 0);
	flight(c, 4, 10);
	before = c->ts_recent;
	pass(c, RTT);
	sack(c, AT(4), { AT(5), AT(10) });
	data_within(c, AT(4), 90);
	pass(c, 20);
	sack_(c, AT(10), before, NULL, 0);
	none(c);
	check_eq(ssthresh(c), NO_SSTHRESH);
	/* The copy has come as well: the same mistake, counted once. */
	sack(c, AT(10), { AT(4), AT(5) });
	none(c);
	waits(c, 10, 6, RTT / 2, 20);
}

/*
 * A segment is late by more than is waited for, that is by @ms after its successors, and
 * then comes, and so does its copy if @dsack. Return: the next segment.
 */
static int too_late(struct conn *c, int at, int ms, bool dsack)
{
	int n = cwnd(c) < 6 ? cwnd(c) : 6;

	waits(c, at, n, ms, 25);
	pass(c, RTT);
	inject(c, ACK, 1, AT(at + n));
	none(c);
	if (dsack) {
		sack(c, AT(at + n), { AT(at), AT(at + 1) });
		none(c);
	}
	return at + n;
}

/* 16 recoveries without a DSACK: it waits as long as at first. */
static void forgets(void)
{
	struct conn *c = far();
	int i, at;

	overtaken(c, 0);
	at = too_late(c, 4, RTT / 4, true);
	for (i = 0; i < 16; i++)
		at = too_late(c, at, RTT / 2, false);
	too_late(c, at, RTT / 4, false);
}

/* However many DSACKs there are: never longer than SRTT. */
static void most(void)
{
	struct conn *c = far();
	int i, at;

	overtaken(c, 0);
	for (i = 1, at = 4; i <= 6; i++)
		at = too_late(c, at, i < 4 ? i * RTT / 4 : RTT, true);
}

/* Two round trips of silence: the last segment again, then RTO for the first. */
static void tail(void)
{
	struct conn *c = far();

	flight(c, 0, 4);
	mark(c);
	data_within(c, AT(3), 400);
	near(since_ms(c), 2 * RTT, 40);
	/* One probe, no more: the timer is next, and it counts anew. */
	mark(c);
	data_within(c, AT(0), 1000);
	check(since_ms(c) >= 2 * RTT, "RTO %d ms after the probe",
	      (int)since_ms(c));
}

/* One segment: its ACK may be delayed. Never later than the RTO would be. */
static void tail_alone(void)
{
	struct conn *c = far();

	flight(c, 0, 1);
	mark(c);
	data_within(c, AT(0), 1000);
	check(since_ms(c) >= 3 * RTT - 10, "after %d ms", (int)since_ms(c));
	check(since_ms(c) <= 4 * RTT + 60, "after %d ms", (int)since_ms(c));
	/* A probe leaves the window as it is. */
	check_eq(cwnd(c), 10);
}

/* New data are the better probe, one segment beyond the window. */
static void tail_new(void)
{
	struct conn *c = far();

	flight(c, 0, 10);
	write_stream(c, 5 * LEN);
	none(c);
	mark(c);
	data_within(c, AT(10), 400);
	near(since_ms(c), 2 * RTT, 40);
	none(c);
	check_eq(resent(c), 0);
	pass(c, RTT);
	/* Its SACK tells that all before it is lost. */
	sack(c, AT(0), { AT(10), AT(11) });
	data_within(c, AT(0), 90);
}

/* The probe repaired a loss that nothing else would have told of. */
static void tail_repaired(void)
{
	struct conn *c = far();

	probe_repairs(c, 1);
	/* As in fast recovery: CUBIC's 0.7 of the window, once */
	check_eq(ssthresh(c), 7);
	check_eq(cwnd(c), 7);
	flight(c, 5, 6);
	pass(c, RTT);
	inject(c, ACK, 1, AT(6));
	none(c);
	check_eq(ssthresh(c), 7);
	check_eq(cwnd(c), 7);
}

/* A probe of 0 to 3 is out, and answered. */
static struct conn *probed(void)
{
	struct conn *c = far();

	flight(c, 0, 4);
	data_within(c, AT(3), 400);
	pass(c, RTT / 2);
	return c;
}

/* A peer that does not say DSACK: one ACK more is as good. */
static void tail_needless_bare(void)
{
	struct conn *c = probed();

	inject(c, ACK, 1, AT(4));
	inject(c, ACK, 1, AT(4));
	none(c);
	flight(c, 4, 5);
	pass(c, RTT);
	inject(c, ACK, 1, AT(5));
	none(c);
	check_eq(ssthresh(c), NO_SSTHRESH);
	check_eq(cwnd(c), 10);
}

/* Nor is it one of what was sent before the last, or one that tells of other segments. */
static void tail_not_answered(void)
{
	struct conn *c = probed();

	inject(c, ACK, 1, AT(2));
	inject(c, ACK, 1, AT(2));
	inject(c, ACK, 1, AT(4));
	none(c);
	flight(c, 4, 6);
	pass(c, RTT);
	sack(c, AT(4), { AT(5), AT(6) });
	inject(c, ACK, 1, AT(6));
	none(c);
	check_eq(ssthresh(c), 7);
	check_eq(cwnd(c), 7);
	check_eq(resent(c), 1);
}

/* No probe after two round trips (from mark() on): at its time the timer sends @head again. */
static void timer_alone(struct conn *c, uint32_t head)
{
	pass(c, 2 * RTT + RTT / 2);
	data_within(c, head, 400);
	near(since_ms(c), 3 * RTT, 60);
	none(c);
}

/* 7.2: without SACK nobody could tell what a probe tells. */
static void tail_no_sack(void)
{
	struct conn *c = far(.no_sack = true);

	flight(c, 0, 4);
	mark(c);
	timer_alone(c, AT(0));
}

/*
 * 7.2: nor in recovery, even if nothing is SACKed any more. (Without timestamps, and too soon for
 * what was sent again: nothing more is lost, and nothing undone.)
 */
static void tail_in_recovery(void)
{
	struct conn *c = far(.no_ts = true);

	flight(c, 0, 10);
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(4) });
	data(c, AT(0));
	none(c);
	pass(c, RTT / 5);
	inject(c, ACK, 1, AT(4));
	mark(c);
	none(c);
	check_eq(sacked(c), 0);
	check_eq(tcpi(c).tcpi_lost, 0);
	timer_alone(c, AT(4));
	check_eq(resent(c), 2);
}

/*
 * 7.2: nor when something is SACKed, shortly before a probe is due: the time for reordering runs,
 * and finds what is lost.
 */
static void tail_sacked(void)
{
	const int rtt = 400;
	struct conn *c = far_away(HOW(.sndbuf = 400000, .win = 60000), rtt);

	flight(c, 0, 4);
	mark(c);
	pass(c, 2 * rtt - rtt / 8);
	sack(c, AT(0), { AT(1), AT(2) });
	none(c);
	/* a quarter after the ACK, and an eighth after the probe's time */
	data_within(c, AT(0), rtt);
	near(since_ms(c), 2 * rtt + rtt / 8, 40);
	none(c);
	check_eq(resent(c), 1);
}

/* Both the segment and the probe came: a DSACK, and nothing was lost. */
static void tail_needless(void)
{
	struct conn *c = far();

	flight(c, 0, 4);
	data_within(c, AT(3), 400);
	pass(c, RTT / 2);
	inject(c, ACK, 1, AT(4));
	sack(c, AT(4), { AT(3), AT(4) });
	none(c);
	flight(c, 4, 5);
	pass(c, RTT);
	inject(c, ACK, 1, AT(5));
	none(c);
	check_eq(ssthresh(c), NO_SSTHRESH);
	check_eq(cwnd(c), 10);
}

/*
 * A timeout: what was sent a moment before it may still come, and is not sent again. (After a
 * probe the kernel's TCP would put the timeout off with whatever it sends.)
 */
static void timeout_recent(void)
{
	struct conn *c;

	if (!is_xtcp())
		put_file("/proc/sys/net/ipv4/tcp_early_retrans", "0");
	c = far();
	flight(c, 0, 2);
	pass(c, RTT);
	inject(c, ACK, 1, AT(2));
	none(c);
	flight(c, 2, 6);
	if (is_xtcp())
		data_within(c, AT(5), 400);	/* the probe; the timer counts from here */
	pass(c, 2 * RTT + RTT / 2);
	flight(c, 6, 10);
	data_within(c, AT(2), RTT - 5);
	none(c);
	/* One more than the four that may be on their way; two for one that arrives. */
	check_eq(cwnd(c), 5);
	pass(c, RTT / 10);
	inject(c, ACK, 1, AT(3));
	data(c, AT(3));
	data(c, AT(4));
	none(c);
	inject(c, ACK, 1, AT(5));
	data(c, AT(5));
	none(c);
	inject(c, ACK, 1, AT(6));
	none(c);
	inject(c, ACK, 1, AT(10));
	none(c);
	check_eq(resent(c), 4 + is_xtcp());
}

const struct row rack_rows[] = {
	ROW(ROW_CORE, "RFC 8985 6.2 lost by time, not by count", by_time),
	ROW(0, "RFC 8985 6.2 step 2 too soon for what was sent again", original_by_time),
	ROW(0, "RFC 8985 6.2 step 2 an echo of what was sent first", original_by_echo),
	ROW(0, "RFC 8985 6.2 step 2 what was sent again arrives", again_by_time),
	ROW(0, "RFC 8985 6.2 step 2 what was sent again arrives, by its echo", again_by_echo),
	/* The kernel's TCP has an infinite smallest RTT then, and waits for the timer. */
	ROW(ROW_XTCP, "RFC 8985 6.2 step 2 what was sent again, and no RTT is known", no_sample),
	ROW(ROW_CORE, "RFC 8985 6.2 reordering is no loss", not_by_count),
	ROW(0, "RFC 8985 6.2 RFC 2883 DSACK widens the window", adapts),
	/* The kernel's TCP waits for longer after a DSACK only. */
	ROW(ROW_XTCP, "RFC 8985 6.2 RFC 3522 so does an undo by timestamp", adapts_by_timestamp),
	ROW(ROW_CORE, "RFC 8985 6.3 a timeout: what is recent is not lost", timeout_recent),
	ROW(ROW_VT, "RFC 8985 6.2 16 recoveries without DSACK: the window is small again", forgets),
	ROW(ROW_VT, "RFC 8985 6.2 the window is SRTT at most", most),
	ROW(ROW_CORE, "RFC 8985 7.2 a tail loss probe after two round trips", tail),
	ROW(0, "RFC 8985 7.2 one segment: no sooner than its ACK may be", tail_alone),
	ROW(0, "RFC 8985 7.2 no probe without SACK", tail_no_sack),
	ROW(0, "RFC 8985 7.2 no probe in recovery", tail_in_recovery),
	ROW(0, "RFC 8985 7.2 no probe while something is SACKed", tail_sacked),
	ROW(0, "RFC 8985 7.3 new data are the probe", tail_new),
	ROW(0, "RFC 8985 7.4 a probe that repaired a loss", tail_repaired),
	ROW(0, "RFC 8985 7.4 a probe that was not needed", tail_needless),
	ROW(0, "RFC 8985 7.4.2 a probe that was not needed, no DSACK", tail_needless_bare),
	ROW(0, "RFC 8985 7.4.2 duplicates that are no answer to it", tail_not_answered),
	{ NULL }
};
