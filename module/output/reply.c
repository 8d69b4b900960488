// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments that no connection sends: the SYN-ACK of a request, owned by the
 * listener, and RST and ACK that no socket owns, sent through the namespace's
 * control socket.
 *
 * A control socket is only read here, never written, so that any number of CPUs
 * may use it at once without a lock.
 */
#include <net/dst.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>
#include <net/route.h>
#include <net/tcp.h>

#include "output.h"

static int xtcp_ip_ctl_sock(struct sock **sk, unsigned short family, struct net *net)
{
	int err = inet_ctl_sock_create(sk, family, SOCK_RAW, IPPROTO_TCP, net);

	/* what the core says if there is no memory for an inode */
	return err == -ENFILE ? -ENOMEM : err;
}

/**
 * xtcp_ip_net_init() - make the control sockets of a namespace
 * @net: the namespace
 *
 * Context: process.
 * Return: 0 or negative.
 */
int xtcp_ip_net_init(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);
	int err;

	err = xtcp_ip_ctl_sock(&xn->ctl_sk4, PF_INET, net);
	if (err)
		return err;
	/* Replies are small: never to be cut on the way */
	inet_sk(xn->ctl_sk4)->pmtudisc = IP_PMTUDISC_DO;
	err = xtcp_ip_ctl_sock(&xn->ctl_sk6, PF_INET6, net);
	if (!err)
		return 0;
	xn->ctl_sk6 = NULL;
	if (err == -EAFNOSUPPORT)	/* ipv6.disable=1 */
		return 0;
	xtcp_ip_net_exit(net);
	return err;
}

/**
 * xtcp_ip_net_exit() - free the control sockets
 * @net: the namespace; nothing sends in it any more
 *
 * Context: process.
 */
void xtcp_ip_net_exit(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);

	if (xn->ctl_sk6)
		inet_ctl_sock_destroy(xn->ctl_sk6);
	if (xn->ctl_sk4)
		inet_ctl_sock_destroy(xn->ctl_sk4);
	xn->ctl_sk4 = NULL;
	xn->ctl_sk6 = NULL;
}

static struct ip_options_rcu *xtcp_reply_options(const struct xtcp_request *req)
{
	return rcu_dereference(req->ireq.ireq_opt);
}

/* Route of an IPv4 request's SYN-ACK. Context: RCU. */
static struct dst_entry *xtcp_reply_dst4(const struct sock *listener,
					 const struct xtcp_request *req)
{
	const struct inet_request_sock *ireq = &req->ireq;
	const struct ip_options_rcu *opt = xtcp_reply_options(req);
	struct net *net = sock_net(listener);
	struct flowi4 fl4;
	struct rtable *rt;

	flowi4_init_output(&fl4, ireq->ir_iif, ireq->ir_mark, ip_sock_rt_tos(listener),
			   ip_sock_rt_scope(listener), req->wire_protocol,
			   inet_sk_flowi_flags(listener),
			   opt && opt->opt.srr ? opt->opt.faddr : ireq->ir_rmt_addr,
			   ireq->ir_loc_addr, ireq->ir_rmt_port, htons(ireq->ir_num),
			   sk_uid(listener));
	security_req_classify_flow(&ireq->req, flowi4_to_flowi_common(&fl4));
	rt = ip_route_output_flow(net, &fl4, listener);
	if (!IS_ERR(rt))
		return &rt->dst;
	__IP_INC_STATS(net, IPSTATS_MIB_OUTNOROUTES);
	return NULL;
}

/* An LSM's label (CALIPSO) or the listener's options. */
static struct ipv6_txoptions *xtcp_reply_opt6(const struct sock *listener,
					      const struct xtcp_request *req)
{
	return req->ireq.ipv6_opt ?: rcu_dereference(inet6_sk(listener)->opt);
}

/* The IPv6 flow of a request; @final and the result are as fl6_update_dst()'s. */
static struct in6_addr *xtcp_reply_flow6(const struct sock *listener,
					 const struct xtcp_request *req, struct flowi6 *fl6,
					 struct in6_addr *final)
{
	const struct inet_request_sock *ireq = &req->ireq;

	memset(fl6, 0, sizeof(*fl6));
	fl6->flowi6_proto = req->wire_protocol;
	fl6->daddr = ireq->ir_v6_rmt_addr;
	fl6->saddr = ireq->ir_v6_loc_addr;
	fl6->flowi6_oif = ireq->ir_iif;
	fl6->flowi6_mark = ireq->ir_mark;
	fl6->fl6_dport = ireq->ir_rmt_port;
	fl6->fl6_sport = htons(ireq->ir_num);
	fl6->flowi6_uid = sk_uid(listener);
	security_req_classify_flow(&ireq->req, flowi6_to_flowi_common(fl6));
	return fl6_update_dst(fl6, xtcp_reply_opt6(listener, req), final);
}

/**
 * xtcp_ip_request_dst() - the route of a SYN-ACK
 * @listener: the listener
 * @req: the request; need not be in the table (a cookie's never is)
 *
 * Context: any.
 * Return: route with a reference, or NULL.
 */
struct dst_entry *xtcp_ip_request_dst(const struct sock *listener, struct xtcp_request *req)
{
	struct in6_addr final, *final_p;
	struct dst_entry *dst;
	struct flowi6 fl6;

	rcu_read_lock();
	if (req->ireq.ireq_family == AF_INET) {
		dst = xtcp_reply_dst4(listener, req);
	} else {
		final_p = xtcp_reply_flow6(listener, req, &fl6, &final);
		dst = ip6_dst_lookup_flow(sock_net(listener), listener, &fl6, final_p);
		if (IS_ERR(dst))
			dst = NULL;
	}
	rcu_read_unlock();
	return dst;
}

/* Are there policies that may make another route of what was found, once there is a key? */
static bool xtcp_reply_has_policies(const struct sock *listener)
{
#ifdef CONFIG_XFRM
	return sock_net(listener)->xfrm.policy_count[XFRM_POLICY_OUT] ||
	       rcu_access_pointer(listener->sk_policy[XFRM_POLICY_OUT]);
#else
	return false;
#endif
}

/**
 * xtcp_ip_request_keep_dst() - the child is to go the SYN-ACK's way
 * @listener: the listener
 * @req: not yet in the table
 * @dst: the route; @req gets a reference of its own, unless there are IPsec policies, or
 *       nobody keeps the namespace for as long
 *
 * Context: any.
 */
void xtcp_ip_request_keep_dst(const struct sock *listener, struct xtcp_request *req,
			      struct dst_entry *dst)
{
	if (!listener->sk_net_refcnt || xtcp_reply_has_policies(listener))
		return;
	if (req->ireq.ireq_family == AF_INET6)
		req->dst_cookie = rt6_get_cookie(dst_rt6_info(dst));
	req->dst = dst_clone(dst);
}

/**
 * xtcp_ip_request_take_dst() - the route of a new child
 * @listener: the listener
 * @req: the request; what it kept is gone after this
 *
 * Context: any.
 * Return: route with a reference: the SYN-ACK's, unless that went stale; or NULL.
 */
struct dst_entry *xtcp_ip_request_take_dst(const struct sock *listener,
					   struct xtcp_request *req)
{
	struct dst_entry *dst = xchg(&req->dst, NULL);

	if (dst && dst_check(dst, req->dst_cookie))
		return dst;
	dst_release(dst);
	return xtcp_ip_request_dst(listener, req);
}

static int xtcp_reply_request4(const struct sock *listener, const struct xtcp_request *req,
			       struct sk_buff *skb)
{
	const struct inet_request_sock *ireq = &req->ireq;
	const struct ip_options_rcu *opt = xtcp_reply_options(req);
	union nf_inet_addr src = { .ip = ireq->ir_loc_addr };
	union nf_inet_addr dst = { .ip = ireq->ir_rmt_addr };
	struct xtcp_ip_out4 o = {
		.sk = listener,
		.opt = opt,
		.saddr = ireq->ir_loc_addr,
		.daddr = opt && opt->opt.srr ? opt->opt.faddr : ireq->ir_rmt_addr,
		.final = ireq->ir_rmt_addr,
		.mark = ireq->ir_mark,
		.tos = READ_ONCE(inet_sk(listener)->tos),
		.protocol = req->wire_protocol,
	};

	xtcp_ip_checksum(skb, 4, &src, &dst, o.protocol);
	return xtcp_ip_out4(skb, &o);
}

static int xtcp_reply_request6(const struct sock *listener, const struct xtcp_request *req,
			       struct sk_buff *skb)
{
	const struct inet_request_sock *ireq = &req->ireq;
	union nf_inet_addr src = { .in6 = ireq->ir_v6_loc_addr };
	union nf_inet_addr dst = { .in6 = ireq->ir_v6_rmt_addr };
	struct in6_addr final;
	struct flowi6 fl6;

	xtcp_ip_checksum(skb, 6, &src, &dst, req->wire_protocol);
	memset(skb->cb, 0, max(sizeof(struct inet_skb_parm), sizeof(struct inet6_skb_parm)));
	xtcp_reply_flow6(listener, req, &fl6, &final);
	fl6.daddr = ireq->ir_v6_rmt_addr;
	return ip6_xmit(listener, skb, &fl6, ireq->ir_mark, xtcp_reply_opt6(listener, req),
			inet6_sk(listener)->tclass, READ_ONCE(listener->sk_priority));
}

/**
 * xtcp_ip_xmit_request() - send a built SYN-ACK
 * @listener: owns the segment
 * @req: the request
 * @dst: its route; borrowed
 * @skb: skb->data at the TCP header; consumed
 *
 * Context: any.
 * Return: 0, NET_XMIT_* or negative.
 */
int xtcp_ip_xmit_request(const struct sock *listener, struct xtcp_request *req,
			 struct dst_entry *dst, struct sk_buff *skb)
{
	int err;

	rcu_read_lock();
	skb_dst_set(skb, dst_clone(dst));
	if (req->ireq.ireq_family == AF_INET)
		err = xtcp_reply_request4(listener, req, skb);
	else
		err = xtcp_reply_request6(listener, req, skb);
	rcu_read_unlock();
	return err;
}

/* Device to answer by: as asked, or the VRF the segment came from. */
static int xtcp_reply_oif(const struct xtcp_reply *r)
{
	if (!r->oif && r->skb_in && netif_index_is_l3_master(r->net, r->skb_in->skb_iif))
		return r->skb_in->skb_iif;
	return r->oif;
}

static void xtcp_reply_unowned4(const struct xtcp_reply *r, struct sk_buff *skb)
{
	const struct tcphdr *th = tcp_hdr(skb);
	struct sock *ctl = xtcp_net(r->net)->ctl_sk4;
	struct xtcp_ip_out4 o = {
		.sk = ctl,
		.saddr = r->src.ip,
		.daddr = r->dst.ip,
		.final = r->dst.ip,
		.mark = r->skb_in ? IP4_REPLY_MARK(r->net, r->skb_in->mark) ?: r->mark : r->mark,
		.tos = r->tos & ~INET_ECN_MASK,	/* what has no data is not ECT */
		.protocol = r->wire_protocol,
	};
	struct flowi4 fl4;
	struct rtable *rt;

	flowi4_init_output(&fl4, xtcp_reply_oif(r), o.mark, r->tos & INET_DSCP_MASK,
			   RT_SCOPE_UNIVERSE, r->wire_protocol,
			   r->transparent ? FLOWI_FLAG_ANYSRC : 0, r->dst.ip, r->src.ip,
			   th->dest, th->source, r->uid);
	if (r->skb_in)
		security_skb_classify_flow((struct sk_buff *)r->skb_in,
					   flowi4_to_flowi_common(&fl4));
	rt = ip_route_output_flow(r->net, &fl4, ctl);
	if (IS_ERR(rt)) {
		sk_skb_reason_drop(NULL, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return;
	}
	skb_dst_set(skb, &rt->dst);
	xtcp_ip_checksum(skb, 4, &r->src, &r->dst, r->wire_protocol);
	xtcp_ip_out4(skb, &o);
}

static void xtcp_reply_unowned6(const struct xtcp_reply *r, struct sk_buff *skb)
{
	const struct tcphdr *th = tcp_hdr(skb);
	struct sock *ctl = xtcp_net(r->net)->ctl_sk6;
	struct flowi6 fl6 = {};
	struct dst_entry *dst;

	if (!ctl) {
		sk_skb_reason_drop(NULL, skb, SKB_DROP_REASON_IPV6DISABLED);
		return;
	}
	fl6.flowi6_proto = r->wire_protocol;
	fl6.saddr = r->src.in6;
	fl6.daddr = r->dst.in6;
	fl6.flowlabel = r->flowlabel;
	fl6.flowi6_oif = xtcp_reply_oif(r);
	if (!fl6.flowi6_oif && r->skb_in && rt6_need_strict(&fl6.daddr))
		fl6.flowi6_oif = r->skb_in->skb_iif;
	fl6.flowi6_mark = r->skb_in ? IP6_REPLY_MARK(r->net, r->skb_in->mark) ?: r->mark :
			  r->mark;
	fl6.fl6_dport = th->dest;
	fl6.fl6_sport = th->source;
	fl6.flowi6_uid = r->uid;
	if (r->transparent)
		fl6.flowi6_flags |= FLOWI_FLAG_ANYSRC;
	if (r->skb_in)
		security_skb_classify_flow((struct sk_buff *)r->skb_in,
					   flowi6_to_flowi_common(&fl6));
	dst = ip6_dst_lookup_flow(r->net, ctl, &fl6, NULL);
	if (IS_ERR(dst)) {
		sk_skb_reason_drop(NULL, skb, SKB_DROP_REASON_IP_OUTNOROUTES);
		return;
	}
	skb_dst_set(skb, dst);
	xtcp_ip_checksum(skb, 6, &r->src, &r->dst, r->wire_protocol);
	memset(skb->cb, 0, max(sizeof(struct inet_skb_parm), sizeof(struct inet6_skb_parm)));
	ip6_xmit(ctl, skb, &fl6, fl6.flowi6_mark, NULL, r->tos & ~INET_ECN_MASK, 0);
}

/**
 * xtcp_ip_xmit_reply() - send a built segment that no socket owns
 * @r: where from and to, and how
 * @skb: skb->data at the TCP header; consumed
 *
 * Context: any.
 */
void xtcp_ip_xmit_reply(const struct xtcp_reply *r, struct sk_buff *skb)
{
	rcu_read_lock();
	if (r->family == AF_INET)
		xtcp_reply_unowned4(r, skb);
	else
		xtcp_reply_unowned6(r, skb);
	rcu_read_unlock();
}
