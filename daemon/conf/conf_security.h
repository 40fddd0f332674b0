/* Keys, who is let in with them, and limits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "encoders/text/walk.h"

/* Both: `at` NULL = not there. The files that `security` names are read, and their modes checked. */
void conf_security_read(struct walk *w, const struct node *at, struct conf *conf);
void conf_limits_read(struct walk *w, const struct node *at, struct conf *conf);

/* Reads a key of 40 characters. False = reported. */
bool conf_key_read(struct walk *w, const struct node *at, uint8_t key[ACL_KEY_SIZE]);
