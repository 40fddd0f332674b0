/* The text form of pipelines that the tests use.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/test.h"

#include "tests/encoders/build.h"

#define LIST_MAX 4096

static int set_text(struct pipeline_spec *spec, int stage, char *assignment, struct fault *f)
{
	char *value = strchr(assignment, '=');
	assert_non_null(value);
	*value++ = '\0';
	if (value[0] != '[')
		return pipeline_spec_set(spec, (unsigned)stage, assignment,
			(const char *const[]){value}, 1, false, f);
	static const char *items[LIST_MAX];
	size_t n = 0;
	char *rest = NULL;
	value[strlen(value) - 1] = '\0';
	for (char *item = strtok_r(value + 1, ",", &rest); item;
		item = strtok_r(NULL, ",", &rest)) {
		assert_true(n < LIST_MAX);
		items[n++] = item;
	}
	return pipeline_spec_set(spec, (unsigned)stage, assignment, items, n, true, f);
}

struct pipeline_spec *build_spec(const char *text, struct fault *f)
{
	struct pipeline_spec *spec = pipeline_spec_new();
	char *copy = strdup(text), *rest = NULL;
	int stage = -1;
	bool name_next = true;
	assert_non_null(spec);
	assert_non_null(copy);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		int result = 0;
		if (strcmp(word, "|") == 0) {
			name_next = true;
		} else if (name_next) {
			result = stage = pipeline_spec_stage(spec, word, f);
			name_next = false;
		} else {
			result = set_text(spec, stage, word, f);
		}
		if (result < 0) {
			pipeline_spec_free(spec);
			free(copy);
			return NULL;
		}
	}
	free(copy);
	return spec;
}

struct pipeline *build(const char *text, const struct pipeline_site *site, struct fault *f)
{
	struct pipeline_spec *spec = build_spec(text, f);
	struct pipeline *p = spec ? pipeline_new(spec, site, f) : NULL;
	pipeline_spec_free(spec);
	return p;
}

struct pipeline *must_build(const char *text, const struct pipeline_site *site)
{
	struct fault f = {0};
	struct pipeline *p = build(text, site, &f);
	if (!p)
		fail_msg("\"%s\": stage %d, %s: %s", text, f.stage, f.key, f.text);
	return p;
}

struct pipeline_site site_of(uint32_t channels, uint32_t window)
{
	return (struct pipeline_site){
		.channels = channels, .dt = 0.001, .window = window, .seed = 1, .stream = "test"};
}
