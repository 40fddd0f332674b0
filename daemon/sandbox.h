/* Confines where this process can write, by Landlock.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/conf/conf.h"
#include "encoders/fault.h"

/* Files can from now on be written, made and removed in the state folder and in the folders of bound
 * ipc endpoints only, by this thread and those that it will make. A kernel without Landlock is a
 * warning. 0, or negative errno with `f` filled. */
int sandbox_enter(const struct conf *conf, struct fault *f);
