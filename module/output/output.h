/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that sends. Context of all that take a sock: socket lock, BHs off
 * where it is held by softirq; unless said otherwise.
 */
#ifndef _XTCP_OUTPUT_H
#define _XTCP_OUTPUT_H

#include "../xtcp.h"

struct xtcp_tuple;

/* ---- ip.c: routes and IP headers, IPv4 and IPv6 ---- */

/*
 * connect(): the route to the destination in @sk (inet_daddr or sk_v6_daddr,
 * inet_dport, bound device, source if bound), source address chosen into
 * inet_saddr/inet_rcv_saddr or np->saddr/sk_v6_rcv_saddr, dst cached with
 * sk_setup_caps(), flow stored in inet->cork.fl. xt->ip_version must be set.
 * Return: 0, -ENETUNREACH, -EHOSTUNREACH, -EACCES (broadcast), ...
 */
int xtcp_ip_connect(struct sock *sk);
/* Its source address only, for a connect() whose port is not chosen yet; that one follows. */
int xtcp_ip_source(struct sock *sk);

/* srcroute.c: MUST-53. The first is for ireq_opt of an IPv4 request. */
struct ip_options_rcu *xtcp_ip_return_route(const struct sk_buff *skb);
void xtcp_ip_inherit_options(struct sock *child, const struct xtcp_request *req);

/*
 * A child's route, from the request it came from; caches @dst, which is borrowed
 * (NULL: looked up). Return: 0 or negative.
 */
int xtcp_ip_child(struct sock *child, struct xtcp_request *req, struct dst_entry *dst);

/* The route of a SYN-ACK (also for a cookie). Return: dst with a reference, or NULL. */
struct dst_entry *xtcp_ip_request_dst(const struct sock *listener, struct xtcp_request *req);

/* The same for the child: kept while the request waits, taken once if it is not stale. */
void xtcp_ip_request_keep_dst(const struct sock *listener, struct xtcp_request *req,
			      struct dst_entry *dst);
struct dst_entry *xtcp_ip_request_take_dst(const struct sock *listener, struct xtcp_request *req);

/* The cached route, checked, or made again. NULL: no route. Borrowed, no reference. */
struct dst_entry *xtcp_ip_dst(struct sock *sk);

/*
 * Send a built segment (skb->data at the TCP header, transport header set) of a
 * connection: checksum, IP header, out. Consumes @skb. Return: as ip_queue_xmit,
 * negative or NET_XMIT_*.
 */
int xtcp_ip_xmit(struct sock *sk, struct sk_buff *skb);

/* Send a built SYN-ACK of a request; owned by the listener. Consumes @skb. */
int xtcp_ip_xmit_request(const struct sock *listener, struct xtcp_request *req,
			 struct dst_entry *dst, struct sk_buff *skb);

/**
 * struct xtcp_reply - a segment that no socket owns (RST, TIME_WAIT ACK)
 * @net: namespace
 * @family: AF_INET or AF_INET6
 * @wire_protocol: 6 or 253
 * @src: our address
 * @dst: the peer's
 * @oif: device bound to, or 0: for link-local the one @skb_in came by, else any
 * @mark: SO_MARK or reflected
 * @tos: traffic class
 * @flowlabel: IPv6
 * @uid: for routing by uid
 * @skb_in: the segment it answers, or NULL
 * @transparent: the source need not be local
 */
struct xtcp_reply {
	struct net *net;
	sa_family_t family;
	u8 wire_protocol;
	union nf_inet_addr src;
	union nf_inet_addr dst;
	int oif;
	u32 mark;
	u8 tos;
	__be32 flowlabel;
	kuid_t uid;
	const struct sk_buff *skb_in;
	bool transparent;
};

/* Send a built unowned segment through the control socket. Consumes @skb. Any context. */
void xtcp_ip_xmit_reply(const struct xtcp_reply *r, struct sk_buff *skb);

/**
 * struct xtcp_ip_out4 - an IPv4 header to be written
 * @sk: whose TTL, priority and IP_MTU_DISCOVER apply: connection, listener, control socket
 * @opt: IP options, compiled, or NULL
 * @saddr: our address
 * @daddr: where it goes first
 * @final: where it goes in the end; differs from @daddr with a source route
 * @mark: for skb->mark
 * @tos: type of service
 * @protocol: 6 or 253
 */
struct xtcp_ip_out4 {
	const struct sock *sk;
	const struct ip_options_rcu *opt;
	__be32 saddr;
	__be32 daddr;
	__be32 final;
	u32 mark;
	u8 tos;
	u8 protocol;
};

/* Between ip.c and reply.c: IPv4 header, out. Consumes @skb, its route is set. RCU. */
int xtcp_ip_out4(struct sk_buff *skb, const struct xtcp_ip_out4 *o);

/* IP header with options, bytes; for MSS and GSO limits. */
u32 xtcp_ip_header_len(const struct sock *sk);
/* MSS to announce for a route: MUST-67. */
u32 xtcp_ip_advmss(const struct sock *sk, const struct dst_entry *dst, u8 ip_version);
/* Path MTU of the route of @sk now. */
u32 xtcp_ip_mtu(const struct sock *sk);
/* Do DF and PMTU discovery apply (IP_MTU_DISCOVER)? */
bool xtcp_ip_pmtu_enabled(const struct sock *sk);
/* Fill in the TCP checksum: full or CHECKSUM_PARTIAL pseudo header sum. */
void xtcp_ip_checksum(struct sk_buff *skb, u8 ip_version, const union nf_inet_addr *src,
		      const union nf_inet_addr *dst, u8 wire_protocol);

int xtcp_ip_net_init(struct net *net);	/* control sockets */
void xtcp_ip_net_exit(struct net *net);

/* ---- build.c: the only writer of TCP headers ---- */

/**
 * struct xtcp_build - a header to be written
 * @h: ports, numbers, flags, window as on the wire
 * @opt: options; @opt.present 0: none
 */
struct xtcp_build {
	struct xtcp_header h;
	struct xtcp_options opt;
};

/* Push the header in front of skb->data; sets the transport header, csum_start. */
void xtcp_build_header(struct sk_buff *skb, const struct xtcp_build *b);

/* What the segment @skb (its cb) of connection @sk says now. */
void xtcp_build_segment(struct sock *sk, const struct sk_buff *skb, u32 tsval_ms,
			struct xtcp_build *b);

/* Options of a SYN or SYN-ACK of ours. */
void xtcp_build_syn_options(struct sock *sk, struct xtcp_options *opt);

/* The SYN-ACK of a request. Return: built skb owned by the listener, or NULL. */
struct sk_buff *xtcp_build_synack(const struct sock *listener, struct xtcp_request *req,
				  struct dst_entry *dst);

/* A bare skb with room for the largest headers. */
struct sk_buff *xtcp_build_alloc(gfp_t gfp);

/* ---- metrics.c: what a route says of its connections ---- */

void xtcp_metrics_established(struct sock *sk);
u32 xtcp_metrics_clamp(const struct dst_entry *dst, u32 clamp);
u32 xtcp_metrics_initial_window(const struct dst_entry *dst, u32 mss, u32 rcv_wnd);

/* ---- probe_mtu.c: RFC 4821 ---- */

/* R1 is over: are segments too large for the path? */
void xtcp_probe_mtu_black_hole(struct sock *sk);
/* probe_mss is set: a larger one may be tried; true: it waits for room in the window. */
bool xtcp_probe_mtu_up(struct sock *sk);
/* A probe is under way: SND.UNA moved; @skb is sent again. */
void xtcp_probe_mtu_acked(struct sock *sk);
void xtcp_probe_mtu_lost(struct sock *sk, const struct sk_buff *skb);

/* ---- data.c ---- */

/* Most payload that a packet of @size bytes holds. */
u32 xtcp_data_fits(const struct sock *sk, u32 size);
/* mss_cache from the path MTU: MUST-16. Return: the mss. */
u32 xtcp_data_sync_mss(struct sock *sk, u32 pmtu);
/* The same without what path MTU probing knows, and without noting it. */
u32 xtcp_data_path_mss(const struct sock *sk, u32 pmtu);
/* The head of the queue, @len bytes of it as segments of @mss. Return: false: no memory. */
bool xtcp_data_send_head(struct sock *sk, struct sk_buff *skb, u32 mss, u32 len);
u32 xtcp_data_current_mss(struct sock *sk);

/*
 * Send what windows and Nagle allow. @force_push: MSG_MORE and cork are over.
 * Arms the retransmission or persist timer.
 */
void xtcp_data_push(struct sock *sk, bool force_push);
/* send(): set PSH where due and push. @flags: MSG_MORE counts. */
void xtcp_data_push_user(struct sock *sk, int flags);
/* Our FIN goes behind all data, then push. Context may be atomic: @gfp. */
void xtcp_data_send_fin(struct sock *sk);
/* One segment of new data, whatever cwnd says. Return: true if there was one. */
bool xtcp_data_probe(struct sock *sk);
/* connect(): queue and send the SYN. Return: 0 or negative. */
int xtcp_data_send_syn(struct sock *sk);
/* Send one skb of the queues: clone, header, out. */
int xtcp_data_transmit(struct sock *sk, struct sk_buff *skb, bool clone);
/* sk_write_space: wakes programs; may run anywhere. */
void xtcp_data_write_space(struct sock *sk);

/* ---- retransmit.c ---- */

/* Send the first unacknowledged segment again. Return: 0, -EAGAIN, ... */
int xtcp_retransmit_head(struct sock *sk);
/* Send again what recovery marked lost, as cwnd allows. */
void xtcp_retransmit_lost(struct sock *sk);
/* The REXMIT timer ran out: back off or give up. */
void xtcp_retransmit_timeout(struct sock *sk);
/* The PROBE timer ran out: a tail loss probe. Return: true if one was sent. */
bool xtcp_retransmit_tail(struct sock *sk);
/* The REORDER timer ran out: what is late is lost. */
void xtcp_retransmit_reorder(struct sock *sk);
/* Arm PROBE anew, for what is in flight now. */
void xtcp_retransmit_arm_probe(struct sock *sk);
/* The PERSIST timer ran out: probe the zero window or give up. */
void xtcp_retransmit_persist(struct sock *sk);
/* Arm the timer that fits what is in flight (REXMIT, PERSIST or none). */
void xtcp_retransmit_arm(struct sock *sk);
/* New data were acknowledged: the timer starts anew, or stops. */
void xtcp_retransmit_restart(struct sock *sk);
/* Has the stall lasted as long as @boundary backoffs, or user timeout? R1, R2. */
bool xtcp_retransmit_exceeded(struct sock *sk, u32 boundary, u32 timeout_ms);

/* ---- control.c ---- */

void xtcp_control_ack(struct sock *sk);			/* bare ACK now */
void xtcp_control_challenge_ack(struct sock *sk);	/* RFC 5961, with its limit */
void xtcp_control_dup_ack(struct sock *sk, const struct sk_buff *skb); /* limited, out of window */
void xtcp_control_probe(struct sock *sk, bool urgent);	/* seq = snd_una - 1, keepalive */
/* May an early ACK wait for the program's answer? */
bool xtcp_control_ack_rides(const struct sock *sk);
/* Send what an owed ACK needs: at once, or arm DELACK. */
void xtcp_control_ack_pending(struct sock *sk);
/* The DELACK timer ran out. */
void xtcp_control_delack(struct sock *sk);
/* RST for a connection of ours: seq = snd_nxt. */
void xtcp_control_rst(struct sock *sk);
/*
 * RST in answer to @skb (cb parsed), RFC 9293 3.10.7.1: @t is its tuple, @skc for the trace
 * only, or NULL. And the same for a flow, be it the segment or the flow that is not wanted.
 */
void xtcp_control_rst_reply(const struct sock_common *skc, const struct xtcp_tuple *t,
			    const struct sk_buff *skb);
void xtcp_control_rst_flow(const struct sock_common *skc, const struct sk_buff *skb);
/* ACK from TIME_WAIT or for a request, in answer to @skb. */
void xtcp_control_tw_ack(struct xtcp_timewait *tw, const struct sk_buff *skb);
void xtcp_control_request_ack(const struct sock *listener, struct xtcp_request *req,
			      const struct sk_buff *skb);
/* SYN-ACK; @again counts as a retransmission. Return: 0 or negative. */
int xtcp_control_synack(const struct sock *listener, struct xtcp_request *req,
			struct dst_entry *dst, bool again);
/* SYN_RECV of a simultaneous open. */
int xtcp_control_synack_sock(struct sock *sk);

#endif /* _XTCP_OUTPUT_H */
