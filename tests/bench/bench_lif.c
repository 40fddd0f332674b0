/* A tick of the LIF stage, on 65536 channels.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/stage.h"

int main(void)
{
	bench_stage("lif");
	return 0;
}
