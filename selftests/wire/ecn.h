/* SPDX-License-Identifier: GPL-2.0-only */
/* For rows about ECN: the field of the IP header, and what a connection makes of it. */
#ifndef XTCP_WIRE_ECN_H
#define XTCP_WIRE_ECN_H

#include "loss.h"

enum { NOT_ECT, ECT1, ECT0, CE };	/* RFC 3168 5 */

#ifndef TCPI_OPT_ECN_SEEN
#define TCPI_OPT_ECN_SEEN 16
#endif

static inline int field(const struct seg *s)
{
	return s->tos & 3;
}

/* New data are ECT(0), and CE is answered with ECE. */
void uses_ecn_at(struct conn *c, const char *file, int line);
#define uses_ecn(c) uses_ecn_at(c, __FILE__, __LINE__)
/* Neither. */
void no_ecn_at(struct conn *c, const char *file, int line);
#define no_ecn(c) no_ecn_at(c, __FILE__, __LINE__)

/* Data of the peer, acknowledged at once, with these flags. */
void answered_at(struct conn *c, uint8_t flags, int tos, uint8_t answer, const char *file,
		 int line);
#define answered(c, flags, tos, answer) answered_at(c, flags, tos, answer, __FILE__, __LINE__)

#endif
