/* Keys, who is let in with them, and limits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "encoders/text/walk.h"

/* Both: `at` NULL = not there. The files that `security` names are read, and their modes checked. */
void conf_security_read(struct walk *w, const struct node *at, struct conf *conf);
void conf_limits_read(struct walk *w, const struct node *at, struct conf *conf);

/* The tokens of browsers, once the clients are read. */
void conf_tokens_read(struct walk *w, const struct node *at, struct conf *conf);

/* A path as written is relative to the folder of the configuration at `base`. */
#define CONF_PATH_SIZE 4096
void conf_path_resolve(const char *base, const char *path, char out[CONF_PATH_SIZE]);

/* A descriptor of a plain file whose mode and owner fit, or -1 = reported at `at`. */
enum file_duty { OTHERS_DO_NOT_READ, OTHERS_DO_NOT_WRITE };
int conf_file_open(struct walk *w, const struct node *at, const char *path, enum file_duty duty);

/* Reads a key of 40 characters. False = reported. */
bool conf_key_read(struct walk *w, const struct node *at, uint8_t key[ACL_KEY_SIZE]);
