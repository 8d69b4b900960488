/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Round-trip time and retransmission timeout (RFC 6298), in microseconds.
 *
 *   RTO = SRTT + max(4 * RTTVAR, rto_min), at most rto_max
 *
 * RFC 6298 section 2.4 puts a floor of one second under the whole RTO. Here
 * rto_min is a floor under the variance term instead, as Linux has it: with
 * rto_min = 200 ms a path of 100 ms gets an RTO of 300 ms or more, never less
 * than the RTT plus 200 ms, which leaves room for a delayed ACK at any RTT. The
 * rfc9293 profile sets rto_min = 1 s and so is always above the RFC's floor.
 */
#ifndef XTCP_PURE_RTT_H
#define XTCP_PURE_RTT_H

#include "port.h"

#define XTCP_RTO_INITIAL_US	1000000	/* RFC 6298 2.1 */
#define XTCP_RTO_SYN_LOST_US	3000000	/* RFC 6298 5.7 */
#define XTCP_RTT_MAX_US		((u32)BIT(28))	/* samples are cut to this: 268 s */
#define XTCP_RTT_NONE_US	0xffffffffU	/* min_rtt_us before the first sample */
#define XTCP_RTT_BACKOFF_MAX	31

/**
 * struct xtcp_rtt - RTT estimator of one connection
 * @srtt_us: smoothed RTT, microseconds times 8
 * @rttvar_us: RTT variation that the RTO is made of, microseconds times 4,
 *	so that it is the RFC's 4 * RTTVAR as it stands
 * @mdev_us: mean deviation, microseconds times 4: RFC 6298's RTTVAR.
 *	@rttvar_us equals it until xtcp_rtt_round() is first called
 * @mdev_max_us: largest @mdev_us since the last xtcp_rtt_round()
 * @rto_us: RTO without backoff; the initial RTO before the first sample
 * @min_rtt_us: smallest sample, XTCP_RTT_NONE_US before the first
 * @latest_us: last sample, 0 before the first
 * @backoff: how often the RTO is doubled (RFC 6298 5.5), 0 to 31
 * @valid: a sample has been taken
 * @per_round: xtcp_rtt_round() is in use
 *
 * Written under the socket lock.
 */
struct xtcp_rtt {
	u32 srtt_us;
	u32 rttvar_us;
	u32 mdev_us;
	u32 mdev_max_us;
	u32 rto_us;
	u32 min_rtt_us;
	u32 latest_us;
	u8 backoff;
	bool valid;
	bool per_round;
};

void xtcp_rtt_init(struct xtcp_rtt *r, u32 rto_initial_us);
void xtcp_rtt_sample(struct xtcp_rtt *r, u32 rtt_us, u32 rto_min_us, u32 rto_max_us);
void xtcp_rtt_round(struct xtcp_rtt *r);
void xtcp_rtt_syn_lost(struct xtcp_rtt *r);
u32 xtcp_rtt_rto_us(const struct xtcp_rtt *r, u32 rto_min_us, u32 rto_max_us);
void xtcp_rtt_backoff(struct xtcp_rtt *r);
void xtcp_rtt_backoff_reset(struct xtcp_rtt *r);

/**
 * xtcp_rtt_srtt_us() - smoothed round-trip time
 * @r: estimator
 *
 * Return: SRTT in microseconds, 0 before the first sample.
 */
static inline u32 xtcp_rtt_srtt_us(const struct xtcp_rtt *r)
{
	return r->srtt_us >> 3;
}

#endif
