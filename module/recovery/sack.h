/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Selective acknowledgment, the receiver's side.
 */
#ifndef _XTCP_RECOVERY_SACK_H
#define _XTCP_RECOVERY_SACK_H

#include "../xtcp.h"

/* Blocks for an ACK of ours; sets XTCP_OPT_SACK if there are any. Socket lock. */
void xtcp_sack_generate(const struct sock *sk, struct xtcp_options *opt);

#endif /* _XTCP_RECOVERY_SACK_H */
