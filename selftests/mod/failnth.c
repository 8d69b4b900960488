// SPDX-License-Identifier: GPL-2.0-only
/*
 * failnth: the Nth allocation of one system call fails (fault injection's fail-nth).
 *
 *	failnth N load FILE	finit_module()
 *	failnth N netns		unshare(CLONE_NEWNET)
 *
 * Which allocations count is said in debugfs, by the caller. Prints what came of it:
 *	passed			there are fewer than N allocations, and the call succeeded
 *	failed ERRNO		the Nth failed, and so did the call
 *	survived		the Nth failed; the call did without it
 * Exit status 1: something else; 2: fault injection is not there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failnth_die(const char *what, int status)
{
	printf("failnth: %s: %s\n", what, strerror(errno));
	return status;
}

static int failnth_say(int err, int injected)
{
	if (err && injected)
		printf("failed %d\n", err);
	else if (injected)
		printf("survived\n");
	else if (!err)
		printf("passed\n");
	else
		printf("failnth: %s, and nothing was made to fail\n", strerror(err));
	return err && !injected;
}

int main(int argc, char **argv)
{
	int load = argc == 4 && !strcmp(argv[2], "load");
	int file = -1, nth, err;
	char text[16] = "";

	if (!load && (argc != 3 || strcmp(argv[2], "netns"))) {
		fprintf(stderr, "usage: failnth N load FILE | failnth N netns\n");
		return 2;
	}
	if (load) {
		file = open(argv[3], O_RDONLY | O_CLOEXEC);
		if (file < 0)
			return failnth_die(argv[3], 1);
	}
	nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth < 0)
		return failnth_die("fail-nth", 2);
	if (write(nth, argv[1], strlen(argv[1])) < 0)
		return failnth_die("fail-nth", 2);
	err = load ? syscall(SYS_finit_module, file, "", 0) : unshare(CLONE_NEWNET);
	err = err ? errno : 0;
	/* what is left of the count: 0 if the Nth was reached */
	if (pread(nth, text, sizeof(text) - 1, 0) <= 0)
		return failnth_die("fail-nth", 2);
	if (pwrite(nth, "0", 1, 0) < 0)
		return failnth_die("fail-nth", 2);
	return failnth_say(err, atoi(text) == 0);
}
