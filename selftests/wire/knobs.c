// SPDX-License-Identifier: GPL-2.0-only
/* /proc/sys/net/xtcp and SOL_XTCP: values, bounds, inheritance. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>

#include "wire.h"

#define TOPIC "knobs"

/* As Documentation/sysctl.rst has them. */
static const struct {
	const char *name;
	long value, low, high;
} defaults[] = {
	{ "syn_retries", 6, 1, 127 },
	{ "synack_retries", 5, 0, 255 },
	{ "msl_ms", 30000, 1, 240000 },
	{ "fin_wait2_ms", 60000, 1, 86400000 },
	{ "keepalive_time", 7200, 1, 32767 },
	{ "keepalive_intvl", 75, 1, 32767 },
	{ "keepalive_probes", 10, 1, 127 },
	{ "keepalive_force", 0, 0, 1 },
	{ "dead_peer_ms", 0, 0, 604800000 },
	{ "retries1", 3, 0, 255 },
	{ "retries2", 15, 1, 255 },
	{ "orphan_retries", 8, 0, 255 },
	{ "rto_initial_ms", 1000, 1, 600000 },
	{ "rto_min_ms", 200, 1, 120000 },
	{ "rto_max_ms", 120000, 1, 600000 },
	{ "delack_ms", 40, 0, 499 },
	{ "quick_ack_wait_ms", 4, 0, 499 },
	{ "comp_sack_delay_ns", 1000000, 0, 499000000 },
	{ "comp_sack_slack_ns", 100000, 0, 499000000 },
	{ "comp_sack_nr", 44, 0, 255 },
	{ "comp_sack_rtt_percent", 33, 1, 1000 },
	{ "wire_protocol", 6, 6, 253 },
	{ "sack", 1, 0, 1 },
	{ "timestamps", 1, 0, 1 },
	{ "window_scaling", 1, 0, 1 },
	{ "ecn", 2, 0, 2 },
	{ "ecn_fallback", 1, 0, 1 },
	{ "syncookies", 1, 0, 2 },
	{ "tw_reuse", 2, 0, 2 },
	{ "rfc1337", 1, 0, 1 },
	{ "slow_start_after_idle", 1, 0, 1 },
	{ "pacing", 0, 0, 1 },
	{ "pacing_ss_ratio", 200, 1, 1000 },
	{ "pacing_ca_ratio", 120, 1, 1000 },
	{ "limit_output_bytes", 4194304, 1, 1073741824 },
	{ "max_syn_backlog", 4096, 1, 16777216 },
	{ "somaxconn", 4096, 0, 16777216 },
	{ "max_tw_sockets", 65536, 0, 16777216 },
	{ "max_orphans", 65536, 0, 16777216 },
	{ "challenge_ack_limit", 1000, 0, 16777216 },
	{ "mtu_probing", 1, 0, 1 },
	{ "base_mss", 1024, 48, 65535 },
	{ "mtu_probe_floor", 48, 48, 65535 },
	{ "mtu_probe_interval", 600, 1, 86400 },
	{ "msl_min_ms", 1000, 1, 240000 },
	{ "rto_min_floor_ms", 20, 1, 120000 },
	{ "keepalive_min", 1, 1, 32767 },
};

#define KNOBS (sizeof(defaults) / sizeof(defaults[0]))

/* Several numbers or a word; what is read has tabs between them. */
static const struct text {
	const char *name, *text;
	const char *good[3], *bad[6];
	const char *third;	/* the last number is that of this one of the host's TCP */
} texts[] = {
	{ "ip_local_port_range", "61000\t65535", { "1\t65535", "1\t1", "65535\t65535" },
	  { "0 1", "2 1", "1 65536", "x", "1 x", " " } },
	{ "rmem", "4096\t131072\t", { "4096\t4096\t1073741824", "1000000\t1000000\t1000000" },
	  { "2 1 3", "131072 4096 6291456", "-1 -1 -1", "4096 4096 1073741825", "4096 4096 x",
	    "4096,8192,16384" },
	  "/proc/sys/net/ipv4/tcp_rmem" },
	{ "wmem", "4096\t16384\t", { "4096\t4096\t4096", "4096\t4096\t1073741824" },
	  { "4095 4096 4096", "16384 4096 4194304", "-1 -1 -1", "4096 4096 1073741825", "x",
	    "4096 x 16384" },
	  "/proc/sys/net/ipv4/tcp_wmem" },
	{ "create_group_range", "0\t2147483647", { "1\t0", "2147483647\t2147483647" },
	  { "-1 0", "0 -1", "2147483648 0", "0 2147483648", "x", "0 x" } },
	{ "congestion_control", "cubic", { "reno" },
	  { "nosuch", "2", "renox", "cubic reno", " ", "cubiccubiccubiccubic" } },
	{ "available_congestion_control", "cubic reno" },
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

/* What one may be depends on another: @with is @value, then @name may be @good, not @bad. */
static const struct rule {
	const char *with;
	long value;
	const char *name;
	long good, bad;
} rules[] = {
	{ "rto_max_ms", 5000, "rto_min_ms", 5000, 5001 },
	{ "rto_max_ms", 5000, "rto_initial_ms", 5000, 5001 },
	{ "rto_min_ms", 2000, "rto_max_ms", 2000, 1999 },
	{ "rto_initial_ms", 2000, "rto_max_ms", 2000, 1999 },
	{ "retries2", 9, "retries1", 9, 10 },
	{ "retries1", 9, "retries2", 9, 8 },
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

static void knob_path(const char *name, char *path)
{
	sprintf(path, "/proc/sys/net/xtcp/%s", name);
}

static void first_line(const char *path, char *line, int size)
{
	FILE *f = fopen(path, "r");

	check(f && fgets(line, size, f), "%s: %s", path, strerror(errno));
	fclose(f);
	line[strcspn(line, "\n")] = 0;
}

static void text_is(const char *name, const char *want)
{
	char path[128], line[128];

	knob_path(name, path);
	first_line(path, line, sizeof(line));
	check(!strcmp(line, want), "%s is \"%s\", not \"%s\"", name, line, want);
}

static void text_is_default(const struct text *t)
{
	char host[128], want[160];

	snprintf(want, sizeof(want), "%s", t->text);
	if (t->third) {
		first_line(t->third, host, sizeof(host));
		check(strrchr(host, '\t'), "%s is %s", t->third, host);
		strcat(want, strrchr(host, '\t') + 1);
	}
	text_is(t->name, want);
}

static bool listed(const char *name)
{
	unsigned int i;

	for (i = 0; i < KNOBS; i++)
		if (!strcmp(name, defaults[i].name))
			return true;
	for (i = 0; i < TEXTS; i++)
		if (!strcmp(name, texts[i].name))
			return true;
	return false;
}

/* Into the initial namespace. Return: the way back. */
static int leave_home(void)
{
	int here = sys(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	int first = sys(open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC));

	sys(setns(first, CLONE_NEWNET));
	close(first);
	return here;
}

static void go_home(int here)
{
	sys(setns(here, CLONE_NEWNET));
	close(here);
}

static void mem_values(unsigned long *m)
{
	FILE *f = fopen("/proc/sys/net/xtcp/mem", "r");

	check(f && fscanf(f, "%lu %lu %lu", &m[0], &m[1], &m[2]) == 3, "mem: no three numbers");
	fclose(f);
}

/* mem is the machine's; the initial namespace alone has it. */
static void mem_is_sane(void)
{
	unsigned long m[3];
	int here;

	check(access("/proc/sys/net/xtcp/mem", F_OK), "mem in another namespace");
	here = leave_home();
	mem_values(m);
	/* Three quarters of a limit, it, and twice three quarters. */
	check(m[1] >= 128 && m[0] == m[1] / 4 * 3 && m[2] == 2 * m[0], "mem is %lu %lu %lu",
	      m[0], m[1], m[2]);
	go_home(here);
}

static void true_defaults(void)
{
	struct dirent *e;
	unsigned int i;
	DIR *d;

	for (i = 0; i < KNOBS; i++)
		check(knob_get(defaults[i].name) == defaults[i].value,
		      "%s is %ld, not %ld", defaults[i].name,
		      knob_get(defaults[i].name), defaults[i].value);
	for (i = 0; i < TEXTS; i++)
		text_is_default(&texts[i]);
	mem_is_sane();
	d = opendir("/proc/sys/net/xtcp");
	check(d, "/proc/sys/net/xtcp: %s", strerror(errno));
	while ((e = readdir(d)))
		check(e->d_name[0] == '.' || listed(e->d_name), "%s is not listed here",
		      e->d_name);
	closedir(d);
}

/* Return: 0, or what writing fails with. */
static int put_errno(const char *name, const char *text)
{
	char path[128];
	int fd, err = 0;

	knob_path(name, path);
	fd = sys(open(path, O_WRONLY | O_CLOEXEC));
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}

static void is_refused(const char *name, const char *text)
{
	int err = put_errno(name, text);

	check(err == EINVAL, "%s and %s: %s", name, text, err ? strerror(err) : "taken");
}

static void is_taken(const char *name, const char *text)
{
	int err = put_errno(name, text);

	check(!err, "%s and %s: %s", name, text, strerror(err));
	text_is(name, text);
}

static void number_is_refused(const char *name, long value)
{
	long before = knob_get(name);
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	is_refused(name, text);
	check_eq(knob_get(name), before);
}

static void number_is_taken(const char *name, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", value);
	is_taken(name, text);
}

/* One end of its range: it is taken, the number beyond is not. */
static void bound(unsigned int i, long value, long beyond)
{
	long before = knob_get(defaults[i].name);

	number_is_taken(defaults[i].name, value);
	number_is_refused(defaults[i].name, beyond);
	number_is_taken(defaults[i].name, before);
}

/* Lowest and highest of all are taken; where another would forbid it, that one makes room. */
static void bounds(void)
{
	unsigned int i;

	for (i = 0; i < KNOBS; i++) {
		number_is_taken(defaults[i].name, defaults[i].value);
		is_refused(defaults[i].name, "x");
		is_refused(defaults[i].name, " ");
		number_is_refused(defaults[i].name, -1);
		check_eq(knob_get(defaults[i].name), defaults[i].value);
	}
	knob("retries1", 0);
	knob("rto_min_ms", 1);
	knob("rto_initial_ms", 1);
	for (i = 0; i < KNOBS; i++)
		bound(i, defaults[i].low, defaults[i].low - 1);
	knob("retries2", 255);
	knob("rto_max_ms", 600000);
	for (i = 0; i < KNOBS; i++)
		bound(i, defaults[i].high, defaults[i].high + 1);
	/* Two numbers, none between them */
	for (i = 7; i < 253; i++)
		number_is_refused("wire_protocol", i);
}

/* Of several numbers not even the first is taken. */
static void text_bounds(void)
{
	const struct text *t;
	unsigned int k;
	char path[128];

	for (t = texts; t < texts + TEXTS; t++) {
		for (k = 0; k < 6 && t->bad[k]; k++) {
			is_refused(t->name, t->bad[k]);
			text_is_default(t);
		}
		for (k = 0; k < 3 && t->good[k]; k++)
			is_taken(t->name, t->good[k]);
	}
	knob_path("available_congestion_control", path);
	sys_err(open(path, O_WRONLY | O_CLOEXEC), EACCES);
}

/* The least receive buffer is the core's, and no number in the documentation. */
static void rmem_bounds(void)
{
	int fd = sys(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), least;
	char text[64];

	set_int(fd, SOL_SOCKET, SO_RCVBUF, 0);
	least = get_int(fd, SOL_SOCKET, SO_RCVBUF);
	close(fd);
	snprintf(text, sizeof(text), "%d\t131072\t6291456", least);
	is_taken("rmem", text);
	snprintf(text, sizeof(text), "%d\t131072\t6291456", least - 1);
	is_refused("rmem", text);
}

/* Back to what it was before the row fails: it is for the whole machine. */
static void mem_bounds(void)
{
	static const char *const bad[] = { "3 2 1", "1 3 2", "0 1 2", "-1 1 2", "x", "1 x 3",
					   "1 2 9223372036854775808" };
	unsigned long before[3], m[3] = { 0 };
	int here = leave_home(), taken, err = EINVAL;
	unsigned int i;
	char text[80];

	mem_values(before);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]) && err == EINVAL; i++)
		err = put_errno("mem", bad[i]);
	mem_values(m);
	taken = put_errno("mem", "1 1 9223372036854775807");
	snprintf(text, sizeof(text), "%lu %lu %lu", before[0], before[1], before[2]);
	check(!put_errno("mem", text), "mem and its own %s", text);
	go_home(here);
	check(err == EINVAL, "mem and %s: %s", bad[i - 1], err ? strerror(err) : "taken");
	check(!memcmp(m, before, sizeof(m)), "mem became %lu %lu %lu", m[0], m[1], m[2]);
	check(!taken, "mem from 1 to LONG_MAX: %s", strerror(taken));
}

static void between(void)
{
	const struct rule *r;
	long with, name;

	for (r = rules; r < rules + RULES; r++) {
		with = knob_get(r->with);
		name = knob_get(r->name);
		number_is_taken(r->with, r->value);
		number_is_taken(r->name, r->good);
		number_is_refused(r->name, r->bad);
		number_is_taken(r->name, name);
		number_is_taken(r->with, with);
	}
}

/* One that is not its default: it is what is inherited. */
static long other_value(unsigned int i)
{
	return defaults[i].high != defaults[i].value ? defaults[i].high : defaults[i].low;
}

/* A namespace starts with what its creator's had, and goes its own way. */
static void inheritance(void)
{
	int old = sys(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	unsigned int i;

	knob("rto_max_ms", 600000);
	knob("retries2", 255);
	for (i = 0; i < KNOBS; i++)
		knob(defaults[i].name, other_value(i));
	for (i = 0; i < TEXTS; i++)
		if (texts[i].good[0])
			is_taken(texts[i].name, texts[i].good[0]);
	sys(unshare(CLONE_NEWNET));
	for (i = 0; i < KNOBS; i++)
		check(knob_get(defaults[i].name) == other_value(i), "%s is %ld, not %ld",
		      defaults[i].name, knob_get(defaults[i].name), other_value(i));
	for (i = 0; i < TEXTS; i++)
		if (texts[i].good[0])
			text_is(texts[i].name, texts[i].good[0]);
	knob("msl_ms", 4321);
	sys(setns(old, CLONE_NEWNET));
	check_eq(knob_get("msl_ms"), 240000);
}

#define USER 1000

/* In no group but his own; what is in /proc/self stays his. */
static void become_user(void)
{
	sys(setgroups(0, NULL));
	sys(setresgid(USER, USER, USER));
	sys(setresuid(USER, USER, USER));
	sys(prctl(PR_SET_DUMPABLE, 1));
}

/* As the host's: root of the user namespace that owns the network namespace may, others may not. */
static void owner(void)
{
	static const char *const files[] = { "/proc/sys/net/xtcp/keepalive_time",
					     "/proc/sys/net/ipv4/tcp_keepalive_time" };
	unsigned int i;

	become_user();
	for (i = 0; i < 2; i++)
		sys_err(open(files[i], O_WRONLY | O_CLOEXEC), EACCES);
	sys(unshare(CLONE_NEWUSER | CLONE_NEWNET));
	put_file("/proc/self/setgroups", "deny");
	put_file("/proc/self/uid_map", "0 1000 1");
	put_file("/proc/self/gid_map", "0 1000 1");
	for (i = 0; i < 2; i++)
		put_file(files[i], "1234");
	check_eq(knob_get("keepalive_time"), 1234);
	for (i = 0; i < KNOBS; i++) {
		number_is_taken(defaults[i].name, defaults[i].value);
		number_is_refused(defaults[i].name, defaults[i].low - 1);
	}
	check(access("/proc/sys/net/xtcp/mem", F_OK), "mem in another namespace");
}

static void version(void)
{
	char here[64], module[64];

	first_line("/sys/kernel/xtcp/version", here, sizeof(here));
	first_line("/sys/module/xtcp/version", module, sizeof(module));
	check(here[0] && !strcmp(here, module), "%s, but the module is %s", here, module);
}

/* What a socket has not set itself follows the namespace. */
static void socket_follows(void)
{
	int fd = stack_socket();

	check_eq(get_int(fd, SOL_XTCP, XTCP_MSL_MS), 30000);
	check_eq(get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7200);
	check_eq(get_int(fd, IPPROTO_TCP, TCP_KEEPINTVL), 75);
	check_eq(get_int(fd, IPPROTO_TCP, TCP_KEEPCNT), 10);
	check_eq(get_int(fd, IPPROTO_TCP, TCP_SYNCNT), 6);
	close(fd);
	knob("msl_ms", 5000);
	knob("keepalive_time", 100);
	fd = stack_socket();
	check_eq(get_int(fd, SOL_XTCP, XTCP_MSL_MS), 5000);
	check_eq(get_int(fd, IPPROTO_TCP, TCP_KEEPIDLE), 100);
}

static void options(void)
{
	static const struct {
		int name, good, bad;
	} o[] = {
		{ XTCP_MSL_MS, 500, 0 },
		{ XTCP_SYN_BUDGET_MS, 3000, -1 },
		{ XTCP_RTO_MIN_MS, 50, 0 },
		{ XTCP_RTO_MAX_MS, 60000, 0 },
		{ XTCP_DEAD_PEER_MS, 10000, -1 },
		{ XTCP_SYNACK_RETRIES, 2, -1 },
		{ XTCP_ORPHAN_RETRIES, 2, -1 },
	};
	int fd = stack_socket(), v, e;
	unsigned int i;

	for (i = 0; i < sizeof(o) / sizeof(o[0]); i++) {
		set_int(fd, SOL_XTCP, o[i].name, o[i].good);
		check_eq(get_int(fd, SOL_XTCP, o[i].name), o[i].good);
		v = o[i].bad;
		e = setsockopt(fd, SOL_XTCP, o[i].name, &v, sizeof(v));
		check(e < 0 && errno == EINVAL, "option %d took %d",
		      o[i].name, v);
		check_eq(get_int(fd, SOL_XTCP, o[i].name), o[i].good);
		e = setsockopt(fd, SOL_XTCP, o[i].name, &v, 2);
		check(e < 0 && errno == EINVAL, "option %d took two bytes",
		      o[i].name);
	}
	v = 1;
	sys_err(setsockopt(fd, SOL_XTCP, 99, &v, sizeof(v)), ENOPROTOOPT);
}

/* The wire protocol is settled when the socket has an address. */
static void wire_protocol(void)
{
	int fd = stack_socket(), v;

	check_eq(get_int(fd, SOL_XTCP, XTCP_WIRE_PROTOCOL), w.proto);
	v = 17;
	sys_err(setsockopt(fd, SOL_XTCP, XTCP_WIRE_PROTOCOL, &v, sizeof(v)),
		EINVAL);
	close(fd);
	fd = stack_socket_bound(1999);
	v = w.proto == 6 ? 253 : 6;
	sys_err(setsockopt(fd, SOL_XTCP, XTCP_WIRE_PROTOCOL, &v, sizeof(v)),
		EINVAL);
}

static void synack_retries(void)
{
	struct conn *c;

	knob("synack_retries", 1);
	c = in_syn_recv();
	expect(c, SYN | ACK, 0, 1, .at_ms = 1000);
	pass_quietly(c, 3000 + lateness(3000));
	gone(c);
}

static void tune_synack(int fd)
{
	set_int(fd, SOL_XTCP, XTCP_SYNACK_RETRIES, 0);
}

static void synack_retries_option(void)
{
	struct conn *c = in_syn_recv(.tune = tune_synack);

	pass_quietly(c, 1000 + lateness(1000));
	gone(c);
}

static void initial_rto(void)
{
	struct conn *c;

	knob("rto_initial_ms", 300);
	c = in_syn_sent();
	expect(c, SYN, 0, 0, .at_ms = 300, .slack_ms = 200);
}

const struct row knobs_rows[] = {
	ROW(ROW_XTCP | ROW_CORE, "the true defaults", true_defaults),
	ROW(ROW_XTCP, "each from its least to its greatest; else EINVAL, and nothing changes",
	    bounds),
	ROW(ROW_XTCP, "several numbers, words: bounds, and what is malformed", text_bounds),
	ROW(ROW_XTCP, "rmem begins at the core's least buffer", rmem_bounds),
	ROW(ROW_XTCP, "mem: bounds, and what is malformed", mem_bounds),
	ROW(ROW_XTCP, "rules between two of them", between),
	ROW(ROW_XTCP, "root of the namespace's user namespace may write, others may not", owner),
	ROW(ROW_XTCP, "/sys/kernel/xtcp/version is the module's", version),
	ROW(ROW_XTCP, "a namespace inherits all of its creator's values",
	    inheritance),
	ROW(ROW_XTCP, "a socket starts with its namespace's values",
	    socket_follows),
	ROW(ROW_XTCP, "the options of SOL_XTCP", options),
	ROW(ROW_XTCP, "XTCP_WIRE_PROTOCOL", wire_protocol),
	ROW(ROW_XTCP | ROW_VT, "S5 synack_retries 1", synack_retries),
	ROW(ROW_XTCP | ROW_VT, "S5 XTCP_SYNACK_RETRIES 0",
	    synack_retries_option),
	ROW(ROW_XTCP, "rto_initial_ms 300", initial_rto),
	{ NULL }
};
