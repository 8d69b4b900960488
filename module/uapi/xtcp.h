/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * XTCP: what programs need to use it.
 *
 *	int fd = socket(AF_XTCP, SOCK_STREAM, 0);
 *	int fd = socket(AF_INET6, SOCK_STREAM, IPPROTO_XTCP);
 */
#ifndef _UAPI_XTCP_H
#define _UAPI_XTCP_H

#include <linux/types.h>

#define AF_XTCP		22	/* module parameter family= */
#define PF_XTCP		AF_XTCP
#define IPPROTO_XTCP	253	/* the alias under AF_INET and AF_INET6; RFC 3692 */
#define SOL_XTCP	253

/* Options of level SOL_XTCP; int unless said otherwise */
#define XTCP_WIRE_PROTOCOL	1	/* 6 or 253, before bind and connect */
#define XTCP_MSL_MS		2	/* TIME_WAIT lasts twice this, ms */
#define XTCP_SYN_BUDGET_MS	3	/* connect() gives up after this, ms; 0: by retries */
#define XTCP_RTO_MIN_MS		4	/* bounds of the retransmission timeout, ms */
#define XTCP_RTO_MAX_MS		5
#define XTCP_DEAD_PEER_MS	6	/* deadline for a silent peer, ms; 0: off */
#define XTCP_INFO		7	/* struct xtcp_info, read only */
#define XTCP_SYNACK_RETRIES	8	/* of a listener */
#define XTCP_ORPHAN_RETRIES	9	/* after close */
#define XTCP_ZEROCOPY		10	/* SO_ZEROCOPY, which kernels before 6.5 deny others */

/* Index into struct xtcp_info::timer_ms */
enum xtcp_info_timer {
	XTCP_INFO_TIMER_REXMIT,
	XTCP_INFO_TIMER_PROBE,
	XTCP_INFO_TIMER_REORDER,
	XTCP_INFO_TIMER_PERSIST,
	XTCP_INFO_TIMER_DELACK,
	XTCP_INFO_TIMER_KEEPALIVE,
	XTCP_INFO_TIMER_FINWAIT2,
	XTCP_INFO_TIMER_DEADPEER,
	XTCP_INFO_TIMER_CONNECT,
	XTCP_INFO_TIMERS = 16,
};

/**
 * struct xtcp_info - getsockopt(SOL_XTCP, XTCP_INFO)
 * @state: TCP_ESTABLISHED, ... as in netinet/tcp.h
 * @close_reason: why the connection ended, 0: it has not
 * @wire_protocol: 6 or 253
 * @ip_version: 4 or 6; 0: not connected
 * @creator_pid: process that made the socket, in the reader's pid namespace; 0: none there
 * @state_ms: time spent in this state, ms
 * @msl_ms: the knobs as they take effect on this socket: MSL, ms
 * @syn_budget_ms: connect() as a whole, ms; 0: by retries
 * @rto_min_ms: lower bound of the RTO, ms
 * @rto_max_ms: upper bound, ms
 * @dead_peer_ms: deadline for a silent peer, ms; 0: off
 * @user_timeout_ms: TCP_USER_TIMEOUT, ms
 * @keepalive_time_s: TCP_KEEPIDLE, s
 * @keepalive_intvl_s: TCP_KEEPINTVL, s
 * @keepalive_probes: TCP_KEEPCNT
 * @syn_retries: TCP_SYNCNT
 * @synack_retries: of a listener's requests
 * @orphan_retries: after close
 * @fin_wait2_ms: an orphan's stay in FIN_WAIT_2, ms
 * @delack_ms: delayed ACK, ms
 * @timer_ms: ms left, -1: not pending
 * @bytes_in: payload received
 * @bytes_out: payload sent
 * @segs_in: segments received
 * @segs_out: segments sent
 * @retransmissions: segments sent again
 * @rto_us: retransmission timeout now, us
 * @srtt_us: smoothed round-trip time, us
 * @cwnd: congestion window, segments
 * @ssthresh: slow start threshold, segments
 * @mss: payload per segment, bytes
 *
 * Grows at the end only; a shorter buffer gets the first part.
 */
struct xtcp_info {
	__u8 state;
	__u8 close_reason;
	__u8 wire_protocol;
	__u8 ip_version;
	__u32 creator_pid;
	__u64 state_ms;
	__u32 msl_ms;
	__u32 syn_budget_ms;
	__u32 rto_min_ms;
	__u32 rto_max_ms;
	__u32 dead_peer_ms;
	__u32 user_timeout_ms;
	__u32 keepalive_time_s;
	__u32 keepalive_intvl_s;
	__u32 keepalive_probes;
	__u32 syn_retries;
	__u32 synack_retries;
	__u32 orphan_retries;
	__u32 fin_wait2_ms;
	__u32 delack_ms;
	__s32 timer_ms[XTCP_INFO_TIMERS];
	__u64 bytes_in;
	__u64 bytes_out;
	__u32 segs_in;
	__u32 segs_out;
	__u32 retransmissions;
	__u32 rto_us;
	__u32 srtt_us;
	__u32 cwnd;
	__u32 ssthresh;
	__u32 mss;
};

#endif /* _UAPI_XTCP_H */
