/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For rows about loss: a peer that is a round trip of 100 ms away, segments of 1000
 * bytes, and nothing that is sent again goes unseen.
 */
#ifndef XTCP_WIRE_LOSS_H
#define XTCP_WIRE_LOSS_H

#include "wire.h"

#define RTT 100			/* ms */
#define LEN 1000
#define AT(n) (1 + LEN * (n))	/* first byte of segment n */

typedef uint32_t block[2];

/*
 * An established connection whose first sample is @rtt; segments of LEN, unless the row has an
 * mss of its own. CUBIC, unless it has a tune().
 */
struct conn *far_away(struct how h, int rtt);
struct conn *far_(struct how h);
#define far(...) far_(HOW(.sndbuf = 400000, .win = 60000, ##__VA_ARGS__))

/* A round trip or a part of it, in which the stack sends nothing. */
void pass(struct conn *c, int ms);

/* The very next segment, at once or within so many ms: this data, and no other. */
struct seg *data_at(struct conn *c, uint32_t seq, int ms, const char *file, int line);
#define data(c, seq) data_at(c, seq, 0, __FILE__, __LINE__)
#define data_within(c, seq, ms) data_at(c, seq, ms, __FILE__, __LINE__)
/* Nothing else at once, and how many segments of LEN there are at once. */
void none_at(struct conn *c, const char *file, int line);
#define none(c) none_at(c, __FILE__, __LINE__)
int sent(struct conn *c);

/* Segments from..to-1 are written and seen on the wire. */
void flight(struct conn *c, int from, int to);

/* A pure ACK with SACK blocks; @echo: TSecr, 0: of the last segment seen. */
void sack_(struct conn *c, uint32_t ack, uint32_t echo, const block *b, int n);
#define sack_echo(c, ack, echo, ...) do {				\
	const block b_[] = { __VA_ARGS__ };				\
									\
	sack_(c, ack, echo, b_, sizeof(b_) / sizeof(b_[0]));		\
} while (0)
#define sack(c, ack, ...) sack_echo(c, ack, 0, __VA_ARGS__)

/* cwnd is 20, ten segments are acknowledged. */
void twenty(struct conn *c);
/* And 40, with nothing in flight. */
void forty(struct conn *c);
/* A probe repairs the loss of segment 3; of @more new ones the first is acknowledged. */
void probe_repairs(struct conn *c, int more);

struct tcp_info tcpi(const struct conn *c);
int cwnd(const struct conn *c);
int ssthresh(const struct conn *c);
int sacked(const struct conn *c);
int resent(const struct conn *c);
#define NO_SSTHRESH 0x7fffffff

#endif
