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
#include "pure/rtt.h"
#include "pure/seq.h"
#include "uapi/xtcp.h"

struct xtcp_accept_queue;
struct xtcp_port;

/**
 * enum xtcp_timer - the logical timers of a connection
 * @XTCP_TIMER_REXMIT: retransmission timeout, RFC 6298
 * @XTCP_TIMER_PROBE: tail loss probe, RFC 8985 7.2
 * @XTCP_TIMER_REORDER: RACK reordering window, RFC 8985 6.2
 * @XTCP_TIMER_PERSIST: zero-window probe, RFC 9293 3.8.6.1
 * @XTCP_TIMER_DELACK: delayed acknowledgement, RFC 9293 3.8.6.3
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

/**
 * enum xtcp_reason - why a connection changed its state
 *
 * Traced by xtcp_state, kept as close reason in struct xtcp_info.
 */
enum xtcp_reason {
	XTCP_REASON_NONE,
	XTCP_REASON_USER,		/* a system call asked for it */
	XTCP_REASON_SEGMENT,		/* the peer's segment led here */
	XTCP_REASON_RESET_IN,		/* RST received */
	XTCP_REASON_TIMEOUT,		/* R2, SYN or SYN-ACK retries used up */
	XTCP_REASON_KEEPALIVE,		/* keepalive probes unanswered */
	XTCP_REASON_DEAD_PEER,		/* XTCP_DEAD_PEER_MS, user timeout */
	XTCP_REASON_ICMP,		/* hard ICMP error */
	XTCP_REASON_UNREAD_DATA,	/* closed with data unread, RFC 2525 2.17 */
	XTCP_REASON_LINGER,		/* SO_LINGER 0 */
	XTCP_REASON_DATA_AFTER_CLOSE,	/* data for a program that has gone */
	XTCP_REASON_MEMORY,		/* too many orphans, no memory */
	XTCP_REASON_2MSL,		/* TIME_WAIT is over */
	XTCP_REASON_RECYCLED,		/* TIME_WAIT gave way to a new SYN */
	XTCP_REASON_NETNS,		/* the namespace goes */
	XTCP_REASON_UNLOAD,		/* the module goes */
	XTCP_REASON_MAX,
};

/* Work that found the socket owned by a program; see xtcp_timeouts_release(). */
#define XTCP_DEFER_TIMER	0	/* timers are due */
#define XTCP_DEFER_WRITE	1	/* the core freed one of our skbs */
#define XTCP_DEFER_MTU		2	/* path MTU was lowered */
#define XTCP_DEFER_ICMP		3	/* redirect: route again */

/* Bits of struct xtcp_sock::ack_pending */
#define XTCP_ACK_SCHED		0x1	/* an ACK is owed */
#define XTCP_ACK_NOW		0x2	/* and must not be delayed */
#define XTCP_ACK_TIMER		0x4	/* the delayed ACK timer runs for it */

/**
 * struct xtcp_tunables - per-socket copies of the knobs; 0 means: the namespace's
 * @msl_ms: maximum segment lifetime, ms; TIME_WAIT lasts twice this
 * @syn_budget_ms: connect() as a whole gives up after this, ms
 * @rto_min_ms: lower bound of the RTO, ms
 * @rto_max_ms: upper bound of the RTO, ms
 * @dead_peer_ms: deadline for a silent peer, ms; -1 means off here
 * @user_timeout_ms: TCP_USER_TIMEOUT, RFC 5482, ms
 * @keepalive_time_s: TCP_KEEPIDLE, s
 * @keepalive_intvl_s: TCP_KEEPINTVL, s
 * @linger2_ms: TCP_LINGER2, ms; -1: no FIN_WAIT_2 for orphans
 * @keepalive_probes: TCP_KEEPCNT
 * @syn_retries: TCP_SYNCNT
 * @synack_retries: XTCP_SYNACK_RETRIES; -1: the namespace's
 * @orphan_retries: XTCP_ORPHAN_RETRIES; -1: the namespace's
 * @defer_accept: TCP_DEFER_ACCEPT as a number of SYN-ACK timeouts
 *
 * Written under the socket lock by sockopt.c, inherited by children. Read by
 * the xtcp_knob_*() helpers in netns.h style accessors below.
 */
struct xtcp_tunables {
	u32 msl_ms;
	u32 syn_budget_ms;
	u32 rto_min_ms;
	u32 rto_max_ms;
	s32 dead_peer_ms;
	u32 user_timeout_ms;
	u32 keepalive_time_s;
	u32 keepalive_intvl_s;
	s32 linger2_ms;
	u8 keepalive_probes;
	u8 syn_retries;
	s16 synack_retries;
	s16 orphan_retries;
	u8 defer_accept;
};

/**
 * struct xtcp_sock - one connection, listener or unconnected socket
 * @inet: the kernel's inet_sock; must be first
 *
 * All fields are protected by the socket lock unless their comment says
 * otherwise. Sequence numbers are those of RFC 9293 3.3.1.
 */
struct xtcp_sock {
	struct inet_sock inet;

	/* What is sent: RFC 9293 3.3.1, Send Sequence Variables */
	u32 iss;		/* initial send sequence number */
	u32 snd_una;		/* oldest unacknowledged */
	u32 snd_nxt;		/* next to be sent */
	u32 snd_wnd;		/* peer's window, bytes, scaled */
	u32 snd_wl1;		/* segment seq of the last window update */
	u32 snd_wl2;		/* segment ack of the last window update */
	u32 snd_max_wnd;	/* largest window ever offered: MUST-38 */
	u32 write_seq;		/* end of what the program wrote, FIN included */
	u32 pushed_seq;		/* last byte marked PSH */
	u32 snd_sml;		/* end of the last small segment: Minshall's Nagle */

	/* What is received: Receive Sequence Variables */
	u32 irs;		/* initial receive sequence number */
	u32 rcv_nxt;		/* next expected */
	u32 rcv_wup;		/* rcv_nxt when the window was last told */
	u32 rcv_wnd;		/* window last told, from rcv_wup, bytes */
	u32 copied_seq;		/* next byte the program will read */
	u32 window_clamp;	/* TCP_WINDOW_CLAMP or the buffer, bytes */
	u32 rcv_ssthresh;	/* window to offer now, grows with use, bytes */

	/* Segment sizes, bytes */
	u16 mss_cache;		/* payload per segment now, options deducted: MUST-16 */
	u16 mss_clamp;		/* peer's MSS option, or 536/1220: MUST-15 */
	u16 user_mss;		/* TCP_MAXSEG, 0: none */
	u16 advmss;		/* MSS option we send: MUST-67 */
	u16 rcv_mss;		/* estimate of the peer's segment size */
	u32 pmtu;		/* path MTU mss_cache was computed for, bytes */
	u32 mtu_info;		/* MTU of an ICMP error; lockless, XTCP_DEFER_MTU */

	/* Agreed in the handshake */
	u8 snd_wscale:4;	/* shift of the windows we receive */
	u8 rcv_wscale:4;	/* shift of the windows we send */
	u8 wscale_ok:1;
	u8 ts_ok:1;		/* RFC 7323 timestamps on every segment */
	u8 sack_ok:1;
	u8 passive_open:1;	/* MUST-11: SYN_RECV came from LISTEN */
	u8 ip_version:4;	/* on the wire: 4 or 6 (4 for v4-mapped) */
	u8 wire_protocol;	/* 6 or 253 */

	/* Wishes of the program */
	u8 nodelay:1;		/* TCP_NODELAY */
	u8 cork:1;		/* TCP_CORK */
	u8 quickack:1;		/* TCP_QUICKACK: no delayed ACKs */
	u8 saw_fin:1;		/* the peer's FIN was taken in, in order */
	u8 fin_queued:1;	/* our FIN is in the send queue */
	u8 synack_pending:1;	/* SYN_RECV of a simultaneous open */
	u8 dead_ref:1;		/* the module reference was given back */
	u8 hashed:1;		/* in the flow table; flows.c alone writes it */
	u8 listening:1;		/* in the listener table; listeners.c alone writes it */
	u8 close_reason;	/* enum xtcp_reason */
	u8 shutdown_peer:1;	/* a FIN or RST ended the receive side */
	u8 save_syn;		/* TCP_SAVE_SYN: 0 off, 1 IP header on, 2 MAC too */
	u8 af_xtcp:1;		/* made by socket(AF_XTCP): may narrow to AF_INET */
	u8 clamp_set:1;		/* TCP_WINDOW_CLAMP: window_clamp is the program's */
	u32 notsent_lowat;	/* TCP_NOTSENT_LOWAT, bytes; 0: none */
	struct xtcp_tunables tune;

	/* RFC 7323 */
	u32 ts_offset;		/* added to our clock, ms */
	u32 ts_recent;		/* newest TSval in order */
	u32 ts_recent_age_s;	/* when it was taken, seconds of boot time */
	u32 last_ack_sent;	/* RFC 7323 4.3, Last.ACK.sent */

	/* Retransmission, congestion */
	struct xtcp_rtt rtt;
	struct xtcp_cc cc;
	u32 packets_out;	/* segments in flight, by count */
	u32 retrans_out;	/* of these, retransmitted and not acked */
	u32 lost_out;		/* of these, marked lost; retransmitting keeps the mark */
	u32 high_seq;		/* RFC 6582 recover: snd_nxt when recovery began */
	u8 ca_state;		/* enum xtcp_ca_state of recovery/recovery.h */
	u8 dupacks;		/* duplicate ACKs in a row */
	u8 retransmits;		/* timeouts in a row without progress */
	u8 probes_out;		/* zero-window or keepalive probes unanswered */
	u8 persist_backoff;
	u32 retrans_stamp_ms;	/* when what is missed in this stall was first sent, ms; 0: none */
	u32 undo_marker;	/* snd_una when cwnd was cut; 0: none */
	u32 last_sent_ms;	/* last data sent, ms */
	u32 last_data_ms;	/* last data received, ms: interactive or not */
	u32 last_rcv_ms;	/* last segment received, ms: keepalive, dead peer */
	u32 last_ack_ms;	/* last acceptable ACK received, ms */
	u32 probes_since_ms;	/* first unanswered zero-window probe, ms */
	u32 total_retrans;	/* segments sent again, ever */

	/* Acknowledgements owed */
	u8 ack_pending;		/* XTCP_ACK_* */
	u8 quick_acks;		/* how many more go out at once */
	u8 pingpong;		/* interactive: ACKs may ride on data */
	u16 rcv_segs_unacked;	/* full segments since the last ACK */
	u32 challenge_ms;	/* last ACK for a bare segment out of window, ms */
	u32 challenge_burst_ms;	/* when the present burst of challenge ACKs began, ms */
	u8 challenge_burst;	/* how many it has */

	/* Queues; the rest is sk_write_queue (unsent), sk->tcp_rtx_queue (sent) */
	struct rb_root ooo_queue;	/* out of order, by seq */
	struct sk_buff *ooo_last;	/* highest seq in ooo_queue */
	u32 dsack_start, dsack_end;	/* duplicate to report next, RFC 2883; equal: none */
	u32 ooo_recent;		/* seq of what was queued last: first SACK block */
	u32 rcv_ooo_bytes;

	/* Timers: conn/timers.c alone writes these */
	u32 timer_deadline[XTCP_TIMER_MAX];	/* jiffies, low 32 bits */
	u16 timers_pending;			/* bit per enum xtcp_timer */
	unsigned long deferred;			/* XTCP_DEFER_*; atomic bit ops */

	/* Passive side */
	struct xtcp_accept_queue *acceptq;	/* a listener's; freed after RCU */
	struct sock *parent;			/* child in SYN_RECV: its listener, a reference */
	struct list_head accept_node;		/* a child's place in it; acceptq lock */
	struct saved_syn *saved_syn;		/* TCP_SAVED_SYN */

	/* Ports: conn/ports.c */
	struct xtcp_port *port;			/* reservation held, or NULL */
	struct hlist_node port_node;		/* in port->owners, port->lock; not a child's */
	bool port_listens;			/* the reservation listens for it; ports.c */

	/* For people: never read by the protocol */
	u64 state_since_us;			/* clock at the last state change */
	s32 creator_pid;
	u64 bytes_acked;	/* payload the peer has acknowledged: RFC 5961 5.2 */
	u64 bytes_in, bytes_out;
	u32 segs_in, segs_out;
};

/**
 * struct xtcp6_sock - the same with what IPv6 options need at the end
 * @xtcp: the connection
 * @inet6: found by inet6_sk() through inet_sock.pinet6
 */
struct xtcp6_sock {
	struct xtcp_sock xtcp;
	struct ipv6_pinfo inet6;
};

static inline struct xtcp_sock *xtcp_sk(const struct sock *sk)
{
	return (struct xtcp_sock *)sk;
}

/**
 * struct xtcp_request - a half-open connection: state SYN_RECV from LISTEN
 * @ireq: the kernel's request; LSMs, netlabel and SYN-ACK routing read it.
 *        rsk_timer, num_timeout, num_retrans, rsk_listener (one reference),
 *        mss (peer's), ts_recent and saved_syn are used as the kernel does.
 *        rsk_refcnt: one for the table, one for a pending timer, lookups
 * @rcv_isn: the SYN's sequence number
 * @snt_isn: the SYN-ACK's
 * @ts_offset: timestamp offset of this tuple, ms
 * @synack_sent_ms: when the first SYN-ACK went out, for the RTT, ms
 * @window: peer's window of the SYN, unscaled, bytes
 * @rcv_wnd: window we offered in the SYN-ACK, bytes
 * @last_oow_ack_ms: when a challenge ACK last went out, ms
 * @deadline: when the SYN-ACK timer is due, low half of jiffies; timers.c
 * @since_us: when the request was made
 * @wire_protocol: 6 or 253
 * @tos: traffic class of the SYN
 * @acked: the third ACK came but accept queue was full, or TCP_DEFER_ACCEPT waits
 *
 * Made by input/listen.c; immutable but for the counters (READ_ONCE).
 * Lives in a SLAB_TYPESAFE_BY_RCU cache.
 */
struct xtcp_request {
	struct inet_request_sock ireq;
	u32 rcv_isn;
	u32 snt_isn;
	u32 ts_offset;
	u32 synack_sent_ms;
	u32 last_oow_ack_ms;
	u32 rcv_wnd;
	u32 deadline;
	u16 window;
	u8 wire_protocol;
	u8 tos;
	u8 acked;
	u64 since_us;
};

static inline struct xtcp_request *xtcp_req(const struct sock_common *skc)
{
	return (struct xtcp_request *)skc;
}

/**
 * struct xtcp_timewait - what is left of a connection in TIME_WAIT
 * @common: addresses, ports, net, device, family, cookie; state TCP_TIME_WAIT
 * @timer: one for 2MSL; a pending timer holds a reference
 * @deadline: when 2MSL is over, low half of jiffies; timers.c
 * @rcv_nxt: after the peer's FIN
 * @snd_nxt: after our FIN
 * @rcv_wnd: last window told, scaled down as on the wire
 * @ts_recent: as in struct xtcp_sock
 * @ts_recent_age_s: as in struct xtcp_sock
 * @ts_offset: as in struct xtcp_sock
 * @challenge_ms: last ACK sent for an out-of-window segment, ms
 * @msl_ms: of the socket it came from, ms
 * @mark: SO_MARK of the socket
 * @uid: owner, for /proc
 * @pid: creator, for traces
 * @since_us: when TIME_WAIT began
 * @node: in the namespace's list, for purge; xtcp_net.tw_lock
 * @wire_protocol: 6 or 253
 * @ip_version: 4 or 6 on the wire
 * @ts_ok: timestamps are on
 * @transparent: IP_TRANSPARENT was set: our address need not be local
 * @tos: traffic class
 * @flowlabel: IPv6 flow label
 * @port: reservation held, so that the host cannot bind what we still answer
 *
 * Lives in a SLAB_TYPESAFE_BY_RCU cache.
 */
struct xtcp_timewait {
	struct sock_common common;
	struct timer_list timer;
	struct list_head node;
	u32 deadline;
	u32 rcv_nxt;
	u32 snd_nxt;
	u32 ts_recent;
	u32 ts_recent_age_s;
	u32 ts_offset;
	u32 challenge_ms;
	u32 msl_ms;
	u32 mark;
	kuid_t uid;
	s32 pid;
	u64 since_us;
	__be32 flowlabel;
	u16 rcv_wnd;
	u8 wire_protocol;
	u8 ip_version:4;
	u8 ts_ok:1;
	u8 transparent:1;
	u8 tos;
	struct xtcp_port *port;
};

static inline struct xtcp_timewait *xtcp_tw(const struct sock_common *skc)
{
	return (struct xtcp_timewait *)skc;
}

/**
 * struct xtcp_cb - our view of skb->cb
 * @seq: first sequence number
 * @end_seq: one past the last; SYN and FIN count
 * @rx: a received segment, parsed once in entry/receive.c. @rx.ack and
 *      @rx.window are the header's (window unscaled), @rx.iif the device it
 *      came in by, @rx.sdif its slave device under a VRF, @rx.urg the urgent pointer
 * @tx: a segment in the send queues. @tx.sent_us is 0 before the first
 *      transmission, @tx.segs how many of @tx.mss bytes it makes on the wire,
 *      @tx.retrans how often it was sent again
 * @flags: XTCP_FLAG_*
 * @hdr_len: TCP header with options, bytes
 * @tos: traffic class the segment came with
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
		} tx;
	};
	u8 flags;
	u8 hdr_len;
	u8 tos;
	u8 ttl;
	u8 marks;
};

#define XTCP_MARK_LOST		0x1
#define XTCP_MARK_SACKED	0x2
#define XTCP_MARK_REXMITTED	0x4	/* sent again, neither acked nor lost since */

static inline struct xtcp_cb *xtcp_cb(const struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct xtcp_cb) > sizeof(skb->cb));
	return (struct xtcp_cb *)skb->cb;
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

/* A knob: the socket's own wish, else its namespace's value */
#define xtcp_knob_u(sk, name, net_name)					\
	(xtcp_sk(sk)->tune.name ? xtcp_sk(sk)->tune.name :		\
	 READ_ONCE(xtcp_net(sock_net(sk))->knobs.net_name))

static inline u32 xtcp_knob_msl_ms(const struct sock *sk)
{
	return xtcp_knob_u(sk, msl_ms, msl_ms);
}

static inline u32 xtcp_knob_rto_min_us(const struct sock *sk)
{
	return xtcp_knob_u(sk, rto_min_ms, rto_min_ms) * USEC_PER_MSEC;
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
	return xtcp_sk(sk)->tune.synack_retries >= 0 ? xtcp_sk(sk)->tune.synack_retries :
		READ_ONCE(xtcp_net(sock_net(sk))->knobs.synack_retries);
}

static inline u32 xtcp_knob_orphan_retries(const struct sock *sk)
{
	return xtcp_sk(sk)->tune.orphan_retries >= 0 ? xtcp_sk(sk)->tune.orphan_retries :
		READ_ONCE(xtcp_net(sock_net(sk))->knobs.orphan_retries);
}

static inline u32 xtcp_knob_dead_peer_ms(const struct sock *sk)
{
	s32 own = xtcp_sk(sk)->tune.dead_peer_ms;

	if (own)
		return own < 0 ? 0 : own;
	return READ_ONCE(xtcp_net(sock_net(sk))->knobs.dead_peer_ms);
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
