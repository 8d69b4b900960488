/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RACK (RFC 8985): what is lost is told by time. A segment is lost if one that was sent
 * later has arrived, and a round trip plus a reordering window has passed since.
 */
#ifndef XTCP_PURE_RACK_H
#define XTCP_PURE_RACK_H

#include "port.h"

#define XTCP_RACK_DUPTHRESH	3	/* RFC 5681 3.2, RFC 8985 6.2 step 4 */
#define XTCP_RACK_PERSIST	16	/* recoveries for which a wider window is kept */

/**
 * struct xtcp_rack - the state of RFC 8985 5.3 for one connection
 * @sent_us: RACK.xmit_ts: when the newest of what has arrived was sent, us; 0: nothing yet
 * @end_seq: RACK.end_seq: one past that segment's last number
 * @rtt_us: RACK.rtt: how long it took, us
 * @fack: RACK.fack: highest number (s)acknowledged
 * @dsack_round: RACK.dsack_round: SND.NXT when something was needless; the round ends there
 * @mult: RACK.reo_wnd_mult, 1 to 255
 * @persist: RACK.reo_wnd_persist: recoveries before @mult falls back to 1
 * @reordering: RACK.reordering_seen
 * @in_dsack_round: @dsack_round is valid
 * @tlp_end_seq: TLP.end_seq of 7.1: SND.NXT when a tail loss probe was sent, if one is out
 *
 * Written under the socket lock.
 */
struct xtcp_rack {
	u64 sent_us;
	u32 end_seq;
	u32 rtt_us;
	u32 fack;
	u32 dsack_round;
	u32 tlp_end_seq;
	u8 mult;
	u8 persist;
	bool reordering;
	bool in_dsack_round;
};

/**
 * struct xtcp_rack_path - what the reordering window depends on besides
 * @min_rtt_us: smallest RTT of the connection, us
 * @srtt_us: smoothed RTT, us: the window is never larger
 * @sacked: segments that are selectively acknowledged now
 * @recovering: in fast recovery or after a timeout
 */
struct xtcp_rack_path {
	u32 min_rtt_us;
	u32 srtt_us;
	u32 sacked;
	bool recovering;
};

void xtcp_rack_init(struct xtcp_rack *r, u32 snd_una);
bool xtcp_rack_sent_after(u64 a_us, u32 a_end, u64 b_us, u32 b_end);
void xtcp_rack_delivered(struct xtcp_rack *r, u64 sent_us, u32 end_seq, u64 now_us);
bool xtcp_rack_advance(struct xtcp_rack *r, u32 end_seq, bool retransmitted);
void xtcp_rack_needless(struct xtcp_rack *r, u32 snd_una, u32 round_end);
void xtcp_rack_recovered(struct xtcp_rack *r);
u32 xtcp_rack_window_us(const struct xtcp_rack *r, const struct xtcp_rack_path *p);
bool xtcp_rack_judge(const struct xtcp_rack *r, u64 sent_us, u32 window_us, u64 now_us,
		     u32 *left_us);

#endif
