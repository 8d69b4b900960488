/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which local ports have an entry in one of the two tables: a filter in front of them, so that
 * the host's own segments do not pay for a lookup. It may say yes for a port that has none.
 */
#ifndef _XTCP_CONN_INUSE_H
#define _XTCP_CONN_INUSE_H

#include <linux/atomic.h>
#include <net/netns/hash.h>

#define XTCP_INUSE_BITS	14

/* Entries by namespace and port; other entries may share the place. */
extern atomic_t xtcp_inuse_count[1 << XTCP_INUSE_BITS];

static inline atomic_t *xtcp_inuse_of(const struct net *net, u16 port)
{
	return &xtcp_inuse_count[(net_hash_mix(net) + port) & ((1 << XTCP_INUSE_BITS) - 1)];
}

/* An entry is about to be put in. */
static inline void xtcp_inuse_add(const struct net *net, u16 port)
{
	atomic_inc(xtcp_inuse_of(net, port));
	/* Counted before the entry can be seen: no lookup that would find it is spared */
	smp_mb__after_atomic();
}

/* An entry was taken out. */
static inline void xtcp_inuse_sub(const struct net *net, u16 port)
{
	atomic_dec(xtcp_inuse_of(net, port));
}

/* May there be an entry with this local port? Context: any. */
static inline bool xtcp_inuse(const struct net *net, u16 port)
{
	return atomic_read(xtcp_inuse_of(net, port));
}

#endif /* _XTCP_CONN_INUSE_H */
