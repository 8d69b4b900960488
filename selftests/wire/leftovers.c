// SPDX-License-Identifier: GPL-2.0-only
/* S18: whatever the rows before left behind has an end. */
#define _GNU_SOURCE
#include <dirent.h>

#include "wire.h"

#define TOPIC "leftovers"

/* Sockets and entries in any state, in all namespaces. */
static int alive(bool tell)
{
	DIR *d = opendir("/sys/kernel/xtcp/states");
	struct dirent *e;
	int n, sum = 0;
	char path[300];
	FILE *f;

	check(d, "/sys/kernel/xtcp/states: %s", strerror(errno));
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/xtcp/states/%s",
			 e->d_name);
		f = fopen(path, "r");
		check(f && fscanf(f, "%d", &n) == 1, "%s: no number", path);
		fclose(f);
		if (tell && n)
			say("%d in %s", n, e->d_name);
		sum += n;
	}
	closedir(d);
	return sum;
}

/*
 * The processes of all rows are gone. Orphans go by orphan_retries, 102 s, or
 * fin_wait2_ms, TIME_WAIT by 2MSL, which one row had set to eight minutes.
 */
static void nothing_left(void)
{
	uint64_t until = now_ns() + 1200 * SEC;

	while (alive(false)) {
		if (now_ns() > until) {
			alive(true);
			fail("something is left after 20 minutes");
		}
		poll(NULL, 0, 500);
	}
}

const struct row leftovers_rows[] = {
	ROW(ROW_CORE | ROW_XTCP | ROW_ONCE | ROW_LAST,
	    "S18 nothing is left for ever", nothing_left),
	{ NULL }
};
