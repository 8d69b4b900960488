// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target for the option code: make fuzz FUZZ_SECONDS=n
 *
 * The first octet of the input chooses SYN or not and the alignment, the rest
 * are options. Whatever they are, parsing must stay inside them, and what
 * was read must survive being written and read again.
 */
#include <stdlib.h>

#include "header.h"
#include "options.h"

/* The name that libFuzzer calls is not one that kernel style would have. */
int fuzz_options(const u8 *data, size_t size) __asm__("LLVMFuzzerTestOneInput");

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_again(const struct xtcp_options *o, bool syn)
{
	u32 len = xtcp_options_len(o);
	struct xtcp_options again;
	u8 *out = malloc(len);

	check(len <= XTCP_OPTIONS_MAX && len % 4 == 0);
	check(out || !len);
	check(xtcp_options_build(out, o) == len);
	xtcp_options_parse(out, len, syn, &again);
	/* Only the user timeout and SACK blocks may have had no room. */
	check((o->present & ~again.present & ~(XTCP_OPT_UTO | XTCP_OPT_SACK)) == 0);
	check((again.present & ~o->present) == 0);
	check(!(again.present & XTCP_OPT_MSS) || again.mss == o->mss);
	check(!(again.present & XTCP_OPT_WSCALE) || again.wscale == o->wscale);
	check(!(again.present & XTCP_OPT_TS) ||
	      (again.tsval == o->tsval && again.tsecr == o->tsecr));
	check(!(again.present & XTCP_OPT_UTO) || again.uto == o->uto);
	check(!(again.present & XTCP_OPT_SACK) ||
	      (again.num_sacks <= o->num_sacks &&
	       !memcmp(again.sacks, o->sacks, again.num_sacks * sizeof(o->sacks[0]))));
	check(!(again.present & XTCP_OPT_FASTOPEN) ||
	      (again.fastopen_len == o->fastopen_len &&
	       !memcmp(again.fastopen, o->fastopen, o->fastopen_len)));
	free(out);
}

int fuzz_options(const u8 *data, size_t size)
{
	struct xtcp_options o;
	struct xtcp_header h;
	u32 len, offset, tsval, tsecr;
	u8 *base, *p;
	bool syn;

	if (size < 1 || size > 300)
		return 0;
	syn = data[0] & 1;
	offset = data[0] >> 1 & 7;
	len = (u32)size - 1;
	base = malloc(offset + len);
	check(base || !(offset + len));
	p = base + offset;
	if (len)
		memcpy(p, data + 1, len);

	xtcp_options_parse(p, len, syn, &o);
	check(!(o.present & XTCP_OPT_MSS) || (syn && o.mss));
	check(!(o.present & XTCP_OPT_WSCALE) || (syn && o.wscale <= XTCP_WSCALE_MAX));
	check(!(o.present & XTCP_OPT_SACK) ||
	      (!syn && o.num_sacks >= 1 && o.num_sacks <= XTCP_SACKS_MAX));
	check(!(o.present & XTCP_OPT_FASTOPEN) || (syn && o.fastopen_len <= XTCP_FASTOPEN_MAX));
	if (xtcp_options_parse_ts_only(p, len, &tsval, &tsecr))
		check(o.present == XTCP_OPT_TS && o.tsval == tsval && o.tsecr == tsecr);
	check_again(&o, syn);
	if (!xtcp_header_parse(p, len, &h))
		xtcp_options_parse(p + XTCP_HEADER_MIN, h.doff_bytes - XTCP_HEADER_MIN,
				   h.flags & XTCP_FLAG_SYN, &o);
	free(base);
	return 0;
}
