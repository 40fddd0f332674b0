/* Pairs of keys, and the files that they are in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <spiked/spiked.h>

#define KEY_CHARS (SPIKED_KEY_TEXT - 1)
#define FILE_MAX  4096

int spiked_keygen(char public_key[SPIKED_KEY_TEXT], char secret_key[SPIKED_KEY_TEXT])
{
	return zmq_curve_keypair(public_key, secret_key) ? -ENOTSUP : 0;
}

struct fault {
	char *text;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static int fail(
	const struct fault *f, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (f->text && f->size)
		vsnprintf(f->text, f->size, format, args);
	va_end(args);
	return error;
}

static bool is_key(const char *text)
{
	unsigned char bytes[32];
	bool ok = strlen(text) == KEY_CHARS && zmq_z85_decode(bytes, text);

	explicit_bzero(bytes, sizeof(bytes));
	return ok;
}

/* The text in quotes after `name:` at the start of a line. */
static bool find_key(const char *text, const char *name, char key[SPIKED_KEY_TEXT])
{
	size_t n = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) != 0 || line[n] != ':')
			continue;
		const char *quote = line + n + 1 + strspn(line + n + 1, " \t");
		if (*quote != '"' || strnlen(quote, KEY_CHARS + 2) < KEY_CHARS + 2 ||
			quote[KEY_CHARS + 1] != '"')
			return false;
		memcpy(key, quote + 1, KEY_CHARS);
		key[KEY_CHARS] = '\0';
		return is_key(key);
	}
	return false;
}

static int read_file(const char *path, bool secret, char text[FILE_MAX + 1], const struct fault *f)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &st) < 0) {
		int error = -errno;
		if (fd >= 0)
			close(fd);
		return fail(f, error, "cannot read %s: %s", path, strerror(-error));
	}
	if (secret && (!S_ISREG(st.st_mode) || st.st_mode & (S_IRWXO | S_IWGRP))) {
		close(fd);
		return fail(f, -EACCES, "%s may be read or changed by others: chmod 600", path);
	}
	ssize_t size = read(fd, text, FILE_MAX);
	int error = size < 0 ? -errno : 0;
	close(fd);
	text[size > 0 ? size : 0] = '\0';
	return error ? fail(f, error, "cannot read %s: %s", path, strerror(-error)) : 0;
}

static int read_pair(struct spiked_keys *keys, const char *path, const struct fault *f)
{
	char text[FILE_MAX + 1], derived[SPIKED_KEY_TEXT];
	int rc = read_file(path, true, text, f);

	if (rc == 0 && !find_key(text, "secret", keys->secret_key))
		rc = fail(f, -EINVAL, "%s has no line secret: \"…\" with a key of 40 characters",
			path);
	if (rc == 0 && zmq_curve_public(derived, keys->secret_key))
		rc = fail(f, -ENOTSUP, "this libzmq is built without CURVE, and so without keys");
	if (rc == 0 && find_key(text, "public", keys->public_key) &&
		strcmp(keys->public_key, derived) != 0)
		rc = fail(f, -EINVAL,
			"%s is damaged: its public key does not belong to its secret one", path);
	if (rc == 0)
		memcpy(keys->public_key, derived, sizeof(derived));
	explicit_bzero(text, sizeof(text));
	return rc;
}

static int read_server(struct spiked_keys *keys, const char *server, const struct fault *f)
{
	char text[FILE_MAX + 1];

	if (is_key(server)) {
		memcpy(keys->server_key, server, SPIKED_KEY_TEXT);
		return 0;
	}
	int rc = read_file(server, false, text, f);
	if (rc == -ENOENT)
		rc = fail(f, -EINVAL,
			"\"%s\" is neither spiked's public key (40 characters) nor a file with it",
			server);
	else if (rc == 0 && !find_key(text, "public", keys->server_key))
		rc = fail(f, -EINVAL, "%s has no line public: \"…\" with a key of 40 characters",
			server);
	explicit_bzero(text, sizeof(text));
	return rc;
}

int spiked_keys_read(struct spiked_keys *keys, const char *own_path, const char *server,
	char *fault, size_t fault_size)
{
	const struct fault f = {fault, fault_size};
	int rc;

	*keys = (struct spiked_keys){0};
	if (!own_path || !server)
		return fail(&f, -EINVAL,
			"keys take both: a file with the own pair and the server's key");
	rc = read_pair(keys, own_path, &f);
	if (rc == 0)
		rc = read_server(keys, server, &f);
	if (rc < 0)
		spiked_keys_wipe(keys);
	return rc;
}

void spiked_keys_wipe(struct spiked_keys *keys)
{
	explicit_bzero(keys, sizeof(*keys));
}
