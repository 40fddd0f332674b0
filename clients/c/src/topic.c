/* Topics and names: building and taking apart "kind/name/". Leaves out sockets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "topic.h"

static const char *const kinds[] = {
	[SPIKED_TOPIC_SPIKES] = "spikes",
	[SPIKED_TOPIC_STATE] = "state",
	[SPIKED_TOPIC_VALUES] = "values",
	[SPIKED_TOPIC_JSON] = "json",
	[SPIKED_TOPIC_META] = "meta",
	[SPIKED_TOPIC_STATUS] = "status",
	[SPIKED_TOPIC_BUNDLE] = "bundle",
	[SPIKED_TOPIC_ROWS] = "rows",
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

bool spk_name_ok(const char *name, size_t size)
{
	if (size < 1 || size > SPIKED_NAME_MAX)
		return false;
	for (size_t i = 0; i < size; i++)
		if (!name_char(name[i]))
			return false;
	return true;
}

bool spiked_name_ok(const char *name)
{
	return name && spk_name_ok(name, strnlen(name, SPIKED_NAME_MAX + 1));
}

int spiked_topic_text(char *text, enum spiked_topic topic, const char *stream)
{
	if ((size_t)topic >= KINDS)
		return -EINVAL;
	if (stream && (topic == SPIKED_TOPIC_STATUS || !spiked_name_ok(stream)))
		return -EINVAL;

	char *end = stpcpy(text, kinds[topic]);
	*end++ = '/';
	if (stream) {
		end = stpcpy(end, stream);
		*end++ = '/';
	}
	*end = '\0';
	return 0;
}

int spk_topic_parse(const char *text, size_t size, enum spiked_topic *topic, const char **name,
	size_t *name_size)
{
	const char *slash = memchr(text, '/', size);

	if (!slash || size > SPIKED_TOPIC_MAX)
		return -EBADMSG;

	size_t kind_size = (size_t)(slash - text), kind = 0;
	while (kind < KINDS &&
		(strlen(kinds[kind]) != kind_size || memcmp(kinds[kind], text, kind_size) != 0))
		kind++;
	if (kind == KINDS)
		return -EBADMSG;

	*topic = (enum spiked_topic)kind;
	*name = slash + 1;
	*name_size = size - kind_size - 1;
	if (*topic == SPIKED_TOPIC_STATUS)
		return *name_size ? -EBADMSG : 0;
	if (*name_size < 2 || text[size - 1] != '/')
		return -EBADMSG;
	(*name_size)--;
	return spk_name_ok(*name, *name_size) ? 0 : -EBADMSG;
}

bool spk_topic_is_json(enum spiked_topic topic)
{
	return topic == SPIKED_TOPIC_JSON || topic == SPIKED_TOPIC_META ||
	       topic == SPIKED_TOPIC_STATUS;
}
