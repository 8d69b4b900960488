// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options whose value is not an int.
 */
#include "sockopt.h"

#include <net/tcp.h>

#include "../conn/tune.h"
#include "../recovery/recovery.h"

/* @size bytes are there, the caller has room for @len: give the smaller number. */
static int xtcp_optraw_give(const void *from, unsigned int size, char __user *val,
			    int __user *len_out, int len)
{
	len = min_t(unsigned int, len, size);
	if (put_user(len, len_out))
		return -EFAULT;
	if (copy_to_user(val, from, len))
		return -EFAULT;
	return 0;
}

static int xtcp_optraw_get_tcp_info(struct sock *sk, char __user *val, int __user *len_out,
				    int len)
{
	struct tcp_info info;

	xtcp_info_tcp(sk, &info);
	return xtcp_optraw_give(&info, sizeof(info), val, len_out, len);
}

static int xtcp_optraw_get_xtcp_info(struct sock *sk, char __user *val, int __user *len_out,
				     int len)
{
	struct xtcp_info info;

	xtcp_info_own(sk, &info);
	return xtcp_optraw_give(&info, sizeof(info), val, len_out, len);
}

/* Reno and CUBIC have nothing to say here, in the kernel's TCP neither. */
static int xtcp_optraw_get_cc_info(struct sock *sk, char __user *val, int __user *len_out,
				   int len)
{
	return xtcp_optraw_give(NULL, 0, val, len_out, len);
}

static int xtcp_optraw_get_congestion(struct sock *sk, char __user *val, int __user *len_out,
				      int len)
{
	char name[TCP_CA_NAME_MAX] = {};

	lock_sock(sk);
	strscpy(name, xtcp_sk(sk)->cc.ops->name, sizeof(name));
	release_sock(sk);
	return xtcp_optraw_give(name, sizeof(name), val, len_out, len);
}

static int xtcp_optraw_set_congestion(struct sock *sk, sockptr_t val, unsigned int len)
{
	char name[TCP_CA_NAME_MAX];
	long n;
	int err;

	if (len < 1)
		return -EINVAL;
	n = strncpy_from_sockptr(name, val, min_t(long, TCP_CA_NAME_MAX - 1, len));
	if (n < 0)
		return -EFAULT;
	name[n] = 0;

	lock_sock(sk);
	err = xtcp_recovery_set_cc(sk, name);
	release_sock(sk);
	return err;
}

/* Handed out once, and only as a whole; too small a buffer learns the size. */
static int xtcp_optraw_get_saved_syn(struct sock *sk, char __user *val, int __user *len_out,
				     int len)
{
	const struct saved_syn *syn;
	int size, err;

	lock_sock(sk);
	syn = xtcp_tune(sk)->saved_syn;
	if (!syn) {
		err = put_user(0, len_out);
		goto out;
	}
	size = syn->mac_hdrlen + syn->network_hdrlen + syn->tcp_hdrlen;
	if (len < size) {
		err = put_user(size, len_out) ? -EFAULT : -EINVAL;
		goto out;
	}
	err = xtcp_optraw_give(syn->data, size, val, len_out, len);
	if (!err)
		xtcp_tune_save_syn(sk, NULL);
out:
	release_sock(sk);
	return err;
}

const struct xtcp_option_raw xtcp_optraw_tcp[] = {
	{ TCP_INFO, NULL, xtcp_optraw_get_tcp_info },
	{ TCP_CC_INFO, NULL, xtcp_optraw_get_cc_info },
	{ TCP_CONGESTION, xtcp_optraw_set_congestion, xtcp_optraw_get_congestion },
	{ TCP_SAVED_SYN, NULL, xtcp_optraw_get_saved_syn },
	{ }
};

const struct xtcp_option_raw xtcp_optraw_xtcp[] = {
	{ XTCP_INFO, NULL, xtcp_optraw_get_xtcp_info },
	{ }
};
