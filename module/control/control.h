/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is seen and set from outside: sysctl, /proc, sysfs.
 */
#ifndef _XTCP_CONTROL_H
#define _XTCP_CONTROL_H

#include "../xtcp.h"

#define XTCP_VERSION "0.1.0"

int xtcp_sysctl_net_init(struct net *net);
void xtcp_sysctl_net_exit(struct net *net);
int xtcp_proc_net_init(struct net *net);
void xtcp_proc_net_exit(struct net *net);
int xtcp_sysfs_init(void);
void xtcp_sysfs_exit(void);

/*
 * sysctl.c: the values a namespace starts with, and a copy that no writer of a
 * sysctl can tear. Context: process.
 */
void xtcp_sysctl_defaults(struct xtcp_knobs *knobs);
void xtcp_sysctl_copy(struct xtcp_knobs *to, const struct xtcp_knobs *from);
/* Log it if XTCP's ephemeral ports are the host's as well. */
void xtcp_sysctl_check_ports(struct net *net);

/* Bounds that module parameters and sysctls share */
#define XTCP_SYN_RETRIES_MIN	1
#define XTCP_SYN_RETRIES_MAX	127
#define XTCP_SYNACK_RETRIES_MIN	0
#define XTCP_SYNACK_RETRIES_MAX	255
#define XTCP_MSL_MS_MIN		1
#define XTCP_MSL_MS_MAX		240000

/* Module parameters' effect on namespaces made from now on; and their defaults. */
extern int xtcp_param_syn_retries;
extern int xtcp_param_synack_retries;
extern int xtcp_param_msl_ms;

#endif /* _XTCP_CONTROL_H */
