/* SPDX-License-Identifier: GPL-2.0-only */
/* One cell of the state machine matrix, and what is compared of it. */
#ifndef XTCP_WIRE_CELL_H
#define XTCP_WIRE_CELL_H

#include "wire.h"

enum field {
	F_ANSWER,	/* flags, seq, ack and length of what was sent back */
	F_WINDOW,
	F_OPTIONS,
	F_STATE,	/* afterwards */
	F_ERRNO,	/* SO_ERROR */
	F_POLL,
	FIELDS,
};

extern const char *const field_names[FIELDS];

struct kind {
	const char *name;
	uint8_t flags;
	int len;
};

struct cell {
	const char *state;
	struct conn *(*make)(struct how h);
	const struct kind *kind;
	const char *ack, *seq;
};

struct result {
	char field[FIELDS][160];
};

void cell_run(const struct cell *cell, struct result *r);

/* differences.c */
struct difference {
	char states[200], cells[80], field[64], families[24], rfc[80];
	unsigned int seen;	/* bit by field */
};

extern struct difference differences[];
extern int ndifferences;
void differences_load(void);
struct difference *difference_find(const struct cell *cell, int field);
void difference_saw(struct difference *d, int field);
int differences_stale(const char *state);

#endif
