// SPDX-License-Identifier: GPL-2.0-only
/* RFC 3168 6.1.1, 6.1.3 to 6.1.6: who uses ECN, and what a receiver answers. */
#define _GNU_SOURCE
#include "ecn.h"

#define TOPIC "ecn"

#define SETUP (ECE | CWR)

void answered_at(struct conn *c, uint8_t flags, int tos, uint8_t answer, const char *file,
		 int line)
{
	struct expect e = { .flags = ACK | answer, .seq = c->rcv };
	struct seg *s;

	inject(c, ACK | flags, c->snd, c->rcv, .len = 100, .tos = tos);
	e.ack = c->snd;
	s = expect_(c, e, file, line);
	if (field(s) != NOT_ECT)
		fail_at(file, line, "RFC 3168 6.1.4: a pure ACK has ECN field %d",
			field(s));
}

static void data_field(struct conn *c, int want, const char *file, int line)
{
	struct expect e = { .seq = c->rcv, .ack = c->snd, .len = 100, .any = ANY_FLAGS };
	struct seg *s;

	write_stream(c, 100);
	s = expect_(c, e, file, line);
	/* CWR: a SYN that was lost is a reduction, too */
	if ((s->flags & ~(PSH | CWR)) != ACK)
		fail_at(file, line, "flags %#x", s->flags);
	if (field(s) != want)
		fail_at(file, line, "data have ECN field %d, not %d", field(s),
			want);
	inject(c, ACK, c->snd, c->rcv);
}

void uses_ecn_at(struct conn *c, const char *file, int line)
{
	check(tcpi(c).tcpi_options & TCPI_OPT_ECN, "TCP_INFO does not show ECN");
	data_field(c, ECT0, file, line);
	answered_at(c, 0, CE, ECE, file, line);
	answered_at(c, CWR, ECT0, 0, file, line);
	check(tcpi(c).tcpi_options & TCPI_OPT_ECN_SEEN, "TCP_INFO has not seen it");
}

void no_ecn_at(struct conn *c, const char *file, int line)
{
	check(!(tcpi(c).tcpi_options & TCPI_OPT_ECN), "TCP_INFO shows ECN");
	data_field(c, NOT_ECT, file, line);
	answered_at(c, 0, CE, 0, file, line);
}

static void active(void)
{
	struct conn *c;

	knob("ecn", 1);
	c = in_syn_sent(.ecn = true);
	check_eq(field(&c->syn), NOT_ECT);
	check_eq(c->syn.reserved, 0);
	peer_syn_ack(c, HOW(.ecn = true));
	check_eq(field(expect(c, ACK, 1, 1)), NOT_ECT);
	uses_ecn(c);
}

static void passive(void)
{
	struct conn *c;

	knob("ecn", 2);
	c = in_syn_recv(.ecn = true);
	check_eq(field(&c->syn), NOT_ECT);
	check_eq(c->syn.reserved, 0);
	inject(c, ACK, 1, 1);
	do_accept(c);
	uses_ecn(c);
}

/* 0: never; 1: asks and answers; 2: answers. */
static void by_knob(void)
{
	struct conn *c;

	knob("ecn", 0);
	c = in_listen();
	peer_syn(c, HOW(.ecn = true));
	check_eq(expect(c, SYN | ACK, 0, 1)->flags, SYN | ACK);
	inject(c, ACK, 1, 1);
	do_accept(c);
	no_ecn(c);
	in_syn_sent();
	knob("ecn", 2);
	c = in_established(.active = true);
	no_ecn(c);
	knob("ecn", 1);
	in_syn_recv(.ecn = true);
	in_syn_sent(.ecn = true);
}

static struct conn *syn_with(uint8_t flags, int tos, bool ae, uint8_t answer)
{
	struct conn *c = in_listen();

	inject(c, SYN | flags, 0, 0, .mss = 1460, .ws = 1, .sackok = true, .ts = true,
	       .tos = tos, .ae = ae);
	c->ts = true;
	check_eq(field(expect(c, SYN | ACK | answer, 0, 1)), NOT_ECT);
	check_eq(c->syn.reserved, 0);
	inject(c, ACK, 1, 1);
	do_accept(c);
	return c;
}

/* One bit alone asks for nothing. */
static void half_a_syn(void)
{
	knob("ecn", 2);
	no_ecn(syn_with(ECE, 0, false, 0));
	no_ecn(syn_with(CWR, 0, false, 0));
	no_ecn(syn_with(0, 0, false, 0));
}

/* No host sends a SYN as ECT: the field is not to be trusted on this path. */
static void marked_syn(void)
{
	knob("ecn", 2);
	no_ecn(syn_with(SETUP, ECT0, false, 0));
	no_ecn(syn_with(SETUP, CE, false, 0));
}

static struct conn *syn_ack_with(uint8_t flags)
{
	struct conn *c = in_syn_sent(.ecn = true);
	struct seg *s;

	inject(c, SYN | ACK | flags, 0, 1, .mss = 1460, .ws = 1, .sackok = true,
	       .ts = true);
	c->ts = true;
	/* The kernel's TCP (7.2) may say CWR here, which means nothing. */
	s = expect(c, ACK, 1, 1, .any = ANY_FLAGS);
	check_eq(s->flags & ~(is_xtcp() ? 0 : CWR), ACK);
	return c;
}

/* What is no ECN-setup SYN-ACK; 6.1.1.2: one that reflects the SYN's bits. */
static void other_syn_acks(void)
{
	const uint8_t flags[] = { 0, CWR, SETUP };
	struct conn *c;
	int i;

	knob("ecn", 1);
	for (i = 0; i < 3; i++) {
		c = syn_ack_with(flags[i]);
		/* The kernel's TCP (7.2) takes CWR for accurate ECN. */
		if (is_xtcp() || !(flags[i] & CWR) ||
		    !(tcpi(c).tcpi_options & TCPI_OPT_ECN))
			no_ecn(c);
	}
}

/* RFC 9768 3.1: who asks for accurate ECN gets what we have, and AE says nothing. */
static void accurate(void)
{
	struct conn *c;

	knob("ecn", 2);
	c = syn_with(SETUP, 0, true, ECE);
	uses_ecn(c);
	inject(c, ACK, c->snd, c->rcv, .len = 100, .ae = true, .tos = ECT0);
	check_eq(expect(c, ACK, c->rcv, c->snd)->reserved, 0);
	/* AE alone is no echo, and does not end one. */
	answered(c, 0, CE, ECE);
	inject(c, ACK, c->snd, c->rcv, .len = 100, .ae = true, .tos = ECT0);
	expect(c, ACK | ECE, c->rcv, c->snd);
	check_eq(ssthresh(c), NO_SSTHRESH);
	/* It alone asks for nothing. */
	no_ecn(syn_with(0, 0, true, 0));
	no_ecn(syn_with(CWR, 0, true, 0));
}

/* 6.1.1.1: whoever drops such a SYN lets the next one through. */
static void fallback(void)
{
	struct conn *c;

	knob("ecn", 1);
	c = in_syn_sent(.ecn = true);
	check_eq(field(expect(c, SYN, 0, 0, .at_ms = 1000)), NOT_ECT);
	mark_last(c);
	expect(c, SYN, 0, 0, .at_ms = 2000);
	peer_syn_ack(c, HOW());
	expect(c, ACK, 1, 1);
	no_ecn(c);
	if (is_xtcp())
		check_eq(xtcp_counter("EcnFallbacks"), 1);
}

/* The answer to the first SYN comes after all. */
static void late_answer(void)
{
	struct conn *c;
	struct seg *s;

	knob("ecn", 1);
	c = in_syn_sent(.ecn = true);
	expect(c, SYN, 0, 0, .at_ms = 1000);
	peer_syn_ack(c, HOW(.ecn = true));
	expect(c, ACK, 1, 1);
	/* What was once said holds: CE is answered. */
	answered(c, 0, CE, ECE);
	write_stream(c, 100);
	/* But a host that sent another SYN must not send ECT. The kernel's TCP does. */
	s = expect(c, ACK | ECE, 1, c->snd, .len = 100, .any = ANY_FLAGS);
	check_eq(field(s), is_xtcp() ? NOT_ECT : ECT0);
	check_eq(s->flags & ECE, ECE);
}

static void no_fallback(void)
{
	struct conn *c;

	knob("ecn", 1);
	knob("ecn_fallback", 0);
	c = in_syn_sent(.ecn = true);
	expect(c, SYN | SETUP, 0, 0, .at_ms = 1000);
	peer_syn_ack(c, HOW(.ecn = true));
	expect(c, ACK, 1, 1);
	uses_ecn(c);
}

/* 6.1.1.1, the example: the SYN-ACK was lost, and the peer gave up asking. */
static void peer_falls_back(void)
{
	struct conn *c;
	struct seg *s;

	knob("ecn", 2);
	c = in_syn_recv(.ecn = true);
	peer_syn(c, HOW());
	s = expect(c, SYN | ACK, 0, 1, .any = ANY_FLAGS);
	/* The kernel's TCP goes on as if it had not heard. */
	check_eq(s->flags, is_xtcp() ? SYN | ACK : SYN | ACK | ECE);
	inject(c, ACK, 1, 1);
	do_accept(c);
	if (is_xtcp())
		no_ecn(c);
}

static void again(void)
{
	struct conn *c;
	struct seg *s;

	knob("ecn", 2);
	c = in_syn_recv(.ecn = true);
	/* The same SYN once more: the same answer. */
	peer_syn(c, HOW(.ecn = true));
	check_eq(field(expect(c, SYN | ACK | ECE, 0, 1)), NOT_ECT);
	mark_last(c);
	/* By the timer as well; the kernel's TCP may give up asking (7.2). */
	s = expect(c, SYN | ACK, 0, 1, .at_ms = 1000, .any = ANY_FLAGS);
	check_eq(field(s), NOT_ECT);
	check_eq(s->flags | (is_xtcp() ? 0 : ECE), SYN | ACK | ECE);
	inject(c, ACK, 1, 1);
	do_accept(c);
	uses_ecn(c);
}

static void simultaneous(void)
{
	struct conn *c;

	knob("ecn", 1);
	c = in_syn_recv(.active = true, .ecn = true);
	inject(c, ACK, 1, 1);
	fence();
	uses_ecn(c);
	/* A SYN that does not ask for it. */
	c = in_syn_sent(.ecn = true);
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	fence();
	no_ecn(c);
	/* A crossing SYN-ACK: its ECE is no echo. */
	c = in_syn_recv(.active = true, .ecn = true);
	inject(c, SYN | ACK | ECE, 0, 1, .mss = 1460);
	fence();
	drop_pending();
	state_is(c, TCP_ESTABLISHED);
	check_eq(ssthresh(c), NO_SSTHRESH);
	uses_ecn(c);
}

/* With timestamps a cookie remembers it; without there is none to remember. */
static void cookie(void)
{
	struct conn *c;

	knob("ecn", 2);
	knob("syncookies", 2);
	c = in_listen();
	peer_syn(c, HOW(.ecn = true));
	check_eq(field(expect(c, SYN | ACK | ECE, 0, 1)), NOT_ECT);
	inject(c, ACK, 1, 1);
	do_accept(c);
	uses_ecn(c);
	c = in_listen();
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	do_accept(c);
	no_ecn(c);
	c = in_listen();
	peer_syn(c, HOW(.ecn = true, .no_ts = true));
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	do_accept(c);
	no_ecn(c);
}

static struct conn *agreed(void)
{
	knob("ecn", 2);
	return in_established(.ecn = true);
}

/* 6.1.3: on every ACK, whatever it is for, until CWR. */
static void echo(void)
{
	struct conn *c = agreed();
	int i;

	answered(c, 0, ECT0, 0);
	answered(c, 0, ECT1, 0);
	answered(c, 0, CE, ECE);
	for (i = 0; i < 3; i++)
		answered(c, 0, ECT0, ECE);
	answered(c, 0, NOT_ECT, ECE);
	write_stream(c, 100);
	check_eq(field(expect(c, ACK | ECE, 1, c->snd, .len = 100)), ECT0);
	inject(c, ACK, c->snd, 101);
	quiet(c);
	answered(c, CWR, ECT0, 0);
	answered(c, 0, ECT0, 0);
	answered(c, 0, CE, ECE);
	do_close(c, HOW());
	expect(c, FIN | ACK | ECE, 101, c->snd);
}

/* CE after the reduction, on the segment that tells of it. */
static void both(void)
{
	struct conn *c = agreed();

	answered(c, 0, CE, ECE);
	answered(c, CWR, CE, ECE);
	answered(c, 0, ECT0, ECE);
	answered(c, CWR, ECT0, 0);
	/* CWR without an echo means nothing. */
	answered(c, CWR, ECT0, 0);
	answered(c, CWR, CE, ECE);
}

/* A question and an answer: from then on ACKs wait for data to ride on. */
static void not_delayed(void)
{
	struct conn *c = agreed();
	int i;

	for (i = 0; i < 3; i++) {
		inject(c, ACK, c->snd, c->rcv, .len = 10, .tos = ECT0);
		fence();
		drop_pending();
		write_stream(c, 10);
		expect(c, ACK, c->rcv, c->snd, .len = 10);
		inject(c, ACK, c->snd, c->rcv);
	}
	inject(c, ACK, c->snd, c->rcv, .len = 10, .tos = ECT0);
	quiet(c);
	inject(c, ACK, c->snd, c->rcv, .len = 10, .tos = CE);
	expect(c, ACK | ECE, c->rcv, c->snd, .any = NO_WAIT);
	/* And what CWR tells is news for a sender with a tiny window. */
	inject(c, ACK | CWR, c->snd, c->rcv, .len = 10, .tos = ECT0);
	expect(c, ACK, c->rcv, c->snd, .any = NO_WAIT);
}

/* 6.1.4: nothing slows ACKs down. */
static void marked_ack(void)
{
	struct conn *c = agreed();

	inject(c, ACK, 1, 1, .tos = CE);
	quiet(c);
	answered(c, 0, ECT0, 0);
	/* CWR belongs on new data, but a packet with it is one (6.1.3). */
	answered(c, 0, CE, ECE);
	inject(c, ACK | CWR, c->snd, 1);
	quiet(c);
	answered(c, 0, ECT0, 0);
}

/* 6.1.5: whoever is not in the window says nothing, marked or not. */
static void out_of_window(void)
{
	struct conn *c = agreed();

	answered(c, 0, ECT0, 0);
	inject(c, ACK, 1, 1, .len = 100, .tos = CE);
	expect(c, ACK, 1, 101);
	inject(c, ACK, 101 + (65535 << c->ws) + 10000, 1, .len = 100, .tos = CE);
	expect(c, ACK, 1, 101);
	answered(c, 0, ECT0, 0);
	/* Out of order is inside. */
	inject(c, ACK, 301, 1, .len = 100, .tos = CE);
	expect(c, ACK | ECE, 1, 201, .any = NO_WAIT);
	inject(c, ACK, 201, 1, .len = 100, .tos = ECT0);
	expect(c, ACK | ECE, 1, 401, .any = NO_WAIT);
}

/* 6.1.6: a probe of a window that is closed cannot be made up by others. */
static void marked_probe(void)
{
	struct conn *c;
	int i, win = 1;
	struct seg *s;

	knob("ecn", 2);
	c = in_established(.ecn = true, .rcvbuf = 2304);
	for (i = 0; i < 300 && win; i++) {
		inject(c, ACK, c->snd, 1, .len = 200, .tos = ECT0);
		s = next_seg(c, 1000);
		check(s, "data are not acknowledged");
		check_eq(s->flags & ECE, 0);
		win = s->win;
		c->snd = s->ack - c->irs;
	}
	check(!win, "the window never closes");
	drop_pending();
	inject(c, ACK, c->snd + 100000, 1, .len = 1, .tos = CE);
	expect(c, ACK, 1, c->snd, .win = ZERO_WIN);
	inject_(c, (struct inj){ .flags = ACK, .seq = c->snd, .ack = 1, .len = 1, .tos = CE });
	expect(c, ACK | ECE, 1, c->snd - 1, .win = ZERO_WIN);
}

/* 6.1.1: TIME_WAIT has forgotten it; what it sends, and a RST, is not ECT. */
static void leftovers(void)
{
	struct conn *c;
	struct seg *s;

	knob("ecn", 2);
	c = in_fin_wait_2(.ecn = true);
	answered(c, 0, CE, ECE);
	inject(c, FIN | ACK, c->snd, 2);
	check_eq(field(expect(c, ACK | ECE, 2, c->snd)), NOT_ECT);
	state_is(c, TCP_TIME_WAIT);
	inject(c, FIN | ACK, c->snd - 1, 2, .tos = CE);
	s = expect(c, ACK, 2, c->snd);
	check_eq(s->tos, 0);
	c = agreed();
	answered(c, 0, CE, ECE);
	sys(close(c->fd));
	c->fd = -1;
	s = expect(c, RST | ACK, 1, c->snd, .any = ANY_FLAGS);
	check(s->flags & RST, "unread data, and no RST");
	check_eq(field(s), NOT_ECT);
}

/* Nor is what answers in the name of a half-open connection, whatever it was asked by. */
static void half_open(void)
{
	struct conn *c;
	struct seg *s;

	knob("ecn", 2);
	c = in_syn_recv(.ecn = true);
	inject(c, ACK, 90000000, 1, .len = 10, .tos = CE);
	s = expect(c, ACK, 1, 1);
	check_eq(s->tos & 3, is_xtcp() ? NOT_ECT : s->tos & 3);
	c = in_closed();
	inject(c, SYN | SETUP, 0, 0, .tos = CE);
	s = next_seg(c, 5000);
	check(s && (s->flags & RST), "no RST");
	check_eq(s->tos, 0);
}

static void counters(void)
{
	struct conn *c;
	long conns, marks;

	knob("ecn", 2);
	conns = xtcp_counter("EcnConnections");
	marks = xtcp_counter("EcnCeSegs");
	c = agreed();
	in_established();
	answered(c, 0, CE, ECE);
	answered(c, 0, ECT0, ECE);
	answered(c, 0, CE, ECE);
	check_eq(xtcp_counter("EcnConnections"), conns + 1);
	check_eq(xtcp_counter("EcnCeSegs"), marks + 2);
	check_eq(xtcp_counter("EcnReductions"), 0);
}

const struct row ecn_rows[] = {
	ROW(ROW_CORE, "RFC 3168 6.1.1 who asks, and is answered, uses ECN", active),
	ROW(ROW_CORE, "RFC 3168 6.1.1 who is asked answers", passive),
	ROW(0, "RFC 3168 6.1.1 the sysctl: never, ask, answer", by_knob),
	ROW(0, "RFC 3168 6.1.1 one bit on a SYN asks for nothing", half_a_syn),
	ROW(0, "RFC 3168 6.1.1 a SYN that came as ECT or CE", marked_syn),
	ROW(0, "RFC 3168 6.1.1 6.1.1.2 SYN-ACKs that do not agree", other_syn_acks),
	ROW(0, "RFC 9768 3.1 accurate ECN is answered with RFC 3168's", accurate),
	ROW(ROW_CORE, "RFC 3168 6.1.1.1 the SYN again, without ECN", fallback),
	ROW(0, "RFC 3168 6.1.1.1 the answer to the first SYN comes late", late_answer),
	ROW(0, "RFC 3168 6.1.1.1 the SYN again, with ECN", no_fallback),
	ROW(0, "RFC 3168 6.1.1.1 the peer's SYN again, without ECN", peer_falls_back),
	ROW(0, "RFC 3168 6.1.1 SYN-ACK again", again),
	ROW(0, "RFC 3168 6.1.1 simultaneous open", simultaneous),
	ROW(0, "RFC 3168 6.1.1 RFC 4987 cookies", cookie),
	ROW(ROW_CORE, "RFC 3168 6.1.3 CE is echoed until CWR", echo),
	ROW(0, "RFC 3168 6.1.3 CWR and CE in one segment", both),
	ROW(0, "RFC 3168 6.1.3 CE is not answered late", not_delayed),
	ROW(0, "RFC 3168 6.1.4 CE and CWR on a pure ACK", marked_ack),
	ROW(0, "RFC 3168 6.1.5 CE outside of the window", out_of_window),
	ROW(ROW_XTCP, "RFC 3168 6.1.6 CE on a window probe", marked_probe),
	ROW(0, "RFC 3168 6.1.1 TIME_WAIT and RST", leftovers),
	ROW(0, "RFC 3168 6.1.4 answers without a connection", half_open),
	ROW(ROW_XTCP, "RFC 3168 6.1 counters", counters),
	{ NULL }
};
