// SPDX-License-Identifier: GPL-2.0-only
/* RFC 9293 3.8.6.3, RFC 5681 4.2: when an ACK waits, and when it does not any more. */
#define _GNU_SOURCE
#include "loss.h"
#include "wire.h"

#define TOPIC "delack"

#define QUICK	16	/* so many at the start */
#define FULL	1400

static uint64_t delay_ms(void)
{
	return is_xtcp() ? knob_get("delack_ms") : 40;
}

static void at_once(struct conn *c, int len)
{
	inject(c, ACK, c->snd, 1, .len = len);
	expect(c, ACK, 1, c->snd, .any = NO_WAIT);
	read_stream(c, len);
}

static void none_yet(struct conn *c)
{
	fence();
	check(!next_pending(c), "an ACK at once");
}

/* Nobody reads it: what a reader brings about is another matter. */
static void waits(struct conn *c, int len)
{
	inject(c, ACK, c->snd, 1, .len = len);
	none_yet(c);
}

/* One ACK, of all that has come, so long after mark(); and nothing after it. */
static void acked_at(struct conn *c, uint64_t ms)
{
	uint64_t t = expect(c, ACK, 1, c->snd)->t_ns;

	/* timers run in ticks of 4 ms and are rounded up */
	near((t - c->mark_ns) / MSEC, ms, 12);
	none_yet(c);
}

static struct conn *past_quick(int len)
{
	struct conn *c = in_established();
	int i;

	for (i = 0; i < QUICK; i++)
		at_once(c, len);
	return c;
}

/* The first 16 are acknowledged at once, so that the sender's window grows; then each waits. */
static void lone(void)
{
	struct conn *c = past_quick(100);

	mark(c);
	waits(c, 100);
	acked_at(c, delay_ms());
	/* the kernel's TCP waits twice as long now */
	if (!is_xtcp())
		return;
	mark(c);
	waits(c, 100);
	acked_at(c, delay_ms());
}

static void knob_says(void)
{
	struct conn *c;

	knob("delack_ms", 150);
	c = past_quick(100);
	mark(c);
	waits(c, 100);
	acked_at(c, 150);
}

/* What comes meanwhile, and is less than a second full segment, does not begin it anew. */
static void from_the_first(void)
{
	struct conn *c = past_quick(100);

	mark(c);
	waits(c, 60);
	quiet_for(c, delay_ms() / 2);
	waits(c, 30);
	acked_at(c, delay_ms());
}

/* The kernel's TCP acknowledges each segment for as long as its window grows: not for long. */
static void steady(int fd)
{
	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20);
	set_int(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, 30000);
}

/* Past what is acknowledged at once in the beginning; a full segment waits. */
static struct conn *steady_second_(struct how h)
{
	struct conn *c = in_established_(h);
	int quick = 0;

	for (;;) {
		inject(c, ACK, c->snd, 1, .len = FULL);
		read_stream(c, FULL);
		fence();
		if (!next_pending(c))
			break;
		check(++quick < (is_xtcp() ? QUICK + 1 : 1000), "%d at once", quick);
	}
	check(quick >= QUICK, "only %d at once", quick);
	return c;
}

static struct conn *steady_second(void)
{
	return steady_second_(HOW(.tune = is_xtcp() ? NULL : steady));
}

/* The second full segment is not waited for a third, now and later. */
static void every_second(void)
{
	struct conn *c = steady_second();
	int i;

	at_once(c, FULL);
	for (i = 0; i < 10; i++) {
		waits(c, FULL);
		read_stream(c, FULL);
		none_yet(c);
		at_once(c, FULL);
	}
	mark(c);
	waits(c, FULL);
	acked_at(c, delay_ms());
}

/* The path has become narrower: two that are alike are full ones, and again every second counts. */
static void every_second_smaller(void)
{
	struct conn *c = steady_second();
	int i;

	at_once(c, FULL);
	waits(c, FULL / 2);
	at_once(c, FULL / 2);
	read_stream(c, FULL / 2);
	for (i = 0; i < 10; i++) {
		waits(c, FULL / 2);
		read_stream(c, FULL / 2);
		none_yet(c);
		at_once(c, FULL / 2);
	}
	/* the rests of what a program writes are no full segments */
	for (i = 0; i < 2; i++)
		inject(c, PSH | ACK, c->snd, 1, .len = 100);
	none_yet(c);
	waits(c, 100);
}

/*
 * The buffer is small, and more waits in it than any rounding hides: what comes takes from the
 * window. All is acknowledged.
 */
static struct conn *behind(void)
{
	struct conn *c = steady_second_(HOW(.rcvbuf = 60000));
	int i;

	at_once(c, FULL);
	for (i = 0; i < 8; i++)
		inject(c, ACK, c->snd, 1, .len = FULL);
	while (next_seg(c, 100))
		;
	return c;
}

/* A window that closes as the program falls behind is told when it has read, and opens again. */
static void reader_acks(void)
{
	struct conn *c = behind();
	int i, n;

	for (n = 2; n < 6; n++) {
		for (i = 0; i < n; i++)
			waits(c, FULL);
		read_stream(c, n * FULL);
		expect(c, ACK, 1, c->snd, .any = NO_WAIT);
		none_yet(c);
	}
}

/* MUST-40: nobody reads, and it is not late for that. */
static void reader_does_not(void)
{
	struct conn *c = behind();
	uint64_t t;
	int i;

	mark(c);
	for (i = 0; i < 4; i++)
		waits(c, FULL);
	if (is_xtcp()) {
		acked_at(c, delay_ms());
		return;
	}
	/* the kernel's TCP makes its delay by what it has seen */
	t = expect(c, ACK, 1, c->snd)->t_ns;
	check(t - c->mark_ns < 500 * MSEC, "an ACK after %d ms", (int)((t - c->mark_ns) / MSEC));
}

/* Who waits for more is not going to read. */
static void reader_waits(void)
{
	struct conn *c = behind();
	int i;

	set_int(c->fd, SOL_SOCKET, SO_RCVLOWAT, 20 * FULL);
	for (i = 0; i < 5; i++) {
		waits(c, FULL);
		inject(c, ACK, c->snd, 1, .len = FULL);
		expect(c, ACK, 1, c->snd, .any = NO_WAIT);
	}
}

/* There is room: no window closes, and nothing is left to a reader that may never come. */
static void reader_has_room(void)
{
	struct conn *c = steady_second_(HOW(.tune = steady));
	int i;

	at_once(c, FULL);
	for (i = 0; i < 10; i++) {
		waits(c, FULL);
		inject(c, ACK, c->snd, 1, .len = FULL);
		expect(c, ACK, 1, c->snd, .any = NO_WAIT);
	}
}

/* TCP_QUICKACK 0: not even the first is acknowledged at once. */
static void quickack_off(void)
{
	struct conn *c = in_established();

	set_int(c->fd, IPPROTO_TCP, TCP_QUICKACK, 0);
	mark(c);
	waits(c, 100);
	acked_at(c, delay_ms());
}

/* TCP_QUICKACK 1: what is owed goes out with the call. */
static void quickack_ends_wait(void)
{
	struct conn *c = in_established();

	set_int(c->fd, IPPROTO_TCP, TCP_QUICKACK, 0);
	waits(c, 100);
	read_stream(c, 100);
	none_yet(c);
	set_int(c->fd, IPPROTO_TCP, TCP_QUICKACK, 1);
	expect(c, ACK, 1, c->snd, .any = NO_WAIT);
}

/* And from then on nothing waits. (The kernel's TCP forgets about it after a while.) */
static void quickack_stays(void)
{
	struct conn *c = past_quick(100);
	int i;

	waits(c, 100);
	set_int(c->fd, IPPROTO_TCP, TCP_QUICKACK, 1);
	expect(c, ACK, 1, c->snd, .any = NO_WAIT);
	read_stream(c, 100);
	for (i = 0; i < 3 * QUICK; i++)
		at_once(c, 100);
}

/*
 * A hole before @c->snd + LEN, told three times, each at once: what fast retransmit needs. RTT is
 * long enough for any comp_sack_delay_ns here; by timestamps, which this peer echoes at
 * once, the receiver would find a short one.
 */
static struct conn *past_dup_acks(bool sack)
{
	struct conn *c = far(.no_ts = true, .no_sack = !sack);
	int i;

	for (i = 0; i < QUICK; i++)
		at_once(c, 100);
	c->snd += LEN;
	for (i = 0; i < 3; i++) {
		inject(c, ACK, c->snd, 1, .len = LEN);
		expect(c, ACK, 1, c->snd - (i + 2) * LEN, .any = NO_WAIT);
	}
	return c;
}

#define HOLE(c)	((c)->snd - 4 * LEN)	/* where it begins, after past_dup_acks() */

/* One ACK of @hole, so long after mark(), that tells of all up to @c->snd; nothing after it. */
static void told_at(struct conn *c, uint32_t hole, uint64_t us)
{
	struct seg *s = expect(c, ACK, 1, hole);

	near((s->t_ns - c->mark_ns) / 1000, us, 400);
	check_eq(s->o.nsack, 1);
	check_eq(s->o.sack[0][0] - c->irs, hole + LEN);
	check_eq(s->o.sack[0][1] - c->irs, c->snd);
	none_yet(c);
}

static void sacks_wait(void)
{
	struct conn *c;
	uint32_t hole;
	int i;

	knob("comp_sack_delay_ns", 4000000);
	c = past_dup_acks(true);
	hole = HOLE(c);
	mark(c);
	for (i = 0; i < 5; i++)
		waits(c, LEN);
	told_at(c, hole, 4000);
	/* and again, from the next on */
	mark(c);
	for (i = 0; i < 5; i++)
		waits(c, LEN);
	told_at(c, hole, 4000);
	/* The hole is filled: at once, and none is owed for what waited. */
	waits(c, LEN);
	inject(c, ACK, hole, 1, .len = LEN);
	expect(c, ACK, 1, c->snd, .any = NO_WAIT);
	quiet_for(c, 10);
	read_stream(c, c->snd - hole);
}

/* So many wait; the next brings what all of them had to say. */
static void sacks_number(void)
{
	struct conn *c;
	uint32_t hole;
	int i;

	knob("comp_sack_delay_ns", 4000000);
	knob("comp_sack_nr", 3);
	c = past_dup_acks(true);
	hole = HOLE(c);
	for (i = 0; i < 3; i++)
		waits(c, LEN);
	mark(c);
	inject(c, ACK, c->snd, 1, .len = LEN);
	told_at(c, hole, 0);
	quiet_for(c, 10);
}

/* Each at once: by comp_sack_nr 0, and without SACK, where each counts. */
static void sacks_at_once(void)
{
	struct conn *c;
	uint32_t hole;
	int i, sack;

	for (sack = 0; sack < 2; sack++) {
		knob("comp_sack_nr", sack ? 0 : 44);
		c = past_dup_acks(sack);
		hole = HOLE(c);
		for (i = 0; i < 10; i++) {
			inject(c, ACK, c->snd, 1, .len = LEN);
			expect(c, ACK, 1, hole, .any = NO_WAIT);
		}
	}
}

/* What the ACK would have no room for does not wait: a third new hole. */
static void sacks_news(void)
{
	struct conn *c;
	uint32_t hole;
	struct seg *s;
	int i;

	knob("comp_sack_delay_ns", 4000000);
	c = past_dup_acks(true);
	hole = HOLE(c);
	for (i = 0; i < 2; i++) {
		c->snd += LEN;
		waits(c, LEN);
	}
	c->snd += LEN;
	inject(c, ACK, c->snd, 1, .len = LEN);
	s = expect(c, ACK, 1, hole, .any = NO_WAIT);
	check_eq(s->o.nsack, 4);
	for (i = 0; i < 3; i++) {
		check_eq(s->o.sack[i][0] - c->irs, c->snd - (1 + 2 * i) * LEN);
		check_eq(s->o.sack[i][1] - c->irs, c->snd - 2 * i * LEN);
	}
	/* More of the last block waits, and with it a part that came twice, in two pieces. */
	mark(c);
	waits(c, LEN / 2);
	inject(c, ACK, c->snd - LEN - LEN / 2, 1, .len = LEN);
	none_yet(c);
	inject(c, ACK, c->snd - LEN / 2, 1, .len = LEN / 2);
	none_yet(c);
	s = expect(c, ACK, 1, hole);
	near((s->t_ns - c->mark_ns) / 1000, 4000, 400);
	check_eq(s->o.sack[0][0] - c->irs, c->snd - LEN - LEN / 2);
	check_eq(s->o.sack[0][1] - c->irs, c->snd);
	quiet_for(c, 10);
}

/*
 * One ACK for two blocks that grew, each by more segments than an ACK has room for blocks: both are
 * told whole, before those of which nothing came.
 */
static void sacks_two_blocks(void)
{
	uint32_t hole, third, fourth;
	struct conn *c;
	struct seg *s;
	int i;

	knob("comp_sack_nr", 0);
	c = past_dup_acks(true);
	hole = HOLE(c);
	for (i = 0; i < 2; i++) {
		c->snd += LEN;
		third = c->snd;
		inject(c, ACK, c->snd, 1, .len = LEN);
		expect(c, ACK, 1, hole, .any = NO_WAIT);
	}
	knob("comp_sack_nr", 44);
	knob("comp_sack_delay_ns", 4000000);
	mark(c);
	for (i = 0; i < 5; i++)
		waits(c, LEN);
	c->snd += LEN;
	fourth = c->snd;
	for (i = 0; i < 6; i++)
		waits(c, LEN);
	s = expect(c, ACK, 1, hole);
	near((s->t_ns - c->mark_ns) / 1000, 4000, 400);
	check_eq(s->o.nsack, 4);
	check_eq(s->o.sack[0][0] - c->irs, fourth);
	check_eq(s->o.sack[0][1] - c->irs, c->snd);
	check_eq(s->o.sack[1][0] - c->irs, third);
	check_eq(s->o.sack[1][1] - c->irs, fourth - LEN);
}

/* What came twice is told with its own block before anything else comes (RFC 2883 4). */
static void sacks_duplicate(void)
{
	struct conn *c;
	uint32_t hole;
	struct seg *s;

	knob("comp_sack_nr", 0);
	c = past_dup_acks(true);
	hole = HOLE(c);
	c->snd += LEN;
	inject(c, ACK, c->snd, 1, .len = LEN);
	expect(c, ACK, 1, hole, .any = NO_WAIT);
	knob("comp_sack_nr", 44);
	knob("comp_sack_delay_ns", 4000000);
	inject(c, ACK, hole + LEN, 1, .len = LEN);
	none_yet(c);
	mark(c);
	inject(c, ACK, c->snd, 1, .len = LEN);
	s = expect(c, ACK, 1, hole, .any = NO_WAIT);
	check_eq(s->o.nsack, 3);
	check_eq(s->o.sack[0][0] - c->irs, hole + LEN);
	check_eq(s->o.sack[0][1] - c->irs, hole + 2 * LEN);
	check_eq(s->o.sack[1][0] - c->irs, hole + LEN);
	check_eq(s->o.sack[1][1] - c->irs, hole + 4 * LEN);
	/* and that other in its time */
	s = expect(c, ACK, 1, hole);
	near((s->t_ns - c->mark_ns) / 1000, 4000, 400);
	check_eq(s->o.sack[0][1] - c->irs, c->snd);
}

/* No longer than a part of the RTT. */
static void sacks_rtt(void)
{
	struct conn *c;
	uint32_t hole;

	knob("comp_sack_delay_ns", 400000000);
	knob("comp_sack_rtt_percent", 5);
	c = past_dup_acks(true);
	hole = HOLE(c);
	mark(c);
	waits(c, LEN);
	waits(c, LEN);
	told_at(c, hole, RTT * 1000 * 5 / 100);
}

const struct row delack_rows[] = {
	ROW(ROW_CORE | ROW_VT, "RFC 9293 3.8.6.3 16 ACKs at once, the next after delack_ms", lone),
	ROW(ROW_XTCP | ROW_VT, "RFC 9293 3.8.6.3 delack_ms 150", knob_says),
	ROW(ROW_VT, "RFC 9293 3.8.6.3 the delay begins with the first", from_the_first),
	ROW(ROW_CORE | ROW_VT, "MUST-58 RFC 5681 4.2 the second full segment, later as well",
	    every_second),
	ROW(ROW_VT, "RFC 5681 4.2 the second full segment of a path that has become narrower",
	    every_second_smaller),
	ROW(ROW_VT, "MUST-58 a program that is behind acknowledges by reading", reader_acks),
	ROW(ROW_VT, "MUST-40 MUST-58 a program that is behind and does not read", reader_does_not),
	ROW(ROW_VT, "MUST-58 SO_RCVLOWAT: who waits for more leaves no ACK to the reader",
	    reader_waits),
	/* The kernel's TCP rounds a window without a scale, which so does close. */
	ROW(ROW_XTCP | ROW_VT, "MUST-58 RFC 5681 4.2 nobody reads, and the window has room for it",
	    reader_has_room),
	ROW(ROW_VT, "TCP_QUICKACK 0: an ACK waits", quickack_off),
	ROW(ROW_VT, "TCP_QUICKACK 1: an ACK that waits goes out", quickack_ends_wait),
	ROW(ROW_XTCP | ROW_VT, "TCP_QUICKACK 1: no ACK waits", quickack_stays),
	ROW(ROW_CORE | ROW_VT, "RFC 5681 4.2 RFC 2018 the fourth ACK of a hole waits for more",
	    sacks_wait),
	ROW(ROW_VT, "RFC 2018 comp_sack_nr 3: so many ACKs wait", sacks_number),
	ROW(ROW_VT, "RFC 5681 4.2 comp_sack_nr 0, or no SACK: each at once", sacks_at_once),
	ROW(ROW_XTCP | ROW_VT, "RFC 2018 4 a third new hole does not wait", sacks_news),
	ROW(ROW_XTCP | ROW_VT, "RFC 2018 4 one ACK for two blocks that grew", sacks_two_blocks),
	ROW(ROW_XTCP | ROW_VT, "RFC 2883 4 what came twice, and then something else",
	    sacks_duplicate),
	ROW(ROW_XTCP | ROW_VT, "RFC 2018 comp_sack_rtt_percent 5", sacks_rtt),
	{ NULL }
};
