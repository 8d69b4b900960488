// SPDX-License-Identifier: GPL-2.0-only
/*
 * TIME_WAIT: RFC 9293 3.6.1, 3.10.7.4; RFC 1337; RFC 6191.
 */
#include "input.h"

#include "../conn/flows.h"
#include "../conn/life.h"
#include "../conn/minis.h"
#include "../conn/state.h"
#include "../conn/timers.h"
#include "../output/output.h"

#define XTCP_TIMEWAIT_OOW_MS	500	/* between answers to old duplicates */

/**
 * xtcp_timewait_enter - both FINs are through: 2MSL begins
 * @sk: in FIN_WAIT_2 or CLOSING; the last ACK has been sent
 *
 * A minisock takes the connection's place in the table in one step (S10); without
 * memory, or beyond max_tw_sockets, the connection ends at once.
 *
 * Context: Socket lock, BHs off; the caller holds a reference of its own.
 */
void xtcp_timewait_enter(struct sock *sk)
{
	struct xtcp_timewait *tw = xtcp_minis_timewait(sk);
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->close_reason = XTCP_REASON_SEGMENT;
	if (!tw) {
		XTCP_SK_ADD(sk, TimeWaitOverflow, 1);
		xtcp_life_done(sk, XTCP_REASON_SEGMENT);
		return;
	}
	if (!xtcp_flow_replace((struct sock_common *)sk, (struct sock_common *)tw)) {
		/* Out of the table already: a purge was quicker */
		xtcp_flow_put((struct sock_common *)tw);
		xtcp_life_done(sk, XTCP_REASON_SEGMENT);
		return;
	}
	xtcp_state_hand_over(sk, tw);
	XTCP_SK_ADD(sk, TimeWaits, 1);
	xtcp_timer_arm_timewait(tw, 2 * tw->msl_ms);
	xtcp_flow_put((struct sock_common *)tw);
	xtcp_life_finish(sk);
}

/* May this SYN begin a new connection? RFC 9293 3.10.7.4 SYN in TIME-WAIT, RFC 6191. */
static bool xtcp_timewait_new_syn(const struct xtcp_timewait *tw, const struct xtcp_segment *seg,
				  bool old)
{
	if (!(seg->flags & XTCP_FLAG_SYN) || old ||
	    (seg->flags & (XTCP_FLAG_ACK | XTCP_FLAG_RST | XTCP_FLAG_FIN)))
		return false;
	if (xtcp_seq_after(seg->seq, tw->rcv_nxt))
		return true;
	return tw->ts_ok && (seg->opt.present & XTCP_OPT_TS) &&
	       (s32)(seg->opt.tsval - READ_ONCE(tw->ts_recent)) > 0;
}

static enum skb_drop_reason xtcp_timewait_rst(struct xtcp_timewait *tw,
					      const struct xtcp_segment *seg)
{
	struct net *net = read_pnet(&tw->common.skc_net);

	if (seg->seq != tw->rcv_nxt)
		return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
	if (READ_ONCE(xtcp_net(net)->knobs.rfc1337)) {
		XTCP_INC(net, Rfc1337Ignored);
		return SKB_DROP_REASON_TCP_RESET;
	}
	if (xtcp_minis_timewait_kill(tw, XTCP_REASON_RESET_IN))
		XTCP_INC(net, TimeWaitKilled);
	return SKB_DROP_REASON_TCP_RESET;
}

static bool xtcp_timewait_oow_limited(struct xtcp_timewait *tw)
{
	u32 now_ms = xtcp_clock_ms();

	if (tw->challenge_ms && now_ms - tw->challenge_ms < XTCP_TIMEWAIT_OOW_MS)
		return true;
	tw->challenge_ms = now_ms ?: 1;
	return false;
}

/**
 * xtcp_timewait_process - a segment for a TIME_WAIT entry
 * @tw: the caller holds a reference
 * @skb: cb parsed; stays the caller's
 * @syn: in: there is a listener, a SYN may begin a new connection; out: the entry gave
 *       way to one, and cb->rx.ack holds the initial number to use, beyond all old ones
 *
 * Context: Softirq.
 * Return: SKB_CONSUMED or why it was dropped.
 */
enum skb_drop_reason xtcp_timewait_process(struct xtcp_timewait *tw, struct sk_buff *skb,
					   bool *syn)
{
	struct net *net = read_pnet(&tw->common.skc_net);
	struct xtcp_segment seg;
	bool may_open = *syn;
	bool old;

	*syn = false;
	xtcp_segment_init(&seg, skb);
	old = tw->ts_ok && xtcp_paws_reject(READ_ONCE(tw->ts_recent),
					    READ_ONCE(tw->ts_recent_age_s), &seg.opt);

	if (seg.flags & XTCP_FLAG_RST)
		return xtcp_timewait_rst(tw, &seg);
	if (may_open && xtcp_timewait_new_syn(tw, &seg, old)) {
		u32 isn = tw->snd_nxt + U16_MAX + 2;

		if (xtcp_minis_timewait_kill(tw, XTCP_REASON_RECYCLED))
			XTCP_INC(net, TimeWaitRecycled);
		xtcp_cb(skb)->rx.ack = isn ?: 1;
		*syn = true;
		return SKB_CONSUMED;
	}
	if (old)
		XTCP_INC(net, PawsDrops);

	/* The last ACK was lost: again, and 2MSL from now (S10, S13) */
	if ((seg.flags & XTCP_FLAG_FIN) && !old && seg.end_seq == tw->rcv_nxt) {
		xtcp_timer_arm_timewait(tw, 2 * tw->msl_ms);
		xtcp_control_tw_ack(tw, skb);
		return SKB_CONSUMED;
	}
	/* A bare ACK in order needs no answer */
	if (!old && seg.seq == seg.end_seq && seg.seq == tw->rcv_nxt) {
		if (tw->ts_ok && (seg.opt.present & XTCP_OPT_TS)) {
			WRITE_ONCE(tw->ts_recent, seg.opt.tsval);
			WRITE_ONCE(tw->ts_recent_age_s, (u32)ktime_get_seconds());
		}
		return SKB_CONSUMED;
	}
	/* Data are no part of an ACK loop */
	if ((seg.len && !(seg.flags & XTCP_FLAG_SYN)) || !xtcp_timewait_oow_limited(tw))
		xtcp_control_tw_ack(tw, skb);
	return SKB_DROP_REASON_TCP_INVALID_SEQUENCE;
}
