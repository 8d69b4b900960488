/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP options: bytes on the wire <-> struct (RFC 9293 section 3.2, RFC 7323,
 * RFC 2018, RFC 5482, RFC 7413).
 */
#ifndef XTCP_PURE_OPTIONS_H
#define XTCP_PURE_OPTIONS_H

#include "port.h"

/* Bits of struct xtcp_options.present. */
#define XTCP_OPT_MSS		0x0001	/* maximum segment size, RFC 9293 3.7.1 */
#define XTCP_OPT_WSCALE		0x0002	/* window scale, RFC 7323 2 */
#define XTCP_OPT_SACK_PERM	0x0004	/* SACK permitted, RFC 2018 2 */
#define XTCP_OPT_SACK		0x0008	/* SACK blocks, RFC 2018 3 */
#define XTCP_OPT_TS		0x0010	/* timestamps, RFC 7323 3 */
#define XTCP_OPT_UTO		0x0020	/* user timeout, RFC 5482 */
#define XTCP_OPT_FASTOPEN	0x0040	/* Fast Open cookie, RFC 7413 4.1.1 */
/*
 * Not an option on the wire: a SYN cookie must remember whether ECN was
 * negotiated, and carries it in the same place as the options
 * (xtcp_cookie_ts_encode()). The parser never sets it, the builder ignores it.
 */
#define XTCP_OPT_ECN		0x8000

#define XTCP_OPTIONS_MAX	40	/* octets of options in a header */
#define XTCP_OPTIONS_TS_LEN	12	/* timestamps with their padding */
#define XTCP_WSCALE_MAX		14	/* RFC 7323 2.3 */
#define XTCP_SACKS_MAX		4	/* blocks that fit without timestamps */
#define XTCP_FASTOPEN_MIN	4	/* octets of a cookie, RFC 7413 4.1.1 */
#define XTCP_FASTOPEN_MAX	16
#define XTCP_MSS_DEFAULT_V4	536	/* without an MSS option (MUST-15) */
#define XTCP_MSS_DEFAULT_V6	1220

/* The user timeout's 16 bits: granularity, and 15 bits of value. */
#define XTCP_UTO_MINUTES	0x8000
#define XTCP_UTO_VALUE		0x7fff

/**
 * struct xtcp_sack_block - one range that a receiver holds (RFC 2018)
 * @start: sequence number of the first octet
 * @end: sequence number right behind the last octet
 */
struct xtcp_sack_block {
	u32 start;
	u32 end;
};

/**
 * struct xtcp_options - the options of one segment
 * @present: XTCP_OPT_* bits; the fields below mean something only if their
 *	bit is set
 * @mss: maximum segment size, octets, never 0 when present
 * @wscale: shift count, 0 to 14
 * @num_sacks: blocks in @sacks, 1 to 4
 * @fastopen_len: octets in @fastopen: 0 asks for a cookie, else 4 to 16, even
 * @tsval: TSval
 * @tsecr: TSecr; without meaning in a segment without ACK
 * @sacks: SACK blocks in the order of the wire. The first may be a DSACK
 *	(RFC 2883). Their contents are not judged here.
 * @uto: user timeout, raw: XTCP_UTO_MINUTES bit and value; see
 *	xtcp_uto_decode_s()
 * @fastopen: Fast Open cookie
 */
struct xtcp_options {
	u16 present;
	u16 mss;
	u8 wscale;
	u8 num_sacks;
	u8 fastopen_len;
	u32 tsval;
	u32 tsecr;
	struct xtcp_sack_block sacks[XTCP_SACKS_MAX];
	u16 uto;
	u8 fastopen[XTCP_FASTOPEN_MAX];
};

void xtcp_options_parse(const u8 *opt, u32 len, bool syn, struct xtcp_options *o);
bool xtcp_options_parse_ts_only(const u8 *opt, u32 len, u32 *tsval, u32 *tsecr);
u32 xtcp_options_len(const struct xtcp_options *o);
u32 xtcp_options_build(u8 *p, const struct xtcp_options *o);
u32 xtcp_uto_decode_s(u16 uto);
u16 xtcp_uto_encode_s(u32 seconds);

#endif
