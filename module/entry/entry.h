/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where packets and timers come in and socket locks are taken.
 */
#ifndef _XTCP_ENTRY_H
#define _XTCP_ENTRY_H

#include "../input/input.h"
#include "../xtcp.h"

/* hook.c: LOCAL_IN hooks of a namespace, protocol 253 handlers. Process context. */
int xtcp_hook_enable(struct net *net, bool ipv6);
void xtcp_hook_net_exit(struct net *net);
int xtcp_hook_init(void);
void xtcp_hook_exit(void);

/* exthdr.c: offset and protocol of what an IPv6 packet carries, or negative. */
int xtcp_exthdr_find(const struct sk_buff *skb, u8 *proto);

/*
 * receive.c: a segment whose IP side is done (see hook.c): skb->data at the TCP
 * header, cb parsed, checksum verified, @t filled in, one reference to @skc or to none.
 * Consumes skb.
 */
void xtcp_receive_segment(struct sk_buff *skb, struct xtcp_tuple *t,
			  struct sock_common *skc);
/* proto.backlog_rcv */
int xtcp_receive_backlog(struct sock *sk, struct sk_buff *skb);
/* Carries out the actions of a processed segment; frees what is left of the skb. */
void xtcp_receive_finish(struct sock *sk, struct xtcp_segment *seg,
			 enum skb_drop_reason reason);

/* Parse the TCP header at skb->data into cb. Return: 0 or a drop reason. */
enum skb_drop_reason xtcp_receive_parse(struct sk_buff *skb);

/*
 * icmp.c: an ICMP or ICMPv6 error, its own checksum verified; the quoted IP header
 * is at @offset from skb->data. Only looked at. @info: next-hop MTU, for those errors
 * that tell one. Context: softirq, RCU.
 */
void xtcp_icmp_error(struct net *net, struct sk_buff *skb, u8 family, u8 wire_protocol,
		     unsigned int offset, u8 type, u8 code, u32 info);
/* Deferred: the path MTU in xt->mtu_info is applied. Socket lock. */
void xtcp_icmp_mtu_reduced(struct sock *sk);

/* timeouts.c */
void xtcp_timeouts_fire(struct timer_list *t);		/* sk_timer of full sockets */
void xtcp_timeouts_request(struct timer_list *t);	/* rsk_timer */
void xtcp_timeouts_timewait(struct timer_list *t);
enum hrtimer_restart xtcp_timeouts_pace(struct hrtimer *t);
enum hrtimer_restart xtcp_timeouts_sacks(struct hrtimer *t);
void xtcp_timeouts_resume(struct sock *sk);
void xtcp_timeouts_release(struct sock *sk);		/* proto.release_cb */

#endif /* _XTCP_ENTRY_H */
