// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFC 9293 3.10.7.4, sixth: the URG bit.
 */
#include "input.h"

#include "../conn/urg.h"

/*
 * A pointer to what was received in order already is the same one again, or comes too
 * late; so does one that is not beyond the mark we have.
 */
static void xtcp_urgent_pointer(struct sock *sk, const struct xtcp_cb *cb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	/* One past the urgent data (MUST-62): the byte before it is the last of them */
	u32 last = cb->seq + cb->rx.urg - !!cb->rx.urg;

	if (xtcp_seq_before(last, xt->copied_seq) || xtcp_seq_before(last, xt->rcv_nxt))
		return;
	if (xt->urg_data && !xtcp_seq_after(last, xt->urg_seq))
		return;
	xtcp_urg_move(sk, last);
}

/* Is the byte that was announced in this segment? */
static void xtcp_urgent_byte(struct sock *sk, struct xtcp_segment *seg)
{
	const struct xtcp_cb *cb = xtcp_cb(seg->skb);
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 offset = xt->urg_seq - cb->seq - !!(cb->flags & XTCP_FLAG_SYN);
	u8 byte;

	if (offset >= seg->len || skb_copy_bits(seg->skb, cb->hdr_len + offset, &byte, 1))
		return;
	WRITE_ONCE(xt->urg_data, XTCP_URG_VALID | byte);
	seg->actions |= XTCP_ACT_WAKE_READ;
}

/**
 * xtcp_urgent_process - sixth: check the URG bit
 * @sk: synchronized
 * @seg: acceptable, its ACK processed
 *
 * Before the text, and whether that can be taken or not: also at zero window (MUST-66) and
 * out of order. After the peer's FIN there is no urgent data any more.
 *
 * Context: Socket lock.
 */
void xtcp_urgent_process(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!xtcp_state_in(sk, TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2))
		return;
	if (seg->flags & XTCP_FLAG_URG)
		xtcp_urgent_pointer(sk, xtcp_cb(seg->skb));
	if (xt->urg_data == XTCP_URG_NOTYET)
		xtcp_urgent_byte(sk, seg);
}
