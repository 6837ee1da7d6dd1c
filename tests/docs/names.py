"""Names in the documents are names of the program, and those of the program are in the documents.

Options, their defaults and metrics have checks of their own: tests/checks/options.sh, metrics.sh.
"""

import re
import subprocess

# Options of other programs that the documents speak of.
FOREIGN = {
    "create-namespace", "default-backend-service", "election-id", "enable-ssl-passthrough",
    "help", "ingress-class-by-name", "namespace", "no-cache", "publish-status-address", "pull",
    "resolve", "set",
    "ssl-passthrough-proxy-port", "tcp-services-configmap", "update-status",
    "watch-ingress-without-class",
}
REASON = re.compile(r'"((?:[A-Z][a-z]+){2,}[A-Za-z]*)"')
# Words of that shape in the sources that are no reasons: kinds and types of the API.
KINDS = {"EndpointSlice", "IngressClass", "IngressList", "ImplementationSpecific", "LoadBalancer",
         "NetworkPolicy", "NodePort", "ExternalName"}
UNSAID = {"MoreProblems"}
# Variables of the scripts, which are no options.
SCRIPTS = {"bin", "image-cache"}
MAKE = re.compile(r"(?:^|[;&] *|sudo |=\S+ )make ([a-z][a-z0-9-]*)(?![\w=/-])")
# Targets that others of the Makefile are made of.
INTERNAL = {"FORCE", "run-tests", "run-fuzz", "tools", "all", "help"}


class Program:
    """The names that it has."""

    def __init__(self, binary, root):
        self.root = root
        self.options = set()
        for command in ("serve", "check", "explain", "routes", "version"):
            text = subprocess.run([binary, command, "--help"], check=True, capture_output=True,
                                  text=True).stdout
            self.options |= set(re.findall(r"--([a-z][a-z0-9-]*)", text))
        self.reasons = {reason for module in ("model", "controller", "manifest")
                        for path in sorted((root / "src" / module).glob("*.c"))
                        for reason in REASON.findall(path.read_text())} - KINDS | {"Resolved"}
        self.ends = set(re.findall(r'X\(END_\w+, "(\w+)"\)',
                                   (root / "include/proxy/stats.h").read_text()))
        self.alerts = set(re.findall(r"- alert: (\w+)", "".join(
            path.read_text() for path in (root / "charts/sealway/rules").glob("*.yaml"))))
        self.values = chart_values((root / "charts/sealway/values.yaml").read_text())
        table = (root / "src/model/annotation_table.c").read_text()
        self.own = self._rows(table, "own")
        self.marks = {prefix + name
                      for prefix, rows in re.findall(r'\{"([a-z./-]+/)", ROWS\((\w+)\)', table)
                      for name in re.findall(r'MARK\("([\w-]+)"', self._body(table, rows))}

    @staticmethod
    def _body(table, rows):
        return re.search(rf"annotation_row {rows}\[\] = \{{(.*?)\n\}};", table, re.S)[1]

    def _rows(self, table, rows):
        return set(re.findall(r'(?:MARK|ACTS|NOT_YET|NOT_YET_S)\("([\w*-]+)"',
                              self._body(table, rows)))


def chart_values(text):
    """Every key as a path with dots, by indentation: the chart's values are block style."""
    found, stack = set(), []
    for line in text.splitlines():
        match = re.match(r"( *)([\w.-]+):", line)
        if match:
            stack = [one for one in stack if one[0] < len(match[1])]
            stack.append((len(match[1]), match[2]))
            found.add(".".join(name for _, name in stack))
    return found


def problems(documents, program):
    """(document, line, what)."""
    metrics = next((of_tables(d) for d in documents if d.name.endswith("operations.md")), set())
    for document in documents:
        for line, text in document.code():
            for what in (*_of_code(text, program), *_of_watching(text, program, metrics)):
                yield document, line, what
        for line, text in enumerate(document.text.split("\n"), 1):
            for name in re.findall(r"(?<![\w.])sealway\.io/([a-z][a-z-]+)(?=[:`])", text):
                if name not in program.own | {"ingress-controller"}:
                    yield document, line, f"there is no annotation sealway.io/{name}"


def _of_code(text, program):
    for name in re.findall(r"(?<![\w-])--([a-z][a-z0-9-]+)", text):
        if name not in program.options | FOREIGN and not name.endswith("-"):
            yield f"there is no option --{name}"
    for name in re.findall(r"\bSEALWAY_([A-Z_]+)\b", text):
        if name.lower().replace("_", "-") not in program.options | SCRIPTS:
            yield f"there is no option of the variable SEALWAY_{name}"


def _of_watching(text, program, metrics):
    for name in re.findall(r"\b(sealway_[a-z_]+)(?!\*)\b", text):
        if not name.endswith("_") and name not in metrics:
            yield f"there is no metric {name}"
    for name in re.findall(r"\b(Sealway[A-Z]\w+)", text):
        if name not in program.alerts:
            yield f"there is no alert {name}"
    for name in re.findall(r"\bcontroller\.\w[\w.-]+", text):
        if name not in program.values and name.removeprefix("controller.config.") not in \
                program.options | {"NAME"}:
            yield f"the chart has no value {name}"


def missing(documents, program):
    """What the program has and no document says."""
    said = "\n".join(document.text for document in documents)
    for name in sorted(program.own):
        if f"sealway.io/{name}" not in said and f"`{name}`" not in said:
            yield f"the annotation sealway.io/{name} is in no document"
    for name in sorted(program.marks):
        if name not in said:
            yield f"the passthrough mark {name} is in no document"
    for name in sorted(program.ends):
        if f"`{name}`" not in said:
            yield f"no document says what {name} in the access log means"
    for name in sorted(program.reasons - UNSAID):
        if f"`{name}`" not in said:
            yield f"the reason {name} is in no document"


def of_tables(document):
    """The names in backticks in the first cells of a document's tables."""
    return {name for _, text in document.prose
            if (match := re.match(r"\| (`\w+`(?:, `\w+`)*) \|", text))
            for name in re.findall(r"`(\w+)`", match[1])}


def unknown_reasons(document, program):
    """The reasons of its tables that the program does not give."""
    found = {name for name in of_tables(document) if REASON.fullmatch(f'"{name}"')}
    return sorted(found - program.reasons)


def unknown_targets(documents, root):
    """`make TARGET` in backticks or blocks, where the Makefile has no such target."""
    makefile = (root / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*)*):(?!=)", makefile, re.M))
    known = {name for line in targets for name in line.split()}
    for document in documents:
        texts = list(document.code()) + [(b.line, t) for b in document.blocks
                                         for t in b.text.splitlines()]
        for line, text in texts:
            for name in MAKE.findall(text):
                if name not in known:
                    yield f"{document.name}:{line}: there is no target {name}"


def unlisted_targets(root):
    """Targets a person may ask for that `make help` does not name."""
    makefile = (root / "Makefile").read_text()
    phony = set(" ".join(re.findall(r"^\.PHONY:((?:.*\\\n)*.*)", makefile, re.M))
                .replace("\\", "").split())
    told = subprocess.run(["make", "-s", "help"], cwd=root, check=True, capture_output=True,
                          text=True).stdout
    return sorted(f"make {name}" for name in phony - INTERNAL
                  if not re.search(rf"\b{re.escape(name)}\b", told))
