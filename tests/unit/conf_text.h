/* Loading a configuration from a text, for the tests of daemon/conf.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/test.h"

#include "daemon/conf/conf.h"

#include <sys/mman.h>
#include <unistd.h>

/* As conf_load, of a file with these bytes. */
static inline struct conf *load_bytes(const char *bytes, size_t size, struct conf_faults *faults)
{
	char path[64];
	int fd = memfd_create("conf", MFD_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, bytes + done, size - done);
		assert_true(n > 0);
		done += (size_t)n;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct conf *conf = conf_load(path, faults);
	close(fd);
	return conf;
}

static inline struct conf *load_text(const char *text, struct conf_faults *faults)
{
	return load_bytes(text, strlen(text), faults);
}

/* Loads a text that has no errors; warnings are allowed if `warnings`. */
static inline struct conf *load_good(const char *text, bool warnings)
{
	struct conf_faults faults = {0};
	struct conf *conf = load_text(text, &faults);
	if (!conf || (!warnings && faults.count)) {
		conf_faults_print(stdout, "text", &faults);
		fail_msg("should have loaded%s:\n%s", warnings ? "" : " without a warning", text);
	}
	conf_faults_fini(&faults);
	return conf;
}
