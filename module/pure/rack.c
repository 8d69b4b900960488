// SPDX-License-Identifier: GPL-2.0-only
/*
 * RACK (RFC 8985 section 6.2), step by step. Times are microseconds of any monotonic
 * clock.
 */
#include "rack.h"

#include "seq.h"

/**
 * xtcp_rack_init() - a connection begins
 * @r: state
 * @snd_una: SND.UNA
 */
void xtcp_rack_init(struct xtcp_rack *r, u32 snd_una)
{
	memset(r, 0, sizeof(*r));
	r->fack = snd_una;
	r->mult = 1;
}

/**
 * xtcp_rack_sent_after() - was one segment sent after another? (6.2 step 2)
 * @a_us: when the one was sent
 * @a_end: its end
 * @b_us: when the other was sent
 * @b_end: its end: what was sent in one microsecond was sent in this order
 *
 * Return: true if a was sent later.
 */
bool xtcp_rack_sent_after(u64 a_us, u32 a_end, u64 b_us, u32 b_end)
{
	return a_us > b_us || (a_us == b_us && xtcp_seq_after(a_end, b_end));
}

/**
 * xtcp_rack_delivered() - the newest of what one ACK delivered (6.2 step 2)
 * @r: state
 * @sent_us: when it was sent (for the last time)
 * @end_seq: its end
 * @now_us: the time
 *
 * The caller has left out retransmissions of which it cannot be told whether the
 * original or the copy has arrived.
 */
void xtcp_rack_delivered(struct xtcp_rack *r, u64 sent_us, u32 end_seq, u64 now_us)
{
	u64 rtt_us = now_us > sent_us ? now_us - sent_us : 0;

	r->rtt_us = (u32)xtcp_min_u64(rtt_us, 0xffffffffU);
	if (r->sent_us && !xtcp_rack_sent_after(sent_us, end_seq, r->sent_us, r->end_seq))
		return;
	r->sent_us = sent_us;
	r->end_seq = end_seq;
}

/**
 * xtcp_rack_advance() - one more segment was acknowledged (6.2 step 3)
 * @r: state
 * @end_seq: its end; those of one ACK come in ascending order
 * @retransmitted: it was sent more than once
 *
 * Return: true if it was overtaken on the way.
 */
bool xtcp_rack_advance(struct xtcp_rack *r, u32 end_seq, bool retransmitted)
{
	if (xtcp_seq_after(end_seq, r->fack)) {
		r->fack = end_seq;
		return false;
	}
	if (end_seq == r->fack || retransmitted)
		return false;
	r->reordering = true;
	return true;
}

/**
 * xtcp_rack_needless() - something was sent again without need (6.2 step 4)
 * @r: state
 * @snd_una: SND.UNA
 * @round_end: the round trip ends when this is acknowledged: SND.NXT
 *
 * A DSACK says so, or a recovery that turned out to be a mistake. The window grows by a
 * quarter of the minimal RTT, once per round trip.
 */
void xtcp_rack_needless(struct xtcp_rack *r, u32 snd_una, u32 round_end)
{
	if (r->in_dsack_round && xtcp_seq_before(snd_una, r->dsack_round))
		return;
	r->in_dsack_round = true;
	r->dsack_round = round_end;
	r->persist = XTCP_RACK_PERSIST;
	if (r->mult < 255)
		r->mult++;
}

/**
 * xtcp_rack_recovered() - a loss recovery has ended (6.2 step 4)
 * @r: state
 *
 * After 16 of them without one that was needless the window is what it was at first.
 */
void xtcp_rack_recovered(struct xtcp_rack *r)
{
	if (r->persist && --r->persist)
		return;
	r->mult = 1;
}

/**
 * xtcp_rack_window_us() - RACK.reo_wnd (6.2 step 4)
 * @r: state
 * @p: the path now
 *
 * As long as no reordering was seen, three segments that arrived out of order are
 * proof enough, and so is being in recovery already: then it is 0.
 *
 * Return: microseconds to wait for a late segment.
 */
u32 xtcp_rack_window_us(const struct xtcp_rack *r, const struct xtcp_rack_path *p)
{
	u64 window_us = (u64)r->mult * (p->min_rtt_us / 4);

	if (!r->reordering && (p->recovering || p->sacked >= XTCP_RACK_DUPTHRESH))
		return 0;
	return (u32)xtcp_min_u64(window_us, p->srtt_us);
}

/**
 * xtcp_rack_judge() - is a segment lost that was sent before RACK.xmit_ts? (6.2 step 5)
 * @r: state
 * @sent_us: when it was sent
 * @window_us: of xtcp_rack_window_us()
 * @now_us: the time
 * @left_us: set to the time after which it will be, if it is not yet: 1 or more
 *
 * Return: true if it is.
 */
bool xtcp_rack_judge(const struct xtcp_rack *r, u64 sent_us, u32 window_us, u64 now_us,
		     u32 *left_us)
{
	u64 due_us = sent_us + r->rtt_us + window_us;

	if (due_us <= now_us)
		return true;
	*left_us = (u32)xtcp_min_u64(due_us - now_us, 0xffffffffU);
	return false;
}
