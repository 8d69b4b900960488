// SPDX-License-Identifier: GPL-2.0-only
/* Initial sequence numbers (RFC 6528). */
#include "pure.h"
#include "isn.h"
#include "seq.h"

TEST(MUST_8_clock_driven)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u32 i;

	EXPECT_EQ(0, xtcp_isn_clock(0));
	EXPECT_EQ(0, xtcp_isn_clock(63));
	EXPECT_EQ(1, xtcp_isn_clock(64));
	EXPECT_EQ(15625000, xtcp_isn_clock(1000000000));	/* one second */
	for (i = 0; i < 20000; i++) {
		u64 now = pure_rng_next(&rng) >> 4;
		u64 later = now + pure_rng_below(&rng, 1U << 31);

		ASSERT_EQ((u32)(later / 64 - now / 64),
			  xtcp_isn_clock(later) - xtcp_isn_clock(now));
		ASSERT_TRUE(xtcp_seq_before_eq(xtcp_isn_clock(now), xtcp_isn_clock(later)));
	}
}

/* RFC 9293 3.4.1: the cycle must be longer than segments live; 240 s is the most. */
TEST(MUST_8_cycle_is_longer_than_the_largest_msl)
{
	u64 s = 1000000000ULL;

	EXPECT_TRUE(xtcp_isn_clock(240 * s) > xtcp_isn_clock(239 * s));
	EXPECT_EQ(xtcp_isn_clock(5 * s), xtcp_isn_clock(5 * s + (64ULL << 32)));
	EXPECT_GT((64ULL << 32) / s, 240);
}

/*
 * RFC 6528: the hash keeps the spaces of two connections apart for ever, by the
 * same distance, and one connection's numbers only go up.
 */
TEST(MUST_9_spaces_of_connections)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u32 i;

	for (i = 0; i < 20000; i++) {
		u32 a = pure_rng_u32(&rng), b = pure_rng_u32(&rng);
		u64 now = pure_rng_next(&rng) >> 4;
		u64 later = now + 64 + pure_rng_below(&rng, 1U << 30);

		ASSERT_EQ(a - b, xtcp_isn_combine(a, now) - xtcp_isn_combine(b, now));
		ASSERT_TRUE(xtcp_seq_before(xtcp_isn_combine(a, now),
					    xtcp_isn_combine(a, later)));
	}
}

TEST_HARNESS_MAIN
