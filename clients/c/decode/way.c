/* From meta/'s JSON to decoders: the pipeline is written as a configuration has it and built anew
 * from that.
 *
 * Its range is built apart from the rest. What values/ says has gone through it already, and is where
 * a decoder begins: a detour over the sensor's units would not come back to the last bit.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "way.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_MAX 400

/* A stage as a configuration has it, or NULL. Without its seed: decoders do not draw. */
static json_t *stage_text(json_t *stage)
{
	const char *name = json_string_value(json_object_get(stage, "as")), *key;
	json_t *params = json_object(), *value;

	if (!name) {
		json_decref(params);
		return NULL;
	}
	json_object_foreach(json_object_get(stage, "params"), key, value)
	{
		if (!json_is_null(value) && strcmp(key, "seed") != 0)
			json_object_set(params, key, value);
	}
	return json_pack("{s:o}", name, params);
}

/* The stream with `count` stages from `first` on; NULL = meta is not right, or no memory. */
static char *stream_text(const json_t *meta, size_t first, size_t count)
{
	json_t *stages = json_object_get(meta, "pipeline"), *encode = json_array();
	char dt[32];

	for (size_t i = first; i < first + count; i++) {
		json_t *stage = stage_text(json_array_get(stages, i));

		if (!stage) {
			json_decref(encode);
			return NULL;
		}
		json_array_append_new(encode, stage);
	}
	snprintf(dt, sizeof(dt), "%" PRId64 " ns",
		(int64_t)json_integer_value(json_object_get(meta, "dt_ns")));
	json_t *stream = json_pack("{s:O, s:O, s:s, s:O, s:o}", "name",
		json_object_get(meta, "stream"), "channels", json_object_get(meta, "channels"),
		"dt", dt, "window", json_object_get(meta, "window"), "encode", encode);
	char *text = stream ? json_dumps(stream, JSON_COMPACT) : NULL;
	json_decref(stream);
	return text;
}

static bool read_numbers(struct spk_way *way, const json_t *meta)
{
	const json_t *channels = json_object_get(meta, "channels");
	const json_t *lines = json_object_get(meta, "lines");
	const json_t *window = json_object_get(meta, "window");
	const char *epoch = json_string_value(json_object_get(meta, "epoch"));
	const char *on_stale =
		json_string_value(json_object_get(json_object_get(meta, "input"), "on_stale"));

	if (!json_is_integer(channels) || !json_is_integer(lines) || !json_is_integer(window) ||
		!json_is_integer(json_object_get(meta, "dt_ns")) || !epoch ||
		!json_is_string(json_object_get(meta, "stream")) ||
		!json_is_array(json_object_get(meta, "pipeline")))
		return false;
	way->channels = (uint32_t)json_integer_value(channels);
	way->lines = (uint32_t)json_integer_value(lines);
	way->window = (uint32_t)json_integer_value(window);
	way->epoch = strtoull(epoch, NULL, 16);
	way->empty = !json_is_false(json_object_get(meta, "empty"));
	/* A window runs whole or not at all, and each begins anew. */
	way->pauses = !way->window && on_stale && strcmp(on_stale, "silence") == 0;
	return true;
}

/* The decoder of the stages in `text`; NULL with `why`. */
static struct spiked_decoder *decoder_of(const char *text, double smooth, uint32_t *lines,
	unsigned *stage, uint32_t *width, char *why, size_t why_size)
{
	struct spiked_pipeline_info info;
	struct spiked_pipeline *pipeline =
		spiked_pipeline_new(text, strlen(text), NULL, why, why_size);

	if (!pipeline)
		return NULL;
	spiked_pipeline_info(pipeline, &info);
	struct spiked_decoder *decoder = spiked_decoder_new(pipeline, smooth, why, why_size);
	spiked_pipeline_free(pipeline);
	if (!decoder)
		return NULL;
	*lines = info.lines;
	spiked_decoder_info(decoder, stage, width);
	return decoder;
}

static const char *stage_name(const json_t *stages, size_t i)
{
	const char *name = json_string_value(json_object_get(json_array_get(stages, i), "as"));

	return name ? name : "";
}

static int build(struct spk_way *way, const json_t *meta, double smooth, char *why, size_t why_size)
{
	const json_t *stages = json_object_get(meta, "pipeline");
	bool ranged = json_is_object(json_object_get(meta, "range"));
	size_t count = json_array_size(stages);
	char fault[WHY_MAX];
	uint32_t lines, width;
	unsigned stage;

	if (count <= ranged) {
		snprintf(why, why_size, "the stream has no spikes; its values are in values/");
		return -ENOTSUP;
	}
	way->text = stream_text(meta, 0, count);
	char *after = stream_text(meta, ranged, count - ranged);
	char *range = ranged ? stream_text(meta, 0, 1) : NULL;
	int rc = way->text && after && (range || !ranged) ? 0 : -ENOMEM;
	if (rc == 0) {
		way->spikes = decoder_of(
			after, smooth, &lines, &stage, &way->width, fault, sizeof(fault));
		if (!way->spikes || lines != way->lines) {
			snprintf(why, why_size, "%s",
				way->spikes ? "this library makes another number of lines of the "
					      "stream's pipeline than spiked"
					    : fault);
			rc = -ENOTSUP;
		}
	}
	if (rc == 0) {
		spiked_decoder_silence(way->spikes, 1, false);
		way->frail = spiked_decoder_unknown(way->spikes) == SPIKED_UNKNOWN_RESET;
		spiked_decoder_reset(way->spikes, NULL);
	}
	if (rc == 0)
		snprintf(way->stage, sizeof(way->stage), "%s",
			stage ? stage_name(stages, stage + ranged) : "");
	if (rc == 0 && range && !stage) {
		way->range = decoder_of(range, 0, &lines, &stage, &width, fault, sizeof(fault));
		if (!way->range) {
			snprintf(why, why_size, "%s", fault);
			rc = -ENOTSUP;
		}
	}
	free(after);
	free(range);
	return rc;
}

int spk_way_read(struct spk_way *way, const char *text, size_t size, double smooth, char *why,
	size_t why_size)
{
	json_error_t fault;
	json_t *meta = json_loadb(text, size, 0, &fault);
	int rc;

	*way = (struct spk_way){0};
	if (meta && read_numbers(way, meta)) {
		rc = build(way, meta, smooth, why, why_size);
	} else {
		snprintf(why, why_size, "meta/ does not say what the protocol promises");
		rc = -EBADMSG;
	}
	json_decref(meta);
	return rc;
}

void spk_way_fini(struct spk_way *way)
{
	free(way->text);
	spiked_decoder_free(way->spikes);
	spiked_decoder_free(way->range);
	*way = (struct spk_way){0};
}
