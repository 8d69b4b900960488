// SPDX-License-Identifier: GPL-2.0-only
/*
 * Initial sequence numbers (RFC 6528, RFC 9293 section 3.4.1).
 */
#include "isn.h"

/**
 * xtcp_isn_clock() - M, the clock of initial sequence numbers (MUST-8)
 * @now_ns: monotonic time, nanoseconds
 *
 * One step is 64 ns. RFC 793's four microseconds count 250,000 a second, and a
 * connection faster than 250 kB/s outruns them: its last number is then
 * ahead of the next initial number, and a new connection of the same pair
 * cannot be told from the old one in TIME_WAIT. At 64 ns that takes
 * 15.6 MB/s on average over the connection's life. The clock comes round
 * every 275 s, longer than the largest MSL that can be set (240 s).
 *
 * Return: the clock's reading.
 */
u32 xtcp_isn_clock(u64 now_ns)
{
	return (u32)(now_ns >> 6);
}

/**
 * xtcp_isn_combine() - the initial sequence number of a connection
 * @hash: F of RFC 6528: keyed hash of both addresses and both ports (MUST-9)
 * @now_ns: monotonic time, nanoseconds
 *
 * Return: the number that the SYN will carry.
 */
u32 xtcp_isn_combine(u32 hash, u64 now_ns)
{
	return hash + xtcp_isn_clock(now_ns);
}
