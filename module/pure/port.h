/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure layer takes from its surroundings: integer types, memcpy(),
 * errno values and 64-bit division. This is the only file of the layer that
 * knows whether it is being compiled for the kernel or for user space.
 */
#ifndef XTCP_PURE_PORT_H
#define XTCP_PURE_PORT_H

#ifdef __KERNEL__

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/types.h>

#else

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef __UINT8_TYPE__ u8;
typedef __UINT16_TYPE__ u16;
typedef __UINT32_TYPE__ u32;
typedef __UINT64_TYPE__ u64;
typedef __INT32_TYPE__ s32;
typedef __INT64_TYPE__ s64;

#define BIT(n) (1UL << (n))
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

#endif

/**
 * xtcp_get_be16() - read a 16-bit number in network order
 * @p: two readable bytes, at any alignment
 *
 * Return: the number in host order.
 */
static inline u16 xtcp_get_be16(const u8 *p)
{
	return (u16)((u16)p[0] << 8 | p[1]);
}

/**
 * xtcp_get_be32() - read a 32-bit number in network order
 * @p: four readable bytes, at any alignment
 *
 * Return: the number in host order.
 */
static inline u32 xtcp_get_be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

/**
 * xtcp_put_be16() - write a 16-bit number in network order
 * @p: two writable bytes, at any alignment
 * @v: the number in host order
 */
static inline void xtcp_put_be16(u8 *p, u16 v)
{
	p[0] = (u8)(v >> 8);
	p[1] = (u8)v;
}

/**
 * xtcp_put_be32() - write a 32-bit number in network order
 * @p: four writable bytes, at any alignment
 * @v: the number in host order
 */
static inline void xtcp_put_be32(u8 *p, u32 v)
{
	p[0] = (u8)(v >> 24);
	p[1] = (u8)(v >> 16);
	p[2] = (u8)(v >> 8);
	p[3] = (u8)v;
}

/**
 * xtcp_div64() - divide 64 bits by 64 bits, also on 32-bit machines
 * @n: dividend
 * @d: divisor, not 0
 *
 * Return: the quotient, rounded down.
 */
static inline u64 xtcp_div64(u64 n, u64 d)
{
#ifdef __KERNEL__
	return div64_u64(n, d);
#else
	return n / d;
#endif
}

/**
 * xtcp_min_u32() - the smaller of two plain numbers (not sequence numbers)
 * @a: a number
 * @b: a number
 *
 * Return: the smaller one.
 */
static inline u32 xtcp_min_u32(u32 a, u32 b)
{
	return a < b ? a : b;
}

/**
 * xtcp_max_u32() - the larger of two plain numbers (not sequence numbers)
 * @a: a number
 * @b: a number
 *
 * Return: the larger one.
 */
static inline u32 xtcp_max_u32(u32 a, u32 b)
{
	return a > b ? a : b;
}

/**
 * xtcp_min_u64() - the smaller of two plain 64-bit numbers
 * @a: a number
 * @b: a number
 *
 * Return: the smaller one.
 */
static inline u64 xtcp_min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

#endif
