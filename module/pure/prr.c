// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proportional Rate Reduction, RFC 6937 3 in whole segments.
 */
#include "prr.h"

/**
 * xtcp_prr_start() - a recovery episode begins
 * @prr: state
 * @recover_fs: segments in flight, what the ACK that began it delivered included
 */
void xtcp_prr_start(struct xtcp_prr *prr, u32 recover_fs)
{
	prr->delivered = 0;
	prr->out = 0;
	prr->recover_fs = xtcp_max_u32(recover_fs, 1);
}

/**
 * xtcp_prr_ack() - an ACK in recovery
 * @prr: state
 * @delivered: DeliveredData: segments that this ACK shows to have arrived
 * @pipe: segments in flight after it
 * @ssthresh: where cwnd shall be in the end
 * @safe: it acknowledged new data and showed no further loss: slow start may
 *	make up for what was lost (SSRB), else packet conservation is the bound (CRB)
 *
 * The first transmission of an episode is never held back (RFC 5681 3.2 step 3).
 *
 * Return: how many segments may be sent now.
 */
u32 xtcp_prr_ack(struct xtcp_prr *prr, u32 delivered, u32 pipe, u32 ssthresh, bool safe)
{
	u32 count = 0;

	prr->delivered += delivered;
	if (pipe > ssthresh) {
		/* Proportional: the window shrinks evenly over the round trip */
		u64 goal = (u64)prr->delivered * ssthresh + prr->recover_fs - 1;

		goal = xtcp_div64(goal, prr->recover_fs);
		if (goal > prr->out)
			count = (u32)xtcp_min_u64(goal - prr->out, pipe);
	} else {
		if (prr->delivered > prr->out)
			count = prr->delivered - prr->out;
		count = xtcp_max_u32(count, delivered);
		if (safe)
			count++;
		count = xtcp_min_u32(count, ssthresh - pipe);
	}
	return prr->out ? count : xtcp_max_u32(count, 1);
}
