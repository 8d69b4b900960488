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
	check(cwnd(c) < 10, "cwnd %d", cwnd(c));
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
	ROW(ROW_CORE, "RFC 8985 6.2 reordering is no loss", not_by_count),
	ROW(0, "RFC 8985 6.2 RFC 2883 DSACK widens the window", adapts),
	/* The kernel's TCP waits for longer after a DSACK only. */
	ROW(ROW_XTCP, "RFC 8985 6.2 RFC 3522 so does an undo by timestamp", adapts_by_timestamp),
	ROW(ROW_CORE, "RFC 8985 6.3 a timeout: what is recent is not lost", timeout_recent),
	ROW(ROW_VT, "RFC 8985 6.2 16 recoveries without DSACK: the window is small again", forgets),
	ROW(ROW_VT, "RFC 8985 6.2 the window is SRTT at most", most),
	ROW(ROW_CORE, "RFC 8985 7.2 a tail loss probe after two round trips", tail),
	ROW(0, "RFC 8985 7.2 one segment: no sooner than its ACK may be", tail_alone),
	ROW(0, "RFC 8985 7.3 new data are the probe", tail_new),
	ROW(0, "RFC 8985 7.4 a probe that repaired a loss", tail_repaired),
	ROW(0, "RFC 8985 7.4 a probe that was not needed", tail_needless),
	{ NULL }
};
