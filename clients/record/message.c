/* What the frames of a message say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "clients/record/message.h"

#include <string.h>

const char *const message_prefixes[MESSAGE_KINDS] = {
	[MESSAGE_SPIKES] = "spikes/",
	[MESSAGE_STATE] = "state/",
	[MESSAGE_VALUES] = "values/",
	[MESSAGE_ROWS] = "rows/",
	[MESSAGE_JSON] = "json/",
	[MESSAGE_META] = "meta/",
	[MESSAGE_STATUS] = "status/",
	[MESSAGE_BUNDLE] = "bundle/",
	[MESSAGE_BEGIN] = "rec/begin/",
	[MESSAGE_SNAPSHOT] = "rec/state/",
	[MESSAGE_LOST] = "rec/lost/",
	[MESSAGE_END] = "rec/end/",
	[MESSAGE_OTHER] = "",
};

static bool has_name(enum message_kind kind)
{
	return kind <= MESSAGE_META || kind == MESSAGE_BUNDLE || kind == MESSAGE_SNAPSHOT;
}

static bool name_ok(const char *name, size_t size)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

	for (size_t i = 0; i < size; i++)
		if (!memchr(letters, name[i], sizeof(letters) - 1))
			return false;
	return size && size <= SPIKED_NAME_MAX;
}

static enum message_kind kind_of(struct message *m, const char *topic, size_t size)
{
	for (int kind = 0; kind < MESSAGE_OTHER; kind++) {
		size_t prefix = strlen(message_prefixes[kind]), name = size - prefix - 1;

		if (size < prefix || memcmp(topic, message_prefixes[kind], prefix) != 0)
			continue;
		if (!has_name((enum message_kind)kind))
			return size == prefix ? (enum message_kind)kind : MESSAGE_OTHER;
		if (size < prefix + 2 || topic[size - 1] != '/' || !name_ok(topic + prefix, name))
			return MESSAGE_OTHER;
		memcpy(m->stream, topic + prefix, name);
		return (enum message_kind)kind;
	}
	return MESSAGE_OTHER;
}

static bool read_header(struct message *m)
{
	static const uint8_t kinds[] = {
		[MESSAGE_SPIKES] = SPIKED_KIND_SPIKES,
		[MESSAGE_STATE] = SPIKED_KIND_STATE,
		[MESSAGE_VALUES] = SPIKED_KIND_VALUES,
		[MESSAGE_ROWS] = SPIKED_KIND_ROWS,
	};

	if (m->count < 3 || m->frames[1].size != SPIKED_HEADER_SIZE)
		return false;
	memcpy(&m->header, m->frames[1].data, SPIKED_HEADER_SIZE);
	m->payload = m->frames[2];
	if (m->kind == MESSAGE_BUNDLE)
		return m->count % 2;
	if (m->kind == MESSAGE_ROWS && m->count == 4 && m->frames[3].size == SPIKED_STAMP_SIZE)
		m->stamp = m->frames[3].data;
	return (m->count == 3 || m->stamp) && m->header.kind == kinds[m->kind] &&
	       !memcmp(m->header.magic, SPIKED_MAGIC, sizeof(m->header.magic)) && m->header.dt_ns;
}

static bool read_text(struct message *m)
{
	if (m->count < 2 || (m->kind == MESSAGE_SNAPSHOT) != (m->count == 3) || m->count > 3)
		return false;
	m->text = m->frames[1];
	if (m->count == 3)
		m->payload = m->frames[2];
	return true;
}

void message_read(struct message *m, const struct rec_bytes *frames, size_t count)
{
	size_t size = count ? frames[0].size : 0;
	bool good;

	*m = (struct message){.frames = frames, .count = count};
	if (size < sizeof(m->topic) && size)
		memcpy(m->topic, frames[0].data, size);
	m->kind = size < sizeof(m->topic) ? kind_of(m, m->topic, size) : MESSAGE_OTHER;
	if (m->kind == MESSAGE_OTHER)
		return;
	good = message_has_header(m) || m->kind == MESSAGE_BUNDLE ? read_header(m) : read_text(m);
	if (good)
		return;
	m->kind = MESSAGE_OTHER;
	m->stamp = NULL;
}

uint64_t message_missing(struct message_place *place, const struct message *m)
{
	const struct spiked_header *h = &m->header;
	uint64_t missing = 0;

	if (place->epoch == h->epoch && h->seq > place->seq)
		missing = h->seq - place->seq - 1;
	place->epoch = h->epoch;
	place->seq = h->seq;
	place->tick = h->tick;
	return missing;
}
