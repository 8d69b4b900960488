// SPDX-License-Identifier: GPL-2.0-only
/*
 * Urgent data, both directions: where they end, and what a header says of it.
 */
#include "urg.h"

#include "rcvq.h"

/**
 * xtcp_urg_mark - what was written last is urgent
 * @sk: the connection
 *
 * RFC 9293 3.10.2: SND.UP, here one past the last byte (MUST-62), so that the urgent
 * pointer is SND.UP - SEG.SEQ. The length is the program's choice (MUST-31).
 *
 * Context: Process, socket lock.
 */
void xtcp_urg_mark(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->snd_up = xt->write_seq;
	xt->urg_out = 1;
}

/**
 * xtcp_urg_point - URG and the urgent pointer of a segment
 * @xt: the connection, urg_out set
 * @h: its header, all but these filled in
 *
 * Every segment that begins before SND.UP tells of it, retransmissions and ACKs
 * included (MUST-30), until SND.UP is acknowledged. If it is further away than 16 bits
 * reach, the pointer says 65535 where that is beyond what was sent before: it moves
 * ahead of the stream then, as the kernel's TCP makes it.
 *
 * Context: Socket lock.
 */
void xtcp_urg_point(struct xtcp_sock *xt, struct xtcp_header *h)
{
	u32 ahead = xt->snd_up - h->seq;

	if (!xtcp_seq_before(xt->snd_una, xt->snd_up)) {
		xt->urg_out = 0;
		return;
	}
	if (!xtcp_seq_before(h->seq, xt->snd_up))
		return;
	if (ahead > U16_MAX) {
		if (!xtcp_seq_after(h->seq + U16_MAX, xt->snd_nxt))
			return;
		ahead = U16_MAX;
	}
	h->flags |= XTCP_FLAG_URG;
	h->urg_ptr = ahead;
}

/**
 * xtcp_urg_move - the peer's urgent data end somewhere else now
 * @sk: the connection
 * @seq: number of their last byte, beyond the mark so far
 *
 * The program is told by SIGURG before the byte is there (MUST-32). If all has been read
 * up to the old mark, its byte goes now: it is no mark any more and would be read as data.
 *
 * Context: Socket lock.
 */
void xtcp_urg_move(struct sock *sk, u32 seq)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	sk_send_sigurg(sk);
	if (xtcp_urg_skips(sk, xt->copied_seq) && xt->copied_seq != xt->rcv_nxt) {
		WRITE_ONCE(xt->copied_seq, xt->copied_seq + 1);
		xtcp_rcvq_eat(sk);
	}
	WRITE_ONCE(xt->urg_seq, seq);
	WRITE_ONCE(xt->urg_data, XTCP_URG_NOTYET);
}
