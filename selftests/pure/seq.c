// SPDX-License-Identifier: GPL-2.0-only
/* Sequence arithmetic (RFC 9293 section 3.4) around the whole circle. */
#include "pure.h"
#include "seq.h"

/* Points where a comparison that is not modular goes wrong. */
static const u32 corners[] = {
	0, 1, 2, 0x3fffffff, 0x40000000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001,
	0xbfffffff, 0xfffffffe, 0xffffffff,
};

/* The four comparisons by the definition: walk @d up from a to get to b. */
static void check_order(struct __test_metadata *_metadata, u32 a, u32 d)
{
	u32 b = a + d;

	EXPECT_TRUE(xtcp_seq_before(a, b));
	EXPECT_FALSE(xtcp_seq_before(b, a));
	EXPECT_TRUE(xtcp_seq_after(b, a));
	EXPECT_FALSE(xtcp_seq_after(a, b));
	EXPECT_TRUE(xtcp_seq_before_eq(a, b));
	EXPECT_FALSE(xtcp_seq_before_eq(b, a));
	EXPECT_TRUE(xtcp_seq_after_eq(b, a));
	EXPECT_FALSE(xtcp_seq_after_eq(a, b));
	EXPECT_EQ(b, xtcp_seq_max(a, b));
	EXPECT_EQ(b, xtcp_seq_max(b, a));
	EXPECT_EQ(a, xtcp_seq_min(a, b));
	EXPECT_EQ(a, xtcp_seq_min(b, a));
}

TEST(RFC9293_3_4_order_around_the_circle)
{
	static const u32 steps[] = { 1, 2, 1460, 65535, 0x3fffffff, 0x40000000, 0x7fffffff };
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(corners); i++)
		for (j = 0; j < ARRAY_SIZE(steps); j++)
			check_order(_metadata, corners[i], steps[j]);
}

TEST(RFC9293_3_4_order_random)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u32 i;

	for (i = 0; i < 20000; i++)
		check_order(_metadata, pure_rng_u32(&rng), 1 + pure_rng_below(&rng, 0x7fffffff));
}

TEST(RFC9293_3_4_equal)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(corners); i++) {
		EXPECT_FALSE(xtcp_seq_before(corners[i], corners[i]));
		EXPECT_FALSE(xtcp_seq_after(corners[i], corners[i]));
		EXPECT_TRUE(xtcp_seq_before_eq(corners[i], corners[i]));
		EXPECT_TRUE(xtcp_seq_after_eq(corners[i], corners[i]));
		EXPECT_TRUE(xtcp_seq_between(corners[i], corners[i], corners[i]));
		EXPECT_EQ(corners[i], xtcp_seq_max(corners[i], corners[i]));
	}
}

/* A closed range is what one passes when counting from its low to its high end. */
TEST(RFC9293_3_4_between_by_counting)
{
	u32 i, len, k;

	for (i = 0; i < ARRAY_SIZE(corners); i++)
		for (len = 0; len < 40; len++)
			for (k = 0; k < 80; k++)
				EXPECT_EQ(k >= 20 && k - 20 <= len,
					  xtcp_seq_between(corners[i] + k,
							   corners[i] + 20,
							   corners[i] + 20 + len));
	/* Longer than half of the circle. */
	EXPECT_TRUE(xtcp_seq_between(0x90000000, 0, 0xf0000000));
	EXPECT_FALSE(xtcp_seq_between(0xf0000001, 0, 0xf0000000));
}

/* RFC 9293 3.10.7.4 octet by octet, with 64-bit numbers that do not wrap. */
static bool acceptable_in_numbers(u64 seq, u32 len, u64 nxt, u32 wnd)
{
	u64 last = seq + len - 1;

	if (len == 0 && wnd == 0)
		return seq == nxt;
	if (len == 0)
		return nxt <= seq && seq < nxt + wnd;
	if (wnd == 0)
		return false;
	return (nxt <= seq && seq < nxt + wnd) || (nxt <= last && last < nxt + wnd);
}

static bool overlaps_in_numbers(u64 seq, u32 len, u64 nxt, u32 wnd)
{
	u64 octet;

	if (len == 0)
		return acceptable_in_numbers(seq, len, nxt, wnd);
	for (octet = seq; octet < seq + len; octet++)
		if (nxt <= octet && octet < nxt + wnd)
			return true;
	return false;
}

TEST(RFC9293_3_10_7_4_acceptable_all_small)
{
	u32 i, seq, len, wnd;

	for (i = 0; i < ARRAY_SIZE(corners); i++)
		for (seq = 0; seq < 24; seq++)
			for (len = 0; len < 16; len++)
				for (wnd = 0; wnd < 10; wnd++)
					ASSERT_EQ(acceptable_in_numbers(1000 + seq, len,
									1010, wnd),
						  xtcp_seq_acceptable(corners[i] + seq, len,
								      corners[i] + 10, wnd))
					TH_LOG("seq %u len %u nxt 10 wnd %u from %#x", seq, len,
					       wnd, corners[i]);
}

TEST(RFC9293_3_10_7_4_acceptable_random)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u32 i;

	for (i = 0; i < 100000; i++) {
		u64 nxt = (1ULL << 40) + pure_rng_u32(&rng);
		u32 wnd = pure_rng_below(&rng, 1U << pure_rng_below(&rng, 31));
		u32 len = pure_rng_below(&rng, 1U << pure_rng_below(&rng, 17));
		u64 seq = nxt - 70000 + pure_rng_below(&rng, wnd + 140000);

		ASSERT_EQ(acceptable_in_numbers(seq, len, nxt, wnd),
			  xtcp_seq_acceptable((u32)seq, len, (u32)nxt, wnd));
	}
}

TEST(RFC9293_3_10_7_4_overlaps_all_small)
{
	u32 i, seq, len, wnd, more = 0;

	for (i = 0; i < ARRAY_SIZE(corners); i++)
		for (seq = 0; seq < 24; seq++)
			for (len = 0; len < 16; len++)
				for (wnd = 0; wnd < 10; wnd++) {
					bool is = xtcp_seq_overlaps(corners[i] + seq, len,
								    corners[i] + 10, wnd);

					ASSERT_EQ(overlaps_in_numbers(1000 + seq, len, 1010,
								      wnd), is);
					more += is && !xtcp_seq_acceptable(corners[i] + seq, len,
									   corners[i] + 10, wnd);
				}
	/* The one shape in which the two differ was among them. */
	EXPECT_GT(more, 0);
}

TEST_HARNESS_MAIN
