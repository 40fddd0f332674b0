/* The registry: every stage class by its own name and by Norse's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/encoder.h"

#include <string.h>

#define ENCODER(name) extern const struct encoder_class encoder_##name;
#include "encoders/classes.def"
#undef ENCODER

static const struct encoder_class *const classes[] = {
#define ENCODER(name) &encoder_##name,
#include "encoders/classes.def"
#undef ENCODER
};

#define CLASS_COUNT (sizeof(classes) / sizeof(classes[0]))
#define NAMES_MAX   (16 * CLASS_COUNT)

const struct encoder_class *encoder_find(const char *name, const struct encoder_alias **alias)
{
	if (alias)
		*alias = NULL;
	for (size_t i = 0; i < CLASS_COUNT; i++) {
		if (strcmp(classes[i]->name, name) == 0)
			return classes[i];
		for (const struct encoder_alias *a = classes[i]->aliases; a && a->name; a++) {
			if (strcmp(a->name, name) == 0) {
				if (alias)
					*alias = a;
				return classes[i];
			}
		}
	}
	return NULL;
}

const struct encoder_class *const *encoder_classes(size_t *count)
{
	*count = CLASS_COUNT;
	return classes;
}

const char *encoder_nearest(const char *typed)
{
	const char *names[NAMES_MAX];
	size_t n = 0;
	for (size_t i = 0; i < CLASS_COUNT; i++) {
		if (n < NAMES_MAX)
			names[n++] = classes[i]->name;
		for (const struct encoder_alias *a = classes[i]->aliases; a && a->name; a++) {
			if (n < NAMES_MAX)
				names[n++] = a->name;
		}
	}
	return fault_nearest(typed, names, n);
}

const char *kind_text(enum kind kind)
{
	switch (kind) {
	case KIND_VALUES:
		return "values";
	case KIND_SPIKES:
		return "spikes";
	case KIND_SIGNED:
		return "signed spikes";
	case KIND_GRADED:
		return "graded spikes";
	case KIND_COUNTS:
		return "spike counts";
	}
	return "nothing";
}
