"""The Turing Change Point Dataset: its series, its five annotators, and its two scores.

Definitions are those of van den Burg and Williams (arXiv 2003.06222, section 5.2): a prediction is
right within 5 cells of an annotation, index 0 counts as a change point for everybody; recall is the
mean over annotators, precision is against all of them together. Covering is the mean overlap
(Jaccard) of each annotator's segments with the best of the predicted ones, weighted by length.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARGIN = 5  # cells
MONTHLY = "%Y-%m"

Annotations = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Annotated:
    """A series of one variable, and the first cells of new segments, by annotator.

    `season` is how many cells the calendar gives it: 12 months, or 1 for none.
    """

    name: str
    values: tuple[float, ...]
    season: int
    annotations: Annotations


def annotated(folder: Path) -> list[Annotated]:
    """All series of one variable that are there, in the order of their names."""
    annotations = json.loads((folder / "annotations.json").read_text("utf-8"))
    found = []
    for file in sorted(folder.glob("*.json")):
        if file.stem not in annotations:
            continue
        told = json.loads(file.read_text("utf-8"))
        if told["n_dim"] == 1:
            values = tuple(float(value) for value in told["series"][0]["raw"])
            season = 12 if told.get("time", {}).get("format") == MONTHLY else 1
            found.append(Annotated(file.stem, values, season, annotations[file.stem]))
    return found


def f1(annotations: Annotations, predicted: Iterable[int]) -> float:
    """The harmonic mean of precision and recall, between 0 and 1."""
    points = {0, *predicted}
    each = [{0, *own} for own in annotations.values()]
    precision = _matched(set().union(*each), points) / len(points)
    recall = sum(_matched(own, points) / len(own) for own in each) / len(each)
    return 2.0 * precision * recall / (precision + recall)


def covering(annotations: Annotations, predicted: Iterable[int], cells: int) -> float:
    """The mean over annotators, between 0 and 1."""
    segments = _segments(predicted, cells)
    each = [_covered(_segments(own, cells), segments) for own in annotations.values()]
    return sum(each) / len(each) / cells


def _matched(true: set[int], points: set[int]) -> int:
    """How many of the true ones have a prediction near; none counts for two."""
    left, number = set(points), 0
    for point in sorted(true):
        near = [(abs(point - x), x) for x in left if abs(point - x) <= MARGIN]
        if near:
            left.remove(min(near)[1])
            number += 1
    return number


def _segments(points: Iterable[int], cells: int) -> list[tuple[int, int]]:
    bounds = [0, *sorted({p for p in points if 0 < p < cells}), cells]
    return list(itertools.pairwise(bounds))


def _covered(true: Sequence[tuple[int, int]], found: Sequence[tuple[int, int]]) -> float:
    """Cells, each weighted by how well its segment is met."""
    return sum((end - start) * max(_overlap(start, end, *own) for own in found)
               for start, end in true)  # fmt: skip


def _overlap(start: int, end: int, other: int, other_end: int) -> float:
    both = max(min(end, other_end) - max(start, other), 0)
    return both / (max(end, other_end) - min(start, other))
