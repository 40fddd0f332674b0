/* verify: holding what was replayed against what was recorded, tick by tick.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify.h"

#define AHEAD_MAX 100000 /* frames that wait for a stream that the file has no more of */

static bool push(struct match_list *list, const struct message *m, bool compare, uint16_t skip,
	uint64_t offset)
{
	struct match_item *item = malloc(sizeof(*item) + m->payload.size);

	if (!item)
		return false;
	*item = (struct match_item){
		.header = m->header, .compare = compare, .skip = skip, .size = m->payload.size};
	item->header.tick += offset;
	if (item->size)
		memcpy(item->payload, m->payload.data, item->size);
	if (!list->first)
		list->end = &list->first;
	*list->end = item;
	list->end = &item->next;
	list->count++;
	return true;
}

static void drop(struct match_list *list)
{
	struct match_item *item = list->first;

	list->first = item->next;
	list->count--;
	free(item);
}

/* Nothing of that tick was replayed. */
static void miss(struct match_stream *s, struct match_topic *t, const struct match_item *recorded)
{
	if (!recorded->compare) {
		t->outside++;
		return;
	}
	t->differing++;
	if (!s->first[0])
		snprintf(s->first, sizeof(s->first),
			"tick %llu is in the file, and the replay did not come to it",
			(unsigned long long)recorded->header.tick);
}

static void compare(struct match_stream *s, struct match_topic *t)
{
	const struct match_item *a = t->recorded.first, *b = t->replayed.first;
	char words[sizeof(s->first)];

	if (!a->compare) {
		t->outside++;
		return;
	}
	t->compared++;
	if (!match_differ(a, b, words, sizeof(words)))
		return;
	t->differing++;
	if (!s->first[0])
		memcpy(s->first, words, sizeof(words));
}

static void settle(struct match_stream *s, struct match_topic *t)
{
	while (t->recorded.first && t->replayed.first) {
		uint64_t recorded = t->recorded.first->header.tick,
			 replayed = t->replayed.first->header.tick;

		if (replayed < recorded) {
			t->unrecorded++;
			drop(&t->replayed);
			continue;
		}
		if (replayed > recorded) {
			miss(s, t, t->recorded.first);
		} else {
			compare(s, t);
			drop(&t->replayed);
		}
		drop(&t->recorded);
	}
	while (t->replayed.count > AHEAD_MAX) {
		t->unrecorded++;
		drop(&t->replayed);
	}
}

bool match_recorded(struct match_stream *s, const struct message *m, bool compared, uint16_t skip)
{
	struct match_topic *t = &s->topics[m->kind];

	if (!push(&t->recorded, m, compared, skip, 0))
		return false;
	settle(s, t);
	return true;
}

bool match_replayed(struct match_stream *s, const struct message *m, uint64_t offset)
{
	struct match_topic *t = &s->topics[m->kind];

	if (!push(&t->replayed, m, true, 0, offset))
		return false;
	settle(s, t);
	return true;
}

void match_end(struct match_stream *s)
{
	for (int k = 0; k < MATCH_TOPICS; k++) {
		struct match_topic *t = &s->topics[k];

		while (t->recorded.first) {
			miss(s, t, t->recorded.first);
			drop(&t->recorded);
		}
		while (t->replayed.first) {
			t->unrecorded++;
			drop(&t->replayed);
		}
	}
}
