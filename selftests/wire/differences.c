// SPDX-License-Identifier: GPL-2.0-only
/* The list of what XTCP does otherwise than the kernel's TCP, and why. */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <limits.h>
#include <sys/utsname.h>

#include "cell.h"

#define MAX 400

struct difference differences[MAX];
int ndifferences;

static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t\n");
	end = s + strlen(s);
	while (end > s && strchr(" \t\n", end[-1]))
		*--end = 0;
	return s;
}

static void parse_line(char *line, int number)
{
	struct difference *d = &differences[ndifferences];
	char *part[6];
	int i;

	line = trim(line);
	if (!*line || *line == '#')
		return;
	for (i = 0; i < 6; i++) {
		part[i] = strsep(&line, "|");
		check(part[i], "known-differences.txt:%d: six columns", number);
		part[i] = trim(part[i]);
		check(*part[i], "known-differences.txt:%d: column %d is empty",
		      number, i + 1);
	}
	check(ndifferences < MAX, "more than %d differences", MAX);
	snprintf(d->states, sizeof(d->states), "%s", part[0]);
	snprintf(d->cells, sizeof(d->cells), "%s", part[1]);
	snprintf(d->field, sizeof(d->field), "%s", part[2]);
	snprintf(d->families, sizeof(d->families), "%s", part[3]);
	snprintf(d->rfc, sizeof(d->rfc), "%s", part[4]);
	ndifferences++;
}

void differences_load(void)
{
	char path[PATH_MAX + 32], line[1024];
	int number = 0;
	ssize_t n;
	FILE *f;

	n = readlink("/proc/self/exe", path, PATH_MAX);
	check(n > 0, "/proc/self/exe: %s", strerror(errno));
	path[n] = 0;
	strcpy(strrchr(path, '/') + 1, "known-differences.txt");
	f = fopen(getenv("WIRE_DIFFERENCES") ?: path, "r");
	check(f, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f))
		parse_line(line, ++number);
	fclose(f);
}

static bool in_list(const char *list, const char *name)
{
	size_t n = strlen(name);
	const char *p = list;

	while ((p = strstr(p, name))) {
		if ((p == list || p[-1] == ',' || p[-1] == ' ') &&
		    (!p[n] || p[n] == ',' || p[n] == ' '))
			return true;
		p += n;
	}
	return false;
}

/* "46": both families; "46 @ 6.1": only where the kernel's TCP is 6.1's. */
static bool family_fits(const struct difference *d)
{
	const char *at = strchr(d->families, '@');
	const char *f = strchr(d->families, is_v6() ? '6' : '4');
	struct utsname u;
	char *dot;

	if (!f || (at && f > at))
		return false;
	if (!at)
		return true;
	uname(&u);
	dot = strchr(u.release, '.');
	dot[1 + strspn(dot + 1, "0123456789")] = 0;
	return in_list(at + 1, u.release);
}

struct difference *difference_find(const struct cell *cell, int field)
{
	struct difference *d;
	char name[80];

	snprintf(name, sizeof(name), "%s/%s/%s", cell->kind->name, cell->ack,
		 cell->seq);
	for (d = differences; d < differences + ndifferences; d++) {
		if (in_list(d->states, cell->state) && family_fits(d) &&
		    !fnmatch(d->cells, name, 0) &&
		    in_list(d->field, field_names[field]))
			return d;
	}
	return NULL;
}

void difference_saw(struct difference *d, int field)
{
	d->seen |= 1U << field;
}

static bool all_seen(const struct difference *d)
{
	int f;

	for (f = 0; f < FIELDS; f++)
		if (in_list(d->field, field_names[f]) && !(d->seen & 1U << f))
			return false;
	return true;
}

/* How many that should have occurred in this state did not. */
int differences_stale(const char *state)
{
	struct difference *d;
	int n = 0;

	for (d = differences; d < differences + ndifferences; d++) {
		if (all_seen(d) || !in_list(d->states, state) || !family_fits(d))
			continue;
		say("listed, but did not occur: %s | %s | %s", d->states,
		    d->cells, d->field);
		n++;
	}
	return n;
}
