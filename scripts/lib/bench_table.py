#!/usr/bin/python3
"""Turns the lines of scripts/bench (standard input) into the tables of docs/PERFORMANCE.md.

SPDX-License-Identifier: Apache-2.0
"""
import json
import sys

SERIES = ("growth_channels", "growth_streams", "growth_bundle", "growth_subscribers", "growth_dt")
LABELS = ("kernels", "encoder", "channels")


def figure(value):
    if value is None:
        return ""
    if value and abs(value) < 0.01:
        return f"{value:.2g}"
    if abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}"


def name_of(row):
    labels = [f"{row[key]:,}" if key == "channels" else row[key] for key in LABELS if key in row]
    return f"`{row['bench']}`" + (f" {', '.join(labels)}" if labels else "")


def against_targets(rows):
    print("| bench | figure | unit | reference | ratio | target | met |")
    print("|---|--:|---|--:|--:|---|---|")
    for row in rows:
        print(f"| {name_of(row)} | {figure(row['value'])} | {row['unit']} | {figure(row['reference'])} "
              f"| {figure(row['ratio'])} | {row.get('target', '')} | {'yes' if row.get('met', True) else '**no**'} |")


def growth(rows):
    print("| series | streams | channels each | subscribers | dt, us | tick, us | share of dt | cores | missed |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        print(f"| {row['bench'].removeprefix('growth_')} | {row['streams']:,} | {row['channels']:,} "
              f"| {row['subscribers']} | {row['dt_us']:,.0f} | {figure(row['value'])} "
              f"| {row['share_of_dt']:.1%} | {row['cores']:.2f} | {row['missed_share']:.2%} |")


lines = [json.loads(line) for line in sys.stdin if line.startswith("{")]
measured = [line for line in lines if line["bench"] not in SERIES]
grown = [line for line in lines if line["bench"] in SERIES]
if measured:
    against_targets(measured)
if measured and grown:
    print()
if grown:
    growth(grown)
