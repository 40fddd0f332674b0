/* What a reload has done, or why it has not: for the log and for whoever asked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/keys.h"
#include "daemon/control/merge.h"
#include "daemon/reload_sockets.h"

#define REPORT_TEXT_MAX 600

/* Each fault and warning on a line of the log. */
void report_faults(const char *path, const struct conf_faults *faults);
/* All faults in one sentence, as many as fit. Returns `text`. */
const char *report_text(
	const struct conf_faults *faults, const char *path, char text[REPORT_TEXT_MAX]);
/* {"faults": [{line, column, path, message, warning}]} */
json_t *report_fault_list(const struct conf_faults *faults);

/* What changes, as the answer says it; `keys`: the daemon's own that say something else. NULL = out
 * of memory. */
json_t *report_changes(
	const struct merge *m, const struct socket_plan *p, const bool keys[TOP_KEYS]);
/* The same in one line of the log, and which streams begin anew. */
void report_log(const char *path, const json_t *report);
