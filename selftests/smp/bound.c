// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bound for a whole test, whatever it waits for: what hangs is shown, then killed, and the
 * tests after it run.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smp.h"

#define BOUND_TEST_S	240	/* twice SMP_BOUND_S: what hangs at a counter says so itself */
#define BOUND_DEBUG_S	480	/* on the debug kernel */
#define BOUND_KILLED_S	10	/* to die of SIGKILL: unless it hangs in the kernel */
#define BOUND_LINES	60	/* of a file that is shown */

/* A file of /proc, each line as one of KTAP's remarks. */
static void bound_show(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[4096];
	int lines = 0;

	if (!f)
		return;
	printf("# %s:\n", path);
	while (fgets(line, sizeof(line), f) && lines++ < BOUND_LINES)
		printf("#   %s%s", line, strchr(line, '\n') ? "" : "\n");
	fclose(f);
}

static void bound_show_threads(int pid)
{
	static const char * const files[] = { "comm", "stack" };
	char path[300];
	struct dirent *task;
	unsigned int i;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (task = readdir(tasks))) {
		for (i = 0; isdigit(task->d_name[0]) && i < sizeof(files) / sizeof(files[0]); i++) {
			snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", pid, task->d_name,
				 files[i]);
			bound_show(path);
		}
	}
	if (tasks)
		closedir(tasks);
}

/* All programs: what the test runs (sh, tc) and what the kernel runs for it (modprobe), too. */
static void bound_show_programs(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[300], exe[8];

	while (proc && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		/* kernel threads have none */
		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		if (pid > 0 && readlink(path, exe, sizeof(exe)) > 0)
			bound_show_threads(pid);
	}
	if (proc)
		closedir(proc);
}

static bool bound_ended(pid_t pid, int *status, double bound_s)
{
	double end = smp_seconds() + bound_s;
	pid_t ended;

	while (!(ended = waitpid(pid, status, WNOHANG)) && smp_seconds() < end)
		usleep(10000);
	return ended == pid;
}

/*
 * Waits for the end of a test; @pid is the leader of its process group. Did it end by itself, in
 * time, and say that all was well?
 */
bool smp_bound(pid_t pid)
{
	const char *kernel = getenv("XTCP_KERNEL");
	int bound_s = kernel && !strcmp(kernel, "debug") ? BOUND_DEBUG_S : BOUND_TEST_S;
	char path[64];
	int status;

	if (bound_ended(pid, &status, bound_s))
		return WIFEXITED(status) && !WEXITSTATUS(status);
	printf("# not over after %d s:\n", bound_s);
	bound_show_programs();
	/* The namespace is the test's */
	snprintf(path, sizeof(path), "/proc/%d/net/xtcp/sockets", pid);
	bound_show(path);
	snprintf(path, sizeof(path), "/proc/%d/net/xtcp/snmp", pid);
	bound_show(path);
	fflush(stdout);
	kill(-pid, SIGKILL);
	if (!bound_ended(pid, &status, BOUND_KILLED_S))
		printf("# and it can not be killed\n");
	return false;
}
