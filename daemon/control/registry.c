/* The cold loop's view of the streams.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/registry.h"

#include "daemon/control/describe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void registry_fini(struct registry *r)
{
	free(r->entries);
	r->entries = NULL;
	r->count = r->capacity = 0;
}

struct blob *registry_meta(const struct registry *r, const struct entry *e)
{
	return describe_blob(describe_meta(r, e));
}

int registry_append(struct registry *r, struct conf_stream *conf, struct fault *f)
{
	struct stream *s = stream_new(conf, f);
	struct entry *e;

	if (!s)
		return f->code;
	if (r->count == r->capacity) {
		uint32_t capacity = r->capacity ? r->capacity * 2 : 64;
		struct entry *entries = realloc(r->entries, capacity * sizeof(*entries));

		if (!entries) {
			stream_free(s);
			return fault_set(f, -ENOMEM, "not enough memory for another stream");
		}
		r->entries = entries;
		r->capacity = capacity;
	}
	e = &r->entries[r->count++];
	*e = (struct entry){.stream = s, .spec = conf->spec, .program = s->program};
	return 0;
}

void registry_drop_last(struct registry *r)
{
	stream_free(r->entries[--r->count].stream);
}

struct stream *registry_take(struct registry *r, uint32_t index)
{
	struct stream *s = r->entries[index].stream;

	r->count--;
	memmove(&r->entries[index], &r->entries[index + 1],
		(r->count - index) * sizeof(*r->entries));
	return s;
}

int64_t registry_find(const struct registry *r, const char *name)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (!strcmp(r->entries[i].stream->conf->name, name))
			return i;
	return -1;
}

struct stream_set *registry_set(const struct registry *r)
{
	struct stream **streams = malloc((r->count + 1) * sizeof(*streams));
	struct stream_set *set;

	if (!streams)
		return NULL;
	for (uint32_t i = 0; i < r->count; i++)
		streams[i] = r->entries[i].stream;
	set = stream_set_new(streams, r->count);
	free(streams);
	return set;
}

void registry_refresh_group(struct registry *r, const char *group, const struct stream *except)
{
	if (!group)
		return;
	for (uint32_t i = 0; i < r->count; i++) {
		struct entry *e = &r->entries[i];
		struct order order = {.kind = ORDER_SWAP_PROGRAM, .stream = e->stream};

		if (e->stream == except || !e->stream->conf->group ||
			strcmp(e->stream->conf->group, group))
			continue;
		order.second = registry_meta(r, e);
		if (mailbox_order(r->mailbox, &order))
			free(order.second); /* too busy now; members are named again at a change */
	}
}
