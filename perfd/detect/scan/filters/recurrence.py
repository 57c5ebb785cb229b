"""Recurrence: a level where the series was before, for as long, is its habit and not a change."""

from __future__ import annotations

import numpy as np

from perfd.detect.scan.suspect import Suspect
from perfd.model.finding import Check

NAME = "recurrence"
REACHED = 0.9  # of the shift
LONGEST = 72  # cells


def check(suspect: Suspect) -> Check:
    """No stretch of the baseline as long as the time after has had this level."""
    level = suspect.upward(suspect.x)
    cells = np.arange(len(level))
    old, new = level[(suspect.known > 0.0) & (cells < suspect.at)], level[suspect.after]
    usual = float(level[suspect.before].mean())
    length = min(len(new), LONGEST, max(len(old) // 2, 1))
    sums = np.cumsum(np.concatenate([[0.0], old]))
    highest = float((sums[length:] - sums[:-length]).max() / length) - usual
    passed = highest < REACHED * suspect.size
    verdict = f"the baseline reached {highest / suspect.size:.0%} of it for {length} cells"
    return Check(NAME, passed, verdict, {"highest": highest, "cells": length})
