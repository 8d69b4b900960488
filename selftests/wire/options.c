// SPDX-License-Identifier: GPL-2.0-only
/* MUST-4-7, 14-16, 64, 65, 67-69, RFC 7323, RFC 2018: options. */
#define _GNU_SOURCE
#include "wire.h"

#define TOPIC "options"

/* The peer answers with these raw options; what the stack sends is returned. */
static struct conn *open_raw(const void *opt, int len)
{
	struct conn *c = in_listen();

	inject(c, SYN, 0, 0, .opt = opt, .optlen = len);
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	do_accept(c);
	state_is(c, TCP_ESTABLISHED);
	return c;
}

/* Effective send MSS, seen as the largest segment of a big write. */
static int largest(struct conn *c)
{
	struct seg *s;
	int max = 0;

	write_stream(c, 8000);
	while (c->rcv < 8001) {
		s = next_seg(c, 3000);
		check(s, "the stream stops at %u", c->rcv);
		check_eq(s->seq - c->iss, c->rcv);
		if (s->len > max)
			max = s->len;
		c->rcv += s->len;
		inject(c, ACK, 1, c->rcv);
	}
	return max;
}

static void mss_sent_and_taken(void)
{
	static const uint8_t mss1000[] = { 2, 4, 1000 >> 8, 1000 & 255 };
	struct conn *c = open_raw(mss1000, 4);

	check(c->syn.o.has_mss, "no MSS option in the SYN+ACK");
	check_eq(c->syn.o.mss, mss_wire());
	check_eq(largest(c), 1000);
}

static void mss_default(void)
{
	struct conn *c = open_raw("", 0);

	check_eq(largest(c), is_v6() ? 1220 : 536);
}

static void mss_active(void)
{
	struct conn *c = in_syn_sent();

	inject(c, SYN | ACK, 0, 1, .mss = 700);
	expect(c, ACK, 1, 1);
	check_eq(largest(c), 700);
}

/* MUST-16: options that every segment carries come off the MSS. */
static void mss_minus_options(void)
{
	struct conn *c = in_listen();

	inject(c, SYN, 0, 0, .mss = 1000, .ts = true);
	c->ts = true;
	expect(c, SYN | ACK, 0, 1);
	inject(c, ACK, 1, 1);
	do_accept(c);
	check_eq(largest(c), 988);
}

/* MUST-16: not more than the path takes, whatever the peer announces. */
static void mss_huge(void)
{
	static const uint8_t huge[] = { 2, 4, 0xff, 0xff };

	check_eq(largest(open_raw(huge, 4)), mss_wire());
}

static void maxseg(void)
{
	struct conn *c = conn_new();
	struct sockaddr_storage ss;
	int len;

	c->lfd = stack_socket_bound(c->lport);
	set_int(c->lfd, IPPROTO_TCP, TCP_MAXSEG, 600);
	sys(listen(c->lfd, 5));
	len = addr_fill(&ss, NULL, 0);
	(void)len;
	inject(c, SYN, 0, 0, .mss = 1460);
	expect(c, SYN | ACK, 0, 1);
	check_eq(c->syn.o.mss, 600);
	inject(c, ACK, 1, 1);
	do_accept(c);
	check_eq(largest(c), 600);
}

/* MUST-65: an MSS option on anything but a SYN means nothing. */
static void mss_not_on_ack(void)
{
	static const uint8_t small[] = { 2, 4, 0, 100 };
	struct conn *c = open_raw("\x02\x04\x03\xe8", 4);
	struct seg *s;

	inject(c, ACK, 1, 1, .opt = small, .optlen = 4, .len = 10);
	s = expect(c, ACK, 1, 11);
	check(!s->o.has_mss, "an MSS option without SYN");
	c->snd = 11;
	write_stream(c, 500);
	s = expect(c, ACK, 1, 11, .len = 500);
	check(!s->o.has_mss, "an MSS option without SYN");
}

/* MUST-4, MUST-64: EOL, NOP and options at any alignment. */
static void alignment(void)
{
	static const uint8_t a[][12] = {
		{ 2, 4, 3, 0xe8, 0, 0, 0, 0 },
		{ 1, 2, 4, 3, 0xe8, 0, 0, 0 },
		{ 1, 1, 2, 4, 3, 0xe8, 0, 0 },
		{ 1, 1, 1, 2, 4, 3, 0xe8, 0 },
		{ 1, 1, 1, 1, 1, 1, 1, 2, 4, 3, 0xe8, 1 },
	};
	unsigned int i;

	for (i = 0; i < 5; i++)
		check_eq(largest(open_raw(a[i], i == 4 ? 12 : 8)), 1000);
}

static void after_eol(void)
{
	static const uint8_t o[] = { 0, 2, 4, 3, 0xe8, 0, 0, 0 };

	check_eq(largest(open_raw(o, 8)), is_v6() ? 1220 : 536);
}

/* MUST-6: unknown kinds are passed over by their length. */
static void unknown(void)
{
	static const uint8_t o[] = {
		66, 6, 1, 2, 3, 4, 2, 4, 3, 0xe8, 200, 2,
	};

	check_eq(largest(open_raw(o, sizeof(o))), 1000);
}

/* MUST-5: in any segment. */
static void any_segment(void)
{
	static const uint8_t o[] = { 1, 99, 5, 1, 2, 3, 1, 1 };
	struct conn *c = in_established(.no_ts = true);

	inject(c, ACK, 1, 1, .len = 10, .opt = o, .optlen = 8);
	expect(c, ACK, 1, 11);
	read_stream(c, 10);
	inject(c, FIN | ACK, 11, 1, .opt = o, .optlen = 8);
	expect(c, ACK, 1, 12);
}

/* MUST-7: whatever the lengths say, nothing breaks and the SYN is taken. */
static void bad_lengths(void)
{
	static const uint8_t o[][8] = {
		{ 2, 0, 0, 0 }, { 2, 1, 0, 0 }, { 2, 40, 5, 0 },
		{ 2, 3, 5, 1 }, { 2, 5, 5, 1, 0, 0, 0, 0 }, { 3, 0, 0, 0 },
		{ 3, 255, 1, 1 }, { 8, 9, 1, 1 }, { 8, 10, 1, 1 },
		{ 77, 0, 0, 0 }, { 77, 1, 0, 0 }, { 1, 1, 1, 2 },
		{ 1, 1, 1, 77 }, { 5, 2, 1, 1 }, { 4, 3, 1, 1 },
		{ 255, 255, 255, 255 },
	};
	struct conn *c;
	unsigned int i;

	for (i = 0; i < sizeof(o) / 8; i++) {
		c = open_raw(o[i], o[i][4] ? 8 : 4);
		check(!c->syn.o.sackok && !c->syn.o.has_ts, "option set %u", i);
		inject(c, ACK, 1, 1, .len = 10, .opt = o[i], .optlen = 4);
		expect(c, ACK, 1, 11);
	}
}

static void random_options(void)
{
	struct conn *l = in_listen(), *c;
	uint8_t o[40];
	int i, k, n;

	for (i = 0; i < 200; i++) {
		n = rnd_between(0, 10) * 4;
		for (k = 0; k < n; k++)
			o[k] = rnd() % 3 ? rnd() % 9 : rnd();
		c = listener_peer(l);
		c->pport = 20000 + i;
		inject(c, SYN, 0, 0, .opt = o, .optlen = n);
		/* What makes no sense may be refused. */
		fence();
		if (next_pending(c))
			inject(c, RST, 1, 0);
	}
	c = listener_peer(l);
	peer_syn(c, HOW());
	expect(c, SYN | ACK, 0, 1);
}

/* MUST-68/69: what the stack sends is well formed; pkt_parse() verifies. */
static void well_formed(void)
{
	struct conn *c = in_established();
	struct seg *s;

	check_eq(c->syn.optlen % 4, 0);
	write_stream(c, 1);
	s = expect(c, ACK, 1, 1, .len = 1);
	check(s->o.has_ts, "no timestamp");
	check_eq(s->optlen, 12);
	inject(c, ACK, 100, 2, .len = 1);	/* a hole: SACK */
	s = expect(c, ACK, 2, 1);
	check_eq(s->o.nsack, 1);
	check_eq(s->o.sack[0][0] - c->irs, 100);
	check_eq(s->o.sack[0][1] - c->irs, 101);
	check_eq(s->optlen % 4, 0);
}

/* RFC 2018: no SACK to who did not permit it. */
static void no_sack(void)
{
	struct conn *c = in_established(.no_sack = true);
	struct seg *s;

	check(!c->syn.o.sackok, "SACK permitted unasked");
	inject(c, ACK, 100, 1, .len = 1);
	s = expect(c, ACK, 1, 1);
	check_eq(s->o.nsack, 0);
}

/* RFC 7323 2: shift counts apply after the handshake, not on it. */
static void window_scale(void)
{
	struct conn *c = in_listen();

	inject(c, SYN, 0, 0, .mss = 640, .ws = 8, .win = 100);	/* shift 7 */
	expect(c, SYN | ACK, 0, 1);
	check(c->syn.o.has_ws && c->syn.o.ws <= 14, "shift %d", c->syn.o.ws);
	c->win = 10;		/* x 128 */
	inject(c, ACK, 1, 1);
	do_accept(c);
	write_stream(c, 4000);
	expect_stream(c, 1281);
	quiet(c);
}

static void window_scale_clamped(void)
{
	struct conn *c = in_listen(.sndbuf = 200000);

	inject(c, SYN, 0, 0, .mss = 1000, .ws = 101);	/* 14 is meant */
	expect(c, SYN | ACK, 0, 1);
	c->win = 1;
	inject(c, ACK, 1, 1);
	do_accept(c);
	write_stream(c, 20000);
	expect_stream(c, 10001);	/* the initial window of ten segments */
}

static void no_window_scale(void)
{
	struct conn *c = in_established(.no_ws = true, .win = 600,
					.mss = 312, .sndbuf = 200000);

	check(!c->syn.o.has_ws, "window scale unasked");
	write_stream(c, 4000);
	expect_stream(c, 601);
	quiet(c);
}

/* RFC 7323 3: each segment carries them, and echoes the right one. */
static void timestamps(void)
{
	struct conn *c = in_established();
	struct seg *s;

	inject(c, ACK, 1, 1, .len = 10, .ts = true, .set_ts = true,
	       .tsval = c->ts_base + (uint32_t)(now_ns() / MSEC) + 1000,
	       .tsecr = c->ts_recent);
	s = expect(c, ACK, 1, 11);
	check(s->o.has_ts, "no timestamp");
	check(s->o.tsecr - c->ts_base - (uint32_t)(now_ns() / MSEC) <= 1000,
	      "TSecr does not echo");
	/* A hole: the echo stays at the last segment in order. */
	inject(c, ACK, 100, 1, .len = 10, .set_ts = true,
	       .tsval = s->o.tsecr + 500, .tsecr = c->ts_recent);
	check_eq(expect(c, ACK, 1, 11)->o.tsecr, s->o.tsecr);
}

static void no_timestamps(void)
{
	struct conn *c = in_established(.no_ts = true);

	check(!c->syn.o.has_ts, "timestamps unasked");
	write_stream(c, 100);
	check(!expect(c, ACK, 1, 1, .len = 100)->o.has_ts,
	      "timestamps unasked");
}

/* RFC 7323 5: PAWS. An old timestamp is answered and dropped. */
static void paws(void)
{
	struct conn *c = in_established();
	uint32_t now = c->ts_base + (uint32_t)(now_ns() / MSEC);
	struct seg *s;

	inject(c, ACK, 1, 1, .len = 10, .set_ts = true, .tsval = now - 100000,
	       .tsecr = c->ts_recent);
	s = expect(c, ACK, 1, 1);
	check(!s->o.nsack, "a block for what is not here");
	check(!wait_fd(c->fd, POLLIN, 0), "old data was taken");
	c->snd = 1;
	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11);
	read_stream(c, 10);
	/* It was late, not lost: the peer hears of its retransmission (RFC 2883) */
	c->snd = 6;
	inject(c, ACK, 6, 1, .len = 10, .set_ts = true, .tsval = now - 100000,
	       .tsecr = c->ts_recent);
	s = expect(c, ACK, 1, 11);
	check_eq(s->o.nsack, 1);
	check_eq(s->o.sack[0][0] - c->irs, 6);
	check_eq(s->o.sack[0][1] - c->irs, 11);
	c->snd = 11;
	/* A RST has no right to be old (5.2). */
	inject(c, RST, 11, 0, .set_ts = true, .tsval = now - 100000);
	fence();
	check_eq(so_error(c->fd), ECONNRESET);
}

/* RFC 7323 3.2: once agreed on, a segment without is dropped. */
static void paws_missing(void)
{
	struct conn *c = in_established();

	inject(c, RST, 1, 0, .no_ts = true);
	quiet(c);
	gone(c);
}

/* There are peers whose SYN or SYN-ACK has a TSval of 0, and then what their clock says. */
static void paws_zero(void)
{
	struct conn *c = in_listen(), *d = listener_peer(c);

	inject(d, SYN, 0, 0, .mss = 1460, .ws = 1, .sackok = true, .ts = true, .set_ts = true);
	expect(d, SYN | ACK, 0, 1);
	d->ts = true;
	d->ts_base = 0x90000000;
	inject(d, ACK, 1, 1, .len = 10);
	expect(d, ACK, 1, 11);
	do_accept(d);
	read_stream(d, 10);

	c = in_syn_sent();
	inject(c, SYN | ACK, 0, 1, .mss = 1460, .ws = 1, .sackok = true, .ts = true,
	       .set_ts = true, .tsecr = c->syn.o.tsval);
	expect(c, ACK, 1, 1);
	c->ts = true;
	c->ts_base = 0x90000000;
	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11);
	read_stream(c, 10);
}

static void knobs_off(void)
{
	struct conn *c;

	knob("timestamps", 0);
	knob("sack", 0);
	knob("window_scaling", 0);
	c = in_listen();
	peer_syn(c, HOW());
	c->ts = false;
	expect(c, SYN | ACK, 0, 1);
	check(!c->syn.o.has_ts && !c->syn.o.sackok && !c->syn.o.has_ws,
	      "an option that is switched off");
	check(c->syn.o.has_mss, "no MSS option");
}

const struct row options_rows[] = {
	ROW(ROW_CORE, "MUST-4 MUST-64 EOL, NOP, MSS at any alignment",
	    alignment),
	ROW(0, "MUST-4 nothing is read after EOL", after_eol),
	ROW(ROW_CORE, "MUST-5 options in any segment", any_segment),
	ROW(ROW_CORE, "MUST-6 unknown options are ignored", unknown),
	ROW(ROW_CORE, "MUST-7 bad lengths", bad_lengths),
	ROW(0, "MUST-7 random options", random_options),
	ROW(ROW_CORE, "MUST-14 MUST-67 MSS is sent and taken, passive",
	    mss_sent_and_taken),
	ROW(0, "MUST-14 MUST-67 MSS is sent and taken, active", mss_active),
	ROW(ROW_CORE, "MUST-15 the default MSS", mss_default),
	ROW(ROW_CORE, "MUST-16 options come off the send MSS",
	    mss_minus_options),
	ROW(0, "MUST-16 TCP_MAXSEG", maxseg),
	ROW(ROW_CORE, "MUST-65 MSS on SYN only", mss_not_on_ack),
	ROW(ROW_CORE, "MUST-16 MSS within what IP can take", mss_huge),
	ROW(ROW_CORE, "MUST-68 MUST-69 lengths and padding", well_formed),
	ROW(0, "RFC 2018 no SACK unless permitted", no_sack),
	ROW(ROW_CORE, "RFC 7323 window scale", window_scale),
	ROW(0, "RFC 7323 a shift above 14 means 14", window_scale_clamped),
	ROW(0, "RFC 7323 no scale unless both send it", no_window_scale),
	ROW(ROW_CORE, "RFC 7323 timestamps are echoed", timestamps),
	ROW(0, "RFC 7323 no timestamps unless both send them",
	    no_timestamps),
	ROW(ROW_CORE, "RFC 7323 PAWS", paws),
	ROW(0, "RFC 7323 PAWS, the peer's SYN has a TSval of 0", paws_zero),
	ROW(0, "RFC 7323 a RST needs no timestamp", paws_missing),
	ROW(0, "sack, timestamps, window_scaling can be switched off",
	    knobs_off),
	{ NULL }
};
