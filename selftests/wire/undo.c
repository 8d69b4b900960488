// SPDX-License-Identifier: GPL-2.0-only
/* RFC 3522, 3708, 4015, 5682: what was late is not lost, and costs no window. */
#define _GNU_SOURCE
#include "loss.h"

#define TOPIC "undo"

/* The ACK of what was sent again echoes a time before that. */
static void timestamp(void)
{
	struct conn *c = far();
	uint32_t before;

	flight(c, 0, 10);
	before = c->ts_recent;
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(10) });
	data(c, AT(0));
	check_eq(ssthresh(c), 7);
	pass(c, 20);
	sack_(c, AT(10), before, NULL, 0);
	none(c);
	check_eq(ssthresh(c), NO_SSTHRESH);
	check(cwnd(c) >= 10, "cwnd %d", cwnd(c));
}

/* It echoes the retransmission: there was a loss. */
static void timestamp_loss(void)
{
	struct conn *c = far();

	flight(c, 0, 10);
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(10) });
	data(c, AT(0));
	pass(c, RTT);
	inject(c, ACK, 1, AT(10));
	none(c);
	check_eq(ssthresh(c), 7);
	check_eq(cwnd(c), 7);
}

/* One late segment does not excuse another that was lost. */
static void timestamp_partial(void)
{
	struct conn *c = far();
	uint32_t before;

	flight(c, 0, 10);
	before = c->ts_recent;
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(5) }, { AT(6), AT(10) });
	data(c, AT(0));
	data(c, AT(5));
	pass(c, 20);
	sack_echo(c, AT(5), before, { AT(6), AT(10) });
	none(c);
	pass(c, RTT);
	inject(c, ACK, 1, AT(10));
	none(c);
	check_eq(ssthresh(c), 7);
}

/* tcpi_dsack_dups, which <netinet/tcp.h> has not heard of. */
static uint32_t dsack_dups(const struct conn *c)
{
	uint32_t info[64] = { 0 };
	socklen_t len = sizeof(info);

	sys(getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, info, &len));
	return info[216 / sizeof(*info)];
}

/* Without timestamps the receiver has to say that it came twice. */
static void dsack(void)
{
	struct conn *c = far(.no_ts = true);

	flight(c, 0, 10);
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(10) });
	data(c, AT(0));
	pass(c, 20);
	inject(c, ACK, 1, AT(10));
	none(c);
	check_eq(ssthresh(c), 7);
	pass(c, RTT);
	check_eq(dsack_dups(c), 0);
	sack(c, AT(10), { AT(0), AT(1) });
	none(c);
	check_eq(ssthresh(c), NO_SSTHRESH);
	check_eq(dsack_dups(c), 1);
	check(cwnd(c) >= 10, "cwnd %d", cwnd(c));
}

/* One of two retransmissions was needed: nothing is taken back. */
static void dsack_one(void)
{
	struct conn *c = far(.no_ts = true);

	flight(c, 0, 10);
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(5) }, { AT(6), AT(10) });
	data(c, AT(0));
	data(c, AT(5));
	pass(c, RTT);
	inject(c, ACK, 1, AT(10));
	sack(c, AT(10), { AT(0), AT(1) });
	none(c);
	check_eq(ssthresh(c), 7);
	check_eq(cwnd(c), 7);
}

/* RFC 2883 4.2: what came twice lies inside of what waits: the first block in the second. */
static void dsack_inside(void)
{
	struct conn *c = far(.no_ts = true);

	flight(c, 0, 10);
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(5) }, { AT(6), AT(10) });
	data(c, AT(0));
	data(c, AT(5));
	check_eq(ssthresh(c), 7);
	pass(c, 20);
	/* 5 was late, and its copy comes as well, before 0 does */
	sack(c, AT(0), { AT(1), AT(10) });
	sack(c, AT(0), { AT(5), AT(6) }, { AT(1), AT(10) });
	none(c);
	pass(c, 20);
	inject(c, ACK, 1, AT(10));
	none(c);
	check_eq(ssthresh(c), 7);
	sack(c, AT(10), { AT(0), AT(1) });
	none(c);
	check_eq(ssthresh(c), NO_SSTHRESH);
	check(cwnd(c) >= 10, "cwnd %d", cwnd(c));
	check_eq(resent(c), 2);
}

/* A loss, repaired: nothing but a DSACK could take the reduction back. */
static struct conn *repaired(void)
{
	struct conn *c = far(.no_ts = true);

	flight(c, 0, 10);
	pass(c, RTT);
	sack(c, AT(0), { AT(1), AT(10) });
	data(c, AT(0));
	pass(c, RTT);
	inject(c, ACK, 1, AT(10));
	none(c);
	check_eq(ssthresh(c), 7);
	return c;
}

/* What was never sent did not come twice. */
static void dsack_beyond(void)
{
	struct conn *c = repaired();
	long before = xtcp_counter("SackDiscarded");

	sack(c, AT(10), { AT(10), AT(11) }, { AT(10), AT(12) });
	none(c);
	check_eq(ssthresh(c), 7);
	check_eq(cwnd(c), 7);
	if (is_xtcp())
		check(xtcp_counter("SackDiscarded") > before, "it was not discarded");
}

/* Nor did what is older than the first octet. */
static void dsack_before(void)
{
	struct conn *c = repaired();

	sack(c, AT(10), { AT(0) - LEN / 2, AT(0) + LEN / 2 });
	none(c);
	check_eq(ssthresh(c), 7);
	check_eq(cwnd(c), 7);
	check_eq(xtcp_counter("DsackRecv"), 0);
}

/* More than was sent again did not come twice, unless the network doubles: it tells nothing. */
static void dsack_surplus(void)
{
	struct conn *c = repaired();

	sack(c, AT(10), { AT(0), AT(3) });
	none(c);
	check_eq(ssthresh(c), 7);
	check_eq(cwnd(c), 7);
}

/* Nor does what came twice before anything was sent again: reordering has as long as before. */
static void dsack_of_network(void)
{
	struct conn *c = far(.no_ts = true);

	flight(c, 0, 5);
	pass(c, RTT);
	inject(c, ACK, 1, AT(5));
	sack(c, AT(5), { AT(3), AT(4) });
	none(c);
	flight(c, 5, 8);
	pass(c, RTT);
	mark(c);
	sack(c, AT(5), { AT(7), AT(8) });
	none(c);
	data_within(c, AT(5), 90);
	near(since_ms(c), RTT / 4, 20);
}

/* Until the timer has sent the head again; a probe may come before. */
static void time_out_of(struct conn *c, uint32_t head)
{
	struct seg *s;
	int i;

	for (i = 0; i < 3; i++) {
		s = next_seg(c, 5000);
		check(s, "no timeout");
		if (s->o.has_ts)
			c->ts_recent = s->o.tsval;
		if (s->seq - c->iss == head)
			return;
		if ((int32_t)(s->seq - c->iss + s->len - c->rcv) > 0)
			c->rcv = s->seq - c->iss + s->len;
	}
	fail("the head is not sent again");
}

static void time_out(struct conn *c)
{
	time_out_of(c, AT(0));
}

/* A delay, not a loss: the first ACK moves the window, the second decides. */
static void frto(void)
{
	struct conn *c = far(.no_ts = true, .no_sack = true);

	flight(c, 0, 10);
	write_stream(c, 20 * LEN);
	time_out(c);
	check_eq(cwnd(c), 1);
	/* New data, nothing again. */
	inject(c, ACK, 1, AT(1));
	data(c, AT(10));
	data(c, AT(11));
	none(c);
	inject(c, ACK, 1, AT(2));
	check_eq(ssthresh(c), NO_SSTHRESH);
	check(cwnd(c) >= 10, "cwnd %d", cwnd(c));
	while (sent(c))
		;
	check_eq(resent(c), 1);
}

/* With SACK the first ACK of what was sent but once is enough. */
static void frto_sack(void)
{
	struct conn *c = far(.no_ts = true);

	flight(c, 0, 10);
	write_stream(c, 20 * LEN);
	time_out(c);
	check(ssthresh(c) < 10, "ssthresh %d", ssthresh(c));
	inject(c, ACK, 1, AT(2));
	check_eq(ssthresh(c), NO_SSTHRESH);
	check(sent(c) > 0, "nothing is sent");
	check_eq(resent(c), 1);
}

/* A loss: the second ACK is a duplicate, and what was lost goes out. */
static void frto_loss(void)
{
	struct conn *c = far(.no_ts = true, .no_sack = true);

	flight(c, 0, 10);
	write_stream(c, 20 * LEN);
	time_out(c);
	inject(c, ACK, 1, AT(1));
	data(c, AT(10));
	data(c, AT(11));
	none(c);
	pass(c, RTT);
	/* Each is a new segment that arrived: the window of two has room for one */
	inject(c, ACK, 1, AT(1));
	data(c, AT(1));
	none(c);
	inject(c, ACK, 1, AT(1));
	data(c, AT(2));
	none(c);
	check(ssthresh(c) < 10, "ssthresh %d", ssthresh(c));
	/* Slow start goes on by what arrives */
	pass(c, RTT);
	inject(c, ACK, 1, AT(3));
	check(sent(c) >= 2, "nothing is sent");
}

/* No new data: the loss is taken for real, and nothing waits for a decision. */
static void frto_no_data(void)
{
	struct conn *c = far(.no_ts = true, .no_sack = true);

	flight(c, 0, 10);
	time_out(c);
	inject(c, ACK, 1, AT(1));
	data(c, AT(1));
	data(c, AT(2));
	none(c);
}

/* With timestamps the first ACK tells. */
static void eifel_rto(void)
{
	struct conn *c = far();
	uint32_t before;

	flight(c, 0, 10);
	before = c->ts_recent;
	write_stream(c, 20 * LEN);
	time_out(c);
	pass(c, 20);
	sack_(c, AT(1), before, NULL, 0);
	fence();
	check_eq(ssthresh(c), NO_SSTHRESH);
	check(cwnd(c) >= 10, "cwnd %d", cwnd(c));
	check_eq(resent(c), 1);
}

/* 40 in flight, a spurious timeout, and one ACK for all of them. */
static struct conn *late_ack_of_40(void)
{
	struct conn *c = far();
	uint32_t before;

	forty(c);
	flight(c, 30, 70);
	before = c->ts_recent;
	write_stream(c, 90 * LEN);
	time_out_of(c, AT(30));
	pass(c, 20);
	sack_(c, c->rcv, before, NULL, 0);
	return c;
}

/*
 * RFC 4015 step 5: not the whole window leaves at once, but as much as was acknowledged, up to
 * an initial window; slow start goes on from there. (The kernel's TCP has its window back.)
 */
static void no_burst(void)
{
	struct conn *c = late_ack_of_40();
	int n = sent(c);

	check_eq(ssthresh(c), NO_SSTHRESH);
	if (!is_xtcp()) {
		check(n >= 40, "%d segments", n);
		return;
	}
	check_eq(n, 10);
	check_eq(cwnd(c), 10);
	for (n = 20; n <= 40; n *= 2) {
		pass(c, RTT);
		inject(c, ACK, 1, c->rcv);
		check_eq(sent(c), n);
	}
}

/* RFC 4015 step 5: the same where F-RTO tells. */
static void no_burst_frto(void)
{
	struct conn *c = far(.no_ts = true);
	int n;

	twenty(c);
	flight(c, 10, 30);
	write_stream(c, 60 * LEN);
	time_out_of(c, AT(10));
	inject(c, ACK, 1, AT(28));
	n = sent(c);
	check_eq(ssthresh(c), NO_SSTHRESH);
	check(n >= 10, "%d segments", n);
	if (is_xtcp())
		check_eq(n, 10);
}

const struct row undo_rows[] = {
	ROW(ROW_CORE, "RFC 3522 RFC 4015 undone by timestamp", timestamp),
	ROW(0, "RFC 3522 a real loss stays one", timestamp_loss),
	ROW(0, "RFC 3522 one late, one lost", timestamp_partial),
	ROW(ROW_CORE, "RFC 3708 RFC 2883 undone by DSACK", dsack),
	ROW(0, "RFC 3708 not all of them came twice", dsack_one),
	ROW(ROW_CORE, "RFC 2883 4.2 RFC 3708 DSACK in the second block", dsack_inside),
	ROW(0, "RFC 2883 RFC 3708 DSACK of what was never sent", dsack_beyond),
	/* The kernel's TCP takes one that begins up to a window below. */
	ROW(ROW_XTCP, "RFC 2883 RFC 3708 DSACK of what is older than all", dsack_before),
	ROW(0, "RFC 3708 more came twice than was sent again", dsack_surplus),
	ROW(0, "RFC 3708 RFC 8985 6.2 the network's own doubles", dsack_of_network),
	ROW(ROW_CORE, "RFC 5682 2.1 a spurious timeout", frto),
	ROW(0, "RFC 5682 3.1 a spurious timeout, with SACK", frto_sack),
	ROW(0, "RFC 5682 2.1 a timeout for a loss", frto_loss),
	ROW(0, "RFC 5682 2.1 a timeout and no new data", frto_no_data),
	ROW(0, "RFC 3522 a spurious timeout, by timestamp", eifel_rto),
	ROW(ROW_CORE, "RFC 4015 no burst after an undo", no_burst),
	ROW(0, "RFC 4015 RFC 5682 no burst after an undo, by F-RTO", no_burst_frto),
	{ NULL }
};
