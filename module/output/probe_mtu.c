// SPDX-License-Identifier: GPL-2.0-only
/*
 * Path MTU without ICMP: RFC 4821. A router that drops what is too large and says nothing is
 * found by timeouts that do not end; smaller segments are tried then (7.7). Once they
 * pass, single larger ones are sent as probes, until the largest that passes is known.
 *
 * Sizes here are payload, options deducted.
 */
#include "output.h"

#include "../conn/disorder.h"
#include "../conn/sndq.h"
#include "../recovery/recovery.h"

#define XTCP_PROBE_MTU_NEAR	8	/* good enough, bytes */
#define XTCP_PROBE_MTU_BEHIND	4	/* segments after a probe that show its loss */
#define XTCP_PROBE_MTU_MIN	48

/**
 * xtcp_probe_mtu_black_hole - the oldest segment does not get through: R1 is over
 * @sk: the connection, timed out again
 *
 * If it is larger than base_mss, segments are of base_mss from now on; with each further
 * timeout of half that, down to mtu_probe_floor.
 *
 * Context: Socket lock.
 */
void xtcp_probe_mtu_black_hole(struct sock *sk)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(sk))->knobs;
	struct sk_buff *skb = xtcp_sndq_rtx_head(sk);
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 size = READ_ONCE(knobs->base_mss);

	if (!READ_ONCE(knobs->mtu_probing) || !skb)
		return;
	if (xt->probe_mss)
		size = min_t(u32, size, xt->probe_mss / 2);
	size = max3(size, (u32)READ_ONCE(knobs->mtu_probe_floor), (u32)XTCP_PROBE_MTU_MIN);
	/* What is small already is not lost for its size */
	if (min_t(u32, skb->len, xtcp_cb(skb)->tx.mss ? : skb->len) <= size)
		return;
	xt->probe_mss = size;
	xt->probe_high = U16_MAX;
	xt->probe_size = 0;
	xt->probe_wait_ms = 0;
	xtcp_data_sync_mss(sk, xtcp_ip_mtu(sk));
	XTCP_SK_ADD(sk, MtuBlackHoles, 1);
}

/* The search is over: at the path's own limit, or at less; then it begins again later. */
static void xtcp_probe_mtu_done(struct sock *sk, bool all)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->probe_high = U16_MAX;
	xt->probe_wait_ms = all ? 0 : xtcp_now_ms(sk) ?: 1;
	if (all)
		xt->probe_mss = 0;
}

/* The size to try next; 0: none now. At first all of it: it may have been an outage. */
static u32 xtcp_probe_mtu_next(struct sock *sk)
{
	u32 interval_s = READ_ONCE(xtcp_net(sock_net(sk))->knobs.mtu_probe_interval);
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 path = xtcp_data_path_mss(sk, xtcp_ip_mtu(sk));
	u32 high = min_t(u32, path, xt->probe_high);

	if (path <= xt->probe_mss) {	/* by an ICMP error or a new route */
		xtcp_probe_mtu_done(sk, true);
		return 0;
	}
	if (xt->probe_wait_ms) {
		if (xtcp_now_ms(sk) - xt->probe_wait_ms < interval_s * MSEC_PER_SEC)
			return 0;
		xt->probe_wait_ms = 0;
	}
	if (xt->probe_high == U16_MAX)
		return high;
	if (high < xt->probe_mss + XTCP_PROBE_MTU_NEAR) {
		xtcp_probe_mtu_done(sk, false);
		return 0;
	}
	return (high + xt->probe_mss + 1) / 2;
}

/**
 * xtcp_probe_mtu_up - send one larger segment, if this is a good moment
 * @sk: the connection; its segments are smaller than the path's MTU would have them
 *
 * New data, with as much behind them as shows at once if only they are lost: RFC 4821
 * 7.4 and 7.5. Who always has more to send never has so much room in the window: ACKs give
 * back a segment or two. So new data wait until there is, unless that empties the path.
 *
 * Context: Socket lock.
 * Return: true: nothing is to be sent now, ACKs that are on their way make room for it.
 */
bool xtcp_probe_mtu_up(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_head(sk);
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 size, all;

	if (xt->probe_size || xt->ca_state != XTCP_CA_OPEN || xt->sacked_out || xt->dupacks ||
	    xt->rtt.backoff || !xtcp_ooo_empty(xt) ||
	    !READ_ONCE(xtcp_net(sock_net(sk))->knobs.mtu_probing))
		return false;
	size = xtcp_probe_mtu_next(sk);
	all = size + XTCP_PROBE_MTU_BEHIND * xt->mss_cache;
	if (!size || !skb || skb->len < size || xt->write_seq - xt->snd_nxt < all)
		return false;
	if (xtcp_seq_after(xt->snd_nxt + all, xt->snd_una + xt->snd_wnd) ||
	    xtcp_recovery_quota(sk) <= XTCP_PROBE_MTU_BEHIND)
		return xt->cc.cwnd > 2 * XTCP_PROBE_MTU_BEHIND && xt->snd_wnd >= 2 * all &&
		       xt->packets_out;
	if (!xtcp_data_send_head(sk, skb, size, size))
		return false;
	xt->probe_size = size;
	xt->probe_end = xt->snd_nxt;
	XTCP_SK_ADD(sk, MtuProbes, 1);
	return false;
}

/**
 * xtcp_probe_mtu_acked - SND.UNA moved while a probe is under way
 * @sk: the connection
 *
 * Context: Socket lock.
 */
void xtcp_probe_mtu_acked(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 mtu = xtcp_ip_mtu(sk);

	if (xtcp_seq_before(xt->snd_una, xt->probe_end))
		return;
	xt->probe_mss = xt->probe_size;
	xt->probe_size = 0;
	xt->probe_wait_ms = 0;
	if (xt->probe_mss >= xtcp_data_path_mss(sk, mtu))
		xtcp_probe_mtu_done(sk, true);
	xtcp_data_sync_mss(sk, mtu);
	XTCP_SK_ADD(sk, MtuProbesPassed, 1);
}

/**
 * xtcp_probe_mtu_lost - something is sent again while a probe is under way
 * @sk: the connection
 * @skb: what goes again
 *
 * Context: Socket lock.
 */
void xtcp_probe_mtu_lost(struct sock *sk, const struct sk_buff *skb)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!xtcp_seq_between(xtcp_cb(skb)->seq, xt->probe_end - xt->probe_size,
			      xt->probe_end - 1))
		return;
	xt->probe_high = xt->probe_size - 1;
	xt->probe_size = 0;
	xt->probe_wait_ms = 0;
}
