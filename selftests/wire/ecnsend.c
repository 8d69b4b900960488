// SPDX-License-Identifier: GPL-2.0-only
/* RFC 3168 6.1.2, 6.1.5, 6.1.6: what a sender marks, and what it does about ECE. */
#define _GNU_SOURCE
#include "ecn.h"

#define TOPIC "ecn"

/* As far(), with ECN. */
static struct conn *far_ecn(void)
{
	knob("ecn", 2);
	return far(.ecn = true);
}

/* All that was sent at once: new data ECT(0), repeats neither ECT nor CWR. */
struct lot {
	int fresh, cwr, again;
	uint32_t cwr_at, tsval;
};

static void lot_add(struct conn *c, struct lot *l, const struct seg *s)
{
	uint32_t from = s->seq - c->iss, end = from + s->len;

	check(s->len, "a segment without data");
	l->tsval = s->o.tsval;
	if ((int32_t)(end - c->rcv) <= 0) {
		check(field(s) == NOT_ECT, "%u again, as ECT", from);
		check(!(s->flags & CWR), "%u again, with CWR", from);
		l->again++;
		return;
	}
	check(field(s) == ECT0, "%u has ECN field %d", from, field(s));
	if (s->flags & CWR) {
		l->cwr++;
		l->cwr_at = from;
	}
	l->fresh += (s->len + LEN - 1) / LEN;
	c->rcv = end;
}

static void lot(struct conn *c, struct lot *l)
{
	struct seg *s;

	fence();
	while ((s = next_pending(c)))
		lot_add(c, l, s);
}

/* Half a round trip there, half a round trip back: then it can be acknowledged. */
static void arrives(struct conn *c, const struct lot *l)
{
	pass(c, RTT);
	c->ts_recent = l->tsval;
}

/* 6.1.5: the first time only; 6.1.4: with data only. */
static void new_data_only(void)
{
	struct conn *c = far_ecn();
	struct lot l = { 0 };

	write_stream(c, 6 * LEN);
	lot(c, &l);
	check_eq(l.fresh, 6);
	arrives(c, &l);
	/* By SACK */
	sack(c, AT(0), { AT(1), AT(6) });
	lot(c, &l);
	check_eq(l.again, 1);
	arrives(c, &l);
	inject(c, ACK, 1, AT(6));
	fence();
	/* By a probe for the tail, and by the timer */
	write_stream(c, LEN);
	lot(c, &l);
	check_eq(l.fresh, 7);
	check_eq(field(data_within(c, AT(6), 2000)), NOT_ECT);
	check_eq(field(data_within(c, AT(6), 4000)), NOT_ECT);
	inject(c, ACK, 1, AT(7));
	quiet(c);
	do_close(c, HOW());
	check_eq(field(expect(c, FIN | ACK, AT(7), 1)), NOT_ECT);
}

/* A FIN that rides on data rides in an ECT packet. */
static void last_data(void)
{
	struct conn *c;
	int one = 1;

	knob("ecn", 2);
	c = in_established(.ecn = true);
	sys(setsockopt(c->fd, IPPROTO_TCP, TCP_CORK, &one, sizeof(one)));
	write_stream(c, 100);
	do_close(c, HOW());
	check_eq(field(expect(c, FIN | ACK, 1, 1, .len = 100)), ECT0);
	check_eq(field(expect(c, FIN | ACK, 1, 1, .len = 100)), NOT_ECT);
}

/* 6.1.6; keepalive probes have nothing to mark either. */
static void probes(void)
{
	struct conn *c;
	struct seg *s;

	knob("ecn", 2);
	c = in_established(.ecn = true);
	zero_window(c);
	write_stream(c, 100);
	s = next_seg(c, 5000);
	check(s, "no probe");
	check_eq(field(s), NOT_ECT);
	check_eq(s->flags & (CWR | ECE), 0);
	c = in_established(.ecn = true);
	set_int(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set_int(c->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	s = next_seg(c, 5000);
	check(s, "no probe");
	check_eq(field(s), NOT_ECT);
}

/* IP_TOS and IPV6_TCLASS are the other six bits. */
static void traffic_class(void)
{
	struct conn *c;
	int level = is_v6() ? IPPROTO_IPV6 : IPPROTO_IP;
	int name = is_v6() ? IPV6_TCLASS : IP_TOS;

	knob("ecn", 2);
	c = in_established(.ecn = true);
	set_int(c->fd, level, name, 0xb8 | CE);
	check_eq(get_int(c->fd, level, name), 0xb8);
	write_stream(c, 100);
	check_eq(expect(c, ACK, 1, 1, .len = 100)->tos, 0xb8 | ECT0);
	inject(c, ACK, 1, 101, .len = 100);
	check_eq(expect(c, ACK, 101, 101)->tos, 0xb8);
	set_int(c->fd, level, name, 0x20);
	write_stream(c, 100);
	check_eq(expect(c, ACK, 101, 101, .len = 100)->tos, 0x20 | ECT0);
	c = in_established();
	set_int(c->fd, level, name, 0xb8 | ECT0);
	write_stream(c, 100);
	check_eq(expect(c, ACK, 1, 1, .len = 100)->tos, 0xb8);
}

/* Twenty marked segments are one reduction, by PRR, and one CWR. */
static void once(void)
{
	struct conn *c = far_ecn();
	struct lot l = { 0 };
	int i;

	twenty(c);
	flight(c, 10, 30);
	write_stream(c, 60 * LEN);
	pass(c, RTT);
	for (i = 1; i <= 20; i++) {
		inject(c, ACK | ECE, 1, AT(10 + i));
		lot(c, &l);
		if (i == 1 && is_xtcp())
			check_eq(tcpi(c).tcpi_ca_state, 2);	/* CWR */
		check(l.fresh <= (i * 14 + 19) / 20 + 1, "%d for %d", l.fresh, i);
		check_eq(ssthresh(c), 14);
	}
	check(l.fresh >= 13 && l.fresh <= 15, "%d of 20", l.fresh);
	check_eq(l.cwr, 1);
	check_eq(l.cwr_at, AT(30));
	/* What was sent after the reduction arrives: it is over, and growth begins. */
	arrives(c, &l);
	inject(c, ACK, 1, AT(31));
	lot(c, &l);
	check_eq(cwnd(c), 14);
	check_eq(l.cwr, 1);
	/* And the next mark is the next reduction. */
	inject(c, ACK | ECE, 1, AT(32));
	lot(c, &l);
	check_eq(ssthresh(c), 9);
	inject(c, ACK | ECE, 1, AT(33));
	lot(c, &l);
	check_eq(ssthresh(c), 9);
	check_eq(l.again, 0);
	check_eq(resent(c), 0);
}

/* A whole window at once: what goes out is one buffer, CWR is its first segment's. */
static void first_of_many(void)
{
	struct conn *c = far_ecn();
	struct lot l = { 0 };

	flight(c, 0, 10);
	write_stream(c, 40 * LEN);
	pass(c, RTT);
	inject(c, ACK | ECE, 1, AT(10));
	lot(c, &l);
	check(l.fresh >= 4 && l.fresh <= 7, "%d segments", l.fresh);
	check_eq(l.cwr, 1);
	check_eq(l.cwr_at, AT(10));
	check_eq(ssthresh(c), 7);
	check(cwnd(c) <= 10, "cwnd %d", cwnd(c));
}

/* ECE, and then a loss in the same window: one answer to both. */
static void loss_too(void)
{
	struct conn *c = far_ecn();
	struct lot l = { 0 };

	twenty(c);
	flight(c, 10, 30);
	write_stream(c, 60 * LEN);
	pass(c, RTT);
	inject(c, ACK | ECE, 1, AT(11));
	lot(c, &l);
	check_eq(ssthresh(c), 14);
	sack(c, AT(11), { AT(12), AT(20) });
	lot(c, &l);
	check_eq(l.again, 1);
	check_eq(ssthresh(c), 14);
	sack(c, AT(11), { AT(12), AT(30) });
	lot(c, &l);
	check_eq(ssthresh(c), 14);
	check_eq(l.cwr, 1);
	check_eq(l.cwr_at, AT(30));
	check_eq(l.again, 1);
	check_eq(resent(c), 1);
}

/* The loss first: ECE for the same window is nothing new. */
static void loss_first(void)
{
	struct conn *c = far_ecn();
	struct lot l = { 0 };

	twenty(c);
	flight(c, 10, 30);
	write_stream(c, 60 * LEN);
	pass(c, RTT);
	sack(c, AT(10), { AT(11), AT(20) });
	lot(c, &l);
	check_eq(ssthresh(c), 14);
	check_eq(l.again, 1);
	sack(c, AT(10), { AT(11), AT(30) });
	lot(c, &l);
	/* 6.1.2: for whatever reason the window came down, CWR tells */
	check_eq(l.cwr, 1);
	check_eq(l.cwr_at, AT(30));
	arrives(c, &l);
	inject(c, ACK | ECE, 1, AT(30));
	lot(c, &l);
	/* The kernel's TCP counts that as the next window. */
	check_eq(ssthresh(c), is_xtcp() ? 14 : 9);
	check_eq(l.again, 1);
	if (is_xtcp())
		check_eq(l.cwr, 1);
}

/* 6.1.2: the segment with CWR is lost. That is new congestion, with a CWR of its own. */
static void cwr_lost(void)
{
	struct conn *c = far_ecn();
	struct lot l = { 0 };
	uint32_t end;

	flight(c, 0, 10);
	write_stream(c, 60 * LEN);
	pass(c, RTT);
	inject(c, ACK | ECE, 1, AT(10));
	lot(c, &l);
	check_eq(l.cwr_at, AT(10));
	check_eq(ssthresh(c), 7);
	end = c->rcv;
	arrives(c, &l);
	sack(c, AT(10), { AT(11), end });
	lot(c, &l);
	check_eq(l.again, 1);
	/* The kernel's TCP has it answered by the reduction before. */
	if (!is_xtcp())
		return;
	check(ssthresh(c) < 7, "ssthresh %d", ssthresh(c));
	arrives(c, &l);
	inject(c, ACK, 1, end);
	lot(c, &l);
	check_eq(l.cwr, 2);
	check(l.cwr_at >= end, "CWR at %u", l.cwr_at);
}

static void timeout(void)
{
	struct conn *c = far_ecn();
	struct lot l = { 0 };

	flight(c, 0, 1);
	check_eq(data_within(c, AT(0), 2000)->flags & CWR, 0);
	check_eq(data_within(c, AT(0), 4000)->flags & CWR, 0);
	inject(c, ACK, 1, AT(1));
	write_stream(c, 3 * LEN);
	lot(c, &l);
	check_eq(l.cwr, 1);
	check_eq(l.cwr_at, AT(1));
}

/* Nobody asked: two bits of a reserved field. */
static void not_agreed(void)
{
	struct conn *c = far();

	flight(c, 0, 10);
	write_stream(c, 20 * LEN);
	pass(c, RTT);
	inject(c, ACK | ECE, 1, AT(5));
	fence();
	check_eq(ssthresh(c), NO_SSTHRESH);
	check(cwnd(c) >= 10, "cwnd %d", cwnd(c));
	while (c->rcv < AT(15)) {
		struct seg *s = next_seg(c, 1000);

		check(s, "the window did not move");
		check_eq(s->flags & (CWR | ECE), 0);
		check_eq(field(s), NOT_ECT);
		c->rcv = s->seq - c->iss + s->len;
	}
}

/* Nothing in flight that could have been marked; an ACK that is old. */
static void stale(void)
{
	struct conn *c = far_ecn();

	inject(c, ACK | ECE, 1, 1);
	quiet(c);
	check_eq(ssthresh(c), NO_SSTHRESH);
	flight(c, 0, 4);
	pass(c, RTT);
	inject(c, ACK, 1, AT(2));
	inject(c, ACK | ECE, 1, AT(1));
	none(c);
	check_eq(ssthresh(c), NO_SSTHRESH);
	inject(c, ACK | ECE, 1, AT(2), .len = 10, .tos = ECT0);
	fence();
	drop_pending();
	check(ssthresh(c) < 10, "an echo on the peer's data is none");
}

/* Without SACK the third duplicate ACK still counts while the window comes down. */
static void newreno(void)
{
	struct conn *c;
	struct lot l = { 0 };
	int i;

	knob("ecn", 2);
	c = far(.ecn = true, .no_sack = true);
	twenty(c);
	flight(c, 10, 30);
	write_stream(c, 60 * LEN);
	pass(c, RTT);
	inject(c, ACK | ECE, 1, AT(11));
	lot(c, &l);
	/* The kernel's TCP has no room for it at once: its PRR goes on. */
	for (i = 0; i < (is_xtcp() ? 3 : 6); i++) {
		check_eq(l.again, 0);
		inject(c, ACK, 1, AT(11));
		lot(c, &l);
		if (l.again)
			break;
	}
	check_eq(l.again, 1);
	check_eq(ssthresh(c), 14);
	check_eq(l.cwr, 1);
}

/* One round: all of it was marked. */
static int round_marked(struct conn *c, uint8_t flags)
{
	struct lot l = { 0 };
	uint32_t from = c->rcv;

	pass(c, RTT);
	inject(c, ACK | flags, 1, c->rcv);
	lot(c, &l);
	if (l.fresh) {
		check_eq(l.cwr, !!(flags & ECE));
		c->ts_recent = l.tsval;
	}
	if (l.cwr)
		check_eq(l.cwr_at, from);
	return l.fresh;
}

/*
 * RFC 9438 4.6: down to one segment, and then RFC 3168 6.1.2: a timeout for each,
 * longer each time. (The kernel's TCP stays at two.)
 */
static void one_segment(void)
{
	struct conn *c = far_ecn();
	struct seg *s;
	int rto;

	flight(c, 0, 10);
	write_stream(c, 60 * LEN);
	check_eq(round_marked(c, ECE), 7);
	check_eq(round_marked(c, ECE), 4);
	check_eq(round_marked(c, ECE), 2);
	check_eq(round_marked(c, ECE), 1);
	check_eq(cwnd(c), 1);
	check_eq(round_marked(c, ECE), 0);
	mark_last(c);
	rto = tcpi(c).tcpi_rto / 1000;
	s = data_within(c, c->rcv, 2 * rto);
	near(since_ms(c), rto, 40);
	check_eq(s->flags & CWR, CWR);
	check_eq(field(s), ECT0);
	none(c);
	check_eq(round_marked(c, ECE), 0);
	mark_last(c);
	rto = tcpi(c).tcpi_rto / 1000;
	/* The peer's own data do not put it off. */
	pass(c, rto);
	inject(c, ACK, 1, c->rcv, .len = 10, .tos = ECT0);
	fence();
	drop_pending();
	data_within(c, c->rcv, 2 * rto);
	near(since_ms(c), 2 * rto, 40);
	/* Unmarked at last. */
	pass(c, RTT);
	inject(c, ACK, c->snd, c->rcv);
	check_eq(sent(c), 2);
	check_eq(resent(c), 0);
	check_eq(xtcp_counter("EcnReductions"), 6);
}

/* With nothing to send meanwhile, the timeout has passed when there is. */
static void one_segment_idle(void)
{
	struct conn *c = far_ecn();
	int i;

	flight(c, 0, 10);
	pass(c, RTT);
	inject(c, ACK | ECE, 1, c->rcv);
	none(c);
	for (i = 0; i < 5; i++) {
		write_stream(c, LEN);
		data_within(c, c->rcv, 2000);
		pass(c, RTT);
		inject(c, ACK | ECE, 1, c->rcv);
		none(c);
	}
	check_eq(cwnd(c), 1);
	/* At once: it waits. */
	write_stream(c, LEN);
	none(c);
	data_within(c, c->rcv, 5000);
	pass(c, RTT);
	inject(c, ACK | ECE, 1, c->rcv);
	none(c);
	/* After longer than that: it does not. */
	pass(c, 5000);
	write_stream(c, LEN);
	data(c, c->rcv);
}

/* ECE was no mistake, whatever a DSACK says of what was sent again. */
static void no_undo(void)
{
	struct conn *c = far_ecn();
	struct lot l = { 0 };

	twenty(c);
	flight(c, 10, 30);
	pass(c, RTT);
	inject(c, ACK | ECE, 1, AT(11));
	lot(c, &l);
	sack(c, AT(11), { AT(12), AT(20) });
	lot(c, &l);
	check_eq(l.again, 1);
	arrives(c, &l);
	inject(c, ACK, 1, AT(30));
	lot(c, &l);
	sack(c, AT(30), { AT(11), AT(12) });
	lot(c, &l);
	check_eq(ssthresh(c), 14);
	check(cwnd(c) <= 16, "cwnd %d", cwnd(c));
}

/* ECE with the last ACK: the pause after it ends the episode, and its window stays small. */
static void ece_then_pause(void)
{
	struct conn *c = far_ecn();
	struct lot l = { 0 };

	forty(c);
	write_stream(c, 40 * LEN);
	lot(c, &l);
	check_eq(l.fresh, 40);
	arrives(c, &l);
	inject(c, ACK | ECE, 1, AT(70));
	none(c);
	check_eq(ssthresh(c), 28);
	pass(c, 2000);
	write_stream(c, 60 * LEN);
	l = (struct lot){ 0 };
	lot(c, &l);
	check_eq(l.fresh, 10);
	check_eq(l.cwr, 1);
	arrives(c, &l);
	inject(c, ACK, 1, AT(72));
	l = (struct lot){ 0 };
	lot(c, &l);
	check(l.fresh >= 2 && l.fresh <= 4, "%d segments for two that arrived", l.fresh);
}

/* What the answer of a probe reduced, ECE of the same window does not reduce again. */
static void probe_then_ece(void)
{
	struct conn *c = far_ecn();
	int before;

	probe_repairs(c, 2);
	before = ssthresh(c);
	inject(c, ACK | ECE, 1, AT(6));
	none(c);
	check_eq(ssthresh(c), before);
}

const struct row ecnsend_rows[] = {
	ROW(ROW_CORE, "RFC 3168 6.1.2 6.1.5 new data are ECT(0), nothing else", new_data_only),
	ROW(0, "RFC 3168 6.1.2 6.1.5 the last data, with the FIN", last_data),
	ROW(0, "RFC 3168 6.1.6 probes are not ECT", probes),
	ROW(0, "RFC 3168 5 IP_TOS, IPV6_TCLASS and the ECN field", traffic_class),
	ROW(ROW_CORE, "RFC 3168 6.1.2 ECE: one reduction and one CWR in a window", once),
	ROW(0, "RFC 3168 6.1.2 CWR is on the first of many", first_of_many),
	ROW(0, "RFC 3168 6.1.2 ECE and a loss in one window", loss_too),
	ROW(0, "RFC 3168 6.1.2 a loss and ECE in one window", loss_first),
	ROW(0, "RFC 3168 6.1.2 the segment with CWR is lost", cwr_lost),
	ROW(0, "RFC 3168 6.1.2 CWR after a timeout", timeout),
	ROW(0, "RFC 3168 6.1.1 ECE from who did not agree", not_agreed),
	ROW(0, "RFC 3168 6.1.2 ECE that speaks of nothing", stale),
	ROW(0, "RFC 3168 6.1.2 RFC 6582 ECE and a loss without SACK", newreno),
	ROW(ROW_XTCP, "RFC 3168 6.1.2 RFC 9438 4.6 ECE at one segment", one_segment),
	ROW(ROW_XTCP, "RFC 3168 6.1.2 ECE at one segment, and then a pause", one_segment_idle),
	ROW(0, "RFC 3168 6.1.2 ECE is not undone", no_undo),
	ROW(0, "RFC 3168 6.1.2 RFC 5681 4.1 ECE, and then a pause", ece_then_pause),
	ROW(0, "RFC 3168 6.1.2 RFC 8985 7.4 a repaired loss and ECE in one window", probe_then_ece),
	{ NULL }
};
