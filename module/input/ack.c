// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFC 9293 3.10.7.4, fifth: the ACK field.
 */
#include "input.h"

#include "../conn/pacer.h"
#include "../conn/sndq.h"
#include "../conn/state.h"
#include "../conn/timers.h"
#include "../output/output.h"
#include "../recovery/recovery.h"

/* RFC 7323 4.3: ts_recent follows what is in order and was just acknowledged. */
static void xtcp_ack_timestamp(struct xtcp_sock *xt, const struct xtcp_segment *seg)
{
	if (!xt->ts_ok || !(seg->opt.present & XTCP_OPT_TS))
		return;
	/* Last.ACK.sent: every segment that acknowledges tells the window as well */
	if (xtcp_seq_after(seg->seq, xt->rcv_wup))
		return;
	if (!xtcp_paws_reject(xt->ts_recent, xt->ts_recent_age_s, &seg->opt))
		xtcp_input_store_ts(xt, seg->opt.tsval);
}

static u32 xtcp_ack_scaled_window(const struct xtcp_sock *xt, const struct xtcp_segment *seg)
{
	/* A crossed SYN-ACK's is not: RFC 7323 2.2 */
	if (unlikely(xtcp_cb(seg->skb)->flags & XTCP_FLAG_SYN))
		return seg->wnd;
	return (u32)seg->wnd << xt->snd_wscale;
}

/* Return: the window changed. */
static bool xtcp_ack_window(struct xtcp_sock *xt, const struct xtcp_segment *seg)
{
	u32 window = xtcp_ack_scaled_window(xt, seg);
	bool changed;

	/* MUST-1: unsigned. Only the newest segment's word counts: 3.10.7.4 */
	if (xtcp_seq_before(seg->seq, xt->snd_wl1) ||
	    (seg->seq == xt->snd_wl1 && xtcp_seq_before(seg->ack, xt->snd_wl2)))
		return false;
	changed = window != xt->snd_wnd;
	xt->snd_wl1 = seg->seq;
	xt->snd_wl2 = seg->ack;
	xt->snd_wnd = window;
	if (window > xt->snd_max_wnd) {
		xt->snd_max_wnd = window;
		xt->pmtu = 0;	/* mss_cache depends on it: compute it again */
	}
	return changed;
}

static void xtcp_ack_rtt(struct sock *sk, struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	/*
	 * Timestamps tell retransmissions apart: RFC 7323 4. What was stamped for fq's sake has
	 * left sooner, if fq is not there any more.
	 */
	if (acked->rtt_us < 0 && acked->segs && acked->has_ts) {
		s32 delta_ms = xtcp_now_ms(sk) - acked->tsecr;

		if (delta_ms >= -XTCP_PACER_AHEAD_MS &&
		    delta_ms < (s32)(XTCP_RTT_MAX_US / USEC_PER_MSEC))
			acked->rtt_us = max(delta_ms, 1) * USEC_PER_MSEC;
	}
	if (acked->rtt_us < 0)
		return;
	xtcp_rtt_sample(&xt->rtt, min_t(s64, acked->rtt_us, XTCP_RTT_MAX_US),
			xtcp_knob_rto_min_us(sk), xtcp_knob_rto_max_us(sk));
	/* RFC 7323 4.2: many samples a round trip must not make RTTVAR forget */
	if (xtcp_seq_before(xt->snd_una, xt->rtt_end))
		return;
	xtcp_rtt_round(&xt->rtt);
	xt->rtt_end = xt->snd_nxt;
}

/* RFC 5681 2: a duplicate ACK, but that something must be in flight for one. */
static bool xtcp_ack_is_bare(const struct xtcp_sock *xt, const struct xtcp_segment *seg,
			     bool window_changed)
{
	return seg->ack == xt->snd_una && !seg->len &&
	       !(seg->flags & (XTCP_FLAG_SYN | XTCP_FLAG_FIN)) && !window_changed;
}

/* Any answer shows that the peer lives; an open window ends probing. */
static void xtcp_ack_probes(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb = xtcp_sndq_head(sk);

	xt->probes_out = 0;
	if (!skb && xtcp_sndq_fin_owed(sk))
		return;
	if (xt->ecn_hold)
		return;		/* the timer is that of a window of one */
	if (!skb || xtcp_seq_before(xtcp_cb(skb)->seq, xt->snd_una + xt->snd_wnd)) {
		xt->probes_since_ms = 0;
		xt->persist_backoff = 0;
		xtcp_timer_cancel(sk, XTCP_TIMER_PERSIST);
	}
}

/**
 * xtcp_ack_fin - our FIN is acknowledged
 * @sk: in FIN_WAIT_1, CLOSING or LAST_ACK
 * @seg: the segment that did it
 *
 * Context: Socket lock.
 */
void xtcp_ack_fin(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	s32 linger2_ms = xtcp_tune(sk)->linger2_ms;

	switch (sk->sk_state) {
	case TCP_FIN_WAIT1:
		/* With the peer's FIN in the same segment: straight to TIME_WAIT (S11) */
		if ((seg->flags & XTCP_FLAG_FIN) && !xtcp_seq_after(seg->seq, xt->rcv_nxt) &&
		    !xtcp_seq_before(seg->end_seq, xt->rcv_nxt) &&
		    seg->end_seq - xt->rcv_nxt <= xtcp_receive_window(xt))
			break;
		xtcp_state_set(sk, TCP_FIN_WAIT2, XTCP_REASON_SEGMENT);
		if (!sock_flag(sk, SOCK_DEAD)) {
			seg->actions |= XTCP_ACT_WAKE_STATE;
			break;
		}
		/* An orphan does not wait for ever for the peer's FIN */
		if (linger2_ms < 0) {
			seg->close_reason = XTCP_REASON_USER;
			seg->actions |= XTCP_ACT_DONE;
			break;
		}
		xtcp_timer_arm_ms(sk, XTCP_TIMER_FINWAIT2, linger2_ms ? linger2_ms :
				  READ_ONCE(xtcp_net(sock_net(sk))->knobs.fin_wait2_ms));
		break;
	case TCP_CLOSING:
		seg->actions |= XTCP_ACT_TIMEWAIT;
		break;
	case TCP_LAST_ACK:
		seg->close_reason = XTCP_REASON_SEGMENT;
		seg->actions |= XTCP_ACT_DONE;
		break;
	}
}

/* SYN_RECV: the handshake's last segment, or nonsense. */
static enum skb_drop_reason xtcp_ack_synrecv(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!xtcp_seq_after(seg->ack, xt->snd_una) || xtcp_seq_after(seg->ack, xt->snd_nxt)) {
		seg->actions |= XTCP_ACT_RST;
		return SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE;
	}
	xt->snd_wnd = xtcp_ack_scaled_window(xt, seg);
	xt->snd_max_wnd = max(xt->snd_max_wnd, xt->snd_wnd);
	xt->snd_wl1 = seg->seq;
	xt->snd_wl2 = seg->ack;
	if (xt->retransmits)
		xtcp_rtt_syn_lost(&xt->rtt);	/* RFC 6298 5.7 */
	xtcp_input_established(sk, seg);
	if (xt->passive_open)
		seg->actions |= XTCP_ACT_WAKE_PARENT;
	else
		seg->actions |= XTCP_ACT_WAKE_STATE;
	return SKB_NOT_DROPPED_YET;
}

/* ACKs that are too old or for what was never sent: RFC 5961 5.2. */
static enum skb_drop_reason xtcp_ack_range(const struct xtcp_sock *xt, struct xtcp_segment *seg)
{
	u32 oldest;

	if (xtcp_seq_after(seg->ack, xt->snd_nxt)) {
		seg->actions |= XTCP_ACT_CHALLENGE;
		return SKB_DROP_REASON_TCP_ACK_UNSENT_DATA;
	}
	/* Nor for what the peer cannot have had to acknowledge */
	oldest = xt->snd_una - (u32)min_t(u64, xt->snd_max_wnd, xt->bytes_acked);
	if (xtcp_seq_before(seg->ack, oldest)) {
		seg->actions |= XTCP_ACT_CHALLENGE;
		return SKB_DROP_REASON_TCP_TOO_OLD_ACK;
	}
	return SKB_NOT_DROPPED_YET;
}

static void xtcp_ack_advance(struct sock *sk, struct xtcp_segment *seg, bool window_changed)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 prior_una = xt->snd_una;
	struct xtcp_acked acked = {
		.rtt_us = -1,
		.now_us = xt->now_us,
		.bare = xtcp_ack_is_bare(xt, seg, window_changed),
		.ece = xt->ecn_ect && (seg->flags & XTCP_FLAG_ECE),
	};
	bool duplicate = acked.bare && xt->packets_out;
	bool advanced = xtcp_seq_after(seg->ack, prior_una);

	if (xt->ts_ok && (seg->opt.present & XTCP_OPT_TS) && seg->opt.tsecr) {
		acked.has_ts = true;
		acked.tsecr = seg->opt.tsecr - xt->ts_offset;
	}
	if (advanced) {
		WRITE_ONCE(xt->snd_una, seg->ack);
		xtcp_sndq_ack(sk, seg->ack, &acked);
		if (unlikely(xt->probe_size))
			xtcp_probe_mtu_acked(sk);
	}
	if (xt->sack_ok && (seg->opt.present & XTCP_OPT_SACK))
		xtcp_sacked_process(sk, &seg->opt, &acked);
	xtcp_ack_rtt(sk, &acked);
	if (advanced) {
		/* Our FIN was something to acknowledge, too */
		xt->bytes_acked += acked.bytes +
				   (xt->fin_queued && xt->snd_una == xt->write_seq);
		xt->retransmits = 0;
		xt->retrans_stamp_ms = 0;
		seg->actions |= XTCP_ACT_WAKE_WRITE;
	}
	if (xtcp_recovery_ack(sk, &acked, prior_una, duplicate))
		seg->actions |= XTCP_ACT_REXMIT;
	if (advanced)
		xtcp_retransmit_restart(sk);
}

/**
 * xtcp_ack_nothing - is this the ACK field of somebody who only sends?
 * @sk: ESTABLISHED
 * @seg: the next in order, with an acceptable timestamp
 *
 * Nothing of ours is sent or waits, and the window is what it was: what xtcp_ack_process()
 * would do is done here.
 *
 * Context: Socket lock.
 * Return: true if so: only the data of @seg matter.
 */
bool xtcp_ack_nothing(struct sock *sk, const struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!seg->len || seg->ack != xt->snd_una || xt->snd_una != xt->write_seq ||
	    xtcp_ack_scaled_window(xt, seg) != xt->snd_wnd ||
	    (seg->opt.present & ~XTCP_OPT_TS) || xt->urg_data)
		return false;
	WRITE_ONCE(sk->sk_err_soft, 0);
	xt->last_ack_ms = xtcp_now_ms(sk);
	xtcp_ack_timestamp(xt, seg);
	xt->snd_wl1 = seg->seq;
	xt->snd_wl2 = seg->ack;
	xt->probes_out = 0;
	xt->probes_since_ms = 0;
	return true;
}

/**
 * xtcp_ack_process - fifth: check the ACK field
 * @sk: synchronized, or in SYN_RECV
 * @seg: acceptable by its sequence number
 *
 * Context: Socket lock.
 * Return: SKB_NOT_DROPPED_YET or why it was dropped.
 */
enum skb_drop_reason xtcp_ack_process(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	enum skb_drop_reason reason;
	bool window_changed, probed;

	if (!(seg->flags & XTCP_FLAG_ACK))
		return SKB_DROP_REASON_TCP_FLAGS;
	if (sk->sk_state == TCP_SYN_RECV) {
		reason = xtcp_ack_synrecv(sk, seg);
		if (reason)
			return reason;
	}
	reason = xtcp_ack_range(xt, seg);
	if (reason)
		return reason;

	xt->last_ack_ms = xtcp_now_ms(sk);
	xtcp_ack_timestamp(xt, seg);
	if (xtcp_seq_before(seg->ack, xt->snd_una))
		return SKB_NOT_DROPPED_YET;	/* an old one: its data may be new */

	/* Something worked: what was said of the path before is forgotten */
	WRITE_ONCE(sk->sk_err_soft, 0);
	probed = !xt->snd_wnd && xt->packets_out && xt->rtt.backoff;
	window_changed = xtcp_ack_window(xt, seg);
	/* How far probes of a shut window have backed off says nothing of the path */
	if (unlikely(probed && (window_changed || xtcp_seq_after(seg->ack, xt->snd_una))))
		xtcp_rtt_backoff_reset(&xt->rtt);
	xtcp_ack_advance(sk, seg, window_changed);
	if (unlikely(probed && window_changed))
		xtcp_retransmit_restart(sk);
	xtcp_ack_probes(sk);
	seg->actions |= XTCP_ACT_PUSH;
	if (xt->fin_queued && xt->snd_una == xt->write_seq)
		xtcp_ack_fin(sk, seg);
	return SKB_NOT_DROPPED_YET;
}
