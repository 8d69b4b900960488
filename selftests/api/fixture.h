/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture of the programs in selftests/api: a network namespace of its own
 * for each test, and a variant for each stack.
 *
 * XTCP_API_STACKS=name,group,... selects variants (default: all of them);
 * XTCP_API_TESTS=name,... selects tests. What is not selected is not planned.
 * A stack that is selected and not there makes its tests fail.
 */
#ifndef XTCP_SELFTESTS_FIXTURE_H
#define XTCP_SELFTESTS_FIXTURE_H

#include "api.h"
#include "kselftest_harness.h"

/* An emulated machine is slow; nothing here depends on how slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

FIXTURE(api) {
	const struct api_stack *s;
};

FIXTURE_VARIANT(api) {
	struct api_stack stack;
};

/* name, group, the listener's domain and protocol, the client's, addresses, mapped */
#ifndef API_FAMILY_ONLY
FIXTURE_VARIANT_ADD(api, tcp4)
{
	.stack = { "tcp4", "tcp", AF_INET, 0, AF_INET, 0, AF_INET, false },
};

FIXTURE_VARIANT_ADD(api, tcp6)
{
	.stack = { "tcp6", "tcp", AF_INET6, 0, AF_INET6, 0, AF_INET6, false },
};

FIXTURE_VARIANT_ADD(api, tcpmap)
{
	.stack = { "tcpmap", "tcp", AF_INET6, IPPROTO_TCP, AF_INET6, IPPROTO_TCP, AF_INET6, true },
};
#endif

FIXTURE_VARIANT_ADD(api, fam4)
{
	.stack = { "fam4", "xtcp", AF_XTCP, 0, AF_XTCP, 0, AF_INET, false },
};

FIXTURE_VARIANT_ADD(api, fam6)
{
	.stack = { "fam6", "xtcp", AF_XTCP, 0, AF_XTCP, 0, AF_INET6, false },
};

#ifndef API_FAMILY_ONLY
FIXTURE_VARIANT_ADD(api, fammap)
{
	.stack = { "fammap", "xtcp", AF_XTCP, IPPROTO_TCP,
		   AF_XTCP, IPPROTO_TCP, AF_INET6, true },
};

FIXTURE_VARIANT_ADD(api, inet4)
{
	.stack = { "inet4", "xtcp", AF_INET, IPPROTO_XTCP, AF_INET, IPPROTO_XTCP, AF_INET, false },
};

FIXTURE_VARIANT_ADD(api, inet6)
{
	.stack = { "inet6", "xtcp", AF_INET6, IPPROTO_XTCP,
		   AF_INET6, IPPROTO_XTCP, AF_INET6, false },
};

FIXTURE_VARIANT_ADD(api, inetmap)
{
	.stack = { "inetmap", "xtcp", AF_INET6, IPPROTO_XTCP,
		   AF_INET6, IPPROTO_XTCP, AF_INET6, true },
};
#endif

#ifdef API_WITH_CROSS
FIXTURE_VARIANT_ADD(api, t2x4)
{
	.stack = { "t2x4", "cross", AF_INET, IPPROTO_XTCP, AF_INET, 0, AF_INET, false },
};

FIXTURE_VARIANT_ADD(api, x2t4)
{
	.stack = { "x2t4", "cross", AF_INET, 0, AF_INET, IPPROTO_XTCP, AF_INET, false },
};

FIXTURE_VARIANT_ADD(api, t2x6)
{
	.stack = { "t2x6", "cross", AF_XTCP, 0, AF_INET6, 0, AF_INET6, false },
};

FIXTURE_VARIANT_ADD(api, x2t6)
{
	.stack = { "x2t6", "cross", AF_INET6, 0, AF_XTCP, 0, AF_INET6, false },
};
#endif

FIXTURE_SETUP(api)
{
	self->s = &variant->stack;
	ASSERT_EQ(0, ns_enter());
}

FIXTURE_TEARDOWN(api)
{
}

/* Whether the comma separated @list holds @word. */
static bool api_listed(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *p;

	for (p = list; (p = strstr(p, word)); p++)
		if ((p == list || p[-1] == ',') && (!p[len] || p[len] == ','))
			return true;
	return false;
}

static bool api_wanted(const struct api_stack *s)
{
	const char *list = getenv("XTCP_API_STACKS");

	if (!list || !*list || api_listed(list, "all"))
		return true;
	return api_listed(list, s->name) || api_listed(list, s->group);
}

static void api_select_variants(struct __fixture_metadata *f)
{
	struct __fixture_variant_metadata **link = &f->variant;

	while (*link) {
		const struct api_stack *s = (*link)->data;

		if (api_wanted(s))
			link = &(*link)->next;
		else
			*link = (*link)->next;
	}
}

static void api_select_tests(struct __fixture_metadata *f)
{
	const char *list = getenv("XTCP_API_TESTS");
	struct __test_metadata **link = &f->tests;

	while (list && *list && *link) {
		if (api_listed(list, (*link)->name))
			link = &(*link)->next;
		else
			*link = (*link)->next;
	}
}

int main(int argc, char **argv)
{
	api_select_variants(&_api_fixture_object);
	api_select_tests(&_api_fixture_object);
	if (!_api_fixture_object.variant || !_api_fixture_object.tests)
		ksft_exit_fail_msg("the selection leaves no test\n");
	return test_harness_run(argc, argv);
}

#endif /* XTCP_SELFTESTS_FIXTURE_H */
