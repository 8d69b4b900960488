// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP options: bytes on the wire <-> struct (RFC 9293 section 3.2).
 *
 * The parser is fed by anybody who can send a packet. It looks at every octet
 * at most once, in order, and never behind the end it was given; octets are
 * read one by one, so no alignment is assumed (MUST-64).
 */
#include "options.h"

/* Option kinds and, where it is fixed, the length octet that goes with them. */
enum xtcp_option_kind {
	XTCP_OPTKIND_EOL = 0,
	XTCP_OPTKIND_NOP = 1,
	XTCP_OPTKIND_MSS = 2,
	XTCP_OPTKIND_WSCALE = 3,
	XTCP_OPTKIND_SACK_PERM = 4,
	XTCP_OPTKIND_SACK = 5,
	XTCP_OPTKIND_TS = 8,
	XTCP_OPTKIND_UTO = 28,
	XTCP_OPTKIND_FASTOPEN = 34,
};

#define XTCP_OPTLEN_MSS		4
#define XTCP_OPTLEN_WSCALE	3
#define XTCP_OPTLEN_SACK_PERM	2
#define XTCP_OPTLEN_TS		10
#define XTCP_OPTLEN_UTO		4
#define XTCP_OPTLEN_BASE	2	/* kind and length octet */
#define XTCP_OPTLEN_SACK_BLOCK	8

/* NOP, NOP, TS, length: what nearly every segment of a connection begins with. */
#define XTCP_TS_WORD	((u32)XTCP_OPTKIND_NOP << 24 | (u32)XTCP_OPTKIND_NOP << 16 | \
			 (u32)XTCP_OPTKIND_TS << 8 | XTCP_OPTLEN_TS)

static bool xtcp_options_fastopen_valid(u32 len)
{
	if (len == 0)
		return true;
	return len >= XTCP_FASTOPEN_MIN && len <= XTCP_FASTOPEN_MAX && len % 2 == 0;
}

/* The peer's MSS. Zero would leave nothing to send with and is ignored. */
static void xtcp_options_parse_mss(const u8 *val, u32 len, struct xtcp_options *o)
{
	u16 mss;

	if (len != XTCP_OPTLEN_MSS - XTCP_OPTLEN_BASE)
		return;
	mss = xtcp_get_be16(val);
	if (!mss)
		return;
	o->mss = mss;
	o->present |= XTCP_OPT_MSS;
}

/* RFC 7323 section 2.3: a shift above 14 is used as 14. */
static void xtcp_options_parse_wscale(const u8 *val, u32 len, struct xtcp_options *o)
{
	if (len != XTCP_OPTLEN_WSCALE - XTCP_OPTLEN_BASE)
		return;
	o->wscale = val[0] > XTCP_WSCALE_MAX ? XTCP_WSCALE_MAX : val[0];
	o->present |= XTCP_OPT_WSCALE;
}

static void xtcp_options_parse_sack_perm(u32 len, struct xtcp_options *o)
{
	if (len == XTCP_OPTLEN_SACK_PERM - XTCP_OPTLEN_BASE)
		o->present |= XTCP_OPT_SACK_PERM;
}

/* More than four blocks do not fit a real header; the rest is dropped. */
static void xtcp_options_parse_sack(const u8 *val, u32 len, struct xtcp_options *o)
{
	u32 i, n = len / XTCP_OPTLEN_SACK_BLOCK;

	if (n == 0 || len % XTCP_OPTLEN_SACK_BLOCK)
		return;
	n = xtcp_min_u32(n, XTCP_SACKS_MAX);
	for (i = 0; i < n; i++) {
		o->sacks[i].start = xtcp_get_be32(val + i * XTCP_OPTLEN_SACK_BLOCK);
		o->sacks[i].end = xtcp_get_be32(val + i * XTCP_OPTLEN_SACK_BLOCK + 4);
	}
	o->num_sacks = (u8)n;
	o->present |= XTCP_OPT_SACK;
}

static void xtcp_options_parse_ts(const u8 *val, u32 len, struct xtcp_options *o)
{
	if (len != XTCP_OPTLEN_TS - XTCP_OPTLEN_BASE)
		return;
	o->tsval = xtcp_get_be32(val);
	o->tsecr = xtcp_get_be32(val + 4);
	o->present |= XTCP_OPT_TS;
}

static void xtcp_options_parse_uto(const u8 *val, u32 len, struct xtcp_options *o)
{
	if (len != XTCP_OPTLEN_UTO - XTCP_OPTLEN_BASE)
		return;
	o->uto = xtcp_get_be16(val);
	o->present |= XTCP_OPT_UTO;
}

/* RFC 7413 section 4.1.1: no cookie (a request), or 4 to 16 octets, even. */
static void xtcp_options_parse_fastopen(const u8 *val, u32 len, struct xtcp_options *o)
{
	if (!xtcp_options_fastopen_valid(len))
		return;
	memcpy(o->fastopen, val, len);
	o->fastopen_len = (u8)len;
	o->present |= XTCP_OPT_FASTOPEN;
}

/* The options that are only ever taken from a SYN (MUST-65, RFC 7323 1.3). */
static void xtcp_options_parse_syn_one(u8 kind, const u8 *val, u32 len, struct xtcp_options *o)
{
	switch (kind) {
	case XTCP_OPTKIND_MSS:
		xtcp_options_parse_mss(val, len, o);
		break;
	case XTCP_OPTKIND_WSCALE:
		xtcp_options_parse_wscale(val, len, o);
		break;
	case XTCP_OPTKIND_SACK_PERM:
		xtcp_options_parse_sack_perm(len, o);
		break;
	case XTCP_OPTKIND_FASTOPEN:
		xtcp_options_parse_fastopen(val, len, o);
		break;
	}
}

/* One option whose length octet is sane; unknown kinds do nothing (MUST-6). */
static void xtcp_options_parse_one(u8 kind, const u8 *val, u32 len, bool syn,
				   struct xtcp_options *o)
{
	switch (kind) {
	case XTCP_OPTKIND_TS:
		xtcp_options_parse_ts(val, len, o);
		break;
	case XTCP_OPTKIND_UTO:
		xtcp_options_parse_uto(val, len, o);
		break;
	case XTCP_OPTKIND_SACK:
		/* Before the handshake is over there is nothing to report on. */
		if (!syn)
			xtcp_options_parse_sack(val, len, o);
		break;
	default:
		if (syn)
			xtcp_options_parse_syn_one(kind, val, len, o);
		break;
	}
}

/**
 * xtcp_options_parse() - read the options of a segment
 * @opt: first octet behind the fixed header, at any alignment
 * @len: octets of options; every value is safe, a header has at most 40
 * @syn: the segment has the SYN bit set
 * @o: filled in; only fields whose bit in @o->present is set are written
 *
 * MSS, window scale, SACK permitted and Fast Open are taken from a SYN only,
 * SACK blocks only from anything else. A known option of the wrong length is
 * ignored like an unknown one. A length octet below 2 or beyond the end makes
 * everything behind it meaningless: parsing ends, what was read before counts
 * (MUST-7). If an option comes twice, the last one counts.
 *
 * Context: any; touches nothing but its arguments.
 */
void xtcp_options_parse(const u8 *opt, u32 len, bool syn, struct xtcp_options *o)
{
	o->present = 0;

	while (len > 0) {
		u8 kind = opt[0];
		u32 size = 1;

		if (kind == XTCP_OPTKIND_EOL)
			return;
		if (kind != XTCP_OPTKIND_NOP) {
			if (len < XTCP_OPTLEN_BASE)
				return;
			size = opt[1];
			if (size < XTCP_OPTLEN_BASE || size > len)
				return;
			xtcp_options_parse_one(kind, opt + XTCP_OPTLEN_BASE,
					       size - XTCP_OPTLEN_BASE, syn, o);
		}
		opt += size;
		len -= size;
	}
}

/**
 * xtcp_options_parse_ts_only() - the short way for the usual segment
 * @opt: first octet behind the fixed header, at any alignment
 * @len: octets of options
 * @tsval: set to TSval on success
 * @tsecr: set to TSecr on success
 *
 * Return: true if the options are NOP, NOP, timestamps and nothing else;
 * otherwise nothing is written and xtcp_options_parse() has to be asked.
 */
bool xtcp_options_parse_ts_only(const u8 *opt, u32 len, u32 *tsval, u32 *tsecr)
{
	if (len != XTCP_OPTLEN_TS + 2 || xtcp_get_be32(opt) != XTCP_TS_WORD)
		return false;
	*tsval = xtcp_get_be32(opt + 4);
	*tsecr = xtcp_get_be32(opt + 8);
	return true;
}

/**
 * struct xtcp_options_plan - what of the wanted options goes out
 * @present: XTCP_OPT_* bits that fit
 * @num_sacks: SACK blocks that fit
 * @len: octets in all, a multiple of 4, at most 40
 */
struct xtcp_options_plan {
	u16 present;
	u8 num_sacks;
	u8 len;
};

static void xtcp_options_plan_add(struct xtcp_options_plan *plan, u16 bit, u32 len)
{
	len = (len + 3) / 4 * 4;
	if (plan->len + len > XTCP_OPTIONS_MAX)
		return;
	plan->present |= bit;
	plan->len += (u8)len;
}

/* Whole SACK blocks into the room that is left (RFC 2018 section 3). */
static void xtcp_options_plan_sack(struct xtcp_options_plan *plan, const struct xtcp_options *o)
{
	u32 room = XTCP_OPTIONS_MAX - plan->len;
	u32 n = xtcp_min_u32(o->num_sacks, XTCP_SACKS_MAX);

	if (room < XTCP_OPTLEN_BASE + 2)
		return;
	n = xtcp_min_u32(n, (room - XTCP_OPTLEN_BASE - 2) / XTCP_OPTLEN_SACK_BLOCK);
	if (!n)
		return;
	plan->num_sacks = (u8)n;
	xtcp_options_plan_add(plan, XTCP_OPT_SACK,
			      2 + XTCP_OPTLEN_BASE + n * XTCP_OPTLEN_SACK_BLOCK);
}

/*
 * Room is given in the order of importance. The first four always fit; a user
 * timeout can be told again in a later segment, a Fast Open cookie cannot;
 * SACK blocks share what is left.
 */
static struct xtcp_options_plan xtcp_options_plan(const struct xtcp_options *o)
{
	struct xtcp_options_plan plan = { 0 };

	if (o->present & XTCP_OPT_MSS)
		xtcp_options_plan_add(&plan, XTCP_OPT_MSS, XTCP_OPTLEN_MSS);
	/* SACK permitted takes the place of the two NOPs before the timestamps. */
	if (o->present & XTCP_OPT_TS)
		xtcp_options_plan_add(&plan, o->present & (XTCP_OPT_TS | XTCP_OPT_SACK_PERM),
				      2 + XTCP_OPTLEN_TS);
	else if (o->present & XTCP_OPT_SACK_PERM)
		xtcp_options_plan_add(&plan, XTCP_OPT_SACK_PERM, 2 + XTCP_OPTLEN_SACK_PERM);
	if (o->present & XTCP_OPT_WSCALE)
		xtcp_options_plan_add(&plan, XTCP_OPT_WSCALE, 1 + XTCP_OPTLEN_WSCALE);
	if ((o->present & XTCP_OPT_FASTOPEN) && xtcp_options_fastopen_valid(o->fastopen_len))
		xtcp_options_plan_add(&plan, XTCP_OPT_FASTOPEN,
				      XTCP_OPTLEN_BASE + o->fastopen_len);
	if (o->present & XTCP_OPT_UTO)
		xtcp_options_plan_add(&plan, XTCP_OPT_UTO, XTCP_OPTLEN_UTO);
	if (o->present & XTCP_OPT_SACK)
		xtcp_options_plan_sack(&plan, o);
	return plan;
}

static u8 *xtcp_options_put_head(u8 *p, u8 a, u8 b, u8 kind, u32 len)
{
	p[0] = a;
	p[1] = b;
	p[2] = kind;
	p[3] = (u8)len;
	return p + 4;
}

/* Timestamps and SACK permitted, together in three words if both are there. */
static u8 *xtcp_options_put_ts_sack_perm(u8 *p, u16 present, const struct xtcp_options *o)
{
	u8 a = XTCP_OPTKIND_NOP, b = XTCP_OPTKIND_NOP;

	if (!(present & XTCP_OPT_TS))
		return xtcp_options_put_head(p, a, b, XTCP_OPTKIND_SACK_PERM,
					     XTCP_OPTLEN_SACK_PERM);
	if (present & XTCP_OPT_SACK_PERM) {
		a = XTCP_OPTKIND_SACK_PERM;
		b = XTCP_OPTLEN_SACK_PERM;
	}
	p = xtcp_options_put_head(p, a, b, XTCP_OPTKIND_TS, XTCP_OPTLEN_TS);
	xtcp_put_be32(p, o->tsval);
	xtcp_put_be32(p + 4, o->tsecr);
	return p + 8;
}

static u8 *xtcp_options_put_sack(u8 *p, u32 num_sacks, const struct xtcp_options *o)
{
	u32 i;

	p = xtcp_options_put_head(p, XTCP_OPTKIND_NOP, XTCP_OPTKIND_NOP, XTCP_OPTKIND_SACK,
				  XTCP_OPTLEN_BASE + num_sacks * XTCP_OPTLEN_SACK_BLOCK);
	for (i = 0; i < num_sacks; i++) {
		xtcp_put_be32(p, o->sacks[i].start);
		xtcp_put_be32(p + 4, o->sacks[i].end);
		p += XTCP_OPTLEN_SACK_BLOCK;
	}
	return p;
}

/**
 * xtcp_options_len() - octets that xtcp_options_build() will write
 * @o: the options wanted
 *
 * Return: a multiple of 4, at most XTCP_OPTIONS_MAX.
 */
u32 xtcp_options_len(const struct xtcp_options *o)
{
	if (o->present == XTCP_OPT_TS)
		return XTCP_OPTIONS_TS_LEN;
	return xtcp_options_plan(o).len;
}

/**
 * xtcp_options_build() - write options
 * @p: XTCP_OPTIONS_MAX writable octets, or xtcp_options_len() at least; at any
 *	alignment
 * @o: the options wanted
 *
 * Each 32-bit value lies at a multiple of 4, NOPs before an option bring it
 * there (RFC 7323 appendix A) and the last option is followed by zeros
 * (MUST-69). What does not fit into 40 octets is left out: SACK blocks first,
 * from the last, then the user timeout. A cookie of impossible length is left
 * out as well.
 *
 * Return: octets written, a multiple of 4, at most XTCP_OPTIONS_MAX.
 */
u32 xtcp_options_build(u8 *p, const struct xtcp_options *o)
{
	struct xtcp_options_plan plan;
	u8 *end;

	if (o->present == XTCP_OPT_TS) {	/* nearly every segment */
		xtcp_options_put_ts_sack_perm(p, o->present, o);
		return XTCP_OPTIONS_TS_LEN;
	}
	plan = xtcp_options_plan(o);
	end = p + plan.len;
	if (plan.present & XTCP_OPT_MSS) {
		p[0] = XTCP_OPTKIND_MSS;
		p[1] = XTCP_OPTLEN_MSS;
		xtcp_put_be16(p + 2, o->mss);
		p += 4;
	}
	if (plan.present & (XTCP_OPT_TS | XTCP_OPT_SACK_PERM))
		p = xtcp_options_put_ts_sack_perm(p, plan.present, o);
	if (plan.present & XTCP_OPT_WSCALE) {
		p[0] = XTCP_OPTKIND_NOP;
		p[1] = XTCP_OPTKIND_WSCALE;
		p[2] = XTCP_OPTLEN_WSCALE;
		p[3] = o->wscale > XTCP_WSCALE_MAX ? XTCP_WSCALE_MAX : o->wscale;
		p += 4;
	}
	if (plan.present & XTCP_OPT_SACK)
		p = xtcp_options_put_sack(p, plan.num_sacks, o);
	if (plan.present & XTCP_OPT_UTO) {
		p[0] = XTCP_OPTKIND_UTO;
		p[1] = XTCP_OPTLEN_UTO;
		xtcp_put_be16(p + 2, o->uto);
		p += 4;
	}
	if (plan.present & XTCP_OPT_FASTOPEN) {
		p[0] = XTCP_OPTKIND_FASTOPEN;
		p[1] = XTCP_OPTLEN_BASE + o->fastopen_len;
		memcpy(p + 2, o->fastopen, o->fastopen_len);
		p += XTCP_OPTLEN_BASE + o->fastopen_len;
	}
	memset(p, XTCP_OPTKIND_EOL, (size_t)(end - p));
	return plan.len;
}

/**
 * xtcp_uto_decode_s() - the user timeout in seconds (RFC 5482 section 3.1)
 * @uto: as on the wire
 *
 * Return: seconds, 0 to 1966020.
 */
u32 xtcp_uto_decode_s(u16 uto)
{
	u32 value = uto & XTCP_UTO_VALUE;

	return uto & XTCP_UTO_MINUTES ? value * 60 : value;
}

/**
 * xtcp_uto_encode_s() - a user timeout for the wire
 * @seconds: what to tell the peer
 *
 * From 32768 seconds on it is told in minutes, rounded up so that the peer
 * never waits less than asked; what minutes cannot say is told as the largest.
 *
 * Return: the option's 16 bits.
 */
u16 xtcp_uto_encode_s(u32 seconds)
{
	u32 minutes;

	if (seconds <= XTCP_UTO_VALUE)
		return (u16)seconds;
	minutes = seconds / 60 + (seconds % 60 ? 1 : 0);
	return (u16)(XTCP_UTO_MINUTES | xtcp_min_u32(minutes, XTCP_UTO_VALUE));
}
