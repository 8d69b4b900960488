/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XTCP: the objects every layer shares, and nothing else.
 *
 * Three kinds of objects live in the flow table, each starting with struct
 * sock_common so that one lockless lookup finds them all: the full socket
 * (struct xtcp_sock), the half-open request (struct xtcp_request, state
 * TCP_NEW_SYN_RECV) and the TIME_WAIT remainder (struct xtcp_timewait).
 * Documentation/locking.rst says which lock covers what.
 */
#ifndef _XTCP_H
#define _XTCP_H

#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "compat.h"
#include "mib.h"
#include "netns.h"
#include "pure/cc.h"
#include "pure/header.h"
#include "pure/options.h"
#include "pure/prr.h"
#include "pure/rack.h"
#include "pure/rtt.h"
#include "pure/seq.h"
#include "uapi/xtcp.h"

/**
 * enum xtcp_timer - the logical timers of a connection
 * @XTCP_TIMER_REXMIT: retransmission timeout, RFC 6298
 * @XTCP_TIMER_PROBE: tail loss probe, RFC 8985 7.2
 * @XTCP_TIMER_REORDER: RACK reordering window, RFC 8985 6.2
 * @XTCP_TIMER_PERSIST: zero-window probe, RFC 9293 3.8.6.1
 * @XTCP_TIMER_DELACK: delayed acknowledgment, RFC 9293 3.8.6.3
 * @XTCP_TIMER_KEEPALIVE: keepalive, RFC 9293 3.8.4
 * @XTCP_TIMER_FINWAIT2: an orphan's stay in FIN_WAIT_2 is bounded
 * @XTCP_TIMER_DEADPEER: XTCP_DEAD_PEER_MS, one deadline for a silent peer
 * @XTCP_TIMER_CONNECT: XTCP_SYN_BUDGET_MS, the whole budget of connect()
 * @XTCP_TIMER_MAX: how many there are
 *
 * SYN-ACK and TIME_WAIT timers belong to the minisocks, which have one
 * timer each; see conn/timers.c for the whole list.
 */
enum xtcp_timer {
	XTCP_TIMER_REXMIT,
	XTCP_TIMER_PROBE,
	XTCP_TIMER_REORDER,
	XTCP_TIMER_PERSIST,
	XTCP_TIMER_DELACK,
	XTCP_TIMER_KEEPALIVE,
	XTCP_TIMER_FINWAIT2,
	XTCP_TIMER_DEADPEER,
	XTCP_TIMER_CONNECT,
	XTCP_TIMER_MAX,
};

/* What an hrtimer of a full socket is for: conn/timers.c, too. */
enum xtcp_hrtimer {
	XTCP_HRTIMER_PACE,
	XTCP_HRTIMER_SACKS,
	XTCP_HRTIMER_MAX,
};

/**
 * enum xtcp_reason - why a connection changed its state
 * @XTCP_REASON_NONE: no reason yet
 * @XTCP_REASON_USER: a system call asked for it
 * @XTCP_REASON_SEGMENT: the peer's segment led here
 * @XTCP_REASON_RESET_IN: RST received
 * @XTCP_REASON_TIMEOUT: R2, SYN or SYN-ACK retries used up
 * @XTCP_REASON_KEEPALIVE: keepalive probes unanswered
 * @XTCP_REASON_DEAD_PEER: XTCP_DEAD_PEER_MS, user timeout
 * @XTCP_REASON_ICMP: hard ICMP error
 * @XTCP_REASON_UNREAD_DATA: closed with data unread, RFC 2525 2.17
 * @XTCP_REASON_LINGER: SO_LINGER 0
 * @XTCP_REASON_DATA_AFTER_CLOSE: data for a program that has gone
 * @XTCP_REASON_MEMORY: too many orphans, no memory
 * @XTCP_REASON_2MSL: TIME_WAIT is over
 * @XTCP_REASON_RECYCLED: TIME_WAIT gave way to a new SYN
 * @XTCP_REASON_NETNS: the namespace goes
 * @XTCP_REASON_UNLOAD: the module goes
 * @XTCP_REASON_MAX: how many there are
 *
 * Traced by xtcp_state, kept as close reason in struct xtcp_info.
 */
enum xtcp_reason {
	XTCP_REASON_NONE,
	XTCP_REASON_USER,
	XTCP_REASON_SEGMENT,
	XTCP_REASON_RESET_IN,
	XTCP_REASON_TIMEOUT,
	XTCP_REASON_KEEPALIVE,
	XTCP_REASON_DEAD_PEER,
	XTCP_REASON_ICMP,
	XTCP_REASON_UNREAD_DATA,
	XTCP_REASON_LINGER,
	XTCP_REASON_DATA_AFTER_CLOSE,
	XTCP_REASON_MEMORY,
	XTCP_REASON_2MSL,
	XTCP_REASON_RECYCLED,
	XTCP_REASON_NETNS,
	XTCP_REASON_UNLOAD,
	XTCP_REASON_MAX,
};

/*
 * Work that found the socket owned by a program; see xtcp_timeouts_release(). Bits of
 * sk_tsq_flags, which the core keeps for a protocol's release_cb.
 */
#define XTCP_DEFER_TIMER	0	/* timers are due */
#define XTCP_DEFER_MTU		1	/* path MTU was lowered */
#define XTCP_DEFER_PACE		2	/* data held back may go: conn/pacer.c */
#define XTCP_DEFER_ACK		3	/* ACKs have waited for each other */

#define XTCP_ACK_NS_MAX		499000000	/* MUST-40: no ACK is later */

/* Bits of struct xtcp_sock::ack_pending */
#define XTCP_ACK_SCHED		0x1	/* an ACK is owed */
#define XTCP_ACK_NOW		0x2	/* and must not be delayed */
#define XTCP_ACK_NOMEM		0x4	/* and tells a window of zero: data found no memory */
#define XTCP_ACK_PUSHED		0x8	/* PSH came: the end of what the peer wrote */

#include "minisock.h"
#include "sock.h"

/**
 * struct xtcp_cb - our view of skb->cb
 * @seq: first sequence number
 * @end_seq: one past the last; SYN and FIN count
 * @rx: a received segment, parsed once in entry/receive.c. @rx.ack and
 *      @rx.window are the header's (window unscaled), @rx.iif the device it
 *      came in by, @rx.sdif its slave device under a VRF, @rx.urg the urgent pointer
 * @tx: a segment in the send queues. @tx.sent_us is 0 before the first
 *      transmission, @tx.segs how many of @tx.mss bytes it makes on the wire,
 *      @tx.retrans how often it was sent again, @tx.order its place in send_order,
 *      empty if it is not in flight
 * @flags: XTCP_FLAG_*
 * @hdr_len: TCP header with options, bytes
 * @tos: traffic class the segment came with; going out: its ECN field alone
 * @ttl: TTL or hop limit it came with
 * @marks: XTCP_MARK_* of the scoreboard
 */
struct xtcp_cb {
	u32 seq;
	u32 end_seq;
	union {
		struct {
			u32 ack;
			u16 window;
			u16 urg;
			int iif;
			int sdif;
		} rx;
		struct {
			u64 sent_us;
			u16 segs;
			u16 mss;
			u8 retrans;
			struct list_head order;
		} tx;
	};
	u8 flags;
	u8 hdr_len;
	u8 tos;
	u8 ttl;
	u8 marks;
};

#define XTCP_MARK_LOST		0x1	/* conn/board.h has what they mean */
#define XTCP_MARK_SACKED	0x2
#define XTCP_MARK_REXMITTED	0x4

static inline struct xtcp_cb *xtcp_cb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct xtcp_cb) > sizeof(skb->cb));
	return (struct xtcp_cb *)skb->cb;
}

/*
 * Segments in a received skb that begins with its header: a device may leave it to us to count
 * what it has merged, or GRO what it has merged of such.
 */
static inline u32 xtcp_skb_segs(const struct sk_buff *skb)
{
	u32 mss = skb_shinfo(skb)->gso_size;

	if (likely(!mss))
		return 1;
	return max_t(u32, 1, DIV_ROUND_UP(skb->len - xtcp_cb(skb)->hdr_len, mss));
}

/* Clocks. Inside the module time is in microseconds or in wrapping u32 ms. */
static inline u64 xtcp_clock_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

static inline u32 xtcp_clock_ms(void)
{
	return (u32)div_u64(ktime_get_ns(), NSEC_PER_MSEC);
}

/*
 * The clock is read once for a segment, a call or a timer, by whoever begins with it
 * under the socket lock; the steps that follow use that time.
 */
static inline void xtcp_now_take(struct sock *sk)
{
	xtcp_sk(sk)->now_us = xtcp_clock_us();
}

static inline u32 xtcp_now_ms(const struct sock *sk)
{
	return (u32)div_u64(xtcp_sk(sk)->now_us, USEC_PER_MSEC);
}

static inline bool xtcp_is_v4(const struct sock *sk)
{
	return xtcp_sk(sk)->ip_version == 4;
}

static inline u32 xtcp_receive_window(const struct xtcp_sock *xt)
{
	s32 win = xt->rcv_wup + xt->rcv_wnd - xt->rcv_nxt;

	return win < 0 ? 0 : win;
}

/* State groups, as bit masks of 1 << sk_state */
#define XTCP_STATES_SYNCHRONIZED \
	(TCPF_ESTABLISHED | TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT | \
	 TCPF_CLOSING | TCPF_LAST_ACK)
#define XTCP_STATES_MAY_SEND	(TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)

static inline bool xtcp_state_in(const struct sock *sk, int mask)
{
	return (1 << sk->sk_state) & mask;
}

/* Its fields have READ_ONCE() where the lock is not held. */
static inline const struct xtcp_tunables *xtcp_tune(const struct sock *sk)
{
	/* Pairs with xtcp_tune_copy() */
	return smp_load_acquire(&xtcp_sk(sk)->tune);
}

/* A knob: the socket's own wish, else its namespace's value */
#define xtcp_knob_u(sk, name, net_name)					\
	((*xtcp_tune(sk)).name ? (*xtcp_tune(sk)).name :		\
	 READ_ONCE(xtcp_sk(sk)->xn->knobs.net_name))

static inline u32 xtcp_knob_msl_ms(const struct sock *sk)
{
	return xtcp_knob_u(sk, msl_ms, msl_ms);
}

static inline u32 xtcp_knob_rto_min_us(const struct sock *sk)
{
	u32 route_ms = xtcp_sk(sk)->route_rto_min_ms;

	return (route_ms ? route_ms : xtcp_knob_u(sk, rto_min_ms, rto_min_ms)) * USEC_PER_MSEC;
}

static inline u32 xtcp_knob_rto_max_us(const struct sock *sk)
{
	return xtcp_knob_u(sk, rto_max_ms, rto_max_ms) * USEC_PER_MSEC;
}

static inline u32 xtcp_knob_syn_retries(const struct sock *sk)
{
	return xtcp_knob_u(sk, syn_retries, syn_retries);
}

static inline u32 xtcp_knob_synack_retries(const struct sock *sk)
{
	return xtcp_tune(sk)->synack_retries >= 0 ? xtcp_tune(sk)->synack_retries :
		READ_ONCE(xtcp_sk(sk)->xn->knobs.synack_retries);
}

static inline u32 xtcp_knob_orphan_retries(const struct sock *sk)
{
	return xtcp_tune(sk)->orphan_retries >= 0 ? xtcp_tune(sk)->orphan_retries :
		READ_ONCE(xtcp_sk(sk)->xn->knobs.orphan_retries);
}

static inline u32 xtcp_knob_dead_peer_ms(const struct sock *sk)
{
	s32 own = xtcp_tune(sk)->dead_peer_ms;

	if (own)
		return own < 0 ? 0 : own;
	return READ_ONCE(xtcp_sk(sk)->xn->knobs.dead_peer_ms);
}

static inline u32 xtcp_knob_keepalive_time_s(const struct sock *sk)
{
	return xtcp_knob_u(sk, keepalive_time_s, keepalive_time);
}

static inline u32 xtcp_knob_keepalive_intvl_s(const struct sock *sk)
{
	return xtcp_knob_u(sk, keepalive_intvl_s, keepalive_intvl);
}

static inline u32 xtcp_knob_keepalive_probes(const struct sock *sk)
{
	return xtcp_knob_u(sk, keepalive_probes, keepalive_probes);
}

#endif /* _XTCP_H */
