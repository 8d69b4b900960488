// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where segments come in: the LOCAL_IN hooks for IP protocol 6.
 *
 * A hook first decides, by looking only; a packet that is not ours goes on as if
 * XTCP were not there. One that is ours is taken ("stolen") from
 * the host, and everything which the host would have done with it between LOCAL_IN
 * and its TCP is then done here; see xtcp_arrival_take().
 *
 * What is ours: a segment of a flow of ours; a SYN for a listener of ours,
 * unless the host has a connection of that very tuple, left over from before;
 * and the ACK that brings back a cookie of ours. Everything else for a port of
 * ours reaches the host's reservation, which answers RST as it should.
 */
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/icmp.h>
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ndisc.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>
#include <net/request_sock.h>
#include <net/tcp.h>

#include "arrival.h"
#include "../conn/flows.h"
#include "../conn/inuse.h"
#include "../conn/ports.h"
#include "../trace.h"

#define XTCP_HOOKED_V4	0	/* bits of xtcp_net.hooked */
#define XTCP_HOOKED_V6	1

/*
 * Would the host's TCP find a connection for this SYN? One in TIME_WAIT, or a
 * half-open one without its listener, would only hand the SYN on to whoever
 * listens now: that is the reservation, which must never get one.
 */
static bool xtcp_hook_host_flow(const struct xtcp_tuple *t)
{
	struct sock *sk;
	bool live;

	if (t->family == AF_INET)
		sk = __inet_lookup_established(t->net, t->raddr.ip, t->rport, t->laddr.ip,
					       ntohs(t->lport), t->dif, t->sdif);
	else
		sk = __inet6_lookup_established(t->net, &t->raddr.in6, t->rport,
						&t->laddr.in6, ntohs(t->lport), t->dif,
						t->sdif);
	if (!sk)
		return false;
	if (sk->sk_state == TCP_NEW_SYN_RECV)
		live = inet_reqsk(sk)->rsk_listener &&
		       READ_ONCE(inet_reqsk(sk)->rsk_listener->sk_state) == TCP_LISTEN;
	else
		live = sk->sk_state != TCP_TIME_WAIT;
	sock_gen_put(sk);
	return live;
}

/*
 * A tproxy rule gives a segment for any address to a host's socket of its choice. If
 * that is a reservation of ours, the listener behind it is meant.
 */
static struct sock *xtcp_hook_tproxy(const struct sk_buff *skb, const struct xtcp_tuple *t)
{
	const struct sock *sk = skb->sk;
	struct sock *listener;

	if (likely(!sk) || !sk_fullsock(sk) || READ_ONCE(sk->sk_state) != TCP_LISTEN)
		return NULL;
	listener = xtcp_port_listener(sk);
	/* bpf_sk_assign() does not ask for the family */
	if (!listener || (t->family == AF_INET6 && listener->sk_family != AF_INET6) ||
	    READ_ONCE(xtcp_sk(listener)->wire_protocol) != IPPROTO_TCP)
		return NULL;
	return listener;
}

/*
 * Early demultiplexing has found a live connection of the host's TCP for this tuple:
 * there is none of ours then, and the host's TCP shall not pay for asking. A listener
 * may be a reservation of ours, given by a tproxy rule. Only ICSK sockets are TCP's.
 */
static bool xtcp_hook_hosts_own(const struct sk_buff *skb)
{
	const struct sock *sk = skb->sk;

	return sk && sk_fullsock(sk) &&
	       (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP &&
	       inet_test_bit(IS_ICSK, sk) &&
	       (1 << READ_ONCE(sk->sk_state)) & ~(TCPF_LISTEN | TCPF_CLOSE);
}

/*
 * A listener of ours whose reservation could not follow it to another device, or is about to, has
 * one that would answer what came over the others: those are refused, as by a port that nobody has.
 */
static bool xtcp_hook_reserved(const struct sk_buff *skb, const struct xtcp_tuple *t)
{
	const struct sock *sk = skb->sk;

	if (sk && sk_fullsock(sk))	/* a tproxy rule has chosen */
		return xtcp_port_is_reservation(sk);
	if (t->family == AF_INET)
		sk = __inet_lookup_listener(t->net, NULL, 0, t->raddr.ip, t->rport, t->laddr.ip,
					    ntohs(t->lport), t->dif, t->sdif);
	else
		sk = inet6_lookup_listener(t->net, NULL, 0, &t->raddr.in6, t->rport,
					   &t->laddr.in6, ntohs(t->lport), t->dif, t->sdif);
	return sk && xtcp_port_is_reservation(sk);
}

/* The host's other segments: nothing of ours has that port, and no tproxy rule chose for it. */
static bool xtcp_hook_no_port(const struct net *net, const struct sk_buff *skb, int thoff)
{
	const __be16 *lport;
	__be16 buf;

	if (skb->sk)
		return false;
	lport = skb_header_pointer(skb, thoff + 2, sizeof(buf), &buf);
	return lport && !xtcp_inuse(net, ntohs(*lport));
}

/* No flow of ours: NF_STOLEN if it begins one, NF_DROP if it may not, NF_ACCEPT if not ours. */
static unsigned int xtcp_hook_judge_new(const struct sk_buff *skb, struct xtcp_arrival *s)
{
	u8 flags = s->flags & (XTCP_FLAG_SYN | XTCP_FLAG_ACK | XTCP_FLAG_RST);

	if (flags != XTCP_FLAG_SYN && flags != XTCP_FLAG_ACK)
		return NF_ACCEPT;
	s->t.listener = xtcp_hook_tproxy(skb, &s->t);
	s->listener = xtcp_flow_lookup_listener(&s->t, NULL, 0);
	if (!s->listener && (flags != XTCP_FLAG_SYN || !xtcp_hook_reserved(skb, &s->t)))
		return NF_ACCEPT;
	if (flags == XTCP_FLAG_ACK && !xtcp_cookie_active(s->listener))
		return NF_ACCEPT;
	/* From here on without a listener: nobody's SYN, which is refused */
	if (xtcp_hook_host_flow(&s->t)) {
		if (flags == XTCP_FLAG_SYN)
			XTCP_INC(s->t.net, HostFlowSyns);
		return NF_ACCEPT;
	}
	if (flags == XTCP_FLAG_ACK)
		return xtcp_cookie_valid(s->listener, &s->t, s->seq, s->ack) ? NF_STOLEN :
		       NF_ACCEPT;
	if (xtcp_arrival_bad_address(skb, &s->t)) {
		XTCP_INC(s->t.net, ListenDrops);
		trace_xtcp_drop(&s->t, SKB_DROP_REASON_IP_INADDRERRORS);
		return NF_DROP;
	}
	return NF_STOLEN;
}

/* Whose is it? As xtcp_hook_judge_new(); sets @s->skc or @s->listener. */
static unsigned int xtcp_hook_judge(const struct sk_buff *skb, struct xtcp_arrival *s)
{
	if (!xtcp_arrival_peek(skb, s))
		return NF_ACCEPT;
	s->skc = xtcp_flow_lookup(&s->t);
	if (s->skc) {
		/* A SYN may begin a new connection there */
		if (s->skc->skc_state == TCP_TIME_WAIT)
			s->t.listener = xtcp_hook_tproxy(skb, &s->t);
		return NF_STOLEN;
	}
	return xtcp_hook_judge_new(skb, s);
}

static void xtcp_hook_icmp4(struct net *net, struct sk_buff *skb)
{
	unsigned int off = skb_network_header_len(skb);	/* see xtcp_hook_in4() */
	const struct icmphdr *icmph;
	struct icmphdr buf;
	u32 info = 0;

	icmph = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!icmph)
		return;
	switch (icmph->type) {
	case ICMP_DEST_UNREACH:
		if (icmph->code == ICMP_FRAG_NEEDED)
			info = ntohs(icmph->un.frag.mtu);
		break;
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		break;
	default:	/* MUST-55: source quench is dropped silently */
		return;
	}
	if (nf_checksum(skb, NF_INET_LOCAL_IN, off, IPPROTO_ICMP, AF_INET))
		return;
	icmph = skb_header_pointer(skb, off, sizeof(buf), &buf);
	local_bh_disable();
	xtcp_icmp_error(net, skb, AF_INET, IPPROTO_TCP, off + sizeof(buf), icmph->type,
			icmph->code, info);
	local_bh_enable();
}

/*
 * A verdict of NFQUEUE goes on with the hooks that are left in its own process, BHs on;
 * socket locks want them off.
 */
static void xtcp_hook_take(struct sk_buff *skb, struct xtcp_arrival *s)
{
	if (likely(in_softirq())) {
		xtcp_arrival_take(skb, s);
		return;
	}
	local_bh_disable();
	xtcp_arrival_take(skb, s);
	local_bh_enable();
}

/*
 * Of hooks with our priority those that were registered before us stand behind us:
 * conntrack's, which confirms a connection and adjusts numbers (SYNPROXY, helpers with
 * NAT), and chains of the administrator. They see a packet before we take it.
 * @resume is for one that is queued there and comes back. Return: false: one of them
 * kept it.
 */
static noinline bool
xtcp_hook_behind(struct sk_buff *skb, const struct nf_hook_state *state,
		 const struct nf_hook_entries *e, nf_hookfn *self,
		 int (*resume)(struct net *net, struct sock *sk, struct sk_buff *skb))
{
	struct nf_hook_state rest;
	unsigned int i;

	for (i = e->num_hook_entries; i; i--) {
		if (e->hooks[i - 1].hook == self)
			break;
	}
	/* Nobody; or we are being taken off */
	if (!i || i == e->num_hook_entries)
		return true;
	rest = *state;
	rest.okfn = resume;
	return nf_hook_slow(skb, &rest, e, i) == 1;
}

static bool xtcp_hook_others(struct sk_buff *skb, const struct nf_hook_state *state,
			     const struct nf_hook_entries *e, nf_hookfn *self,
			     int (*resume)(struct net *net, struct sock *sk, struct sk_buff *skb))
{
	/* Mostly we are the only one */
	return !e || e->num_hook_entries == 1 || xtcp_hook_behind(skb, state, e, self, resume);
}

/* As xtcp_hook_judge(), for any packet of IPv4. */
static unsigned int xtcp_hook_decide4(struct net *net, struct sk_buff *skb,
				      struct xtcp_arrival *s)
{
	const struct iphdr *iph = ip_hdr(skb);
	int thoff;

	if (iph->protocol != IPPROTO_TCP) {
		if (iph->protocol == IPPROTO_ICMP && !ip_is_fragment(iph))
			xtcp_hook_icmp4(net, skb);
		return NF_ACCEPT;
	}
	/* MUST-57: what came by link-layer broadcast gets no answer, from the host either */
	if (skb->pkt_type != PACKET_HOST || ip_is_fragment(iph) || xtcp_hook_hosts_own(skb))
		return NF_ACCEPT;

	/* As IP measured it on arrival; ihl may be what a rule in INPUT wrote there */
	thoff = skb_network_header_len(skb);
	if (xtcp_hook_no_port(net, skb, thoff))
		return NF_ACCEPT;
	xtcp_arrival_ipv4(net, skb, IPPROTO_TCP, s);
	s->thoff = thoff;
	return xtcp_hook_judge(skb, s);
}

/* What a hook behind us had queued is let go by it: for us, as before, or for nobody. */
static int xtcp_hook_resume4(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_arrival s;

	rcu_read_lock();
	if (xtcp_hook_decide4(net, skb, &s) == NF_STOLEN)
		xtcp_hook_take(skb, &s);
	else
		kfree_skb_reason(skb, SKB_DROP_REASON_NO_SOCKET);
	rcu_read_unlock();
	return 0;
}

static unsigned int xtcp_hook_in4(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	struct nf_hook_entries __rcu **hooks = &state->net->nf.hooks_ipv4[NF_INET_LOCAL_IN];
	struct xtcp_arrival s;
	unsigned int verdict;

	verdict = xtcp_hook_decide4(state->net, skb, &s);
	if (verdict != NF_STOLEN)
		return verdict;
	if (xtcp_hook_others(skb, state, rcu_dereference(*hooks), xtcp_hook_in4,
			     xtcp_hook_resume4))
		xtcp_hook_take(skb, &s);
	else if (s.skc)
		xtcp_flow_put(s.skc);
	return verdict;
}

/*
 * A redirect quotes the segment in an option (RFC 4861 4.5). Before anything in it
 * is believed: 8.1, as far as it can be told without looking at the options.
 * Return: offset of the quoted header, or 0.
 */
static unsigned int xtcp_hook_redirected6(const struct sk_buff *skb, unsigned int off)
{
	const struct nd_opt_hdr *opt;
	struct nd_opt_hdr buf;

	if (ipv6_hdr(skb)->hop_limit != 255 || skb_transport_offset(skb) != off ||
	    !(ipv6_addr_type(&ipv6_hdr(skb)->saddr) & IPV6_ADDR_LINKLOCAL))
		return 0;
	off += sizeof(struct rd_msg);
	while ((opt = skb_header_pointer(skb, off, sizeof(buf), &buf)) && opt->nd_opt_len) {
		if (opt->nd_opt_type == ND_OPT_REDIRECT_HDR)
			return off + 8;
		off += opt->nd_opt_len * 8;
	}
	return 0;
}

static void xtcp_hook_icmp6(struct net *net, struct sk_buff *skb, unsigned int off)
{
	unsigned int quoted = off + sizeof(struct icmp6hdr);
	const struct icmp6hdr *icmph;
	struct icmp6hdr buf;
	u32 info;

	icmph = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!icmph)
		return;
	if (icmph->icmp6_type == NDISC_REDIRECT)
		quoted = xtcp_hook_redirected6(skb, off);
	else if (icmph->icmp6_type > ICMPV6_PARAMPROB)
		return;
	if (!quoted)
		return;
	info = ntohl(icmph->icmp6_mtu);
	if (nf_checksum(skb, NF_INET_LOCAL_IN, off, IPPROTO_ICMPV6, AF_INET6))
		return;
	icmph = skb_header_pointer(skb, off, sizeof(buf), &buf);
	local_bh_disable();
	xtcp_icmp_error(net, skb, AF_INET6, IPPROTO_TCP, quoted, icmph->icmp6_type,
			icmph->icmp6_code, info);
	local_bh_enable();
}

/* As xtcp_hook_decide4(). */
static unsigned int xtcp_hook_decide6(struct net *net, struct sk_buff *skb,
				      struct xtcp_arrival *s)
{
	u8 proto;
	int off;

	off = xtcp_exthdr_find(skb, &proto);
	if (off < 0)
		return NF_ACCEPT;
	if (proto != IPPROTO_TCP) {
		if (proto == IPPROTO_ICMPV6)
			xtcp_hook_icmp6(net, skb, off);
		return NF_ACCEPT;
	}
	if (skb->pkt_type != PACKET_HOST || xtcp_hook_hosts_own(skb) ||
	    xtcp_hook_no_port(net, skb, off))
		return NF_ACCEPT;

	xtcp_arrival_ipv6(net, skb, IPPROTO_TCP, s);
	s->thoff = off;
	return xtcp_hook_judge(skb, s);
}

static int xtcp_hook_resume6(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	struct xtcp_arrival s;

	rcu_read_lock();
	if (xtcp_hook_decide6(net, skb, &s) == NF_STOLEN)
		xtcp_hook_take(skb, &s);
	else
		kfree_skb_reason(skb, SKB_DROP_REASON_NO_SOCKET);
	rcu_read_unlock();
	return 0;
}

static unsigned int xtcp_hook_in6(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	struct nf_hook_entries __rcu **hooks = &state->net->nf.hooks_ipv6[NF_INET_LOCAL_IN];
	struct xtcp_arrival s;
	unsigned int verdict;

	verdict = xtcp_hook_decide6(state->net, skb, &s);
	if (verdict != NF_STOLEN)
		return verdict;
	if (xtcp_hook_others(skb, state, rcu_dereference(*hooks), xtcp_hook_in6,
			     xtcp_hook_resume6))
		xtcp_hook_take(skb, &s);
	else if (s.skc)
		xtcp_flow_put(s.skc);
	return verdict;
}

/* After every rule of the administrator: what INPUT drops is not for us either. */
static const struct nf_hook_ops xtcp_hook_ops[] = {
	[XTCP_HOOKED_V4] = {
		.hook		= xtcp_hook_in4,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP_PRI_LAST,
	},
	[XTCP_HOOKED_V6] = {
		.hook		= xtcp_hook_in6,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= NF_IP6_PRI_LAST,
	},
};

static int xtcp_hook_register(struct net *net, struct xtcp_net *xn, unsigned int which)
{
	int err;

	if (test_bit(which, &xn->hooked))
		return 0;
	/* Fragments are put together after LOCAL_IN, unless this is asked for */
	if (which == XTCP_HOOKED_V6) {
		err = nf_defrag_ipv6_enable(net);
		if (err)
			return err;
	}
	WRITE_ONCE(xn->was_hooked, true);
	err = nf_register_net_hook(net, &xtcp_hook_ops[which]);
	if (!err)
		set_bit(which, &xn->hooked);
	else if (which == XTCP_HOOKED_V6)
		nf_defrag_ipv6_disable(net);
	return err;
}

/**
 * xtcp_hook_enable() - segments of this namespace come to us from now on
 * @net: the namespace
 * @ipv6: IPv6 ones too
 *
 * Called by the first bind(), connect() or listen(); idempotent.
 * Context: process; may sleep.
 * Return: 0 or negative.
 */
int xtcp_hook_enable(struct net *net, bool ipv6)
{
	unsigned long want = BIT(XTCP_HOOKED_V4) | (ipv6 ? BIT(XTCP_HOOKED_V6) : 0);
	struct xtcp_net *xn = xtcp_net(net);
	int err;

	if ((READ_ONCE(xn->hooked) & want) == want)
		return 0;
	mutex_lock(&xn->hook_mutex);
	err = xtcp_hook_register(net, xn, XTCP_HOOKED_V4);
	if (!err && ipv6)
		err = xtcp_hook_register(net, xn, XTCP_HOOKED_V6);
	mutex_unlock(&xn->hook_mutex);
	return err;
}

/**
 * xtcp_hook_net_exit() - no segments of this namespace any more
 * @net: the namespace
 *
 * Unhooking is no barrier: a segment may still be on its way until a grace
 * period has passed, which is the caller's to wait for.
 *
 * Context: process; .pre_exit.
 */
void xtcp_hook_net_exit(struct net *net)
{
	struct xtcp_net *xn = xtcp_net(net);
	unsigned int which;

	mutex_lock(&xn->hook_mutex);
	for (which = 0; which < ARRAY_SIZE(xtcp_hook_ops); which++) {
		if (!test_and_clear_bit(which, &xn->hooked))
			continue;
		nf_unregister_net_hook(net, &xtcp_hook_ops[which]);
		if (which == XTCP_HOOKED_V6)
			nf_defrag_ipv6_disable(net);
	}
	mutex_unlock(&xn->hook_mutex);
}

/**
 * xtcp_hook_init() - what is not per namespace: protocol 253
 *
 * Context: process, module init.
 * Return: 0, or -EBUSY if somebody else has that protocol.
 */
int xtcp_hook_init(void)
{
	return xtcp_lab_init();
}

/**
 * xtcp_hook_exit() - undo xtcp_hook_init()
 *
 * Waits for a grace period. Context: process, module exit.
 */
void xtcp_hook_exit(void)
{
	xtcp_lab_exit();
}
