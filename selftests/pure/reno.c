// SPDX-License-Identifier: GPL-2.0-only
/* What all congestion control shares, and Reno (RFC 5681). */
#include "path.h"

#define SEGS_MAX 2097152

TEST(RFC6928_2_initial_window)
{
	static const struct { u32 mss, segs; } rows[] = {
		{ 0, 10 }, { 1, 10 }, { 536, 10 }, { 1220, 10 }, { 1448, 10 }, { 1460, 10 },
		{ 1461, 9 }, { 2000, 7 }, { 4000, 3 }, { 7300, 2 }, { 8960, 2 }, { 65535, 2 },
	};
	u32 i, mss;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_EQ(rows[i].segs, xtcp_cc_init_cwnd(rows[i].mss));
	/* min(10 * MSS, max(2 * MSS, 14600)) octets, in whole segments */
	for (mss = 1; mss < 65536; mss++) {
		u32 bytes = 2 * mss > 14600 ? 2 * mss : 14600;

		bytes = 10 * mss < bytes ? 10 * mss : bytes;
		ASSERT_EQ(bytes / mss, xtcp_cc_init_cwnd(mss));
	}
}

TEST(congestion_control_list)
{
	const struct xtcp_cc_ops *ops;
	u32 i;

	EXPECT_EQ(&xtcp_cc_cubic, xtcp_cc_get(0));
	for (i = 0; (ops = xtcp_cc_get(i)); i++) {
		EXPECT_EQ(ops, xtcp_cc_find(ops->name));
		EXPECT_LT(strlen(ops->name), XTCP_CC_NAME_MAX);
	}
	EXPECT_LE(2, i);
	EXPECT_EQ(&xtcp_cc_reno, xtcp_cc_find("reno"));
	EXPECT_EQ(NULL, xtcp_cc_find("ren"));
	EXPECT_EQ(NULL, xtcp_cc_find("renox"));
	EXPECT_EQ(NULL, xtcp_cc_find(""));
	EXPECT_EQ(NULL, xtcp_cc_get(0xffffffff));
}

TEST(MUST_19_slow_start_doubles_each_round)
{
	struct path p;
	u32 round, want = 10;

	path_init(&p, "reno", 10000);
	EXPECT_TRUE(xtcp_cc_in_slow_start(&p.cc));
	for (round = 0; round < 12; round++) {
		ASSERT_EQ(want, p.cc.cwnd);
		path_round(&p);
		want *= 2;
	}
}

/* Stretch ACKs count for all their segments. */
TEST(RFC5681_3_1_stretch_acks)
{
	struct xtcp_cc cc;

	xtcp_cc_init(&cc, &xtcp_cc_reno, 1460);
	EXPECT_EQ(0, xtcp_cc_slow_start(&cc, 45));
	EXPECT_EQ(55, cc.cwnd);
	EXPECT_EQ(0, xtcp_cc_slow_start(&cc, 200));
	EXPECT_EQ(255, cc.cwnd);
}

TEST(MUST_19_slow_start_ends_at_ssthresh)
{
	struct xtcp_cc cc;

	xtcp_cc_init(&cc, &xtcp_cc_reno, 1460);
	cc.ssthresh = 15;
	EXPECT_EQ(0, xtcp_cc_slow_start(&cc, 4));
	EXPECT_EQ(14, cc.cwnd);
	EXPECT_EQ(6, xtcp_cc_slow_start(&cc, 7));	/* one to get there */
	EXPECT_EQ(15, cc.cwnd);
	EXPECT_EQ(9, xtcp_cc_slow_start(&cc, 9));	/* nothing to do any more */
	EXPECT_EQ(15, cc.cwnd);
	EXPECT_FALSE(xtcp_cc_in_slow_start(&cc));
	cc.cwnd = 20;		/* above it: recovery may leave it there */
	EXPECT_EQ(3, xtcp_cc_slow_start(&cc, 3));
	EXPECT_EQ(20, cc.cwnd);
	cc.ssthresh = 30;
	cc.cwnd_clamp = 25;
	xtcp_cc_slow_start(&cc, 8);
	EXPECT_EQ(25, cc.cwnd);
	cc.ssthresh = 28;
	xtcp_cc_slow_start(&cc, 8);
	EXPECT_EQ(25, cc.cwnd);
}

TEST(RFC5681_3_1_avoid_counts_segments)
{
	struct xtcp_cc cc;

	xtcp_cc_init(&cc, &xtcp_cc_reno, 1460);
	xtcp_cc_avoid(&cc, 4, 3);
	EXPECT_EQ(10, cc.cwnd);
	EXPECT_EQ(3, cc.cwnd_cnt);
	xtcp_cc_avoid(&cc, 4, 1);
	EXPECT_EQ(11, cc.cwnd);
	EXPECT_EQ(0, cc.cwnd_cnt);
	xtcp_cc_avoid(&cc, 4, 11);
	EXPECT_EQ(13, cc.cwnd);
	EXPECT_EQ(3, cc.cwnd_cnt);
	xtcp_cc_avoid(&cc, 0, 2);	/* a window of nothing is one of one */
	EXPECT_EQ(18, cc.cwnd);
	EXPECT_EQ(0, cc.cwnd_cnt);
	cc.cwnd_clamp = 20;
	xtcp_cc_avoid(&cc, 1, 100);
	EXPECT_EQ(20, cc.cwnd);
}

TEST(congestion_control_starts_clean)
{
	u32 i, k;

	for (i = 0; xtcp_cc_get(i); i++) {
		struct xtcp_cc cc;

		memset(&cc, 0xaa, sizeof(cc));
		xtcp_cc_init(&cc, xtcp_cc_get(i), 1460);
		EXPECT_EQ(10, cc.cwnd);
		EXPECT_EQ(XTCP_CC_INFINITE, cc.ssthresh);
		EXPECT_EQ(0, cc.cwnd_cnt);
		EXPECT_EQ(XTCP_CC_CWND_MAX, (u32)cc.cwnd_clamp);
		EXPECT_EQ(0, cc.prior_cwnd);
		EXPECT_EQ(0, cc.prior_ssthresh);
		for (k = 0; k < ARRAY_SIZE(cc.priv); k++)
			EXPECT_NE(0xaaaaaaaaaaaaaaaaULL, cc.priv[k]);
	}
}

/* What was counted towards the next segment belongs to the window it was counted in. */
TEST(RFC5681_3_1_events_begin_a_new_count)
{
	struct path p;

	path_init(&p, "reno", 10000);
	p.cc.cwnd_cnt = 5;
	xtcp_cc_on_loss(&p.cc, 10);
	EXPECT_EQ(0, p.cc.cwnd_cnt);
	p.cc.cwnd_cnt = 5;
	xtcp_cc_on_rto(&p.cc, 10, false);
	EXPECT_EQ(0, p.cc.cwnd_cnt);
	p.cc.cwnd_cnt = 5;
	xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);
	EXPECT_EQ(0, p.cc.cwnd_cnt);
	EXPECT_EQ(0, p.cc.prior_cwnd);
	EXPECT_EQ(0, p.cc.prior_ssthresh);
	p.cc.cwnd_cnt = 5;
	xtcp_cc_on_idle(&p.cc, 1460, 199999, 200000);
	EXPECT_EQ(5, p.cc.cwnd_cnt);	/* no pause yet */
	xtcp_cc_on_idle(&p.cc, 1460, 200000, 200000);
	EXPECT_EQ(0, p.cc.cwnd_cnt);
	p.cc.cwnd_cnt = 5;
	xtcp_cc_set_ops(&p.cc, &xtcp_cc_cubic);
	EXPECT_EQ(0, p.cc.cwnd_cnt);
}

TEST(MUST_19_congestion_avoidance_one_per_round)
{
	static const u32 stretches[] = { 1, 2, 3, 7, 50 };
	struct path p;
	u32 round, i;

	for (i = 0; i < ARRAY_SIZE(stretches); i++) {
		path_init(&p, "reno", 10000);
		p.cc.cwnd = 64;
		path_lose(&p);
		p.stretch = stretches[i];
		ASSERT_EQ(32, p.cc.cwnd);
		for (round = 0; round < 100; round++) {
			ASSERT_LE(32 + round, p.cc.cwnd + 1);
			ASSERT_GE(32 + round, p.cc.cwnd);
			path_round(&p);
		}
	}
}

/* Equation 3 in floating point, cwnd += 1 / cwnd for each segment. */
TEST(MUST_19_congestion_avoidance_against_the_formula)
{
	double cwnd = 50;
	struct path p;
	u32 i;

	path_init(&p, "reno", 10000);
	p.cc.cwnd = 100;
	path_lose(&p);
	for (i = 0; i < 500000; i++) {
		cwnd += 1 / cwnd;
		path_ack(&p);
		ASSERT_LT(fabs(cwnd - p.cc.cwnd), 1.6 + cwnd / 500);
	}
	EXPECT_GT(p.cc.cwnd, 990);
}

/* Equation 4: half of what is outstanding, not of the window; at least two. */
TEST(MUST_19_loss_halves_flight_size)
{
	struct path p;

	path_init(&p, "reno", 10000);
	p.cc.cwnd = 100;
	xtcp_cc_on_loss(&p.cc, 60);
	EXPECT_EQ(30, p.cc.ssthresh);
	EXPECT_EQ(100, p.cc.cwnd);	/* the way down is recovery's */
	xtcp_cc_on_loss(&p.cc, 3);
	EXPECT_EQ(2, p.cc.ssthresh);
	xtcp_cc_on_loss(&p.cc, 0);
	EXPECT_EQ(2, p.cc.ssthresh);
}

/* ECE is answered as a loss is: half. */
TEST(RFC3168_6_1_2_ecn_echo_halves)
{
	struct path p;

	path_init(&p, "reno", 10000);
	p.cc.cwnd = 100;
	EXPECT_TRUE(xtcp_cc_on_ecn(&p.cc, 60));
	EXPECT_EQ(30, p.cc.ssthresh);
	EXPECT_EQ(100, p.cc.cwnd);
	p.cc.cwnd = 2;
	EXPECT_FALSE(xtcp_cc_on_ecn(&p.cc, 2));
	EXPECT_EQ(2, p.cc.ssthresh);
	EXPECT_EQ(1, p.cc.cwnd);
}

TEST(MUST_19_timeout)
{
	struct path p;

	path_init(&p, "reno", 10000);
	p.cc.cwnd = 100;
	p.cc.cwnd_cnt = 50;
	xtcp_cc_on_rto(&p.cc, 80, true);
	EXPECT_EQ(1, p.cc.cwnd);
	EXPECT_EQ(0, p.cc.cwnd_cnt);
	EXPECT_EQ(40, p.cc.ssthresh);
	/* The same segment times out again: the threshold is held. */
	xtcp_cc_on_rto(&p.cc, 1, false);
	EXPECT_EQ(1, p.cc.cwnd);
	EXPECT_EQ(40, p.cc.ssthresh);
	/* Slow start up to it: 1, 2, 4, 8, 16, 32, 40, then one a round. */
	path_round(&p);
	path_round(&p);
	path_round(&p);
	EXPECT_EQ(8, p.cc.cwnd);
	path_round(&p);
	path_round(&p);
	path_round(&p);
	EXPECT_EQ(40, p.cc.cwnd);
	path_round(&p);
	path_round(&p);
	EXPECT_LE(p.cc.cwnd, 42);
	EXPECT_GE(p.cc.cwnd, 41);
}

TEST(RFC4015_undo)
{
	struct path p;

	path_init(&p, "reno", 10000);
	xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);		/* nothing to undo */
	EXPECT_EQ(10, p.cc.cwnd);
	p.cc.cwnd = 100;
	p.cc.ssthresh = 70;
	xtcp_cc_on_rto(&p.cc, 100, true);
	xtcp_cc_on_rto(&p.cc, 1, false);
	xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);
	EXPECT_EQ(100, p.cc.cwnd);
	EXPECT_EQ(70, p.cc.ssthresh);
	p.cc.cwnd = 30;
	xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);		/* only once */
	EXPECT_EQ(30, p.cc.cwnd);
}

/* No burst: what is in flight and what was acknowledged, then slow start to what it was. */
TEST(RFC4015_undo_without_a_burst)
{
	static const char *const names[] = { "reno", "cubic" };
	struct path p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		path_init(&p, names[i], 10000);
		p.cc.cwnd = 100;
		p.cc.ssthresh = 70;
		xtcp_cc_on_rto(&p.cc, 100, true);
		xtcp_cc_on_undo(&p.cc, 10);
		EXPECT_EQ(10, p.cc.cwnd);
		EXPECT_EQ(100, p.cc.ssthresh);
		path_round(&p);
		EXPECT_EQ(20, p.cc.cwnd);
		path_round(&p);
		path_round(&p);
		path_round(&p);
		EXPECT_LE(100, p.cc.cwnd);
		EXPECT_GE(102, p.cc.cwnd);
	}
	/* It is no reduction, either; and a threshold that was higher is kept. */
	path_init(&p, "reno", 10000);
	p.cc.cwnd = 100;
	path_lose(&p);
	xtcp_cc_on_undo(&p.cc, 0);
	EXPECT_EQ(50, p.cc.cwnd);
	EXPECT_EQ(XTCP_CC_INFINITE, p.cc.ssthresh);
}

TEST(RFC7661_no_growth_when_application_limited)
{
	static const char *const names[] = { "reno", "cubic" };
	struct path p;
	u32 i, round;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		path_init(&p, names[i], 10000);
		p.app_limited = true;
		for (round = 0; round < 20; round++)
			path_round(&p);
		EXPECT_EQ(10, p.cc.cwnd);
		p.cc.cwnd = 100;
		path_lose(&p);
		for (round = 0; round < 20; round++)
			path_round(&p);
		EXPECT_EQ(p.cc.ssthresh, p.cc.cwnd);
	}
}

/* RFC 2861: half for each RTO of silence, not below the restart window. */
TEST(RFC5681_4_1_restart_after_idle)
{
	static const struct { u32 cwnd, rtos, want, ssthresh; } rows[] = {
		{ 100, 0, 100, 20 }, { 100, 1, 50, 75 }, { 100, 2, 25, 75 }, { 100, 3, 12, 75 },
		{ 100, 4, 10, 75 }, { 100, 1000000, 10, 75 }, { 5, 9, 5, 20 }, { 40, 1, 20, 30 },
	};
	struct path p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		path_init(&p, "reno", 10000);
		p.cc.cwnd = rows[i].cwnd;
		p.cc.ssthresh = 20;
		xtcp_cc_on_idle(&p.cc, 1460, rows[i].rtos * 200000ULL + 199999, 200000);
		EXPECT_EQ(rows[i].want, p.cc.cwnd);
		EXPECT_EQ(rows[i].ssthresh, p.cc.ssthresh);
	}
	/* In the first slow start there is no threshold to remember. */
	path_init(&p, "reno", 10000);
	p.cc.cwnd = 80;
	xtcp_cc_on_idle(&p.cc, 1460, 250000, 200000);
	EXPECT_EQ(XTCP_CC_INFINITE, p.cc.ssthresh);
}

TEST(congestion_control_can_be_changed)
{
	struct path p;

	path_init(&p, "cubic", 10000);
	p.cc.cwnd = 100;
	path_lose(&p);
	xtcp_cc_set_ops(&p.cc, &xtcp_cc_reno);
	EXPECT_EQ(70, p.cc.cwnd);
	EXPECT_EQ(70, p.cc.ssthresh);
	EXPECT_EQ(0, p.cc.prior_ssthresh);
	xtcp_cc_on_undo(&p.cc, XTCP_CC_CWND_MAX);
	EXPECT_EQ(70, p.cc.cwnd);
	path_round(&p);
	EXPECT_EQ(71, p.cc.cwnd);
}

/* Any order of events: the window stays within its bounds, nothing overflows. */
static void one_event(struct pure_rng *rng, struct path *p)
{
	u32 flight = pure_rng_below(rng, p->cc.cwnd + 1);

	switch (pure_rng_below(rng, 64)) {
	case 0:
		path_lose(p);
		break;
	case 1:
		xtcp_cc_on_rto(&p->cc, flight, pure_rng_below(rng, 2));
		break;
	case 2:
		xtcp_cc_on_undo(&p->cc, pure_rng_below(rng, 2 * SEGS_MAX));
		break;
	case 3:
		p->now_us += pure_rng_below(rng, 300000000);
		xtcp_cc_on_idle(&p->cc, 1 + pure_rng_below(rng, 9000),
				pure_rng_below(rng, 300000000), pure_rng_u32(rng));
		break;
	case 4:
		p->app_limited = !p->app_limited;
		break;
	case 5:
		p->rtt_us = pure_rng_below(rng, 2) ? pure_rng_u32(rng) >> pure_rng_below(rng, 32)
						   : 0;
		break;
	case 6:
		xtcp_cc_on_ecn(&p->cc, flight);
		break;
	case 7:
		p->cc.cwnd_clamp = 1 + pure_rng_below(rng, SEGS_MAX);
		p->cc.cwnd = xtcp_min_u32(p->cc.cwnd, p->cc.cwnd_clamp);
		break;
	default:
		p->stretch = 1 + pure_rng_below(rng, 1U << pure_rng_below(rng, 22));
		path_ack(p);
		break;
	}
}

TEST(congestion_control_bounds_under_random_events)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u32 alg, life, i, largest = 0;

	for (alg = 0; xtcp_cc_get(alg); alg++)
		for (life = 0; life < 300; life++) {
			struct path p;

			path_init(&p, xtcp_cc_get(alg)->name, 1 + pure_rng_below(&rng, 500000));
			for (i = 0; i < 500; i++) {
				u32 before = p.cc.cwnd;

				one_event(&rng, &p);
				ASSERT_GE(p.cc.cwnd, 1) TH_LOG("was %u", before);
				ASSERT_LE(p.cc.cwnd, SEGS_MAX);
				ASSERT_GE(p.cc.ssthresh, XTCP_CC_SSTHRESH_MIN);
				largest = xtcp_max_u32(largest, p.cc.cwnd);
			}
		}
	EXPECT_GT(largest, SEGS_MAX / 4);	/* the upper end was tried as well */
}

TEST_HARNESS_MAIN
