/* What commands about the daemon do when they are given a recording.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct ctl;

/* info FILE */
int recording_info(struct ctl *ctl);
