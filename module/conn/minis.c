// SPDX-License-Identifier: GPL-2.0-only
/*
 * Minisocks. A half-open connection costs sizeof(struct xtcp_request), one in
 * TIME_WAIT sizeof(struct xtcp_timewait): no socket, no buffers.
 */
#include "minis.h"

#include "acceptq.h"
#include "flows.h"
#include "ports.h"
#include "state.h"
#include "timers.h"

static struct kmem_cache *xtcp_minis_requests __read_mostly;
static struct kmem_cache *xtcp_minis_timewaits __read_mostly;

/* The core and LSMs read nothing but the family. */
static struct request_sock_ops xtcp_minis_ops_v4 __read_mostly = {
	.family		= AF_INET,
	.obj_size	= sizeof(struct xtcp_request),
};

static struct request_sock_ops xtcp_minis_ops_v6 __read_mostly = {
	.family		= AF_INET6,
	.obj_size	= sizeof(struct xtcp_request),
};

/**
 * xtcp_minis_init - make the slabs
 *
 * Context: Module init.
 * Return: 0 or -ENOMEM.
 */
int xtcp_minis_init(void)
{
	xtcp_minis_requests = kmem_cache_create("xtcp_request", sizeof(struct xtcp_request), 0,
						SLAB_TYPESAFE_BY_RCU | SLAB_ACCOUNT, NULL);
	if (!xtcp_minis_requests)
		return -ENOMEM;
	xtcp_minis_timewaits = kmem_cache_create("xtcp_timewait", sizeof(struct xtcp_timewait), 0,
						 SLAB_TYPESAFE_BY_RCU, NULL);
	if (!xtcp_minis_timewaits) {
		kmem_cache_destroy(xtcp_minis_requests);
		return -ENOMEM;
	}
	return 0;
}

/**
 * xtcp_minis_exit - free the slabs; nothing is allocated any more
 */
void xtcp_minis_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(xtcp_minis_timewaits);
	kmem_cache_destroy(xtcp_minis_requests);
}

/* A reader may stand on the old object's chain pointer: leave that alone. */
static void xtcp_minis_clear(void *mini, size_t size)
{
	/* It clears across members, which fortified memset() must not see */
	OPTIMIZER_HIDE_VAR(size);
	sk_prot_clear_nulls(mini, size);
}

/**
 * xtcp_minis_request - a new half-open entry
 * @listener: found under RCU
 * @family: of the packets
 *
 * Context: RCU, softirq.
 * Return: With one reference, the caller's; NULL without memory or listener.
 */
struct xtcp_request *xtcp_minis_request(struct sock *listener, sa_family_t family)
{
	struct request_sock *rsk;
	struct xtcp_request *req;

	if (!refcount_inc_not_zero(&listener->sk_refcnt))
		return NULL;
	req = kmem_cache_alloc(xtcp_minis_requests, GFP_ATOMIC | __GFP_NOWARN);
	if (!req) {
		sock_put(listener);
		return NULL;
	}
	xtcp_minis_clear(req, sizeof(*req));
	rsk = &req->ireq.req;
	rsk->rsk_ops = family == AF_INET ? &xtcp_minis_ops_v4 : &xtcp_minis_ops_v6;
	rsk->rsk_listener = listener;
	req->ireq.ireq_state = TCP_NEW_SYN_RECV;
	req->ireq.ireq_family = family;
	write_pnet(&req->ireq.ireq_net, sock_net(listener));
	req->since_us = xtcp_clock_us();
	xtcp_timer_setup_request(req);
	atomic_inc(&xtcp_sk(listener)->acceptq->requests);
	XTCP_INC(sock_net(listener), ReqsMade);
	/* A reader that came by the object's former life gets a reference to this one or none */
	smp_wmb();
	refcount_set(&rsk->rsk_refcnt, 1);
	return req;
}

#if IS_ENABLED(CONFIG_IPV6)
/* It is charged to the listener's option memory. */
static void xtcp_minis_free_ipv6_opt(struct sock *listener, struct ipv6_txoptions *opt)
{
	atomic_sub(opt->tot_len, &listener->sk_omem_alloc);
	txopt_put(opt);
}
#endif

/**
 * xtcp_minis_request_free - the last reference is gone
 * @req: out of the table, timer off
 *
 * Context: Any.
 */
void xtcp_minis_request_free(struct xtcp_request *req)
{
	struct sock *listener = req->ireq.req.rsk_listener;

	XTCP_INC(read_pnet(&req->ireq.ireq_net), ReqsFreed);
	if (req->ireq.ireq_family == AF_INET)
		kfree(rcu_dereference_protected(req->ireq.ireq_opt, 1));
#if IS_ENABLED(CONFIG_IPV6)
	else if (unlikely(req->ireq.ipv6_opt))	/* an LSM's label: CALIPSO */
		xtcp_minis_free_ipv6_opt(listener, req->ireq.ipv6_opt);
#endif
	kfree(req->ireq.req.saved_syn);
	dst_release(req->dst);
	atomic_dec(&xtcp_sk(listener)->acceptq->requests);
	kmem_cache_free(xtcp_minis_requests, req);
	sock_put(listener);
}

/**
 * xtcp_minis_request_drop - a half-open connection ends without a child
 * @req: the caller holds a reference of its own
 * @reason: why
 *
 * Context: Any.
 * Return: false if somebody else took it out of the table first.
 */
bool xtcp_minis_request_drop(struct xtcp_request *req, enum xtcp_reason reason)
{
	struct sock_common *skc = (struct sock_common *)req;

	if (!xtcp_flow_remove(skc))
		return false;
	xtcp_timer_cancel_request(req);
	xtcp_state_mini(skc, TCP_NEW_SYN_RECV, TCP_CLOSE, reason);
	xtcp_state_mini(skc, TCP_CLOSE, 0, reason);
	XTCP_INC(read_pnet(&skc->skc_net), AttemptFails);
	return true;
}

struct xtcp_minis_purge_arg {
	struct sock *listener;
	enum xtcp_reason reason;
};

static int xtcp_minis_purge_request(struct sock_common *skc, void *arg)
{
	struct xtcp_minis_purge_arg *p = arg;

	if (skc->skc_state != TCP_NEW_SYN_RECV)
		return 0;
	if (p->listener && xtcp_req(skc)->ireq.req.rsk_listener != p->listener)
		return 0;
	xtcp_minis_request_drop(xtcp_req(skc), p->reason);
	return 0;
}

/**
 * xtcp_minis_request_purge - a listener's half-open connections go with it
 * @listener: closing; NULL: those of all listeners (module exit)
 * @reason: why
 *
 * Context: Process.
 */
void xtcp_minis_request_purge(struct sock *listener, enum xtcp_reason reason)
{
	struct xtcp_minis_purge_arg arg = { .listener = listener, .reason = reason };

	if (listener && !atomic_read(&xtcp_sk(listener)->acceptq->requests))
		return;
	xtcp_flow_walk(listener ? sock_net(listener) : NULL, xtcp_minis_purge_request, &arg);
}

static void xtcp_minis_timewait_copy(struct xtcp_timewait *tw, struct sock *sk)
{
	const struct sock_common *from = &sk->__sk_common;
	struct sock_common *to = &tw->common;

	to->skc_addrpair = from->skc_addrpair;
	to->skc_hash = from->skc_hash;
	to->skc_portpair = from->skc_portpair;
	to->skc_family = from->skc_family;
	to->skc_reuse = from->skc_reuse;
	to->skc_reuseport = from->skc_reuseport;
	to->skc_ipv6only = from->skc_ipv6only;
	to->skc_bound_dev_if = from->skc_bound_dev_if;
	to->skc_num = from->skc_num;
#if IS_ENABLED(CONFIG_IPV6)
	to->skc_v6_daddr = from->skc_v6_daddr;
	to->skc_v6_rcv_saddr = from->skc_v6_rcv_saddr;
#endif
	write_pnet(&to->skc_net, sock_net(sk));
	atomic64_set(&to->skc_cookie, atomic64_read(&sk->sk_cookie));
}

/**
 * xtcp_minis_timewait - a TIME_WAIT entry for a connection
 * @sk: the connection, still in its own state
 *
 * The numbers and clocks are copied; the caller puts it into @sk's place with
 * xtcp_flow_replace() and arms its timer.
 *
 * Context: Socket lock.
 * Return: With one reference, the caller's, and in the namespace's list; NULL
 * if there are max_tw_sockets already, or no memory.
 */
struct xtcp_timewait *xtcp_minis_timewait(struct sock *sk)
{
	struct xtcp_net *xn = xtcp_net(sock_net(sk));
	const struct xtcp_sock *xt = xtcp_sk(sk);
	struct xtcp_timewait *tw;

	if (atomic_read(&xn->tw_count) >= READ_ONCE(xn->knobs.max_tw_sockets))
		return NULL;
	tw = kmem_cache_alloc(xtcp_minis_timewaits, GFP_ATOMIC | __GFP_NOWARN);
	if (!tw)
		return NULL;
	xtcp_minis_clear(tw, sizeof(*tw));
	xtcp_minis_timewait_copy(tw, sk);
	tw->common.skc_state = TCP_TIME_WAIT;
	tw->rcv_nxt = xt->rcv_nxt;
	tw->snd_nxt = xt->snd_nxt;
	tw->rcv_wnd = min_t(u32, xtcp_receive_window(xt) >> xt->rcv_wscale, U16_MAX);
	tw->ts_ok = xt->ts_ok;
	tw->ts_recent = xt->ts_recent;
	tw->ts_recent_age_s = xt->ts_recent_age_s;
	tw->ts_offset = xt->ts_offset;
	tw->msl_ms = xtcp_knob_msl_ms(sk);
	tw->mark = READ_ONCE(sk->sk_mark);
	tw->uid = sk_uid(sk);
	tw->pid = xt->creator_pid;
	tw->since_us = xt->now_us;
	tw->wire_protocol = xt->wire_protocol;
	tw->ip_version = xt->ip_version;
	tw->tos = inet_sk(sk)->tos;
#if IS_ENABLED(CONFIG_IPV6)
	if (xt->ip_version == 6) {
		tw->tos = inet6_sk(sk)->tclass;
		tw->flowlabel = inet6_sk(sk)->flow_label;
	}
#endif
	tw->transparent = inet_test_bit(TRANSPARENT, sk);
	tw->port = xtcp_port_share(xt->port, sk);
	xtcp_timer_setup_timewait(tw);
	/* As for a request */
	smp_wmb();
	refcount_set(&tw->common.skc_refcnt, 1);

	atomic_inc(&xn->tw_count);
	spin_lock_bh(&xn->tw_lock);
	list_add_tail(&tw->node, &xn->tw_list);
	spin_unlock_bh(&xn->tw_lock);
	XTCP_SK_ADD(sk, TwsMade, 1);
	return tw;
}

/**
 * xtcp_minis_timewait_free - the last reference is gone
 * @tw: out of the table, timer off
 *
 * Context: Any.
 */
void xtcp_minis_timewait_free(struct xtcp_timewait *tw)
{
	struct net *net = read_pnet(&tw->common.skc_net);
	struct xtcp_net *xn = xtcp_net(net);

	spin_lock_bh(&xn->tw_lock);
	list_del(&tw->node);
	spin_unlock_bh(&xn->tw_lock);
	xtcp_port_put(tw->port);
	XTCP_INC(net, TwsFreed);
	/* The end of the namespace waits for this: nothing of it is touched any more */
	smp_mb__before_atomic();
	atomic_dec(&xn->tw_count);
	kmem_cache_free(xtcp_minis_timewaits, tw);
}

/**
 * xtcp_minis_timewait_kill - TIME_WAIT is over
 * @tw: the caller holds a reference of its own
 * @reason: 2MSL, recycled, namespace exit ...
 *
 * Context: Any.
 * Return: false if somebody else ended it first.
 */
bool xtcp_minis_timewait_kill(struct xtcp_timewait *tw, enum xtcp_reason reason)
{
	struct sock_common *skc = (struct sock_common *)tw;

	if (!xtcp_flow_remove(skc))
		return false;
	xtcp_timer_cancel_timewait(tw);
	xtcp_state_mini(skc, TCP_TIME_WAIT, TCP_CLOSE, reason);
	xtcp_state_mini(skc, TCP_CLOSE, 0, reason);
	return true;
}

static int xtcp_minis_purge_timewait(struct sock_common *skc, void *arg)
{
	enum xtcp_reason *reason = arg;

	if (skc->skc_state == TCP_TIME_WAIT)
		xtcp_minis_timewait_kill(xtcp_tw(skc), *reason);
	return 0;
}

/**
 * xtcp_minis_timewait_purge - all TIME_WAIT entries go
 * @net: of this namespace; NULL: of all
 * @reason: why
 *
 * Context: Process; may sleep.
 */
void xtcp_minis_timewait_purge(struct net *net, enum xtcp_reason reason)
{
	xtcp_flow_walk(net, xtcp_minis_purge_timewait, &reason);
}

static bool xtcp_minis_is_loopback(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (xtcp_sk(sk)->ip_version == 6)
		return ipv6_addr_loopback(&sk->sk_v6_daddr) ||
		       ipv6_addr_loopback(&sk->sk_v6_rcv_saddr);
#endif
	return ipv4_is_loopback(inet_sk(sk)->inet_daddr) ||
	       ipv4_is_loopback(inet_sk(sk)->inet_rcv_saddr);
}

/**
 * xtcp_minis_timewait_reusable - may connect() take over a TIME_WAIT tuple?
 * @sk: connecting
 * @tw: holds the tuple
 *
 * RFC 6191: with timestamps, old segments are told apart once our clock has
 * ticked by a second. tw_reuse: 0 never, 1 everywhere, 2 on loopback only.
 *
 * Context: Process, socket lock of @sk.
 * Return: true: write_seq and ts_recent were taken over; kill @tw and go on.
 */
bool xtcp_minis_timewait_reusable(struct sock *sk, struct xtcp_timewait *tw)
{
	int reuse = READ_ONCE(xtcp_net(sock_net(sk))->knobs.tw_reuse);
	struct xtcp_sock *xt = xtcp_sk(sk);
	u32 now_s = (u32)ktime_get_seconds();

	if (!reuse || (reuse == 2 && !xtcp_minis_is_loopback(sk)))
		return false;
	if (!tw->ts_ok || (s32)(now_s - READ_ONCE(tw->ts_recent_age_s)) <= 0)
		return false;

	/* Beyond any window the old incarnation could have had */
	xt->write_seq = tw->snd_nxt + U16_MAX + 2;
	if (!xt->write_seq)
		xt->write_seq = 1;
	xt->ts_recent = tw->ts_recent;
	xt->ts_recent_age_s = tw->ts_recent_age_s;
	return true;
}
