/* The files of daemon/web/page/, as they were when spiked was built.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

struct web_file {
	const char *path; /* "/app.js" */
	const char *type; /* "text/javascript" */
	const unsigned char *bytes, *end;
};

extern const struct web_file web_files[]; /* ends with path NULL */
