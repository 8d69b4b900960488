/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A segment on its way from IP to TCP; used by hook.c (protocol 6) and lab.c (253).
 */
#ifndef _XTCP_ENTRY_ARRIVAL_H
#define _XTCP_ENTRY_ARRIVAL_H

#include "entry.h"

/**
 * struct xtcp_arrival - a segment that has been looked at
 * @t: its tuple
 * @skc: its flow, with a reference, or NULL
 * @listener: its listener, if it is a SYN or a cookie's ACK
 * @thoff: offset of the TCP header from the IP header
 * @seq: as in the header
 * @ack: as in the header
 * @flags: XTCP_FLAG_*
 * @tos: traffic class
 * @ttl: TTL or hop limit
 */
struct xtcp_arrival {
	struct xtcp_tuple t;
	struct sock_common *skc;
	struct sock *listener;
	unsigned int thoff;
	u32 seq;
	u32 ack;
	u8 flags;
	u8 tos;
	u8 ttl;
};

/* What the IP header says. @skb's network header is set, its cb still IP's. */
void xtcp_arrival_ipv4(struct net *net, const struct sk_buff *skb, u8 protocol,
		       struct xtcp_arrival *s);
void xtcp_arrival_ipv6(struct net *net, const struct sk_buff *skb, u8 protocol,
		       struct xtcp_arrival *s);
/* Ports, numbers and flags at @s->thoff from skb->data. Return: false: too short. */
bool xtcp_arrival_peek(const struct sk_buff *skb, struct xtcp_arrival *s);
/* MUST-57, MUST-63: is it from or to an address that no SYN may have? */
bool xtcp_arrival_bad_address(const struct sk_buff *skb, const struct xtcp_tuple *t);

/*
 * The segment is ours, skb->data at its IP header: do all that IP would have done
 * up to the host's TCP, then xtcp_receive_segment(). Consumes @skb and the
 * reference in @s->skc.
 */
void xtcp_arrival_take(struct sk_buff *skb, struct xtcp_arrival *s);
/* The same when IP has delivered it: skb->data at the TCP header. */
void xtcp_arrival_take_delivered(struct sk_buff *skb, struct xtcp_arrival *s);
/* Not wanted: trace and free; gives @s->skc back. */
void xtcp_arrival_drop(struct sk_buff *skb, struct xtcp_arrival *s,
		       enum skb_drop_reason reason);

/* lab.c: handlers of protocol 253. */
int xtcp_lab_init(void);
void xtcp_lab_exit(void);

#endif /* _XTCP_ENTRY_ARRIVAL_H */
