"""Runs in the peers' own environment: a job on standard input, change points on standard output.

Imports nothing of perfd, and is imported by nothing.
"""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import ruptures
from otava.analysis import compute_change_points


def otava(values, options):
    """As its command does: E-divisive in windows, Student's t, weak points merged."""
    found, _ = compute_change_points(
        [float(value) for value in values],
        window_len=int(options.get("window", 50)),
        max_pvalue=options.get("p", 0.001),
        min_magnitude=options.get("magnitude", 0.0),
    )
    return [int(point.index) for point in found]


def binseg(values, options):
    """Binary segmentation by least squares."""
    return ruptured(ruptures.Binseg, values, options)


def pelt(values, options):
    """The exact optimum by least squares."""
    return ruptured(ruptures.Pelt, values, options)


def ruptured(algorithm, values, options):
    """`penalty` counts log n; `noise` scales the series: its own spread, or that of differences."""
    x = np.asarray(values, dtype=float)
    x = (x - x.mean()) / spread(x, options.get("noise", "all"))
    fitted = algorithm(model="l2", jump=int(options.get("jump", 5))).fit(x)
    return fitted.predict(pen=options.get("penalty", 3.0) * math.log(len(x)))[:-1]


def spread(x, noise):
    """Standard deviation of all, or of neighbours' differences by their median."""
    if noise == "differences":
        steps = np.diff(x)
        return max(1.4826 * np.median(np.abs(steps - np.median(steps))) / math.sqrt(2.0), 1e-9)
    return max(x.std(), 1e-9)


METHODS = {"otava": otava, "binseg": binseg, "pelt": pelt}


def main():
    """One job."""
    job = json.load(sys.stdin)
    method = METHODS[job["method"]]
    json.dump([method(values, job["options"]) for values in job["series"]], sys.stdout)


if __name__ == "__main__":
    main()
