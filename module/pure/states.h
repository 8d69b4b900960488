/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states of a connection and what follows what (RFC 9293 figure 5).
 */
#ifndef XTCP_PURE_STATES_H
#define XTCP_PURE_STATES_H

#include "port.h"

/**
 * enum xtcp_st - states, with the kernel's numbers (TCP_ESTABLISHED ...)
 * @XTCP_ST_ESTABLISHED: data flows both ways
 * @XTCP_ST_SYN_SENT: active open, no SYN seen from the peer yet
 * @XTCP_ST_SYN_RECV: SYN seen and answered, our own not acknowledged yet
 * @XTCP_ST_FIN_WAIT1: we closed first, our FIN is not acknowledged yet
 * @XTCP_ST_FIN_WAIT2: our FIN is acknowledged, the peer may still send
 * @XTCP_ST_TIME_WAIT: both FINs are seen; waits 2MSL for stragglers
 * @XTCP_ST_CLOSE: nothing there: the RFC's CLOSED
 * @XTCP_ST_CLOSE_WAIT: the peer closed first, we may still send
 * @XTCP_ST_LAST_ACK: the peer closed first, our FIN is not acknowledged yet
 * @XTCP_ST_LISTEN: waits for peers
 * @XTCP_ST_CLOSING: FINs crossed, ours is not acknowledged yet
 * @XTCP_ST_NEW_SYN_RECV: SYN_RECV as a request minisock
 * @XTCP_ST_COUNT: one more than the largest state
 */
enum xtcp_st {
	XTCP_ST_ESTABLISHED = 1,
	XTCP_ST_SYN_SENT = 2,
	XTCP_ST_SYN_RECV = 3,
	XTCP_ST_FIN_WAIT1 = 4,
	XTCP_ST_FIN_WAIT2 = 5,
	XTCP_ST_TIME_WAIT = 6,
	XTCP_ST_CLOSE = 7,
	XTCP_ST_CLOSE_WAIT = 8,
	XTCP_ST_LAST_ACK = 9,
	XTCP_ST_LISTEN = 10,
	XTCP_ST_CLOSING = 11,
	XTCP_ST_NEW_SYN_RECV = 12,
	XTCP_ST_COUNT = 13,
};

/* A set of states as a bit mask. */
#define XTCP_STF(st)	(1U << (st))

/**
 * struct xtcp_state_info - one row of the state table
 * @name: as users see it: RFC 9293's name with underscores
 * @next: permitted successors, a mask of XTCP_STF()
 * @close_to: the state that close() or shutdown(SHUT_WR) leads to; the state
 *	itself where closing changes nothing
 * @fin_owed: going to @close_to takes a FIN
 * @flags: XTCP_FLAG_* that segments sent in this state carry. FIN only goes
 *	on segments that reach the end of what there is to send: what was
 *	queued goes out before it
 */
struct xtcp_state_info {
	const char *name;
	u16 next;
	u8 close_to;
	bool fin_owed;
	u8 flags;
};

/* Indexed by enum xtcp_st; row 0 is no state. */
extern const struct xtcp_state_info xtcp_state_table[XTCP_ST_COUNT];

bool xtcp_state_may(u8 from, u8 to);
const char *xtcp_state_name(u8 state);

#endif
