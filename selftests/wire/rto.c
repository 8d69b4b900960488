// SPDX-License-Identifier: GPL-2.0-only
/* MUST-18, RFC 6298: what is a sample, how long is waited, and a timeout in fast recovery. */
#define _GNU_SOURCE
#include "wire.h"
#include "loss.h"

#define TOPIC "rto"

/* RFC 6298 (2.1): one second before there is a sample. */
static void initial_rto(void)
{
	struct conn *c = in_syn_sent();

	expect(c, SYN, 0, 0, .at_ms = 1000, .slack_ms = 300);
}

static void rtt_and_rto(const struct conn *c, uint32_t *rtt_ms, uint32_t *rto_ms)
{
	struct tcp_info ti = tcpi(c);

	*rtt_ms = ti.tcpi_rtt / 1000;
	*rto_ms = ti.tcpi_rto / 1000;
}

/* RFC 6298 (2.2): SYN and SYN-ACK are the first sample, R and 3R. */
static void handshake_sample(void)
{
	struct conn *c = in_syn_sent();
	uint32_t rtt, rto;

	quiet_for(c, 300);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	rtt_and_rto(c, &rtt, &rto);
	check(rtt >= 295 && rtt < 400, "RTT %u ms", rtt);
	check(rto >= 800 && rto < 1300, "RTO %u ms", rto);
}

/* RFC 6298 (5.7), Karn: whose SYN-ACK it is nobody knows; 3 s for what follows. */
static void lost_syn(void)
{
	struct conn *c = in_syn_sent(.no_ts = true, .no_sack = true);
	uint32_t rtt, rto;

	expect(c, SYN, 0, 0, .at_ms = 1000, .slack_ms = 300);
	peer_syn_ack(c, HOW(.no_ts = true, .no_sack = true));
	expect(c, ACK, 1, 1);
	rtt_and_rto(c, &rtt, &rto);
	check_eq(rtt, 0);
	check_eq(rto, 3000);
	/* RFC 5681 3.1: and one segment to begin with (without SACK no probe either) */
	write_stream(c, 3 * 1460);
	expect(c, ACK, 1, 1, .any = ANY_LEN);
	c->rcv = 1;
	quiet_for(c, 2500);
}

/* Only the third is acknowledged: 600 ms or more after the first. */
static void sent_thrice(struct conn *c)
{
	int i;

	write_stream(c, 100);
	for (i = 0; i < 3; i++)
		expect(c, ACK, 1, 1, .len = 100);
	inject(c, ACK, 1, 101);
}

/*
 * What is sent in one piece is several segments: an ACK of the first is a measurement as that of
 * all is, without timestamps too.
 */
static void part_is_sample(void)
{
	struct conn *c = in_established(.no_ts = true, .no_sack = true, .mss = 1000);
	uint32_t before = tcpi(c).tcpi_rtt;

	write_stream(c, 2000);
	expect(c, ACK, 1, 1, .len = 1000);
	expect(c, ACK, 1001, 1, .len = 1000);
	quiet_for(c, 60);
	inject(c, ACK, 1, 1001);
	quiet(c);
	/* RFC 6298 2.3: an eighth of it is new */
	check(tcpi(c).tcpi_rtt >= before - before / 8 + 7000, "SRTT %u us, before %u us",
	      tcpi(c).tcpi_rtt, before);
	inject(c, ACK, 1, 2001);
}

/* MUST-18, Karn: an ACK of what was sent twice is no sample (no timestamps). */
static void karn(void)
{
	struct conn *c = in_established(.no_ts = true);
	uint64_t t0, t1;

	sent_thrice(c);
	quiet(c);
	write_stream(c, 100);
	t0 = expect(c, ACK, 101, 1, .len = 100)->t_ns;
	t1 = expect(c, ACK, 101, 1, .len = 100)->t_ns;
	/* The RTO is what it was or its backed-off value, not 3 x 600 ms. */
	check((t1 - t0) / MSEC < 1000, "the RTO rose to %d ms",
	      (int)((t1 - t0) / MSEC));
	inject(c, ACK, 1, 201);
}

/*
 * The backoff lasts until a measurement (RFC 6298 5, last paragraph): an ACK of what was sent three
 * times is none, so the second request is given the time that the first one needed, and measured.
 */
static void backoff_stays(void)
{
	struct conn *c = in_established(.no_ts = true, .no_sack = true);
	uint32_t rtt, rto;

	sent_thrice(c);
	write_stream(c, 100);
	expect(c, ACK, 101, 1, .len = 100);
	quiet_for(c, 600);	/* 4 RTO are 800 or more */
	inject(c, ACK, 1, 201);
	quiet(c);
	rtt_and_rto(c, &rtt, &rto);
	check(rto >= 600, "RTO %u ms after RTT %u ms", rto, rtt);
	check(rto < 6000, "RTO %u ms: backed off still", rto);
}

/*
 * Nor is it kept by one of the probes being taken in at last: the window is shut still, and the ACK
 * no measurement. New data begin with what a path needs.
 */
static void probed_away(void)
{
	struct conn *c = in_established(.no_ts = true, .no_sack = true);
	int i;

	write_stream(c, 100);
	for (i = 0; i < 5; i++) {
		expect(c, ACK, 1, 1, .len = 100, .within_ms = 20000);
		inject(c, ACK, 1, 1, .win = ZERO_WIN);
	}
	inject(c, ACK, 1, 101, .win = ZERO_WIN);
	inject(c, ACK, 1, 101);
	write_stream(c, 100);
	expect(c, ACK, 101, 1, .len = 100);
	mark_last(c);
	expect(c, ACK, 101, 1, .len = 100, .within_ms = 5000);
	check(since_ms(c) < 1000, "again after %d ms", (int)since_ms(c));
	inject(c, ACK, 1, 201);
}

/* With timestamps the same ACK is a measurement. */
static void backoff_ends(void)
{
	struct conn *c = in_established(.no_sack = true);
	uint64_t t0, t1;

	sent_thrice(c);
	quiet(c);
	write_stream(c, 100);
	t0 = expect(c, ACK, 101, 1, .len = 100)->t_ns / MSEC;
	t1 = expect(c, ACK, 101, 1, .len = 100)->t_ns / MSEC;
	check(t1 - t0 < 400, "again after %d ms", (int)(t1 - t0));
	inject(c, ACK, 1, 201);
}

/* 5.7 for whoever sent the SYN-ACK. */
static void lost_syn_ack(void)
{
	struct conn *c = in_syn_recv(.no_ts = true, .no_sack = true);
	uint32_t rtt, rto;

	expect(c, SYN | ACK, 0, 1, .at_ms = 1000, .slack_ms = 300);
	inject(c, ACK, 1, 1);
	do_accept(c);
	rtt_and_rto(c, &rtt, &rto);
	check_eq(rtt, 0);
	check_eq(rto, 3000);
}

static void lost_crossed_syn(void)
{
	struct conn *c = in_syn_sent(.no_ts = true, .no_sack = true);
	uint32_t rtt, rto;

	peer_syn(c, HOW(.no_ts = true, .no_sack = true));
	expect(c, SYN | ACK, 0, 1);
	expect(c, SYN | ACK, 0, 1, .at_ms = 1000, .slack_ms = 300);
	inject(c, ACK, 1, 1);
	fence();
	state_is(c, TCP_ESTABLISHED);
	rtt_and_rto(c, &rtt, &rto);
	check_eq(rtt, 0);
	check_eq(rto, 3000);
}

static void defer(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 30);
}

/* The handshake ended with the bare ACK, not when the peer's program spoke. */
static void deferred_sample(void)
{
	struct conn *c = in_syn_recv(.no_ts = true, .tune = defer);
	uint32_t rtt, rto;

	pass_quietly(c, 100);
	inject(c, ACK, 1, 1);
	pass_quietly(c, 800);
	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11);
	do_accept(c);
	rtt_and_rto(c, &rtt, &rto);
	check(rtt >= 99 && rtt < 300, "RTT %u ms", rtt);
}

/*
 * How far the probes of a shut window have backed off is forgotten when it opens: what was in
 * flight goes out again within an RTO of the path's.
 */
static void opens_over_data(void)
{
	struct conn *c = in_established();
	int i;

	write_stream(c, 100);
	for (i = 0; i < 6; i++) {	/* at 0, 0.2, 0.6 ... 12.6 s */
		expect(c, ACK, 1, 1, .len = 100, .within_ms = 20000);
		inject(c, ACK, 1, 1, .win = ZERO_WIN);
	}
	quiet(c);
	inject(c, ACK, 1, 1);
	mark(c);
	expect(c, ACK, 1, 1, .len = 100);
	check(since_ms(c) < 500, "only after %d ms", (int)since_ms(c));
	inject(c, ACK, 1, 101);
	quiet(c);
}

/* rto_min and rto_max, by socket. */
static void rto_bounds(void)
{
	struct conn *c = in_established();
	uint64_t t[9];
	int i;

	set_int(c->fd, SOL_XTCP, XTCP_RTO_MIN_MS, 500);
	set_int(c->fd, SOL_XTCP, XTCP_RTO_MAX_MS, 2000);
	write_stream(c, 10);
	expect(c, ACK, 1, 1, .len = 10);
	inject(c, ACK, 1, 11);
	write_stream(c, 100);
	for (i = 0; i < 9; i++)
		t[i] = expect(c, ACK, 11, 1, .len = 100)->t_ns / MSEC;
	check(t[1] - t[0] >= 495, "the first after %d ms",
	      (int)(t[1] - t[0]));
	check(t[8] - t[7] <= 2100, "the last after %d ms",
	      (int)(t[8] - t[7]));
	check(t[8] - t[7] >= 1900, "the last after %d ms",
	      (int)(t[8] - t[7]));
}

/*
 * What fast recovery has sent again is lost, too: the timer sends the oldest, and it alone. The
 * window is one; the threshold is not taken down twice for the same data.
 */
static void times_out(struct conn *c, int after_ms)
{
	mark(c);
	data_within(c, AT(0), 2 * after_ms);
	near(since_ms(c), after_ms, is_xtcp() ? after_ms / 16 : lateness(after_ms));
	none(c);
	check_eq(cwnd(c), 1);
	check_eq(ssthresh(c), 7);
}

/* Ten in flight: 0, 1, 2, 6 and 7 are lost, 9 is late; then what is sent again as well. */
static struct conn *lost_twice(void)
{
	struct conn *c = far(.no_ts = true);

	flight(c, 0, 10);
	write_stream(c, 20 * LEN);
	pass(c, RTT);
	sack(c, AT(0), { AT(8), AT(9) }, { AT(3), AT(6) });
	data(c, AT(0));
	data(c, AT(1));
	data(c, AT(2));
	data(c, AT(6));
	none(c);
	check_eq(ssthresh(c), 7);
	times_out(c, RTT + 200);
	pass(c, RTT);
	return c;
}

/* RFC 6675 5.1: slow start from the lowest up, and what the peer holds is left out. */
static void timeout_sack(void)
{
	struct conn *c = lost_twice();

	sack(c, AT(1), { AT(8), AT(9) }, { AT(3), AT(6) });
	data(c, AT(1));
	data(c, AT(2));
	none(c);
	pass(c, RTT);
	sack(c, AT(2), { AT(8), AT(9) }, { AT(3), AT(6) });
	data(c, AT(6));
	data(c, AT(7));
	none(c);
	sack(c, AT(6), { AT(8), AT(9) });
	data(c, AT(9));
	data(c, AT(10));
	none(c);
	pass(c, RTT);
	sack(c, AT(7), { AT(8), AT(9) });
	data(c, AT(11));
	data(c, AT(12));
	none(c);
	check_eq(cwnd(c), 5);
	inject(c, ACK, 1, AT(9));
	data(c, AT(13));
	data(c, AT(14));
	none(c);
	/* 0, 1, 2, 6 twice, 7 and 9 once */
	check_eq(resent(c), 10);
	check_eq(ssthresh(c), 7);
}

/* F-RTO is off there: 9 arrives, which was sent but once, and nothing is undone. */
static void timeout_no_frto(void)
{
	struct conn *c = lost_twice();

	sack(c, AT(0), { AT(8), AT(10) }, { AT(3), AT(6) });
	none(c);
	check_eq(cwnd(c), 1);
	check_eq(ssthresh(c), 7);
	sack(c, AT(1), { AT(8), AT(10) }, { AT(3), AT(6) });
	data(c, AT(1));
	data(c, AT(2));
	none(c);
	check_eq(ssthresh(c), 7);
	check_eq(xtcp_counter("UndoFrto"), 0);
}

/* Without SACK all of it goes again, in its order; a second timeout takes nothing down either. */
static void timeout_newreno(void)
{
	struct conn *c = far(.no_ts = true, .no_sack = true);
	int i;

	flight(c, 0, 10);
	pass(c, RTT);
	for (i = 0; i < 3; i++)
		inject(c, ACK, 1, AT(0));
	data(c, AT(0));
	none(c);
	check_eq(ssthresh(c), 7);
	write_stream(c, 20 * LEN);
	sent(c);
	times_out(c, RTT + 200);
	/* The kernel's has F-RTO on from here */
	if (is_xtcp())
		times_out(c, 2 * (RTT + 200));
	pass(c, RTT);
	/* Two for each, and nothing new before them: that would be F-RTO */
	for (i = 1; i <= 6; i++) {
		inject(c, ACK, 1, AT(i));
		data(c, AT(2 * i - 1));
		data(c, AT(2 * i));
		none(c);
	}
	check_eq(cwnd(c), 7);
	check_eq(ssthresh(c), 7);
}

const struct row rto_rows[] = {
	ROW(0, "MUST-18 RFC 6298 1 s before the first sample", initial_rto),
	ROW(0, "MUST-18 Karn's algorithm", karn),
	ROW(ROW_CORE, "MUST-18 RFC 6298 5 the backoff lasts until a measurement", backoff_stays),
	ROW(0, "RFC 7323 4 with timestamps an ACK of a retransmission is one", backoff_ends),
	ROW(ROW_VT, "RFC 6298 3 an ACK of a part of what was sent in one piece is one",
	    part_is_sample),
	ROW(0, "RFC 6298 2.2 the handshake is the first sample", handshake_sample),
	ROW(ROW_XTCP, "RFC 6298 3 the handshake's sample, TCP_DEFER_ACCEPT", deferred_sample),
	ROW(ROW_CORE | ROW_XTCP,
	    "MUST-18 RFC 6298 5.7 RFC 5681 3.1 a lost SYN: no sample, 3 s, one segment", lost_syn),
	ROW(ROW_CORE | ROW_XTCP, "RFC 6298 5.7 a lost SYN-ACK: 3 s", lost_syn_ack),
	ROW(ROW_XTCP, "RFC 6298 5.7 a lost SYN, simultaneous open: 3 s", lost_crossed_syn),
	ROW(ROW_XTCP, "RFC 9293 3.8.6.1 a window opens over data in flight", opens_over_data),
	ROW(ROW_XTCP, "RFC 9293 3.8.6.1 a probe of a shut window is taken in", probed_away),
	ROW(ROW_VT, "RFC 6675 5.1 RFC 5681 3.1 a timeout in fast recovery", timeout_sack),
	ROW(ROW_VT, "RFC 5682 2.1 a timeout in fast recovery: no F-RTO", timeout_no_frto),
	ROW(ROW_VT, "RFC 5681 3.1 a timeout in fast recovery, without SACK", timeout_newreno),
	ROW(ROW_VT | ROW_XTCP, "XTCP_RTO_MIN_MS, XTCP_RTO_MAX_MS",
	    rto_bounds),
	{ NULL }
};
