// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tail loss probes: RFC 8985 7. When to send one, and what its answer means.
 */
#include "ecn.h"
#include "recovery.h"

#define XTCP_TLP_NO_RTT_US		USEC_PER_SEC

/**
 * xtcp_tlp_allowed - does this flight get a probe? (7.2)
 * @sk: the connection
 *
 * With SACK, outside of recovery, nothing SACKed (RACK sees to that), one at a time.
 *
 * Context: Socket lock.
 * Return: true if so.
 */
bool xtcp_tlp_allowed(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);

	return xt->sack_ok && xt->packets_out && xt->ca_state <= XTCP_CA_CWR &&
	       !xt->sacked_out && !xt->tlp_out && xt->snd_wnd &&
	       xtcp_state_in(sk, XTCP_STATES_SYNCHRONIZED);
}

/**
 * xtcp_tlp_delay_us - PTO (7.2, TLP_calc_PTO)
 * @sk: the connection
 *
 * Two round trips; with one segment in flight the peer may delay its ACK as well, which
 * is what rto_min allows for (TLP.max_ack_delay).
 *
 * Context: Socket lock.
 * Return: Microseconds, 0: no probe.
 */
u64 xtcp_tlp_delay_us(const struct sock *sk)
{
	const struct xtcp_sock *xt = xtcp_sk(sk);
	u64 delay_us;

	if (!xtcp_tlp_allowed(sk))
		return 0;
	if (!xt->rtt.valid)
		return XTCP_TLP_NO_RTT_US;
	delay_us = max(2 * xtcp_rtt_srtt_us(&xt->rtt), 1U);
	if (xt->packets_out == 1)
		delay_us += xtcp_knob_rto_min_us(sk);
	return delay_us;
}

/**
 * xtcp_tlp_sent - a probe went out (7.3)
 * @sk: the connection
 * @retransmission: of the last segment, not new data
 *
 * Context: Socket lock.
 */
void xtcp_tlp_sent(struct sock *sk, bool retransmission)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	xt->tlp_out = 1;
	xt->tlp_retrans = retransmission;
	xt->rack.tlp_end_seq = xt->snd_nxt;
	XTCP_SK_ADD(sk, TlpProbes, 1);
}

/**
 * xtcp_tlp_ack - is the probe answered, and did it repair a loss? (7.4.2)
 * @sk: the connection; snd_una is new already
 * @acked: of the ACK
 *
 * If the probe was a retransmission and both it and the original arrived, the peer says
 * so: by a DSACK, or by one ACK more. If it does not, the original was lost, and
 * the window answers for that as in fast recovery.
 *
 * Context: Socket lock.
 */
void xtcp_tlp_ack(struct sock *sk, const struct xtcp_acked *acked)
{
	struct xtcp_sock *xt = xtcp_sk(sk);

	if (!xt->tlp_out || xtcp_seq_before(xt->snd_una, xt->rack.tlp_end_seq))
		return;
	if (!xt->tlp_retrans || (acked->dsack && acked->dsack_end == xt->rack.tlp_end_seq)) {
		xt->tlp_out = 0;
	} else if (xtcp_seq_after(xt->snd_una, xt->rack.tlp_end_seq)) {
		xt->tlp_out = 0;
		XTCP_SK_ADD(sk, TlpRecoveries, 1);
		if (xt->ca_state != XTCP_CA_OPEN)
			return;
		xtcp_cc_on_loss(&xt->cc, xt->cc.cwnd);
		xt->cc.cwnd = min(xt->cc.cwnd, xt->cc.ssthresh);
		/* ECE of the same window is about the same: RFC 3168 6.1.2 */
		xt->high_seq = xt->snd_nxt;
		xtcp_ecn_reduced(xt);
	} else if (acked->bare && !acked->has_sack) {
		xt->tlp_out = 0;
	}
}
