/* keygen: a pair of keys for the daemon or for a client, in a file that only its owner can read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"

/* The whole text, safe on the disk, or a negative errno. */
static int write_whole(int fd, const char *text, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, text + done, size - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) ? -errno : 0;
}

/* Never overwrites: whoever held the old secret would be locked out without a word. */
static int write_pair(const char *path, const char *public, const char *secret)
{
	char text[256];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int size, ret;

	if (fd < 0 && errno == EEXIST)
		return ctl_fail("%s is there already; move it away first", path);
	if (fd < 0)
		return ctl_fail("cannot make %s: %s", path, strerror(errno));
	size = snprintf(text, sizeof(text),
		"# keys of spiked; the secret one stays in this file\npublic: \"%s\"\nsecret: \"%s\"\n",
		public, secret);
	ret = write_whole(fd, text, (size_t)size);
	explicit_bzero(text, sizeof(text));
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret)
		return EXIT_OK;
	unlink(path);
	return ctl_fail("cannot write %s: %s", path, strerror(-ret));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int cmd_keygen(struct ctl *ctl)
{
	char public[SPIKED_KEY_TEXT], secret[SPIKED_KEY_TEXT];
	const char *path = ctl->words[0];
	int ret;

	if (spiked_keygen(public, secret))
		return ctl_fail("this libzmq is built without CURVE, and so without keys");
	ret = write_pair(path, public, secret);
	explicit_bzero(secret, sizeof(secret));
	if (ret)
		return ret;
	if (ctl->json) {
		json_t *out = json_pack("{s:s, s:s}", "file", path, "public", public);

		ret = json_dumpf(out, stdout, JSON_COMPACT) ? EXIT_FAILED : EXIT_OK;
		putchar('\n');
		json_decref(out);
		return ret;
	}
	printf("%s has a new pair of keys. As the daemon's:\n\n  security: {key: %s, clients: [...]}\n\n"
	       "As a client's, in that list:\n\n"
	       "  - {name: %.*s, key: \"%s\", rows: [], subscribe: [], control: none}\n\n"
	       "public key: %s\n",
		path, path, (int)strcspn(base_name(path), "."), base_name(path), public, public);
	return EXIT_OK;
}
