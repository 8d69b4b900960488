/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Minisocks: what a half-open connection and one in TIME_WAIT cost. Included by xtcp.h.
 */
#ifndef _XTCP_MINISOCK_H
#define _XTCP_MINISOCK_H

#include <net/inet_sock.h>

struct xtcp_port;

/**
 * struct xtcp_request - a half-open connection: state SYN_RECV from LISTEN
 * @ireq: the kernel's request; LSMs, netlabel and SYN-ACK routing read it.
 *        rsk_timer, num_timeout, num_retrans, rsk_listener (one reference),
 *        mss (peer's), ts_recent, rsk_rcv_wnd (offered in the SYN-ACK, bytes) and
 *        saved_syn are used as the kernel does.
 *        rsk_refcnt: one for the table, one for a pending timer, lookups
 * @rcv_isn: the SYN's sequence number
 * @snt_isn: the SYN-ACK's
 * @ts_offset: timestamp offset of this tuple, ms
 * @window: peer's window of the SYN, unscaled, bytes
 * @last_oow_ack_ms: when a challenge ACK last went out, ms
 * @deadline: when the SYN-ACK timer is due, low half of jiffies; timers.c
 * @since_us: when the request was made, and the first SYN-ACK
 * @dst: the SYN-ACK's route, a reference, until the child takes it; or NULL
 * @dst_cookie: how IPv6 tells whether @dst is stale
 * @wire_protocol: 6 or 253
 * @tos: traffic class of the SYN
 * @acked_ms: 0, or the third ACK came, so many ms after @since_us, but accept queue was full, or
 *        TCP_DEFER_ACCEPT waits
 *
 * Made by input/listen.c; immutable but for the counters (READ_ONCE), dst (xchg) and ecn_ok,
 * which a SYN that comes again without ECN clears.
 * Lives in a SLAB_TYPESAFE_BY_RCU cache.
 */
struct xtcp_request {
	struct inet_request_sock ireq;
	u32 rcv_isn;
	u32 snt_isn;
	u32 ts_offset;
	u32 last_oow_ack_ms;
	u32 deadline;
	u16 window;
	u8 wire_protocol;
	u8 tos;
	u16 acked_ms;
	u32 dst_cookie;
	u64 since_us;
	struct dst_entry *dst;
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

#endif /* _XTCP_MINISOCK_H */
