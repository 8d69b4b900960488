// SPDX-License-Identifier: GPL-2.0-only
/* /proc/sys/net/xtcp and SOL_XTCP: values, bounds, inheritance. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>

#include "wire.h"

#define TOPIC "knobs"

static const struct {
	const char *name;
	long value;
	const char *bad[3];
} defaults[] = {
	{ "syn_retries", 6, { "0", "128", "x" } },
	{ "synack_retries", 5, { "-1", "256" } },
	{ "msl_ms", 30000, { "0", "240001", "-1" } },
	{ "fin_wait2_ms", 60000, { "-1" } },
	{ "keepalive_time", 7200, { "0", "-1" } },
	{ "keepalive_intvl", 75, { "0" } },
	{ "keepalive_probes", 10, { "0", "256" } },
	{ "keepalive_force", 0, { "-1", "2" } },
	{ "dead_peer_ms", 0, { "-1" } },
	{ "retries1", 3, { "-1" } },
	{ "retries2", 15, { "-1", "1000000" } },
	{ "orphan_retries", 8, { "-1" } },
	{ "rto_initial_ms", 1000, { "0", "-1" } },
	{ "rto_min_ms", 200, { "0", "-1" } },
	{ "rto_max_ms", 120000, { "0" } },
	{ "delack_ms", 40, { "-1", "500" } },
	{ "quick_ack_wait_ms", 4, { "-1", "500" } },
	{ "wire_protocol", 6, { "7", "0", "255" } },
	{ "sack", 1, { "2" } },
	{ "timestamps", 1, { "-1", "3" } },
	{ "window_scaling", 1, { "2" } },
	{ "ecn", 2, { "3" } },
	{ "ecn_fallback", 1, { "2", "-1" } },
	{ "syncookies", 1, { "3" } },
	{ "tw_reuse", 2, { "3" } },
	{ "rfc1337", 1, { "2" } },
	{ "slow_start_after_idle", 1, { "2" } },
	{ "pacing", 0, { "2", "-1" } },
	{ "pacing_ss_ratio", 200, { "0", "1001" } },
	{ "pacing_ca_ratio", 120, { "0", "1001" } },
	{ "limit_output_bytes", 4194304, { "0", "-1" } },
	{ "max_syn_backlog", 4096, { "0", "-1" } },
	{ "somaxconn", 4096, { "-1" } },
	{ "max_tw_sockets", 65536, { "-1" } },
	{ "max_orphans", 65536, { "-1" } },
	{ "challenge_ack_limit", 1000, { "-1" } },
	{ "mtu_probing", 1, { "2", "-1" } },
	{ "base_mss", 1024, { "47", "65536" } },
	{ "mtu_probe_floor", 48, { "47", "65536" } },
	{ "mtu_probe_interval", 600, { "0" } },
	{ "msl_min_ms", 1000, { "0", "240001" } },
	{ "rto_min_floor_ms", 20, { "0" } },
	{ "keepalive_min", 1, { "0" } },
};

#define KNOBS (sizeof(defaults) / sizeof(defaults[0]))

/* Several numbers or a word; what is read has tabs between them. */
static const struct text {
	const char *name, *text;
	const char *bad[3];
	const char *third;	/* the last number is that of this one of the host's TCP */
} texts[] = {
	{ "ip_local_port_range", "61000\t65535", { "0 1", "2 1", "1 65536" } },
	{ "rmem", "4096\t131072\t", { "2 1 3", "131072 4096 6291456", "-1 -1 -1" },
	  "/proc/sys/net/ipv4/tcp_rmem" },
	{ "wmem", "4096\t16384\t", { "2 1 3", "16384 4096 4194304", "-1 -1 -1" },
	  "/proc/sys/net/ipv4/tcp_wmem" },
	{ "create_group_range", "0\t2147483647", { "-1 0", "0 -1" } },
	{ "congestion_control", "cubic", { "nosuch", "2" } },
	{ "available_congestion_control", "cubic reno" },
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

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

static void text_is_default(const struct text *t)
{
	char path[128], line[128], host[128], want[160];

	knob_path(t->name, path);
	first_line(path, line, sizeof(line));
	snprintf(want, sizeof(want), "%s", t->text);
	if (t->third) {
		first_line(t->third, host, sizeof(host));
		check(strrchr(host, '\t'), "%s is %s", t->third, host);
		strcat(want, strrchr(host, '\t') + 1);
	}
	check(!strcmp(line, want), "%s is \"%s\", not \"%s\"", t->name, line, want);
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

/* mem is the machine's; the initial namespace alone has it. */
static void mem_is_sane(void)
{
	int here = sys(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	int first = sys(open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC));
	long m[3] = { 0 };
	FILE *f;

	check(access("/proc/sys/net/xtcp/mem", F_OK), "mem in another namespace");
	sys(setns(first, CLONE_NEWNET));
	f = fopen("/proc/sys/net/xtcp/mem", "r");
	check(f && fscanf(f, "%ld %ld %ld", &m[0], &m[1], &m[2]) == 3, "mem: no three numbers");
	fclose(f);
	/* Three quarters of a limit, it, and twice three quarters. */
	check(m[1] >= 128 && m[0] == m[1] / 4 * 3 && m[2] == 2 * m[0], "mem is %ld %ld %ld",
	      m[0], m[1], m[2]);
	sys(setns(here, CLONE_NEWNET));
	close(first);
	close(here);
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

static void is_refused(const char *name, const char *text)
{
	char path[128];
	int fd;

	knob_path(name, path);
	fd = sys(open(path, O_WRONLY | O_CLOEXEC));
	errno = 0;
	if (write(fd, text, strlen(text)) >= 0 || errno != EINVAL)
		fail("%s took %s", name, text);
	close(fd);
}

/* What it is now may be written: each default lies within its own bounds. */
static void is_taken_back(const char *name)
{
	char path[128], line[128];
	int fd;

	knob_path(name, path);
	first_line(path, line, sizeof(line));
	fd = sys(open(path, O_WRONLY | O_CLOEXEC));
	check(write(fd, line, strlen(line)) == (ssize_t)strlen(line), "%s refuses its own %s", name,
	      line);
	close(fd);
}

/* A value out of bounds is EINVAL and changes nothing. */
static void bounds(void)
{
	unsigned int i, k;

	for (i = 0; i < KNOBS; i++) {
		is_taken_back(defaults[i].name);
		for (k = 0; k < 3 && defaults[i].bad[k]; k++) {
			is_refused(defaults[i].name, defaults[i].bad[k]);
			check_eq(knob_get(defaults[i].name), defaults[i].value);
		}
	}
	for (i = 0; i < TEXTS; i++) {
		/* What takes nothing is read only. */
		if (texts[i].bad[0])
			is_taken_back(texts[i].name);
		for (k = 0; k < 3 && texts[i].bad[k]; k++) {
			is_refused(texts[i].name, texts[i].bad[k]);
			text_is_default(&texts[i]);
		}
	}
}

/* A namespace starts with what its creator's had, and goes its own way. */
static void inheritance(void)
{
	int old = sys(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));

	knob("msl_ms", 1234);
	knob("syn_retries", 3);
	sys(unshare(CLONE_NEWNET));
	check_eq(knob_get("msl_ms"), 1234);
	check_eq(knob_get("syn_retries"), 3);
	knob("msl_ms", 4321);
	sys(setns(old, CLONE_NEWNET));
	check_eq(knob_get("msl_ms"), 1234);
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
	ROW(ROW_XTCP, "bounds: EINVAL, and nothing changes", bounds),
	ROW(ROW_XTCP, "a namespace inherits its creator's values",
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
