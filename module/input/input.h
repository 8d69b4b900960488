/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SEGMENT ARRIVES, RFC 9293 3.10.7, in the order of its text. Steps look and
 * decide; they OR action bits into the segment and return a drop reason;
 * xtcp_receive_finish() of entry/receive.c alone acts on them.
 */
#ifndef _XTCP_INPUT_H
#define _XTCP_INPUT_H

#include "../conn/flows.h"
#include "../xtcp.h"

/* Actions */
#define XTCP_ACT_ACK_NOW	BIT(0)	/* send an ACK at once */
#define XTCP_ACT_ACK_LATER	BIT(1)	/* an ACK is owed, may be delayed */
#define XTCP_ACT_PUSH		BIT(2)	/* the window moved: try to send data */
#define XTCP_ACT_REXMIT		BIT(3)	/* recovery marked something lost */
#define XTCP_ACT_CHALLENGE	BIT(4)	/* challenge ACK, RFC 5961, limited */
#define XTCP_ACT_DUPACK		BIT(5)	/* ACK for an unacceptable segment, limited */
#define XTCP_ACT_RST		BIT(6)	/* RST in answer to the segment */
#define XTCP_ACT_WAKE_READ	BIT(7)	/* data or FIN for the program */
#define XTCP_ACT_WAKE_WRITE	BIT(8)	/* room to write */
#define XTCP_ACT_WAKE_STATE	BIT(9)	/* connected, reset: sk_state_change */
#define XTCP_ACT_WAKE_PARENT	BIT(10)	/* a child is ready for accept */
#define XTCP_ACT_TIMEWAIT	BIT(11)	/* enter TIME_WAIT, the sock is done */
#define XTCP_ACT_DONE		BIT(12)	/* connection is over: CLOSE, destroy if orphan */
#define XTCP_ACT_ABORT_RST	BIT(13)	/* send RST from the connection, then DONE */
#define XTCP_ACT_SYNACK		BIT(14)	/* send SYN-ACK of a simultaneous open */

/**
 * struct xtcp_segment - a segment on its way through the steps
 * @skb: the buffer; NULL once a step took it over
 * @seq: SEG.SEQ
 * @end_seq: one past the last number it takes
 * @ack: SEG.ACK
 * @wnd: SEG.WND as in the header, unscaled
 * @len: payload bytes
 * @segs: how many were merged into it, at least 1
 * @flags: XTCP_FLAG_*
 * @opt: options, parsed (all of them on SYN, else timestamps and SACK)
 * @actions: XTCP_ACT_*
 * @error: errno for the program if the connection ends here (ECONNRESET, ...)
 * @close_reason: why it ends
 */
struct xtcp_segment {
	struct sk_buff *skb;
	u32 seq;
	u32 end_seq;
	u32 ack;
	u16 wnd;
	u32 len;
	u32 segs;
	u8 flags;
	struct xtcp_options opt;
	u32 actions;
	int error;
	enum xtcp_reason close_reason;
};

/* Fill @seg from the skb's cb and header (options are parsed here). */
void xtcp_segment_init(struct xtcp_segment *seg, struct sk_buff *skb);

/* input.c: helpers of the steps */

/*
 * What full segments of the peer will carry; the first of them corrects it upwards. Nobody sends
 * more at a time than half of what the window ever was.
 */
static inline void xtcp_input_guess_rcv_mss(struct xtcp_sock *xt)
{
	u32 mss = min_t(u32, xt->advmss, max_t(u32, xt->mss_clamp, XTCP_MSS_DEFAULT_V4));

	if (xt->ts_ok && mss > 2 * XTCP_OPTIONS_TS_LEN)
		mss -= XTCP_OPTIONS_TS_LEN;
	xt->rcv_mss = min(mss, max_t(u32, xt->rcv_wnd / 2, XTCP_MSS_DEFAULT_V4));
}

static inline void xtcp_input_store_ts(struct xtcp_sock *xt, u32 tsval)
{
	xt->ts_recent = tsval;
	xt->ts_recent_age_s = (u32)ktime_get_seconds() ?: 1;
}

void xtcp_input_options(struct sock *sk, const struct xtcp_options *opt);
void xtcp_input_established(struct sock *sk, struct xtcp_segment *seg);
bool xtcp_paws_reject(u32 ts_recent, u32 age_s, const struct xtcp_options *opt);

/*
 * All states but LISTEN and CLOSE, full sockets. The skb is consumed, or left
 * in seg->skb for the caller to free with the returned reason.
 * Return: SKB_NOT_DROPPED_YET or why it was dropped. Context: socket lock, BHs off.
 */
enum skb_drop_reason xtcp_input_process(struct sock *sk, struct xtcp_segment *seg);

/* synsent.c: 3.10.7.3 */
enum skb_drop_reason xtcp_synsent_process(struct sock *sk, struct xtcp_segment *seg);
/* validate.c: 3.10.7.4 first to fourth: PAWS, sequence, RST, SYN */
enum skb_drop_reason xtcp_validate_process(struct sock *sk, struct xtcp_segment *seg);
/* ack.c: fifth */
bool xtcp_ack_nothing(struct sock *sk, const struct xtcp_segment *seg);
enum skb_drop_reason xtcp_ack_process(struct sock *sk, struct xtcp_segment *seg);
void xtcp_ack_fin(struct sock *sk, struct xtcp_segment *seg);
/* urgent.c: sixth */
void xtcp_urgent_process(struct sock *sk, struct xtcp_segment *seg);
/* data.c: seventh */
enum skb_drop_reason xtcp_indata_process(struct sock *sk, struct xtcp_segment *seg);
/* fin.c: eighth; called when the FIN is reached in order */
void xtcp_fin_process(struct sock *sk, struct xtcp_segment *seg);

/*
 * listen.c: a SYN (or a cookie's ACK) for a listener. Does not take the
 * listener's lock. The skb stays the caller's.
 * Return: why it was dropped; SKB_CONSUMED if it did its work.
 */
enum skb_drop_reason xtcp_listen_syn(struct sock *listener, struct sk_buff *skb,
				     const struct xtcp_tuple *t);

/*
 * listen.c: a segment for a request. On promotion *@child is the new full
 * socket in SYN_RECV, in the flow table, unlocked, with a reference for the
 * caller, who lets it process the segment and then calls
 * xtcp_listen_deliver(). The skb stays the caller's.
 */
enum skb_drop_reason xtcp_listen_request(struct xtcp_request *req, struct sk_buff *skb,
					 struct sock **child);

/* The child became ESTABLISHED: to the accept queue; wakes the listener. */
bool xtcp_listen_deliver(struct sock *listener, struct sock *child);

/* The SYN-ACK timer of a request ran out (called by entry/timeouts.c). */
void xtcp_listen_timeout(struct xtcp_request *req);
void xtcp_listen_addresses(struct xtcp_request *req, const struct sock *listener,
			   const struct xtcp_tuple *t, struct sk_buff *skb);
void xtcp_listen_offer(struct xtcp_request *req, const struct sock *listener,
		       const struct dst_entry *dst);

/* cookie.c, RFC 4987 */
u32 xtcp_cookie_issue(struct sock *listener, const struct xtcp_tuple *t, u32 seq, u16 *mss);
/* A cookie's ACK makes *@child. Return: NO_SOCKET if it is no cookie, or why there is none. */
enum skb_drop_reason xtcp_cookie_promote(struct sock *listener, struct sk_buff *skb,
					 const struct xtcp_tuple *t, struct sock **child);
/* Would xtcp_cookie_promote() know this ACK? */
bool xtcp_cookie_valid(const struct sock *listener, const struct xtcp_tuple *t, u32 seq,
		       u32 ack);
/* Are cookies in use at this listener now (sent within the last minutes)? */
bool xtcp_cookie_active(const struct sock *listener);

/* child.c: a full socket from a request. Return: socket with two references
 * (the caller's, the table's), or NULL.
 */
struct sock *xtcp_child_create(struct sock *listener, struct xtcp_request *req,
			       struct sk_buff *skb, bool replace_request);

/* timewait.c */
/* The sock enters TIME_WAIT: a minisock takes its place, the sock closes. */
void xtcp_timewait_enter(struct sock *sk);
/*
 * A segment for a TIME_WAIT entry. Return: SKB_CONSUMED, or a drop reason;
 * *@syn is set if it is a SYN that may open a new connection (RFC 6191): the
 * entry has then been removed and the caller looks for a listener.
 */
enum skb_drop_reason xtcp_timewait_process(struct xtcp_timewait *tw, struct sk_buff *skb,
					   bool *syn);
#endif /* _XTCP_INPUT_H */
