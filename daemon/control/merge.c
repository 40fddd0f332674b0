/* The streams of a configuration that was read again, against those that there are.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/control/merge.h"

#include "daemon/conf/conf_streams.h"
#include "encoders/text/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(struct conf_faults *faults)
{
	faults_error(faults, place_whole(), "not enough memory for its streams");
	return -ENOMEM;
}

static int make_room(struct merge *m, const struct registry *r, const struct conf *conf)
{
	size_t most = (size_t)r->count + conf->stream_count + 1;

	m->next = (struct registry){.capacity = (uint32_t)most};
	m->next.entries = calloc(most, sizeof(*m->next.entries));
	m->fates = calloc(most, sizeof(*m->fates));
	m->removed = calloc((size_t)r->count + 1, sizeof(*m->removed));
	m->turns = calloc((size_t)r->count + 1, sizeof(*m->turns));
	return m->next.entries && m->fates && m->removed && m->turns ? 0 : -ENOMEM;
}

static void append(struct merge *m, const struct entry *e, struct merge_fate fate)
{
	snprintf(fate.stream, sizeof(fate.stream), "%s", e->conf->name);
	m->fates[m->next.count] = fate;
	m->next.entries[m->next.count++] = *e;
}

/* The stream of entry `e` is to be what `conf`, which is taken over, says. */
static int turn(struct merge *m, struct registry *r, const struct entry *e,
	struct conf_stream *conf, struct fault *f)
{
	struct merge_fate fate = {.fate = FATE_KEPT};
	enum conf_change change = conf_stream_compare(e->conf, conf, &fate.why);
	struct entry next;

	if (change == CONF_SAME) {
		next = *e;
		next.added = false;
		conf_stream_free(conf);
		append(m, &next, fate);
		return 0;
	}
	if (registry_draft(r, conf, &next, f))
		return f->code;
	fate.fate = change == CONF_ANEW ? FATE_ANEW : FATE_CHANGED;
	if (change != CONF_ANEW && !pipeline_same_layout(e->program, next.program)) {
		fate.fate = FATE_ANEW;
		fate.why = stream_keys[STREAM_ENCODE].row.name;
	}
	m->turns[m->turn_count++] = (struct stream_turn){.stream = e->stream,
		.draft = next.stream,
		.keep = fate.fate == FATE_CHANGED,
		.check = fate.fate == FATE_CHANGED && change == CONF_CHECK};
	next.stream = e->stream;
	append(m, &next, fate);
	return 0;
}

/* Streams of the file, in its order. `used`: one an entry of the registry. */
static int take_file(struct merge *m, struct registry *r, struct conf *conf, bool *used,
	const struct names *names, struct fault *f)
{
	for (uint32_t i = 0; i < conf->stream_count; i++) {
		struct conf_stream *stream = conf->streams[i];
		uint32_t at;
		struct entry e;

		conf->streams[i] = NULL;
		if (names_find(names, stream->name, &at)) {
			used[at] = true;
			if (turn(m, r, &r->entries[at], stream, f))
				return f->code;
			continue;
		}
		if (registry_draft(r, stream, &e, f))
			return f->code;
		append(m, &e, (struct merge_fate){.fate = FATE_ADDED});
	}
	conf->stream_count = 0;
	return 0;
}

static int take_rest(struct merge *m, struct registry *r, const bool *used)
{
	for (uint32_t i = 0; i < r->count; i++) {
		const struct entry *e = &r->entries[i];

		if (used[i])
			continue;
		if (e->added) {
			append(m, e, (struct merge_fate){.fate = FATE_KEPT});
			continue;
		}
		if (registry_dig(r, e->conf->name))
			return -ENOMEM;
		m->removed[m->removed_count++] = *e;
	}
	return 0;
}

/* A stream of `add` may not fit what the file says now. */
static int check_added(const struct merge *m, const struct conf *conf, struct conf_faults *faults)
{
	struct names groups = {0};
	int ret = 0;

	for (uint32_t i = 0; i < m->next.count; i++) {
		const struct conf_stream *s = m->next.entries[i].conf, *first;
		uint32_t at;
		int put;

		if (m->next.entries[i].added && conf_row_bytes(s) > conf->max_row_bytes)
			faults_error(faults, place_whole(),
				"max_row_bytes is too small for a row of stream %s, which was added "
				"at run time",
				s->name);
		put = s->group ? names_put(&groups, s->group, i, &at) : 1;
		if (put < 0)
			ret = put;
		if (put)
			continue;
		first = m->next.entries[at].conf;
		if (first->dt_ns != s->dt_ns)
			faults_error(faults, place_mark(first->line, 1),
				"streams of a group share dt, but %s has %u ns and %s, which was "
				"added at run time, %u ns",
				first->name, first->dt_ns, s->name, s->dt_ns);
	}
	names_fini(&groups);
	return ret ? no_memory(faults) : faults->errors ? -EINVAL : 0;
}

/* The next entry from *i on that is in a group; NULL = no more. */
static struct entry *next_grouped(const struct registry *r, uint32_t *i)
{
	for (; *i < r->count; ++*i)
		if (r->entries[*i].conf->group)
			return &r->entries[(*i)++];
	return NULL;
}

/* True if who is in which group, and in what order, is as before. */
static bool same_groups(const struct registry *a, const struct registry *b)
{
	uint32_t i = 0, k = 0;

	for (;;) {
		const struct entry *x = next_grouped(a, &i), *y = next_grouped(b, &k);

		if (!x || !y)
			return !x && !y;
		if (strcmp(x->conf->name, y->conf->name) || strcmp(x->conf->group, y->conf->group))
			return false;
	}
}

/* Meta messages: at once of those that change, bit by bit of those whose group does. */
static int tell(struct merge *m, const struct registry *r)
{
	bool groups = !same_groups(r, &m->next);
	uint32_t turned = 0;

	for (uint32_t i = 0; i < m->next.count; i++) {
		struct entry e = m->next.entries[i];

		if (m->fates[i].fate == FATE_KEPT) {
			m->next.entries[i].refresh |= groups && e.conf->group;
			m->next.refreshing |= m->next.entries[i].refresh;
			continue;
		}
		if (m->fates[i].fate != FATE_ADDED)
			e.stream = m->turns[turned++].draft;
		e.stream->meta = registry_meta(&m->next, &e);
		if (!e.stream->meta)
			return -ENOMEM;
	}
	m->set = registry_set(&m->next);
	return m->set ? 0 : -ENOMEM;
}

static int build(struct merge *m, struct registry *r, struct conf *conf, bool *used,
	const struct names *names, struct conf_faults *faults)
{
	struct registry own;
	struct fault f = {0};
	int ret;

	if (take_file(m, r, conf, used, names, &f)) {
		faults_error(faults, place_whole(), "%s", f.text);
		return f.code;
	}
	if (take_rest(m, r, used))
		return no_memory(faults);
	ret = check_added(m, conf, faults);
	if (ret)
		return ret;
	own = m->next;
	m->next = *r; /* with all dts and groups */
	m->next.entries = own.entries;
	m->next.count = own.count;
	m->next.capacity = own.capacity;
	m->next.site.conf = conf;
	return tell(m, r) ? no_memory(faults) : 0;
}

int merge_init(struct merge *m, struct registry *r, struct conf *conf, struct conf_faults *faults)
{
	bool *used = calloc((size_t)r->count + 1, sizeof(*used));
	struct names names = {0};
	uint32_t first;
	int ret = 0;

	*m = (struct merge){0};
	if (!used || make_room(m, r, conf))
		ret = no_memory(faults);
	for (uint32_t i = 0; !ret && i < r->count; i++)
		if (names_put(&names, r->entries[i].conf->name, i, &first) < 0)
			ret = no_memory(faults);
	if (!ret)
		ret = build(m, r, conf, used, &names, faults);
	names_fini(&names);
	free(used);
	return ret;
}

void merge_commit(struct merge *m, struct registry *r)
{
	free(r->entries);
	r->entries = m->next.entries;
	r->count = m->next.count;
	r->capacity = m->next.capacity;
	r->site.conf = m->next.site.conf;
	r->refreshing = m->next.refreshing;
	m->next.entries = NULL;
	for (uint32_t i = 0; i < m->removed_count; i++)
		registry_leaves(r, m->removed[i].conf->name);
	m->in_force = true;
}

static void note_anew(struct merge_fate *fate, const struct stream_turn *turn)
{
	if (turn->keep)
		return;
	fate->fate = FATE_ANEW; /* perhaps because the new program could not live with the state */
	turn->stream->kept.restored_real_ns = 0;
}

void merge_settle(struct merge *m, struct registry *r)
{
	uint32_t turned = 0;

	for (uint32_t i = 0; i < m->removed_count; i++)
		registry_bury(r, m->removed[i].stream);
	for (uint32_t i = 0; i < m->next.count; i++)
		if (m->fates[i].fate == FATE_CHANGED || m->fates[i].fate == FATE_ANEW)
			note_anew(&m->fates[i], &m->turns[turned++]);
}

void merge_fini(struct merge *m)
{
	for (uint32_t i = 0; i < m->turn_count; i++)
		stream_free(m->turns[i].draft);
	for (uint32_t i = 0; m->in_force && i < m->removed_count; i++)
		stream_free(m->removed[i].stream);
	for (uint32_t i = 0; !m->in_force && i < m->next.count; i++)
		if (m->fates[i].fate == FATE_ADDED)
			stream_free(m->next.entries[i].stream);
	if (!m->in_force)
		free(m->next.entries);
	stream_set_free(m->set);
	free(m->fates);
	free(m->removed);
	free(m->turns);
	*m = (struct merge){0};
}
