// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints come to life here, with what their events store of a
 * connection's two ends.
 */
#include <linux/sock_diag.h>

#include "xtcp.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* The numbers in xtcp_trace_show_reason() stand for these */
static_assert(XTCP_REASON_USER == 1 && XTCP_REASON_ICMP == 7 &&
	      XTCP_REASON_2MSL == 12 && XTCP_REASON_UNLOAD == 15 &&
	      XTCP_REASON_MAX == 16);
static_assert(TCP_ESTABLISHED == 1 && TCP_CLOSING == 11 && TCP_NEW_SYN_RECV == 12);

/**
 * xtcp_trace_cookie() - the number that tells a connection from all others
 * @skc: socket, request or TIME_WAIT entry
 *
 * The socket cookie that SO_COOKIE and BPF show too. It is given out when first
 * asked for.
 *
 * Context: any.
 * Return: the cookie.
 */
u64 xtcp_trace_cookie(const struct sock_common *skc)
{
	u64 cookie = atomic64_read(&skc->skc_cookie);
	u32 parts[2];

	if (cookie)
		return cookie;
	/* only touches skc_cookie, which all three kinds have */
	sock_diag_save_cookie((struct sock *)skc, parts);
	return (u64)parts[1] << 32 | parts[0];
}

static void xtcp_trace_store_v4(struct xtcp_trace_ends *ends, __be32 saddr, __be32 daddr)
{
	struct sockaddr_in *src = (struct sockaddr_in *)ends->src;
	struct sockaddr_in *dst = (struct sockaddr_in *)ends->dst;
	struct in6_addr mapped;

	ends->family = AF_INET;
	memcpy(ends->saddr, &saddr, sizeof(saddr));
	memcpy(ends->daddr, &daddr, sizeof(daddr));
	ipv6_addr_set_v4mapped(saddr, &mapped);
	memcpy(ends->saddr_v6, &mapped, sizeof(mapped));
	ipv6_addr_set_v4mapped(daddr, &mapped);
	memcpy(ends->daddr_v6, &mapped, sizeof(mapped));

	src->sin_family = AF_INET;
	src->sin_port = htons(ends->sport);
	src->sin_addr.s_addr = saddr;
	dst->sin_family = AF_INET;
	dst->sin_port = htons(ends->dport);
	dst->sin_addr.s_addr = daddr;
}

static void xtcp_trace_store_v6(struct xtcp_trace_ends *ends, const struct in6_addr *saddr,
				const struct in6_addr *daddr)
{
	struct sockaddr_in6 *src = (struct sockaddr_in6 *)ends->src;
	struct sockaddr_in6 *dst = (struct sockaddr_in6 *)ends->dst;

	ends->family = AF_INET6;
	memcpy(ends->saddr_v6, saddr, sizeof(*saddr));
	memcpy(ends->daddr_v6, daddr, sizeof(*daddr));

	src->sin6_family = AF_INET6;
	src->sin6_port = htons(ends->sport);
	src->sin6_addr = *saddr;
	dst->sin6_family = AF_INET6;
	dst->sin6_port = htons(ends->dport);
	dst->sin6_addr = *daddr;
}

/**
 * xtcp_trace_ends() - both ends of a connection
 * @skc: socket, request or TIME_WAIT entry
 * @ends: filled in
 *
 * Context: any.
 */
void xtcp_trace_ends(const struct sock_common *skc, struct xtcp_trace_ends *ends)
{
	memset(ends, 0, sizeof(*ends));
	ends->sport = skc->skc_num;
	ends->dport = ntohs(skc->skc_dport);
#if IS_ENABLED(CONFIG_IPV6)
	if (skc->skc_family == AF_INET6 && !ipv6_addr_v4mapped(&skc->skc_v6_daddr)) {
		xtcp_trace_store_v6(ends, &skc->skc_v6_rcv_saddr, &skc->skc_v6_daddr);
		return;
	}
	if (skc->skc_family == AF_INET6) {
		xtcp_trace_store_v4(ends, skc->skc_v6_rcv_saddr.s6_addr32[3],
				    skc->skc_v6_daddr.s6_addr32[3]);
		return;
	}
#endif
	xtcp_trace_store_v4(ends, skc->skc_rcv_saddr, skc->skc_daddr);
}

/**
 * xtcp_trace_tuple() - both ends of a segment that has no socket
 * @t: its tuple
 * @ends: filled in
 *
 * Context: any.
 */
void xtcp_trace_tuple(const struct xtcp_tuple *t, struct xtcp_trace_ends *ends)
{
	memset(ends, 0, sizeof(*ends));
	ends->sport = ntohs(t->lport);
	ends->dport = ntohs(t->rport);
	if (t->family == AF_INET6)
		xtcp_trace_store_v6(ends, &t->laddr.in6, &t->raddr.in6);
	else
		xtcp_trace_store_v4(ends, t->laddr.ip, t->raddr.ip);
}
