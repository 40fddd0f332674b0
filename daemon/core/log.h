/* Log lines to stderr. Cold loop and start-up only: the hot loop sends notes (loop/mailbox.h),
 * which the cold loop words and logs.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Words for --log-level, NULL-terminated, index = level. */
extern const char *const log_level_words[];

/* Under systemd (JOURNAL_STREAM names stderr) lines carry `<N>` priorities and no time; else they
 * start with the local time and the level. */
void log_init(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
