/* Reading a configuration file and refusing, in plain words, what is not a text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conf/source.h"

#include "encoders/text/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 10,000 streams with everything said are about 5 MB. */
#define SOURCE_MAX ((size_t)16 << 20)

static char *fail(char *bytes, struct conf_faults *faults, const char *text)
{
	faults_error(faults, place_whole(), "%s", text);
	free(bytes);
	return NULL;
}

static char *read_all(int fd, size_t *size, struct conf_faults *faults)
{
	char *bytes = NULL;
	size_t used = 0, room = 0;
	for (;;) {
		if (used + 1 >= room) {
			room = room ? 2 * room : 16 * 1024;
			char *more = realloc(bytes, room);
			if (!more)
				return fail(bytes, faults, "out of memory");
			bytes = more;
		}
		ssize_t n = read(fd, bytes + used, room - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(bytes, faults,
				errno == EISDIR ? "is a folder, not a file" : strerror(errno));
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > SOURCE_MAX)
			return fail(bytes, faults, "is larger than 16 MiB");
	}
	bytes[used] = '\0';
	*size = used;
	return bytes;
}

/* Length of the UTF-8 character at `s` (of `left` bytes), or 0 if there is none: cut short, longer
 * than it need be, a surrogate, or past U+10FFFF. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n == 0 || n > left || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool is_text(const char *bytes, size_t size, struct conf_faults *faults)
{
	const unsigned char *s = (const unsigned char *)bytes;
	int line = 1, column = 1;
	if (size >= 2 && ((s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff))) {
		faults_error(faults, place_whole(), "is UTF-16 text; save it as UTF-8");
		return false;
	}
	for (size_t i = 0; i < size;) {
		size_t n = utf8_length(s + i, size - i);
		bool control = s[i] < 0x20 && s[i] != '\n' && s[i] != '\r' && s[i] != '\t';
		if (n == 0 || control || s[i] == 0x7f) {
			faults_error(faults, place_mark(line, column),
				"not a text file: the byte 0x%02x %s", s[i],
				n ? "belongs to no text" : "is not UTF-8");
			return false;
		}
		column++;
		if (s[i] == '\n') {
			line++;
			column = 1;
		}
		i += n;
	}
	return true;
}

char *source_read(const char *path, size_t *size, struct conf_faults *faults)
{
	bool given = strcmp(path, "-") == 0;
	int fd = given ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		faults_error(faults, place_whole(), "cannot be read: %s", strerror(errno));
		return NULL;
	}
	char *bytes = read_all(fd, size, faults);
	if (!given)
		close(fd);
	if (bytes && *size == 0)
		return fail(bytes, faults, "is empty");
	if (bytes && !is_text(bytes, *size, faults)) {
		free(bytes);
		return NULL;
	}
	return bytes;
}
