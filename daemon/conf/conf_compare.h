/* Two configurations of one daemon: which of its own keys say something else?
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "daemon/conf/keys.h"

/* True if the daemon is told the same. Streams are not looked at: see conf_stream_compare. */
bool conf_same_key(const struct conf *a, const struct conf *b, enum top_key key);

/* True if snapshots are kept in the same folder, or in none. */
bool conf_same_folder(const struct conf *a, const struct conf *b);

/* True if the socket that is open for `a` does for `b`; whose rows come through it may differ. */
bool conf_same_socket(const struct conf_ingest *a, const struct conf_ingest *b);
