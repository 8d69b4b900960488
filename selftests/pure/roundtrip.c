// SPDX-License-Identifier: GPL-2.0-only
/*
 * Properties of the option code: what is written is read back the same, and
 * whatever the bytes are, the parser agrees with a second one that was
 * written from the RFCs in another way.
 */
#include "pure.h"
#include "options.h"

#define ROUNDS 200000

/* Options as a program would want to send them; @syn decides which. */
static struct xtcp_options random_options(struct pure_rng *rng, bool syn)
{
	struct xtcp_options o = { .present = 0 };
	u16 allowed = XTCP_OPT_TS | XTCP_OPT_UTO;
	u32 i;

	allowed |= syn ? XTCP_OPT_MSS | XTCP_OPT_WSCALE | XTCP_OPT_SACK_PERM | XTCP_OPT_FASTOPEN
		       : XTCP_OPT_SACK;
	o.present = (u16)pure_rng_u32(rng) & allowed;
	o.mss = (u16)(1 + pure_rng_below(rng, 65535));
	o.wscale = (u8)pure_rng_below(rng, 15);
	o.num_sacks = (u8)(1 + pure_rng_below(rng, 4));
	o.fastopen_len = (u8)(2 * pure_rng_below(rng, 9));
	if (o.fastopen_len == 2)
		o.fastopen_len = 0;
	o.tsval = pure_rng_u32(rng);
	o.tsecr = pure_rng_u32(rng);
	o.uto = (u16)pure_rng_u32(rng);
	for (i = 0; i < XTCP_SACKS_MAX; i++) {
		o.sacks[i].start = pure_rng_u32(rng);
		o.sacks[i].end = pure_rng_u32(rng);
	}
	pure_rng_bytes(rng, o.fastopen, sizeof(o.fastopen));
	return o;
}

/* What 40 octets cannot hold, by hand. */
static void forget_what_does_not_fit(struct xtcp_options *o)
{
	u32 fixed = 0, room;

	fixed += o->present & XTCP_OPT_MSS ? 4 : 0;
	fixed += o->present & XTCP_OPT_TS ? 12 : o->present & XTCP_OPT_SACK_PERM ? 4 : 0;
	fixed += o->present & XTCP_OPT_WSCALE ? 4 : 0;
	fixed += o->present & XTCP_OPT_FASTOPEN ? (2 + o->fastopen_len + 3) & ~3U : 0;
	if ((o->present & XTCP_OPT_UTO) && fixed + 4 > 40)
		o->present &= (u16)~XTCP_OPT_UTO;
	fixed += o->present & XTCP_OPT_UTO ? 4 : 0;
	room = (40 - fixed) / 4;	/* words: one, and two for each block */
	while ((o->present & XTCP_OPT_SACK) && 1u + 2u * o->num_sacks > room)
		o->num_sacks--;
}

static bool same(const struct xtcp_options *a, const struct xtcp_options *b)
{
	if (a->present != b->present)
		return false;
	if ((a->present & XTCP_OPT_MSS) && a->mss != b->mss)
		return false;
	if ((a->present & XTCP_OPT_WSCALE) && a->wscale != b->wscale)
		return false;
	if ((a->present & XTCP_OPT_TS) && (a->tsval != b->tsval || a->tsecr != b->tsecr))
		return false;
	if ((a->present & XTCP_OPT_UTO) && a->uto != b->uto)
		return false;
	if ((a->present & XTCP_OPT_SACK) &&
	    (a->num_sacks != b->num_sacks ||
	     memcmp(a->sacks, b->sacks, a->num_sacks * sizeof(a->sacks[0]))))
		return false;
	return !(a->present & XTCP_OPT_FASTOPEN) ||
	       (a->fastopen_len == b->fastopen_len &&
		!memcmp(a->fastopen, b->fastopen, a->fastopen_len));
}

TEST(RFC9293_3_2_parse_of_build_is_the_same)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		bool syn = i % 2;
		struct xtcp_options in = random_options(&rng, syn), out;
		u32 len = xtcp_options_len(&in);
		struct pure_buf buf = pure_buf_new(NULL, len, i % 8);

		ASSERT_LE(len, XTCP_OPTIONS_MAX);
		ASSERT_EQ(0, len % 4);
		ASSERT_EQ(len, xtcp_options_build(buf.p, &in));
		memset(&out, 0, sizeof(out));
		xtcp_options_parse(buf.p, len, syn, &out);
		forget_what_does_not_fit(&in);
		ASSERT_TRUE(same(&in, &out)) TH_LOG("round %u: %#x against %#x", i, in.present,
						    out.present);
		pure_buf_free(&buf);
	}
}

/*
 * The second parser: first cut the bytes into options, then ask for each option
 * that we know what the last good one of its kind says.
 */
struct cut {
	u32 n;
	struct { u32 kind, at, len; } opt[64];
};

static struct cut cut_up(const u8 *p, u32 total)
{
	struct cut c = { .n = 0 };
	u32 at;

	for (at = 0; at < total && p[at] != 0;) {
		u32 len = p[at] == 1 ? 1 : at + 1 < total ? p[at + 1] : 0;

		if (len == 0 || (p[at] != 1 && len == 1) || at + len > total)
			break;
		if (p[at] != 1) {
			c.opt[c.n].kind = p[at];
			c.opt[c.n].at = at + 2;
			c.opt[c.n++].len = len - 2;
		}
		at += len;
	}
	return c;
}

static u64 number(const u8 *p, u32 n)
{
	u64 v = 0;

	while (n--)
		v = v * 256 + *p++;
	return v;
}

static void second_syn_option(u32 kind, const u8 *v, u32 len, struct xtcp_options *o)
{
	if (kind == 2 && len == 2 && number(v, 2)) {
		o->present |= XTCP_OPT_MSS;
		o->mss = (u16)number(v, 2);
	}
	if (kind == 3 && len == 1) {
		o->present |= XTCP_OPT_WSCALE;
		o->wscale = number(v, 1) > 14 ? 14 : (u8)number(v, 1);
	}
	if (kind == 4 && len == 0)
		o->present |= XTCP_OPT_SACK_PERM;
	if (kind == 34 && (len == 0 || (len % 2 == 0 && len > 3 && len < 17))) {
		o->present |= XTCP_OPT_FASTOPEN;
		o->fastopen_len = (u8)len;
		memcpy(o->fastopen, v, len);
	}
}

static void second_option(u32 kind, const u8 *v, u32 len, struct xtcp_options *o)
{
	u32 i;

	if (kind == 8 && len == 8) {
		o->present |= XTCP_OPT_TS;
		o->tsval = (u32)(number(v, 8) >> 32);
		o->tsecr = (u32)number(v, 8);
	}
	if (kind == 28 && len == 2) {
		o->present |= XTCP_OPT_UTO;
		o->uto = (u16)number(v, 2);
	}
	if (kind != 5 || len % 8 || !len)
		return;
	o->present |= XTCP_OPT_SACK;
	o->num_sacks = len > 32 ? 4 : (u8)(len / 8);
	for (i = 0; i < o->num_sacks; i++) {
		o->sacks[i].start = (u32)(number(v + 8 * i, 8) >> 32);
		o->sacks[i].end = (u32)number(v + 8 * i, 8);
	}
}

static struct xtcp_options second_parse(const u8 *p, u32 len, bool syn)
{
	struct xtcp_options o = { .present = 0 };
	struct cut c = cut_up(p, len);
	u32 i;

	for (i = 0; i < c.n; i++) {
		if (syn)
			second_syn_option(c.opt[i].kind, p + c.opt[i].at, c.opt[i].len, &o);
		if (!syn || c.opt[i].kind != 5)
			second_option(c.opt[i].kind, p + c.opt[i].at, c.opt[i].len, &o);
	}
	return o;
}

/* Bytes that look like options more often than noise does. */
static void likely_bytes(struct pure_rng *rng, u8 *p, u32 len)
{
	static const u8 kinds[] = { 0, 1, 2, 3, 4, 5, 5, 8, 28, 34, 34, 253 };
	static const u8 lens[] = { 0, 1, 2, 3, 4, 4, 6, 10, 10, 18, 26, 34, 40 };
	u32 at = 0;

	pure_rng_bytes(rng, p, len);
	while (at + 1 < len) {
		p[at] = kinds[pure_rng_below(rng, ARRAY_SIZE(kinds))];
		p[at + 1] = lens[pure_rng_below(rng, ARRAY_SIZE(lens))];
		if (p[at] == 1)
			at += 1;
		else
			at += p[at + 1] ? p[at + 1] : 2;
	}
}

static void compare_parsers(struct __test_metadata *_metadata, u32 round, const u8 *bytes, u32 len)
{
	struct pure_buf buf = pure_buf_new(bytes, len, round % 8);
	bool syn = round / 8 % 2;
	struct xtcp_options first, second = second_parse(buf.p, len, syn);
	u32 tsval, tsecr;

	memset(&first, 0xaa, sizeof(first));
	xtcp_options_parse(buf.p, len, syn, &first);
	ASSERT_TRUE(same(&first, &second))
		TH_LOG("round %u: %#x against %#x", round, first.present, second.present);
	if (xtcp_options_parse_ts_only(buf.p, len, &tsval, &tsecr)) {
		ASSERT_EQ(XTCP_OPT_TS, first.present);
		ASSERT_EQ(first.tsval, tsval);
		ASSERT_EQ(first.tsecr, tsecr);
	}
	pure_buf_free(&buf);
}

TEST(MUST_7_random_bytes_against_a_second_parser)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u8 bytes[64];
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		u32 len = pure_rng_below(&rng, 61);

		pure_rng_bytes(&rng, bytes, len);
		compare_parsers(_metadata, i, bytes, len);
	}
}

TEST(MUST_7_likely_bytes_against_a_second_parser)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u8 bytes[64];
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		u32 len = pure_rng_below(&rng, 61);

		likely_bytes(&rng, bytes, len);
		compare_parsers(_metadata, i, bytes, len);
	}
}

/* Good options with one to three octets changed. */
TEST(MUST_7_damaged_options_against_a_second_parser)
{
	struct pure_rng rng = pure_rng_start(_metadata);
	u32 i;

	for (i = 0; i < ROUNDS; i++) {
		struct xtcp_options o = random_options(&rng, pure_rng_below(&rng, 2));
		u8 bytes[XTCP_OPTIONS_MAX];
		u32 len = xtcp_options_build(bytes, &o), n = pure_rng_below(&rng, 4);

		while (len && n--)
			bytes[pure_rng_below(&rng, len)] = (u8)pure_rng_u32(&rng);
		compare_parsers(_metadata, i, bytes, len);
	}
}

TEST_HARNESS_MAIN
