/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints of system xtcp. Documentation/tracepoints.rst describes them for
 * those who read traces.
 *
 * "src" is always the local end, whichever way a segment goes. Addresses are
 * there three times: as text for people (%pISpc), saddr/daddr with four and
 * saddr_v6/daddr_v6 with sixteen bytes for programs. family is that of the
 * packets: a dual-stack socket that talks IPv4 shows AF_INET.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM xtcp

#if !defined(_XTCP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _XTCP_TRACE_H

#include <linux/tracepoint.h>
#include <net/dropreason.h>

#include "conn/flows.h"
#include "xtcp.h"

#ifndef _XTCP_TRACE_ONCE
#define _XTCP_TRACE_ONCE

/**
 * struct xtcp_trace_ends - both ends of a connection as events store them
 * @family: AF_INET or AF_INET6, of the packets
 * @sport: our port, host order
 * @dport: the peer's
 * @saddr: our IPv4 address; zeros for IPv6
 * @daddr: the peer's
 * @saddr_v6: our IPv6 address, or the IPv4 one mapped
 * @daddr_v6: the peer's
 * @src: our address and port as a sockaddr, for %pISpc
 * @dst: the peer's
 */
struct xtcp_trace_ends {
	u16 family;
	u16 sport;
	u16 dport;
	u8 saddr[4];
	u8 daddr[4];
	u8 saddr_v6[16];
	u8 daddr_v6[16];
	u8 src[sizeof(struct sockaddr_in6)];
	u8 dst[sizeof(struct sockaddr_in6)];
};

/* trace.c; only called while the event is on. Context: any. */
u64 xtcp_trace_cookie(const struct sock_common *skc);
void xtcp_trace_ends(const struct sock_common *skc, struct xtcp_trace_ends *ends);
void xtcp_trace_tuple(const struct xtcp_tuple *t, struct xtcp_trace_ends *ends);

#endif /* _XTCP_TRACE_ONCE */

#define XTCP_TRACE_ENDS_FIELDS						\
	__field(u16, family)						\
	__field(u16, sport)						\
	__field(u16, dport)						\
	__array(u8, saddr, 4)						\
	__array(u8, daddr, 4)						\
	__array(u8, saddr_v6, 16)					\
	__array(u8, daddr_v6, 16)					\
	__array(u8, src, sizeof(struct sockaddr_in6))			\
	__array(u8, dst, sizeof(struct sockaddr_in6))

#define XTCP_TRACE_ENDS_STORE(ends)					\
	do {								\
		__entry->family = (ends).family;			\
		__entry->sport = (ends).sport;				\
		__entry->dport = (ends).dport;				\
		memcpy(__entry->saddr, (ends).saddr, 4);		\
		memcpy(__entry->daddr, (ends).daddr, 4);		\
		memcpy(__entry->saddr_v6, (ends).saddr_v6, 16);		\
		memcpy(__entry->daddr_v6, (ends).daddr_v6, 16);		\
		memcpy(__entry->src, (ends).src, sizeof((ends).src));	\
		memcpy(__entry->dst, (ends).dst, sizeof((ends).dst));	\
	} while (0)

#define xtcp_trace_show_state(state)					\
	__print_symbolic(state,						\
			 { 1, "ESTABLISHED" },				\
			 { 2, "SYN_SENT" },				\
			 { 3, "SYN_RECV" },				\
			 { 4, "FIN_WAIT_1" },				\
			 { 5, "FIN_WAIT_2" },				\
			 { 6, "TIME_WAIT" },				\
			 { 7, "CLOSE" },				\
			 { 8, "CLOSE_WAIT" },				\
			 { 9, "LAST_ACK" },				\
			 { 10, "LISTEN" },				\
			 { 11, "CLOSING" },				\
			 { 12, "SYN_RECV" })

/* Numbers of enum xtcp_reason; trace.c checks that they are */
#define xtcp_trace_show_reason(reason)					\
	__print_symbolic(reason,					\
			 { 0, "none" },					\
			 { 1, "user" },					\
			 { 2, "segment" },				\
			 { 3, "reset" },				\
			 { 4, "timeout" },				\
			 { 5, "keepalive" },				\
			 { 6, "dead-peer" },				\
			 { 7, "icmp" },					\
			 { 8, "unread-data" },				\
			 { 9, "linger" },				\
			 { 10, "data-after-close" },			\
			 { 11, "memory" },				\
			 { 12, "2msl" },				\
			 { 13, "recycled" },				\
			 { 14, "netns-exit" },				\
			 { 15, "unload" })

#define xtcp_trace_show_flags(flags)					\
	__print_flags(flags, "|",					\
		      { 0x02, "SYN" },					\
		      { 0x01, "FIN" },					\
		      { 0x04, "RST" },					\
		      { 0x08, "PSH" },					\
		      { 0x10, "ACK" },					\
		      { 0x20, "URG" },					\
		      { 0x40, "ECE" },					\
		      { 0x80, "CWR" })

/* Drop reasons by the running kernel's own list */
#undef FN
#define FN(reason) TRACE_DEFINE_ENUM(SKB_DROP_REASON_##reason);
DEFINE_DROP_REASON(FN, FN)

#undef FN
#undef FNe
#define FN(reason) { SKB_DROP_REASON_##reason, #reason },
#define FNe(reason) { SKB_DROP_REASON_##reason, #reason }

TRACE_EVENT(xtcp_state,
	TP_PROTO(const struct sock_common *skc, int old, int new, int reason, u32 ms,
		 int pid),
	TP_ARGS(skc, old, new, reason, ms, pid),
	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(u32, netns)
		XTCP_TRACE_ENDS_FIELDS
		__field(int, old_state)
		__field(int, new_state)
		__field(int, reason)
		__field(u32, ms)
		__field(int, pid)
	),
	TP_fast_assign(
		struct xtcp_trace_ends ends;

		xtcp_trace_ends(skc, &ends);
		XTCP_TRACE_ENDS_STORE(ends);
		__entry->cookie = xtcp_trace_cookie(skc);
		__entry->netns = read_pnet(&skc->skc_net)->ns.inum;
		__entry->old_state = old;
		__entry->new_state = new;
		__entry->reason = reason;
		__entry->ms = ms;
		__entry->pid = pid;
	),
	TP_printk("cookie=%llu netns=%u family=%u src=%pISpc dst=%pISpc old=%s new=%s reason=%s ms=%u pid=%d",
		  __entry->cookie, __entry->netns, __entry->family, __entry->src,
		  __entry->dst, xtcp_trace_show_state(__entry->old_state),
		  xtcp_trace_show_state(__entry->new_state),
		  xtcp_trace_show_reason(__entry->reason), __entry->ms, __entry->pid)
);

/* Without a socket, @skc is NULL, and @t says whose segment it is */
DECLARE_EVENT_CLASS(xtcp_segment,
	TP_PROTO(const struct sock_common *skc, const struct xtcp_tuple *t,
		 const struct xtcp_header *h, u32 len),
	TP_ARGS(skc, t, h, len),
	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(u32, netns)
		XTCP_TRACE_ENDS_FIELDS
		__field(u32, seq)
		__field(u32, ack)
		__field(u8, flags)
		__field(u16, window)
		__field(u32, len)
		__field(int, state)
	),
	TP_fast_assign(
		struct xtcp_trace_ends ends;

		if (skc)
			xtcp_trace_ends(skc, &ends);
		else
			xtcp_trace_tuple(t, &ends);
		XTCP_TRACE_ENDS_STORE(ends);
		__entry->cookie = skc ? xtcp_trace_cookie(skc) : 0;
		__entry->netns = (skc ? read_pnet(&skc->skc_net) : t->net)->ns.inum;
		__entry->seq = h->seq;
		__entry->ack = h->ack;
		__entry->flags = h->flags;
		__entry->window = h->window;
		__entry->len = len;
		__entry->state = skc ? READ_ONCE(skc->skc_state) : TCP_CLOSE;
	),
	TP_printk("cookie=%llu family=%u src=%pISpc dst=%pISpc seq=%u ack=%u flags=%s win=%u len=%u state=%s",
		  __entry->cookie, __entry->family, __entry->src, __entry->dst,
		  __entry->seq, __entry->ack, xtcp_trace_show_flags(__entry->flags),
		  __entry->window, __entry->len, xtcp_trace_show_state(__entry->state))
);

DEFINE_EVENT(xtcp_segment, xtcp_segment_out,
	TP_PROTO(const struct sock_common *skc, const struct xtcp_tuple *t,
		 const struct xtcp_header *h, u32 len),
	TP_ARGS(skc, t, h, len)
);

DEFINE_EVENT(xtcp_segment, xtcp_segment_in,
	TP_PROTO(const struct sock_common *skc, const struct xtcp_tuple *t,
		 const struct xtcp_header *h, u32 len),
	TP_ARGS(skc, t, h, len)
);

TRACE_EVENT(xtcp_timer,
	TP_PROTO(const struct sock_common *skc, const char *which, const char *action,
		 u32 ms),
	TP_ARGS(skc, which, action, ms),
	TP_STRUCT__entry(
		__field(u64, cookie)
		__string(which, which)
		__string(action, action)
		__field(u32, ms)
		__field(int, state)
	),
	TP_fast_assign(
		__entry->cookie = xtcp_trace_cookie(skc);
		XTCP_ASSIGN_STR(which, which);
		XTCP_ASSIGN_STR(action, action);
		__entry->ms = ms;
		__entry->state = READ_ONCE(skc->skc_state);
	),
	TP_printk("cookie=%llu which=%s action=%s ms=%u",
		  __entry->cookie, __get_str(which), __get_str(action), __entry->ms)
);

TRACE_EVENT(xtcp_retransmit,
	TP_PROTO(const struct sock *sk, const struct sk_buff *skb),
	TP_ARGS(sk, skb),
	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(u32, netns)
		XTCP_TRACE_ENDS_FIELDS
		__field(u32, seq)
		__field(u32, len)
		__field(int, state)
	),
	TP_fast_assign(
		struct xtcp_trace_ends ends;

		xtcp_trace_ends(&sk->__sk_common, &ends);
		XTCP_TRACE_ENDS_STORE(ends);
		__entry->cookie = xtcp_trace_cookie(&sk->__sk_common);
		__entry->netns = sock_net(sk)->ns.inum;
		__entry->seq = xtcp_cb(skb)->seq;
		__entry->len = skb->len;
		__entry->state = READ_ONCE(sk->sk_state);
	),
	TP_printk("cookie=%llu family=%u src=%pISpc dst=%pISpc seq=%u len=%u state=%s",
		  __entry->cookie, __entry->family, __entry->src, __entry->dst,
		  __entry->seq, __entry->len, xtcp_trace_show_state(__entry->state))
);

TRACE_EVENT(xtcp_drop,
	TP_PROTO(const struct xtcp_tuple *t, enum skb_drop_reason reason),
	TP_ARGS(t, reason),
	TP_STRUCT__entry(
		__field(u32, netns)
		XTCP_TRACE_ENDS_FIELDS
		__field(int, reason)
	),
	TP_fast_assign(
		struct xtcp_trace_ends ends;

		xtcp_trace_tuple(t, &ends);
		XTCP_TRACE_ENDS_STORE(ends);
		__entry->netns = t->net->ns.inum;
		__entry->reason = reason;
	),
	TP_printk("family=%u src=%pISpc dst=%pISpc reason=%s",
		  __entry->family, __entry->src, __entry->dst,
		  __print_symbolic(__entry->reason, DEFINE_DROP_REASON(FN, FNe)))
);

TRACE_EVENT(xtcp_cwnd,
	TP_PROTO(const struct sock *sk),
	TP_ARGS(sk),
	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(u32, netns)
		__field(u32, cwnd)
		__field(u32, ssthresh)
		__field(u32, srtt_us)
		__field(u32, inflight)
	),
	TP_fast_assign(
		__entry->cookie = xtcp_trace_cookie(&sk->__sk_common);
		__entry->netns = sock_net(sk)->ns.inum;
		__entry->cwnd = xtcp_sk(sk)->cc.cwnd;
		__entry->ssthresh = xtcp_sk(sk)->cc.ssthresh;
		__entry->srtt_us = xtcp_rtt_srtt_us(&xtcp_sk(sk)->rtt);
		__entry->inflight = xtcp_sk(sk)->packets_out;
	),
	TP_printk("cookie=%llu cwnd=%u ssthresh=%u srtt_us=%u inflight=%u",
		  __entry->cookie, __entry->cwnd, __entry->ssthresh, __entry->srtt_us,
		  __entry->inflight)
);

#undef FN
#undef FNe

#endif /* _XTCP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
