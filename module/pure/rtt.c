// SPDX-License-Identifier: GPL-2.0-only
/*
 * Round-trip time and retransmission timeout (RFC 6298), in integers.
 *
 * The estimator keeps SRTT times 8 and RTTVAR times 4, so that the gains of 1/8
 * and 1/4 are shifts and nothing is lost to rounding between samples (the
 * arithmetic of appendix A of Jacobson's "Congestion Avoidance and Control").
 */
#include "rtt.h"

/**
 * xtcp_rtt_init() - start without knowing anything
 * @r: estimator
 * @rto_initial_us: RTO until there is a sample (RFC 6298 2.1), microseconds
 */
void xtcp_rtt_init(struct xtcp_rtt *r, u32 rto_initial_us)
{
	memset(r, 0, sizeof(*r));
	r->rto_us = rto_initial_us;
	r->min_rtt_us = XTCP_RTT_NONE_US;
}

/* RFC 6298 2.3 with @rtt_us at most 2^28: no sum here reaches 2^32. */
static void xtcp_rtt_update(struct xtcp_rtt *r, u32 rtt_us)
{
	u32 srtt_us = xtcp_rtt_srtt_us(r);
	u32 dev_us = rtt_us > srtt_us ? rtt_us - srtt_us : srtt_us - rtt_us;

	r->mdev_us = r->mdev_us - (r->mdev_us >> 2) + dev_us;
	r->srtt_us = r->srtt_us - srtt_us + rtt_us;
}

static void xtcp_rtt_first(struct xtcp_rtt *r, u32 rtt_us)
{
	r->srtt_us = rtt_us << 3;
	r->mdev_us = rtt_us << 1;	/* RTTVAR = R / 2, times 4 */
	r->valid = true;
}

static u32 xtcp_rtt_base_us(const struct xtcp_rtt *r, u32 rto_min_us, u32 rto_max_us)
{
	u32 rto_us = r->rto_us;

	if (r->valid)
		rto_us = xtcp_rtt_srtt_us(r) +
			 xtcp_max_u32(r->rttvar_us, xtcp_min_u32(rto_min_us, rto_max_us));
	return xtcp_min_u32(xtcp_max_u32(rto_us, rto_min_us), rto_max_us);
}

/**
 * xtcp_rtt_sample() - take in one measurement
 * @r: estimator
 * @rtt_us: how long an acknowledgment took, microseconds. By Karn's rule (MUST-18)
 *	never that of a retransmitted segment, unless timestamps tell which
 *	transmission is acknowledged
 * @rto_min_us: floor of the variance term, at most 2^31
 * @rto_max_us: ceiling of the RTO
 *
 * A new measurement also ends the backoff (RFC 6298 section 5, last paragraph).
 */
void xtcp_rtt_sample(struct xtcp_rtt *r, u32 rtt_us, u32 rto_min_us, u32 rto_max_us)
{
	rtt_us = xtcp_max_u32(1, xtcp_min_u32(rtt_us, XTCP_RTT_MAX_US));

	if (r->valid)
		xtcp_rtt_update(r, rtt_us);
	else
		xtcp_rtt_first(r, rtt_us);

	r->mdev_max_us = xtcp_max_u32(r->mdev_max_us, r->mdev_us);
	if (!r->per_round || r->mdev_us > r->rttvar_us)
		r->rttvar_us = r->mdev_us;
	r->latest_us = rtt_us;
	r->min_rtt_us = xtcp_min_u32(r->min_rtt_us, rtt_us);
	r->backoff = 0;
	r->rto_us = xtcp_rtt_base_us(r, rto_min_us, rto_max_us);
}

/**
 * xtcp_rtt_round() - a window of data has been acknowledged
 * @r: estimator
 *
 * Optional. RFC 6298's gains are meant for one sample a round trip; with
 * timestamps there are many, and RTTVAR forgets a delay before a round trip has
 * passed (RFC 7323 section 4.2). A sender that calls this once per round
 * trip gets a variation that rises at once, but falls only by a quarter of the
 * distance to the round's largest deviation. It is never below RFC 6298's.
 */
void xtcp_rtt_round(struct xtcp_rtt *r)
{
	r->per_round = true;
	if (r->mdev_max_us < r->rttvar_us)
		r->rttvar_us -= (r->rttvar_us - r->mdev_max_us) >> 2;
	r->mdev_max_us = r->mdev_us;
}

/**
 * xtcp_rtt_syn_lost() - the handshake needed a retransmission
 * @r: estimator
 *
 * RFC 6298 5.7: if the timer expired while waiting for the ACK of a SYN, and
 * the RTO is below three seconds, data transmission begins with three seconds.
 * With a sample in hand (timestamps) there is no need to guess.
 */
void xtcp_rtt_syn_lost(struct xtcp_rtt *r)
{
	if (r->valid)
		return;
	r->rto_us = xtcp_max_u32(r->rto_us, XTCP_RTO_SYN_LOST_US);
	r->backoff = 0;
}

/**
 * xtcp_rtt_rto_us() - how long to wait for an acknowledgment
 * @r: estimator
 * @rto_min_us: floor of the variance term, at most 2^31
 * @rto_max_us: ceiling of the result (RFC 6298 2.5)
 *
 * Computed from the bounds given, so that a changed bound counts at once.
 *
 * Return: the RTO with its backoff, microseconds, at most @rto_max_us.
 */
u32 xtcp_rtt_rto_us(const struct xtcp_rtt *r, u32 rto_min_us, u32 rto_max_us)
{
	u32 rto_us = xtcp_rtt_base_us(r, rto_min_us, rto_max_us);

	if (rto_us > rto_max_us >> r->backoff)
		return rto_max_us;
	return rto_us << r->backoff;
}

/**
 * xtcp_rtt_backoff() - the timer expired: double the RTO (RFC 6298 5.5)
 * @r: estimator
 */
void xtcp_rtt_backoff(struct xtcp_rtt *r)
{
	if (r->backoff < XTCP_RTT_BACKOFF_MAX)
		r->backoff++;
}

/**
 * xtcp_rtt_backoff_reset() - the path answers again
 * @r: estimator
 */
void xtcp_rtt_backoff_reset(struct xtcp_rtt *r)
{
	r->backoff = 0;
}
