/* Topics of the publish socket. Internal names of the library start with spk_, because a static
 * library shares its namespace with whoever links it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "spiked/spiked.h"

/* A stream's or group's name of `size` bytes, not NUL-terminated. */
bool spk_name_ok(const char *name, size_t size);

/* Takes a topic of `size` bytes apart; *name points into `text`. 0 or -EBADMSG. */
int spk_topic_parse(const char *text, size_t size, enum spiked_topic *topic, const char **name,
	size_t *name_size);

bool spk_topic_is_json(enum spiked_topic topic);
