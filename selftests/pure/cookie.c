// SPDX-License-Identifier: GPL-2.0-only
/* SYN cookies (RFC 4987 section 3.6). */
#include "pure.h"
#include "cookie.h"

/* Stands in for siphash: any function of secret and input will do here. */
static u32 hash(u64 secret, u32 input)
{
	struct pure_rng rng = { secret ^ ((u64)input << 17) };

	return pure_rng_u32(&rng);
}

struct listener {
	u64 secret1;
	u64 secret2;
};

static u32 give(const struct listener *l, u32 conn, u32 seq, u32 count, u32 index)
{
	return xtcp_cookie_make(hash(l->secret1, conn), hash(l->secret2 ^ conn, count), seq,
				count, index);
}

static int take(const struct listener *l, u32 cookie, u32 conn, u32 seq, u32 count)
{
	/* On the heap, where ASan sees an age that is none. */
	u32 *hash2 = malloc(XTCP_COOKIE_MAX_AGE * sizeof(*hash2)), i;
	int index;

	if (!hash2)
		abort();
	for (i = 0; i < XTCP_COOKIE_MAX_AGE; i++)
		hash2[i] = hash(l->secret2 ^ conn, count - i);
	index = xtcp_cookie_check(cookie, hash(l->secret1, conn), seq, count, hash2);
	free(hash2);
	return index;
}

TEST(RFC4987_3_6_index_comes_back)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	struct listener l = { pure_rng_next(&rng), pure_rng_next(&rng) };
	u32 i;

	for (i = 0; i < 100000; i++) {
		u32 conn = pure_rng_u32(&rng), seq = pure_rng_u32(&rng);
		u32 count = pure_rng_u32(&rng) >> pure_rng_below(&rng, 32);
		u32 index = pure_rng_below(&rng, XTCP_COOKIE_MSS_COUNT);
		u32 age = pure_rng_below(&rng, XTCP_COOKIE_MAX_AGE);
		u32 cookie = give(&l, conn, seq, count, index);

		ASSERT_EQ((int)index, take(&l, cookie, conn, seq, count + age));
		ASSERT_EQ((int)age, xtcp_cookie_age(cookie, hash(l.secret1, conn), seq,
						    count + age));
	}
}

/* All counts around the place where eight bits come round, and all ages. */
TEST(RFC4987_3_6_cookies_age)
{
	struct listener l = { 1, 2 };
	u32 count, age;

	for (count = 200; count < 600; count++)
		for (age = 0; age < 256; age++) {
			u32 cookie = give(&l, 77, 1234567, count, 3);
			int index = take(&l, cookie, 77, 1234567, count + age);

			ASSERT_EQ(age < XTCP_COOKIE_MAX_AGE ? 3 : -EINVAL, index);
		}
	EXPECT_EQ(0, xtcp_cookie_count(59999999));
	EXPECT_EQ(1, xtcp_cookie_count(60000000));
	EXPECT_EQ(1440, xtcp_cookie_count(86400ULL * 1000000));
}

/* Changing any one thing makes it worthless, but for chance: 16 in 2^32. */
TEST(RFC4987_3_6_nothing_else_passes)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	struct listener l = { pure_rng_next(&rng), pure_rng_next(&rng) };
	u32 i, passed = 0;

	for (i = 0; i < 200000; i++) {
		u32 conn = pure_rng_u32(&rng), seq = pure_rng_u32(&rng);
		u32 count = pure_rng_below(&rng, 100000);
		u32 cookie = give(&l, conn, seq, count, i % XTCP_COOKIE_MSS_COUNT);

		passed += take(&l, pure_rng_u32(&rng), conn, seq, count) >= 0;
		passed += take(&l, cookie, conn ^ (1U << i % 32), seq, count) >= 0;
		passed += take(&l, cookie, conn, seq + 16 + pure_rng_below(&rng, 1U << 23),
			       count) >= 0;
	}
	/* 600,000 tries: 0.002 expected. */
	EXPECT_LE(passed, 2);
}

/* An index that no table has, made with the right keys, is no cookie of ours either. */
TEST(RFC4987_3_6_indices_that_do_not_exist)
{
	struct listener l = { 3, 4 };
	u32 index;

	for (index = 0; index < 1000; index++)
		ASSERT_EQ(index < XTCP_COOKIE_MSS_COUNT ? (int)index : -EINVAL,
			  take(&l, give(&l, 5, 6, 7, index), 5, 6, 7));
}

/* The rounded MSS is never more than the peer takes, and not much less. */
TEST(MUST_16_mss_is_rounded_down)
{
	u32 v6, mss, i;

	for (v6 = 0; v6 < 2; v6++) {
		u32 least = xtcp_cookie_mss(v6, 0);
		u32 most = xtcp_cookie_mss(v6, XTCP_COOKIE_MSS_COUNT - 1);

		ASSERT_EQ(v6 ? 1440 : 1460, most);
		for (i = 1; i < XTCP_COOKIE_MSS_COUNT; i++)
			ASSERT_GT(xtcp_cookie_mss(v6, i), xtcp_cookie_mss(v6, i - 1));
		for (mss = 0; mss < 70000; mss++) {
			u32 index = xtcp_cookie_mss_index(v6, mss);

			ASSERT_LT(index, XTCP_COOKIE_MSS_COUNT);
			if (mss < least) {
				ASSERT_EQ(0, index);
				continue;
			}
			ASSERT_LE(xtcp_cookie_mss(v6, index), mss);
			if (index + 1 < XTCP_COOKIE_MSS_COUNT)
				ASSERT_GT(xtcp_cookie_mss(v6, index + 1), mss);
		}
	}
	/* MUST-15's defaults are entries. */
	EXPECT_EQ(536, xtcp_cookie_mss(false, xtcp_cookie_mss_index(false, 536)));
	EXPECT_EQ(1220, xtcp_cookie_mss(true, xtcp_cookie_mss_index(true, 1220)));
	/* An index from nowhere reads no memory behind the table. */
	EXPECT_EQ(1460, xtcp_cookie_mss(false, 0xffffffff));
}

/* Each combination of options at each clock reading, the turn of the clock included. */
TEST(RFC7323_options_in_the_timestamp)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u32 i;

	for (i = 0; i < 200000; i++) {
		u32 tsval = i < 1000 ? i - 500 : pure_rng_u32(&rng);
		u16 present = (u16)(pure_rng_u32(&rng) &
				    (XTCP_OPT_WSCALE | XTCP_OPT_SACK_PERM | XTCP_OPT_ECN));
		struct xtcp_options in = { .present = present,
					   .wscale = (u8)pure_rng_below(&rng, 15) };
		struct xtcp_options out = { .present = XTCP_OPT_TS | XTCP_OPT_ECN, .mss = 99 };
		u32 ts = xtcp_cookie_ts_encode(tsval, &in);

		ASSERT_LT(tsval - ts, 128);
		ASSERT_NE(0, ts);
		ASSERT_TRUE(xtcp_cookie_ts_decode(ts, &out));
		ASSERT_EQ(present | XTCP_OPT_TS, out.present);
		ASSERT_EQ(99, out.mss);
		if (present & XTCP_OPT_WSCALE)
			ASSERT_EQ(in.wscale, out.wscale);
	}
}

TEST(RFC7323_no_echo_no_options)
{
	struct xtcp_options o = {
		.present = XTCP_OPT_WSCALE | XTCP_OPT_SACK_PERM | XTCP_OPT_ECN | XTCP_OPT_MSS,
	};

	EXPECT_FALSE(xtcp_cookie_ts_decode(0, &o));
	EXPECT_EQ(XTCP_OPT_MSS, o.present);
}

TEST_HARNESS_MAIN
