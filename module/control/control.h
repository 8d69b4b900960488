/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is seen and set from outside: sysctl, /proc, sysfs.
 */
#ifndef _XTCP_CONTROL_H
#define _XTCP_CONTROL_H

#include "../xtcp.h"

int xtcp_sysctl_net_init(struct net *net);
void xtcp_sysctl_net_exit(struct net *net);
int xtcp_proc_net_init(struct net *net);
void xtcp_proc_net_exit(struct net *net);
int xtcp_sysfs_init(void);
void xtcp_sysfs_exit(void);

/* Module parameters' effect on namespaces made from now on; and their defaults. */
extern int xtcp_param_syn_retries;
extern int xtcp_param_synack_retries;
extern int xtcp_param_msl_ms;

#endif /* _XTCP_CONTROL_H */
