"""page - a page of metrics in text format, taken apart."""
import functools
import re
from decimal import Decimal

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


@functools.lru_cache(maxsize=None)
def _labels(text):
    return tuple(sorted(_LABEL.findall(text)))


def total(text, name):
    """The sum over all series of that name, of a page that is too large to take apart for it."""
    values = re.findall(rf"^{name}(?:{{.*}})? (\d+)$", text, re.MULTILINE)
    assert values, f"no {name}"
    return sum(map(int, values))


class Page:
    """samples: {(name, ((label, value), ...)): number}; types: {family: type}.

    Numbers are exact, as they are on the page: sums do not depend on an order."""

    def __init__(self, text):
        self.text = text
        self.samples = {}
        self.types = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.types[name] = kind
            elif not line.startswith("#"):
                series, _, value = line.rpartition(" ")
                name, _, labels = series.partition("{")
                key = (name, _labels(labels))
                assert key not in self.samples, f"{series} stands twice"
                self.samples[key] = Decimal(value) if "." in value else int(value)

    def of(self, name, **labels):
        """The samples of that name that have these labels: {((label, value), ...): number}."""
        wanted = labels.items()
        return {key: v for (n, key), v in self.samples.items()
                if n == name and wanted <= dict(key).items()}

    def sum(self, name, **labels):
        """Over all series of that name with these labels."""
        return sum(self.of(name, **labels).values())

    def by(self, name, label, **labels):
        """The sums of that name for each value of a label; those that are 0 are left out."""
        sums = {}
        for key, value in self.of(name, **labels).items():
            word = dict(key)[label]
            sums[word] = sums.get(word, 0) + value
        return {word: value for word, value in sums.items() if value != 0}

    def family_of(self, name):
        """The family that a sample belongs to."""
        return name if name in self.types else _SUFFIX.sub("", name)

    def counters(self):
        """{name and le of a sample that must never fall: its sum over all series}."""
        sums = {}
        for (name, labels), value in self.samples.items():
            kind = self.types[self.family_of(name)]
            if kind == "counter" or kind == "histogram":
                key = (name, dict(labels).get("le"))
                sums[key] = sums.get(key, 0) + value
        return sums
