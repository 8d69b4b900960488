/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Receive buffer autotuning: dynamic right-sizing. Context of all: socket lock.
 */
#ifndef _XTCP_CONN_RCVTUNE_H
#define _XTCP_CONN_RCVTUNE_H

#include "../xtcp.h"

/* Start measuring. The handshake is done. */
void xtcp_rcvtune_init(struct sock *sk);

/* A data segment came; @tsecr_ms: age of the timestamp it echoes, ms, or -1. */
void xtcp_rcvtune_data(struct sock *sk, s32 tsecr_ms);

/* The program has read; copied_seq is new. */
void xtcp_rcvtune_read(struct sock *sk);

#endif /* _XTCP_CONN_RCVTUNE_H */
