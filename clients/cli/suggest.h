/* "Did you mean …?"
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The entry of the NULL-terminated list that is nearest to `word`, or NULL if none is near. */
const char *suggest(const char *word, const char *const *list);
