// SPDX-License-Identifier: GPL-2.0-only
/* MUST-2, MUST-3: every segment read is verified; wrong ones are injected. */
#include "wire.h"

#define TOPIC "checksum"

/* MUST-2 over every length and odd ends: pkt_parse() verifies each. */
static void sent(void)
{
	struct conn *c = in_established();
	int i, n;

	for (i = 0; i < 60; i++) {
		n = rnd_between(1, 1400);
		write_stream(c, n);
		expect_stream(c, c->rcv + n);
		inject(c, ACK, 1, c->rcv);
	}
}

/* MUST-3: in each state a segment with a wrong sum did not happen. */
static void wrong_is_dropped(void)
{
	struct conn *c = in_listen();

	inject(c, SYN, 0, 0, .mss = 1460, .bad_csum = true);
	quiet(c);
	gone(c);
	c = in_syn_sent();
	inject(c, SYN | ACK, 0, 1, .bad_csum = true);
	quiet(c);
	state_is(c, TCP_SYN_SENT);
	c = in_syn_recv();
	inject(c, ACK, 1, 1, .bad_csum = true);
	quiet(c);
	state_is(c, TCP_SYN_RECV);
	c = in_established();
	inject(c, ACK, 1, 1, .len = 100, .bad_csum = true);
	quiet(c);
	inject(c, RST, 1, 0, .bad_csum = true);
	quiet(c);
	inject(c, FIN | ACK, 1, 1, .bad_csum = true);
	quiet(c);
	state_is(c, TCP_ESTABLISHED);
	check(!wait_fd(c->fd, POLLIN, 0), "something to read");
	c = in_fin_wait_1();
	inject(c, ACK, 1, 2, .bad_csum = true);
	quiet(c);
	state_is(c, TCP_FIN_WAIT1);
	c = in_time_wait();
	inject(c, FIN | ACK, 1, 2, .bad_csum = true);
	quiet(c);
}

/* A closed port does not answer what was not said. */
static void closed(void)
{
	struct conn *c = in_closed();

	inject(c, SYN, 0, 0, .bad_csum = true);
	quiet(c);
}

static void single_bits(void)
{
	struct conn *c = in_established();
	uint8_t buf[2048], bad[2048];
	struct inj i = { .flags = ACK, .seq = 1, .ack = 1, .len = 64 };
	int n = pkt_build(c, &i, buf), ihl = is_v6() ? 40 : 20, bit, k;

	for (k = 0; k < 60; k++) {
		bit = rnd_between(ihl * 8, n * 8 - 1);
		if (bit / 8 < ihl + 4)	/* the ports: another connection */
			continue;
		memcpy(bad, buf, n);
		bad[bit / 8] ^= 1 << bit % 8;
		raw_write(bad, n);
		quiet(c);
	}
	check(!wait_fd(c->fd, POLLIN, 0), "something to read");
	inject(c, ACK, 1, 1, .len = 64);
	expect(c, ACK, 1, 65);
	read_stream(c, 64);
}

/* A header length that cannot be is dropped, checksum right or not. */
static void data_offset(void)
{
	struct conn *c = in_established(.no_ts = true);

	inject(c, ACK, 1, 1, .doff = 16);
	quiet(c);
	inject(c, ACK, 1, 1, .doff = 60);
	quiet(c);
	inject(c, SYN, 1, 1, .doff = 4);
	quiet(c);
	state_is(c, TCP_ESTABLISHED);
}

const struct row checksum_rows[] = {
	ROW(ROW_CORE, "MUST-2 what is sent carries the right sum", sent),
	ROW(ROW_CORE, "MUST-3 a wrong sum is dropped in every state",
	    wrong_is_dropped),
	ROW(0, "MUST-3 a wrong sum for a closed port", closed),
	ROW(0, "MUST-3 each single bit counts", single_bits),
	ROW(0, "MUST-3 an impossible header length", data_offset),
	{ NULL }
};
