// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scalable TCP (Kelly, 2003): the worked example of congestion.rst. The window grows by one
 * segment for so many acknowledged ones, however large it is, and gives up an eighth at
 * a loss: it takes as many round trips to recover at any speed.
 */
#include "cc.h"

#define XTCP_SCALABLE_EVERY	100	/* segments acknowledged for one more */
#define XTCP_SCALABLE_CUT	8	/* a loss costs this part of the window */

static void xtcp_cc_scalable_init(struct xtcp_cc *cc)
{
}

static void xtcp_cc_scalable_on_ack(struct xtcp_cc *cc, const struct xtcp_cc_ack *ack)
{
	u32 acked = ack->acked_segs;

	/* A window that was not filled has not been tried */
	if (ack->app_limited)
		return;
	if (xtcp_cc_in_slow_start(cc))
		acked = xtcp_cc_slow_start(cc, acked);
	/* Below a hundred segments it would be slower than Reno: be Reno there */
	if (acked)
		xtcp_cc_avoid(cc, xtcp_min_u32(cc->cwnd, XTCP_SCALABLE_EVERY), acked);
}

static u32 xtcp_cc_scalable_ssthresh(struct xtcp_cc *cc, u32 inflight)
{
	return xtcp_max_u32(inflight - inflight / XTCP_SCALABLE_CUT, XTCP_CC_SSTHRESH_MIN);
}

const struct xtcp_cc_ops xtcp_cc_scalable = {
	.name = "scalable",
	.init = xtcp_cc_scalable_init,
	.on_ack = xtcp_cc_scalable_on_ack,
	.ssthresh = xtcp_cc_scalable_ssthresh,
};
