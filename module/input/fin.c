// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFC 9293 3.10.7.4, eighth: the FIN bit.
 */
#include "input.h"

#include "../conn/rcvq.h"
#include "../conn/state.h"

/**
 * xtcp_fin_process - the peer has nothing more to say
 * @sk: synchronized; rcv_nxt is past the FIN
 * @seg: the segment that completed the stream
 *
 * Context: Socket lock.
 */
void xtcp_fin_process(struct sock *sk, struct xtcp_segment *seg)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->saw_fin = 1;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	sock_set_flag(sk, SOCK_DONE);
	seg->actions |= XTCP_ACT_WAKE_STATE | XTCP_ACT_WAKE_READ;

	switch (sk->sk_state) {
	case TCP_ESTABLISHED:
		/* Our FIN may follow soon and carry the ACK (S11) */
		xtcp_state_set(sk, TCP_CLOSE_WAIT, XTCP_REASON_SEGMENT);
		xt->pingpong = 1;
		seg->actions |= XTCP_ACT_ACK_LATER;
		break;
	case TCP_FIN_WAIT1:
		seg->actions |= XTCP_ACT_ACK_NOW;
		if (xt->fin_queued && xt->snd_una == xt->write_seq)
			seg->actions |= XTCP_ACT_TIMEWAIT;
		else
			xtcp_state_set(sk, TCP_CLOSING, XTCP_REASON_SEGMENT);
		break;
	case TCP_FIN_WAIT2:
		seg->actions |= XTCP_ACT_ACK_NOW | XTCP_ACT_TIMEWAIT;
		break;
	}
}
