// SPDX-License-Identifier: GPL-2.0-only
/*
 * Congestion control: what all algorithms share (RFC 5681).
 */
#include "cc.h"

#define X(name) &xtcp_cc_##name,
static const struct xtcp_cc_ops *const xtcp_cc_table[] = { XTCP_CC_LIST(X) };
#undef X

#define XTCP_CC_IW_SEGS		10	/* RFC 6928 equation 1 */
#define XTCP_CC_IW_BYTES	14600

/**
 * xtcp_cc_find() - look an algorithm up
 * @name: its name, NUL-terminated
 *
 * Return: the algorithm, or NULL if there is none of that name.
 */
const struct xtcp_cc_ops *xtcp_cc_find(const char *name)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(xtcp_cc_table); i++)
		if (!strcmp(xtcp_cc_table[i]->name, name))
			return xtcp_cc_table[i];
	return NULL;
}

/**
 * xtcp_cc_get() - walk through the algorithms
 * @index: 0 (the default) and upwards
 *
 * Return: the algorithm, or NULL behind the last one.
 */
const struct xtcp_cc_ops *xtcp_cc_get(u32 index)
{
	return index < ARRAY_SIZE(xtcp_cc_table) ? xtcp_cc_table[index] : NULL;
}

/**
 * xtcp_cc_init_cwnd() - the initial window (RFC 6928)
 * @mss: the sender's segment size, octets
 *
 * IW = min(10 * MSS, max(2 * MSS, 14600)). If the SYN or the SYN,ACK was
 * retransmitted, RFC 5681 section 3.1 wants one segment instead; that is for the
 * caller to set.
 *
 * Return: segments, 2 to 10.
 */
u32 xtcp_cc_init_cwnd(u32 mss)
{
	if (!mss)
		return XTCP_CC_IW_SEGS;
	return xtcp_min_u32(XTCP_CC_IW_SEGS, xtcp_max_u32(2, XTCP_CC_IW_BYTES / mss));
}

/**
 * xtcp_cc_set_ops() - change the algorithm of a living connection
 * @cc: congestion state
 * @ops: the new algorithm
 *
 * Window and threshold stay; what the old algorithm had learnt, and what there
 * was to undo, is gone.
 */
void xtcp_cc_set_ops(struct xtcp_cc *cc, const struct xtcp_cc_ops *ops)
{
	cc->ops = ops;
	cc->cwnd_cnt = 0;
	cc->prior_cwnd = 0;
	cc->prior_ssthresh = 0;
	memset(cc->priv, 0, sizeof(cc->priv));
	ops->init(cc);
}

/**
 * xtcp_cc_init() - start in slow start with the initial window
 * @cc: congestion state
 * @ops: algorithm
 * @mss: the sender's segment size, octets
 */
void xtcp_cc_init(struct xtcp_cc *cc, const struct xtcp_cc_ops *ops, u32 mss)
{
	cc->cwnd = xtcp_cc_init_cwnd(mss);
	cc->ssthresh = XTCP_CC_INFINITE;
	cc->cwnd_clamp = XTCP_CC_CWND_MAX;
	xtcp_cc_set_ops(cc, ops);
}

/**
 * xtcp_cc_slow_start() - grow by what was acknowledged (RFC 5681 3.1)
 * @cc: congestion state, below the threshold
 * @acked: segments newly acknowledged
 *
 * One ACK may stand for many segments (stretch ACKs, receive offload), so
 * growth is counted in segments, not in ACKs, and without a limit for one ACK (L of
 * RFC 3465 and RFC 9406): Documentation/congestion.rst says why.
 *
 * Return: segments not used up on the way to the threshold: they count for
 * congestion avoidance.
 */
u32 xtcp_cc_slow_start(struct xtcp_cc *cc, u32 acked)
{
	u32 room;

	if (!xtcp_cc_in_slow_start(cc))
		return acked;
	room = cc->ssthresh - cc->cwnd;
	if (acked < room) {
		cc->cwnd = xtcp_min_u32(cc->cwnd + acked, cc->cwnd_clamp);
		return 0;
	}
	cc->cwnd = xtcp_min_u32(cc->ssthresh, cc->cwnd_clamp);
	return acked - room;
}

/**
 * xtcp_cc_avoid() - grow by one segment per window acknowledged
 * @cc: congestion state
 * @window: segments that must be acknowledged for one more, at least 1
 * @acked: segments newly acknowledged
 *
 * RFC 5681 equation 3, counted in @cc->cwnd_cnt.
 */
void xtcp_cc_avoid(struct xtcp_cc *cc, u32 window, u32 acked)
{
	u32 more;

	window = xtcp_max_u32(window, 1);
	cc->cwnd_cnt += acked;
	if (cc->cwnd_cnt < window)
		return;
	more = cc->cwnd_cnt / window;
	cc->cwnd_cnt -= more * window;
	cc->cwnd = xtcp_min_u32(cc->cwnd + xtcp_min_u32(more, cc->cwnd_clamp), cc->cwnd_clamp);
}

/**
 * xtcp_cc_on_ack() - data was acknowledged outside of recovery
 * @cc: congestion state
 * @ack: what the ACK told
 */
void xtcp_cc_on_ack(struct xtcp_cc *cc, const struct xtcp_cc_ack *ack)
{
	cc->ops->on_ack(cc, ack);
}

static void xtcp_cc_reduce(struct xtcp_cc *cc, u32 inflight)
{
	cc->prior_cwnd = cc->cwnd;
	cc->prior_ssthresh = cc->ssthresh;
	cc->ssthresh = xtcp_max_u32(cc->ops->ssthresh(cc, inflight), XTCP_CC_SSTHRESH_MIN);
	cc->cwnd_cnt = 0;
}

/**
 * xtcp_cc_on_loss() - a loss episode begins
 * @cc: congestion state
 * @inflight: segments outstanding when it was noticed (FlightSize)
 *
 * Sets the threshold. The window itself is taken down by recovery (RFC 6582,
 * RFC 6937), which ends with cwnd = ssthresh. To be called once per episode.
 */
void xtcp_cc_on_loss(struct xtcp_cc *cc, u32 inflight)
{
	xtcp_cc_reduce(cc, inflight);
}

/**
 * xtcp_cc_on_ecn() - an ECN echo asks for a reduction
 * @cc: congestion state
 * @inflight: segments outstanding when it was noticed (FlightSize)
 *
 * RFC 3168 section 6.1.2: as for a loss. The threshold is not below two segments, the
 * window may be: RFC 9438 section 4.6 asks for one in the end. There is nothing to undo.
 *
 * Return: true if recovery is to take the window down to the threshold; false if it is
 * one segment now.
 */
bool xtcp_cc_on_ecn(struct xtcp_cc *cc, u32 inflight)
{
	bool large = cc->cwnd > XTCP_CC_SSTHRESH_MIN;

	xtcp_cc_reduce(cc, inflight);
	cc->prior_cwnd = 0;
	cc->prior_ssthresh = 0;
	if (!large)
		cc->cwnd = 1;
	return large;
}

/**
 * xtcp_cc_on_rto() - the retransmission timer expired
 * @cc: congestion state
 * @inflight: segments outstanding (FlightSize)
 * @fresh: true for the first expiry for a segment, outside of recovery. The
 *	threshold is taken down once and then held (RFC 5681 3.1, below
 *	equation 4), and what there is to undo is the state before the first
 *	reduction
 *
 * The window becomes one segment (the loss window) and slow start begins.
 */
void xtcp_cc_on_rto(struct xtcp_cc *cc, u32 inflight, bool fresh)
{
	if (fresh)
		xtcp_cc_reduce(cc, inflight);
	cc->cwnd = 1;
	cc->cwnd_cnt = 0;
	if (cc->ops->on_rto)
		cc->ops->on_rto(cc);
}

/**
 * xtcp_cc_on_undo() - nothing had been lost: take the reduction back
 * @cc: congestion state
 * @burst: the window that what may leave at once allows, segments: RFC 4015 step 5
 *
 * Spurious retransmissions show by timestamps (RFC 3522), DSACK (RFC 3708) or
 * F-RTO (RFC 5682). Where @burst is less than the window was, slow start leads back to
 * it. Does nothing if there is nothing to undo.
 */
void xtcp_cc_on_undo(struct xtcp_cc *cc, u32 burst)
{
	if (!cc->prior_cwnd)
		return;
	cc->cwnd = xtcp_max_u32(cc->cwnd, xtcp_min_u32(cc->prior_cwnd, burst));
	cc->ssthresh = cc->prior_ssthresh;
	if (cc->cwnd < cc->prior_cwnd)
		cc->ssthresh = xtcp_max_u32(cc->ssthresh, cc->prior_cwnd);
	cc->cwnd_cnt = 0;
	cc->prior_cwnd = 0;
	cc->prior_ssthresh = 0;
	if (cc->ops->on_undo)
		cc->ops->on_undo(cc);
}

/**
 * xtcp_cc_on_pause() - data after a time, however short, without any in flight
 * @cc: congestion state
 * @pause_us: how long it was
 */
void xtcp_cc_on_pause(struct xtcp_cc *cc, u64 pause_us)
{
	if (cc->ops->on_pause)
		cc->ops->on_pause(cc, pause_us);
}

/* The window is about to come down unused: three quarters of it may be had back by slow start. */
static void xtcp_cc_remember(struct xtcp_cc *cc)
{
	cc->ssthresh = xtcp_max_u32(cc->ssthresh, cc->cwnd - (cc->cwnd >> 2));
	cc->cwnd_cnt = 0;
}

/**
 * xtcp_cc_on_idle() - about to send after a pause
 * @cc: congestion state
 * @mss: the sender's segment size, octets
 * @idle_us: time since the last transmission, with nothing outstanding
 * @rto_us: current RTO
 *
 * RFC 5681 section 4.1 falls back to the restart window after one RTO. By RFC
 * 2861 the window is instead halved for each RTO that has passed, no further
 * than the restart window, and the threshold remembers three quarters of it.
 * The caller leaves this out if slow_start_after_idle is off.
 */
void xtcp_cc_on_idle(struct xtcp_cc *cc, u32 mss, u64 idle_us, u32 rto_us)
{
	u32 restart = xtcp_min_u32(xtcp_cc_init_cwnd(mss), cc->cwnd);
	u32 cwnd = cc->cwnd;
	u64 left = idle_us;

	rto_us = xtcp_max_u32(rto_us, 1);
	if (idle_us < rto_us)
		return;
	if (cc->ops->on_idle)
		cc->ops->on_idle(cc, idle_us);
	xtcp_cc_remember(cc);
	for (; left >= rto_us && cwnd > restart; left -= rto_us)
		cwnd >>= 1;
	cc->cwnd = xtcp_max_u32(cwnd, restart);
}

/**
 * xtcp_cc_on_unused() - only a part of the window was used for a whole RTO
 * @cc: congestion state
 * @mss: the sender's segment size, octets
 * @used_segs: most that was in flight in that time
 *
 * RFC 2861 section 3.2: what was not used is not known to fit. Half of it goes, but not the
 * initial window, and the threshold remembers three quarters.
 */
void xtcp_cc_on_unused(struct xtcp_cc *cc, u32 mss, u32 used_segs)
{
	u32 used = xtcp_max_u32(used_segs, xtcp_cc_init_cwnd(mss));

	if (used >= cc->cwnd)
		return;
	xtcp_cc_remember(cc);
	cc->cwnd = (cc->cwnd + used) >> 1;
}
