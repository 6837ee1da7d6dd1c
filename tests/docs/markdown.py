"""What a Markdown file is made of, as far as the checks ask: fenced blocks and what a comment in
front of each says to do with it, headings, links."""

import re

FENCE = re.compile(r"^( *)(`{3,}|~{3,})(.*)$")
COMMENT = re.compile(r"^<!--(.*?)-->$", re.S)
KINDS = ("run", "not run", "output", "file", "setup", "stand-in")


class Block:
    """A fenced block, or a comment that stands alone; `kind` and `rest` are what it says."""

    def __init__(self, line, kind, rest, text, language=""):
        self.line = line
        self.kind = kind
        self.rest = rest
        self.text = text
        self.language = language
        self.heading = ""
        self.new_text = None  # what is to take its place

    def words(self):
        return [word.strip() for word in self.rest.split(",") if word.strip()]


class Document:
    """One file, read."""

    def __init__(self, root, path):
        self.path = path
        self.name = str(path.relative_to(root))
        self.text = path.read_text(encoding="utf-8")
        self.blocks = []
        self.prose = []     # (line, text) outside of fenced blocks and comments
        self.anchors = set()
        self.problems = []  # (line, what)
        self._read()

    def _read(self):
        lines = self.text.split("\n")
        at, told, heading = 0, None, ""
        while at < len(lines):
            line = lines[at]
            fence = FENCE.match(line)
            if fence:
                end = self._end_of_fence(lines, at, fence[2])
                told = self._fenced(lines, at, end, told)
                self.blocks[-1].heading = heading
                at = end + 1
                continue
            if line.startswith("<!--"):
                end = at
                while "-->" not in lines[end] and end + 1 < len(lines):
                    end += 1
                told = self._comment("\n".join(lines[at:end + 1]), at + 1, heading, told)
                at = end + 1
                continue
            if line.startswith("#"):
                heading = line.lstrip("# ").strip()
                self.anchors.add(self._anchor(heading))
            if line.strip() and told is not None:
                self.problems.append((at + 1, "a comment for a block, and no block behind it"))
                told = None
            self.prose.append((at + 1, line))
            at += 1

    def _end_of_fence(self, lines, at, mark):
        for end in range(at + 1, len(lines)):
            if lines[end].strip() == mark:
                return end
        self.problems.append((at + 1, "a fence that is not closed"))
        return len(lines) - 1

    def _fenced(self, lines, at, end, told):
        indent = len(lines[at]) - len(lines[at].lstrip())
        text = "\n".join(line[indent:] for line in lines[at + 1:end]) + "\n"
        kind, rest = told or ("", "")
        if not told:
            self.problems.append((at + 1, "no comment says how this block is checked"))
        self.blocks.append(Block(at + 1, kind, rest, text, lines[at].strip("`~ ")))

    def _comment(self, text, line, heading, told):
        match = COMMENT.match(text.strip())
        body = match[1].strip() if match else ""
        kind = next((k for k in KINDS if re.match(rf"{k}(:|\s|$)", body)), None)
        if kind is None:
            return told
        rest = body[len(kind):].lstrip(":").strip()
        if kind == "not run" and len(rest.split()) < 3:
            self.problems.append((line, "not run, and no reason given"))
        if kind in ("setup", "stand-in"):
            self.blocks.append(Block(line, kind, rest, rest + "\n"))
            self.blocks[-1].heading = heading
            return told
        return kind, rest

    def _anchor(self, heading):
        """As the hosts of repositories make it."""
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
        anchor = plain.replace(" ", "-")
        again = 1
        while anchor in self.anchors:
            anchor = f"{plain.replace(' ', '-')}-{again}"
            again += 1
        return anchor

    def update(self):
        """Put the new texts of its blocks into the file."""
        lines = self.text.split("\n")
        for block in reversed(self.blocks):
            if block.new_text is not None:
                lines[block.line:block.line + block.text.count("\n")] = \
                    block.new_text.rstrip("\n").split("\n")
        self.path.write_text("\n".join(lines), encoding="utf-8")

    def links(self):
        """(line, target) of every link in the prose."""
        for line, text in self.prose:
            for target in re.findall(r"\]\(([^)\s]+)\)", text):
                yield line, target

    def code(self):
        """(line, text) of everything in backticks."""
        for line, text in self.prose:
            for span in re.findall(r"`([^`]+)`", text):
                yield line, span
