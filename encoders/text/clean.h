/* Text that came from outside, made fit for a log, a terminal and JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* In place: control characters and bytes that are no UTF-8 become '?'; a character that a buffer's
 * end has cut goes. Returns `text`. */
char *text_clean(char *text);
