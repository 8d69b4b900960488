// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN cookies (RFC 4987 section 3.6): see cookie.h for the layout.
 */
#include "cookie.h"

#define XTCP_COOKIE_LOW_MASK	0xffffffU	/* index and second hash */
#define XTCP_COOKIE_COUNT_SHIFT	24
#define XTCP_COOKIE_COUNT_MASK	0xffU

/* Low bits of TSval: window scale (15: none), SACK permitted, ECN. */
#define XTCP_COOKIE_TS_WSCALE	0x0fU
#define XTCP_COOKIE_TS_SACK	0x10U
#define XTCP_COOKIE_TS_ECN	0x20U
#define XTCP_COOKIE_TS_MASK	(BIT(XTCP_COOKIE_TS_BITS) - 1)

#define XTCP_COOKIE_MINUTE_US	60000000U

/*
 * A peer's MSS is rounded down to an entry, since sending more than it
 * takes would be an error and sending less is merely slower. Close to the sizes
 * that Ethernet, PPPoE and tunnels lead to the steps are small. The first entry
 * is for peers that ask for less than any path needs.
 */
static const u16 xtcp_cookie_mss_table[2][XTCP_COOKIE_MSS_COUNT] = {
	{ 64, 536, 1220, 1300, 1360, 1400, 1440, 1460 },	/* IPv4 */
	{ 64, 536, 1220, 1280, 1340, 1380, 1420, 1440 },	/* IPv6 */
};

/**
 * xtcp_cookie_count() - the minute that goes into a cookie
 * @now_us: time since boot, microseconds
 *
 * Return: minutes since boot; only the low eight bits travel.
 */
u32 xtcp_cookie_count(u64 now_us)
{
	return (u32)xtcp_div64(now_us, XTCP_COOKIE_MINUTE_US);
}

/**
 * xtcp_cookie_make() - the initial sequence number that is a cookie
 * @hash1: first keyed hash of addresses and ports
 * @hash2: second keyed hash, of addresses, ports and @count
 * @seq: the SYN's sequence number
 * @count: xtcp_cookie_count() of now
 * @mss_index: xtcp_cookie_mss_index() of the SYN's MSS
 *
 * Return: the number to send in the SYN,ACK.
 */
u32 xtcp_cookie_make(u32 hash1, u32 hash2, u32 seq, u32 count, u32 mss_index)
{
	return hash1 + seq + (count << XTCP_COOKIE_COUNT_SHIFT) +
	       ((hash2 + mss_index) & XTCP_COOKIE_LOW_MASK);
}

/**
 * xtcp_cookie_age() - how old a number is, if it is a cookie at all
 * @cookie: the number acknowledged, less one
 * @hash1: first keyed hash of addresses and ports
 * @seq: the ACK's sequence number, less one
 * @count: xtcp_cookie_count() of now
 *
 * Lets the caller compute only the second hash that is needed.
 *
 * Return: minutes, 0 to XTCP_COOKIE_MAX_AGE - 1, or -EINVAL if too old.
 */
int xtcp_cookie_age(u32 cookie, u32 hash1, u32 seq, u32 count)
{
	u32 plain = cookie - hash1 - seq;
	u32 age = (count - (plain >> XTCP_COOKIE_COUNT_SHIFT)) & XTCP_COOKIE_COUNT_MASK;

	return age < XTCP_COOKIE_MAX_AGE ? (int)age : -EINVAL;
}

/**
 * xtcp_cookie_check() - is this number a cookie of ours?
 * @cookie: the number acknowledged, less one
 * @hash1: first keyed hash of addresses and ports
 * @seq: the ACK's sequence number, less one
 * @count: xtcp_cookie_count() of now
 * @hash2: second keyed hashes, XTCP_COOKIE_MAX_AGE of them: of @count,
 *	@count - 1 and so on; only the one at xtcp_cookie_age() is read
 *
 * A number made up by somebody who has seen nothing passes with a probability of
 * 2 * 8 / 2^32: the ages that hold, times the indices that exist.
 *
 * Return: the MSS index, or -EINVAL if it is no cookie or too old.
 */
int xtcp_cookie_check(u32 cookie, u32 hash1, u32 seq, u32 count, const u32 *hash2)
{
	int age = xtcp_cookie_age(cookie, hash1, seq, count);
	u32 index;

	if (age < 0)
		return age;
	index = (cookie - hash1 - seq - hash2[age]) & XTCP_COOKIE_LOW_MASK;
	return index < XTCP_COOKIE_MSS_COUNT ? (int)index : -EINVAL;
}

/**
 * xtcp_cookie_mss_index() - how a cookie says an MSS
 * @v6: IPv6 table
 * @mss: what the SYN's MSS option said, or the default without one
 *
 * Return: index of the largest entry that is at most @mss, or 0.
 */
u32 xtcp_cookie_mss_index(bool v6, u32 mss)
{
	u32 i = XTCP_COOKIE_MSS_COUNT - 1;

	while (i > 0 && xtcp_cookie_mss_table[v6][i] > mss)
		i--;
	return i;
}

/**
 * xtcp_cookie_mss() - the MSS that a cookie said
 * @v6: IPv6 table
 * @mss_index: what xtcp_cookie_check() returned
 *
 * Return: the MSS in octets.
 */
u16 xtcp_cookie_mss(bool v6, u32 mss_index)
{
	return xtcp_cookie_mss_table[v6][xtcp_min_u32(mss_index, XTCP_COOKIE_MSS_COUNT - 1)];
}

/**
 * xtcp_cookie_ts_encode() - hide options in the timestamp of a SYN,ACK
 * @tsval: the timestamp to send, without any offset added to it
 * @o: what will be in use: XTCP_OPT_WSCALE with the peer's @o->wscale,
 *	XTCP_OPT_SACK_PERM, XTCP_OPT_ECN
 *
 * The result is less than 128 units behind @tsval and never ahead, for a clock
 * that jumps ahead and back would look like an old duplicate to PAWS. It is
 * never 0, which a peer that echoes nothing sends.
 *
 * Return: the timestamp to send instead.
 */
u32 xtcp_cookie_ts_encode(u32 tsval, const struct xtcp_options *o)
{
	u32 bits = XTCP_COOKIE_TS_WSCALE;
	u32 ts;

	if (o->present & XTCP_OPT_WSCALE)
		bits = xtcp_min_u32(o->wscale, XTCP_WSCALE_MAX);
	if (o->present & XTCP_OPT_SACK_PERM)
		bits |= XTCP_COOKIE_TS_SACK;
	if (o->present & XTCP_OPT_ECN)
		bits |= XTCP_COOKIE_TS_ECN;

	ts = (tsval & ~(u32)XTCP_COOKIE_TS_MASK) | bits;
	/* Not "ts > tsval": the clock may just have come round. 0 is no echo. */
	if ((s32)(ts - tsval) > 0 || !ts)
		ts -= (u32)BIT(XTCP_COOKIE_TS_BITS);
	return ts;
}

/**
 * xtcp_cookie_ts_decode() - find the options in an echoed timestamp
 * @tsecr: TSecr of the third ACK, with any offset taken off again
 * @o: XTCP_OPT_WSCALE with @o->wscale, XTCP_OPT_SACK_PERM and XTCP_OPT_ECN are
 *	set or cleared, everything else is left alone
 *
 * The caller must have checked the cookie itself: these bits are not protected.
 *
 * Return: true, or false if @tsecr is 0, which is no echo at all (and
 * @o then says that none of the three is in use).
 */
bool xtcp_cookie_ts_decode(u32 tsecr, struct xtcp_options *o)
{
	u16 told = XTCP_OPT_WSCALE | XTCP_OPT_SACK_PERM | XTCP_OPT_ECN;
	u32 wscale = tsecr & XTCP_COOKIE_TS_WSCALE;

	o->present &= ~told;
	if (!tsecr)
		return false;
	if (wscale <= XTCP_WSCALE_MAX) {
		o->present |= XTCP_OPT_WSCALE;
		o->wscale = (u8)wscale;
	}
	if (tsecr & XTCP_COOKIE_TS_SACK)
		o->present |= XTCP_OPT_SACK_PERM;
	if (tsecr & XTCP_COOKIE_TS_ECN)
		o->present |= XTCP_OPT_ECN;
	return true;
}
