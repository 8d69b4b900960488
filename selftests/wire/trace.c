// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tracepoints tell of a connection: xtcp_state, and others that a row asks for. They are on
 * while it does, in a tracing instance of this program's, so that nobody else's is disturbed.
 */
#define _GNU_SOURCE
#include <sys/mount.h>
#include <sys/stat.h>

#include "wire.h"

#define TRACEFS "/sys/kernel/tracing"
#define EVENT "xtcp_state: "
#define FIELDS "cookie=%llu netns=%u family=%d src=%79s dst=%79s old=%19s new=%19s reason=%19s ms=%ld pid=%d"

/* Where a segment is the reason, the time is that of its arrival: KASAN takes 2 ms from there. */
#define SLACK_MS 5

/* One line of the trace. */
struct event {
	double t_s;
	unsigned long long cookie;
	unsigned int netns;
	int family, pid;
	long ms;
	char src[80], dst[80], old[20], new[20], reason[20];
};

/* Of the program, not of the row's process: made once, since that takes long. */
static const char *instance(pid_t program)
{
	static char dir[80];

	snprintf(dir, sizeof(dir), TRACEFS "/instances/wire-%d", program);
	return dir;
}

static void put(const char *name, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", instance(getppid()), name);
	put_file(path, text);
}

static FILE *open_trace(const char *mode)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/trace", instance(getppid()));
	f = fopen(path, mode);
	check(f, "%s: %s", path, strerror(errno));
	return f;
}

/* Nothing of an earlier row is in it. */
void trace_begin(void)
{
	if (access(TRACEFS "/instances", F_OK))
		sys(mount("none", TRACEFS, "tracefs", 0, NULL));
	if (mkdir(instance(getppid()), 0700) && errno != EEXIST)
		fail("%s: %s", instance(getppid()), strerror(errno));
	put("trace_clock", "mono");
	put("events/xtcp/xtcp_state/enable", "1");
	fclose(open_trace("w"));
}

/* Another event besides. */
void trace_also(const char *event)
{
	char name[80];

	snprintf(name, sizeof(name), "events/xtcp/%s/enable", event);
	put(name, "1");
}

void trace_end(void)
{
	put("events/xtcp/enable", "0");
}

/* At the end of the program: whatever a row that failed has left on goes, too. */
void trace_remove(void)
{
	rmdir(instance(getpid()));
}

/* The end of a connection as %pISpc writes it. */
static void end_text(const uint8_t *addr, uint16_t port, char *text, size_t size)
{
	char ip[INET6_ADDRSTRLEN];

	inet_ntop(w.family, addr, ip, sizeof(ip));
	snprintf(text, size, is_v6() ? "[%s]:%u" : "%s:%u", ip, port);
}

/* A listener has no peer, nor (in these rows) an address. */
static void ends_text(const struct conn *c, char *src, char *dst, size_t size)
{
	static const uint8_t any[16];

	end_text(c->pport ? c->laddr : any, c->lport, src, size);
	end_text(c->pport ? c->paddr : any, c->pport, dst, size);
}

/* connect() sets the state, then it chooses a port. */
static bool is_of(const struct event *e, const struct conn *c)
{
	char src[80], dst[80], early[80];

	end_text(c->laddr, 0, early, sizeof(early));
	ends_text(c, src, dst, sizeof(src));
	if (strcmp(e->dst, dst))
		return false;
	return !strcmp(e->src, src) ||
	       (state_named(e->new, TCP_SYN_SENT) && !strcmp(e->src, early));
}

/* Return: the line is an event of this connection's. */
static bool parse(const char *line, const struct conn *c, struct event *e)
{
	const char *text = strstr(line, EVENT), *t;

	if (!text)
		return false;
	check(sscanf(text + strlen(EVENT), FIELDS, &e->cookie, &e->netns, &e->family, e->src,
		     e->dst, e->old, e->new, e->reason, &e->ms, &e->pid) == 10,
	      "the trace says %s", line);
	/* "... 12.345678: xtcp_state: ..." */
	for (t = text - 2; t > line && t[-1] != ' '; t--)
		;
	e->t_s = strtod(t, NULL);
	return is_of(e, c);
}

/* It is nobody's yet; after a simultaneous open (no listener) there is none. */
static bool is_request(const struct conn *c, const struct event *e)
{
	return c->pport && c->lfd >= 0 &&
	       (state_named(e->old, TCP_LISTEN) ||
		(state_named(e->old, TCP_SYN_RECV) && state_named(e->new, TCP_CLOSE)));
}

/* Who it is: the same at each step, and as others tell it. */
static void same_one(const struct conn *c, const struct event *e, const struct event *before)
{
	unsigned long long cookie = 0;
	socklen_t len = sizeof(cookie);
	struct stat ns;

	sys(stat("/proc/self/ns/net", &ns));
	check_eq(e->netns, ns.st_ino);
	check_eq(e->family, w.family);
	check_eq(e->pid, is_request(c, e) ? 0 : getpid());
	check(e->cookie, "no cookie in %s -> %s", e->old, e->new);
	if (before)
		check_eq(e->cookie, before->cookie);
	if (c->fd < 0)
		return;
	sys(getsockopt(c->fd, SOL_SOCKET, SO_COOKIE, &cookie, &len));
	check_eq(e->cookie, cookie);
}

/* It begins where the one before has ended, which is so long ago as it says. */
static void follows(const struct event *e, const struct event *before)
{
	double ms = (e->t_s - before->t_s) * 1000;

	check(!strcmp(e->old, before->new), "-> %s, then %s ->", before->new, e->old);
	check(e->ms > ms - 1 - SLACK_MS && e->ms < ms + SLACK_MS,
	      "%ld ms in %s, by the trace's clock %.3f", e->ms, e->old, ms);
}

/* The last that the trace tells of the connection is this transition, for this reason. */
void trace_shows_at(const struct conn *c, int from, int to, const char *why, const char *file,
		    int line)
{
	struct event e = { 0 }, before = { 0 };
	char text[1024];
	FILE *f = open_trace("r");
	int n = 0;

	while (fgets(text, sizeof(text), f)) {
		struct event next;

		if (!parse(text, c, &next))
			continue;
		before = e;
		e = next;
		same_one(c, &e, n ? &before : NULL);
		if (n++)
			follows(&e, &before);
	}
	fclose(f);
	if (!n)
		fail_at(file, line, "the trace has nothing of the connection");
	if (!state_named(e.old, from) || !state_named(e.new, to) || strcmp(e.reason, why))
		fail_at(file, line, "the trace says %s -> %s, reason %s, not %s -> %s, %s", e.old,
			e.new, e.reason, state_name(from), state_name(to), why);
}

/* The number that stands for the connection in all events. */
unsigned long long trace_cookie(const struct conn *c)
{
	struct event e = { 0 };
	FILE *f = open_trace("r");
	bool found = false;
	char text[1024];

	while (!found && fgets(text, sizeof(text), f))
		found = parse(text, c, &e);
	fclose(f);
	check(found, "the trace has nothing of the connection");
	return e.cookie;
}

/* Where in @text all of @fmt's words follow, which asterisks stand between; NULL: they do not. */
static const char *matches(const char *text, char *words)
{
	char *word;

	while (text && (word = strsep(&words, "*"))) {
		text = strstr(text, word);
		if (text)
			text += strlen(word);
	}
	return text;
}

/*
 * How many lines of @event there are that hold @want ("cookie=3 * flags=RST "). @at_s: when the
 * last of them was, by the trace's clock, and the number behind what was found; or NULL.
 */
int trace_lines(const char *event, const char *want, double *at_s, long *number)
{
	char text[1024], name[40], words[400];
	FILE *f = open_trace("r");
	int n = 0;

	snprintf(name, sizeof(name), " %s: ", event);
	while (fgets(text, sizeof(text), f)) {
		const char *line = strstr(text, name), *end;

		snprintf(words, sizeof(words), "%s", want);
		end = line ? matches(line, words) : NULL;
		if (!end)
			continue;
		n++;
		if (number)
			*number = strtol(end, NULL, 10);
		/* "... 12.345678: xtcp_timer: ..." */
		while (line > text && line[-1] != ' ')
			line--;
		if (at_s)
			*at_s = strtod(line, NULL);
	}
	fclose(f);
	return n;
}

/* The same, once there is one: what a timer brings about takes its time. */
void trace_waits_at(const char *event, const char *want, double *at_s, long *number,
		    const char *file, int line)
{
	uint64_t end = now_ns() + 10 * SEC;

	while (!trace_lines(event, want, at_s, number)) {
		if (now_ns() > end)
			fail_at(file, line, "no %s: %s in the trace", event, want);
		poll(NULL, 0, 2);
	}
}
