"""A pole on a cart: equations, constants, and what is thought best to do.

SPDX-License-Identifier: Apache-2.0
"""
import math

import numpy as np

CART_KG, POLE_KG, HALF_M, GRAVITY = 1.0, 0.1, 0.5, 9.81  # those of Barto, Sutton and Anderson 1983
FORCE_N = 20.0       # that the motor has
MOTOR_S = 0.01       # the force follows what is asked for with this time constant
FALLEN = math.radians(30)


def slopes(state, force):
    """Derivatives of position, velocity, angle and rate."""
    _, velocity, angle, rate = state
    sine, cosine = math.sin(angle), math.cos(angle)
    push = (force + POLE_KG * HALF_M * rate * rate * sine) / (CART_KG + POLE_KG)
    turning = (GRAVITY * sine - cosine * push) / (
        HALF_M * (4 / 3 - POLE_KG * cosine * cosine / (CART_KG + POLE_KG)))
    return velocity, push - POLE_KG * HALF_M * turning * cosine / (CART_KG + POLE_KG), rate, turning


def step(state, force, dt):
    """The state dt later: the midpoint rule."""
    half = [value + dt / 2 * slope for value, slope in zip(state, slopes(state, force))]
    return [value + dt * slope for value, slope in zip(state, slopes(half, force))]


def gains(cost=(20.0, 4.0, 60.0, 4.0), effort=0.2, dt=0.01, seconds=20.0):
    """Newtons for each unit of the state: the linear-quadratic regulator around upright. The Riccati equation
    is run until it stands still."""
    zero, nudge = np.zeros(4), 1e-6
    a = np.eye(4) + dt * np.array([slopes(zero + nudge * unit, 0) for unit in np.eye(4)]).T / nudge
    b = dt * np.array([slopes(zero, nudge)]).T / nudge
    worth = np.diag(cost) * dt
    p = worth
    for _ in range(round(seconds / dt)):
        k = np.linalg.solve(effort * dt + b.T @ p @ b, b.T @ p @ a)
        p = worth + a.T @ p @ (a - b @ k)
    return -k[0]
