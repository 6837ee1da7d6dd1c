"""Shows that figures are judged rightly: intervals, the order of turns, verdicts."""

import collections
import itertools
import random

from conductor import musts
from conductor.musts import Must
from conductor.records import Figure, interval
from conductor.timed import in_order

# Limit, median, interval, whether it is a ratio; the verdict.
VERDICTS = (
    (0.95, 0.90, (0.88, 0.92), True, musts.HELD),
    (0.95, 0.94, (0.90, 0.97), True, musts.HELD_UNSURE),
    (0.95, 0.97, (0.96, 0.98), True, musts.TIED),
    (0.95, 1.04, (0.94, 1.20), True, musts.UNTOLD),
    (0.95, 1.04, (0.96, 1.20), True, musts.NOT),
    (20, 20.6, (20.6, 20.6), False, musts.NOT),
    (20, 20.0, None, False, musts.HELD),
    (20, None, None, False, musts.UNKNOWN),
)


def intervals_hold():
    """Each has its place by the binomial distribution, and holds the median as often as it says."""
    right = [interval(range(1, n + 1)) for n in (1, 5, 6, 9, 40)] == [
        (1, 1), (1, 5), (1, 6), (2, 8), (14, 27)]
    chance = random.Random(1)
    found = [interval([chance.lognormvariate(0, 0.2) for _ in range(20)]) for _ in range(1000)]
    return right and sum(low <= 1 <= high for low, high in found) >= 940


def drift_falls_out_of_ratios():
    mine = Figure({n: 10.0 * n for n in range(1, 9)})
    ratio = mine.over(Figure({n: 20.0 * n for n in range(2, 12)}))
    return (ratio.low, ratio.median, ratio.high) == (0.5, 0.5, 0.5) and len(ratio.rounds) == 7


def nothing_is_no_measure():
    mine = Figure({1: 1.0, 2: 1.0, 3: 1.0})
    return (mine.over(Figure({1: -3.0, 2: -2.0, 3: 5.0})) is None
            and mine.over(Figure({1: 0.0})) is None and mine.over(Figure({4: 1.0})) is None
            and mine.over(None) is None)


def turns_are_balanced():
    """Of an even number, over as many rounds: each at each place, each behind each other once."""
    rounds = [in_order("abcdef", n) for n in range(6)]
    places = collections.Counter((i, who) for order in rounds for i, who in enumerate(order))
    pairs = collections.Counter(pair for order in rounds for pair in itertools.pairwise(order))
    return (set(places.values()) == set(pairs.values()) == {1}
            and len(places) == 36 and len(pairs) == 30
            and all(sorted(in_order("abc", n)) == ["a", "b", "c"] for n in range(12)))


def verdicts_are_right():
    return all(Must("it", limit, value, within, is_ratio=ratio).verdict == verdict
               for limit, value, within, ratio, verdict in VERDICTS)


ALL = (intervals_hold, drift_falls_out_of_ratios, nothing_is_no_measure, turns_are_balanced,
       verdicts_are_right)
