// SPDX-License-Identifier: GPL-2.0-only
/*
 * One program for all rows.  Every row runs in a child process with a network
 * namespace, a tun device and random numbers of its own, so that rows neither
 * see nor need each other and one that fails stops only itself.  Those that
 * mostly wait (ROW_BESIDE) go first and wait together.
 */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>

#include "wire.h"
#include "kselftest.h"

struct wire w = { .family = AF_INET, .proto = IPPROTO_TCP, .mtu = 1500 };

static const struct row *const topics[] = {
	handshake_rows, close_rows, reset_rows, options_rows, checksum_rows,
	isn_rows, open_rows, failure_rows, rto_rows, keepalive_rows, timewait_rows,
	icmp_rows, api_rows, window_rows, ack_rows, delack_rows, gro_rows, send_rows,
	recovery_rows, rack_rows, undo_rows, cc_rows, ecn_rows, ecnsend_rows,
	urgsend_rows, urgrecv_rows, pacing_rows, queue_rows, lend_rows, ip_rows,
	challenge_rows, orphan_rows, visible_rows, events_rows, knobs_rows, effects_rows,
	transitions_rows, autotune_rows, memory_rows, pressure_rows, pmtu_rows, probe_rows,
	route_rows, matrix_rows, leftovers_rows,
};

/* What is run: a stack, what it uses on the wire, all rows or the core. */
struct config {
	char name[24];
	enum stack stack;
	int proto;
	bool core;
};

static struct {
	bool v4, v6, vt, vt_only, vt4, core, list;
	struct config configs[8];
	int nconfigs;
	const char *match;
	int repeat;
	char **topics;
	int ntopics;
} opt = { .repeat = 1 };

static const struct config *config;

void fail_at(const char *file, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_dump();
	printf("# %s:%d: %s\n", file, line, text);
	fflush(stdout);
	_exit(1);
}

void say(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

uint32_t rnd(void)
{
	w.rng ^= w.rng << 13;
	w.rng ^= w.rng >> 7;
	w.rng ^= w.rng << 17;
	return w.rng >> 16;
}

uint32_t rnd_between(uint32_t low, uint32_t high)
{
	return low + rnd() % (high - low + 1);
}

static bool topic_wanted(const char *topic)
{
	int i;

	if (!opt.ntopics)
		return true;
	for (i = 0; i < opt.ntopics; i++)
		if (!strcmp(opt.topics[i], topic))
			return true;
	return false;
}

static bool row_wanted(const struct row *r, int family)
{
	/* What any row leaves behind is waited for, or the machine counts it as a leak */
	if (!(r->flags & ROW_LAST) &&
	    (!topic_wanted(r->topic) || (opt.match && fnmatch(opt.match, r->name, 0))))
		return false;
	if ((r->flags & ROW_XTCP) && !is_xtcp())
		return false;
	if ((r->flags & ROW_VT) && !opt.vt)
		return false;
	if (!(r->flags & (ROW_VT | ROW_LAST)) && opt.vt_only)
		return false;
	if ((r->flags & ROW_VT) && opt.vt4 && family == AF_INET6)
		return false;
	if ((opt.core || config->core) && !(r->flags & ROW_CORE))
		return false;
	/* Timers do not care how a socket was made. */
	if (config->core && (r->flags & ROW_VT))
		return false;
	if ((r->flags & ROW_TCP) && config->proto != IPPROTO_TCP)
		return false;
	if ((r->flags & ROW_V4) && family != AF_INET)
		return false;
	if ((r->flags & ROW_V6) && family != AF_INET6)
		return false;
	if ((r->flags & ROW_ONCE) && family == AF_INET6 && opt.v4)
		return false;
	/* At the very end, after the last of the stacks. */
	return !(r->flags & ROW_LAST) || config == &opt.configs[opt.nconfigs - 1];
}

static uint64_t hash_name(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	while (*s)
		h = (h ^ (uint8_t)*s++) * 0x100000001b3ULL;
	return h;
}

static void run_child(const struct row *r, int round)
{
	/* A different stream for each row, whatever runs before it. */
	w.rng = (w.seed + round * 0x9e3779b97f4a7c15ULL) ^ hash_name(r->name) ^
		((uint64_t)w.family << 56);
	if (!w.rng)
		w.rng = 1;
	alarm(r->flags & ROW_VT ? 2000000 : r->flags & ROW_LAST ? 2000 : 240);
	net_setup();
	r->fn();
	fflush(stdout);
	_exit(0);
}

/* A row's process, and where its words go if others speak at the same time. */
struct running {
	const struct row *row;
	const struct config *config;
	int family;
	pid_t pid;
	FILE *said;
	int waits;		/* readable or at its end as soon as nothing but waiting is left */
};

/* In the row's process: the other end, until it has said so. */
static int waits_fd = -1;

/* A long wait begins, for which nothing has to be sent or read. */
void row_waits(void)
{
	if (waits_fd >= 0)
		close(waits_fd);
	waits_fd = -1;
}

static struct running start_row(const struct row *r, int round, FILE *said)
{
	struct running p = { r, config, w.family, 0, said };
	int ends[2];

	fflush(stdout);
	if (pipe(ends))
		ksft_exit_fail_msg("pipe: %s\n", strerror(errno));
	p.pid = fork();
	if (p.pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	if (!p.pid) {
		close(ends[0]);
		waits_fd = ends[1];
		if (said)
			dup2(fileno(said), STDOUT_FILENO);
		run_child(r, round);
	}
	close(ends[1]);
	p.waits = ends[0];
	return p;
}

static void repeat_words(FILE *said)
{
	char line[1024];

	rewind(said);
	while (fgets(line, sizeof(line), said))
		fputs(line, stdout);
	fclose(said);
}

static void end_row(struct running *p)
{
	int status;

	if (waitpid(p->pid, &status, 0) < 0)
		ksft_exit_fail_msg("waitpid: %s\n", strerror(errno));
	close(p->waits);
	if (p->said)
		repeat_words(p->said);
	if (WIFSIGNALED(status))
		ksft_print_msg("ended by signal %d\n", WTERMSIG(status));
	ksft_test_result(WIFEXITED(status) && !WEXITSTATUS(status),
			 "%s: %s (%s, %s)\n", p->row->topic, p->row->name,
			 p->family == AF_INET ? "ipv4" : "ipv6", p->config->name);
}

static void run_row(const struct row *r, int round)
{
	struct running p;

	if (r->flags & ROW_BESIDE)
		return;
	p = start_row(r, round, NULL);
	end_row(&p);
}

/* Rows that wait together, the oldest first: their number is that of their namespaces, too. */
static struct running beside[32];
static size_t nbeside;

#define WAITS_BOUND_MS 60000

static void end_oldest(void)
{
	end_row(&beside[0]);
	memmove(&beside[0], &beside[1], --nbeside * sizeof(beside[0]));
}

static void run_beside(const struct row *r, int round)
{
	struct pollfd p;
	FILE *said;

	if (!(r->flags & ROW_BESIDE))
		return;
	if (nbeside == sizeof(beside) / sizeof(beside[0]))
		end_oldest();
	said = tmpfile();
	if (!said)
		ksft_exit_fail_msg("tmpfile: %s\n", strerror(errno));
	beside[nbeside++] = start_row(r, round, said);
	/* One row after the other sets up its connection, since round trips are measured then;
	 * the next one begins when all that this one does is wait.
	 */
	p = (struct pollfd){ .fd = beside[nbeside - 1].waits };
	if (poll(&p, 1, WAITS_BOUND_MS) <= 0)
		ksft_print_msg("%s: not set up after %d s\n", r->name, WAITS_BOUND_MS / 1000);
}

static int for_families(void (*fn)(const struct row *, int), int round)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const struct row *r;
	size_t t, f;
	int n = 0;

	for (t = 0; t < sizeof(topics) / sizeof(topics[0]); t++) {
		for (r = topics[t]; r->name; r++) {
			for (f = 0; f < 2; f++) {
				if (!(f ? opt.v6 : opt.v4))
					continue;
				w.family = families[f];
				if (!row_wanted(r, w.family))
					continue;
				n++;
				if (fn)
					fn(r, round);
			}
		}
	}
	return n;
}

static int for_rows(void (*fn)(const struct row *, int), int round)
{
	int i, n = 0;

	for (i = 0; i < opt.nconfigs; i++) {
		config = &opt.configs[i];
		w.stack = config->stack;
		w.proto = config->proto;
		n += for_families(fn, round);
	}
	return n;
}

static bool wanted_by_any(const struct row *r)
{
	int i;

	for (i = 0; i < opt.nconfigs; i++) {
		config = &opt.configs[i];
		w.stack = config->stack;
		if ((opt.v4 && row_wanted(r, AF_INET)) || (opt.v6 && row_wanted(r, AF_INET6)))
			return true;
	}
	return false;
}

/* What waits for virtual time has not passed: it is named. */
static void say_left_out(void)
{
	const struct row *r;
	size_t t;
	int n = 0;

	if (opt.vt)
		return;
	opt.vt = true;
	for (t = 0; t < sizeof(topics) / sizeof(topics[0]); t++) {
		for (r = topics[t]; r->name; r++) {
			if (!(r->flags & ROW_VT) || !wanted_by_any(r))
				continue;
			n++;
			say("left out, needs virtual time (--vt): %s: %s", r->topic, r->name);
		}
	}
	if (n)
		say("%d rows left out", n);
	opt.vt = false;
}

static void list_row(const struct row *r, int round)
{
	(void)round;
	printf("%s\t%s\t%s\t%s%s%s\n", r->topic, r->name,
	       w.family == AF_INET ? "ipv4" : "ipv6",
	       r->flags & ROW_CORE ? "core " : "",
	       r->flags & ROW_VT ? "vt " : "",
	       r->flags & ROW_XTCP ? "xtcp" : "");
}

static void usage(void)
{
	fprintf(stderr,
		"wire [-s STACK[/253][:core],...] [-4] [-6] [--vt|--vt-only|--vt4] [--core]\n"
		"     [--seed N] [--repeat N] [-r PATTERN] [-v] [list] [TOPIC...]\n"
		"STACK: tcp (the kernel's), xtcp (its family), alias (AF_INET, 253)\n");
	exit(2);
}

static void parse_config(char *s)
{
	struct config *c = &opt.configs[opt.nconfigs++];
	char *end;

	if (opt.nconfigs > 8)
		usage();
	snprintf(c->name, sizeof(c->name), "%s", s);
	end = strstr(s, ":core");
	c->core = end;
	if (end)
		*end = 0;
	end = strstr(s, "/253");
	c->proto = end ? 253 : IPPROTO_TCP;
	if (end)
		*end = 0;
	if (!strcmp(s, "tcp") && !end)
		c->stack = STACK_TCP;
	else if (!strcmp(s, "xtcp"))
		c->stack = STACK_XTCP;
	else if (!strcmp(s, "alias"))
		c->stack = STACK_ALIAS;
	else
		usage();
	c->name[strcspn(c->name, ":")] = 0;
}

static void parse_stacks(char *s)
{
	char *one;

	while ((one = strsep(&s, ",")))
		parse_config(one);
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "vt", 0, NULL, 'V' }, { "vt-only", 0, NULL, 'O' },
		{ "vt4", 0, NULL, 'F' },
		{ "core", 0, NULL, 'c' }, { "seed", 1, NULL, 'S' },
		{ "repeat", 1, NULL, 'n' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "s:46r:v", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			parse_stacks(optarg);
			break;
		case '4':
			opt.v4 = true;
			break;
		case '6':
			opt.v6 = true;
			break;
		case 'r':
			opt.match = optarg;
			break;
		case 'v':
			w.verbose = true;
			break;
		case 'O':
			opt.vt_only = true;
			break;
		case 'F':
			opt.vt4 = true;
			break;
		case 'V':
			opt.vt = true;
			break;
		case 'c':
			opt.core = true;
			break;
		case 'S':
			w.seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			opt.repeat = atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (optind < argc && !strcmp(argv[optind], "list")) {
		opt.list = true;
		opt.vt = true;
		optind++;
	}
	if (!opt.nconfigs)
		parse_config((char []){ "tcp" });
	opt.topics = argv + optind;
	opt.ntopics = argc - optind;
}

int main(int argc, char **argv)
{
	int i, n;

	parse(argc, argv);
	if (!opt.v4 && !opt.v6) {
		opt.v4 = true;
		opt.v6 = true;
	}
	opt.vt |= opt.vt_only || opt.vt4;
	w.vt = opt.vt;
	if (opt.list) {
		for_rows(list_row, 0);
		return 0;
	}
	if (!w.seed)
		w.seed = now_ns() ^ ((uint64_t)getpid() << 40);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	ksft_print_header();
	n = for_rows(NULL, 0);
	if (!n)
		ksft_exit_fail_msg("no row fits these arguments\n");
	ksft_set_plan(n * opt.repeat);
	ksft_print_msg("--seed %llu\n", (unsigned long long)w.seed);
	say_left_out();
	for (i = 0; i < opt.repeat; i++) {
		for_rows(run_beside, i);
		while (nbeside)
			end_oldest();
		for_rows(run_row, i);
	}
	trace_remove();
	ksft_finished();
}
