// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP and ICMPv6 errors about segments of ours (MUST-54, RFC 1122 4.2.3.9).
 *
 * Anybody can send one, so it counts only if the sequence number it quotes is of
 * something in flight (RFC 5927 4.1). While a connection is being opened an error
 * ends the attempt, as programs expect; later it is only remembered, and told
 * if the connection times out (MUST-56), or at once if the program asked
 * (IP_RECVERR). A path MTU is taken over in any state.
 */
#include <linux/errqueue.h>
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/ndisc.h>

#include "entry.h"
#include "../conn/flows.h"
#include "../conn/life.h"
#include "../conn/minis.h"
#include "../output/output.h"
#include "../recovery/recovery.h"

/**
 * struct xtcp_icmp_msg - an error that was received
 * @t: tuple of the quoted segment, as one that answers it would have it
 * @seq: its sequence number
 * @skb: the packet
 * @offset: of the quoted IP header from skb->data
 * @segment: of the quoted segment from skb->data
 * @family: AF_INET or AF_INET6
 * @type: as in the header
 * @code: as in the header
 * @info: next-hop MTU
 * @err: errno it means for a program
 * @hard: a request gives up because of it
 */
struct xtcp_icmp_msg {
	struct xtcp_tuple t;
	u32 seq;
	struct sk_buff *skb;
	unsigned int offset;
	unsigned int segment;
	u8 family;
	u8 type;
	u8 code;
	u32 info;
	int err;
	bool hard;
};

/* Ports and sequence number: the eight octets behind the header that RFC 792 promises. */
static bool xtcp_icmp_quoted_ports(struct xtcp_icmp_msg *m, unsigned int off)
{
	u8 buf[8];
	const u8 *p;

	p = skb_header_pointer(m->skb, off, sizeof(buf), buf);
	if (!p)
		return false;
	memcpy(&m->t.lport, p, 2);
	memcpy(&m->t.rport, p + 2, 2);
	m->seq = xtcp_get_be32(p + 4);
	m->segment = off;
	return true;
}

static bool xtcp_icmp_quoted4(struct xtcp_icmp_msg *m)
{
	const struct iphdr *iph;
	struct iphdr buf;

	iph = skb_header_pointer(m->skb, m->offset, sizeof(buf), &buf);
	if (!iph || iph->version != 4 || iph->ihl < 5 || iph->protocol != m->t.wire_protocol ||
	    iph->frag_off & htons(IP_OFFSET))
		return false;
	m->t.laddr.ip = iph->saddr;
	m->t.raddr.ip = iph->daddr;
	m->t.dif = inet_iif(m->skb);
	m->t.sdif = inet_sdif(m->skb);
	return xtcp_icmp_quoted_ports(m, m->offset + iph->ihl * 4);
}

static bool xtcp_icmp_quoted6(struct xtcp_icmp_msg *m)
{
	const struct ipv6hdr *hdr;
	struct ipv6hdr buf;
	__be16 frag_off;
	u8 next;
	int off;

	hdr = skb_header_pointer(m->skb, m->offset, sizeof(buf), &buf);
	if (!hdr || hdr->version != 6)
		return false;
	m->t.laddr.in6 = hdr->saddr;
	m->t.raddr.in6 = hdr->daddr;
	m->t.dif = inet6_iif(m->skb);
	m->t.sdif = inet6_sdif(m->skb);
	next = hdr->nexthdr;
	off = ipv6_skip_exthdr(m->skb, m->offset + sizeof(buf), &next, &frag_off);
	if (off < 0 || next != m->t.wire_protocol || frag_off & htons(IP6_OFFSET))
		return false;
	return xtcp_icmp_quoted_ports(m, off);
}

/* What the error means. Return: false: nothing for us. */
static bool xtcp_icmp_meaning4(struct xtcp_icmp_msg *m)
{
	switch (m->type) {
	case ICMP_REDIRECT:
		return true;
	case ICMP_PARAMETERPROB:
		m->err = EPROTO;
		m->hard = true;
		return true;
	case ICMP_TIME_EXCEEDED:
		m->err = EHOSTUNREACH;
		m->hard = true;
		return true;
	case ICMP_DEST_UNREACH:
		if (m->code > NR_ICMP_UNREACH)
			return false;
		m->err = icmp_err_convert[m->code].errno;
		m->hard = m->code == ICMP_NET_UNREACH || m->code == ICMP_HOST_UNREACH;
		return true;
	default:	/* MUST-55: source quench */
		return false;
	}
}

static bool xtcp_icmp_meaning6(struct xtcp_icmp_msg *m)
{
	if (m->type == NDISC_REDIRECT)
		return true;
	if (m->type < ICMPV6_DEST_UNREACH || m->type > ICMPV6_PARAMPROB)
		return false;
	m->hard = icmpv6_err_convert(m->type, m->code, &m->err);
	return true;
}

static bool xtcp_icmp_is_redirect(const struct xtcp_icmp_msg *m)
{
	return m->family == AF_INET ? m->type == ICMP_REDIRECT : m->type == NDISC_REDIRECT;
}

static bool xtcp_icmp_is_mtu(const struct xtcp_icmp_msg *m)
{
	if (m->family == AF_INET)
		return m->type == ICMP_DEST_UNREACH && m->code == ICMP_FRAG_NEEDED;
	return m->type == ICMPV6_PKT_TOOBIG;
}

/* A half-open connection: the SYN-ACK could not be delivered. */
static void xtcp_icmp_request(struct xtcp_request *req, const struct xtcp_icmp_msg *m)
{
	if (m->seq != req->snt_isn) {
		XTCP_INC(m->t.net, IcmpOutOfWindow);
		return;
	}
	if (!m->hard || xtcp_icmp_is_redirect(m) || xtcp_icmp_is_mtu(m))
		return;
	XTCP_INC(m->t.net, IcmpActed);
	xtcp_minis_request_drop(req, XTCP_REASON_ICMP);
}

/* A gateway knows a better way: the route's business. It reads the packet at skb->data. */
static void xtcp_icmp_redirect(struct sock *sk, const struct xtcp_icmp_msg *m)
{
	struct dst_entry *dst;

	dst = __sk_dst_check(sk, xtcp_is_v4(sk) ? 0 : inet6_sk(sk)->dst_cookie);
	if (!dst || !pskb_may_pull(m->skb, m->family == AF_INET ?
				   m->offset + sizeof(struct iphdr) : m->skb->len))
		return;
	XTCP_INC(m->t.net, IcmpActed);
	__skb_pull(m->skb, m->offset);
	dst->ops->redirect(dst, sk, m->skb);
	__skb_push(m->skb, m->offset);
}

/**
 * xtcp_icmp_mtu_reduced() - apply the path MTU in mtu_info
 * @sk: the connection
 *
 * Tells the route, then makes the segments smaller; what is in flight and too
 * large is known to be lost, and is sent again (RFC 1191 6.4, RFC 8201 5.4).
 *
 * Context: socket lock, BHs off.
 */
void xtcp_icmp_mtu_reduced(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 told = READ_ONCE(xt->mtu_info);
	struct dst_entry *dst;
	u32 mtu;

	if (xtcp_state_in(sk, TCPF_LISTEN | TCPF_CLOSE))
		return;
	rcu_read_lock();
	dst = xtcp_ip_dst(sk);
	if (dst) {
		dst->ops->update_pmtu(dst, sk, NULL, told, true);
		dst = xtcp_ip_dst(sk);
	}
	mtu = dst ? dst_mtu(dst) : 0;
	/* Something was larger than the path carries and may not be cut */
	if (dst && xtcp_is_v4(sk) && told < mtu && ip_dont_fragment(sk, dst))
		WRITE_ONCE(sk->sk_err_soft, EMSGSIZE);
	rcu_read_unlock();

	if (!mtu || !xtcp_ip_pmtu_enabled(sk) ||
	    (xt->pmtu && xt->pmtu <= mtu))
		return;
	xtcp_data_sync_mss(sk, mtu);
	if (xtcp_recovery_too_large(sk, xtcp_data_fits(sk, mtu)))
		xtcp_retransmit_lost(sk);
}

/*
 * update_pmtu() of IPv4 looks for the route of the socket's protocol, 253: with rules for TCP's
 * that may be another than ours. This one looks for TCP's, but knows no mark.
 */
static void xtcp_icmp_mtu_route(const struct sock *sk, const struct xtcp_icmp_msg *m)
{
	if (!pskb_may_pull(m->skb, m->offset + sizeof(struct iphdr)))
		return;
	__skb_pull(m->skb, m->offset);
	ipv4_update_pmtu(m->skb, m->t.net, m->info, READ_ONCE(sk->sk_bound_dev_if),
			 m->t.wire_protocol);
	__skb_push(m->skb, m->offset);
}

static void xtcp_icmp_mtu(struct sock *sk, const struct xtcp_icmp_msg *m)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	/* RFC 8201 4: never below the minimum; there is no such thing as an IPv6 path of less */
	if (m->family == AF_INET6 && (m->info < IPV6_MIN_MTU || !ip6_sk_accept_pmtu(sk)))
		return;
	XTCP_INC(m->t.net, IcmpActed);
	if (m->family == AF_INET && m->t.wire_protocol != IPPROTO_XTCP &&
	    READ_ONCE(sk->sk_mark) == IP4_REPLY_MARK(m->t.net, m->skb->mark))
		xtcp_icmp_mtu_route(sk, m);
	WRITE_ONCE(xt->mtu_info, min_t(u32, m->info, U16_MAX));
	if (!sock_owned_by_user(sk))
		xtcp_icmp_mtu_reduced(sk);
	else
		set_bit(XTCP_DEFER_MTU, &sk->sk_tsq_flags);	/* its owner has a reference */
}

static bool xtcp_icmp_asked(const struct sock *sk, const struct xtcp_icmp_msg *m)
{
	return m->family == AF_INET ? inet_test_bit(RECVERR, sk) :
				      inet6_test_bit(RECVERR6, sk);
}

/*
 * IP_RECVERR: the error with its origin and the segment it is about, for
 * recvmsg(MSG_ERRQUEUE). IP's cb, in front of the error in the same place, stays.
 */
static void xtcp_icmp_queue(struct sock *sk, const struct xtcp_icmp_msg *m)
{
	struct sock_exterr_skb *serr;
	struct sk_buff *skb;

	if (!xtcp_icmp_asked(sk, m))
		return;
	skb = skb_clone(m->skb, GFP_ATOMIC);
	if (!skb)
		return;
	nf_reset_ct(skb);
	serr = SKB_EXT_ERR(skb);
	memset(&serr->ee, 0, sizeof(serr->ee));
	serr->ee.ee_errno = m->err;
	serr->ee.ee_origin = m->family == AF_INET ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6;
	serr->ee.ee_type = m->type;
	serr->ee.ee_code = m->code;
	serr->ee.ee_info = m->info;
	serr->port = m->t.rport;
	serr->addr_offset = m->offset - skb_network_offset(skb) +
			    (m->family == AF_INET ? offsetof(struct iphdr, daddr) :
						    offsetof(struct ipv6hdr, daddr));
	if (!pskb_pull(skb, m->segment))
		goto drop;
	skb_reset_transport_header(skb);
	if (!sock_queue_err_skb(sk, skb))
		return;
drop:
	kfree_skb(skb);
}

/*
 * While connecting, the program is to know at once. A connected one goes on
 * (MUST-56): routes come back, and such messages are easily forged.
 */
static void xtcp_icmp_report(struct sock *sk, const struct xtcp_icmp_msg *m)
{
	bool owned = sock_owned_by_user(sk);

	XTCP_INC(m->t.net, IcmpActed);
	if (xtcp_state_in(sk, TCPF_SYN_SENT | TCPF_SYN_RECV)) {
		xtcp_icmp_queue(sk, m);
		if (owned)
			WRITE_ONCE(sk->sk_err_soft, m->err);
		else
			xtcp_life_abort(sk, m->err, XTCP_REASON_ICMP);
		return;
	}
	if (!owned && xtcp_icmp_asked(sk, m)) {
		WRITE_ONCE(sk->sk_err, m->err);
		sk_error_report(sk);
	} else {
		WRITE_ONCE(sk->sk_err_soft, m->err);
	}
}

static void xtcp_icmp_sock(struct sock *sk, const struct xtcp_icmp_msg *m)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	bh_lock_sock(sk);
	if (sk->sk_state == TCP_CLOSE)
		goto out;
	if (!sock_owned_by_user(sk))
		xtcp_now_take(sk);
	if (!xtcp_seq_between(m->seq, READ_ONCE(xt->snd_una), READ_ONCE(xt->snd_nxt))) {
		XTCP_INC(m->t.net, IcmpOutOfWindow);
		goto out;
	}
	if (xtcp_icmp_is_mtu(m))
		xtcp_icmp_mtu(sk, m);
	else if (!xtcp_icmp_is_redirect(m))
		xtcp_icmp_report(sk, m);
	else if (!sock_owned_by_user(sk))
		xtcp_icmp_redirect(sk, m);
out:
	bh_unlock_sock(sk);
}

/* ip_no_pmtu_disc 1 and 2: the administrator does not trust such messages. */
static bool xtcp_icmp_mtu_wanted(const struct xtcp_icmp_msg *m)
{
	int mode = READ_ONCE(m->t.net->ipv4.sysctl_ip_no_pmtu_disc);

	return m->family == AF_INET6 || !mode || mode == 3;
}

/**
 * xtcp_icmp_error() - an ICMP or ICMPv6 error has come in
 * @net: the namespace
 * @skb: the packet, its checksum verified; stays the caller's and unchanged
 * @family: AF_INET or AF_INET6
 * @wire_protocol: of the segments we ask about; others are none of ours
 * @offset: of the quoted IP header from skb->data
 * @type: as in the header
 * @code: as in the header
 * @info: next-hop MTU, bytes, where the error tells one
 *
 * Context: softirq, RCU.
 */
void xtcp_icmp_error(struct net *net, struct sk_buff *skb, u8 family, u8 wire_protocol,
		     unsigned int offset, u8 type, u8 code, u32 info)
{
	struct xtcp_icmp_msg m = {
		.t.net = net, .t.family = family, .t.wire_protocol = wire_protocol,
		.skb = skb, .offset = offset, .family = family, .type = type, .code = code,
		.info = info,
	};
	struct sock_common *skc;

	if (family == AF_INET ? !xtcp_icmp_meaning4(&m) || !xtcp_icmp_quoted4(&m) :
				!xtcp_icmp_meaning6(&m) || !xtcp_icmp_quoted6(&m))
		return;
	if (xtcp_icmp_is_mtu(&m) && !xtcp_icmp_mtu_wanted(&m))
		return;
	skc = xtcp_flow_lookup(&m.t);
	if (!skc)
		return;
	if (skc->skc_state == TCP_NEW_SYN_RECV)
		xtcp_icmp_request(xtcp_req(skc), &m);
	else if (skc->skc_state != TCP_TIME_WAIT)
		xtcp_icmp_sock((struct sock *)skc, &m);
	xtcp_flow_put(skc);
}
