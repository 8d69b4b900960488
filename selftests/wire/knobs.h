/* SPDX-License-Identifier: GPL-2.0-only */
/* The numbers of XTCP's user interface, and stacks' parameters. */
#ifndef XTCP_WIRE_KNOBS_H
#define XTCP_WIRE_KNOBS_H

#if __has_include("../../module/uapi/xtcp.h")
#include "../../module/uapi/xtcp.h"
#else
#define AF_XTCP			22
#define IPPROTO_XTCP		253
#define SOL_XTCP		253
#define XTCP_WIRE_PROTOCOL	1
#define XTCP_MSL_MS		2
#define XTCP_SYN_BUDGET_MS	3
#define XTCP_RTO_MIN_MS		4
#define XTCP_RTO_MAX_MS		5
#define XTCP_DEAD_PEER_MS	6
#define XTCP_INFO		7
#define XTCP_SYNACK_RETRIES	8
#define XTCP_ORPHAN_RETRIES	9
#define XTCP_ZEROCOPY		10
#endif

#endif
