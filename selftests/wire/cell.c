// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cell: a fresh connection in a state, one segment, and everything that can
 * be seen of the consequences, written so that two stacks can be compared:
 * numbers are relative, windows in bytes, timestamps by which of the peer's
 * they echo.
 */
#define _GNU_SOURCE
#include "cell.h"

#define FAR 0x10000000u
#define TS_JUMP 5000u

const char *const field_names[FIELDS] = {
	"answer", "window", "options", "state", "errno", "poll",
};

static void add(char *to, const char *text)
{
	size_t n = strlen(to);

	snprintf(to + n, 160 - n, "%s%s", n ? "; " : "", text);
}

static uint32_t ack_value(const struct conn *c, const char *what)
{
	if (!strcmp(what, "una"))
		return c->rcv - 1;
	if (!strcmp(what, "ancient"))
		return c->rcv - FAR;
	if (!strcmp(what, "future"))
		return c->rcv + 1000;
	return c->rcv;
}

static uint32_t seq_value(const struct conn *c, const char *what)
{
	if (!strcmp(what, "window"))
		return c->snd + 500;
	if (!strcmp(what, "old"))
		return c->snd - 1000;
	if (!strcmp(what, "beyond"))
		return c->snd + FAR;
	return c->snd;
}

static void note_answer(const struct conn *c, const struct seg *s,
			struct result *r)
{
	static const char letters[] = "FSRPAUEW";
	char flags[10], seq[24], text[80];
	int i, n = 0;

	for (i = 0; i < 8; i++)
		if (s->flags & 1 << i)
			flags[n++] = letters[i];
	flags[n] = 0;
	/* An initial number of the stack's own choice. */
	if ((s->flags & SYN) && s->seq != c->iss)
		strcpy(seq, "new");
	else if (!s->seq)
		strcpy(seq, "zero");
	else
		snprintf(seq, sizeof(seq), "%d", (int)(s->seq - c->iss));
	snprintf(text, sizeof(text), "%s %s", flags, seq);
	n = strlen(text);
	if (s->flags & ACK)
		n += snprintf(text + n, sizeof(text) - n, " ack %d",
			      (int)(s->ack - c->irs));
	if (s->len)
		snprintf(text + n, sizeof(text) - n, " len %d", s->len);
	add(r->field[F_ANSWER], text);
}

static void note_window(const struct conn *c, const struct seg *s,
			struct result *r)
{
	char text[24];
	int shift = s->flags & SYN ? 0 : c->ws;

	snprintf(text, sizeof(text), "%u", (unsigned int)s->win << shift);
	add(r->field[F_WINDOW], text);
}

static void note_options(const struct conn *c, const struct seg *s,
			 uint32_t injected, struct result *r)
{
	const struct topt *o = &s->o;
	char text[120] = "";
	int n = 0, i;

	if (o->has_mss)
		n += sprintf(text + n, "mss %d ", o->mss);
	if (o->sackok)
		n += sprintf(text + n, "sackok ");
	if (o->has_ws)
		n += sprintf(text + n, "ws %d ", o->ws);
	if (o->has_ts)
		n += sprintf(text + n, "ts %s ", !o->tsecr ? "zero" :
			     o->tsecr == injected ? "this" : "before");
	for (i = 0; i < o->nsack; i++)
		n += sprintf(text + n, "sack %d-%d ",
			     (int)(o->sack[i][0] - c->irs),
			     (int)(o->sack[i][1] - c->irs));
	if (n)
		text[n - 1] = 0;
	add(r->field[F_OPTIONS], n ? text : "none");
}

static void take_answers(struct conn *c, uint32_t tsval, bool slow,
			 struct result *r)
{
	struct seg *s;
	int n = 0;

	fence();
	while ((s = next_pending(c)) || (slow && !n && (s = next_seg(c, 80)))) {
		note_answer(c, s, r);
		note_window(c, s, r);
		note_options(c, s, tsval, r);
		n++;
	}
	if (!n)
		strcpy(r->field[F_ANSWER], "nothing");
}

static void note_rest(const struct conn *c, struct result *r)
{
	int fd = c->fd >= 0 ? c->fd : c->lfd;

	strcpy(r->field[F_STATE], state_name(state_of(c)));
	if (fd < 0)
		return;
	snprintf(r->field[F_POLL], 160, "%#x", poll_now(fd));
	snprintf(r->field[F_ERRNO], 160, "%d", so_error(fd));
}

static void abandon(struct conn *c)
{
	struct linger l = { .l_onoff = 1 };

	if (c->fd >= 0) {
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
		close(c->fd);
	}
	if (c->lfd >= 0)
		close(c->lfd);
	fence();
	drop_pending();
}

void cell_run(const struct cell *cell, struct result *r)
{
	const struct kind *k = cell->kind;
	bool has_ack = strcmp(cell->ack, "none");
	uint8_t flags = k->flags | (has_ack ? ACK : 0);
	struct conn *c;
	uint32_t tsval;

	memset(r, 0, sizeof(*r));
	conns_reset();
	constructing = true;
	c = cell->make(HOW());
	constructing = false;
	drop_pending();
	tsval = c->ts_base + (uint32_t)(now_ns() / MSEC) + TS_JUMP;
	inject(c, flags, seq_value(c, cell->seq),
	       has_ack ? ack_value(c, cell->ack) : 0, .len = k->len,
	       .mss = k->flags & SYN ? 1460 : 0, .ws = k->flags & SYN ? 1 : 0,
	       .sackok = !!(k->flags & SYN), .ts = true, .set_ts = true,
	       .tsval = tsval, .tsecr = c->ts_recent);
	/* What may be acknowledged late is waited for. */
	take_answers(c, tsval, has_ack && (k->len || (k->flags & FIN)), r);
	note_rest(c, r);
	abandon(c);
}
