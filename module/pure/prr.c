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

/*
 * Up to ssthresh again: slow start for an ACK that is safe (SSRB), else packet conservation (CRB),
 * and what was banked while the window shrank. All at once that would be a burst into a queue
 * that has just dropped: no faster than slow start, and as long as losses go on one for one.
 */
static u32 xtcp_prr_catch_up(const struct xtcp_prr *prr, u32 delivered, enum xtcp_prr_news news)
{
	u32 count = prr->delivered - xtcp_min_u32(prr->delivered, prr->out);

	count = xtcp_max_u32(count, delivered);
	if (news == XTCP_PRR_SAFE)
		count++;
	return xtcp_min_u32(count, news == XTCP_PRR_LOSS ? delivered : 2 * delivered);
}

/**
 * xtcp_prr_ack() - an ACK in recovery
 * @prr: state
 * @delivered: DeliveredData: segments that this ACK shows to have arrived
 * @pipe: segments in flight after it
 * @ssthresh: where cwnd shall be in the end
 * @news: what it tells besides
 *
 * The first transmission of an episode is never held back (RFC 5681 3.2 step 3).
 *
 * Return: how many segments may be sent now.
 */
u32 xtcp_prr_ack(struct xtcp_prr *prr, u32 delivered, u32 pipe, u32 ssthresh,
		 enum xtcp_prr_news news)
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
		count = xtcp_min_u32(xtcp_prr_catch_up(prr, delivered, news), ssthresh - pipe);
	}
	return prr->out ? count : xtcp_max_u32(count, 1);
}
