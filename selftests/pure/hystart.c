// SPDX-License-Identifier: GPL-2.0-only
/* HyStart++ (RFC 9406): leaving the first slow start before it overshoots. */
#include "path.h"

#define ROUND_SEGS 8	/* N_RTT_SAMPLE */

/* A few rounds of slow start at @rtt_us, from the initial window. */
static void warm_up(struct path *p, u32 rtt_us, u32 rounds)
{
	path_init(p, "cubic", rtt_us);
	p->burst = true;
	while (rounds--)
		path_round(p);
}

/* From now on the ACKs of a flight of 160 come evenly over 40 ms. */
static void spread(struct path *p)
{
	warm_up(p, 40000, 4);
	p->burst = false;
}

/* And so they do until slow start ends; gives up after two windows. */
static void spread_to_the_end(struct path *p)
{
	u32 left;

	spread(p);
	for (left = 2 * p->cc.cwnd; left && p->cc.ssthresh == XTCP_CC_INFINITE; left--)
		path_ack(p);
}

/* Rounds at @rtt_us until slow start ends; gives up after 30. */
static u32 rounds_to_the_end(struct path *p, u32 rtt_us)
{
	u32 rounds = 0;

	p->rtt_us = rtt_us;
	while (p->cc.ssthresh == XTCP_CC_INFINITE && rounds < 30 && p->cc.cwnd < 100000) {
		path_round(p);
		rounds++;
	}
	return p->cc.ssthresh == XTCP_CC_INFINITE ? 0 : rounds;
}

TEST(RFC9406_4_2_constant_rtt_is_plain_slow_start)
{
	struct path p;
	u32 i, want = 10;

	warm_up(&p, 40000, 0);
	for (i = 0; i < 14; i++) {
		ASSERT_EQ(want, p.cc.cwnd);
		path_round(&p);
		want *= 2;
	}
	EXPECT_EQ(XTCP_CC_INFINITE, p.cc.ssthresh);
}

/*
 * In conservative slow start a round adds a quarter; after five it is over. The
 * samples that are looked at are those of one round by sequence numbers, and the
 * path's rounds need not begin where those do: it may take one round more.
 */
TEST(RFC9406_4_2_rising_rtt_ends_slow_start)
{
	u32 rounds = 0, quarters = 0, cwnd;
	struct path p;

	warm_up(&p, 40000, 4);
	ASSERT_EQ(160, p.cc.cwnd);
	p.rtt_us = 50000;
	do {
		cwnd = p.cc.cwnd;
		path_round(&p);
	} while (p.cc.cwnd > 1.6 * cwnd && ++rounds < 10);
	EXPECT_LE(rounds, 2);
	for (;;) {
		cwnd = p.cc.cwnd;
		path_round(&p);
		if (p.cc.ssthresh != XTCP_CC_INFINITE || quarters == 10)
			break;
		EXPECT_LT(fabs(p.cc.cwnd - cwnd * 1.25), 2);
		quarters++;
	}
	EXPECT_GE(quarters, 3);	/* and two rounds that were not all theirs */
	EXPECT_LE(quarters, 4);
	EXPECT_FALSE(xtcp_cc_in_slow_start(&p.cc));
	/* Slow start would have come to 160 * 2^6; then comes congestion avoidance. */
	EXPECT_LT(p.cc.cwnd, 160 * 8);
	cwnd = p.cc.cwnd;
	path_round(&p);
	EXPECT_GE(p.cc.cwnd, cwnd);
	EXPECT_LE(p.cc.cwnd, cwnd + 4);
}

/* RttThresh = max(4 ms, min(lastRoundMinRTT / 8, 16 ms)), to the microsecond. */
TEST(RFC9406_4_2_threshold)
{
	static const struct { u32 base_us, thresh_us; } rows[] = {
		{ 1000, 4000 }, { 10000, 4000 }, { 32000, 4000 }, { 40000, 5000 },
		{ 100000, 12500 }, { 128000, 16000 }, { 300000, 16000 },
	};
	struct path p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		warm_up(&p, rows[i].base_us, 3);
		EXPECT_EQ(0, rounds_to_the_end(&p, rows[i].base_us + rows[i].thresh_us - 1));
		warm_up(&p, rows[i].base_us, 3);
		EXPECT_NE(0, rounds_to_the_end(&p, rows[i].base_us + rows[i].thresh_us));
	}
}

/* Five rounds, the one in which it began counted. */
TEST(RFC9406_4_2_css_rounds)
{
	struct path p;
	u32 n;

	warm_up(&p, 40000, 4);
	n = rounds_to_the_end(&p, 60000);
	EXPECT_GE(n, 5);
	EXPECT_LE(n, 6);	/* a round of the path need not begin where one of theirs does */
}

/* It was jitter: the RTT falls below the baseline again, slow start goes on. */
TEST(RFC9406_4_2_back_to_slow_start)
{
	struct path p;
	u32 before;

	warm_up(&p, 40000, 4);
	p.rtt_us = 55000;
	path_round(&p);
	before = p.cc.cwnd;
	EXPECT_LT(before, 320);
	p.rtt_us = 41000;
	path_round(&p);
	path_round(&p);
	EXPECT_GT(p.cc.cwnd, 3 * before);
	EXPECT_EQ(0, rounds_to_the_end(&p, 41000));
}

/* Fewer than eight samples in a round say nothing. */
TEST(RFC9406_4_2_too_few_samples)
{
	struct path p;
	u32 round, i, n;

	for (n = ROUND_SEGS - 1; n <= ROUND_SEGS; n++) {
		warm_up(&p, 40000, 4);
		for (round = 0; round < 8; round++) {
			u32 left = p.cc.cwnd;

			p.waited = false;
			for (i = 0; i < left; i++) {
				p.rtt_us = i < n ? 90000 : 0;
				p.pace_us = 90000;
				path_ack(&p);
			}
		}
		/* Seven are not enough, eight are. */
		EXPECT_EQ(n < ROUND_SEGS, p.cc.ssthresh == XTCP_CC_INFINITE);
	}
}

/* Later slow starts have a threshold and need no guess. */
TEST(RFC9406_4_3_only_the_first_slow_start)
{
	struct path p;
	u32 i;

	warm_up(&p, 40000, 5);
	p.cc.cwnd = 3000;
	xtcp_cc_on_rto(&p.cc, 3000, true);
	EXPECT_EQ(2100, p.cc.ssthresh);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(1U << i, p.cc.cwnd);
		p.rtt_us = 40000 + 20000 * i;
		path_round(&p);
	}
	EXPECT_EQ(2100, p.cc.ssthresh);
}

/* The first round is the initial window, wherever its numbers lie. */
TEST(RFC9406_4_2_first_round)
{
	static const u32 isns[] = { 0, 0x7fff0000, 0x80000000, 0xffff0000, 0xfffff000 };
	struct path p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(isns); i++) {
		warm_up(&p, 40000, 0);
		p.una = isns[i];
		path_round(&p);
		EXPECT_LE(rounds_to_the_end(&p, 60000), 7);
		EXPECT_FALSE(xtcp_cc_in_slow_start(&p.cc));
		EXPECT_LT(p.cc.cwnd, 200);
	}
}

/* After a pause the RTT of before is no measure any more: it starts anew. */
TEST(RFC9406_4_2_idle_starts_anew)
{
	struct path p;
	u32 i, before;

	warm_up(&p, 40000, 4);
	p.rtt_us = 55000;
	path_round(&p);
	before = p.cc.cwnd;
	path_round(&p);
	ASSERT_LT(p.cc.cwnd, 1.5 * before);	/* conservative slow start */
	p.cc.ops->on_idle(&p.cc, 1000000);
	p.rtt_us = 80000;
	for (i = 0; i < 4; i++) {
		before = p.cc.cwnd;
		path_round(&p);
		EXPECT_EQ(2 * before, p.cc.cwnd);
	}
	EXPECT_EQ(XTCP_CC_INFINITE, p.cc.ssthresh);
}

/*
 * ACKs without a gap for more than half the RTT: the window is large enough. From 16 segments on,
 * and with the RTT of a round before this one.
 */
TEST(RFC9438_4_10_train_ends_slow_start)
{
	struct path p;
	u32 i, left;

	spread(&p);
	left = p.cc.cwnd;
	ASSERT_EQ(160, left);
	for (i = 0; i < left / 2; i++) {
		path_ack(&p);
		ASSERT_EQ(XTCP_CC_INFINITE, p.cc.ssthresh);
		ASSERT_EQ(160 + i + 1, p.cc.cwnd);
	}
	/* the window has grown, so the later of them are closer together */
	while (p.cc.ssthresh == XTCP_CC_INFINITE && i++ < left)
		path_ack(&p);
	EXPECT_LT(i, left);
	EXPECT_EQ(p.cc.cwnd, p.cc.ssthresh);
	EXPECT_LE(p.cc.cwnd, 2 * left);
}

/* What the train found is a guess: a twentieth more in a round trip until something is lost. */
TEST(RFC9438_4_10_train_then_a_twentieth)
{
	struct path p;
	u32 i, cwnd;

	spread_to_the_end(&p);
	ASSERT_NE(XTCP_CC_INFINITE, p.cc.ssthresh);
	for (i = 0; i < 10; i++) {
		cwnd = p.cc.cwnd;
		path_round(&p);
		EXPECT_LT(fabs(p.cc.cwnd - cwnd * 1.05), 2);
	}
	path_lose(&p);
	cwnd = p.cc.cwnd;
	for (i = 0; i < 4; i++)
		path_round(&p);
	EXPECT_LT(p.cc.cwnd, cwnd + 20);
	EXPECT_EQ(cwnd, p.cc.ssthresh);
}

/* A loss that was none: the guess is still one. */
TEST(RFC9438_4_10_train_undo)
{
	struct path p;
	u32 cwnd;

	spread_to_the_end(&p);
	ASSERT_NE(XTCP_CC_INFINITE, p.cc.ssthresh);
	cwnd = p.cc.cwnd;
	path_lose(&p);
	xtcp_cc_on_undo(&p.cc, cwnd);
	ASSERT_EQ(cwnd, p.cc.cwnd);
	path_round(&p);
	EXPECT_LT(fabs(p.cc.cwnd - cwnd * 1.05), 2);
}

/* A gap ends it: a quarter of the RTT, and no more than two milliseconds. */
TEST(RFC9438_4_10_train_gap)
{
	static const struct { u32 rtt_us, gap_us; } rows[] = {
		{ 1000, 250 }, { 4000, 1000 }, { 8000, 2000 }, { 100000, 2000 },
	};
	u32 i, k, late;
	struct path p;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (late = 0; late < 2; late++) {
			u32 gap_us = rows[i].gap_us + late;

			warm_up(&p, rows[i].rtt_us, 5);
			p.waited = false;
			for (k = 0; k < 1 + rows[i].rtt_us / 2 / gap_us + 1; k++) {
				path_ack(&p);
				p.now_us += gap_us;
			}
			EXPECT_EQ(late, p.cc.ssthresh == XTCP_CC_INFINITE);
		}
	}
}

/* Paced or not, ACKs for longer than the whole RTT are the bottleneck's. */
TEST(RFC9438_4_10_train_of_what_is_paced)
{
	struct path p;
	u32 i;

	warm_up(&p, 40000, 4);
	p.paced = true;
	p.waited = false;
	for (i = 0; i < 150 && p.cc.ssthresh == XTCP_CC_INFINITE; i++) {
		path_ack(&p);
		p.now_us += 400;
	}
	EXPECT_GE(i, 40000 / 400);
	EXPECT_LE(i, 40000 / 400 + 3);
}

/* A loss in the first slow start that was none: it goes on as if new, whatever came after. */
TEST(RFC9406_4_2_undo_after_a_stage)
{
	struct path p;
	u32 i, cwnd;

	warm_up(&p, 40000, 5);
	cwnd = p.cc.cwnd;
	path_lose(&p);
	p.burst = false;
	for (i = 0; i < 3; i++)
		path_round(&p);
	xtcp_cc_on_undo(&p.cc, cwnd);
	ASSERT_EQ(XTCP_CC_INFINITE, p.cc.ssthresh);
	p.burst = true;
	for (i = 0; i < 3; i++) {
		cwnd = p.cc.cwnd;
		path_round(&p);
		EXPECT_EQ(2 * cwnd, p.cc.cwnd);
	}
}

/* Spread by the pacer, by a sender with too little, or too few: no sign of a bottleneck. */
TEST(RFC9438_4_10_train_of_our_own_making)
{
	struct path p;
	u32 i, cwnd;

	spread(&p);
	p.paced = true;
	for (i = 0; i < 4; i++) {
		cwnd = p.cc.cwnd;
		path_round(&p);
		EXPECT_EQ(2 * cwnd, p.cc.cwnd);
	}
	spread(&p);
	p.app_limited = true;
	path_round(&p);
	EXPECT_EQ(XTCP_CC_INFINITE, p.cc.ssthresh);
	spread(&p);
	p.unused = 60;
	path_round(&p);
	EXPECT_EQ(XTCP_CC_INFINITE, p.cc.ssthresh);
	path_init(&p, "cubic", 4000);
	p.cc.cwnd = 4;
	path_round(&p);
	EXPECT_GT(16, p.cc.cwnd);
	EXPECT_EQ(XTCP_CC_INFINITE, p.cc.ssthresh);
}

TEST_HARNESS_MAIN
