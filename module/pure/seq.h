/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sequence number arithmetic (RFC 9293 section 3.4).
 *
 * Sequence numbers live on a circle of 2^32, so "less than" only has a meaning
 * for numbers less than 2^31 apart: windows are limited to 2^30 (RFC 7323
 * section 2.3) so that this always holds for what one connection compares.
 */
#ifndef XTCP_PURE_SEQ_H
#define XTCP_PURE_SEQ_H

#include "port.h"

/**
 * xtcp_seq_before() - does a sequence number lie before another?
 * @a: a sequence number
 * @b: a sequence number
 *
 * Return: true if @a < @b on the circle.
 */
static inline bool xtcp_seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

/**
 * xtcp_seq_after() - does a sequence number lie after another?
 * @a: a sequence number
 * @b: a sequence number
 *
 * Return: true if @a > @b on the circle.
 */
static inline bool xtcp_seq_after(u32 a, u32 b)
{
	return xtcp_seq_before(b, a);
}

/**
 * xtcp_seq_before_eq() - is a sequence number at or before another?
 * @a: a sequence number
 * @b: a sequence number
 *
 * Return: true if @a <= @b on the circle.
 */
static inline bool xtcp_seq_before_eq(u32 a, u32 b)
{
	return !xtcp_seq_after(a, b);
}

/**
 * xtcp_seq_after_eq() - is a sequence number at or after another?
 * @a: a sequence number
 * @b: a sequence number
 *
 * Return: true if @a >= @b on the circle.
 */
static inline bool xtcp_seq_after_eq(u32 a, u32 b)
{
	return !xtcp_seq_before(a, b);
}

/**
 * xtcp_seq_between() - does a sequence number lie in a closed range?
 * @seq: the number in question
 * @low: the first number of the range
 * @high: the last number of the range, reached from @low by counting up
 *
 * Unlike the comparisons above this is exact for ranges of any length.
 *
 * Return: true if @low <= @seq <= @high.
 */
static inline bool xtcp_seq_between(u32 seq, u32 low, u32 high)
{
	return seq - low <= high - low;
}

/**
 * xtcp_seq_max() - the later of two sequence numbers
 * @a: a sequence number
 * @b: a sequence number
 *
 * Return: the later one.
 */
static inline u32 xtcp_seq_max(u32 a, u32 b)
{
	return xtcp_seq_after(a, b) ? a : b;
}

/**
 * xtcp_seq_min() - the earlier of two sequence numbers
 * @a: a sequence number
 * @b: a sequence number
 *
 * Return: the earlier one.
 */
static inline u32 xtcp_seq_min(u32 a, u32 b)
{
	return xtcp_seq_before(a, b) ? a : b;
}

/**
 * xtcp_seq_in_window() - does one octet fall into the receive window?
 * @seq: the octet's sequence number
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: RCV.WND, in octets
 *
 * Return: true if RCV.NXT <= @seq < RCV.NXT + RCV.WND.
 */
static inline bool xtcp_seq_in_window(u32 seq, u32 rcv_nxt, u32 rcv_wnd)
{
	return seq - rcv_nxt < rcv_wnd;
}

/**
 * xtcp_seq_acceptable() - the four-row acceptability test
 * @seq: SEG.SEQ
 * @seg_len: SEG.LEN: octets of data, plus one each for SYN and FIN
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: RCV.WND, in octets
 *
 * The table of RFC 9293 section 3.10.7.4, to the letter. The one shape of
 * segment that overlaps the window and yet fails it, since neither its first
 * nor its last octet lies inside, is the one that covers the window and more
 * on both sides; see xtcp_seq_overlaps() for that.
 *
 * Return: true if the segment is acceptable.
 */
static inline bool xtcp_seq_acceptable(u32 seq, u32 seg_len, u32 rcv_nxt, u32 rcv_wnd)
{
	if (seg_len == 0 && rcv_wnd == 0)
		return seq == rcv_nxt;
	if (seg_len == 0)
		return xtcp_seq_in_window(seq, rcv_nxt, rcv_wnd);
	if (rcv_wnd == 0)
		return false;
	return xtcp_seq_in_window(seq, rcv_nxt, rcv_wnd) ||
	       xtcp_seq_in_window(seq + seg_len - 1, rcv_nxt, rcv_wnd);
}

/**
 * xtcp_seq_overlaps() - does a segment carry anything the window takes in?
 * @seq: SEG.SEQ
 * @seg_len: SEG.LEN: octets of data, plus one each for SYN and FIN
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: RCV.WND, in octets
 *
 * As xtcp_seq_acceptable(), and also true for a segment that begins before and
 * ends behind the window. A sender never makes one, but receive offload does:
 * it glues an old retransmission to the data that follows it, and refusing the
 * whole would refuse parts that were acceptable each by itself.
 *
 * Return: true if at least one octet lies in the window, or if the segment is
 * empty and acceptable.
 */
static inline bool xtcp_seq_overlaps(u32 seq, u32 seg_len, u32 rcv_nxt, u32 rcv_wnd)
{
	if (xtcp_seq_acceptable(seq, seg_len, rcv_nxt, rcv_wnd))
		return true;
	return rcv_wnd && seg_len && rcv_nxt - seq < seg_len;
}

#endif
