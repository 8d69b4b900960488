// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only writer of TCP headers.
 */
#include "output.h"

#include <net/tcp.h>

#include "../conn/rcvq.h"
#include "../conn/urg.h"
#include "../pure/cookie.h"
#include "../recovery/sack.h"

/**
 * xtcp_build_alloc - a bare skb with room for the largest headers
 * @gfp: allocation flags
 *
 * Return: The skb, cb cleared, or NULL.
 */
struct sk_buff *xtcp_build_alloc(gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb(MAX_TCP_HEADER, gfp | __GFP_NOWARN);

	if (!skb)
		return NULL;
	skb_reserve(skb, MAX_TCP_HEADER);
	memset(skb->cb, 0, sizeof(skb->cb));
	skb->ip_summed = CHECKSUM_PARTIAL;
	return skb;
}

/**
 * xtcp_build_header - write a header in front of the payload
 * @skb: skb->data at the payload, headroom for all headers
 * @b: what to write; the checksum is output/ip.c's (MUST-2)
 *
 * Context: Any; the head of @skb is the caller's alone.
 */
void xtcp_build_header(struct sk_buff *skb, const struct xtcp_build *b)
{
	struct xtcp_header h = b->h;
	u32 opt_len = b->opt.present ? xtcp_options_len(&b->opt) : 0;

	h.doff_bytes = XTCP_HEADER_MIN + opt_len;
	h.check = 0;
	skb_push(skb, h.doff_bytes);
	skb_reset_transport_header(skb);
	xtcp_header_build(skb->data, &h);
	if (opt_len)
		xtcp_options_build(skb->data + XTCP_HEADER_MIN, &b->opt);
}

static void xtcp_build_timestamp(struct xtcp_options *opt, u32 now_ms, u32 offset, u32 ts_recent)
{
	opt->present |= XTCP_OPT_TS;
	opt->tsval = now_ms + offset;
	opt->tsecr = ts_recent;
}

/**
 * xtcp_build_syn_options - options of a SYN, or of the SYN-ACK of a simultaneous open
 * @sk: in SYN_SENT or SYN_RECV
 * @opt: filled in
 *
 * The SYN offers what the namespace allows; a SYN-ACK answers with what both
 * offered. MSS is always there (MUST-14, MUST-65).
 *
 * Context: Socket lock.
 */
void xtcp_build_syn_options(struct sock *sk, struct xtcp_options *opt)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	opt->present = XTCP_OPT_MSS;
	opt->mss = xt->advmss;
	if (xt->wscale_ok) {
		opt->present |= XTCP_OPT_WSCALE;
		opt->wscale = xt->rcv_wscale;
	}
	if (xt->sack_ok)
		opt->present |= XTCP_OPT_SACK_PERM;
	/* Without an ACK there is nothing to echo: RFC 7323 3.2 (after TIME_WAIT there would be) */
	if (xt->ts_ok)
		xtcp_build_timestamp(opt, xtcp_now_ms(sk), xt->ts_offset,
				     sk->sk_state == TCP_SYN_SENT ? 0 : xt->ts_recent);
}

/**
 * xtcp_build_segment - what a segment of a connection says now
 * @sk: the connection
 * @skb: its cb has numbers and flags
 * @tsval_ms: when it leaves, by our clock
 * @b: filled in
 *
 * Window, acknowledgment and timestamps are those of this moment, also for a
 * retransmission. The window of a SYN is never scaled (RFC 7323 2.2).
 *
 * Context: Socket lock.
 */
void xtcp_build_segment(struct sock *sk, const struct sk_buff *skb, u32 tsval_ms,
			struct xtcp_build *b)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	const struct xtcp_cb *cb = xtcp_cb(skb);
	u32 window;

	b->h = (struct xtcp_header) {
		.source = ntohs(inet_sk(sk)->inet_sport),
		.dest = ntohs(inet_sk(sk)->inet_dport),
		.seq = cb->seq,
		.ack = cb->flags & XTCP_FLAG_ACK ? xt->rcv_nxt : 0,
		.flags = cb->flags,
	};
	b->opt.present = 0;	/* says what of it means anything */

	if (cb->flags & XTCP_FLAG_SYN) {
		b->h.window = min_t(u32, xt->rcv_wnd, U16_MAX);
		xtcp_build_syn_options(sk, &b->opt);
		return;
	}
	if (xt->ts_ok)
		xtcp_build_timestamp(&b->opt, tsval_ms, xt->ts_offset, xt->ts_recent);
	xtcp_sack_generate(sk, &b->opt);
	if (cb->flags & XTCP_FLAG_RST) {
		/* Nothing will be read any more; no blocks either */
		b->opt.present &= ~XTCP_OPT_SACK;
		b->h.window = min_t(u32, xtcp_receive_window(xt) >> xt->rcv_wscale, U16_MAX);
		return;
	}
	window = xtcp_rcvq_select_window(sk);
	b->h.window = min_t(u32, window >> xt->rcv_wscale, U16_MAX);
	if (unlikely(xt->urg_out))
		xtcp_urg_point(xt, &b->h);
}

/* A cookie's SYN-ACK keeps the peer's options in the low bits of our timestamp. */
static u32 xtcp_build_cookie_timestamp(const struct xtcp_request *req)
{
	const struct inet_request_sock *ireq = &req->ireq;
	struct xtcp_options peer = { .present = XTCP_OPT_TS };

	if (ireq->wscale_ok) {
		peer.present |= XTCP_OPT_WSCALE;
		peer.wscale = ireq->snd_wscale;
	}
	if (ireq->sack_ok)
		peer.present |= XTCP_OPT_SACK_PERM;
	if (ireq->ecn_ok)
		peer.present |= XTCP_OPT_ECN;
	return xtcp_cookie_ts_encode(xtcp_clock_ms(), &peer) + req->ts_offset;
}

static void xtcp_build_request_options(const struct sock *listener,
				       const struct xtcp_request *req,
				       const struct dst_entry *dst, struct xtcp_options *opt)
{
	const struct inet_request_sock *ireq = &req->ireq;
	u16 user_mss = READ_ONCE(xtcp_tune(listener)->user_mss);

	opt->present = XTCP_OPT_MSS;
	opt->mss = xtcp_ip_advmss(listener, dst, ireq->ireq_family == AF_INET ? 4 : 6);
	if (user_mss && user_mss < opt->mss)
		opt->mss = user_mss;
	if (ireq->wscale_ok) {
		opt->present |= XTCP_OPT_WSCALE;
		opt->wscale = ireq->rcv_wscale;
	}
	if (ireq->sack_ok)
		opt->present |= XTCP_OPT_SACK_PERM;
	if (!ireq->tstamp_ok)
		return;
	xtcp_build_timestamp(opt, xtcp_clock_ms(), req->ts_offset, ireq->req.ts_recent);
	if (ireq->req.syncookie)
		opt->tsval = xtcp_build_cookie_timestamp(req);
}

/**
 * xtcp_build_synack - the SYN-ACK of a request
 * @listener: its listener
 * @req: the request
 * @dst: its route
 *
 * Context: Softirq; no lock.
 * Return: A built segment owned by @listener, or NULL without memory.
 */
struct sk_buff *xtcp_build_synack(const struct sock *listener, struct xtcp_request *req,
				  struct dst_entry *dst)
{
	struct sk_buff *skb = xtcp_build_alloc(GFP_ATOMIC);
	struct xtcp_build b = {};

	if (!skb)
		return NULL;
	b.h.source = req->ireq.ir_num;
	b.h.dest = ntohs(req->ireq.ir_rmt_port);
	b.h.seq = req->snt_isn;
	b.h.ack = req->rcv_isn + 1;
	b.h.flags = XTCP_FLAG_SYN | XTCP_FLAG_ACK;
	if (req->ireq.ecn_ok)
		b.h.flags |= XTCP_FLAG_ECE;	/* RFC 3168 6.1.1 */
	b.h.window = min_t(u32, req->ireq.req.rsk_rcv_wnd, U16_MAX);
	xtcp_build_request_options(listener, req, dst, &b.opt);
	xtcp_build_header(skb, &b);
	skb_set_owner_w(skb, (struct sock *)listener);
	return skb;
}
