/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYN cookies (RFC 4987 section 3.6): a listener that has no room for another
 * half-open entry answers a SYN all the same and remembers nothing. What it
 * would have had to remember comes back in the third ACK, in the number that
 * this acknowledges.
 *
 *   cookie = hash1(addresses, ports)                keeps outsiders from making
 *          + peer's initial sequence number         the clock-like part guessable
 *          + count << 24                            minute, modulo 256
 *          + (hash2(addresses, ports, count) + mss_index) modulo 2^24
 *
 * Both hashes are keyed (siphash, each with a key of its own) and are the
 * caller's to compute. Options that do not fit travel in the low bits of the
 * timestamp and come back in TSecr; without timestamps they are not in use.
 */
#ifndef XTCP_PURE_COOKIE_H
#define XTCP_PURE_COOKIE_H

#include "options.h"
#include "port.h"

#define XTCP_COOKIE_MAX_AGE	2	/* minutes begun for which a cookie holds */
#define XTCP_COOKIE_MSS_COUNT	8	/* entries of each MSS table */
#define XTCP_COOKIE_TS_BITS	6	/* low bits of TSval taken for options */

u32 xtcp_cookie_count(u64 now_us);
u32 xtcp_cookie_make(u32 hash1, u32 hash2, u32 seq, u32 count, u32 mss_index);
int xtcp_cookie_age(u32 cookie, u32 hash1, u32 seq, u32 count);
int xtcp_cookie_check(u32 cookie, u32 hash1, u32 seq, u32 count, const u32 *hash2);
u32 xtcp_cookie_mss_index(bool v6, u32 mss);
u16 xtcp_cookie_mss(bool v6, u32 mss_index);
u32 xtcp_cookie_ts_encode(u32 tsval, const struct xtcp_options *o);
bool xtcp_cookie_ts_decode(u32 tsecr, struct xtcp_options *o);

#endif
