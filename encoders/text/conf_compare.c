/* Two descriptions of one stream: what is different, and can its state go on?
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/text/conf_stream.h"

#include <string.h>

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_channel_names(const struct conf_stream *a, const struct conf_stream *b)
{
	if (!a->channel_names != !b->channel_names)
		return false;
	for (uint32_t i = 0; a->channel_names && i < a->channels; i++) {
		if (!same_text(a->channel_names[i], b->channel_names[i]))
			return false;
	}
	return true;
}

static bool same_shape(const struct conf_stream *a, const struct conf_stream *b)
{
	return a->dims == b->dims &&
	       (!a->dims || memcmp(a->shape, b->shape, a->dims * sizeof(*a->shape)) == 0);
}

/* The key that leaves nothing for the old state to mean, or NULL. Another dt or seed does not: a state
 * counts ticks, and what was drawn was drawn. */
static const char *breaks(const struct conf_stream *a, const struct conf_stream *b)
{
	if (a->channels != b->channels)
		return stream_keys[STREAM_CHANNELS].row.name;
	if (!a->window != !b->window)
		return stream_keys[STREAM_WINDOW].row.name;
	return NULL;
}

static bool same_input(const struct conf_stream *a, const struct conf_stream *b)
{
	return a->type == b->type && a->mode == b->mode && a->queue_rows == b->queue_rows &&
	       a->stale_ns == b->stale_ns && a->on_stale == b->on_stale;
}

static bool same_looks(const struct conf_stream *a, const struct conf_stream *b)
{
	return same_channel_names(a, b) && same_shape(a, b) && same_text(a->unit, b->unit) &&
	       a->payload == b->payload && a->publish_empty == b->publish_empty &&
	       same_text(a->group, b->group);
}

enum conf_change conf_stream_compare(
	const struct conf_stream *a, const struct conf_stream *b, const char **why)
{
	enum spec_change spec = pipeline_spec_compare(a->spec, b->spec);
	*why = breaks(a, b);
	if (*why)
		return CONF_ANEW;
	*why = spec == SPEC_OTHER       ? stream_keys[STREAM_ENCODE].row.name
	       : a->window != b->window ? stream_keys[STREAM_WINDOW].row.name
	       : a->dt_ns != b->dt_ns   ? stream_keys[STREAM_DT].row.name
					: NULL;
	if (*why)
		return CONF_CHECK;
	return spec == SPEC_SAME && a->seed == b->seed && same_input(a, b) && same_looks(a, b)
		       ? CONF_SAME
		       : CONF_LIVE;
}
