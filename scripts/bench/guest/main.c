// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench [options] WHAT
 *
 *	rr conn bulk copy		instructions
 *	rr-alone bulk-alone		the same, both ends in one thread
 *	others				rr and conn with -o idle connections around
 *	idle synrecv timewait		bytes
 *	transfer share			over a link
 *	source sink			two machines
 *	hold				keeps -o connections until standard input ends
 *
 *	-f NAME		figure's name in the results (default: WHAT)
 *	-a ADDRESS	to connect to (default 127.0.0.1)
 *	-s tcp|xtcp	this stack only
 *	-S NS -C NS	namespaces of server and client
 *	-p		the namespaces are called tcp-NS and xtcp-NS
 *	-x		bulk under SCHED_FIFO, conn under SCHED_BATCH
 *	-n N		iterations, connections, MiB, KiB of one sample
 *	-r N		samples of each stack (default 1)
 *	-R N		number of the first sample
 *	-o N		idle connections of others and hold
 *	-t MS		duration
 *	-i US		interval of notes on the course of a transfer
 *	-k N		shift: an instruction takes 2^N ns
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const struct {
	const char *name;
	void (*run)(const struct options *o);
	long count;
} what[] = {
	{ "rr", bench_rr, 2000 },
	{ "rr-alone", bench_rr_alone, 2000 },
	{ "bulk-alone", bench_bulk_alone, 32 },
	{ "conn", bench_conn, 600 },
	{ "others", bench_others, 400 },
	{ "bulk", bench_bulk, 32 },
	{ "copy", bench_copy, 0 },
	{ "idle", bench_idle, 10000 },
	{ "synrecv", bench_synrecv, 2000 },
	{ "timewait", bench_timewait, 2000 },
	{ "transfer", bench_transfer, 4096 },
	{ "share", bench_share, 0 },
	{ "sink", bench_sink, 0 },
	{ "source", bench_source, 32768 },
	{ "hold", bench_hold, 0 },
};

static void one_stack(struct options *o, const char *name)
{
	enum stack s;

	for (s = 0; s < STACKS; s++)
		o->stack[s] = !strcmp(stack_name[s], name);
	if (!o->stack[TCP] && !o->stack[XTCP])
		die("no stack: %s", name);
}

static void option(struct options *o, int c, const char *arg)
{
	switch (c) {
	case 'f':
		o->figure = arg;
		return;
	case 'a':
		o->addr = arg;
		return;
	case 's':
		one_stack(o, arg);
		return;
	case 'S':
		o->server_ns = arg;
		return;
	case 'C':
		o->client_ns = arg;
		return;
	case 'p':
		o->apart = true;
		return;
	case 'x':
		o->steady = true;
		return;
	case 'n':
		o->count = atol(arg);
		return;
	case 'r':
		o->reps = atoi(arg);
		return;
	case 'R':
		o->first_rep = atoi(arg);
		return;
	case 'o':
		o->others = atol(arg);
		return;
	case 't':
		o->ms = atol(arg);
		return;
	case 'i':
		o->sample_us = atol(arg);
		return;
	case 'k':
		o->shift = atoi(arg);
		return;
	}
	die("usage: see the head of main.c");
}

int main(int argc, char **argv)
{
	struct options o = { .addr = "127.0.0.1", .stack = { true, true }, .reps = 1, .ms = 10000 };
	size_t i;
	int c;

	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt(argc, argv, "f:a:s:S:C:pxn:r:R:o:t:i:k:")) != -1)
		option(&o, c, optarg);
	for (i = 0; optind == argc - 1 && i < sizeof(what) / sizeof(what[0]); i++) {
		if (strcmp(what[i].name, argv[optind]))
			continue;
		if (!o.figure)
			o.figure = what[i].name;
		if (!o.count)
			o.count = what[i].count;
		what[i].run(&o);
		return 0;
	}
	die("nothing to do: see the head of main.c");
}
