/* A tick of the Poisson stage with its default generator, Philox, on 65536 channels.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/stage.h"

int main(void)
{
	bench_stage("poisson");
	return 0;
}
