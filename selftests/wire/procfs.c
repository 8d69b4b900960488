// SPDX-License-Identifier: GPL-2.0-only
/* /proc/net/xtcp/states and snmp: how many now, how often, and from where. */
#include "wire.h"

static FILE *open_states(void)
{
	FILE *f = fopen("/proc/net/xtcp/states", "r");

	check(f, "/proc/net/xtcp/states: %s", strerror(errno));
	return f;
}

static int split(char *line, char **word, int max)
{
	int n = 0;

	while (n < max && (word[n] = strsep(&line, " \t\n")))
		n += *word[n] != 0;
	return n;
}

/* The first line that begins with the state's name. */
bool xtcp_count(int state, long *now, long *ever)
{
	FILE *f = open_states();
	char line[1024], *word[40];
	bool found = false;

	while (!found && fgets(line, sizeof(line), f)) {
		if (split(line, word, 40) < 3 || !state_named(word[0], state))
			continue;
		*now = atol(word[1]);
		*ever = atol(word[2]);
		found = true;
	}
	fclose(f);
	return found;
}

/* The matrix: a header of names, then a line for each state left. */
long xtcp_moved(int from, int to)
{
	FILE *f = open_states();
	char line[1024], *word[40];
	int n, i, column = 0;
	long v = -1;

	while (v < 0 && fgets(line, sizeof(line), f)) {
		n = split(line, word, 40);
		if (n < 11)
			continue;
		if (!column) {
			for (i = 1; i < n; i++)
				if (state_named(word[i], to))
					column = i;
			continue;
		}
		if (state_named(word[0], from) && column < n)
			v = atol(word[column]);
	}
	fclose(f);
	check(v >= 0, "/proc/net/xtcp/states has no count for %s -> %s",
	      state_name(from), state_name(to));
	return v;
}

/* Two lines: names, then values. */
long xtcp_counter(const char *name)
{
	static char names[8192], values[8192];
	char *n = names, *v = values;
	FILE *f;

	if (!is_xtcp())
		return 0;
	f = fopen("/proc/net/xtcp/snmp", "r");
	check(f && fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f),
	      "/proc/net/xtcp/snmp: %s", strerror(errno));
	fclose(f);
	while (n && v) {
		const char *word = strsep(&n, "\n "), *value = strsep(&v, "\n ");

		if (!strcmp(word, name))
			return atol(value);
	}
	fail("there is no counter %s", name);
}
