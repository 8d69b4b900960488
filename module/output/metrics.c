// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the administrator wrote at a route (ip-route(8)) and a connection has to keep to.
 * advmss, mtu (with lock), hoplimit and features are read where they are used.
 */
#include <net/dst.h>

#include "output.h"

/**
 * xtcp_metrics_established - window=, initcwnd=, cwnd=, ssthresh=, rto_min=, quickack=
 * @sk: becomes ESTABLISHED; the congestion control has its start values
 *
 * cwnd= counts only with "lock", as in the kernel's TCP; rto_min= is locked by itself.
 *
 * Context: Socket lock.
 */
void xtcp_metrics_established(struct sock *sk)
{
	struct xtcp_sock *xt = xtcp_sk(sk);
	struct dst_entry *dst;
	u32 value;

	rcu_read_lock();
	dst = xtcp_ip_dst(sk);
	if (!dst)
		goto out;
	if (dst_metric_locked(dst, RTAX_CWND)) {
		value = dst_metric(dst, RTAX_CWND);
		xt->cc.cwnd_clamp = clamp_t(u32, value, 1, xt->cc.cwnd_clamp);
	}
	value = dst_metric(dst, RTAX_INITCWND);
	/* A SYN that had to be repeated starts with one segment, whatever the route says */
	if (value && !xt->total_retrans)
		xt->cc.cwnd = value;
	xt->cc.cwnd = min_t(u32, xt->cc.cwnd, xt->cc.cwnd_clamp);
	value = dst_metric(dst, RTAX_SSTHRESH);
	if (value)
		xt->cc.ssthresh = clamp_t(u32, value, XTCP_CC_SSTHRESH_MIN, xt->cc.cwnd_clamp);
	xt->route_rto_min_ms = 0;
	if (dst_metric_locked(dst, RTAX_RTO_MIN))
		xt->route_rto_min_ms = clamp_t(u32, dst_metric(dst, RTAX_RTO_MIN), 1, U16_MAX);
	xt->route_quickack = !!dst_metric(dst, RTAX_QUICKACK);
out:
	rcu_read_unlock();
}

/**
 * xtcp_metrics_clamp - window=: the largest window to offer on a route
 * @dst: the route, or NULL
 * @clamp: what the program asked for (TCP_WINDOW_CLAMP), or 0
 *
 * Context: Any.
 * Return: The limit, bytes; 0: none.
 */
u32 xtcp_metrics_clamp(const struct dst_entry *dst, u32 clamp)
{
	return clamp || !dst ? clamp : dst_metric(dst, RTAX_WINDOW);
}

/**
 * xtcp_metrics_initial_window - initrwnd=: the window of a SYN or SYN-ACK
 * @dst: the route, or NULL
 * @mss: largest segment expected
 * @rcv_wnd: what would be offered without it, bytes
 *
 * Context: Any.
 * Return: The window to offer, bytes.
 */
u32 xtcp_metrics_initial_window(const struct dst_entry *dst, u32 mss, u32 rcv_wnd)
{
	u32 segs = dst ? dst_metric(dst, RTAX_INITRWND) : 0;

	return segs ? min_t(u64, rcv_wnd, (u64)segs * mss) : rcv_wnd;
}
