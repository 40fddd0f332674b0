/* The folder of the snapshots: STREAM.state, whole or not at all.
 *
 * A file is written under another name, synced, then renamed: whenever the power goes, a whole file is
 * there, the new one or the old one. files_sync makes the renames that came before it last.
 *
 * 0 or negative errno, with `f` filled where there is one. No function here logs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "encoders/fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILES_ASIDE_MAX 3 /* files kept aside for one stream; the last is overwritten then */

struct files {
	const char *path; /* borrowed */
	int fd;           /* of the folder, locked; -1 = not open */
};

/* Makes the folder if only its last part is missing, opens it, and locks it against other daemons
 * (-EBUSY). Removes what a crash has left half written. Then *writable says whether files can be
 * made in it; if not, `f` says why and the result is still 0. */
int files_open(struct files *files, const char *path, bool *writable, struct fault *f);
void files_close(struct files *files);

/* Any thread, each stream by one at a time. */
int files_write(const struct files *files, const char *stream, const uint8_t *bytes, size_t size,
	struct fault *f);
int files_sync(const struct files *files, struct fault *f);

/* The file's bytes, to be freed; -ENOENT without a fault when there is none; -EBADMSG if it is no
 * file, or longer than `limit`. */
int files_read(const struct files *files, const char *stream, size_t limit, uint8_t **bytes,
	size_t *size, struct fault *f);

#define FILES_NAME_MAX 96 /* of a file, with its NUL */

/* Renames it, so that it is neither read nor overwritten; `aside` is told how it is called now. */
int files_aside(
	const struct files *files, const char *stream, char aside[FILES_NAME_MAX], struct fault *f);
int files_remove(const struct files *files, const char *stream);
