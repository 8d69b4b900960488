// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data, SYN and FIN on their way out: what may be sent, and sending it.
 */
#include "output.h"

#include <net/tcp.h>

#include "../conn/disorder.h"
#include "../conn/pacer.h"
#include "../conn/rcvq.h"
#include "../conn/sndq.h"
#include "../conn/state.h"
#include "../conn/timers.h"
#include "../conn/urg.h"
#include "../recovery/ecn.h"
#include "../recovery/recovery.h"
#include "../trace.h"

#define XTCP_DATA_MIN_MSS	48	/* what the smallest peer gets, less options */
#define XTCP_DATA_FIN_RETRY_MS	50	/* a FIN that found no memory */

/**
 * xtcp_data_fits - most payload of a segment that a packet holds
 * @sk: the connection
 * @size: bytes of an IP packet
 *
 * Context: Socket lock.
 * Return: Payload, bytes; without SACK blocks.
 */
u32 xtcp_data_fits(const struct sock *sk, u32 size)
{
	u32 headers = xtcp_ip_header_len(sk) + XTCP_HEADER_MIN +
		      (xtcp_sk(sk)->ts_ok ? XTCP_OPTIONS_TS_LEN : 0);

	return size > headers ? size - headers : 0;
}

/**
 * xtcp_data_path_mss - payload per segment that a path MTU allows
 * @sk: the connection
 * @pmtu: bytes of an IP packet
 *
 * RFC 9293 3.7.1 (MUST-16): the peer's MSS, the path, less what options take.
 * Not more than half the largest window, so that a small window is not one
 * segment (MUST-38).
 *
 * Context: Socket lock.
 * Return: The mss, bytes.
 */
u32 xtcp_data_path_mss(const struct sock *sk, u32 pmtu)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 headers = xtcp_ip_header_len(sk) + XTCP_HEADER_MIN;
	u32 ip_opts = headers - XTCP_HEADER_MIN - (xt->ip_version == 4 ? 20 : 40);
	u32 mss = pmtu > headers ? pmtu - headers : 0;
	u32 half;

	/* The peer's MSS does not know of our IP options: MUST-16 */
	mss = min_t(u32, mss, xt->mss_clamp - min_t(u32, xt->mss_clamp, ip_opts));
	if (xtcp_tune(sk)->user_mss)
		mss = min_t(u32, mss, xtcp_tune(sk)->user_mss);
	mss = max_t(u32, mss, XTCP_DATA_MIN_MSS);
	if (xt->ts_ok)
		mss -= XTCP_OPTIONS_TS_LEN;

	half = xt->snd_max_wnd > XTCP_MSS_DEFAULT_V4 ? xt->snd_max_wnd / 2 : xt->snd_max_wnd;
	if (half && mss > half)
		mss = max_t(u32, half, XTCP_DATA_MIN_MSS - XTCP_OPTIONS_TS_LEN);
	return mss;
}

/**
 * xtcp_data_sync_mss - payload per segment from now on
 * @sk: the connection
 * @pmtu: bytes of an IP packet
 *
 * What the path is said to carry, or less where it is known not to: probe_mtu.c.
 *
 * Context: Socket lock.
 * Return: The mss, bytes.
 */
u32 xtcp_data_sync_mss(struct sock *sk, u32 pmtu)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 mss = xtcp_data_path_mss(sk, pmtu);

	if (unlikely(xt->probe_mss))
		mss = min_t(u32, mss, xt->probe_mss);
	xt->pmtu = pmtu;
	WRITE_ONCE(xt->mss_cache, mss);
	return mss;
}

/* What SACK blocks take from a segment now, at most, NOPs and all; bytes. */
static u32 xtcp_data_sack_len(const struct xtcp_sock *xt)
{
	u32 blocks = xt->ts_ok ? XTCP_SACKS_MAX - 1 : XTCP_SACKS_MAX;

	if (!xt->sack_ok || (xtcp_ooo_empty(xt) && !xtcp_dsack_due(xt)))
		return 0;
	return 4 + 8 * blocks;
}

/**
 * xtcp_data_current_mss - payload per segment now
 * @sk: the connection
 *
 * mss_cache, made anew if the route's MTU changed, less what SACK blocks take while
 * there is something to report (MUST-16): with both a segment would be too large
 * for the path.
 *
 * Context: Socket lock.
 * Return: Payload per segment, bytes.
 */
u32 xtcp_data_current_mss(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 pmtu = xtcp_ip_mtu(sk);
	u32 mss = xt->mss_cache;

	if (pmtu && pmtu != xt->pmtu)
		mss = xtcp_data_sync_mss(sk, pmtu);
	return mss - min(mss / 2, xtcp_data_sack_len(xt));
}

static struct sk_buff *xtcp_data_copy(struct sk_buff *skb)
{
	/* An earlier clone may still wait below with our headers in front */
	if (skb_cloned(skb))
		return pskb_copy(skb, GFP_ATOMIC);
	return skb_clone(skb, GFP_ATOMIC);
}

static void xtcp_data_set_gso(const struct sock *sk, struct sk_buff *skb)
{
	const struct xtcp_cb *cb = xtcp_cb(skb);
	struct skb_shared_info *shinfo = skb_shinfo(skb);

	if (cb->tx.segs > 1) {
		shinfo->gso_size = cb->tx.mss;
		shinfo->gso_segs = cb->tx.segs;
		shinfo->gso_type = sk->sk_gso_type;
	} else {
		shinfo->gso_size = 0;
		shinfo->gso_segs = 0;
		shinfo->gso_type = 0;
	}
}

/* ECT into the IP header, ECE and CWR into ours (RFC 3168 6.1.2 to 6.1.6). */
static void xtcp_data_ecn(struct sock *sk, struct sk_buff *skb, struct xtcp_build *b, u32 len)
{
	xtcp_cb(skb)->tos = xtcp_ecn_mark(xtcp_sk(sk), b->h.seq, len, &b->h.flags);
	/* Whoever cuts it leaves CWR on the first segment alone */
	if ((b->h.flags & XTCP_FLAG_CWR) && skb_is_gso(skb))
		skb_shinfo(skb)->gso_type |= SKB_GSO_TCP_ECN;
}

/* An ACK went out with this segment: nothing is owed any more. */
static void xtcp_data_ack_sent(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (xt->quick_acks && (xt->ack_pending & XTCP_ACK_SCHED))
		xt->quick_acks--;
	xt->ack_pending = 0;
	xtcp_dsack_done(xt);
	xtcp_acks_held_sent(sk);
	xtcp_timer_cancel(sk, XTCP_TIMER_DELACK);
}

/*
 * Of what was kept (@orig, or NULL), the departure counts as the time it was sent. Return: the same
 * for its timestamp, ms: what comes back of it is compared with that.
 */
static u32 xtcp_data_pace(struct sock *sk, struct sk_buff *skb, struct sk_buff *orig)
{
	bool bare_ack = !skb->len && xtcp_cb(skb)->flags == XTCP_FLAG_ACK;
	u64 leaves_us = xtcp_pacer_stamp(sk, skb, skb->len, bare_ack);

	if (orig)
		xtcp_cb(orig)->tx.sent_us = leaves_us;
	return (u32)div_u64(leaves_us, USEC_PER_MSEC);
}

/**
 * xtcp_data_transmit - send one segment of a connection
 * @sk: the connection
 * @skb: with cb.seq and cb.flags; of the queues, or private if not @clone
 * @clone: keep @skb for retransmission, send a clone; else it is consumed
 *
 * Context: Socket lock.
 * Return: 0; -ENOMEM: nothing was sent; other negative: the layers below refused it,
 * which counts as loss.
 */
int xtcp_data_transmit(struct sock *sk, struct sk_buff *skb, bool clone)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *orig = clone ? skb : NULL;
	struct xtcp_build b;
	u32 now_ms = xtcp_now_ms(sk);
	u32 tsval_ms = now_ms;
	u32 len = skb->len;
	int err;

	if (clone) {
		struct sk_buff *copy = xtcp_data_copy(skb);

		if (!copy)
			return -ENOMEM;
		xtcp_cb(skb)->tx.sent_us = xt->now_us;
		skb = copy;
		skb->dev = NULL;	/* the original's node in the tree lies there */
	}
	if (xtcp_pacer_on(sk))
		tsval_ms = xtcp_data_pace(sk, skb, orig);
	xtcp_data_set_gso(sk, skb);
	skb_set_owner_w(skb, sk);

	xtcp_build_segment(sk, skb, tsval_ms, &b);
	if (xt->ecn_ok)
		xtcp_data_ecn(sk, skb, &b, len);
	xtcp_build_header(skb, &b);
	/* Below snd_una it is a probe, whose ACK nobody reads */
	if ((b.h.flags & XTCP_FLAG_ACK) && !xtcp_seq_before(b.h.seq, xt->snd_una))
		xtcp_data_ack_sent(sk);
	if (len) {
		/* An answer within the ACK delay: ACKs may ride on data */
		if (xt->last_data_ms && now_ms - xt->last_data_ms <
		    READ_ONCE(xt->xn->knobs.delack_ms))
			xt->pingpong = 1;
		xt->last_sent_ms = now_ms;
		xt->bytes_out += len;
	}
	xt->segs_out += max_t(u32, 1, skb_shinfo(skb)->gso_segs);
	XTCP_SK_ADD(sk, OutSegs, max_t(u32, 1, skb_shinfo(skb)->gso_segs));
	trace_xtcp_segment_out((struct sock_common *)sk, NULL, &b.h, len);

	err = xtcp_ip_xmit(sk, skb);
	return err < 0 ? err : 0;
}

/* How much of @skb Nagle lets go: all, whole segments, or nothing. */
static u32 xtcp_data_nagle(const struct sock *sk, const struct sk_buff *skb, u32 mss,
			   bool force)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 partial = skb->len % mss;
	bool small_unacked;

	if (!partial || force || !xtcp_sndq_is_last(sk, skb) ||
	    (xtcp_cb(skb)->flags & (XTCP_FLAG_FIN | XTCP_FLAG_SYN)) || xtcp_urg_under_way(xt))
		return skb->len;
	/* Minshall: one small segment may be under way, not two */
	small_unacked = xtcp_seq_after(xt->snd_sml, xt->snd_una) &&
			!xtcp_seq_after(xt->snd_sml, xt->snd_nxt);
	if (xt->cork || (!xt->nodelay && xt->packets_out && small_unacked))
		return skb->len - partial;
	return skb->len;
}

/* How much of @skb the peer's window takes, in whole segments, its FIN aside; 0: wait. */
static u32 xtcp_data_window(const struct xtcp_sock *xt, const struct sk_buff *skb, u32 mss)
{
	s32 room = xt->snd_una + xt->snd_wnd - xtcp_cb(skb)->seq;

	if (room >= (s32)skb->len)
		return skb->len;
	if (room < (s32)mss || skb->len < mss)
		return 0;
	return room / mss * mss;
}

/* May the head go out, and how much of it? Return: -1: no, it waits. */
static int xtcp_data_allowed(const struct sock *sk, const struct sk_buff *skb, u32 mss,
			     bool force)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u32 quota = xtcp_recovery_quota(sk);
	u32 len;

	if (!quota)
		return -1;
	if (!skb->len)	/* a FIN by itself: only the window can hold it back */
		return xtcp_seq_after(xtcp_cb(skb)->end_seq, xt->snd_una + xt->snd_wnd) ? -1 : 0;
	len = xtcp_data_window(xt, skb, mss);
	len = min(len, xtcp_data_nagle(sk, skb, mss, force));
	if (len > (u64)quota * mss)
		len = quota * mss;
	if (len > mss && (len > 2 * mss || xtcp_pacer_on(sk)))
		len = min(len, xtcp_pacer_burst((struct sock *)sk, mss));
	/*
	 * Queued when segments were larger: nobody below cuts protocol 253, and who
	 * cuts protocol 6 would give each piece the first one's urgent pointer
	 */
	if (len > mss && (xt->wire_protocol != IPPROTO_TCP ||
			  xtcp_urg_covers(xt, xtcp_cb(skb)->seq)))
		len = mss;
	return len ? len : -1;
}

/* The data fit the window, the FIN behind them does not. */
static bool xtcp_data_fin_beyond(const struct xtcp_sock *xt, const struct sk_buff *skb)
{
	return (xtcp_cb(skb)->flags & XTCP_FLAG_FIN) && skb->len &&
	       xtcp_seq_after(xtcp_cb(skb)->end_seq, xt->snd_una + xt->snd_wnd);
}

/**
 * xtcp_data_send_head - send the head of the queue, or a part of it
 * @sk: the connection
 * @skb: the head of sk_write_queue
 * @mss: payload per segment, bytes
 * @len: how much of it, bytes
 *
 * Context: Socket lock.
 * Return: false without memory; nothing was sent.
 */
bool xtcp_data_send_head(struct sock *sk, struct sk_buff *skb, u32 mss, u32 len)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if ((len < skb->len || unlikely(xtcp_data_fin_beyond(xt, skb))) &&
	    xtcp_sndq_split(sk, skb, len, false))
		return false;
	xtcp_sndq_set_segs(sk, skb, mss);
	if (xtcp_data_transmit(sk, skb, true) == -ENOMEM)
		return false;
	if (skb->len && skb->len % mss)
		xt->snd_sml = xtcp_cb(skb)->end_seq;
	xtcp_sndq_sent(sk, skb);
	return true;
}

/* Nothing is in flight. A pause ends with the first data that leave: it counts once. */
static void xtcp_data_resume(struct sock *sk, const struct sk_buff *skb, u32 mss, bool force)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (unlikely(xt->ecn_hold))
		xtcp_ecn_waited(sk);
	if (xtcp_now_ms(sk) != xt->last_sent_ms && xtcp_data_allowed(sk, skb, mss, force) > 0)
		xtcp_recovery_idle(sk);
}

/**
 * xtcp_data_push - send what windows and Nagle allow
 * @sk: the connection
 * @force_push: nothing is to wait for more: MSG_MORE and cork are over
 *
 * Context: Socket lock.
 */
void xtcp_data_push(struct sock *sk, bool force_push)
{
	struct sk_buff *skb = xtcp_sndq_head(sk);
	u32 prior_nxt = xtcp_sk(sk)->snd_nxt;
	u32 mss;

	if (!skb || xtcp_state_in(sk, TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT | TCPF_SYN_RECV))
		return;
	xtcp_now_take(sk);
	mss = max_t(u32, xtcp_data_current_mss(sk), 1);
	if (!xtcp_sk(sk)->packets_out)
		xtcp_data_resume(sk, skb, mss, force_push);
	if (unlikely(xtcp_sk(sk)->probe_mss))
		skb = xtcp_probe_mtu_up(sk) ? NULL : xtcp_sndq_head(sk);
	while (skb) {
		int len = xtcp_data_allowed(sk, skb, mss, force_push);

		if (len < 0 || xtcp_pacer_holds(sk, skb, len) ||
		    !xtcp_data_send_head(sk, skb, mss, len))
			break;
		skb = xtcp_sndq_head(sk);
	}
	xtcp_retransmit_arm(sk);
	if (xtcp_sk(sk)->snd_nxt != prior_nxt) {
		xtcp_recovery_sent(sk);
		xtcp_retransmit_arm_probe(sk);
	}
}

/**
 * xtcp_data_probe - one segment of new data as a tail loss probe
 * @sk: the connection
 *
 * RFC 8985 7.3: the congestion window does not hold it back, the peer's does.
 *
 * Context: Socket lock.
 * Return: true if there was one.
 */
bool xtcp_data_probe(struct sock *sk)
{
	struct sk_buff *skb = xtcp_sndq_head(sk);
	u32 mss = max_t(u32, xtcp_data_current_mss(sk), 1);
	u32 len;

	if (!skb || !skb->len)
		return false;
	len = min_t(u32, xtcp_data_window(xtcp_sk(sk), skb, mss), mss);
	return len && xtcp_data_send_head(sk, skb, mss, len);
}

/**
 * xtcp_data_push_user - the end of a send() call
 * @sk: the connection
 * @flags: of the call; MSG_MORE: more will follow at once
 *
 * The last segment of what was written carries PSH (MUST-60, MUST-61).
 *
 * Context: Process, socket lock.
 */
void xtcp_data_push_user(struct sock *sk, int flags)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_write_queue);
	struct xtcp_sock *xt = xtcp_sk(sk);
	u8 cork = xt->cork;

	if (!tail)
		return;
	if (!(flags & MSG_MORE) || xt->write_seq - xt->pushed_seq > xt->snd_max_wnd / 2) {
		xtcp_cb(tail)->flags |= XTCP_FLAG_PSH;
		xt->pushed_seq = xt->write_seq;
	}
	/* MSG_MORE is a cork for this one call */
	if (flags & MSG_MORE)
		xt->cork = 1;
	xtcp_data_push(sk, false);
	xt->cork = cork;
}

/**
 * xtcp_data_send_fin - our FIN goes behind all that was written
 * @sk: in a state that owes a FIN (state table)
 *
 * It rides on the last unsent data if there are any (S8: what was queued goes
 * out before the FIN).
 *
 * Context: Socket lock.
 */
void xtcp_data_send_fin(struct sock *sk)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_write_queue);
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (xt->fin_queued)
		return;
	if (tail && !(xtcp_cb(tail)->flags & XTCP_FLAG_SYN)) {
		xtcp_cb(tail)->flags |= XTCP_FLAG_FIN;
		xtcp_cb(tail)->end_seq++;
		WRITE_ONCE(xt->write_seq, xt->write_seq + 1);
	} else if (!xtcp_sndq_append_control(sk, XTCP_FLAG_FIN | XTCP_FLAG_ACK,
					     GFP_ATOMIC)) {
		/* No memory: the PERSIST timer comes back for it */
		xtcp_timer_arm_ms(sk, XTCP_TIMER_PERSIST, XTCP_DATA_FIN_RETRY_MS);
		return;
	}
	xt->fin_queued = 1;
	xtcp_data_push(sk, true);
}

static void xtcp_data_prepare_syn(struct sock *sk)
{
	const struct xtcp_knobs *knobs = &xtcp_net(sock_net(sk))->knobs;
	struct dst_entry *dst = xtcp_ip_dst(sk);
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 clamp = xtcp_metrics_clamp(dst, xt->window_clamp);
	u8 scale = 0;

	xt->ts_ok = !!READ_ONCE(knobs->timestamps);
	xt->sack_ok = !!READ_ONCE(knobs->sack);
	xt->wscale_ok = !!READ_ONCE(knobs->window_scaling);
	xtcp_ecn_begin(xt, xtcp_ecn_asks(sk, dst));
	xt->mss_clamp = U16_MAX;
	if (dst)
		xt->advmss = xtcp_ip_advmss(sk, dst, xt->ip_version);
	if (xtcp_tune(sk)->user_mss && xtcp_tune(sk)->user_mss < xt->advmss)
		xt->advmss = xtcp_tune(sk)->user_mss;
	xtcp_data_sync_mss(sk, xtcp_ip_mtu(sk));

	/* Whether there will be timestamps is the peer's to say: a full mss counts */
	xtcp_rcvq_initial_window(sk, xt->advmss, xt->wscale_ok, &xt->rcv_wnd, &clamp, &scale);
	xt->rcv_wnd = xtcp_metrics_initial_window(dst, xt->advmss, xt->rcv_wnd);
	xt->window_clamp = clamp;
	xt->rcv_wscale = scale;
	xt->rcv_ssthresh = xt->rcv_wnd;
	xt->rcv_mss = min_t(u32, xt->advmss, XTCP_MSS_DEFAULT_V4);
}

/**
 * xtcp_data_send_syn - connect(): the first segment
 * @sk: in SYN_SENT, in the flow table, routed; iss in write_seq
 *
 * Context: Process, socket lock.
 * Return: 0; -ENOBUFS without memory.
 */
int xtcp_data_send_syn(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct sk_buff *skb;

	xtcp_data_prepare_syn(sk);
	xt->established = 0;
	xt->snd_una = xt->write_seq;
	xt->snd_nxt = xt->write_seq;
	xt->snd_sml = xt->write_seq;
	xt->pushed_seq = xt->write_seq;
	xt->snd_wnd = 0;
	xt->snd_max_wnd = 0;
	xt->rcv_nxt = 0;
	xt->rcv_wup = 0;
	xt->copied_seq = 0;
	xt->retransmits = 0;
	xtcp_now_take(sk);
	xt->retrans_stamp_ms = xtcp_now_ms(sk);
	xtcp_recovery_init(sk);

	skb = xtcp_sndq_append_control(sk, XTCP_FLAG_SYN | (xt->ecn_ok ? XTCP_ECN_FLAGS : 0),
				       sk->sk_allocation);
	if (!skb)
		return -ENOBUFS;
	xtcp_sndq_set_segs(sk, skb, xt->mss_cache);
	XTCP_SK_ADD(sk, ActiveOpens, 1);
	/* A SYN that could not be sent is one that was lost */
	xtcp_data_transmit(sk, skb, true);
	xtcp_sndq_sent(sk, skb);
	xtcp_retransmit_arm(sk);
	return 0;
}

/**
 * xtcp_data_write_space - the core's and our own "there is room again"
 * @sk: any full socket
 *
 * Called when one of our skbs is freed below, in any context, sometimes with
 * the socket lock held: takes no lock. Data that waited for it go on, too.
 *
 * Context: Any.
 */
void xtcp_data_write_space(struct sock *sk)
{
	struct socket_wq *wq;
	struct socket *sock;

	xtcp_pacer_freed(sk);
	/* close() may be under way: the struct socket is freed after a grace period */
	rcu_read_lock();
	sock = READ_ONCE(sk->sk_socket);
	if (!sock || !test_bit(SOCK_NOSPACE, &sock->flags) || !sk_stream_is_writeable(sk))
		goto out;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait,
					   EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	if (wq && wq->fasync_list && !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
out:
	rcu_read_unlock();
}
