/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Congestion control on a struct of its own: windows in segments, time in
 * microseconds, no socket in sight. What is lost, and when, is not decided
 * here: loss recovery reports it through xtcp_cc_on_loss() and xtcp_cc_on_rto().
 *
 * The sender calls, under the socket lock:
 *   xtcp_cc_init()       when the connection is established
 *   xtcp_cc_on_ack()     for each ACK of new data outside of recovery
 *   xtcp_cc_on_loss()    when fast retransmit asks for a reduction; the way down from
 *                        cwnd to ssthresh is recovery's
 *   xtcp_cc_on_ecn()     when an ECN echo does
 *   xtcp_cc_on_rto()     when the retransmission timer expired
 *   xtcp_cc_on_undo()    when that turned out to be a mistake
 *   xtcp_cc_on_pause()   before sending when nothing was in flight
 *   xtcp_cc_on_idle()    before sending after an RTO or more
 *   xtcp_cc_on_unused()  when only a part of the window was used for an RTO
 */
#ifndef XTCP_PURE_CC_H
#define XTCP_PURE_CC_H

#include "port.h"

#define XTCP_CC_NAME_MAX	16		/* as the kernel's TCP_CA_NAME_MAX */
#define XTCP_CC_INFINITE	0x7fffffffU	/* ssthresh before the first loss */
#define XTCP_CC_CWND_MAX	((u32)BIT(21))	/* 2^30 octets in segments of 512 */
#define XTCP_CC_SSTHRESH_MIN	2		/* segments, RFC 5681 equation 4 */

struct xtcp_cc;

/**
 * struct xtcp_cc_ack - what one ACK tells
 * @now_us: the time, any monotonic clock, not 0
 * @acked_segs: segments newly acknowledged, cumulatively or by SACK
 * @rtt_us: RTT sample of this ACK, 0 if it gave none
 * @inflight_segs: segments outstanding before this ACK
 * @snd_una: SND.UNA after this ACK
 * @snd_nxt: SND.NXT
 * @app_limited: the window was not filled, so this ACK says nothing about it
 *	(RFC 9293 via RFC 2861 and RFC 7661): no growth
 * @paced: what left did so at the pacer's rate, not as its ACKs came
 */
struct xtcp_cc_ack {
	u64 now_us;
	u32 acked_segs;
	u32 rtt_us;
	u32 inflight_segs;
	u32 snd_una;
	u32 snd_nxt;
	bool app_limited;
	bool paced;
};

/**
 * struct xtcp_cc_ops - one congestion control algorithm
 * @name: as TCP_CONGESTION takes it
 * @init: set up @priv; the generic fields are set
 * @on_ack: grow the window
 * @ssthresh: congestion was seen with that many segments outstanding; note it
 *	and return the new ssthresh, at least XTCP_CC_SSTHRESH_MIN
 * @on_rto: the retransmission timer expired; called after @ssthresh, may be NULL
 * @on_undo: the last reduction was wrong; called after the generic fields
 *	were restored, may be NULL
 * @on_pause: nothing was in flight for that long, may be NULL
 * @on_idle: nothing was sent for that long, an RTO or more, may be NULL
 */
struct xtcp_cc_ops {
	const char *name;
	void (*init)(struct xtcp_cc *cc);
	void (*on_ack)(struct xtcp_cc *cc, const struct xtcp_cc_ack *ack);
	u32 (*ssthresh)(struct xtcp_cc *cc, u32 inflight);
	void (*on_rto)(struct xtcp_cc *cc);
	void (*on_undo)(struct xtcp_cc *cc);
	void (*on_pause)(struct xtcp_cc *cc, u64 pause_us);
	void (*on_idle)(struct xtcp_cc *cc, u64 idle_us);
};

/**
 * struct xtcp_cc - congestion state of one connection
 * @ops: algorithm, never NULL after xtcp_cc_init()
 * @cwnd: congestion window, segments, 1 to @cwnd_clamp
 * @ssthresh: slow start threshold, segments, XTCP_CC_INFINITE at first
 * @cwnd_cnt: segments acknowledged towards the next increment of @cwnd
 * @prior_cwnd: @cwnd before the last reduction, 0 if there is nothing to undo
 * @prior_ssthresh: @ssthresh before the last reduction
 * @cwnd_clamp: upper bound of @cwnd, segments, at most XTCP_CC_CWND_MAX
 * @priv: the algorithm's own, zeroed before its init
 *
 * Written under the socket lock.
 */
struct xtcp_cc {
	const struct xtcp_cc_ops *ops;
	u32 cwnd;
	u32 ssthresh;
	u32 cwnd_cnt;
	u32 prior_cwnd;
	u32 prior_ssthresh;
	u32 cwnd_clamp;
	u64 priv[7];
};

/*
 * All algorithms, each xtcp_cc_<name> in a file of its own that unit.c names, as
 * available_congestion_control lists them. What new namespaces start with: control/sysctl.c.
 */
#define XTCP_CC_LIST(X)							\
	X(cubic)							\
	X(reno)								\

#define X(name) extern const struct xtcp_cc_ops xtcp_cc_##name;
XTCP_CC_LIST(X)
#undef X

const struct xtcp_cc_ops *xtcp_cc_find(const char *name);
const struct xtcp_cc_ops *xtcp_cc_get(u32 index);
u32 xtcp_cc_init_cwnd(u32 mss);
void xtcp_cc_init(struct xtcp_cc *cc, const struct xtcp_cc_ops *ops, u32 mss);
void xtcp_cc_set_ops(struct xtcp_cc *cc, const struct xtcp_cc_ops *ops);
u32 xtcp_cc_slow_start(struct xtcp_cc *cc, u32 acked);
void xtcp_cc_avoid(struct xtcp_cc *cc, u32 window, u32 acked);
void xtcp_cc_on_ack(struct xtcp_cc *cc, const struct xtcp_cc_ack *ack);
void xtcp_cc_on_loss(struct xtcp_cc *cc, u32 inflight);
bool xtcp_cc_on_ecn(struct xtcp_cc *cc, u32 inflight);
void xtcp_cc_on_rto(struct xtcp_cc *cc, u32 inflight, bool fresh);
void xtcp_cc_on_undo(struct xtcp_cc *cc, u32 burst);
void xtcp_cc_on_pause(struct xtcp_cc *cc, u64 pause_us);
void xtcp_cc_on_idle(struct xtcp_cc *cc, u32 mss, u64 idle_us, u32 rto_us);
void xtcp_cc_on_unused(struct xtcp_cc *cc, u32 mss, u32 used_segs);

/**
 * xtcp_cc_in_slow_start() - is the window below the threshold?
 * @cc: congestion state
 *
 * Return: true in slow start (RFC 5681 section 3.1).
 */
static inline bool xtcp_cc_in_slow_start(const struct xtcp_cc *cc)
{
	return cc->cwnd < cc->ssthresh;
}

#endif
