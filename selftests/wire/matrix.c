// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine in full: every state meets every kind of segment with
 * every kind of sequence and acknowledgment number, and what follows is
 * compared with what the kernel's own TCP does in the same place.  What is
 * different has to be listed with its reason in known-differences.txt; the
 * list may hold nothing that does not occur.
 *
 * With the kernel's TCP as the stack under test it is compared with itself,
 * and nothing may differ: that shows that the comparison is sound.
 */
#define _GNU_SOURCE
#include "cell.h"

#define TOPIC "matrix"

static const struct kind kinds[] = {
	{ "SYN", SYN, 0 }, { "ACK", 0, 0 }, { "FIN", FIN, 0 },
	{ "RST", RST, 0 }, { "DATA", PSH, 100 },
};

static const char *const acks[] = { "none", "ok", "una", "ancient", "future" };
static const char *const seqs[] = { "next", "window", "old", "beyond" };

static void run_on(enum stack stack, const struct cell *cell, struct result *r)
{
	enum stack stack0 = w.stack;
	int proto0 = w.proto;

	w.stack = stack;
	if (stack == STACK_TCP)
		w.proto = IPPROTO_TCP;
	cell_run(cell, r);
	w.stack = stack0;
	w.proto = proto0;
}

struct tally {
	int cells, listed, unlisted;
};

static void compare(const struct cell *cell, struct tally *t)
{
	struct result ref, got;
	struct difference *d;
	int f;

	run_on(STACK_TCP, cell, &ref);
	run_on(w.stack, cell, &got);
	t->cells++;
	for (f = 0; f < FIELDS; f++) {
		if (w.verbose)
			say("%s %s/%s/%s %s: %s", cell->state, cell->kind->name,
			    cell->ack, cell->seq, field_names[f], got.field[f]);
		if (!strcmp(ref.field[f], got.field[f]))
			continue;
		d = is_xtcp() ? difference_find(cell, f) : NULL;
		if (d) {
			difference_saw(d, f);
			t->listed++;
			continue;
		}
		t->unlisted++;
		say("%s %s/%s/%s %s: tcp [%s] here [%s]", cell->state,
		    cell->kind->name, cell->ack, cell->seq, field_names[f],
		    ref.field[f], got.field[f]);
	}
}

static void matrix(const char *state, struct conn *(*make)(struct how h))
{
	struct cell cell = { .state = state, .make = make };
	struct tally t = { 0 };
	unsigned int k, a, s;

	differences_load();
	put_file("/proc/sys/net/ipv4/tcp_challenge_ack_limit", "1000000");
	/* The kernel's TCP sizes its buffers by the machine's memory. */
	put_file("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 6291456");
	if (is_xtcp()) {
		put_file("/proc/sys/net/xtcp/rmem", "4096 131072 6291456");
		knob("challenge_ack_limit", 1000000);
	}
	for (k = 0; k < 5; k++) {
		for (a = 0; a < 5; a++) {
			for (s = 0; s < 4; s++) {
				cell.kind = &kinds[k];
				cell.ack = acks[a];
				cell.seq = seqs[s];
				compare(&cell, &t);
			}
		}
	}
	say("%s: %d cells, %d differences listed, %d not listed", state,
	    t.cells, t.listed, t.unlisted);
	check(!t.unlisted, "%d differences are not listed", t.unlisted);
	if (is_xtcp())
		check(!differences_stale(state), "the list is not up to date");
}

#define MATRIX(fn, name, make)						\
	static void fn(void)						\
	{								\
		matrix(name, make);					\
	}

MATRIX(closed, "CLOSED", in_closed_)
MATRIX(listening, "LISTEN", in_listen_)
MATRIX(syn_sent, "SYN_SENT", in_syn_sent_)
MATRIX(syn_recv, "SYN_RECV", in_syn_recv_)
MATRIX(established, "ESTABLISHED", in_established_)
MATRIX(fin_wait_1, "FIN_WAIT_1", in_fin_wait_1_)
MATRIX(fin_wait_2, "FIN_WAIT_2", in_fin_wait_2_)
MATRIX(close_wait, "CLOSE_WAIT", in_close_wait_)
MATRIX(closing, "CLOSING", in_closing_)
MATRIX(last_ack, "LAST_ACK", in_last_ack_)
MATRIX(time_wait, "TIME_WAIT", in_time_wait_)

#define M(name, fn) \
	ROW(0, "RFC 9293 3.10.7 " name " x 100 segments, both stacks", fn)

const struct row matrix_rows[] = {
	M("CLOSED", closed),
	M("LISTEN", listening),
	M("SYN_SENT", syn_sent),
	M("SYN_RECV", syn_recv),
	M("ESTABLISHED", established),
	M("FIN_WAIT_1", fin_wait_1),
	M("FIN_WAIT_2", fin_wait_2),
	M("CLOSE_WAIT", close_wait),
	M("CLOSING", closing),
	M("LAST_ACK", last_ack),
	M("TIME_WAIT", time_wait),
	{ NULL }
};
