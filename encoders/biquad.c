/* Design of band-pass filters as second-order sections, in double. Sections are scaled so that each
 * is 1 at the band's middle: no signal grows on its way through them.
 *
 * Butterworth: the analogue prototype's poles p on the left half of the unit circle go to the band
 * pass by s^2 - p B s + W^2 = 0, with B = tan(pi hi) - tan(pi lo) and W^2 = tan(pi lo) tan(pi hi),
 * and to ticks by the bilinear transform, so that
 *   |H(f)|^2 = 1 / (1 + ((v^2 - W^2) / (B v))^(2 order)),  v = tan(pi f)
 *
 * Gammatone: the real part of four equal complex one-poles in a row, 1 / (1 - a w)^4 with
 * a = l exp(2 pi i centre). Its four zeros are real and are dealt out to the sections. l is where
 * one pole is 2^(-1/8) at half the width beside its centre; the mirrored band, left out there, moves
 * that by little unless the band is as wide as its centre is high.
 *   V. Hohmann: Frequency analysis and synthesis using a Gammatone filterbank, Acta Acustica 88,
 *   2002; M. Slaney: An efficient implementation of the Patterson-Holdsworth auditory filter bank,
 *   Apple Technical Report 35, 1993 (the zeros).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "encoders/biquad.h"

#include <complex.h>
#include <math.h>

/* Scales a section so that its response is 1 in size at a frequency. */
static void level(struct biquad *b, double frequency)
{
	double complex w = cexp(-I * (2 * M_PI * frequency));
	double gain = cabs((b->b0 + w * (b->b1 + w * b->b2)) / (1 + w * (b->a1 + w * b->a2)));
	b->b0 /= gain;
	b->b1 /= gain;
	b->b2 /= gain;
}

/* s / (s^2 + damping s + square) by the bilinear transform s = (1 - w) / (1 + w). */
static struct biquad from_analogue(double damping, double square)
{
	double a0 = 1 + damping + square;
	return (struct biquad){
		.b0 = 1,
		.b2 = -1,
		.a1 = 2 * (square - 1) / a0,
		.a2 = (1 - damping + square) / a0,
	};
}

void biquad_butterworth(double lo, double hi, uint32_t order, struct biquad *out)
{
	double low = tan(M_PI * lo), high = tan(M_PI * hi);
	double width = high - low, square = low * high;
	double middle = atan(sqrt(square)) / M_PI;
	uint32_t n = 0;
	for (uint32_t k = 0; k < order / 2; k++) {
		double complex half =
			cexp(I * (M_PI * (2 * k + order + 1) / (2 * order))) * width / 2;
		double complex root = csqrt(half * half - square);
		double complex pole[2] = {half + root, half - root};
		for (int i = 0; i < 2; i++)
			out[n++] = from_analogue(-2 * creal(pole[i]),
				creal(pole[i]) * creal(pole[i]) + cimag(pole[i]) * cimag(pole[i]));
	}
	if (order % 2)
		out[n++] = from_analogue(width, square);
	for (uint32_t i = 0; i < n; i++)
		level(&out[i], middle);
}

void biquad_gammatone(double centre, double width, struct biquad *out)
{
	const double share = exp2(-0.25), root = sqrt(2);
	const double slopes[GAMMATONE_ORDER] = {root + 1, -(root + 1), root - 1, 1 - root};
	double half = sin(M_PI * width / 2);
	/* l is the smaller root of l^2 - 2 (1 + e) l + 1. */
	double e = 2 * share * half * half / (1 - share);
	double l = 1 + e - sqrt(e * (2 + e));
	double real = cos(2 * M_PI * centre), imaginary = sin(2 * M_PI * centre);
	for (int i = 0; i < GAMMATONE_ORDER; i++) {
		out[i] = (struct biquad){
			.b0 = 1,
			.b1 = -l * (real + slopes[i] * imaginary),
			.a1 = -2 * l * real,
			.a2 = l * l,
		};
		level(&out[i], centre);
	}
}

bool biquad_stable(const struct biquad *b)
{
	return fabs(b->a2) < 1 && fabs(b->a1) < 1 + b->a2 && isfinite(b->b0) && isfinite(b->b1) &&
	       isfinite(b->b2);
}
