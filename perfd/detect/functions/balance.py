"""The new side of a call tree as if the requests were those of the old one.

Where an operation is asked more often, all below its entry rises, and all else falls; where one
function got dearer, all others fall. Most stacks do not change: the median of their ratios, entry
by entry, is what the mix and the composition did to all of them, and is taken out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perfd.detect.functions.mix import entries
from perfd.detect.functions.tree import Columns, Tree

SAMPLES = 50  # of a stack on either side, for its ratio to say something
FEWEST = 5  # such stacks of an entry; with fewer, those of all entries speak


def balanced(tree: Tree) -> Tree:
    """The tree with the samples after the change weighted entry by entry."""
    hits = tree.hits.copy()
    usual = _factor(tree, np.arange(len(tree.nodes)))
    for columns in entries(tree):
        factor = _factor(tree, columns) or usual
        if factor:
            hits[tree.at :, columns] /= factor
    return replace(tree, hits=hits)


def _factor(tree: Tree, columns: Columns) -> float:
    """The median ratio of new to old; 0 where too few stacks tell."""
    old, new = (tree.hits[side][:, columns].sum(axis=0) for side in _sides(tree))
    known = (old >= SAMPLES) & (new >= SAMPLES)
    if int(known.sum()) < FEWEST:
        return 0.0
    whole = [float(tree.hits[side].sum()) for side in _sides(tree)]
    return float(np.median(new[known] / old[known])) * whole[0] / whole[1]


def _sides(tree: Tree) -> tuple[slice, slice]:
    return slice(0, tree.at), slice(tree.at, None)
