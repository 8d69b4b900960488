// SPDX-License-Identifier: GPL-2.0-only
/* RFC 2018, 6675, 6937, 6582, 3042: what is sent again, in which order, how much. */
#define _GNU_SOURCE
#include "loss.h"

#define TOPIC "recovery"

/* Three holes, told by one ACK: filled from the lowest up, then new data. */
static void holes(void)
{
	struct conn *c = far();

	flight(c, 0, 10);
	write_stream(c, 20 * LEN);
	pass(c, RTT);
	sack(c, AT(1), { AT(8), AT(10) }, { AT(5), AT(7) }, { AT(2), AT(4) });
	data(c, AT(1));
	data(c, AT(4));
	data(c, AT(7));
	data(c, AT(10));
	while (sent(c))
		;
	/* The first two come; the third is not sent again for that. */
	pass(c, RTT);
	sack(c, AT(7), { AT(8), AT(10) });
	check(sent(c) >= 1, "nothing is sent for what came");
	check_eq(resent(c), 3);
	inject(c, ACK, 1, c->rcv);
	fence();
	check_eq(resent(c), 3);
}

/* The same holes, told bit by bit: each is sent once, and only once. */
static void once(void)
{
	struct conn *c = far();
	int i;

	flight(c, 0, 10);
	pass(c, RTT);
	for (i = 3; i <= 5; i++) {
		none(c);
		sack(c, AT(0), { AT(3), AT(i + 1) });
	}
	data(c, AT(0));
	for (i = 6; i < 10; i++)
		sack(c, AT(0), { AT(3), AT(i + 1) });
	data(c, AT(1));
	data(c, AT(2));
	none(c);
	pass(c, RTT / 2);
	check_eq(resent(c), 3);
	check_eq(sacked(c), 7);
	inject(c, ACK, 1, AT(10));
	none(c);
	check_eq(sacked(c), 0);
}

/* What was sent again and lost again is found by RACK, without the timer. */
static void lost_again(void)
{
	struct conn *c = far();

	flight(c, 0, 10);
	write_stream(c, 20 * LEN);
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(10) });
	data(c, AT(0));
	data(c, AT(10));
	while (sent(c))
		;
	pass(c, RTT);
	/* New data that were sent after the retransmission arrive, it does not. */
	sack(c, AT(0), { AT(1), AT(13) });
	data_within(c, AT(0), 60);
	check_eq(resent(c), 2);
}

/*
 * RFC 6675 6: the ACK of what recovery sends again is two round trips younger than the one
 * before the loss. If these are long, and all alike, the timer must not be in between.
 */
static void long_way(void)
{
	const int rtt = 400;
	struct conn *c = far_away(HOW(.sndbuf = 400000, .win = 60000), rtt);
	int i;

	for (i = 0; i < 8; i++) {
		flight(c, 10 * i, 10 * i + 10);
		pass(c, rtt);
		inject(c, ACK, 1, AT(10 * i + 10));
		none(c);
	}
	flight(c, 80, 90);
	pass(c, rtt);
	sack(c, AT(80), { AT(81), AT(90) });
	data(c, AT(80));
	none(c);
	pass(c, rtt);
	inject(c, ACK, 1, AT(90));
	none(c);
	check_eq(resent(c), 1);
	check(cwnd(c) >= 7, "cwnd %d", cwnd(c));
}

/* RFC 6937: of 20 segments in flight 14 go out again, evenly. */
static void prr(void)
{
	struct conn *c = far();
	int i, out = 0, delivered, want, total = 0;

	twenty(c);
	flight(c, 10, 30);
	write_stream(c, 60 * LEN);
	pass(c, RTT);
	/* Limited transmit: one new segment for each; TCP may wait for two (TSO). */
	for (i = 1; i <= 2; i++) {
		sack(c, AT(10), { AT(11), AT(11 + i) });
		out += sent(c);
		check(out <= i && (out == i || !is_xtcp()), "%d for %d", out, i);
	}
	for (i = 3; i < 20; i++) {
		sack(c, AT(10), { AT(11), AT(11 + i) });
		out = sent(c);
		total += out;
		delivered = i - 2;
		check(i > 3 || out == 1, "%d at the first", out);
		/* ceil(delivered * ssthresh / RecoverFS), while pipe > ssthresh */
		want = (delivered * 14 + 19) / 20;
		if (delivered < 14)
			check(total <= want && total >= want - !is_xtcp(),
			      "%d after %d, not %d", total, delivered, want);
		check(total <= 14, "%d of 20", total);
	}
	check_eq(ssthresh(c), 14);
	check_eq(resent(c), 1);
	inject(c, ACK, 1, AT(32));
	fence();
	check_eq(cwnd(c), 14);
}

/* Most of the window is lost: packet conservation, slow start up to ssthresh. */
static void prr_bound(void)
{
	struct conn *c = far();
	int n;

	twenty(c);
	flight(c, 10, 30);
	write_stream(c, 60 * LEN);
	pass(c, RTT);
	/* Sixteen are lost, four arrive. */
	sack(c, AT(10), { AT(26), AT(30) });
	n = sent(c);
	check(is_xtcp() ? n == 4 : n >= 1 && n <= 4, "%d segments for four that arrived", n);
	pass(c, RTT);
	inject(c, ACK, 1, AT(11));
	n = sent(c);
	check(is_xtcp() ? n == 2 : n >= 1 && n <= 2, "%d segments for one that arrived", n);
}

/*
 * RFC 9937: what is in flight falls far below ssthresh at once. As long as ACKs show losses, one
 * goes out for each that arrived; then two at most, until what was banked is used up.
 */
static void prr_no_burst(void)
{
	struct conn *c = far();
	int i, n;

	twenty(c);
	flight(c, 10, 30);
	write_stream(c, 60 * LEN);
	pass(c, RTT);
	/* Eight arrive: six go out, two are banked. */
	for (i = 1; i <= 8; i++)
		sack(c, AT(10), { AT(11), AT(11 + i) });
	n = sent(c);
	check(is_xtcp() ? n >= 6 && n <= 8 : n >= 4 && n <= 8, "%d segments for eight", n);
	/* Eight more are lost: for three that arrived, three. */
	sack(c, AT(10), { AT(27), AT(30) }, { AT(11), AT(19) });
	n = sent(c);
	check(is_xtcp() ? n == 3 : n >= 1 && n <= 8, "%d segments for three, with losses", n);
	/* Without further losses two for one, of the three that are banked by then. */
	pass(c, RTT);
	sack(c, AT(10), { AT(27), AT(31) }, { AT(11), AT(19) });
	n = sent(c);
	check(is_xtcp() ? n == 2 : n >= 1 && n <= 4, "%d segments for one", n);
}

/* What the peer sends meanwhile delivers nothing, and takes nothing back of what may be sent. */
static void prr_nothing_new(void)
{
	struct conn *c = far();
	int i, n;

	flight(c, 0, 10);
	pass(c, RTT);
	for (i = 2; i <= 10; i++)
		sack(c, AT(0), { AT(1), AT(i) });
	data(c, AT(0));
	none(c);
	/* Its data, and a window update. */
	inject(c, ACK, 1, AT(0), .len = 100);
	expect(c, ACK, AT(10), 101);
	inject(c, ACK, 101, AT(0), .win = 50000);
	none(c);
	write_stream(c, 10 * LEN);
	n = sent(c);
	check(is_xtcp() ? n == 2 : n >= 1 && n <= 7, "%d segments", n);
}

/* RFC 6582: at the third duplicate, each partial ACK the next hole, no more. */
static void newreno(void)
{
	struct conn *c = far(.no_sack = true);
	int i;

	flight(c, 0, 10);
	pass(c, RTT);
	for (i = 0; i < 3; i++) {
		none(c);
		inject(c, ACK, 1, AT(0));
	}
	data(c, AT(0));
	none(c);
	for (i = 0; i < 4; i++)
		inject(c, ACK, 1, AT(0));
	none(c);
	/* 3 and 6 are missing as well. */
	pass(c, RTT);
	inject(c, ACK, 1, AT(3));
	data(c, AT(3));
	none(c);
	pass(c, RTT);
	inject(c, ACK, 1, AT(6));
	data(c, AT(6));
	none(c);
	pass(c, RTT);
	inject(c, ACK, 1, AT(10));
	none(c);
	check_eq(resent(c), 3);
	check_eq(ssthresh(c), 7);
	/* The kernel's stays in recovery until more than all of it is acknowledged. */
	if (is_xtcp())
		check_eq(cwnd(c), 7);
}

/*
 * 20 in flight, of which the first is lost, and more waits: with the third duplicate it is sent
 * again. The first two have let one new segment out each.
 */
static struct conn *newreno_of_20(void (*tune)(int fd))
{
	struct conn *c = far(.no_sack = true, .tune = tune);
	int i, out = 0;

	twenty(c);
	flight(c, 10, 30);
	write_stream(c, 60 * LEN);
	pass(c, RTT);
	for (i = 0; i < 3; i++) {
		inject(c, ACK, 1, AT(10));
		out += sent(c);
	}
	check_eq(resent(c), 1);
	if (is_xtcp()) {
		check_eq(out, 3);
		check_eq(c->rcv, AT(32));
	}
	return c;
}

/* All is acknowledged that was in flight. Return: how many new segments leave with that. */
static int newreno_ends(struct conn *c, uint32_t recover, int window)
{
	uint32_t before = c->rcv;
	int n;

	inject(c, ACK, 1, recover);
	n = sent(c);
	check_eq(c->rcv, before + LEN * n);
	check_eq(resent(c), 1);
	check_eq(ssthresh(c), window);
	check_eq(cwnd(c), window);
	return n;
}

/*
 * RFC 6582 3.2 step 3, full acknowledgment: cwnd is ssthresh. If a duplicate came for each segment
 * that arrived, PRR has sent as much by then, but for the one that was sent again.
 */
static void newreno_full(void)
{
	struct conn *c = newreno_of_20(NULL);
	uint32_t recover = c->rcv;
	int i, out = 0;

	/* Of 20 in flight 16 more, and a round trip later those of limited transmit */
	for (i = 3; i < 21; i++) {
		if (i == 19)
			pass(c, RTT);
		inject(c, ACK, 1, AT(10));
		out += sent(c);
	}
	check(out == 13 || !is_xtcp(), "%d segments in recovery", out);
	check_eq(newreno_ends(c, recover, 14), 14 - out);
}

/*
 * If they are lost, or there were no data to send, little is in flight, and what cwnd has room
 * for leaves at once: what step 3 warns of, up to ssthresh.
 */
static void newreno_full_burst(void)
{
	struct conn *c = newreno_of_20(NULL);

	pass(c, RTT);
	check_eq(newreno_ends(c, AT(32), 14), 14);
}

static void reno(int fd)
{
	sys(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
}

/* What that ACK acknowledges does not make the window grow: it is more than twice of it. */
static void newreno_full_reno(void)
{
	struct conn *c = newreno_of_20(reno);

	pass(c, RTT);
	check_eq(newreno_ends(c, AT(32), 10), 10);
}

/* RFC 6582 3.2 step 1: duplicates of what was sent again are no new loss. */
static void newreno_twice(void)
{
	struct conn *c = far(.no_sack = true);
	int i;

	flight(c, 0, 10);
	pass(c, RTT);
	for (i = 0; i < 9; i++)
		inject(c, ACK, 1, AT(0));
	data(c, AT(0));
	none(c);
	pass(c, RTT);
	inject(c, ACK, 1, AT(10));
	none(c);
	write_stream(c, 4 * LEN);
	for (i = 10; i < 14; i++)
		data(c, AT(i));
	for (i = 0; i < 4; i++)
		inject(c, ACK, 1, AT(10));
	none(c);
	check_eq(resent(c), 1);
	check_eq(ssthresh(c), 7);
}

/* RFC 3042: the first two duplicate ACKs are worth a new segment each. */
static void limited_transmit(void)
{
	struct conn *c = far(.no_sack = true);
	int out;

	flight(c, 0, 10);
	write_stream(c, 10 * LEN);
	none(c);
	pass(c, RTT);
	inject(c, ACK, 1, AT(0));
	data(c, AT(10));
	none(c);
	inject(c, ACK, 1, AT(0));
	out = sent(c);
	/* The kernel's may wait until there are two to send at once (TSO). */
	check(out == 1 || (!out && !is_xtcp()), "%d segments", out);
	check_eq(c->rcv, AT(11 + out));
	inject(c, ACK, 1, AT(0));
	data(c, AT(0));
	none(c);
}

/* RFC 2018 8: held, and not acknowledged: it is sent again after all. */
static void reneging(void)
{
	struct conn *c = far();

	flight(c, 0, 6);
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(6) });
	data(c, AT(0));
	pass(c, RTT);
	/* The hole is filled, but the ACK does not go on to 6. */
	inject(c, ACK, 1, AT(1));
	data_within(c, AT(1), 2000);
	inject(c, ACK, 1, AT(2));
	data_within(c, AT(2), 2000);
	inject(c, ACK, 1, AT(6));
	fence();
	check_eq(sacked(c), 0);
}

/* Blocks of what was never sent, of what is long acknowledged, upside down. */
static void lies(void)
{
	struct conn *c = far();
	int i;

	flight(c, 0, 10);
	pass(c, RTT);
	inject(c, ACK, 1, AT(5));
	none(c);
	for (i = 0; i < 5; i++) {
		sack(c, AT(5), { AT(20), AT(30) });
		sack(c, AT(5), { AT(9), AT(11) });
		sack(c, AT(5), { AT(9), AT(8) });
		sack(c, AT(5), { 1u << 31, (1u << 31) + LEN });
		sack(c, AT(5), { AT(8), AT(8) });
	}
	none(c);
	check_eq(sacked(c), 0);
	check_eq(resent(c), 0);
	inject(c, ACK, 1, AT(10));
	none(c);
}

/* Thousands of blocks of one byte: nothing is cut, nothing marked by them. */
static void crumbs(void)
{
	struct conn *c = far();
	int i, n = 0;

	twenty(c);
	flight(c, 10, 30);
	pass(c, RTT);
	for (i = 0; i < 3000; i++) {
		uint32_t at = AT(11) + 2 + (i * 19) % (18 * LEN);

		if (at % LEN < 2 || at % LEN > 990)
			continue;
		sack(c, AT(10), { at, at + 1 }, { at + 2, at + 3 },
		     { at + 4, at + 6 });
		n++;
	}
	check(n > 2000, "only %d", n);
	/* This may have taken longer than an RTO: only marks tell. */
	sent(c);
	if (is_xtcp())
		check_eq(sacked(c), 0);
	/* The connection goes on; what is wholly held counts, the rest not. */
	sack(c, AT(10), { AT(11) + 10, AT(16) + 10 });
	sent(c);
	if (is_xtcp())
		check_eq(sacked(c), 4);
	inject(c, ACK, 1, AT(30));
	fence();
	drop_pending();
	flight(c, 30, 35);
}

/* RFC 7661, RFC 9438 5.8: a window that is not used does not grow. */
static void not_limited(void)
{
	struct conn *c = far();
	int i;

	for (i = 0; i < 20; i++) {
		flight(c, 2 * i, 2 * i + 2);
		pass(c, RTT);
		inject(c, ACK, 1, AT(2 * i + 2));
		none(c);
	}
	check_eq(cwnd(c), 10);
}

/* The peer shuts its window over data in flight: that is no loss again and again. */
static void window_shut(void)
{
	struct conn *c = far();
	int i, before;

	forty(c);
	flight(c, 30, 50);
	pass(c, RTT);
	c->win = 0;
	inject(c, ACK, 1, AT(30));
	data_within(c, AT(30), 2000);
	before = ssthresh(c);
	check(before >= 10, "ssthresh %d", before);
	for (i = 0; i < 3; i++) {
		inject(c, ACK, 1, AT(30));
		data_within(c, AT(30), 8000);
	}
	check_eq(ssthresh(c), before);
	c->win = 60000;
	inject(c, ACK, 1, AT(50));
	none(c);
	flight(c, 50, 52);
}

const struct row recovery_rows[] = {
	ROW(ROW_CORE, "RFC 6675 RFC 2018 holes are filled from the lowest up", holes),
	ROW(0, "RFC 6675 each hole once", once),
	ROW(0, "RFC 8985 6.2 a retransmission that is lost", lost_again),
	ROW(ROW_VT, "RFC 6675 6 no timeout for a fast retransmission on a long way", long_way),
	ROW(ROW_CORE, "RFC 6937 14 of 20, evenly; cwnd ends at ssthresh", prr),
	ROW(0, "RFC 6937 3.1 the bound when much is lost", prr_bound),
	ROW(0, "RFC 9937 what was banked does not go out as a burst", prr_no_burst),
	ROW(0, "RFC 9937 what delivers nothing takes nothing back", prr_nothing_new),
	ROW(ROW_CORE, "RFC 6582 partial ACKs", newreno),
	ROW(0, "RFC 6582 3.2 step 3 full acknowledgment: cwnd is ssthresh", newreno_full),
	/* The kernel's TCP may have sent nothing by limited transmit. */
	ROW(ROW_XTCP, "RFC 6582 3.2 step 3 a burst of ssthresh, if duplicates are lost",
	    newreno_full_burst),
	ROW(ROW_XTCP, "RFC 6582 3.2 step 3 its ACK does not add to the window", newreno_full_reno),
	ROW(0, "RFC 6582 3.2 not twice for one window", newreno_twice),
	ROW(ROW_CORE, "RFC 3042 limited transmit", limited_transmit),
	ROW(0, "RFC 2018 8 reneging", reneging),
	ROW(0, "RFC 2018 blocks that lie", lies),
	ROW(0, "RFC 2018 thousands of crumbs", crumbs),
	ROW(0, "RFC 7661 RFC 9438 5.8 an unused window does not grow", not_limited),
	ROW(ROW_XTCP, "RFC 5681 3.1 MUST-34 a window shut over data in flight", window_shut),
	{ NULL }
};
