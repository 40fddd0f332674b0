/* A program as a user of the installed library writes it; valid C and C++.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <spiked/encoders.h>
#include <stdio.h>
#include <string.h>

/* The library has a function of this name, and keeps it to itself. */
int pipeline_new(void);
int pipeline_new(void)
{
	return 5;
}

int main(void)
{
	const char *text = "{names: [x, y], range: {lo: 0, hi: 2}, encode: [{lif: {v_th: 0.05}}]}";
	const float rows[] = {1, 0, 1, 2, 1, 1};
	int8_t spikes[6];
	char why[400];
	struct spiked_pipeline_out out;
	struct spiked_pipeline *p = spiked_pipeline_new(text, strlen(text), NULL, why, sizeof(why));
	if (!p) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	memset(&out, 0, sizeof(out));
	out.spikes = spikes;
	spiked_pipeline_run(p, rows, 3, &out);
	spiked_pipeline_free(p);
	for (int i = 0; i < 6; i++)
		printf("%d ", spikes[i]);
	printf("%s %d\n", spiked_encoders_version(), pipeline_new());
	return 0;
}
