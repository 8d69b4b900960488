// SPDX-License-Identifier: GPL-2.0-only
/* Reading options (RFC 9293 section 3.2), each rule with bytes of its own. */
#include "pure.h"
#include "options.h"

/* Parse a copy that ends exactly where the options do, at each alignment. */
static void parse(const u8 *bytes, u32 len, bool syn, struct xtcp_options *o)
{
	struct xtcp_options first;
	u32 offset;

	memset(&first, 0, sizeof(first));
	for (offset = 0; offset < 8; offset++) {
		struct pure_buf buf = pure_buf_new(bytes, len, offset);

		memset(o, 0, sizeof(*o));
		xtcp_options_parse(buf.p, len, syn, o);
		if (offset == 0)
			first = *o;
		else if (memcmp(&first, o, sizeof(first)))
			abort();	/* the alignment made a difference: MUST-64 */
		pure_buf_free(&buf);
	}
}

#define PARSE(o, syn, ...) do {							\
	static const u8 parse_bytes[] = { __VA_ARGS__ };			\
	parse(parse_bytes, sizeof(parse_bytes), syn, o);			\
} while (0)

TEST(MUST_4_eol_nop_mss)
{
	struct xtcp_options o;

	PARSE(&o, true, 1, 1, 2, 4, 0x05, 0xb4, 0, 0);
	EXPECT_EQ(XTCP_OPT_MSS, o.present);
	EXPECT_EQ(1460, o.mss);
	/* Behind EOL there is nothing, whatever it looks like. */
	PARSE(&o, true, 0, 2, 4, 0x05, 0xb4, 0, 0, 0);
	EXPECT_EQ(0, o.present);
	PARSE(&o, true, 1, 1, 1, 1, 1, 1, 1, 1);
	EXPECT_EQ(0, o.present);
	parse(NULL, 0, true, &o);
	EXPECT_EQ(0, o.present);
}

/* MUST-5: options in any segment. Timestamps and a user timeout have no SYN. */
TEST(MUST_5_any_segment)
{
	struct xtcp_options o;

	PARSE(&o, false, 1, 1, 8, 10, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 28, 4, 0x80, 0x05);
	EXPECT_EQ(XTCP_OPT_TS | XTCP_OPT_UTO, o.present);
	EXPECT_EQ(1, o.tsval);
	EXPECT_EQ(0xfffffffe, o.tsecr);
	EXPECT_EQ(0x8005, o.uto);
	PARSE(&o, true, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 28, 4, 0, 30);
	EXPECT_EQ(XTCP_OPT_TS | XTCP_OPT_UTO, o.present);
	EXPECT_EQ(9, o.tsval);
	EXPECT_EQ(30, o.uto);
}

/* All 256 kinds but those that mean something, each with an MSS behind it. */
TEST(MUST_6_unknown_skipped)
{
	static const u8 known[] = { 0, 1, 2, 3, 4, 5, 8, 28, 34 };
	u32 kind, len;

	for (kind = 0; kind < 256; kind++) {
		if (memchr(known, (int)kind, sizeof(known)))
			continue;
		for (len = 2; len <= 36; len++) {
			u8 bytes[40];
			struct xtcp_options o;

			memset(bytes, 2, sizeof(bytes));	/* looks like MSS */
			bytes[0] = (u8)kind;
			bytes[1] = (u8)len;
			memcpy(bytes + len, (u8[]){ 2, 4, 0x12, 0x34 }, 4);
			parse(bytes, len + 4, true, &o);
			ASSERT_EQ(XTCP_OPT_MSS, o.present);
			ASSERT_EQ(0x1234, o.mss);
		}
	}
}

TEST(MUST_7_bad_lengths)
{
	struct xtcp_options o;

	/* A length that cannot be: what came before stays, the rest is void. */
	PARSE(&o, true, 2, 4, 5, 0xb4, 3, 0, 7, 4, 2);
	EXPECT_EQ(XTCP_OPT_MSS, o.present);
	PARSE(&o, true, 2, 4, 5, 0xb4, 3, 1, 7, 4, 2);
	EXPECT_EQ(XTCP_OPT_MSS, o.present);
	PARSE(&o, true, 2, 4, 5, 0xb4, 200, 0, 4, 2);
	EXPECT_EQ(XTCP_OPT_MSS, o.present);
	/* Beyond the end. */
	PARSE(&o, true, 4, 2, 2, 4, 5);
	EXPECT_EQ(XTCP_OPT_SACK_PERM, o.present);
	PARSE(&o, true, 4, 2, 200, 255, 2, 4, 5, 0xb4);
	EXPECT_EQ(XTCP_OPT_SACK_PERM, o.present);
	/* The kind is the last octet: no length at all. */
	PARSE(&o, true, 4, 2, 2);
	EXPECT_EQ(XTCP_OPT_SACK_PERM, o.present);
	PARSE(&o, true, 8);
	EXPECT_EQ(0, o.present);
}

/* Each known kind with each length: only its own is taken, the next is found. */
TEST(MUST_7_wrong_length_for_the_kind)
{
	static const struct { u8 kind; u16 bit; bool syn; u64 good; } rows[] = {
		{ 2, XTCP_OPT_MSS, true, 1ULL << 4 },
		{ 3, XTCP_OPT_WSCALE, true, 1ULL << 3 },
		{ 4, XTCP_OPT_SACK_PERM, true, 1ULL << 2 },
		{ 5, XTCP_OPT_SACK, false, 1ULL << 10 | 1ULL << 18 | 1ULL << 26 | 1ULL << 34 },
		{ 8, XTCP_OPT_TS, false, 1ULL << 10 },
		{ 8, XTCP_OPT_TS, true, 1ULL << 10 },
		{ 34, XTCP_OPT_FASTOPEN, true, 1ULL << 2 | 1ULL << 6 | 1ULL << 8 | 1ULL << 10 |
		  1ULL << 12 | 1ULL << 14 | 1ULL << 16 | 1ULL << 18 },
	};
	u32 i, len;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		for (len = 2; len <= 36; len++) {
			u16 want = XTCP_OPT_UTO;
			struct xtcp_options o;
			u8 bytes[40];

			if (rows[i].good >> len & 1)
				want |= rows[i].bit;
			memset(bytes, 1, sizeof(bytes));
			bytes[0] = rows[i].kind;
			bytes[1] = (u8)len;
			memcpy(bytes + len, (u8[]){ 28, 4, 0, 9 }, 4);
			parse(bytes, len + 4, rows[i].syn, &o);
			ASSERT_EQ(want, o.present)
				TH_LOG("kind %u length %u", rows[i].kind, len);
			ASSERT_EQ(9, o.uto);
		}
	for (len = 2; len <= 36; len++) {	/* the user timeout itself */
		struct xtcp_options o;
		u8 bytes[40];

		memset(bytes, 1, sizeof(bytes));
		bytes[0] = 28;
		bytes[1] = (u8)len;
		parse(bytes, len, false, &o);
		ASSERT_EQ(len == 4 ? XTCP_OPT_UTO : 0, o.present);
	}
}

/* Every prefix of a full set of options, cut anywhere, in an exact buffer. */
TEST(MUST_7_cut_anywhere)
{
	static const u8 full[] = {
		2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7,
		34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 28, 4, 0, 60,
	};
	static const struct { u32 end; u16 bit; } ends[] = {
		{ 4, XTCP_OPT_MSS }, { 6, XTCP_OPT_SACK_PERM }, { 16, XTCP_OPT_TS },
		{ 20, XTCP_OPT_WSCALE }, { 30, XTCP_OPT_FASTOPEN }, { 34, XTCP_OPT_UTO },
	};
	u32 len, i;

	for (len = 0; len <= sizeof(full); len++) {
		struct xtcp_options o;
		u16 want = 0;

		for (i = 0; i < ARRAY_SIZE(ends); i++)
			want |= len >= ends[i].end ? ends[i].bit : 0;
		parse(full, len, true, &o);
		ASSERT_EQ(want, o.present);
	}
}

/* The same option at each of 8 places in its 32-bit words: see parse(). */
TEST(MUST_64_any_alignment)
{
	static const u8 three[] = { 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 2, 0x18, 3, 3, 8 };
	u32 nops;

	for (nops = 0; nops < 16; nops++) {
		struct xtcp_options o;
		u8 bytes[40];

		memset(bytes, 1, sizeof(bytes));
		memcpy(bytes + nops, three, sizeof(three));
		parse(bytes, nops + sizeof(three), true, &o);
		ASSERT_EQ(XTCP_OPT_TS | XTCP_OPT_MSS | XTCP_OPT_WSCALE, o.present);
		ASSERT_EQ(0x01020304, o.tsval);
		ASSERT_EQ(0x05060708, o.tsecr);
		ASSERT_EQ(536, o.mss);
		ASSERT_EQ(8, o.wscale);
	}
}

TEST(MUST_65_mss_only_on_syn)
{
	struct xtcp_options o;

	PARSE(&o, false, 2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 34, 2, 28, 4, 0, 1);
	EXPECT_EQ(XTCP_OPT_UTO, o.present);
	PARSE(&o, true, 2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 34, 2, 28, 4, 0, 1);
	EXPECT_EQ(XTCP_OPT_MSS | XTCP_OPT_WSCALE | XTCP_OPT_SACK_PERM | XTCP_OPT_FASTOPEN |
		  XTCP_OPT_UTO, o.present);
}

TEST(MUST_14_mss_values)
{
	struct xtcp_options o;

	PARSE(&o, true, 2, 4, 0, 0);
	EXPECT_EQ(0, o.present);
	PARSE(&o, true, 2, 4, 0, 1);
	EXPECT_EQ(1, o.mss);
	PARSE(&o, true, 2, 4, 0xff, 0xff);
	EXPECT_EQ(65535, o.mss);
	/* Zero does not undo the one before; a second one does. */
	PARSE(&o, true, 2, 4, 5, 0xb4, 2, 4, 0, 0);
	EXPECT_EQ(1460, o.mss);
	PARSE(&o, true, 2, 4, 5, 0xb4, 2, 4, 2, 0x18);
	EXPECT_EQ(536, o.mss);
}

TEST(RFC7323_2_3_wscale_at_most_14)
{
	u32 shift;

	for (shift = 0; shift < 256; shift++) {
		u8 bytes[3] = { 3, 3, (u8)shift };
		struct xtcp_options o;

		parse(bytes, 3, true, &o);
		ASSERT_EQ(XTCP_OPT_WSCALE, o.present);
		ASSERT_EQ(shift < 14 ? shift : 14, o.wscale);
	}
}

TEST(RFC2018_3_sack_blocks)
{
	struct xtcp_options o;

	PARSE(&o, false, 1, 1, 5, 18, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 0x10,
	      0, 0, 1, 0, 0, 0, 2, 0);
	EXPECT_EQ(XTCP_OPT_SACK, o.present);
	EXPECT_EQ(2, o.num_sacks);
	EXPECT_EQ(0xfffffff0, o.sacks[0].start);
	EXPECT_EQ(0x10, o.sacks[0].end);
	EXPECT_EQ(0x100, o.sacks[1].start);
	EXPECT_EQ(0x200, o.sacks[1].end);
	/* There is nothing to acknowledge selectively on a SYN. */
	PARSE(&o, true, 1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2);
	EXPECT_EQ(0, o.present);
}

/* Not possible in 40 octets, but the parser may be given more. */
TEST(RFC2018_3_no_more_than_four_blocks)
{
	struct xtcp_options o;
	u8 bytes[250];
	u32 i;

	bytes[0] = 5;
	bytes[1] = 250;
	for (i = 2; i < sizeof(bytes); i++)
		bytes[i] = (u8)i;
	parse(bytes, sizeof(bytes), false, &o);
	EXPECT_EQ(XTCP_OPT_SACK, o.present);
	EXPECT_EQ(4, o.num_sacks);
	EXPECT_EQ(0x1a1b1c1d, o.sacks[3].start);
	EXPECT_EQ(0x1e1f2021, o.sacks[3].end);
}

TEST(RFC7413_4_1_1_fastopen)
{
	struct xtcp_options o;

	PARSE(&o, true, 34, 2);
	EXPECT_EQ(XTCP_OPT_FASTOPEN, o.present);
	EXPECT_EQ(0, o.fastopen_len);
	PARSE(&o, true, 34, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
	EXPECT_EQ(16, o.fastopen_len);
	EXPECT_EQ(16, o.fastopen[15]);
	PARSE(&o, true, 34, 9, 1, 2, 3, 4, 5, 6, 7);	/* odd */
	EXPECT_EQ(0, o.present);
}

TEST(RFC5482_3_1_user_timeout_units)
{
	u32 s;

	EXPECT_EQ(0, xtcp_uto_decode_s(0));
	EXPECT_EQ(32767, xtcp_uto_decode_s(0x7fff));
	EXPECT_EQ(60, xtcp_uto_decode_s(0x8001));
	EXPECT_EQ(32767 * 60, xtcp_uto_decode_s(0xffff));
	for (s = 0; s <= 32767 * 60 + 100; s += 7) {
		u32 told = xtcp_uto_decode_s(xtcp_uto_encode_s(s));

		ASSERT_GE(told, s < 32767 * 60 ? s : 32767 * 60);
		ASSERT_LT(told, s + (s <= 32767 ? 1 : 60));
	}
	EXPECT_EQ(0xffff, xtcp_uto_encode_s(0xffffffff));
}

TEST(RFC7323_appendix_A_ts_only)
{
	static const u8 bytes[] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 };
	u32 i, len, tsval = 7, tsecr = 9;

	for (i = 0; i < 8; i++) {
		struct pure_buf buf = pure_buf_new(bytes, sizeof(bytes), i);

		ASSERT_TRUE(xtcp_options_parse_ts_only(buf.p, 12, &tsval, &tsecr));
		ASSERT_EQ(0x01020304, tsval);
		ASSERT_EQ(0x05060708, tsecr);
		pure_buf_free(&buf);
	}
	tsval = 7;
	for (len = 0; len < 12; len++) {
		struct pure_buf buf = pure_buf_new(bytes, len, 0);

		ASSERT_FALSE(xtcp_options_parse_ts_only(buf.p, len, &tsval, &tsecr));
		pure_buf_free(&buf);
	}
	for (i = 0; i < 4; i++) {
		struct pure_buf buf = pure_buf_new(bytes, sizeof(bytes), 0);

		buf.p[i] ^= 1;
		ASSERT_FALSE(xtcp_options_parse_ts_only(buf.p, 12, &tsval, &tsecr));
		pure_buf_free(&buf);
	}
	ASSERT_EQ(7, tsval);
}

TEST_HARNESS_MAIN
