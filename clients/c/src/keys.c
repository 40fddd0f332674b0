/* Pairs of keys.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <spiked/spiked.h>

#include <errno.h>
#include <zmq.h>

int spiked_keygen(char public_key[SPIKED_KEY_TEXT], char secret_key[SPIKED_KEY_TEXT])
{
	return zmq_curve_keypair(public_key, secret_key) ? -ENOTSUP : 0;
}
