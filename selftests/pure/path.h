/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A path without a network: a sender that always has data, whose window is
 * acknowledged once per round trip, evenly spread.
 */
#ifndef XTCP_SELFTESTS_PATH_H
#define XTCP_SELFTESTS_PATH_H

#include "pure.h"
#include "cc.h"

#define PATH_MSS 1000

/**
 * struct path - the sender and its path
 * @cc: what is tested
 * @now_us: time
 * @una: SND.UNA
 * @rtt_us: round-trip time that the next ACKs report, 0: they report none
 * @pace_us: round-trip time that the ACKs arrive at, if @rtt_us is 0
 * @stretch: segments that one ACK acknowledges
 * @app_limited: the sender has not enough to send
 * @unused: so much of the window is not in flight, segments
 * @paced: it spreads its window over the round trip by itself
 * @burst: the ACKs of path_round() come together at its end, as in slow start on a path with room
 * @waited: the first of them has come
 */
struct path {
	struct xtcp_cc cc;
	u64 now_us;
	u32 una;
	u32 rtt_us;
	u32 pace_us;
	u32 stretch;
	u32 unused;
	bool app_limited;
	bool paced;
	bool burst;
	bool waited;
};

static inline void path_init(struct path *p, const char *name, u32 rtt_us)
{
	memset(p, 0, sizeof(*p));
	memset(&p->cc, 0xaa, sizeof(p->cc));	/* init must not rely on zeros */
	xtcp_cc_init(&p->cc, xtcp_cc_find(name), PATH_MSS);
	p->now_us = 1000000;
	p->una = 0xffff0000;
	p->rtt_us = rtt_us;
	p->pace_us = rtt_us;
	p->stretch = 1;
}

/* In congestion avoidance with that window, as after a first loss. */
static inline void path_lose(struct path *p)
{
	xtcp_cc_on_loss(&p->cc, p->cc.cwnd);
	p->cc.cwnd = p->cc.ssthresh;
}

/* The next ACK arrives. */
static inline void path_ack(struct path *p)
{
	u32 n = p->stretch < p->cc.cwnd ? p->stretch : p->cc.cwnd;
	u32 inflight = p->cc.cwnd - p->unused;
	struct xtcp_cc_ack ack = {
		.acked_segs = n, .rtt_us = p->rtt_us, .inflight_segs = inflight,
		.app_limited = p->app_limited, .paced = p->paced,
	};
	u64 rtt_us = p->rtt_us ? p->rtt_us : p->pace_us;

	if (!p->burst)
		p->now_us += rtt_us * n / p->cc.cwnd;
	else if (!p->waited)
		p->now_us += rtt_us;
	p->waited = true;
	p->una += n * PATH_MSS;
	ack.now_us = p->now_us;
	ack.snd_una = p->una;
	ack.snd_nxt = p->una + (inflight - n) * PATH_MSS;
	xtcp_cc_on_ack(&p->cc, &ack);
}

/* As many ACKs as there were segments outstanding: one round trip. */
static inline void path_round(struct path *p)
{
	u32 left = p->cc.cwnd;

	p->waited = false;
	while (left) {
		u32 stretch = p->stretch;

		p->stretch = stretch < left ? stretch : left;
		left -= p->stretch;
		path_ack(p);
		p->stretch = stretch;
	}
}

static inline void path_run_until(struct path *p, u64 until_us)
{
	while (p->now_us < until_us)
		path_ack(p);
}

#endif
