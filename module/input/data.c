// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFC 9293 3.10.7.4, seventh: the segment text.
 */
#include "input.h"

#include <net/tcp.h>

#include "../conn/disorder.h"
#include "../conn/rcvq.h"
#include "../conn/rcvtune.h"
#include "../recovery/ecn.h"

/* What may be shorter than a segment can be */
#define XTCP_INDATA_REST	(XTCP_FLAG_PSH | XTCP_FLAG_FIN | XTCP_FLAG_URG)

/*
 * The peer's segment size decides when an ACK is due and windows are silly. It shrinks when the
 * peer's path does: every second of the smaller ones is acknowledged then as well.
 */
static void xtcp_indata_measure(struct sock *sk, const struct sk_buff *skb,
				const struct xtcp_segment *seg)
{
	u32 size = skb_shinfo(skb)->gso_size ? : seg->len;
	struct xtcp_sock *xt = xtcp_sk(sk);
	s32 age_ms = -1;
	bool full;

	/*
	 * A short one may have waited for the peer's program; not one with more behind it,
	 * which the peer's path or window has made short
	 */
	if (xt->ts_ok && (size >= xt->rcv_mss || !(seg->flags & XTCP_FLAG_PSH)) &&
	    (seg->opt.present & XTCP_OPT_TS) && seg->opt.tsecr)
		age_ms = xtcp_now_ms(sk) + xt->ts_offset - seg->opt.tsecr;
	xtcp_rcvtune_data(sk, age_ms);

	/* Larger ones at once; smaller ones if two are alike, and not the rests of a write */
	full = size >= TCP_MIN_MSS &&
	       (skb_shinfo(skb)->gso_size || !(seg->flags & XTCP_INDATA_REST));
	if (size >= xt->rcv_mss || (full && size == xt->rcv_size))
		xt->rcv_mss = min_t(u32, size, xt->advmss);
	xt->rcv_size = full ? min_t(u32, size, U16_MAX) : 0;
	if (seg->flags & XTCP_FLAG_PSH)
		xt->ack_pending |= XTCP_ACK_PUSHED;
	xt->last_data_ms = xtcp_now_ms(sk);
	/* A reader that keeps up may have more: two for each segment, merged ones counted apart */
	if (xt->rcv_ssthresh < xt->window_clamp && !sk_under_memory_pressure(sk))
		xt->rcv_ssthresh = min(xt->window_clamp, xt->rcv_ssthresh +
				       2 * max_t(u32, xt->advmss, seg->len));
}

/* The ECN field of data outside of the window is ignored: RFC 3168 6.1.5. */
static void xtcp_indata_ecn(struct sock *sk, struct xtcp_segment *seg)
{
	if (xtcp_ecn_received(sk, xtcp_cb(seg->skb)->tos, seg->segs))
		seg->actions |= XTCP_ACT_ACK_NOW;
}

/* Only the payload goes on, and nothing of the way it came. */
static bool xtcp_indata_strip(struct xtcp_sock *xt, struct xtcp_segment *seg)
{
	u32 edge = xt->rcv_nxt + xtcp_receive_window(xt);
	struct sk_buff *skb = seg->skb;
	struct xtcp_cb *cb = xtcp_cb(skb);

	__skb_pull(skb, cb->hdr_len);
	/* Beyond the window: trimmed, FIN first (3.10.7.4, seventh) */
	if (xtcp_seq_after(seg->end_seq, edge)) {
		if (cb->flags & XTCP_FLAG_FIN)
			seg->end_seq--;
		cb->flags &= ~XTCP_FLAG_FIN;
		if (xtcp_seq_after(seg->end_seq, edge)) {
			u32 cut = seg->end_seq - edge;

			if (cut >= skb->len || pskb_trim(skb, skb->len - cut))
				return false;
			seg->end_seq -= cut;
		}
	}
	/* Nothing of it lies inside: the window is shut, or only its FIN was new */
	if (seg->seq == seg->end_seq || !xtcp_seq_after(seg->end_seq, xt->rcv_nxt))
		return false;
	cb->seq = seg->seq;
	cb->end_seq = seg->end_seq;
	skb_dst_drop(skb);
	skb_ext_reset(skb);
	skb->dev = NULL;
	return true;
}

/*
 * No room although it was promised. Data in order: the ACK shuts the window, and the program is
 * told that it can make room. Data out of order: as if lost.
 */
static enum skb_drop_reason xtcp_indata_no_memory(struct xtcp_sock *xt,
						  struct xtcp_segment *seg)
{
	seg->actions |= XTCP_ACT_ACK_NOW;
	if (seg->len && !xtcp_seq_after(seg->seq, xt->rcv_nxt)) {
		xt->ack_pending |= XTCP_ACK_NOMEM;
		seg->actions |= XTCP_ACT_WAKE_READ;
	}
	return SKB_DROP_REASON_PROTO_MEM;
}

static enum skb_drop_reason xtcp_indata_queue(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb = seg->skb;
	u32 window = xtcp_receive_window(xt);

	if (!xtcp_seq_after(seg->end_seq, xt->rcv_nxt)) {
		/* Our ACK was lost: say it again (RFC 9293 3.10.7.4, first) */
		xtcp_dsack_note(sk, seg->seq, seg->end_seq);
		xt->pingpong = 0;
		seg->actions |= XTCP_ACT_ACK_NOW;
		return SKB_DROP_REASON_TCP_OLD_DATA;
	}
	if (!xtcp_seq_before(seg->seq, xt->rcv_nxt + window) && seg->len) {
		XTCP_SK_ADD(sk, ZeroWindowDrops, 1);
		/* But that of a window probe counts: 6.1.6 */
		if (xt->ecn_ok && seg->seq == xt->rcv_nxt)
			xtcp_indata_ecn(sk, seg);
		seg->actions |= XTCP_ACT_ACK_NOW;
		return SKB_DROP_REASON_TCP_ZEROWINDOW;
	}
	if (xtcp_seq_after(seg->seq, xt->rcv_nxt) && !xtcp_disorder_get(sk))
		return xtcp_indata_no_memory(xt, seg);
	if (!xtcp_rcvq_charge(sk, skb, !xtcp_seq_after(seg->seq, xt->rcv_nxt)))
		return xtcp_indata_no_memory(xt, seg);
	if (!xtcp_indata_strip(xt, seg)) {
		seg->actions |= XTCP_ACT_ACK_NOW;
		return SKB_DROP_REASON_TCP_OVERWINDOW;
	}

	if (seg->len) {
		xtcp_indata_measure(sk, skb, seg);
		if (xt->ecn_ok)
			xtcp_indata_ecn(sk, seg);
	}
	seg->skb = NULL;
	if (xtcp_seq_after(seg->seq, xt->rcv_nxt)) {
		xtcp_rcvq_out_of_order(sk, skb);
		/* RFC 5681 4.2: at once, or nearly */
		seg->actions |= xtcp_sack_has_room(xt) ? XTCP_ACT_ACK_LATER : XTCP_ACT_ACK_NOW;
		return SKB_NOT_DROPPED_YET;
	}
	/* What fills a hole is acknowledged at once as well */
	seg->actions |= xtcp_ooo_empty(xt) ? XTCP_ACT_ACK_LATER : XTCP_ACT_ACK_NOW;
	if (seg->len)
		seg->actions |= XTCP_ACT_WAKE_READ;
	if (xtcp_rcvq_in_order(sk, skb))
		xtcp_fin_process(sk, seg);
	/* That a part came twice is said of this segment, not with the next (RFC 2883 4) */
	if (unlikely(xtcp_dsack_due(xt)))
		seg->actions |= XTCP_ACT_ACK_NOW;
	return SKB_NOT_DROPPED_YET;
}

/**
 * xtcp_indata_process - seventh and eighth: text and FIN
 * @sk: synchronized
 * @seg: acceptable, its ACK processed
 *
 * Context: Socket lock.
 * Return: SKB_NOT_DROPPED_YET or why it was dropped.
 */
enum skb_drop_reason xtcp_indata_process(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	bool fin = seg->flags & XTCP_FLAG_FIN;
	bool fresh = xtcp_seq_after(seg->end_seq - fin, xt->rcv_nxt);

	/* 6.1.3: any segment with CWR; there are peers that set it on pure ACKs */
	if ((seg->flags & XTCP_FLAG_CWR) && xt->ecn_ok) {
		xtcp_ecn_answered(xt);
		if (seg->len)
			seg->actions |= XTCP_ACT_ACK_NOW;
	}
	if (seg->seq == seg->end_seq)
		return SKB_NOT_DROPPED_YET;

	/* After the peer's FIN nothing new can come: ignore it (3.10.7.4, seventh) */
	if (xtcp_state_in(sk, TCPF_CLOSE_WAIT | TCPF_CLOSING | TCPF_LAST_ACK) &&
	    (fresh || !xtcp_seq_before(seg->seq, xt->rcv_nxt)))
		return SKB_DROP_REASON_TCP_FLAGS;

	/* Nobody will read it: MUST tell the peer (3.6.1, SHLD-3) */
	if (xtcp_state_in(sk, TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2) &&
	    (sk->sk_shutdown & RCV_SHUTDOWN) && fresh && seg->len) {
		XTCP_SK_ADD(sk, AbortOnData, 1);
		seg->error = ECONNRESET;
		seg->close_reason = XTCP_REASON_DATA_AFTER_CLOSE;
		seg->actions |= XTCP_ACT_RST | XTCP_ACT_DONE;
		return SKB_DROP_REASON_TCP_CLOSE;
	}
	return xtcp_indata_queue(sk, seg);
}
