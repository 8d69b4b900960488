// SPDX-License-Identifier: GPL-2.0-only
/* The fixed header (RFC 9293 section 3.1). */
#include "pure.h"
#include "header.h"

static const u8 sample[XTCP_HEADER_MIN] = {
	0x12, 0x34, 0x00, 0x50, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x02, 0x03, 0x04,
	0x50, 0x12, 0xff, 0xff, 0xab, 0xcd, 0x80, 0x01,
};

TEST(RFC9293_3_1_fields)
{
	struct xtcp_header h;

	ASSERT_EQ(0, xtcp_header_parse(sample, sizeof(sample), &h));
	EXPECT_EQ(0x1234, h.source);
	EXPECT_EQ(80, h.dest);
	EXPECT_EQ(0xdeadbeef, h.seq);
	EXPECT_EQ(0x01020304, h.ack);
	EXPECT_EQ(20, h.doff_bytes);
	EXPECT_EQ(XTCP_FLAG_SYN | XTCP_FLAG_ACK, h.flags);
	EXPECT_EQ(0xabcd, h.check);
	EXPECT_EQ(0x8001, h.urg_ptr);
}

TEST(MUST_1_window_is_unsigned)
{
	struct xtcp_header h;

	ASSERT_EQ(0, xtcp_header_parse(sample, sizeof(sample), &h));
	EXPECT_EQ(65535, h.window);
	EXPECT_GT(h.window, 0);
}

/* Every bit of octet 13 is the flag that the RFC's picture has there. */
TEST(RFC9293_3_1_control_bits)
{
	static const u8 order[] = {
		XTCP_FLAG_CWR, XTCP_FLAG_ECE, XTCP_FLAG_URG, XTCP_FLAG_ACK,
		XTCP_FLAG_PSH, XTCP_FLAG_RST, XTCP_FLAG_SYN, XTCP_FLAG_FIN,
	};
	u8 bytes[XTCP_HEADER_MIN];
	struct xtcp_header h;
	u32 i;

	memcpy(bytes, sample, sizeof(bytes));
	for (i = 0; i < 8; i++) {
		bytes[13] = (u8)(0x80 >> i);
		ASSERT_EQ(0, xtcp_header_parse(bytes, sizeof(bytes), &h));
		EXPECT_EQ(order[i], h.flags);
	}
}

TEST(RFC9293_3_1_reserved_bits_are_ignored_and_sent_zero)
{
	u8 bytes[XTCP_HEADER_MIN], out[XTCP_HEADER_MIN];
	struct xtcp_header h;

	memcpy(bytes, sample, sizeof(bytes));
	bytes[12] |= 0x0f;
	ASSERT_EQ(0, xtcp_header_parse(bytes, sizeof(bytes), &h));
	EXPECT_EQ(20, h.doff_bytes);
	xtcp_header_build(out, &h);
	EXPECT_EQ(0, memcmp(out, sample, sizeof(out)));
}

/* Every data offset at every length, in a buffer that ends right there. */
TEST(RFC9293_3_1_data_offset_against_length)
{
	u32 doff, len;

	for (doff = 0; doff < 16; doff++)
		for (len = 0; len <= 64; len++) {
			struct pure_buf buf = pure_buf_new(NULL, len, len % 4);
			struct xtcp_header h;
			int want = doff >= 5 && doff * 4 <= len ? 0 : -EINVAL;

			memset(buf.p, 0, len);
			if (len > 12)
				buf.p[12] = (u8)(doff << 4);
			memset(&h, 0xaa, sizeof(h));
			ASSERT_EQ(want, xtcp_header_parse(buf.p, len, &h));
			ASSERT_EQ(want ? 0xaa : doff * 4, h.doff_bytes);
			pure_buf_free(&buf);
		}
}

TEST(RFC9293_3_1_build_then_parse)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u32 i;

	for (i = 0; i < 20000; i++) {
		struct pure_buf buf = pure_buf_new(NULL, XTCP_HEADER_MAX, i % 8);
		struct xtcp_header in = {
			.source = (u16)pure_rng_u32(&rng), .dest = (u16)pure_rng_u32(&rng),
			.seq = pure_rng_u32(&rng), .ack = pure_rng_u32(&rng),
			.doff_bytes = (u8)(20 + 4 * pure_rng_below(&rng, 11)),
			.flags = (u8)pure_rng_u32(&rng), .window = (u16)pure_rng_u32(&rng),
			.check = (u16)pure_rng_u32(&rng), .urg_ptr = (u16)pure_rng_u32(&rng),
		}, out;

		xtcp_header_build(buf.p, &in);
		ASSERT_EQ(0, xtcp_header_parse(buf.p, XTCP_HEADER_MAX, &out));
		ASSERT_EQ(in.source, out.source);
		ASSERT_EQ(in.dest, out.dest);
		ASSERT_EQ(in.seq, out.seq);
		ASSERT_EQ(in.ack, out.ack);
		ASSERT_EQ(in.doff_bytes, out.doff_bytes);
		ASSERT_EQ(in.flags, out.flags);
		ASSERT_EQ(in.window, out.window);
		ASSERT_EQ(in.check, out.check);
		ASSERT_EQ(in.urg_ptr, out.urg_ptr);
		pure_buf_free(&buf);
	}
}

TEST_HARNESS_MAIN
