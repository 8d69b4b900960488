// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reno: slow start and congestion avoidance of RFC 5681, in segments.
 */
#include "cc.h"

static void xtcp_cc_reno_init(struct xtcp_cc *cc)
{
}

static void xtcp_cc_reno_on_ack(struct xtcp_cc *cc, const struct xtcp_cc_ack *ack)
{
	bool full = cc->cwnd <= ack->inflight_segs;
	u32 acked = ack->acked_segs;

	if (ack->app_limited)
		return;
	if (xtcp_cc_in_slow_start(cc)) {
		acked = xtcp_cc_slow_start(cc, acked);
		/* Half a window is enough for slow start, not for avoidance */
		if (!acked || !full)
			return;
	}
	xtcp_cc_avoid(cc, cc->cwnd, acked);
}

/* Equation 4: half of FlightSize, which is not always the whole window. */
static u32 xtcp_cc_reno_ssthresh(struct xtcp_cc *cc, u32 inflight)
{
	return xtcp_max_u32(inflight / 2, XTCP_CC_SSTHRESH_MIN);
}

const struct xtcp_cc_ops xtcp_cc_reno = {
	.name = "reno",
	.init = xtcp_cc_reno_init,
	.on_ack = xtcp_cc_reno_on_ack,
	.ssthresh = xtcp_cc_reno_ssthresh,
};
