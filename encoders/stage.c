/* What several stage classes plan alike, see stage.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/stage.h"

#include <errno.h>

int stage_check_spans(const struct stage *st, unsigned lo, unsigned hi, struct fault *f)
{
	bool each = stage_listed(st, lo) || stage_listed(st, hi);
	for (uint32_t c = 0; c < (each ? st->channels : 1); c++) {
		float from = (float)param_number(&st->values[lo], c);
		float to = (float)param_number(&st->values[hi], c);
		if (from < to && isfinite(to - from))
			continue;
		int err = stage_fault(f, "hi",
			"hi must be greater than lo, and hi - lo a float32: lo is %.9g and hi %.9g",
			(double)from, (double)to);
		if (f && each)
			f->item = (int)c;
		return err;
	}
	return 0;
}

int stage_fan_out(struct stage *st, uint64_t n, const char *key, struct fault *f)
{
	uint64_t lines = st->in_lines * n;
	if (lines > INT32_MAX)
		return stage_fault(f, key,
			"%u lines times %llu are more than the 2^31-1 that a stream may have",
			st->in_lines, (unsigned long long)n);
	st->out_lines = (uint32_t)lines;
	return 0;
}
