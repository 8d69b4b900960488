// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters and the census of states. Every CPU writes its own share without a
 * lock; whoever wants to know adds the shares up. A sum is a snapshot of
 * numbers that go on changing, exact once traffic rests.
 */
#include "xtcp.h"

const char * const xtcp_mib_names[XTCP_MIB_MAX] = {
#define X(name, text) #name,
	XTCP_MIB_LIST(X)
#undef X
};

/**
 * xtcp_mib_sum() - one counter over all CPUs
 * @net: namespace
 * @which: counter
 *
 * Context: any.
 * Return: its value.
 */
unsigned long xtcp_mib_sum(struct net *net, enum xtcp_mib which)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(xtcp_net(net)->stats, cpu)->counter[which]);
	return sum;
}

static long xtcp_mib_state_sum(struct net *net, int state)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(xtcp_net(net)->stats, cpu)->now[state]);
	return sum;
}

/**
 * xtcp_mib_state_now() - how many sockets and minisocks are in a state
 * @net: namespace
 * @state: TCP_ESTABLISHED ... TCP_NEW_SYN_RECV
 *
 * A socket may enter a state on one CPU and leave it on another while the sum
 * is taken, so that it could come out below zero: nobody wants to read that.
 *
 * Context: any.
 * Return: the number, never negative.
 */
long xtcp_mib_state_now(struct net *net, int state)
{
	return max(xtcp_mib_state_sum(net, state), 0L);
}

/**
 * xtcp_mib_state_entered() - how often a state was entered
 * @net: namespace
 * @state: TCP_ESTABLISHED ... TCP_NEW_SYN_RECV
 *
 * Context: any.
 * Return: the number since the namespace began.
 */
unsigned long xtcp_mib_state_entered(struct net *net, int state)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(xtcp_net(net)->stats, cpu)->entered[state]);
	return sum;
}

/**
 * xtcp_mib_moved() - how often one state followed another
 * @net: namespace
 * @from: state, 0: birth
 * @to: state, 0: death
 *
 * Context: any.
 * Return: the number since the namespace began.
 */
unsigned long xtcp_mib_moved(struct net *net, int from, int to)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(xtcp_net(net)->stats, cpu)->moved[from][to]);
	return sum;
}

/**
 * xtcp_mib_settled() - a namespace ends: was all that was made in it freed?
 * @net: nothing of it is left
 *
 * And did all leave the states they were in? What is left is told to the log.
 *
 * Context: process.
 */
void xtcp_mib_settled(struct net *net)
{
	static const enum xtcp_mib pairs[][2] = {
		{ XTCP_MIB_SocksMade, XTCP_MIB_SocksFreed },
		{ XTCP_MIB_ReqsMade, XTCP_MIB_ReqsFreed },
		{ XTCP_MIB_TwsMade, XTCP_MIB_TwsFreed },
		{ XTCP_MIB_Reservations, XTCP_MIB_ReservationsFreed },
	};
	unsigned long made, freed;
	int i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		made = xtcp_mib_sum(net, pairs[i][0]);
		freed = xtcp_mib_sum(net, pairs[i][1]);
		if (made != freed)
			pr_err("xtcp: netns %u: counter %s is %lu, %s is not: %lu\n",
			       net->ns.inum, xtcp_mib_names[pairs[i][0]], made,
			       xtcp_mib_names[pairs[i][1]], freed);
	}
	for (i = 1; i < XTCP_STATES; i++) {
		if (xtcp_mib_state_sum(net, i))
			pr_err("xtcp: netns %u: counter of state %d is not zero: %ld\n",
			       net->ns.inum, i, xtcp_mib_state_sum(net, i));
	}
}

static bool xtcp_mib_valid(int from, int to)
{
	return !WARN_ON_ONCE(from < 0 || from >= XTCP_STATES || to < 0 || to >= XTCP_STATES);
}

/**
 * xtcp_mib_seen() - a state was entered by one that did not leave another
 * @xn: namespace
 * @from: where it came from: LISTEN, for a request. The listener stays
 * @to: the state it enters; 0: it ends
 *
 * Context: any.
 */
void xtcp_mib_seen(struct xtcp_net *xn, int from, int to)
{
	struct xtcp_stats __percpu *stats = xn->stats;

	if (!xtcp_mib_valid(from, to))
		return;
	if (to) {
		this_cpu_inc(stats->now[to]);
		this_cpu_inc(stats->entered[to]);
	}
	this_cpu_inc(stats->moved[from][to]);
}

/**
 * xtcp_mib_move() - a socket went from one state to another
 * @xn: namespace
 * @from: the state it leaves; 0: it begins
 * @to: the state it enters; 0: it ends
 *
 * Row and column 0 of the matrix are births and deaths.
 *
 * Context: any.
 */
void xtcp_mib_move(struct xtcp_net *xn, int from, int to)
{
	xtcp_mib_seen(xn, from, to);
	if (from > 0 && from < XTCP_STATES)
		this_cpu_dec(xn->stats->now[from]);
}
