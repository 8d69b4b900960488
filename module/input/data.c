// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFC 9293 3.10.7.4, seventh: the segment text.
 */
#include "input.h"

#include "../conn/rcvq.h"
#include "../recovery/sack.h"

/* The peer's segment size decides when an ACK is due and windows are silly. */
static void xtcp_indata_measure(struct xtcp_sock *xt, const struct sk_buff *skb, u32 len)
{
	u32 size = skb_shinfo(skb)->gso_size ? : len;

	if (size >= xt->rcv_mss)
		xt->rcv_mss = min_t(u32, size, xt->advmss);
	xt->last_data_ms = xtcp_clock_ms();
	/* A reader that keeps up may have more */
	if (xt->rcv_ssthresh < xt->window_clamp)
		xt->rcv_ssthresh = min(xt->window_clamp, xt->rcv_ssthresh + 2 * xt->advmss);
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
	cb->seq = seg->seq;
	cb->end_seq = seg->end_seq;
	skb_dst_drop(skb);
	skb_ext_reset(skb);
	skb->dev = NULL;
	return true;
}

static enum skb_drop_reason xtcp_indata_queue(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb = seg->skb;
	u32 window = xtcp_receive_window(xt);

	if (!xtcp_seq_after(seg->end_seq, xt->rcv_nxt)) {
		/* Our ACK was lost: say it again (RFC 9293 3.10.7.4, first) */
		xtcp_sack_duplicate(sk, seg->seq, seg->end_seq);
		xt->pingpong = 0;
		seg->actions |= XTCP_ACT_ACK_NOW;
		return SKB_DROP_REASON_TCP_OLD_DATA;
	}
	if (!xtcp_seq_before(seg->seq, xt->rcv_nxt + window) && seg->len) {
		XTCP_INC(sock_net(sk), ZeroWindowDrops);
		seg->actions |= XTCP_ACT_ACK_NOW;
		return SKB_DROP_REASON_TCP_ZEROWINDOW;
	}
	if (!xtcp_rcvq_charge(sk, skb, !xtcp_seq_after(seg->seq, xt->rcv_nxt))) {
		seg->actions |= XTCP_ACT_ACK_NOW;
		return SKB_DROP_REASON_PROTO_MEM;
	}
	if (!xtcp_indata_strip(xt, seg)) {
		seg->actions |= XTCP_ACT_ACK_NOW;
		return SKB_DROP_REASON_TCP_OVERWINDOW;
	}

	if (seg->len)
		xtcp_indata_measure(xt, skb, seg->len);
	seg->skb = NULL;
	if (xtcp_seq_after(seg->seq, xt->rcv_nxt)) {
		xtcp_rcvq_out_of_order(sk, skb);
		seg->actions |= XTCP_ACT_ACK_NOW;	/* RFC 5681 4.2 */
		return SKB_NOT_DROPPED_YET;
	}
	/* What fills a hole is acknowledged at once as well */
	seg->actions |= RB_EMPTY_ROOT(&xt->ooo_queue) ? XTCP_ACT_ACK_LATER : XTCP_ACT_ACK_NOW;
	if (seg->len)
		seg->actions |= XTCP_ACT_WAKE_READ;
	if (xtcp_rcvq_in_order(sk, skb))
		xtcp_fin_process(sk, seg);
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

	if (seg->seq == seg->end_seq)
		return SKB_NOT_DROPPED_YET;

	/* After the peer's FIN nothing new can come: ignore it (3.10.7.4, seventh) */
	if (xtcp_state_in(sk, TCPF_CLOSE_WAIT | TCPF_CLOSING | TCPF_LAST_ACK) &&
	    !xtcp_seq_before(seg->seq, xt->rcv_nxt))
		return SKB_DROP_REASON_TCP_FLAGS;

	/* Nobody will read it: MUST tell the peer (3.6.1, SHLD-3) */
	if (xtcp_state_in(sk, TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2) &&
	    (sk->sk_shutdown & RCV_SHUTDOWN) && fresh && seg->len) {
		XTCP_INC(sock_net(sk), AbortOnData);
		seg->error = ECONNRESET;
		seg->close_reason = XTCP_REASON_DATA_AFTER_CLOSE;
		seg->actions |= XTCP_ACT_RST | XTCP_ACT_DONE;
		return SKB_DROP_REASON_TCP_CLOSE;
	}
	return xtcp_indata_queue(sk, seg);
}
