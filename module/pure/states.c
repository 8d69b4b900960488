// SPDX-License-Identifier: GPL-2.0-only
/*
 * THE state table: RFC 9293 figure 5 as data.
 *
 * Besides the figure's edges there are those that it leaves out on purpose:
 * every state leads to CLOSE (RST, abort, timeout); and those that come from
 * how states are kept: a half-open entry is a request minisock (NEW_SYN_RECV)
 * until its ACK arrives, and the socket that takes its place is born closed and
 * goes to SYN_RECV directly.
 *
 * Two edges of the figure are permitted but never taken by a socket: LISTEN ->
 * SYN_SENT (a listening socket that connects is EISCONN to the sockets
 * interface) and SYN_RECV -> LISTEN (the listener never left LISTEN, its request
 * is simply freed).
 */
#include "header.h"
#include "states.h"

#define XTCP_STATE_CLOSE	XTCP_STF(XTCP_ST_CLOSE)

const struct xtcp_state_info xtcp_state_table[XTCP_ST_COUNT] = {
	[XTCP_ST_CLOSE] = {
		.name = "CLOSE",
		.next = XTCP_STF(XTCP_ST_LISTEN) | XTCP_STF(XTCP_ST_SYN_SENT) |
			XTCP_STF(XTCP_ST_SYN_RECV),
		.close_to = XTCP_ST_CLOSE,
		.flags = XTCP_FLAG_RST | XTCP_FLAG_ACK,
	},
	[XTCP_ST_LISTEN] = {
		.name = "LISTEN",
		.next = XTCP_STF(XTCP_ST_SYN_RECV) | XTCP_STF(XTCP_ST_NEW_SYN_RECV) |
			XTCP_STF(XTCP_ST_SYN_SENT) | XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_CLOSE,
		.flags = 0,
	},
	[XTCP_ST_SYN_SENT] = {
		.name = "SYN_SENT",
		.next = XTCP_STF(XTCP_ST_ESTABLISHED) | XTCP_STF(XTCP_ST_SYN_RECV) |
			XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_CLOSE,
		.flags = XTCP_FLAG_SYN,
	},
	[XTCP_ST_NEW_SYN_RECV] = {
		.name = "NEW_SYN_RECV",
		.next = XTCP_STF(XTCP_ST_SYN_RECV) | XTCP_STF(XTCP_ST_ESTABLISHED) |
			XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_CLOSE,
		.flags = XTCP_FLAG_SYN | XTCP_FLAG_ACK,
	},
	[XTCP_ST_SYN_RECV] = {
		.name = "SYN_RECV",
		.next = XTCP_STF(XTCP_ST_ESTABLISHED) | XTCP_STF(XTCP_ST_FIN_WAIT1) |
			XTCP_STF(XTCP_ST_LISTEN) | XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_FIN_WAIT1,
		.fin_owed = true,
		.flags = XTCP_FLAG_SYN | XTCP_FLAG_ACK,
	},
	[XTCP_ST_ESTABLISHED] = {
		.name = "ESTABLISHED",
		.next = XTCP_STF(XTCP_ST_FIN_WAIT1) | XTCP_STF(XTCP_ST_CLOSE_WAIT) |
			XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_FIN_WAIT1,
		.fin_owed = true,
		.flags = XTCP_FLAG_ACK,
	},
	[XTCP_ST_FIN_WAIT1] = {
		.name = "FIN_WAIT_1",
		.next = XTCP_STF(XTCP_ST_FIN_WAIT2) | XTCP_STF(XTCP_ST_CLOSING) |
			XTCP_STF(XTCP_ST_TIME_WAIT) | XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_FIN_WAIT1,
		.flags = XTCP_FLAG_FIN | XTCP_FLAG_ACK,
	},
	[XTCP_ST_FIN_WAIT2] = {
		.name = "FIN_WAIT_2",
		.next = XTCP_STF(XTCP_ST_TIME_WAIT) | XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_FIN_WAIT2,
		.flags = XTCP_FLAG_ACK,
	},
	[XTCP_ST_CLOSING] = {
		.name = "CLOSING",
		.next = XTCP_STF(XTCP_ST_TIME_WAIT) | XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_CLOSING,
		.flags = XTCP_FLAG_FIN | XTCP_FLAG_ACK,
	},
	[XTCP_ST_TIME_WAIT] = {
		.name = "TIME_WAIT",
		.next = XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_TIME_WAIT,
		.flags = XTCP_FLAG_ACK,
	},
	[XTCP_ST_CLOSE_WAIT] = {
		.name = "CLOSE_WAIT",
		.next = XTCP_STF(XTCP_ST_LAST_ACK) | XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_LAST_ACK,
		.fin_owed = true,
		.flags = XTCP_FLAG_ACK,
	},
	[XTCP_ST_LAST_ACK] = {
		.name = "LAST_ACK",
		.next = XTCP_STATE_CLOSE,
		.close_to = XTCP_ST_LAST_ACK,
		.flags = XTCP_FLAG_FIN | XTCP_FLAG_ACK,
	},
};

/**
 * xtcp_state_may() - is this step in the table?
 * @from: enum xtcp_st
 * @to: enum xtcp_st
 *
 * Return: true if it is. Staying where one is, and numbers that are no
 * state, are not.
 */
bool xtcp_state_may(u8 from, u8 to)
{
	if (from >= XTCP_ST_COUNT || to >= XTCP_ST_COUNT)
		return false;
	return xtcp_state_table[from].next & XTCP_STF(to);
}

/**
 * xtcp_state_name() - what users call a state
 * @state: enum xtcp_st
 *
 * Return: the name, "?" for a number that is no state; never NULL.
 */
const char *xtcp_state_name(u8 state)
{
	if (state >= XTCP_ST_COUNT || !xtcp_state_table[state].name)
		return "?";
	return xtcp_state_table[state].name;
}
