"""What the camera sees: a ball that bounces, a bar that turns, and a sky that brightens and darkens.

SPDX-License-Identifier: Apache-2.0
"""
import numpy as np

HEIGHT, WIDTH = 24, 36
Y, X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)


def bounce(t, speed, low, high):
    """Back and forth between two ends."""
    way = (t * speed) % (2 * (high - low))
    return low + min(way, 2 * (high - low) - way)


def soft(distance):
    """1 inside an outline, 0 outside, a pixel wide between."""
    return np.clip(0.5 - distance, 0, 1)


def picture(t):
    """The picture at a time in seconds: (HEIGHT, WIDTH) of u8."""
    grey = 0.35 * (1 - Y / (HEIGHT - 1)) * (1 + 0.6 * np.sin(0.8 * t))
    angle = 1.1 * t
    along = (X - 11) * np.cos(angle) + (Y - 12) * np.sin(angle)
    across = (Y - 12) * np.cos(angle) - (X - 11) * np.sin(angle)
    bar = soft(np.maximum(np.abs(along) - 9, np.abs(across) - 1.2))
    grey += bar * (0.65 - grey)
    ball = soft(np.hypot(X - bounce(t, 13, 4, WIDTH - 5), Y - bounce(t, 9, 4, HEIGHT - 5)) - 4)
    grey += ball * (1 - grey)
    return np.rint(255 * np.clip(grey, 0, 1)).astype(np.uint8)
