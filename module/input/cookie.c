// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN cookies (RFC 4987 3.6): half-open connections that cost nothing at all. The
 * arithmetic is pure/cookie.c's.
 */
#include "input.h"

#include "../conn/minis.h"
#include "../conn/ports.h"
#include "../output/output.h"
#include "../pure/cookie.h"
#include "../recovery/ecn.h"

#define XTCP_COOKIE_ACTIVE_S	((XTCP_COOKIE_MAX_AGE + 1) * 60)

/* What is hashed: no padding, so that it can be taken as bytes. */
struct xtcp_cookie_input {
	union nf_inet_addr laddr;
	union nf_inet_addr raddr;
	__be16 lport;
	__be16 rport;
	u32 count;
	u32 family;
	u32 wire_protocol;
} __aligned(SIPHASH_ALIGNMENT);

static u32 xtcp_cookie_hash(const struct xtcp_tuple *t, u32 which, u32 count)
{
	struct xtcp_cookie_input in = {
		.lport = t->lport,
		.rport = t->rport,
		.count = count,
		.family = t->family,
		.wire_protocol = t->wire_protocol,
	};

	if (t->family == AF_INET) {
		in.laddr.ip = t->laddr.ip;
		in.raddr.ip = t->raddr.ip;
	} else {
		in.laddr.in6 = t->laddr.in6;
		in.raddr.in6 = t->raddr.in6;
	}
	return (u32)siphash(&in, sizeof(in), &xtcp_net(t->net)->cookie_key[which]);
}

/**
 * xtcp_cookie_issue - the initial sequence number that remembers a SYN
 * @listener: the listener; takes note that cookies are in use
 * @t: tuple of the SYN
 * @seq: its sequence number
 * @mss: in: the peer's MSS; out: what the cookie can say of it
 *
 * Context: Softirq.
 * Return: The number for the SYN-ACK.
 */
u32 xtcp_cookie_issue(struct sock *listener, const struct xtcp_tuple *t, u32 seq, u16 *mss)
{
	u32 count = xtcp_cookie_count(xtcp_clock_us());
	bool v6 = t->family == AF_INET6;
	u32 index = xtcp_cookie_mss_index(v6, *mss);

	*mss = xtcp_cookie_mss(v6, index);
	xtcp_port_cookie_sent(listener);
	return xtcp_cookie_make(xtcp_cookie_hash(t, 0, 0), xtcp_cookie_hash(t, 1, count), seq,
				count, index);
}

static int xtcp_cookie_index(const struct xtcp_tuple *t, u32 seq, u32 ack)
{
	u32 count = xtcp_cookie_count(xtcp_clock_us());
	u32 hash2[XTCP_COOKIE_MAX_AGE];
	u32 i;

	for (i = 0; i < XTCP_COOKIE_MAX_AGE; i++)
		hash2[i] = xtcp_cookie_hash(t, 1, count - i);
	return xtcp_cookie_check(ack - 1, xtcp_cookie_hash(t, 0, 0), seq - 1, count, hash2);
}

/**
 * xtcp_cookie_active - were cookies sent lately?
 * @listener: the listener
 *
 * Context: Any, RCU.
 * Return: true if an ACK without a flow may be a cookie's.
 */
bool xtcp_cookie_active(const struct sock *listener)
{
	return xtcp_port_cookie_age_s(listener) < XTCP_COOKIE_ACTIVE_S;
}

/**
 * xtcp_cookie_valid - is this ACK the answer to a cookie of ours?
 * @listener: the listener
 * @t: tuple of the ACK
 * @seq: SEG.SEQ
 * @ack: SEG.ACK
 *
 * Lets the hook leave all other ACKs to the host, whose RST is the right answer.
 *
 * Context: Softirq, RCU.
 * Return: true if so.
 */
bool xtcp_cookie_valid(const struct sock *listener, const struct xtcp_tuple *t, u32 seq,
		       u32 ack)
{
	return xtcp_cookie_active(listener) && xtcp_cookie_index(t, seq, ack) >= 0;
}

static void xtcp_cookie_restore(struct xtcp_request *req, const struct xtcp_segment *seg)
{
	struct inet_request_sock *ireq = &req->ireq;
	struct xtcp_options peer = {};

	if (!(seg->opt.present & XTCP_OPT_TS) ||
	    !xtcp_cookie_ts_decode(seg->opt.tsecr - req->ts_offset, &peer))
		return;
	ireq->tstamp_ok = 1;
	ireq->req.ts_recent = seg->opt.tsval;
	ireq->sack_ok = !!(peer.present & XTCP_OPT_SACK_PERM);
	ireq->ecn_ok = !!(peer.present & XTCP_OPT_ECN);
	if (peer.present & XTCP_OPT_WSCALE) {
		ireq->wscale_ok = 1;
		ireq->snd_wscale = peer.wscale;
	}
}

/* The request that was never kept, from what came back. */
static struct xtcp_request *xtcp_cookie_request(struct sock *listener, struct sk_buff *skb,
						const struct xtcp_tuple *t, u16 mss)
{
	struct xtcp_request *req = xtcp_minis_request(listener, t->family);
	struct xtcp_segment seg;

	if (!req)
		return NULL;
	xtcp_segment_init(&seg, skb);
	xtcp_listen_addresses(req, listener, t, skb);
	req->tos = xtcp_cb(skb)->tos;
	req->rcv_isn = seg.seq - 1;
	req->snt_isn = seg.ack - 1;
	req->window = seg.wnd;
	req->ts_offset = xtcp_flow_ts_offset(t);
	req->ireq.req.mss = mss;
	req->ireq.req.syncookie = 1;	/* what the handshake took is not known */
	xtcp_cookie_restore(req, &seg);
	return req;
}

/**
 * xtcp_cookie_promote - a connection from a cookie
 * @listener: the listener
 * @skb: the ACK, cb parsed; stays the caller's
 * @t: its tuple
 *
 * @child: set as xtcp_child_create() returns it
 *
 * Context: Softirq, RCU.
 * Return: SKB_NOT_DROPPED_YET with a child; SKB_DROP_REASON_NO_SOCKET: it is no cookie, the
 * peer is to be told; else why there is none: the peer may try again (S7).
 */
enum skb_drop_reason xtcp_cookie_promote(struct sock *listener, struct sk_buff *skb,
					 const struct xtcp_tuple *t, struct sock **child)
{
	const struct xtcp_cb *cb = xtcp_cb(skb);
	struct xtcp_request *req;
	struct dst_entry *dst;
	int index;

	*child = NULL;
	index = xtcp_cookie_index(t, cb->seq, cb->rx.ack);
	if (index < 0) {
		XTCP_INC(t->net, SyncookiesFailed);
		return SKB_DROP_REASON_NO_SOCKET;
	}
	if (sk_acceptq_is_full(listener)) {
		XTCP_INC(t->net, ListenOverflows);
		XTCP_INC(t->net, ListenDrops);
		return SKB_DROP_REASON_SOCKET_BACKLOG;
	}
	req = xtcp_cookie_request(listener, skb, t,
				  xtcp_cookie_mss(t->family == AF_INET6, index));
	if (!req) {
		XTCP_INC(t->net, ListenDrops);
		return SKB_DROP_REASON_NOMEM;
	}
	dst = security_inet_conn_request(listener, skb, &req->ireq.req) ? NULL :
	      xtcp_ip_request_dst(listener, req);
	if (dst) {
		/* The bit came back by the peer's hand: it cannot ask for more than we give */
		req->ireq.ecn_ok &= xtcp_ecn_answers(listener, dst);
		xtcp_listen_offer(req, listener, dst);
		*child = xtcp_child_create(listener, req, skb, false);
	}
	dst_release(dst);
	xtcp_flow_put((struct sock_common *)req);
	if (!*child) {
		XTCP_INC(t->net, ListenDrops);
		return SKB_DROP_REASON_NOMEM;
	}
	XTCP_INC(t->net, SyncookiesRecv);
	XTCP_INC(t->net, PassiveOpens);
	return SKB_NOT_DROPPED_YET;
}
