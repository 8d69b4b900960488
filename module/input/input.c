// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEGMENT ARRIVES, RFC 9293 3.10.7: the order of the steps, and what several of
 * them need.
 */
#include "input.h"

#include "../conn/disorder.h"
#include "../conn/mem.h"
#include "../conn/rcvtune.h"
#include "../conn/state.h"
#include "../conn/timers.h"
#include "../output/output.h"
#include "../recovery/recovery.h"

#define XTCP_INPUT_QUICK_ACKS	16	/* at the start, so that the peer's window grows */

/**
 * xtcp_segment_init - a parsed skb becomes a segment
 * @seg: filled in
 * @skb: skb->data at the TCP header, which is linear; cb parsed
 *
 * Context: Any.
 */
void xtcp_segment_init(struct xtcp_segment *seg, struct sk_buff *skb)
{
	const struct xtcp_cb *cb = xtcp_cb(skb);
	const u8 *opt = skb->data + XTCP_HEADER_MIN;
	u32 opt_len = cb->hdr_len - XTCP_HEADER_MIN;

	seg->opt.present = 0;	/* says what of it means anything */
	seg->actions = 0;
	seg->error = 0;
	seg->close_reason = XTCP_REASON_NONE;
	seg->skb = skb;
	seg->seq = cb->seq;
	seg->end_seq = cb->end_seq;
	seg->ack = cb->rx.ack;
	seg->wnd = cb->rx.window;
	seg->flags = cb->flags;
	seg->len = skb->len - cb->hdr_len;
	seg->segs = xtcp_skb_segs(skb);

	if (!opt_len)
		return;
	if (!(cb->flags & XTCP_FLAG_SYN) &&
	    xtcp_options_parse_ts_only(opt, opt_len, &seg->opt.tsval, &seg->opt.tsecr))
		seg->opt.present = XTCP_OPT_TS;
	else
		xtcp_options_parse(opt, opt_len, cb->flags & XTCP_FLAG_SYN, &seg->opt);
}

/**
 * xtcp_input_options - take over what the peer's SYN or SYN-ACK offers
 * @sk: in SYN_SENT
 * @opt: its options
 *
 * What was not offered by both is off (RFC 7323 1.3, 2.2; RFC 2018 2). Without an
 * MSS option the peer gets 536 or 1220 (MUST-15).
 *
 * Context: Socket lock.
 */
void xtcp_input_options(struct sock *sk, const struct xtcp_options *opt)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (xt->wscale_ok && (opt->present & XTCP_OPT_WSCALE)) {
		xt->snd_wscale = opt->wscale;
	} else {
		xt->wscale_ok = 0;
		xt->snd_wscale = 0;
		xt->rcv_wscale = 0;
		xt->window_clamp = min_t(u32, xt->window_clamp, U16_MAX);
	}
	xt->sack_ok &= !!(opt->present & XTCP_OPT_SACK_PERM);
	xt->ts_ok &= !!(opt->present & XTCP_OPT_TS);
	if (xt->ts_ok)
		xtcp_input_store_ts(xt, opt->tsval);
	if ((opt->present & XTCP_OPT_MSS) && opt->mss)
		xt->mss_clamp = opt->mss;
	else
		xt->mss_clamp = xt->ip_version == 4 ? XTCP_MSS_DEFAULT_V4 : XTCP_MSS_DEFAULT_V6;
	xtcp_input_guess_rcv_mss(xt);
}

/**
 * xtcp_input_established - both sides are synchronized
 * @sk: in SYN_SENT or SYN_RECV; snd_una, rcv_nxt and the windows are set
 * @seg: the segment that did it
 *
 * Context: Socket lock.
 */
void xtcp_input_established(struct sock *sk, struct xtcp_segment *seg)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(sk))->knobs;
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 dead_peer_ms = xtcp_knob_dead_peer_ms(sk);

	xtcp_data_sync_mss(sk, xtcp_ip_mtu(sk));
	xtcp_recovery_init(sk);
	xtcp_metrics_established(sk);
	xtcp_rcvtune_init(sk);
	xtcp_mem_expand_snd(sk);
	xt->established = 1;
	xt->retransmits = 0;
	xt->retrans_stamp_ms = 0;
	xt->quick_acks = XTCP_INPUT_QUICK_ACKS;
	xt->ack_patient = !!READ_ONCE(knobs->quick_ack_wait_ms);
	xt->last_rcv_ms = xtcp_now_ms(sk);
	xt->last_ack_ms = xt->last_rcv_ms;
	xtcp_timer_cancel(sk, XTCP_TIMER_CONNECT);
	xtcp_state_set(sk, TCP_ESTABLISHED, XTCP_REASON_SEGMENT);
	if (xt->ecn_ok)
		XTCP_SK_ADD(sk, EcnConnections, 1);

	if (READ_ONCE(knobs->keepalive_force))
		sock_set_flag(sk, SOCK_KEEPOPEN);
	if (sock_flag(sk, SOCK_KEEPOPEN))
		xtcp_timer_arm(sk, XTCP_TIMER_KEEPALIVE,
			       (u64)xtcp_knob_keepalive_time_s(sk) * USEC_PER_SEC);
	if (dead_peer_ms)
		xtcp_timer_arm_ms(sk, XTCP_TIMER_DEADPEER, dead_peer_ms / 2);
	if (seg->skb)
		security_inet_conn_established(sk, seg->skb);
}

/*
 * Header prediction: what comes next in an undisturbed transfer is in order, says ACK and perhaps
 * PSH, and its timestamp does not go back. All that xtcp_validate_process() asks holds for it.
 */
static bool xtcp_input_predicted(const struct sock *sk, const struct xtcp_segment *seg)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	return sk->sk_state == TCP_ESTABLISHED &&
	       (seg->flags & ~XTCP_FLAG_PSH) == XTCP_FLAG_ACK && seg->seq == xt->rcv_nxt &&
	       (!(seg->opt.present & XTCP_OPT_TS) || (s32)(seg->opt.tsval - xt->ts_recent) >= 0);
}

/**
 * xtcp_input_process - one segment for one connection
 * @sk: in any state but LISTEN and CLOSE
 * @seg: the segment
 *
 * Context: Socket lock, BHs off.
 * Return: SKB_NOT_DROPPED_YET, or why the segment was dropped; either way
 * xtcp_receive_finish() comes next.
 */
enum skb_drop_reason xtcp_input_process(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	enum skb_drop_reason reason;
	bool predicted;

	xt->segs_in += seg->segs;
	if (sk->sk_state == TCP_SYN_SENT)
		return xtcp_synsent_process(sk, seg);

	/* What came twice is told with its own block, before another comes (RFC 2883 4) */
	if (unlikely(xtcp_dsack_due(xt)) && seg->len && seg->seq != xt->disorder->dsack_end)
		xtcp_control_ack(sk);
	predicted = xtcp_input_predicted(sk, seg);
	if (!predicted) {
		reason = xtcp_validate_process(sk, seg);
		if (reason)
			return reason;
	}
	WRITE_ONCE(xt->last_rcv_ms, xtcp_now_ms(sk));
	if (predicted && xtcp_ack_nothing(sk, seg))
		return xtcp_indata_process(sk, seg);
	reason = xtcp_ack_process(sk, seg);
	if (reason || (seg->actions & (XTCP_ACT_DONE | XTCP_ACT_TIMEWAIT | XTCP_ACT_ABORT_RST)))
		return reason;
	if (unlikely((seg->flags & XTCP_FLAG_URG) || xt->urg_data))
		xtcp_urgent_process(sk, seg);
	reason = xtcp_indata_process(sk, seg);

	/* A FIN that was to lead straight to TIME_WAIT found no room: the long way */
	if (reason && sk->sk_state == TCP_FIN_WAIT1 && xt->fin_queued &&
	    xt->snd_una == xt->write_seq && !(seg->actions & XTCP_ACT_DONE)) {
		seg->flags &= ~XTCP_FLAG_FIN;
		xtcp_ack_fin(sk, seg);
	}
	return reason;
}
