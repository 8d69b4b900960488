/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Proportional Rate Reduction (RFC 6937, with the choice of the bound that its revision
 * RFC 9937 makes by itself): how many segments may be sent for what arrives.
 */
#ifndef XTCP_PURE_PRR_H
#define XTCP_PURE_PRR_H

#include "port.h"

/**
 * struct xtcp_prr - one recovery episode; all in segments
 * @delivered: prr_delivered: arrived since it began
 * @out: prr_out: sent since it began
 * @recover_fs: RecoverFS: in flight when it began, at least 1
 *
 * Written under the socket lock.
 */
struct xtcp_prr {
	u32 delivered;
	u32 out;
	u32 recover_fs;
};

/**
 * enum xtcp_prr_news - what an ACK tells of the path
 * @XTCP_PRR_LOSS: more is lost than was known: the queue is full
 * @XTCP_PRR_NONE: nothing new
 * @XTCP_PRR_SAFE: SafeACK: it acknowledges new data and shows no further loss
 */
enum xtcp_prr_news {
	XTCP_PRR_LOSS,
	XTCP_PRR_NONE,
	XTCP_PRR_SAFE,
};

void xtcp_prr_start(struct xtcp_prr *prr, u32 recover_fs);
u32 xtcp_prr_ack(struct xtcp_prr *prr, u32 delivered, u32 pipe, u32 ssthresh,
		 enum xtcp_prr_news news);

#endif
