"""What was measured: one record for each contender in each round, and figures over them."""

import collections
import math
import statistics

TIE = 0.04   # a gap below it is none
SURE = 0.95  # that a median is in its interval

FAULTS = ("errors", "misroutes", "crossed", "stuck", "left", "complaints")


class Records:
    def __init__(self, take_complaints):
        self.all = []
        self.by = collections.defaultdict(list)  # (scenario, contender): what is in all, too
        self.take_complaints = take_complaints  # () -> what backends have told since the last time

    def add(self, scenario, contender, round_, result):
        """Also of what the backends told meanwhile: it was this contender's turn."""
        told = self.take_complaints()
        record = {"scenario": scenario, "contender": contender, "round": round_, **result,
                  "complaints": len(told), "complained": told[:5]}
        self.all.append(record)
        self.by[scenario, contender].append(record)

    def of(self, scenario, contender):
        """The results of the rounds that count."""
        return {r["round"]: r for r in self.by[scenario, contender] if r["round"] > 0}

    def contenders(self, scenario):
        return list(dict.fromkeys(r["contender"] for r in self.all if r["scenario"] == scenario))

    def figure(self, scenario, contender, of):
        """A figure with its rounds; None where there is none.  `of` takes it from a result."""
        rounds = {n: of(r) for n, r in self.of(scenario, contender).items() if of(r) is not None}
        return Figure(rounds) if rounds else None

    def faults(self, contender, scenario=None):
        """Sums over all rounds, the one that warms up as well."""
        mine = [r for r in self.all if r["contender"] == contender
                and scenario in (None, r["scenario"])]
        return {fault: sum(r.get(fault, 0) for r in mine) for fault in FAULTS}

    def late(self, contender, scenario=None):
        """Connections that were not begun when the rate wanted them, in the rounds that count."""
        return sum(r.get("late", 0) for r in self.all if r["contender"] == contender
                   and r["round"] > 0 and scenario in (None, r["scenario"]))

    def complaints(self, contender):
        """The first that backends told of it."""
        return [line for r in self.all if r["contender"] == contender
                for line in r["complained"]][:5]


def interval(values):
    """Between which of the values the true median is, in 95 of 100 cases: from the kth least to the
    kth most, whatever their distribution.  Of fewer than six it is from the least to the most.
    """
    ordered, n = sorted(values), len(values)
    outside, k = 1 / 2 ** n, 0  # the odds that no value is below it
    while 2 * outside <= 1 - SURE and k < n // 2:
        k += 1
        outside += math.comb(n, k) / 2 ** n
    k = max(k, 1)
    return ordered[k - 1], ordered[n - k]


class Figure:
    """A number in each round: the median, and the interval that it is in."""

    def __init__(self, rounds):
        self.rounds = rounds
        values = list(rounds.values())
        self.median = statistics.median(values)
        self.low, self.high = interval(values)

    def over(self, other):
        """The ratio inside each round; None without a round in common.  To nothing, or to less, as
        memory that shrank, there is none."""
        both = [n for n in self.rounds if other is not None and n in other.rounds]
        if not both or min(other.rounds[n] for n in both) <= 0:
            return None
        return Figure({n: self.rounds[n] / other.rounds[n] for n in both})

    def as_json(self):
        return {"median": self.median, "low": self.low, "high": self.high,
                "min": min(self.rounds.values()), "max": max(self.rounds.values()),
                "rounds": self.rounds}


def compare(ratio):
    """Of a cost: what a ratio of ours to a peer's says."""
    if ratio is None:
        return "-"
    if abs(ratio.median - 1) < TIE:
        return "tie"
    word = "ahead" if ratio.median < 1 else "behind"
    return word if ratio.high < 1 or ratio.low > 1 else word + ", not surely"
