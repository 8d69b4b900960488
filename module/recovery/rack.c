// SPDX-License-Identifier: GPL-2.0-only
/*
 * RACK over the send queue: RFC 8985 6. The arithmetic is pure/rack.c.
 */
#include "recovery.h"

#include "../conn/timers.h"

static u32 xtcp_rackq_window_us(const struct xtcp_sock *xt)
{
	struct xtcp_rack_path path = {
		.min_rtt_us = xt->rtt.valid ? xt->rtt.min_rtt_us : 0,
		.srtt_us = xtcp_rtt_srtt_us(&xt->rtt),
		.sacked = xt->sacked_out,
		.recovering = xt->ca_state > XTCP_CA_CWR,
	};

	return xtcp_rack_window_us(&xt->rack, &path);
}

/**
 * xtcp_rackq_update - what an ACK delivered, and what came twice (steps 1 to 4)
 * @sk: the connection
 * @acked: of the ACK; min_rtt is updated already
 *
 * Context: Socket lock.
 */
void xtcp_rackq_update(struct sock *sk, const struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (acked->newest_us)
		xtcp_rack_delivered(&xt->rack, acked->newest_us, acked->newest_end,
				    acked->now_us);
	if (xt->rack.in_dsack_round && !xtcp_seq_before(xt->snd_una, xt->rack.dsack_round))
		xt->rack.in_dsack_round = false;
	if (acked->dsack)
		xtcp_rack_needless(&xt->rack, xt->snd_una, xt->snd_nxt);
}

/**
 * xtcp_rackq_detect - mark what is lost by now (step 5)
 * @sk: the connection
 * @now_us: the time
 *
 * The walk goes in order of transmission and ends at the first segment that was sent
 * after the newest that has arrived. For what is late, but not lost yet, the REORDER
 * timer comes back.
 *
 * Context: Socket lock.
 */
void xtcp_rackq_detect(struct sock *sk, u64 now_us)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 window_us = xtcp_rackq_window_us(xt);
	u32 wait_us = 0, left_us = 0;
	struct xtcp_cb *cb, *next;

	list_for_each_entry_safe(cb, next, &xt->send_order, tx.order) {
		if (!xt->rack.sent_us ||
		    !xtcp_rack_sent_after(xt->rack.sent_us, xt->rack.end_seq, cb->tx.sent_us,
					  cb->end_seq))
			break;
		if (xtcp_rack_judge(&xt->rack, cb->tx.sent_us, window_us, now_us, &left_us)) {
			XTCP_ADD(sock_net(sk), RackLost, cb->tx.segs);
			xtcp_board_mark_lost(sk, xtcp_board_skb(cb));
		} else {
			wait_us = max(wait_us, left_us);
		}
	}
	if (wait_us)
		xtcp_timer_arm(sk, XTCP_TIMER_REORDER, wait_us);
	else
		xtcp_timer_cancel(sk, XTCP_TIMER_REORDER);
}

/**
 * xtcp_rackq_recent - may a segment still come? (RFC 8985 6.3)
 * @xt: the connection
 * @cb: of the segment
 * @now_us: the time
 *
 * Context: Socket lock.
 * Return: true if it was sent less than a round trip and the reordering window ago.
 */
bool xtcp_rackq_recent(const struct xtcp_sock *xt, const struct xtcp_cb *cb, u64 now_us)
{
	u32 left_us;

	return xt->rack.sent_us && !xtcp_rack_judge(&xt->rack, cb->tx.sent_us,
						   xtcp_rackq_window_us(xt), now_us, &left_us);
}
