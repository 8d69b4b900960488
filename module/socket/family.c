// SPDX-License-Identifier: GPL-2.0-only
/*
 * The family AF_XTCP and its aliases socket(AF_INET or AF_INET6, SOCK_STREAM,
 * IPPROTO_XTCP).
 *
 * Whatever name a program uses, the socket inside is AF_INET or AF_INET6, so
 * that cgroup programs, LSMs and netfilter treat it as what it is. AF_XTCP has no
 * addresses of its own: its sockets are born as dual-stack IPv6 and narrow to IPv4
 * when the first address they are given is a sockaddr_in.
 */
#include "socket.h"

#include <linux/bpf-cgroup.h>
#include <linux/in6.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/transp_v6.h>

#include "../entry/entry.h"

int xtcp_family = AF_XTCP;

static bool xtcp_family_closed;

/*
 * Hooks are put up when a namespace first needs them. A dual-stack socket
 * talks IPv4 as well.
 */
static int xtcp_family_hooks(struct sock *sk)
{
	struct net *net = sock_net(sk);
	int err = xtcp_hook_enable(net, false);

	if (!err && READ_ONCE(sk->sk_family) == AF_INET6)
		err = xtcp_hook_enable(net, true);
	return err;
}

#if IS_ENABLED(CONFIG_IPV6)
/* Only IPv6's own release leaves groups again: who joined one stays IPv6. */
static bool xtcp_family_may_drop_ipv6(const struct sock *sk)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);

	return !rcu_access_pointer(np->ipv6_mc_list) && !np->ipv6_ac_list;
}

/* Options that were set while the socket was IPv6: sent and received ones. */
static void xtcp_family_drop_ipv6(struct sock *sk)
{
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct ipv6_txoptions *opt;

	np->rxopt.all = 0;
	kfree_skb(xchg(&np->pktoptions, NULL));
	kfree_skb(xchg(&np->rxpmtu, NULL));
	opt = unrcu_pointer(xchg(&np->opt, NULL));
	if (opt) {
		atomic_sub(opt->tot_len, &sk->sk_omem_alloc);
		txopt_put(opt);
	}
}
#else
static bool xtcp_family_may_drop_ipv6(const struct sock *sk)
{
	return true;
}

static void xtcp_family_drop_ipv6(struct sock *sk)
{
}
#endif

/*
 * The first address decides. Only sockets made by socket(AF_XTCP) narrow, only
 * while they are closed and unbound, and never back.
 */
static void xtcp_family_narrow(struct socket *sock, const struct sockaddr_unsized *uaddr,
			       int addr_len)
{
	struct sock *sk = sock->sk;

	if (!xtcp_sk(sk)->af_xtcp || addr_len < (int)sizeof(struct sockaddr_in) ||
	    ((const struct sockaddr_in *)uaddr)->sin_family != AF_INET ||
	    READ_ONCE(sk->sk_family) != AF_INET6)
		return;

	lock_sock(sk);
	if (sk->sk_family == AF_INET6 && sk->sk_state == TCP_CLOSE &&
	    !inet_sk(sk)->inet_num && !ipv6_only_sock(sk) && xtcp_family_may_drop_ipv6(sk)) {
		/* The core reads these without the lock, as with IPV6_ADDRFORM */
		WRITE_ONCE(sk->sk_prot, &xtcp_prot);
		WRITE_ONCE(sock->ops, &xtcp_stream_ops);
		WRITE_ONCE(sk->sk_family, AF_INET);
		xtcp_family_drop_ipv6(sk);
	}
	release_sock(sk);
}

static int xtcp_family_bind(struct socket *sock, struct sockaddr_unsized *uaddr, int addr_len)
{
	struct sock *sk = sock->sk;
	int err;

	xtcp_family_narrow(sock, uaddr, addr_len);
	err = xtcp_family_hooks(sk);
	if (err)
		return err;
#if IS_ENABLED(CONFIG_IPV6)
	if (READ_ONCE(sk->sk_family) == AF_INET6)
		return inet6_bind(sock, uaddr, addr_len);
#endif
	return inet_bind(sock, uaddr, addr_len);
}

static int xtcp_family_connect(struct socket *sock, struct sockaddr_unsized *uaddr,
			       int addr_len, int flags)
{
	struct sock *sk = sock->sk;
	int err;

	xtcp_family_narrow(sock, uaddr, addr_len);
	err = xtcp_family_hooks(sk);
	if (err)
		return err;
	return inet_stream_connect(sock, uaddr, addr_len, flags);
}

static int xtcp_family_listen(struct socket *sock, int backlog)
{
	int err = xtcp_family_hooks(sock->sk);

	return err ? err : xtcp_listen(sock, backlog);
}

XTCP_OPS_ACCEPT_DEFINE(xtcp_family_accept)
XTCP_OPS_SENDPAGE_DEFINE(xtcp_send_pages)

/*
 * A setsockopt() that began before the socket narrowed and got its lock after has joined
 * a group nevertheless: IPv6's release leaves it again.
 */
static int xtcp_family_release(struct socket *sock)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sock->sk && inet_sk(sock->sk)->pinet6)
		return inet6_release(sock);
#endif
	return inet_release(sock);
}

#define XTCP_FAMILY_OPS							\
	.owner		= THIS_MODULE,					\
	.bind		= xtcp_family_bind,				\
	.connect	= xtcp_family_connect,				\
	.socketpair	= sock_no_socketpair,				\
	XTCP_OPS_ACCEPT(xtcp_family_accept),				\
	.poll		= xtcp_poll,					\
	.gettstamp	= sock_gettstamp,				\
	.listen		= xtcp_family_listen,				\
	.shutdown	= inet_shutdown,				\
	.setsockopt	= sock_common_setsockopt,			\
	.getsockopt	= sock_common_getsockopt,			\
	.sendmsg	= inet_sendmsg,					\
	.recvmsg	= inet_recvmsg,					\
	.splice_read	= xtcp_splice_read,				\
	.mmap		= sock_no_mmap,					\
	.set_peek_off	= sk_set_peek_off,				\
	.set_rcvlowat	= xtcp_set_rcvlowat

const struct proto_ops xtcp_stream_ops = {
	.family		= PF_INET,
	XTCP_FAMILY_OPS,
	XTCP_OPS_SENDPAGE(xtcp_send_pages)
	.release	= xtcp_family_release,
	.getname	= inet_getname,
	.ioctl		= inet_ioctl,
};

static struct inet_protosw xtcp_family_protosw = {
	.type		= SOCK_STREAM,
	.protocol	= IPPROTO_XTCP,
	.prot		= &xtcp_prot,
	.ops		= &xtcp_stream_ops,
};

#if IS_ENABLED(CONFIG_IPV6)
const struct proto_ops xtcp6_stream_ops = {
	.family		= PF_INET6,
	XTCP_FAMILY_OPS,
	XTCP_OPS_SENDPAGE(xtcp_send_pages)
	.release	= inet6_release,
	.getname	= inet6_getname,
	.ioctl		= inet6_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl	= inet6_compat_ioctl,
#endif
};

static struct inet_protosw xtcp_family_protosw6 = {
	.type		= SOCK_STREAM,
	.protocol	= IPPROTO_XTCP,
	.prot		= &xtcpv6_prot,
	.ops		= &xtcp6_stream_ops,
};

/* ipv6.disable=1 leaves the namespace without IPv6 device settings */
static bool xtcp_family_has_ipv6(struct net *net)
{
	return net->ipv6.devconf_all;
}

/* What inet6_create() gives a stream socket; it is not exported. */
static void xtcp_family_init_ipv6(struct net *net, struct sock *sk)
{
	struct ipv6_pinfo *np = &((struct xtcp6_sock *)sk)->inet6;

	inet_sk(sk)->pinet6 = np;
	np->hop_limit = -1;
	np->mcast_hops = IPV6_DEFAULT_MCASTHOPS;
	np->pmtudisc = IPV6_PMTUDISC_WANT;
	inet6_set_bit(MC6_LOOP, sk);
	inet6_set_bit(MC6_ALL, sk);
	inet6_assign_bit(REPFLOW, sk, READ_ONCE(net->ipv6.sysctl.flowlabel_reflect) &
			 FLOWLABEL_REFLECT_ESTABLISHED);
	sk->sk_ipv6only = READ_ONCE(net->ipv6.sysctl.bindv6only);
}
#else
static bool xtcp_family_has_ipv6(struct net *net)
{
	return false;
}

static void xtcp_family_init_ipv6(struct net *net, struct sock *sk)
{
}
#endif

/* What inet_create() gives a stream socket; it is not exported. */
static void xtcp_family_init_inet(struct net *net, struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);

	if (READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc))
		inet->pmtudisc = IP_PMTUDISC_DONT;
	else
		inet->pmtudisc = IP_PMTUDISC_WANT;
	inet->uc_ttl = -1;
	inet->mc_ttl = 1;
	inet_set_bit(MC_LOOP, sk);
	inet_set_bit(MC_ALL, sk);
	sk->sk_txrehash = READ_ONCE(net->core.sysctl_txrehash);
}

static struct sock *xtcp_family_alloc(struct net *net, struct socket *sock, int kern)
{
	bool ipv6 = xtcp_family_has_ipv6(net);
	int family = ipv6 ? PF_INET6 : PF_INET;
	struct sock *sk;

	sk = sk_alloc(net, family, GFP_KERNEL, ipv6 ? &xtcpv6_prot : &xtcp_prot, kern);
	if (!sk)
		return NULL;

	sock->state = SS_UNCONNECTED;
#if IS_ENABLED(CONFIG_IPV6)
	sock->ops = ipv6 ? &xtcp6_stream_ops : &xtcp_stream_ops;
#else
	sock->ops = &xtcp_stream_ops;
#endif
	sock_init_data(sock, sk);
	sk->sk_protocol = IPPROTO_XTCP;
	sk->sk_backlog_rcv = sk->sk_prot->backlog_rcv;
	xtcp_family_init_inet(net, sk);
	if (ipv6)
		xtcp_family_init_ipv6(net, sk);
	return sk;
}

/* socket(AF_XTCP, SOCK_STREAM, 0 | IPPROTO_TCP | IPPROTO_XTCP) */
static int xtcp_family_create(struct net *net, struct socket *sock, int protocol, int kern)
{
	struct sock *sk;
	int err;

	if (sock->type != SOCK_STREAM)
		return -ESOCKTNOSUPPORT;
	if (protocol && protocol != IPPROTO_TCP && protocol != IPPROTO_XTCP)
		return -EPROTONOSUPPORT;
	if (READ_ONCE(xtcp_family_closed))
		return -EAFNOSUPPORT;

	sk = xtcp_family_alloc(net, sock, kern);
	if (!sk)
		return -ENOBUFS;

	err = sk->sk_prot->init(sk);
	xtcp_sk(sk)->af_xtcp = 1;
	if (!err && !kern)
		err = BPF_CGROUP_RUN_PROG_INET_SOCK(sk);
	if (err) {
		sk_common_release(sk);
		sock->sk = NULL;
	}
	return err;
}

static struct net_proto_family xtcp_family_ops = {
	.create	= xtcp_family_create,
	.owner	= THIS_MODULE,
};

/**
 * xtcp_family_init - socket() works from now on
 *
 * Context: Module init, last.
 * Return: 0, or -EEXIST if the family number is taken.
 */
int xtcp_family_init(void)
{
	int err;

	/* sock_register() takes a negative number for a small one */
	if (xtcp_family <= AF_UNSPEC || xtcp_family >= NPROTO) {
		pr_err("xtcp: there is no address family %d\n", xtcp_family);
		return -EINVAL;
	}
	err = xtcp_proto_init();
	if (err)
		return err;
	xtcp_family_ops.family = xtcp_family;
	err = sock_register(&xtcp_family_ops);
	if (err) {
		pr_err("xtcp: address family %d is taken (%d); try family=\n", xtcp_family, err);
		goto out_proto;
	}
	inet_register_protosw(&xtcp_family_protosw);
#if IS_ENABLED(CONFIG_IPV6)
	err = inet6_register_protosw(&xtcp_family_protosw6);
	if (err)
		goto out_family;
#endif
	return 0;

#if IS_ENABLED(CONFIG_IPV6)
out_family:
	inet_unregister_protosw(&xtcp_family_protosw);
	sock_unregister(xtcp_family);
#endif
out_proto:
	xtcp_proto_exit();
	return err;
}

/**
 * xtcp_family_close_door - no new sockets, part one of unloading
 *
 * Every program's socket pins the module, so by now there is none; what this
 * excludes is one that is just being made.
 *
 * Context: Process; waits for an RCU grace period.
 */
void xtcp_family_close_door(void)
{
	WRITE_ONCE(xtcp_family_closed, true);
#if IS_ENABLED(CONFIG_IPV6)
	inet6_unregister_protosw(&xtcp_family_protosw6);
#endif
	inet_unregister_protosw(&xtcp_family_protosw);
	sock_unregister(xtcp_family);
}

/**
 * xtcp_family_exit - part two: no socket is left
 *
 * Context: Process, after rcu_barrier().
 */
void xtcp_family_exit(void)
{
	xtcp_proto_exit();
}
