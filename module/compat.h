/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One source for three kernels: Debian's 6.1, 6.12 and sid's (7.2).
 *
 * The code uses the newest kernel's names. What an older one lacks is made up
 * here, and nowhere else does a version number appear. Where a macro tells as
 * well, it is asked instead of the version: distribution kernels carry
 * backports. Names of our own (XTCP_...) stand where no old name can be made to
 * look like the new one.
 */
#ifndef _XTCP_COMPAT_H
#define _XTCP_COMPAT_H

#include <linux/version.h>

#define XTCP_BEFORE(major, minor) (LINUX_VERSION_CODE < KERNEL_VERSION(major, minor, 0))

#include <linux/bpf-cgroup.h>
#include <linux/hrtimer.h>
#include <linux/ipv6.h>
#include <linux/memcontrol.h>
#include <linux/skbuff.h>
#include <linux/sysctl.h>
#include <linux/timer.h>
#include <net/dropreason.h>
#if !XTCP_BEFORE(6, 10)
#include <linux/skbuff_ref.h>
#endif
#if !XTCP_BEFORE(6, 5)
#include <net/gso.h>
#endif
#if !XTCP_BEFORE(6, 10)
#include <net/proto_memory.h>
#include <net/rps.h>
#endif
#include <net/inet6_hashtables.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/net_namespace.h>
#include <net/route.h>
#include <net/sock.h>

/* ---- memory cgroups ---- */

/**
 * xtcp_inherit_memcg() - the memory of a child belongs to its listener's cgroup
 * @child: a clone, nothing charged yet
 * @listener: its listener
 *
 * Clones belong to none. Since 6.19 the core's accept() decides, before only that of its TCP.
 */
static inline void xtcp_inherit_memcg(struct sock *child, const struct sock *listener)
{
#if XTCP_BEFORE(6, 19) && defined(CONFIG_MEMCG)
	if (mem_cgroup_sockets_enabled && listener->sk_memcg) {
		css_get(&listener->sk_memcg->css);
		child->sk_memcg = listener->sk_memcg;
	}
#endif
}

/* ---- system calls and struct proto ---- */

#if XTCP_BEFORE(6, 19)
/* bind and connect took a struct sockaddr that was never as small as it said */
#define sockaddr_unsized sockaddr
#endif

#if XTCP_BEFORE(6, 10)
/**
 * struct proto_accept_arg - what proto.accept takes
 * @flags: O_NONBLOCK and the like
 * @err: why NULL was returned
 * @is_empty: unused here
 * @kern: the new socket belongs to the kernel
 */
struct proto_accept_arg {
	int flags;
	int err;
	int is_empty;
	bool kern;
};
#endif

/*
 * Members of struct proto whose signature changed. Write the function with the
 * newest signature, then XTCP_PROTO_ACCEPT_DEFINE(fn) at file level and
 * XTCP_PROTO_ACCEPT(fn) in the struct.
 */
#if XTCP_BEFORE(6, 10)
#define XTCP_PROTO_ACCEPT(fn) .accept = fn##_compat
#define XTCP_PROTO_ACCEPT_DEFINE(fn)					\
static struct sock *fn##_compat(struct sock *sk, int flags, int *err, bool kern) \
{									\
	struct proto_accept_arg arg = { .flags = flags, .err = -EINVAL, .kern = kern }; \
	struct sock *child = fn(sk, &arg);				\
									\
	*err = arg.err;							\
	return child;							\
}
#else
#define XTCP_PROTO_ACCEPT(fn) .accept = fn
#define XTCP_PROTO_ACCEPT_DEFINE(fn)
#endif

#if XTCP_BEFORE(6, 5)
#define XTCP_PROTO_IOCTL(fn) .ioctl = fn##_compat
#define XTCP_PROTO_IOCTL_DEFINE(fn)					\
static int fn##_compat(struct sock *sk, int cmd, unsigned long arg)	\
{									\
	int karg = 0;							\
	int err = fn(sk, cmd, &karg);					\
									\
	return err ? err : put_user(karg, (int __user *)arg);		\
}
#else
#define XTCP_PROTO_IOCTL(fn) .ioctl = fn
#define XTCP_PROTO_IOCTL_DEFINE(fn)
#endif

#if XTCP_BEFORE(7, 1)
#define XTCP_PROTO_RECVMSG(fn) .recvmsg = fn##_compat
#define XTCP_PROTO_RECVMSG_DEFINE(fn)					\
static int fn##_compat(struct sock *sk, struct msghdr *msg, size_t len, int flags, \
		       int *addr_len)					\
{									\
	int ret = fn(sk, msg, len, flags);				\
									\
	*addr_len = msg->msg_namelen;	/* the caller will put it back there */ \
	return ret;							\
}
#else
#define XTCP_PROTO_RECVMSG(fn) .recvmsg = fn
#define XTCP_PROTO_RECVMSG_DEFINE(fn)
#endif

#if XTCP_BEFORE(6, 5)
#define XTCP_PROTO_IPV6_PINFO(offset)
#else
#define XTCP_PROTO_IPV6_PINFO(offset) .ipv6_pinfo_offset = (offset),
#endif

/*
 * sendfile() and splice() had a call of their own, one page at a time. Write
 * fn(sk, msg, len), the sendmsg() that may keep the pages.
 */
#if XTCP_BEFORE(6, 5)
#define XTCP_OPS_SENDPAGE(fn) .sendpage = fn##_compat,
#define XTCP_OPS_SENDPAGE_DEFINE(fn)					\
static ssize_t fn##_compat(struct socket *sock, struct page *page, int offset, size_t size, \
			   int flags)					\
{									\
	struct bio_vec bv = { .bv_page = page, .bv_offset = offset, .bv_len = size }; \
	struct msghdr msg = { .msg_flags = flags & ~MSG_SENDPAGE_NOTLAST }; \
									\
	if (flags & MSG_SENDPAGE_NOTLAST)				\
		msg.msg_flags |= MSG_MORE;				\
	iov_iter_bvec(&msg.msg_iter, WRITE, &bv, 1, size);		\
	return fn(sock->sk, &msg, size);				\
}

#define XTCP_MSG_SPLICE(msg) false	/* programs could have set the flag */
#else
#define XTCP_OPS_SENDPAGE(fn)
#define XTCP_OPS_SENDPAGE_DEFINE(fn)
#define XTCP_MSG_SPLICE(msg) ((msg)->msg_flags & MSG_SPLICE_PAGES)
#endif

/*
 * SO_ZEROCOPY is known to the core for TCP and UDP only; a socket can ask to be given
 * all options of SOL_SOCKET first, and must ask for its children as well.
 */
#if XTCP_BEFORE(6, 5)
static inline void xtcp_custom_sockopt(struct socket *sock)
{
}

#define XTCP_OPS_ACCEPT(fn) .accept = inet_accept
#define XTCP_OPS_ACCEPT_DEFINE(fn)
#else
static inline void xtcp_custom_sockopt(struct socket *sock)
{
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
}

#define XTCP_OPS_ACCEPT(fn) .accept = fn##_asked
#define XTCP_OPS_ACCEPT_DEFINE(fn)					\
static int fn##_asked(struct socket *sock, struct socket *newsock,	\
		      struct proto_accept_arg *arg)			\
{									\
	int err = inet_accept(sock, newsock, arg);			\
									\
	if (!err)							\
		xtcp_custom_sockopt(newsock);				\
	return err;							\
}
#endif

#if XTCP_BEFORE(7, 1)
#define XTCP_RECV_ERROR(sk, msg, len)					\
	inet_recv_error(sk, msg, len, &(msg)->msg_namelen)
#else
#define XTCP_RECV_ERROR(sk, msg, len) inet_recv_error(sk, msg, len)
#endif

#if XTCP_BEFORE(6, 6)
#define XTCP_CGROUP_INET4_CONNECT_LOCK(sk, addr, len) \
	({ (void)(len); BPF_CGROUP_RUN_PROG_INET4_CONNECT_LOCK(sk, addr); })
#define XTCP_CGROUP_INET6_CONNECT_LOCK(sk, addr, len) \
	({ (void)(len); BPF_CGROUP_RUN_PROG_INET6_CONNECT_LOCK(sk, addr); })
#define XTCP_CGROUP_INET4_CONNECT(sk, addr, len) \
	({ (void)(len); BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, addr); })
#define XTCP_CGROUP_INET6_CONNECT(sk, addr, len) \
	({ (void)(len); BPF_CGROUP_RUN_PROG_INET6_CONNECT(sk, addr); })
#else
#define XTCP_CGROUP_INET4_CONNECT_LOCK BPF_CGROUP_RUN_PROG_INET4_CONNECT_LOCK
#define XTCP_CGROUP_INET6_CONNECT_LOCK BPF_CGROUP_RUN_PROG_INET6_CONNECT_LOCK
#define XTCP_CGROUP_INET4_CONNECT BPF_CGROUP_RUN_PROG_INET4_CONNECT
#define XTCP_CGROUP_INET6_CONNECT BPF_CGROUP_RUN_PROG_INET6_CONNECT
#endif

/* ---- struct sock ---- */

#if XTCP_BEFORE(6, 17)
static inline kuid_t sk_uid(const struct sock *sk)
{
	return READ_ONCE(sk->sk_uid);
}
#endif

#if XTCP_BEFORE(6, 18)
static inline void sk_drops_inc(struct sock *sk)
{
	atomic_inc(&sk->sk_drops);
}
#endif

#ifndef inet_test_bit
/* Flags of struct inet_sock that were bit fields */
#define XTCP_BITFIELD_RECVERR			recverr
#define XTCP_BITFIELD_RECVERR_RFC4884		recverr_rfc4884
#define XTCP_BITFIELD_IS_ICSK			is_icsk
#define XTCP_BITFIELD_FREEBIND			freebind
#define XTCP_BITFIELD_HDRINCL			hdrincl
#define XTCP_BITFIELD_MC_LOOP			mc_loop
#define XTCP_BITFIELD_MC_ALL			mc_all
#define XTCP_BITFIELD_TRANSPARENT		transparent
#define XTCP_BITFIELD_NODEFRAG			nodefrag
#define XTCP_BITFIELD_BIND_ADDRESS_NO_PORT	bind_address_no_port
#define XTCP_BITFIELD_DEFER_CONNECT		defer_connect
#define inet_test_bit(nr, sk)	(inet_sk(sk)->XTCP_BITFIELD_##nr)
#define inet_set_bit(nr, sk)	(inet_sk(sk)->XTCP_BITFIELD_##nr = 1)
#define inet_clear_bit(nr, sk)	(inet_sk(sk)->XTCP_BITFIELD_##nr = 0)
#define inet_assign_bit(nr, sk, val) (inet_sk(sk)->XTCP_BITFIELD_##nr = !!(val))
#endif

#ifndef inet6_test_bit
/* and of struct ipv6_pinfo */
#define XTCP_BITFIELD6_MC6_LOOP			mc_loop
#define XTCP_BITFIELD6_MC6_ALL			mc_all
#define XTCP_BITFIELD6_RECVERR6			recverr
#define XTCP_BITFIELD6_RECVERR6_RFC4884		recverr_rfc4884
#define XTCP_BITFIELD6_AUTOFLOWLABEL		autoflowlabel
#define XTCP_BITFIELD6_AUTOFLOWLABEL_SET	autoflowlabel_set
#define XTCP_BITFIELD6_DONTFRAG			dontfrag
#define XTCP_BITFIELD6_REPFLOW			repflow
#define XTCP_BITFIELD6_SNDFLOW			sndflow
#define XTCP_BITFIELD6_RTALERT_ISOLATE		rtalert_isolate
#define inet6_test_bit(nr, sk)	(inet6_sk(sk)->XTCP_BITFIELD6_##nr)
#define inet6_set_bit(nr, sk)	(inet6_sk(sk)->XTCP_BITFIELD6_##nr = 1)
#define inet6_clear_bit(nr, sk)	(inet6_sk(sk)->XTCP_BITFIELD6_##nr = 0)
#define inet6_assign_bit(nr, sk, val) (inet6_sk(sk)->XTCP_BITFIELD6_##nr = !!(val))
#endif

/* ---- struct sk_buff ---- */

#if XTCP_BEFORE(6, 4)
/* "Not dropped, used up" had no number of its own */
#define SKB_CONSUMED ((enum skb_drop_reason)(SKB_DROP_REASON_MAX + 1))
/* Nearest relative of a reason that came later */
#define SKB_DROP_REASON_SOCKET_CLOSE		SKB_DROP_REASON_TCP_CLOSE
#define SKB_DROP_REASON_SECURITY_HOOK		SKB_DROP_REASON_SOCKET_FILTER
#define SKB_DROP_REASON_QUEUE_PURGE		SKB_DROP_REASON_NOT_SPECIFIED
#define SKB_DROP_REASON_IPV6_BAD_EXTHDR		SKB_DROP_REASON_IP_INHDR
#define SKB_DROP_REASON_TCP_MINTTL		SKB_DROP_REASON_NOT_SPECIFIED
#define SKB_DROP_REASON_TCP_OLD_SEQUENCE	SKB_DROP_REASON_TCP_INVALID_SEQUENCE
#define SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE SKB_DROP_REASON_TCP_INVALID_SEQUENCE
#define SKB_DROP_REASON_TCP_ABORT_ON_DATA	SKB_DROP_REASON_TCP_CLOSE
#endif

#if XTCP_BEFORE(6, 14)
#define SKB_DROP_REASON_TCP_LISTEN_OVERFLOW	SKB_DROP_REASON_NOT_SPECIFIED
#define SKB_DROP_REASON_TCP_RFC7323_PAWS_ACK	SKB_DROP_REASON_TCP_RFC7323_PAWS
#define SKB_DROP_REASON_TCP_RFC7323_TW_PAWS	SKB_DROP_REASON_TCP_RFC7323_PAWS
#define SKB_DROP_REASON_TCP_RFC7323_TSECR	SKB_DROP_REASON_TCP_RFC7323_PAWS
#define SKB_DROP_REASON_TCP_INVALID_END_SEQUENCE SKB_DROP_REASON_TCP_INVALID_SEQUENCE
#define SKB_DROP_REASON_IP_INVALID_SOURCE	SKB_DROP_REASON_IP_INHDR
#define SKB_DROP_REASON_IP_INVALID_DEST		SKB_DROP_REASON_IP_INHDR
#define SKB_DROP_REASON_IP_LOCAL_SOURCE		SKB_DROP_REASON_IP_RPFILTER
#define SKB_DROP_REASON_IP_LOCALNET		SKB_DROP_REASON_IP_RPFILTER
#define SKB_DROP_REASON_PFMEMALLOC		SKB_DROP_REASON_NOMEM
#endif

#if XTCP_BEFORE(6, 11)
/*
 * sk_skb_reason_drop() - free a segment and say why
 * @sk: whose it was, or NULL
 * @skb: the segment
 * @reason: SKB_CONSUMED is no drop
 */
static inline void sk_skb_reason_drop(const struct sock *sk, struct sk_buff *skb,
				      enum skb_drop_reason reason)
{
	if (reason == SKB_CONSUMED || reason == SKB_NOT_DROPPED_YET)
		consume_skb(skb);
	else
		kfree_skb_reason(skb, reason);
}

/* was a bool: true meant monotonic */
#define SKB_CLOCK_REALTIME	0
#define SKB_CLOCK_MONOTONIC	1
#endif

#if XTCP_BEFORE(6, 5)
/* One page, that of the first piece: a bio_vec of .sendpage has no more. */
static inline ssize_t xtcp_splice_from_iter(struct sk_buff *skb, struct iov_iter *iter,
					    size_t len)
{
	u32 offset = iter->bvec->bv_offset + iter->iov_offset;
	int err;

	len = min_t(size_t, len, iov_iter_single_seg_count(iter));
	err = skb_append_pagefrags(skb, iter->bvec->bv_page, offset, len);
	if (err)
		return err;
	iov_iter_advance(iter, len);
	skb->len += len;
	skb->data_len += len;
	skb->truesize += len;
	return len;
}

#define XTCP_SPLICE_FROM_ITER(skb, iter, len, gfp) xtcp_splice_from_iter(skb, iter, len)
#elif XTCP_BEFORE(6, 17)
#define XTCP_SPLICE_FROM_ITER(skb, iter, len, gfp) skb_splice_from_iter(skb, iter, len, gfp)
#else
#define XTCP_SPLICE_FROM_ITER(skb, iter, len, gfp) skb_splice_from_iter(skb, iter, len)
#endif

#if XTCP_BEFORE(6, 16)
#define XTCP_ZEROCOPY_REALLOC(sk, len, uarg) msg_zerocopy_realloc(sk, len, uarg)
#define XTCP_ZEROCOPY_ITER(sk, skb, msg, len, uarg) \
	skb_zerocopy_iter_stream(sk, skb, msg, len, uarg)
#else
/* Memory of devices came in; ours is a program's */
#define XTCP_ZEROCOPY_REALLOC(sk, len, uarg) msg_zerocopy_realloc(sk, len, uarg, false)
#define XTCP_ZEROCOPY_ITER(sk, skb, msg, len, uarg) \
	skb_zerocopy_iter_stream(sk, skb, msg, len, uarg, NULL)
#endif

/* What a device takes at a time, headers and all. BIG TCP came to IPv4 later. */
#if XTCP_BEFORE(6, 3)
#define XTCP_GSO_MAX_SIZE(dev, v4)					\
	min_t(u32, READ_ONCE((dev)->gso_max_size), (v4) ? GSO_LEGACY_MAX_SIZE : U32_MAX)
#else
#define XTCP_GSO_MAX_SIZE(dev, v4)					\
	((v4) ? READ_ONCE((dev)->gso_ipv4_max_size) : READ_ONCE((dev)->gso_max_size))
#endif

/* ---- routes and lookups ---- */

#ifndef dst_rtable
#define dst_rtable(ptr) container_of(ptr, struct rtable, dst)
#endif

#if XTCP_BEFORE(6, 18)
/* The type of service of a flow had eight bits and no type of its own */
#define flowi4_dscp flowi4_tos
#define XTCP_FLOWI4_DSCP(tos) ((__u8)((tos) & INET_DSCP_MASK))
#else
#define XTCP_FLOWI4_DSCP(tos) inet_dsfield_to_dscp(tos)
#endif

#if XTCP_BEFORE(6, 18)
#define __inet_lookup_established(net, ...) \
	(__inet_lookup_established)(net, (net)->ipv4.tcp_death_row.hashinfo, __VA_ARGS__)
#define __inet6_lookup_established(net, ...) \
	(__inet6_lookup_established)(net, (net)->ipv4.tcp_death_row.hashinfo, __VA_ARGS__)
#define __inet_lookup_listener(net, ...) \
	(__inet_lookup_listener)(net, (net)->ipv4.tcp_death_row.hashinfo, __VA_ARGS__)
#define inet6_lookup_listener(net, ...) \
	(inet6_lookup_listener)(net, (net)->ipv4.tcp_death_row.hashinfo, __VA_ARGS__)
#endif

/* A child does not share its listener's list of flow labels. */
#if XTCP_BEFORE(6, 12)
#define xtcp_clear_flowlabels(sk) RCU_INIT_POINTER(inet6_sk(sk)->ipv6_fl_list, NULL)
#else
#define xtcp_clear_flowlabels(sk) RCU_INIT_POINTER(inet_sk(sk)->ipv6_fl_list, NULL)
#endif

/* How many IPv6 extension headers the host takes; before 7.1 it does not count them. */
#ifndef IP6_MAX_EXT_HDRS_CNT
#define IP6_MAX_EXT_HDRS_CNT	INT_MAX
#endif

/* ---- netfilter ---- */

/* Exported, but its header is not installed */
void nf_queue_nf_hook_drop(struct net *net);

/* ---- timers ---- */

#ifndef timer_container_of
#define timer_container_of(var, callback_timer, timer_fieldname) \
	container_of(callback_timer, typeof(*(var)), timer_fieldname)
#endif

#if XTCP_BEFORE(6, 13)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* ---- TCP_INFO, sysctl, tracing ---- */

#if XTCP_BEFORE(6, 2)
#define XTCP_INFO_SET_RCV_WND(info, bytes) ((void)(bytes))	/* no such member */
#else
#define XTCP_INFO_SET_RCV_WND(info, bytes) ((info)->tcpi_rcv_wnd = (bytes))
#endif

#if XTCP_BEFORE(6, 11)
#define XTCP_CTL_TABLE struct ctl_table	/* what a proc_handler is given */
#else
#define XTCP_CTL_TABLE const struct ctl_table
#endif

#ifndef register_net_sysctl
/* The size was told by an empty entry at the end; callers leave room for one. */
#define register_net_sysctl_sz(net, path, table, size) \
	((void)(size), register_net_sysctl(net, path, table))
#endif

#if XTCP_BEFORE(6, 10)
#define XTCP_ASSIGN_STR(field, src) __assign_str(field, src)
#else
#define XTCP_ASSIGN_STR(field, src) __assign_str(field)
#endif

#endif /* _XTCP_COMPAT_H */
