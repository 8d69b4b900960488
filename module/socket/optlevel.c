// SPDX-License-Identifier: GPL-2.0-only
/*
 * setsockopt() and getsockopt(): find the option in its level's table. One that
 * is not there is ENOPROTOOPT, never a silent success.
 */
#include "sockopt.h"

#include <net/ip.h>
#include <net/ipv6.h>

static const struct xtcp_option *xtcp_optlevel_find(int level, int name)
{
	const struct xtcp_option *o = level == SOL_TCP ? xtcp_sockopt_tcp : xtcp_sockopt_xtcp;

	for (; o->name; o++) {
		if (o->name == name)
			return o;
	}
	return NULL;
}

static const struct xtcp_option_raw *xtcp_optlevel_find_raw(int level, int name)
{
	const struct xtcp_option_raw *o = level == SOL_TCP ? xtcp_optraw_tcp : xtcp_optraw_xtcp;

	for (; o->name; o++) {
		if (o->name == name)
			return o;
	}
	return NULL;
}

static int xtcp_optlevel_set(struct sock *sk, int level, int name, sockptr_t val,
			     unsigned int len)
{
	const struct xtcp_option_raw *raw = xtcp_optlevel_find_raw(level, name);
	const struct xtcp_option *o = xtcp_optlevel_find(level, name);
	int v, err;

	if (raw && raw->set)
		return raw->set(sk, val, len);
	if (len < sizeof(v))
		return -EINVAL;
	if (copy_from_sockptr(&v, val, sizeof(v)))
		return -EFAULT;
	if (!o || !o->set)
		return -ENOPROTOOPT;

	lock_sock(sk);
	err = o->set(sk, v);
	release_sock(sk);
	return err;
}

static int xtcp_optlevel_get(struct sock *sk, int level, int name, char __user *val,
			     int __user *len_out)
{
	const struct xtcp_option_raw *raw = xtcp_optlevel_find_raw(level, name);
	const struct xtcp_option *o = xtcp_optlevel_find(level, name);
	int v, len;

	if (get_user(len, len_out))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (raw && raw->get)
		return raw->get(sk, val, len_out, len);
	if (!o || !o->get)
		return -ENOPROTOOPT;

	lock_sock(sk);
	v = o->get(sk);
	release_sock(sk);

	len = min_t(unsigned int, len, sizeof(v));
	if (put_user(len, len_out) || copy_to_user(val, &v, len))
		return -EFAULT;
	return 0;
}

/* The core does all of SOL_SOCKET but this one. */
static int xtcp_optlevel_set_socket(struct sock *sk, int name, sockptr_t val, unsigned int len)
{
	if (name != SO_ZEROCOPY)
		return sock_setsockopt(sk->sk_socket, SOL_SOCKET, name, val, len);
	return xtcp_optlevel_set(sk, SOL_XTCP, XTCP_ZEROCOPY, val, len);
}

/**
 * xtcp_setsockopt - proto.setsockopt
 * @sk: the socket
 * @level: SOL_TCP, SOL_XTCP, SOL_IP, SOL_IPV6; SOL_SOCKET where the core lets us
 * @name: option
 * @val: value
 * @len: its length, bytes
 *
 * Context: Process.
 * Return: 0, -EINVAL out of bounds, -EPERM below a floor of the namespace,
 * -ENOPROTOOPT, -EFAULT.
 */
int xtcp_setsockopt(struct sock *sk, int level, int name, sockptr_t val, unsigned int len)
{
	int err;

	if (level == SOL_TCP || level == SOL_XTCP)
		return xtcp_optlevel_set(sk, level, name, val, len);
	if (level == SOL_SOCKET)
		return xtcp_optlevel_set_socket(sk, name, val, len);
#if IS_ENABLED(CONFIG_IPV6)
	if (READ_ONCE(sk->sk_family) == AF_INET6 && level != SOL_IP)
		err = ipv6_setsockopt(sk, level, name, val, len);
	else
#endif
		err = ip_setsockopt(sk, level, name, val, len);
	if (!err) {
		/* the header may have become longer: the next segment asks for its room anew */
		lock_sock(sk);
		xtcp_sk(sk)->pmtu = 0;
		release_sock(sk);
	}
	return err;
}

/**
 * xtcp_getsockopt - proto.getsockopt
 * @sk: the socket
 * @level: as in xtcp_setsockopt()
 * @name: option
 * @val: where to
 * @len: in: room, out: bytes written
 *
 * Context: Process.
 * Return: 0, -EINVAL, -ENOPROTOOPT, -EFAULT.
 */
int xtcp_getsockopt(struct sock *sk, int level, int name, char __user *val, int __user *len)
{
	if (level == SOL_TCP || level == SOL_XTCP)
		return xtcp_optlevel_get(sk, level, name, val, len);
#if IS_ENABLED(CONFIG_IPV6)
	if (READ_ONCE(sk->sk_family) == AF_INET6 && level != SOL_IP)
		return ipv6_getsockopt(sk, level, name, val, len);
#endif
	return ip_getsockopt(sk, level, name, val, len);
}
