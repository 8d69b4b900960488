// SPDX-License-Identifier: GPL-2.0-only
/* MUST-40, 58, 59, RFC 9293 3.10.7.4: acknowledging and queueing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "wire.h"

#define TOPIC "ack"

/* MUST-40: an ACK is late by less than half a second, always. */
static void delay_bound(void)
{
	struct conn *c = in_established();
	uint64_t t;
	int i;

	for (i = 0; i < 40; i++) {
		mark(c);
		inject(c, ACK, c->snd, 1, .len = 10);
		t = expect(c, ACK, 1, c->snd)->t_ns;
		check(t - c->mark_ns < 500 * MSEC, "an ACK after %d ms",
		      (int)((t - c->mark_ns) / MSEC));
	}
}

/* RFC 5681 4.2: one for at least every second full-sized segment. */
static void every_second(void)
{
	struct conn *c = in_established();
	uint32_t acked = 1;
	struct seg *s;
	int i, n = 0;

	for (i = 0; i < 20; i++)
		inject(c, ACK, c->snd, 1, .len = 1400);
	fence();
	while ((s = next_pending(c))) {
		check(s->ack - c->irs - acked <= 2 * 1400,
		      "one ACK for %u bytes", s->ack - c->irs - acked);
		acked = s->ack - c->irs;
		n++;
	}
	check(n >= 10, "%d ACKs for 20 segments", n);
	read_stream(c, 28000);
}

/* Early ACKs of the end of a short write: the answer carries them. */
static void early_rides(void)
{
	struct conn *c = in_established();

	inject(c, PSH | ACK, 1, 1, .len = 10);
	read_stream(c, 10);
	write_stream(c, 5);
	expect(c, ACK, 1, 11, .len = 5);
	quiet(c);
}

/* No answer: the ACK comes soon, and from then on at once. */
static void early_in_vain(void)
{
	struct conn *c = in_established();
	uint64_t ms;

	mark(c);
	inject(c, PSH | ACK, 1, 1, .len = 10);
	ms = (expect(c, ACK, 1, 11)->t_ns - c->mark_ns) / MSEC;
	check(ms >= 3 && ms <= 12, "an ACK after %d ms", (int)ms);
	inject(c, PSH | ACK, 11, 1, .len = 10);
	expect(c, ACK, 1, 21, .any = NO_WAIT);
	read_stream(c, 20);
}

struct early_reader {
	int fd;
	atomic_int tid;
};

static void *early_reader(void *arg)
{
	struct early_reader *r = arg;
	char buf[20];

	check(!fcntl(r->fd, F_SETFL, 0), "blocking");
	atomic_store(&r->tid, gettid());
	check(recv(r->fd, buf, sizeof(buf), MSG_WAITALL) == sizeof(buf), "recv()");
	return NULL;
}

static bool early_sleeps(int tid)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (f)
		fclose(f);
	return state == 'S';
}

/* A reader that waits for more has no answer: the peer, bound by Nagle, gets its ACK at once. */
static void early_reader_waits(void)
{
	struct conn *c = in_established();
	struct early_reader r = { .fd = c->fd };
	pthread_t reader;
	uint64_t us;

	pthread_create(&reader, NULL, early_reader, &r);
	while (!atomic_load(&r.tid) || !early_sleeps(atomic_load(&r.tid)))
		poll(NULL, 0, 1);
	mark(c);
	inject(c, PSH | ACK, 1, 1, .len = 10);
	us = (expect(c, ACK, 1, 11)->t_ns - c->mark_ns) / 1000;
	check(us < 3000, "an ACK after %d us", (int)us);
	inject(c, PSH | ACK, 11, 1, .len = 10);
	expect(c, ACK, 1, 21);
	pthread_join(reader, NULL);
}

/* A full segment, a second one, or not the end of what was written does not wait; nor with 0. */
static void early_not(void)
{
	struct conn *c = in_established();
	char byte;

	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11, .any = NO_WAIT);
	/* the second one */
	inject(c, PSH | ACK, 11, 1, .len = 100);
	inject(c, PSH | ACK, 111, 1, .len = 100);
	expect(c, ACK, 1, 211, .any = NO_WAIT);
	read_stream(c, 210);
	/* a full segment, with timestamps, though less than the MSS option says */
	c = in_established();
	inject(c, PSH | ACK, 1, 1, .len = 1448);
	expect(c, ACK, 1, 1449, .any = NO_WAIT);
	read_stream(c, 1448);
	/* nothing is going to be said any more */
	c = in_fin_wait_2();
	inject(c, PSH | ACK, 1, 2, .len = 10);
	expect(c, ACK, 2, 11, .any = NO_WAIT);
	read_stream(c, 10);
	/* a reader that is going to poll() */
	c = in_established();
	inject(c, PSH | ACK, 1, 1, .len = 10);
	read_stream(c, 10);
	check(recv(c->fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN, "recv()");
	expect(c, ACK, 1, 11, .any = NO_WAIT);
	knob("quick_ack_wait_ms", 0);
	c = in_established();
	inject(c, PSH | ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11, .any = NO_WAIT);
	read_stream(c, 10);
}

/* MUST-58, MUST-59: an ACK covers all that has come in order. */
static void aggregate(void)
{
	struct conn *c = in_established();

	inject(c, ACK, 101, 1, .len = 100);
	expect(c, ACK, 1, 1);
	inject(c, ACK, 201, 1, .len = 100);
	expect(c, ACK, 1, 1);
	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 301);
	quiet(c);
	read_stream(c, 300);
}

/* RFC 5681 4.2: out of order is acknowledged at once, and so is a filled gap. */
static void at_once(void)
{
	struct conn *c = in_established();

	inject(c, ACK, 101, 1, .len = 100);
	expect(c, ACK, 1, 1, .any = NO_WAIT);
	inject(c, ACK, 1, 1, .len = 50);
	expect(c, ACK, 1, 51, .any = NO_WAIT);
	inject(c, ACK, 51, 1, .len = 50);
	expect(c, ACK, 1, 201, .any = NO_WAIT);
}

/* Segments in any order and overlapping make one stream. */
static void shuffled(void)
{
	int order[40], i, k, t, at, len;
	struct conn *c = in_established();

	for (i = 0; i < 40; i++)
		order[i] = i;
	for (i = 39; i > 0; i--) {
		k = rnd_between(0, i);
		t = order[i];
		order[i] = order[k];
		order[k] = t;
	}
	for (i = 0; i < 40; i++) {
		at = order[i] * 100;
		len = rnd_between(100, 250);
		if (at + len > 4000)
			len = 4000 - at;
		inject(c, ACK, 1 + at, 1, .len = len);
	}
	fence();
	drop_pending();
	read_stream(c, 4000);
	c->snd = 4001;
	inject(c, FIN | ACK, 4001, 1);
	expect(c, ACK, 1, 4002);
	read_eof(c);
}

/* A segment that is partly old: the new part counts. */
static void overlap(void)
{
	struct conn *c = in_established();

	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 101);
	inject(c, ACK, 51, 1, .len = 100);
	expect(c, ACK, 1, 151);
	read_stream(c, 150);
}

/* 3.10.7.4, first: what is outside the window is answered and dropped. */
static void outside_window(void)
{
	struct conn *c = in_established();

	inject(c, ACK, -100, 1, .len = 50);
	expect(c, ACK, 1, 1);
	inject(c, ACK, 10000000, 1, .len = 50);
	expect(c, ACK, 1, 1);
	check(!wait_fd(c->fd, POLLIN, 0), "something to read");
	c->snd = 1;
	inject(c, ACK, 1, 1, .len = 10);
	expect(c, ACK, 1, 11);
	read_stream(c, 10);
}

/* 3.10.7.4, fifth: an ACK of what was not sent is answered and dropped. */
static void ack_of_future(void)
{
	struct conn *c = in_established();

	inject(c, ACK, 1, 1000, .len = 50);
	/* Older kernels' TCP drops it without a word. */
	if (is_xtcp())
		expect(c, ACK, 1, 1);
	fence();
	check(!wait_fd(c->fd, POLLIN, 0), "something to read");
	state_is(c, TCP_ESTABLISHED);
}

/* A segment without ACK is dropped, whatever it carries. */
static void no_ack(void)
{
	struct conn *c = in_established();

	inject(c, 0, 1, 0, .len = 50);
	quiet(c);
	c->snd = 1;
	inject(c, FIN, 1, 0);
	quiet(c);
	state_is(c, TCP_ESTABLISHED);
	check(!wait_fd(c->fd, POLLIN, 0), "something to read");
}

/* RFC 2018 4: SACK blocks, the newest first. */
static void sack_blocks(void)
{
	struct conn *c = in_established();
	struct seg *s;

	inject(c, ACK, 101, 1, .len = 100);
	s = expect(c, ACK, 1, 1);
	check_eq(s->o.nsack, 1);
	check_eq(s->o.sack[0][0] - c->irs, 101);
	check_eq(s->o.sack[0][1] - c->irs, 201);
	inject(c, ACK, 301, 1, .len = 100);
	s = expect(c, ACK, 1, 1);
	check_eq(s->o.nsack, 2);
	check_eq(s->o.sack[0][0] - c->irs, 301);
	check_eq(s->o.sack[1][0] - c->irs, 101);
	inject(c, ACK, 201, 1, .len = 100);
	s = expect(c, ACK, 1, 1);
	check_eq(s->o.nsack, 1);
	check_eq(s->o.sack[0][0] - c->irs, 101);
	check_eq(s->o.sack[0][1] - c->irs, 401);
	inject(c, ACK, 1, 1, .len = 100);
	s = expect(c, ACK, 1, 401);
	check_eq(s->o.nsack, 0);
}

/* The answer to one segment out of order: the last ACK that it brings. */
static struct seg *answer(struct conn *c, uint32_t seq, int len)
{
	static struct seg last;
	struct seg *s;

	inject(c, ACK, seq, 1, .len = len);
	fence();
	last.flags = 0;
	while ((s = next_pending(c)))
		last = *s;
	check(last.flags == ACK && last.o.nsack, "no SACK for %u", seq);
	return &last;
}

/* Each of them takes a buffer of its own. */
static void tune_rcvbuf(int fd)
{
	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20);
}

/* Several are answered at once, and a little later, unless that is switched off. */
static void each_answered(void)
{
	knob("comp_sack_nr", 0);
}

/* 4: what came last is told first, however much waits before it. */
static void sack_latest(void)
{
	struct conn *c = in_established(.tune = tune_rcvbuf);
	struct seg *s;
	int i;

	each_answered();
	for (i = 0; i < 300; i++) {
		s = answer(c, 3 + 2 * i, 1);
		check_eq(s->o.sack[0][0] - c->irs, 3 + 2 * i);
		check_eq(s->o.sack[0][1] - c->irs, 4 + 2 * i);
	}
	check(s->o.nsack >= 2, "one block of 300");
	/* One in between joins two of them (the kernel's TCP remembers the last four only) */
	s = answer(c, 304, 1);
	check_eq(s->o.sack[0][0] - c->irs, is_xtcp() ? 303 : 304);
	check_eq(s->o.sack[0][1] - c->irs, is_xtcp() ? 306 : 305);
}

/* The blocks of an answer, but for the first @skip, are these: begin and end. */
#define blocks_are(c, s, skip, ...) do {					\
	const uint32_t b_[][2] = { __VA_ARGS__ };			\
									\
	blocks_are_((c), (s), (skip), b_, sizeof(b_) / sizeof(b_[0]));	\
} while (0)

static void blocks_are_(struct conn *c, const struct seg *s, int skip, const uint32_t (*b)[2],
			int n)
{
	int i;

	check_eq(s->o.nsack, skip + n);
	for (i = 0; i < n; i++) {
		check_eq(s->o.sack[skip + i][0] - c->irs, b[i][0]);
		check_eq(s->o.sack[skip + i][1] - c->irs, b[i][1]);
	}
}

/* 4: after the first those that were first before it, so that each is repeated. */
static void sack_repeated(void)
{
	struct conn *c = in_established();
	struct seg *s;

	each_answered();
	answer(c, 301, 100);
	answer(c, 101, 50);
	answer(c, 701, 100);
	blocks_are(c, answer(c, 501, 100), 0, { 501, 601 }, { 701, 801 }, { 101, 151 });
	blocks_are(c, answer(c, 901, 100), 0, { 901, 1001 }, { 501, 601 }, { 701, 801 });
	/* One that grows is the first again, the others stay as they are. */
	blocks_are(c, answer(c, 801, 50), 0, { 701, 851 }, { 901, 1001 }, { 501, 601 });
	/* Two that have become one take one place; what there is besides is told as well. */
	blocks_are(c, answer(c, 601, 100), 0, { 501, 851 }, { 901, 1001 }, { 101, 151 });
	/* What was acknowledged is told no more. (The kernel's TCP has forgotten the fifth.) */
	inject(c, ACK, 1, 1, .len = 100);
	s = expect(c, ACK, 1, 151);
	if (is_xtcp())
		blocks_are(c, s, 0, { 501, 851 }, { 901, 1001 }, { 301, 401 });
	else
		blocks_are(c, s, 0, { 501, 851 }, { 901, 1001 });
	inject(c, ACK, 151, 1, .len = 150);
	blocks_are(c, expect(c, ACK, 1, 401), 0, { 501, 851 }, { 901, 1001 });
	inject(c, ACK, 401, 1, .len = 100);
	blocks_are(c, expect(c, ACK, 1, 851), 0, { 901, 1001 });
	inject(c, ACK, 851, 1, .len = 50);
	check_eq(expect(c, ACK, 1, 1001)->o.nsack, 0);
	read_stream(c, 1000);
}

/* Without timestamps there is room for four, of six. */
static void sack_repeated_four(void)
{
	struct conn *c = in_established(.no_ts = true);
	int i;

	each_answered();
	for (i = 0; i < 5; i++)
		answer(c, 101 + (i * 3 % 5) * 200, 100);	/* 101 701 301 901 501 */
	blocks_are(c, answer(c, 1101, 100), 0, { 1101, 1201 }, { 501, 601 }, { 901, 1001 },
		   { 301, 401 });
	/* A duplicate takes the place of the oldest, and what it is a part of follows. */
	blocks_are(c, answer(c, 901, 50), 1, { 901, 1001 }, { 1101, 1201 }, { 501, 601 });
}

/*
 * Crumbs that overlap are one block; its end that has grown is told first, after the byte that
 * came twice (RFC 2883 4.2). The kernel's TCP, which joins those that adjoin, tells few of these.
 */
static void sack_crumbs(void)
{
	struct conn *c = in_established(.tune = tune_rcvbuf);
	int i, seen = 0;
	bool twice;
	struct seg *s;

	each_answered();
	for (i = 0; i < 600; i++) {
		s = answer(c, 101 + i, 2);
		twice = s->o.sack[0][1] - c->irs == 102U + i;
		check(twice == !!i || !is_xtcp(), "DSACK for %d: %d", 101 + i, twice);
		if (twice)
			check_eq(s->o.sack[0][0] - c->irs, 101 + i);
		check_eq(s->o.sack[twice][1] - c->irs, 103 + i);
		seen += twice;
	}
	check(seen, "no DSACK");
	s = answer(c, 100, 2);
	check_eq(s->o.sack[0][0] - c->irs, 101);
	check_eq(s->o.sack[0][1] - c->irs, 102);
	check_eq(s->o.sack[1][0] - c->irs, 100);
	inject(c, ACK, 1, 1, .len = 99);
	fence();
	drop_pending();
	read_stream(c, 701);
}

/* RFC 2883: what came twice is named first. */
static void dsack(void)
{
	struct conn *c = in_established();
	struct seg *s;

	inject(c, ACK, 101, 1, .len = 300);
	expect(c, ACK, 1, 1);
	inject(c, ACK, 101, 1, .len = 100);	/* twice */
	s = expect(c, ACK, 1, 1);
	check_eq(s->o.nsack, 2);
	check_eq(s->o.sack[0][0] - c->irs, 101);
	check_eq(s->o.sack[0][1] - c->irs, 201);
	check_eq(s->o.sack[1][1] - c->irs, 401);
	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 401);
	inject(c, ACK, 1, 1, .len = 100);
	s = expect(c, ACK, 1, 401);
	check_eq(s->o.nsack, 1);
	check_eq(s->o.sack[0][0] - c->irs, 1);
	check_eq(s->o.sack[0][1] - c->irs, 101);
}

/* 4.2: of a segment that is new in part, the first part that came twice. */
static void dsack_part(void)
{
	struct conn *c = in_established();

	each_answered();
	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 101);
	/* Its beginning was acknowledged. */
	inject(c, ACK, 51, 1, .len = 100);
	blocks_are(c, expect(c, ACK, 1, 151), 0, { 51, 101 });
	answer(c, 301, 100);
	/* Its end waits out of order; its beginning; its middle. */
	blocks_are(c, answer(c, 251, 100), 0, { 301, 351 }, { 251, 401 });
	blocks_are(c, answer(c, 351, 100), 0, { 351, 401 }, { 251, 451 });
	answer(c, 601, 50);
	blocks_are(c, answer(c, 551, 150), 0, { 601, 651 }, { 551, 701 }, { 251, 451 });
	/* Of two parts the first. */
	answer(c, 801, 50);
	answer(c, 901, 50);
	blocks_are(c, answer(c, 791, 170), 0, { 801, 851 }, { 791, 961 }, { 551, 701 });
	/* It fills the hole, and a little more; once it is said, it is not said again. */
	inject(c, ACK, 151, 1, .len = 110);
	blocks_are(c, expect(c, ACK, 1, 451, .any = NO_WAIT), 0, { 251, 261 }, { 791, 961 },
		   { 551, 701 });
	inject(c, ACK, 451, 1, .len = 100);
	blocks_are(c, expect(c, ACK, 1, 701), 0, { 791, 961 });
	read_stream(c, 700);
}

/* 4.2: both ends of it came before, and so it was acknowledged and waits. */
static void dsack_both_ends(void)
{
	struct conn *c = in_established();

	inject(c, ACK, 1, 1, .len = 100);
	expect(c, ACK, 1, 101);
	answer(c, 151, 100);
	inject(c, ACK, 51, 1, .len = 150);
	blocks_are(c, expect(c, ACK, 1, 251, .any = NO_WAIT), 0, { 51, 101 });
	quiet(c);
	read_stream(c, 250);
}

/* Refused by PAWS, and it waits out of order: it came twice, and within what block is told. */
static void dsack_refused(void)
{
	struct conn *c = in_established();
	uint32_t old = c->ts_base + (uint32_t)(now_ns() / MSEC) - 100000;

	each_answered();
	answer(c, 301, 100);
	answer(c, 501, 100);
	inject(c, ACK, 351, 1, .len = 50, .set_ts = true, .tsval = old, .tsecr = c->ts_recent);
	blocks_are(c, expect(c, ACK, 1, 1), 0, { 351, 401 }, { 301, 401 }, { 501, 601 });
	/* What it has beyond that was refused, and is not there. */
	inject(c, ACK, 551, 1, .len = 100, .set_ts = true, .tsval = old, .tsecr = c->ts_recent);
	blocks_are(c, expect(c, ACK, 1, 1), 0, { 551, 601 }, { 501, 601 }, { 301, 401 });
	inject(c, ACK, 401, 1, .len = 100, .set_ts = true, .tsval = old, .tsecr = c->ts_recent);
	blocks_are(c, expect(c, ACK, 1, 1), 0, { 501, 601 }, { 301, 401 });
	inject(c, ACK, 1, 1, .len = 300);
	blocks_are(c, expect(c, ACK, 1, 401), 0, { 501, 601 });
	read_stream(c, 400);
}

const struct row ack_rows[] = {
	ROW(ROW_CORE, "MUST-40 an ACK is late by less than 0.5 s",
	    delay_bound),
	ROW(ROW_CORE, "MUST-58 MUST-59 an ACK covers all that has come",
	    aggregate),
	ROW(ROW_XTCP | ROW_CORE, "MUST-58 an early ACK rides on the answer", early_rides),
	ROW(ROW_XTCP | ROW_CORE, "MUST-40 an early ACK that waits in vain", early_in_vain),
	ROW(ROW_XTCP, "MUST-58 a reader that waits for more is no answer", early_reader_waits),
	ROW(ROW_XTCP, "MUST-58 early ACKs that do not wait", early_not),
	ROW(0, "RFC 5681 4.2 an ACK for every second full segment",
	    every_second),
	ROW(0, "RFC 5681 4.2 gaps are acknowledged at once", at_once),
	ROW(0, "RFC 9293 3.10.7.4 segments in any order", shuffled),
	ROW(0, "RFC 9293 3.10.7.4 the new part of an old segment", overlap),
	ROW(0, "RFC 9293 3.10.7.4 outside of the window", outside_window),
	ROW(0, "RFC 9293 3.10.7.4 an ACK of what was not sent",
	    ack_of_future),
	ROW(0, "RFC 9293 3.10.7.4 no ACK, no segment", no_ack),
	ROW(ROW_CORE, "RFC 2018 SACK blocks", sack_blocks),
	ROW(0, "RFC 2018 4 the latest block first, of 300", sack_latest),
	ROW(ROW_CORE, "RFC 2018 4 the blocks of before are repeated, the latest first",
	    sack_repeated),
	ROW(0, "RFC 2018 4 four of six without timestamps", sack_repeated_four),
	ROW(0, "RFC 2018 4 RFC 2883 4.2 pieces that overlap", sack_crumbs),
	ROW(0, "RFC 2883 DSACK blocks", dsack),
	ROW(ROW_CORE, "RFC 2883 4.2 the part that came twice", dsack_part),
	ROW(0, "RFC 2883 4.2 both ends came twice", dsack_both_ends),
	/* The kernel's TCP tells it of what was acknowledged alone. */
	ROW(ROW_XTCP, "RFC 2883 4 refused as old, and it waits out of order", dsack_refused),
	{ NULL }
};
