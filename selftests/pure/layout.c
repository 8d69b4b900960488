// SPDX-License-Identifier: GPL-2.0-only
/* Writing options: the octets themselves. */
#include "pure.h"
#include "options.h"

/* Build into a buffer that is exactly as long as xtcp_options_len() says. */
static u32 build(const struct xtcp_options *o, u8 out[XTCP_OPTIONS_MAX])
{
	u32 len = xtcp_options_len(o);
	struct pure_buf buf = pure_buf_new(NULL, len, 1);

	memset(buf.p, 0xee, len);
	if (xtcp_options_build(buf.p, o) != len || len > XTCP_OPTIONS_MAX || len % 4)
		abort();
	memcpy(out, buf.p, len);
	pure_buf_free(&buf);
	return len;
}

#define EXPECT_BYTES(o, ...) do {						\
	static const u8 want_bytes[] = { __VA_ARGS__ };				\
	u8 got_bytes[XTCP_OPTIONS_MAX];						\
	u32 got_len = build(o, got_bytes);					\
										\
	EXPECT_EQ(sizeof(want_bytes), got_len);					\
	EXPECT_EQ(0, memcmp(want_bytes, got_bytes, sizeof(want_bytes)));	\
} while (0)

TEST(MUST_14_mss_alone)
{
	struct xtcp_options o = { .present = XTCP_OPT_MSS, .mss = 1220 };

	EXPECT_BYTES(&o, 2, 4, 0x04, 0xc4);
}

TEST(MUST_4_nothing)
{
	struct xtcp_options o = { .present = 0 };
	u8 out[XTCP_OPTIONS_MAX];

	EXPECT_EQ(0, build(&o, out));
	o.present = XTCP_OPT_ECN;	/* no option */
	EXPECT_EQ(0, build(&o, out));
}

/* A full SYN, as captures of Linux show it: 20 octets. */
TEST(RFC7323_2_2_syn)
{
	struct xtcp_options o = {
		.present = XTCP_OPT_MSS | XTCP_OPT_SACK_PERM | XTCP_OPT_TS | XTCP_OPT_WSCALE,
		.mss = 1460, .wscale = 7, .tsval = 0xdeadbeef, .tsecr = 0,
	};

	EXPECT_BYTES(&o, 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0,
		     1, 3, 3, 7);
}

TEST(RFC2018_2_syn_without_timestamps)
{
	struct xtcp_options o = {
		.present = XTCP_OPT_MSS | XTCP_OPT_SACK_PERM | XTCP_OPT_WSCALE,
		.mss = 1440, .wscale = 14,
	};

	EXPECT_BYTES(&o, 2, 4, 0x05, 0xa0, 1, 1, 4, 2, 1, 3, 3, 14);
	o.wscale = 200;
	EXPECT_BYTES(&o, 2, 4, 0x05, 0xa0, 1, 1, 4, 2, 1, 3, 3, 14);
	o.present = XTCP_OPT_WSCALE;
	EXPECT_BYTES(&o, 1, 3, 3, 14);
}

TEST(RFC7323_appendix_A_timestamps_are_aligned)
{
	struct xtcp_options o = { .present = XTCP_OPT_TS, .tsval = 1, .tsecr = 0x01020304 };

	EXPECT_BYTES(&o, 1, 1, 8, 10, 0, 0, 0, 1, 1, 2, 3, 4);
}

TEST(RFC2018_3_sack_behind_timestamps)
{
	struct xtcp_options o = {
		.present = XTCP_OPT_TS | XTCP_OPT_SACK, .tsval = 1, .tsecr = 2,
		.num_sacks = 1, .sacks = { { 0x10, 0x20 } },
	};

	EXPECT_BYTES(&o, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2,
		     1, 1, 5, 10, 0, 0, 0, 0x10, 0, 0, 0, 0x20);
}

/* RFC 2018 section 3: four blocks fit, three beside timestamps; the first stay. */
TEST(RFC2018_3_blocks_that_fit)
{
	static const struct { u16 present; u8 asked, fit; u32 len; } rows[] = {
		{ 0, 4, 4, 36 }, { 0, 3, 3, 28 }, { 0, 200, 4, 36 }, { 0, 0, 0, 0 },
		{ XTCP_OPT_TS, 4, 3, 40 }, { XTCP_OPT_TS, 2, 2, 32 },
		{ XTCP_OPT_UTO, 4, 4, 40 }, { XTCP_OPT_TS | XTCP_OPT_UTO, 4, 2, 36 },
	};
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct xtcp_options o = {
			.present = rows[i].present | XTCP_OPT_SACK, .num_sacks = rows[i].asked,
			.sacks = { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 7, 8 } },
		}, back;
		u8 out[XTCP_OPTIONS_MAX];

		ASSERT_EQ(rows[i].len, build(&o, out)) TH_LOG("row %u", i);
		memset(&back, 0, sizeof(back));
		xtcp_options_parse(out, rows[i].len, false, &back);
		ASSERT_EQ(rows[i].fit ? rows[i].present | XTCP_OPT_SACK : rows[i].present,
			  back.present);
		ASSERT_EQ(rows[i].fit, back.num_sacks);
		for (k = 0; k < rows[i].fit; k++)
			ASSERT_EQ(2 * k + 1, back.sacks[k].start);
	}
}

TEST(RFC5482_3_user_timeout)
{
	struct xtcp_options o = { .present = XTCP_OPT_UTO, .uto = 0x8123 };

	EXPECT_BYTES(&o, 28, 4, 0x81, 0x23);
}

/* MUST-69: what is left of the last word is zeros, that is EOL. */
TEST(MUST_69_zero_padding)
{
	struct xtcp_options o = { .present = XTCP_OPT_FASTOPEN, .fastopen_len = 0 };

	EXPECT_BYTES(&o, 34, 2, 0, 0);
	o.fastopen_len = 4;
	memcpy(o.fastopen, "abcdefghijklmnop", 16);
	EXPECT_BYTES(&o, 34, 6, 'a', 'b', 'c', 'd', 0, 0);
	o.fastopen_len = 6;
	EXPECT_BYTES(&o, 34, 8, 'a', 'b', 'c', 'd', 'e', 'f');
}

/* The largest SYN there is: MSS, timestamps, scale and a cookie of 16 octets. */
TEST(RFC7413_4_1_1_largest_syn)
{
	struct xtcp_options o = {
		.present = XTCP_OPT_MSS | XTCP_OPT_SACK_PERM | XTCP_OPT_TS | XTCP_OPT_WSCALE |
			   XTCP_OPT_FASTOPEN | XTCP_OPT_UTO,
		.mss = 1460, .fastopen_len = 16,
	};
	struct xtcp_options back;
	u8 out[XTCP_OPTIONS_MAX];

	EXPECT_EQ(40, build(&o, out));
	xtcp_options_parse(out, 40, true, &back);
	EXPECT_EQ(o.present & ~XTCP_OPT_UTO, back.present);	/* can be told later */
	o.fastopen_len = 12;
	EXPECT_EQ(40, build(&o, out));
	xtcp_options_parse(out, 40, true, &back);
	EXPECT_EQ(o.present, back.present);
}

TEST(RFC7413_4_1_1_impossible_cookies_are_not_sent)
{
	u32 len;

	for (len = 0; len < 256; len++) {
		struct xtcp_options o = { .present = XTCP_OPT_FASTOPEN, .fastopen_len = (u8)len };
		bool good = len == 0 || (len >= 4 && len <= 16 && len % 2 == 0);

		ASSERT_EQ(good ? (len + 5) / 4 * 4 : 0, xtcp_options_len(&o));
	}
}

/* MUST-68: from the first octet on, kind, length, kind, length ... to the end. */
TEST(MUST_68_every_option_has_its_length)
{
	u32 present;

	for (present = 0; present < 0x80; present++) {
		struct xtcp_options o = {
			.present = (u16)present, .mss = 1460, .wscale = 7, .num_sacks = 4,
			.fastopen_len = 8, .tsval = 0x05050505, .tsecr = 0x03030303,
		};
		u8 out[XTCP_OPTIONS_MAX];
		u32 at = 0, len = build(&o, out);

		while (at < len && out[at]) {
			if (out[at] == 1) {
				at++;
				continue;
			}
			ASSERT_LT(at + 1, len);
			ASSERT_GE(out[at + 1], 2);
			at += out[at + 1];
			ASSERT_LE(at, len);
		}
		for (; at < len; at++)
			ASSERT_EQ(0, out[at]);
	}
}

TEST_HARNESS_MAIN
