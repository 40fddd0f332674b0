/* Counts the heap calls of the hot loop by who makes them, for 90-no-heap-in-the-hot-loop.py. To be
 * preloaded; SIGUSR2 arms it, at exit the counts go to the file that $MALLOC_WATCH names.
 *
 * A call counts if it is made on the thread named spiked-hot. Whose it is, its return address says:
 * zmq_msg_init_size called by spiked is libzmq's call, malloc called by spiked is spiked's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum owner { OWNER_SPIKED, OWNER_ZMQ, OWNER_OTHER, OWNERS };

/* glibc's own entry points: what malloc and the others would call. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
extern void *__libc_memalign(size_t, size_t);

static atomic_bool armed;
static atomic_ulong counts[OWNERS];
static _Atomic(void *) first[OWNERS];
static __thread int is_hot; /* 0 = not looked yet, 1 = yes, 2 = no */

static bool hot(void)
{
	char name[17] = "";

	if (is_hot)
		return is_hot == 1;
	prctl(PR_GET_NAME, name);
	is_hot = strcmp(name, "spiked-hot") ? 2 : 1;
	return is_hot == 1;
}

static enum owner owner_of(void *caller)
{
	Dl_info info;
	const char *base;

	if (!dladdr(caller, &info) || !info.dli_fname)
		return OWNER_OTHER;
	base = strrchr(info.dli_fname, '/');
	base = base ? base + 1 : info.dli_fname;
	if (!strncmp(base, "libzmq", 6) || !strncmp(base, "libstdc++", 9))
		return OWNER_ZMQ;
	return strcmp(base, "spiked") ? OWNER_OTHER : OWNER_SPIKED;
}

static void count(void *caller)
{
	enum owner owner;
	void *none = NULL;

	if (!atomic_load_explicit(&armed, memory_order_relaxed) || !hot())
		return;
	owner = owner_of(caller);
	atomic_fetch_add(&counts[owner], 1);
	atomic_compare_exchange_strong(&first[owner], &none, caller);
}

void *malloc(size_t size)
{
	count(__builtin_return_address(0));
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	count(__builtin_return_address(0));
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	count(__builtin_return_address(0));
	return __libc_realloc(p, size);
}

void free(void *p)
{
	if (p)
		count(__builtin_return_address(0));
	__libc_free(p);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	count(__builtin_return_address(0));
	return __libc_memalign(alignment, size);
}

static void arm(int signum)
{
	(void)signum;
	atomic_store(&armed, true);
}

static void __attribute__((constructor)) start(void)
{
	struct sigaction action = {.sa_handler = arm, .sa_flags = SA_RESTART};

	sigaction(SIGUSR2, &action, NULL);
}

static void __attribute__((destructor)) stop(void)
{
	static const char *const names[OWNERS] = {"spiked", "zmq", "other"};
	const char *path = getenv("MALLOC_WATCH");
	FILE *out;

	if (!atomic_exchange(&armed, false) || !path)
		return;
	out = fopen(path, "w");
	if (!out)
		return;
	for (int i = 0; i < OWNERS; i++) {
		Dl_info info = {0};
		void *caller = atomic_load(&first[i]);

		if (caller)
			dladdr(caller, &info);
		fprintf(out, "%s %lu %s+%#lx\n", names[i], atomic_load(&counts[i]),
			info.dli_fname ? info.dli_fname : "-",
			caller ? (unsigned long)((char *)caller - (char *)info.dli_fbase) : 0);
	}
	fclose(out);
}
