/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Initial sequence numbers (RFC 6528, RFC 9293 section 3.4.1):
 *
 *   ISN = M + F(addresses, ports, secret)
 *
 * M is the clock (MUST-8), F a keyed hash that nobody outside can compute
 * (MUST-9). The caller computes F, here is the rest.
 */
#ifndef XTCP_PURE_ISN_H
#define XTCP_PURE_ISN_H

#include "port.h"

u32 xtcp_isn_clock(u64 now_ns);
u32 xtcp_isn_combine(u32 hash, u64 now_ns);

#endif
