/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Socket options: what their tables look like. optlevel.c walks them.
 */
#ifndef _XTCP_SOCKOPT_H
#define _XTCP_SOCKOPT_H

#include "socket.h"

/**
 * struct xtcp_option - an option with an int for value
 * @name: TCP_NODELAY ...
 * @set: NULL: read only. Socket lock held. Return: 0 or negative errno
 * @get: NULL: write only. Socket lock held. Return: the value
 */
struct xtcp_option {
	int name;
	int (*set)(struct sock *sk, int val);
	int (*get)(struct sock *sk);
};

/**
 * struct xtcp_option_raw - an option with another value
 * @name: TCP_INFO ...
 * @set: NULL: read only. No lock held
 * @get: NULL: write only. @len is what the caller has room for, @len_out where
 *       to tell what it got. No lock held
 */
struct xtcp_option_raw {
	int name;
	int (*set)(struct sock *sk, sockptr_t val, unsigned int len);
	int (*get)(struct sock *sk, char __user *val, int __user *len_out, int len);
};

/* Tables end with an empty entry. */
extern const struct xtcp_option xtcp_sockopt_tcp[];	/* sockopt.c */
extern const struct xtcp_option xtcp_sockopt_xtcp[];
extern const struct xtcp_option_raw xtcp_optraw_tcp[];	/* optraw.c */
extern const struct xtcp_option_raw xtcp_optraw_xtcp[];

#endif /* _XTCP_SOCKOPT_H */
