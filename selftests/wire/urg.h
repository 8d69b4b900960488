/* SPDX-License-Identifier: GPL-2.0-only */
/* For rows about urgent data. */
#ifndef XTCP_WIRE_URG_H
#define XTCP_WIRE_URG_H

#include "wire.h"

/* Signals SIGURG since urg_listen(), which asks for them. */
extern volatile int urg_signals;
void urg_listen(const struct conn *c);

/* The next bytes of the stream, the last of them urgent. */
void oob_write(struct conn *c, int len);

/* The urgent byte out of line is that of the stream at @offset (from 0); or errno. */
void oob_is_at(struct conn *c, uint64_t offset, bool peek, const char *file, int line);
#define oob_is(c, offset) oob_is_at(c, offset, false, __FILE__, __LINE__)
#define oob_peek_is(c, offset) oob_is_at(c, offset, true, __FILE__, __LINE__)
void oob_none_at(struct conn *c, int err, const char *file, int line);
#define oob_none(c, err) oob_none_at(c, err, __FILE__, __LINE__)

/* One read with room for more gives exactly so many bytes of the stream. */
void read_is_at(struct conn *c, int len, const char *file, int line);
#define read_is(c, len) read_is_at(c, len, __FILE__, __LINE__)

bool at_mark(const struct conn *c);

/* A segment with URG: its pointer leads to @up, the number after the last urgent byte. */
struct seg *urgent_at(struct conn *c, struct expect e, uint32_t up, const char *file, int line);
#define urgent(c, f, s, a, up, ...)					\
	urgent_at(c, (struct expect){ .flags = (f) | URG, .seq = (s),	\
				      .ack = (a), ##__VA_ARGS__ },	\
		  up, __FILE__, __LINE__)

#endif
