/* The configuration: YAML files, and streams as JSON.
 *
 * The first byte chooses: 'j' = the rest is a stream as the control socket gets it, anything else =
 * the whole input is a file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "daemon/conf/conf.h"

#include <sys/mman.h>
#include <unistd.h>

FUZZ_OPTIONS

static void check(bool good, const struct conf_faults *faults)
{
	promise(good == (faults->errors == 0) && faults->count <= 101);
}

static struct conf *load(const void *data, size_t size, struct conf_faults *faults)
{
	char path[64];
	int fd = memfd_create("conf", MFD_CLOEXEC);

	promise(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct conf *conf = conf_load(path, faults);
	close(fd);
	return conf;
}

static void fuzz_file(const uint8_t *data, size_t size)
{
	struct conf_faults faults = {0};
	struct conf *conf = load(data, size, &faults);
	check(conf != NULL, &faults);
	conf_free(conf);
	conf_faults_fini(&faults);
}

static void fuzz_stream(const uint8_t *data, size_t size)
{
	static const char base[] = "streams: [{name: a, channels: 1, encode: lif, group: g}]";
	static struct conf *conf;
	struct conf_faults faults = {0};
	if (!conf)
		conf = load(base, sizeof(base) - 1, &faults);
	json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
	if (!json)
		return;
	struct conf_stream *stream = conf_stream_from_json(json, conf, &faults);
	check(stream != NULL, &faults);
	conf_stream_free(stream);
	conf_faults_fini(&faults);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 'j')
		fuzz_stream(data + 1, size - 1);
	else
		fuzz_file(data, size);
	return 0;
}
