/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The full socket. Included by xtcp.h, which has the enums it uses.
 */
#ifndef _XTCP_SOCK_H
#define _XTCP_SOCK_H

#include <linux/hrtimer.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>

#include "pure/cc.h"
#include "pure/options.h"
#include "pure/prr.h"
#include "pure/rack.h"
#include "pure/rtt.h"

struct xtcp_accept_queue;
struct xtcp_net;
struct xtcp_pacer;
struct xtcp_port;

/**
 * struct xtcp_tunables - what a program set for its socket; 0 means: the namespace's
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
 * @save_syn: TCP_SAVE_SYN: 0 off, 1 IP header on, 2 MAC too
 * @user_mss: TCP_MAXSEG, bytes; 0: none
 * @notsent_lowat: TCP_NOTSENT_LOWAT, bytes; 0: none
 * @saved_syn: TCP_SAVED_SYN: a child's; not inherited
 *
 * Few programs set any, so it is no part of the socket: conn/tune.h. Written under the
 * socket lock by sockopt.c, inherited by children. Read through xtcp_tune() and the
 * xtcp_knob_*() helpers of xtcp.h.
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
	u8 save_syn;
	u16 user_mss;
	u32 notsent_lowat;
	struct saved_syn *saved_syn;
};

/**
 * struct xtcp_sack_recent - a block, as far as it was seen to grow
 * @seq: the piece that came last: where the block is looked for
 * @start: first number
 * @end: one past the last
 */
struct xtcp_sack_recent {
	u32 seq, start, end;
};

/**
 * struct xtcp_disorder - what only loss, reordering and duplication need
 * @sack_timer: an ACK of what came out of order waits for more of it; armed by timers.c, a
 *              reference while it is
 * @sk: whose it is
 * @ooo_queue: out of order, by seq
 * @ooo_last: highest seq in ooo_queue
 * @dsack_start: duplicate to report next, RFC 2883: first number
 * @dsack_end: one past its last; equal: none
 * @sack_recent: the blocks that something came for last, the latest first
 * @sack_recents: how many
 * @dup_acks_of: rcv_nxt that the last duplicate ACKs told
 * @dup_acks: so many of them went out at once; from XTCP_RACK_DUPTHRESH on they may wait
 * @acks_held: ACKs that wait for @sack_timer
 * @sacks_untold: so many of @sack_recent something came for since the last ACK
 * @rcv_ooo_bytes: payload in ooo_queue
 * @sack_seen: SACK blocks of the last ACK, ascending; equal borders: none
 * @prr: sending in recovery; its recover_fs is 0 if there is none
 * @undo_marker: snd_una when the window was last reduced, if xtcp_sock.undo_valid
 * @undo_retrans: retransmissions since then that no DSACK told to be needless
 * @undo_stamp_ms: when the first of them was sent, ms, 0: none
 * @dsacks: segments that were reported to have come twice, ever
 *
 * Socket lock. conn/disorder.h says what happens if there is no memory for it.
 */
struct xtcp_disorder {
	struct hrtimer sack_timer;
	struct sock *sk;
	/* What follows is one connection's: conn/disorder.c */
	struct rb_root ooo_queue;
	struct sk_buff *ooo_last;
	u32 dsack_start, dsack_end;
	struct xtcp_sack_recent sack_recent[XTCP_SACKS_MAX + 1];
	u32 sack_recents;
	u32 dup_acks_of;
	u8 dup_acks;
	u8 acks_held;
	u8 sacks_untold;
	u32 rcv_ooo_bytes;
	struct xtcp_sack_block sack_seen[XTCP_SACKS_MAX];
	struct xtcp_prr prr;
	u32 undo_marker;
	u32 undo_retrans;
	u32 undo_stamp_ms;
	u32 dsacks;
};

/**
 * struct xtcp_sock - one connection, listener or unconnected socket
 * @inet: the kernel's inet_sock; must be first
 * @xn: XTCP's part of its namespace, which outlives it; written once
 * @snd_una: oldest unacknowledged; ISS until then, which nobody needs later
 * @snd_nxt: next to be sent
 * @snd_wnd: peer's window, bytes, scaled
 * @snd_wl1: segment seq of the last window update
 * @snd_wl2: segment ack of the last window update
 * @snd_max_wnd: largest window ever offered: MUST-38
 * @write_seq: end of what the program wrote, FIN included
 * @pushed_seq: last byte marked PSH
 * @snd_sml: end of the last small segment: Minshall's Nagle
 * @rcv_nxt: next expected; in SYN_RECV one past IRS, which nobody needs later
 * @rcv_wup: rcv_nxt when the window was last told: Last.ACK.sent of RFC 7323 4.3
 * @rcv_wnd: window last told, from rcv_wup, bytes
 * @copied_seq: next byte the program will read
 * @window_clamp: TCP_WINDOW_CLAMP or the buffer, bytes
 * @rcv_ssthresh: window to offer now, grows with use, bytes
 * @rcv_rtt_us: RTT as the receiver sees it, microseconds; 0: not known yet
 * @rcv_rtt_seq: without timestamps: when this number has come, one RTT has passed
 * @rcv_rtt_since_us: since then, low half of the clock
 * @rcv_space: most the program has read in one RTT, bytes
 * @rcv_space_seq: copied_seq when this RTT began
 * @rcv_space_us: when it began, low half of the clock
 * @mss_cache: payload per segment now, options deducted: MUST-16
 * @mss_clamp: peer's MSS option, or 536/1220: MUST-15
 * @advmss: MSS option we send: MUST-67
 * @rcv_mss: estimate of the peer's segment size
 * @rcv_size: payload of the last segment, 0: it may have been shorter than it could be
 * @urg_data: XTCP_URG_* and the urgent byte; 0: no mark ahead; read without lock
 * @pmtu: path MTU mss_cache was computed for, bytes
 * @probe_mss: segments are no larger than this, whatever the route says; 0: no such
 *             limit is known; probe_mtu.c, as all of these
 * @probe_high: larger ones are known not to pass; U16_MAX: nothing is known
 * @probe_size: of a probe under way, 0: none
 * @route_rto_min_ms: the route's, with precedence; 0: none
 * @probe_end: one past the last number of a probe, if @probe_size
 * @probe_wait_ms: no probe under way: when the search came to its end, ms; 0: it goes on
 * @mtu_info: MTU of an ICMP error; lockless, XTCP_DEFER_MTU
 * @snd_wscale: shift of the windows we receive
 * @rcv_wscale: shift of the windows we send
 * @wscale_ok: RFC 7323 window scale is in use
 * @ts_ok: RFC 7323 timestamps on every segment
 * @sack_ok: RFC 2018 SACK is permitted
 * @established: the handshake is over: it was ESTABLISHED
 * @passive_open: MUST-11: SYN_RECV came from LISTEN
 * @ip_version: on the wire: 4 or 6 (4 for v4-mapped)
 * @wire_protocol: 6 or 253
 * @nodelay: TCP_NODELAY
 * @cork: TCP_CORK
 * @quickack: TCP_QUICKACK: no delayed ACKs
 * @saw_fin: the peer's FIN was taken in, in order
 * @fin_queued: our FIN is in the send queue
 * @dead_ref: the module reference was given back
 * @hashed: in the flow table; flows.c alone writes it
 * @listening: in the listener table; listeners.c alone writes it
 * @close_reason: enum xtcp_reason
 * @af_xtcp: made by socket(AF_XTCP): may narrow to AF_INET
 * @clamp_set: TCP_WINDOW_CLAMP: window_clamp is the program's
 * @route_quickack: the route asks for it
 * @ack_patient: no early ACK has waited in vain for an answer of the program yet
 * @ooo_dense: nothing of ooo_queue can be copied together; rcvprune.c
 * @ecn_ok: RFC 3168: CE is answered; this and the next: recovery/ecn.h
 * @ecn_ect: new data are ECT(0)
 * @ecn_echo: ECE is owed on every ACK
 * @ecn_cwr: CWR is due on the next new data
 * @ecn_seen: data came as ECT or CE
 * @urg_out: there is urgent data up to @snd_up that the peer has not acknowledged
 * @tune: what the program wishes; the shared xtcp_tune_none until it wishes something
 * @ts_offset: added to our clock, ms
 * @ts_recent: newest TSval in order
 * @ts_recent_age_s: when it was taken, seconds of boot time
 * @now_us: when the segment, the call or the timer at hand began; xtcp_now_take()
 * @rtt: RFC 6298
 * @cc: congestion window and the algorithm behind it
 * @rtt_end: snd_nxt when this round of samples began
 * @packets_out: segments sent and not acknowledged cumulatively
 * @sacked_out: of these, acknowledged selectively
 * @retrans_out: of these, retransmitted and not acked
 * @lost_out: of these, marked lost; retransmitting keeps the mark
 * @high_seq: RFC 6582 recover: snd_nxt at the last reduction
 * @dupacks: without SACK: duplicate ACKs in a row, or that came for new data after a timeout
 * @rexmit_next: nothing below it is marked lost and not sent again
 * @send_order: cb.tx.order of what is in flight, by time of transmission
 * @rack: loss detection by time
 * @ca_state: enum xtcp_ca_state of recovery/recovery.h
 * @frto: RFC 5682: enum xtcp_frto of recovery/recovery.h
 * @undo_valid: there is a reduction that may turn out to be wrong, and @disorder
 * @tlp_out: a tail loss probe is under way, up to @rack.tlp_end_seq
 * @tlp_retrans: it was a retransmission, not new data
 * @ecn_hold: ECE at a window of one segment: nothing new until the timer ran out
 * @retransmits: timeouts in a row without progress
 * @probes_out: zero-window or keepalive probes unanswered
 * @persist_backoff: zero-window probes: exponent of the interval
 * @retrans_stamp_ms: when what is missed in this stall was first sent, ms; 0: none
 * @used_segs: most in flight since @used_since, segments; 0: the window was full
 * @used_since: when the window was full or was judged, 128 ms; comes round in half a minute
 * @last_sent_ms: last data sent, ms
 * @last_data_ms: last data received, ms: interactive or not
 * @last_rcv_ms: last segment received, ms: keepalive, dead peer
 * @last_ack_ms: last acceptable ACK received, ms
 * @probes_since_ms: first unanswered zero-window probe, ms
 * @total_retrans: segments sent again, ever
 * @ack_pending: XTCP_ACK_*
 * @quick_acks: how many more go out at once
 * @pingpong: interactive: ACKs may ride on data
 * @challenge_burst_ms: when the present burst of challenge ACKs began, ms
 * @challenge_burst: how many it has
 * @challenge_bare: a bare segment out of window was answered since then
 * @disorder: NULL until something is lost, or comes out of order or twice; may stay NULL
 *            then as well: no memory; conn/disorder.h
 * @timer_deadline: jiffies, low 32 bits
 * @timers_pending: bit per enum xtcp_timer
 * @pacer: pacing and what waits below; NULL until needed; set once
 * @acceptq: a listener's; freed after RCU
 * @parent: child in SYN_RECV, while @undelivered: its listener, a reference
 * @accept_node: a child's place in its listener's queue; acceptq lock
 * @port: reservation held, or NULL
 * @port_node: in port->owners, if @port_owner; port->lock
 * @undelivered: a child that is not established yet
 * @port_owner: it was bound; a child shares its listener's binding instead
 * @port_listens: the reservation listens for it; ports.c
 * @snd_up: RFC 9293 3.3.1, SND.UP: one past the last urgent byte, if @urg_out
 * @urg_seq: number of the last urgent byte received, the mark, if @urg_data
 * @creator_pid: process that made the socket, or its listener
 * @state_since_us: clock at the last state change
 * @bytes_acked: payload the peer has acknowledged: RFC 5961 5.2
 * @bytes_in: payload received in order
 * @bytes_out: payload sent, retransmissions included
 * @segs_in: segments received
 * @segs_out: segments sent
 *
 * All fields are protected by the socket lock unless their comment says
 * otherwise. Sequence numbers are those of RFC 9293 3.3.1.
 */
struct xtcp_sock {
	struct inet_sock inet;
	struct xtcp_net *xn;
	const struct xtcp_tunables *tune;

	/* What is sent: RFC 9293 3.3.1, Send Sequence Variables */
	u32 snd_una;
	u32 snd_nxt;
	u32 snd_wnd;
	u32 snd_wl1;
	u32 snd_wl2;
	u32 snd_max_wnd;
	u32 write_seq;
	u32 pushed_seq;
	u32 snd_sml;

	/* What is received: Receive Sequence Variables */
	u32 rcv_nxt;
	u32 rcv_wup;
	u32 rcv_wnd;
	u32 copied_seq;
	u32 window_clamp;
	u32 rcv_ssthresh;
	u32 rcv_rtt_us;
	u32 rcv_space;
	u32 rcv_space_seq;
	u32 rcv_space_us;

	/* Segment sizes, bytes */
	u16 mss_cache;
	u16 mss_clamp;
	u16 advmss;
	u16 rcv_mss;
	u16 rcv_size;
	u16 urg_data;
	u16 probe_mss;
	u16 probe_high;
	u16 probe_size;
	union {
		u32 probe_end;
		u32 probe_wait_ms;
	};
	u32 pmtu;
	u16 mtu_info;
	u16 used_segs;
	u16 route_rto_min_ms;

	/* Agreed in the handshake */
	u8 snd_wscale:4;
	u8 rcv_wscale:4;
	u8 wscale_ok:1;
	u8 ts_ok:1;
	u8 sack_ok:1;
	u8 passive_open:1;
	u8 ip_version:4;
	u8 wire_protocol;

	/* Wishes of the program */
	u8 nodelay:1;
	u8 cork:1;
	u8 quickack:1;
	u8 saw_fin:1;
	u8 fin_queued:1;
	u8 dead_ref:1;
	u8 hashed:1;
	u8 listening:1;
	u8 af_xtcp:1;
	u8 clamp_set:1;
	u8 route_quickack:1;
	u8 ack_patient:1;
	u8 ooo_dense:1;
	u8 ecn_ok:1;
	u8 ecn_ect:1;
	u8 ecn_echo:1;
	u8 ecn_cwr:1;
	u8 ecn_seen:1;
	u8 urg_out:1;
	u8 undelivered:1;
	u8 port_owner:1;
	u8 challenge_bare:1;
	u8 established:1;
	u8 pingpong:1;

	/* RFC 7323 */
	u32 ts_offset;
	union {
		struct {	/* if ts_ok */
			u32 ts_recent;
			u32 ts_recent_age_s;
		};
		struct {	/* else, in ESTABLISHED and later */
			u32 rcv_rtt_seq;
			u32 rcv_rtt_since_us;
		};
	};

	s32 creator_pid;	/* for people; here it fits */

	/* Retransmission, congestion */
	u64 now_us;
	struct xtcp_rtt rtt;
	struct xtcp_cc cc;
	u32 rtt_end;
	u32 packets_out;
	u32 sacked_out;
	u32 retrans_out;
	u32 lost_out;
	u32 high_seq;
	u32 dupacks;
	u32 rexmit_next;
	struct list_head send_order;
	struct xtcp_rack rack;
	u8 ca_state:2;
	u8 frto:2;
	u8 undo_valid:1;
	u8 tlp_out:1;
	u8 tlp_retrans:1;
	u8 ecn_hold:1;
	u8 retransmits;
	u8 probes_out;
	u8 persist_backoff;
	u32 retrans_stamp_ms;
	u32 last_sent_ms;
	u32 last_data_ms;
	u32 last_rcv_ms;
	u32 last_ack_ms;
	u32 probes_since_ms;
	u32 total_retrans;

	/* Acknowledgments owed */
	u8 ack_pending;
	u8 quick_acks;
	u8 used_since;
	u8 challenge_burst;
	u32 challenge_burst_ms;

	/*
	 * Queues: sk_write_queue (unsent), tcp_rtx_queue (sent), sk_receive_queue; and what
	 * waits out of order
	 */
	struct xtcp_disorder *disorder;

	/* Timers: conn/timers.[ch] alone write these */
	u32 timer_deadline[XTCP_TIMER_MAX];
	u16 timers_pending;

	u8 close_reason;
	bool port_listens;
	struct xtcp_pacer *pacer;

	/* Passive side and ports: acceptq.c, conn/ports.c */
	struct xtcp_accept_queue *acceptq;
	struct xtcp_port *port;
	/*
	 * A child has a parent until it is delivered, then a place in the accept queue until
	 * a program has it; only a program binds.
	 */
	union {
		struct sock *parent;
		struct list_head accept_node;
		struct hlist_node port_node;
	};

	/* Urgent data: conn/urg.h; urg_out and urg_data say whether these mean anything */
	u32 snd_up;
	u32 urg_seq;

	/* For people: never read by the protocol */
	u64 state_since_us;
	u64 bytes_acked;
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

/*
 * A connection costs little besides. Up to here the objects of IPv4 and IPv6 take 1536 and
 * 1696 bytes on Linux 6.1, the slab's pointer included. What few connections need belongs
 * into struct xtcp_tunables or struct xtcp_disorder.
 */
static_assert(sizeof(struct xtcp_sock) - sizeof(struct inet_sock) <= 536,
	      "struct xtcp_sock has grown: see Documentation/performance.rst");

static inline struct xtcp_sock *xtcp_sk(const struct sock *sk)
{
	return (struct xtcp_sock *)sk;
}

#endif /* _XTCP_SOCK_H */
