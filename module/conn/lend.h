/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that stay their owner's: the send queue refers to them instead of copying what
 * is in them. A file's or a pipe's (sendfile, splice), or a program's (MSG_ZEROCOPY).
 * Context of all: process, socket lock.
 */
#ifndef _XTCP_CONN_LEND_H
#define _XTCP_CONN_LEND_H

#include "../xtcp.h"

/**
 * enum xtcp_lend - how data get into the send queue
 * @XTCP_LEND_COPY: into pages of ours
 * @XTCP_LEND_SPLICE: by reference; the owner may go on writing to them
 * @XTCP_LEND_ZEROCOPY: by reference; the program is told when it has them back
 */
enum xtcp_lend {
	XTCP_LEND_COPY,
	XTCP_LEND_SPLICE,
	XTCP_LEND_ZEROCOPY,
};

/**
 * struct xtcp_source - where the data of one sendmsg() come from
 * @msg: the message
 * @uarg: notice to give when all of its pages are free again, a reference; NULL: none
 * @how: chosen by xtcp_lend_begin()
 */
struct xtcp_source {
	struct msghdr *msg;
	struct ubuf_info *uarg;
	enum xtcp_lend how;
};

/*
 * Chooses @src->how; @splice: the pages in src->msg may be kept. Return: 0, or
 * -ENOBUFS: no notice can be given, or too many pages of this user are pinned.
 */
int xtcp_lend_begin(struct sock *sk, struct xtcp_source *src, bool splice);

/* The call is over; @queued: some of its data were. */
void xtcp_lend_end(struct xtcp_source *src, bool queued);

/*
 * Refer to at most @len bytes at the end of @skb. Return: bytes, > 0; 0: these must be
 * copied, at most *@len of them; -EMSGSIZE: @skb takes no more; -EAGAIN, -EFAULT, ...
 */
int xtcp_lend_append(struct sock *sk, struct sk_buff *skb, const struct xtcp_source *src,
		     u32 *len);

#endif /* _XTCP_CONN_LEND_H */
