/* sub: frames as lines, for people or as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "frame.h"

#define WAIT_MS  100
#define QUIET_MS 3000 /* connected, but nothing comes: say so once */

static int subscribe_word(const struct ctl *ctl, struct spiked_receiver *receiver, const char *word)
{
	static const struct {
		enum opt opt;
		enum spiked_topic topic;
	} kinds[] = {
		{OPT_STATE, SPIKED_TOPIC_STATE},
		{OPT_VALUES, SPIKED_TOPIC_VALUES},
		{OPT_JSON_TOPIC, SPIKED_TOPIC_JSON},
	};
	bool any = false;
	int rc = 0;

	if (word && strchr(word, '/'))
		return spiked_subscribe_prefix(receiver, word);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && rc == 0; i++) {
		if (!ctl->opts.value[kinds[i].opt])
			continue;
		rc = spiked_subscribe(receiver, kinds[i].topic, word);
		any = true;
	}
	return any ? rc : spiked_subscribe(receiver, SPIKED_TOPIC_SPIKES, word);
}

static int subscribe(struct ctl *ctl, struct spiked_receiver *receiver)
{
	if (ctl->n_words == 0)
		return subscribe_word(ctl, receiver, NULL) < 0 ? EXIT_FAILED : EXIT_OK;
	for (int i = 0; i < ctl->n_words; i++)
		if (subscribe_word(ctl, receiver, ctl->words[i]) < 0)
			return ctl_usage(ctl,
				"sub: \"%s\" is no stream's name (letters, digits, _ . -, at "
				"most 64) and no topic (with a slash)",
				ctl->words[i]);
	return EXIT_OK;
}

static int receive(struct ctl *ctl, struct spiked_receiver *receiver, double count, double seconds)
{
	int64_t start = ctl_now_ms();
	struct ctl_watch watch;
	struct spiked_frame frame;
	double got = 0;
	bool told = false;

	ctl_watch_init(&watch, ctl, "publish", ctl->publish);
	while (!ctl_stop && got < count) {
		int64_t now = ctl_now_ms();
		if ((double)(now - start) >= seconds * 1e3)
			break;
		int rc = spiked_recv(receiver, &frame, 0);
		if (rc == -EAGAIN) { /* caught up: now the lines may be seen */
			ctl_flush();
			if (!ctl_watch_link(&watch, spiked_receiver_link(receiver)))
				return EXIT_FAILED;
			if (got == 0 && !told && now - start >= QUIET_MS) {
				ctl_fail("connected to %s, but nothing comes; \"spikectl streams\" "
					 "lists what there is",
					ctl->publish);
				told = true;
			}
			rc = spiked_recv(receiver, &frame, WAIT_MS);
		}
		if (rc == -EAGAIN || rc == -EINTR)
			continue;
		if (rc < 0)
			return ctl_fail("receiving from %s: %s", ctl->publish, spiked_strerror(rc));
		if (ctl->json) {
			frame_print_json(&frame);
			puts("}");
		} else {
			frame_print_events(&frame);
			frame_print_text(&frame);
			putchar('\n');
		}
		got++;
	}
	ctl_flush();
	return EXIT_OK;
}

int cmd_sub(struct ctl *ctl)
{
	double count = HUGE_VAL, seconds = HUGE_VAL;
	struct spiked_receiver_stats stats;

	if (!ctl_number(ctl, OPT_COUNT, 1, 1e18, &count) ||
		!ctl_number(ctl, OPT_SECONDS, 0, 1e9, &seconds))
		return EXIT_USAGE;
	struct spiked_receiver *receiver = spiked_receiver_new(ctl->publish, &ctl->options);
	if (!receiver)
		return ctl_fail("cannot use the publish endpoint \"%s\": %s", ctl->publish,
			spiked_strerror(-errno));
	int rc = subscribe(ctl, receiver);
	if (rc == EXIT_OK)
		rc = receive(ctl, receiver, count, seconds);
	spiked_receiver_stats(receiver, &stats);
	if (stats.malformed)
		ctl_fail("%" PRIu64
			 " messages broke the protocol and were passed over, the last one: %s",
			stats.malformed, spiked_receiver_fault(receiver));
	spiked_receiver_close(receiver);
	return rc;
}
