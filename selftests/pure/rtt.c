// SPDX-License-Identifier: GPL-2.0-only
/* RFC 6298, against the RFC's formulas in floating point. */
#include "pure.h"
#include "rtt.h"

#define SECOND_US	1000000
#define RTO_MIN_US	200000
#define RTO_MAX_US	120000000

/* RFC 6298 section 2 as it stands, in microseconds. */
struct model {
	bool valid;
	double srtt;
	double rttvar;
};

static void model_sample(struct model *m, double r)
{
	if (!m->valid) {
		m->srtt = r;
		m->rttvar = r / 2;
		m->valid = true;
		return;
	}
	m->rttvar = 0.75 * m->rttvar + 0.25 * fabs(m->srtt - r);
	m->srtt = 0.875 * m->srtt + 0.125 * r;
}

static double model_rto(const struct model *m, double rto_min, double rto_max)
{
	double rto = m->srtt + fmax(4 * m->rttvar, rto_min);

	return fmin(rto, rto_max);
}

/* The integers truncate 8 * SRTT by less than 8 us and 4 * RTTVAR by less than 12. */
static void check_model(struct __test_metadata *_metadata, const struct xtcp_rtt *r,
			const struct model *m)
{
	ASSERT_LT(fabs(r->srtt_us / 8.0 - m->srtt), 1.01);
	ASSERT_LT(fabs(r->rttvar_us / 4.0 - m->rttvar), 3.01);
	ASSERT_LT(fabs(r->rto_us - model_rto(m, RTO_MIN_US, RTO_MAX_US)), 14.0);
}

TEST(MUST_18_first_sample)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r, SECOND_US);
	EXPECT_FALSE(r.valid);
	EXPECT_EQ(SECOND_US, xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US));
	EXPECT_EQ(0, xtcp_rtt_srtt_us(&r));
	xtcp_rtt_sample(&r, 100000, RTO_MIN_US, RTO_MAX_US);
	EXPECT_TRUE(r.valid);
	EXPECT_EQ(100000, xtcp_rtt_srtt_us(&r));
	EXPECT_EQ(50000 * 4, r.rttvar_us);
	EXPECT_EQ(100000 + 4 * 50000, r.rto_us);
	EXPECT_EQ(100000, r.min_rtt_us);
	EXPECT_EQ(100000, r.latest_us);
}

/* Random walks over paths from 10 us to 60 s, samples within a factor of 3. */
TEST(MUST_18_against_the_formulas)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u32 path, i;

	for (path = 0; path < 400; path++) {
		double base = 10 * pow(6e6, pure_rng_below(&rng, 10001) / 10000.0);
		struct model m = { .valid = false };
		struct xtcp_rtt r;

		xtcp_rtt_init(&r, SECOND_US);
		for (i = 0; i < 500; i++) {
			double spread = 1 + 2 * pure_rng_below(&rng, 1001) / 1000.0;
			u32 sample = (u32)(base * spread);

			xtcp_rtt_sample(&r, sample, RTO_MIN_US, RTO_MAX_US);
			model_sample(&m, sample);
			check_model(_metadata, &r, &m);
			ASSERT_EQ(r.rto_us, xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US));
		}
	}
}

/* A constant RTT: the variation dies out and rto_min is what is left. */
TEST(RFC6298_2_rto_min_is_a_floor_of_the_variance)
{
	static const u32 rtts[] = { 1, 50, 1000, 20000, 100000, 3000000 };
	struct xtcp_rtt r;
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(rtts); i++) {
		xtcp_rtt_init(&r, SECOND_US);
		for (k = 0; k < 200; k++)
			xtcp_rtt_sample(&r, rtts[i], RTO_MIN_US, RTO_MAX_US);
		EXPECT_EQ(rtts[i], xtcp_rtt_srtt_us(&r));
		EXPECT_LE(r.rttvar_us, 4);
		EXPECT_EQ(rtts[i] + RTO_MIN_US, r.rto_us);
		/* With the RFC's own floor of a second no RTO is below it. */
		EXPECT_GE(xtcp_rtt_rto_us(&r, SECOND_US, RTO_MAX_US), SECOND_US);
	}
}

TEST(RFC6298_2_5_rto_max)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r, SECOND_US);
	xtcp_rtt_sample(&r, 90000000, RTO_MIN_US, RTO_MAX_US);
	EXPECT_EQ(RTO_MAX_US, r.rto_us);
	/* A changed bound counts at once, without a sample. */
	EXPECT_EQ(90000000 + 180000000, xtcp_rtt_rto_us(&r, RTO_MIN_US, 1000000000));
	EXPECT_EQ(5000000, xtcp_rtt_rto_us(&r, RTO_MIN_US, 5000000));
	/* Bounds the wrong way round: the ceiling holds. */
	EXPECT_EQ(1000, xtcp_rtt_rto_us(&r, RTO_MIN_US, 1000));
}

TEST(RFC6298_5_5_backoff_doubles_and_saturates)
{
	struct xtcp_rtt r;
	u64 want = SECOND_US;
	u32 i;

	xtcp_rtt_init(&r, SECOND_US);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(want < RTO_MAX_US ? want : RTO_MAX_US,
			  xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US));
		xtcp_rtt_backoff(&r);
		want = want < RTO_MAX_US ? want * 2 : want;
	}
	EXPECT_EQ(XTCP_RTT_BACKOFF_MAX, r.backoff);
	EXPECT_EQ(0xffffffff, xtcp_rtt_rto_us(&r, RTO_MIN_US, 0xffffffff));
	xtcp_rtt_backoff_reset(&r);
	EXPECT_EQ(SECOND_US, xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US));
}

/* The ladder of a SYN with the default of six retries: 1+2+4+8+16+32+64 = 127 s. */
TEST(S3_syn_gives_up_after_127_s)
{
	struct xtcp_rtt r;
	u64 sum = 0;
	u32 i;

	xtcp_rtt_init(&r, XTCP_RTO_INITIAL_US);
	for (i = 0; i < 7; i++) {
		sum += xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US);
		xtcp_rtt_backoff(&r);
	}
	EXPECT_EQ(127000000, sum);
}

/* The end of section 5: a new sample takes the backoff back. */
TEST(RFC6298_5_sample_ends_backoff)
{
	struct xtcp_rtt r;
	u32 before;

	xtcp_rtt_init(&r, SECOND_US);
	xtcp_rtt_sample(&r, 50000, RTO_MIN_US, RTO_MAX_US);
	before = xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US);
	xtcp_rtt_backoff(&r);
	xtcp_rtt_backoff(&r);
	EXPECT_EQ(4 * before, xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US));
	xtcp_rtt_sample(&r, 50000, RTO_MIN_US, RTO_MAX_US);
	EXPECT_EQ(0, r.backoff);
	EXPECT_LE(xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US), before);
}

TEST(RFC6298_5_7_three_seconds_after_a_lost_syn)
{
	struct xtcp_rtt r;

	xtcp_rtt_init(&r, SECOND_US);
	xtcp_rtt_backoff(&r);
	xtcp_rtt_syn_lost(&r);
	EXPECT_EQ(3 * SECOND_US, xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US));
	/* A larger initial RTO is not taken down. */
	xtcp_rtt_init(&r, 5 * SECOND_US);
	xtcp_rtt_syn_lost(&r);
	EXPECT_EQ(5 * SECOND_US, xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US));
	/* And a measurement is better than the rule. */
	xtcp_rtt_sample(&r, 1000, RTO_MIN_US, RTO_MAX_US);
	xtcp_rtt_syn_lost(&r);
	EXPECT_EQ(1000 + RTO_MIN_US, r.rto_us);
	EXPECT_EQ(1000 + RTO_MIN_US, xtcp_rtt_rto_us(&r, RTO_MIN_US, RTO_MAX_US));
}

/* Samples of 0 and of 2^32 - 1, in any order, never overflow (UBSan watches shifts). */
TEST(RFC6298_2_extremes)
{
	static const u32 samples[] = { 0, 1, 0xffffffff, 0, 0xffffffff, 0xffffffff, 1 };
	struct xtcp_rtt r;
	u32 i, k;

	for (k = 0; k < 2; k++) {
		xtcp_rtt_init(&r, SECOND_US);
		for (i = k; i < 200; i++) {
			xtcp_rtt_sample(&r, samples[i % ARRAY_SIZE(samples)], RTO_MIN_US,
					0xffffffff);
			ASSERT_LE(xtcp_rtt_srtt_us(&r), XTCP_RTT_MAX_US);
			ASSERT_GE(r.srtt_us, 1);
			ASSERT_LE(r.rttvar_us, 4 * XTCP_RTT_MAX_US);
			ASSERT_GE(r.rto_us, RTO_MIN_US);
			ASSERT_GE(r.min_rtt_us, 1);
		}
		ASSERT_EQ(1, r.min_rtt_us);
	}
}

TEST(RFC8985_min_rtt)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	struct xtcp_rtt r;
	u32 i, min = 0xffffffff;

	xtcp_rtt_init(&r, SECOND_US);
	EXPECT_EQ(XTCP_RTT_NONE_US, r.min_rtt_us);
	for (i = 0; i < 1000; i++) {
		u32 sample = 1 + pure_rng_below(&rng, 1000000);

		min = sample < min ? sample : min;
		xtcp_rtt_sample(&r, sample, RTO_MIN_US, RTO_MAX_US);
		ASSERT_EQ(min, r.min_rtt_us);
		ASSERT_EQ(sample, r.latest_us);
	}
}

/*
 * RFC 7323 4.2: with 40 samples in each round trip, one of them late by 400 ms, the RTO
 * without rounds has forgotten it before the next one comes; with rounds it has not.
 */
TEST(RFC7323_4_2_rounds_remember_a_spike)
{
	u32 late_us = 450000, floor[2] = { ~0U, ~0U };
	struct xtcp_rtt r;
	u32 with, round, i;

	for (with = 0; with < 2; with++) {
		xtcp_rtt_init(&r, SECOND_US);
		for (round = 0; round < 50; round++) {
			for (i = 0; i < 40; i++) {
				xtcp_rtt_sample(&r, i == 0 ? late_us : 50000, RTO_MIN_US,
						RTO_MAX_US);
				if (round > 10 && r.rto_us < floor[with])
					floor[with] = r.rto_us;
			}
			if (with)
				xtcp_rtt_round(&r);
		}
	}
	EXPECT_LT(floor[0], late_us);
	EXPECT_GT(floor[1], late_us);
}

/* With rounds the variation is never below the RFC's. */
TEST(RFC7323_4_2_rounds_are_never_below_rfc6298)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	struct model m = { .valid = false };
	struct xtcp_rtt r;
	u32 i;

	xtcp_rtt_init(&r, SECOND_US);
	for (i = 0; i < 20000; i++) {
		u32 sample = 20000 + pure_rng_below(&rng, 80000);

		xtcp_rtt_sample(&r, sample, RTO_MIN_US, RTO_MAX_US);
		model_sample(&m, sample);
		if (i % 16 == 15)
			xtcp_rtt_round(&r);
		ASSERT_GT(r.rttvar_us / 4.0, m.rttvar - 3.01);
	}
}

/* It rises with the first late sample, and falls by a quarter of the way a round. */
TEST(RFC7323_4_2_rounds_rise_at_once_and_fall_slowly)
{
	struct xtcp_rtt r;
	u32 i, k, before, max;

	xtcp_rtt_init(&r, SECOND_US);
	for (i = 0; i < 100; i++)
		xtcp_rtt_sample(&r, 20000, RTO_MIN_US, RTO_MAX_US);
	xtcp_rtt_round(&r);
	EXPECT_LE(r.rttvar_us, 4);
	xtcp_rtt_sample(&r, 1020000, RTO_MIN_US, RTO_MAX_US);
	EXPECT_GE(r.rttvar_us, 1000000);
	EXPECT_EQ(r.mdev_us, r.rttvar_us);
	xtcp_rtt_round(&r);	/* the round of the late sample: nothing to forget yet */
	EXPECT_EQ(r.mdev_us, r.rttvar_us);
	for (i = 0; i < 20; i++) {
		before = r.rttvar_us;
		max = r.mdev_us;
		for (k = 0; k < 10; k++) {
			xtcp_rtt_sample(&r, 20000, RTO_MIN_US, RTO_MAX_US);
			max = r.mdev_us > max ? r.mdev_us : max;
		}
		EXPECT_GE(r.rttvar_us, before);
		before = r.rttvar_us;
		xtcp_rtt_round(&r);
		EXPECT_EQ(before - (before - max) / 4, r.rttvar_us);
	}
	EXPECT_LT(r.rttvar_us, 40000);
}

TEST_HARNESS_MAIN
