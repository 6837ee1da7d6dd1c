"""Whether a program printed what a document shows, but for what differs each time."""

import re

# What no two runs print alike.
CHANGING = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\b(hello_bytes|\w+_ms|pid|bytes_in|bytes_out)=[\d.]+", r"\1=N"),
    # The kernel gives clients ports from 32768 on.
    (r"(127\.0\.0\.1|\[::1\]|\[::ffff:127\.0\.0\.1\]):(3[2-9]|[4-5]\d|6[0-5])\d{3}\b",
     r"\1:PORT"),
    (r"after \d+ ms", "after N ms"),
    (r"\b[0-9a-f]{12}\b|(?<=\bcommit )unknown\b", "COMMIT"),
    (r"\b(gcc|glibc|libcurl|OpenSSL|libevent|cJSON|libyaml) \d\S*", r"\1 VERSION"),
    (r"\bkernel Linux \d\S* \S+", "kernel Linux VERSION MACHINE"),
    (r"\bOpenSSL/[\d.]+", "OpenSSL/VERSION"),
    (r"(?<![\w.])(\d+[smhd] ?)+(?=\s|$)", "AGE "),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UID"),
)


def _plain(line):
    for pattern, name in CHANGING:
        line = re.sub(pattern, name, line)
    return re.sub(r"\s+", " ", line).rstrip()


def _lines(text):
    return [_plain(line) for line in text.rstrip("\n").split("\n")]


def _match_line(wanted, got):
    """`...` within a line stands for anything."""
    pattern = ".*".join(re.escape(part) for part in wanted.split("..."))
    return re.fullmatch(pattern, got) is not None


def matches(wanted_text, got_text):
    """A line of its own that is `...` stands for any number of lines."""
    wanted, got = _lines(wanted_text), _lines(got_text)
    reach = {0}
    for line in wanted:
        if line.strip() == "...":
            reach = set(range(min(reach), len(got) + 1)) if reach else set()
        else:
            reach = {at + 1 for at in reach if at < len(got) and _match_line(line, got[at])}
    return len(got) in reach
