"""Every link between files of the tree leads to a file, and to a heading in it."""

from markdown import Document


def problems(documents, root):
    """(document, line, what) of each that does not."""
    read = {document.path.resolve(): document for document in documents}
    for document in documents:
        for line, target in document.links():
            if target.startswith(("http://", "https://", "mailto:")):
                continue
            what = _problem_of(document, target, read, root)
            if what:
                yield document, line, what


def _problem_of(document, target, read, root):
    name, _, anchor = target.partition("#")
    path = (document.path.parent / name).resolve() if name else document.path.resolve()
    if not path.exists():
        return f"{target}: there is no such file"
    if anchor and path.suffix == ".md":
        other = read.get(path) or Document(root, path)
        if anchor not in other.anchors:
            return f"{target}: {other.name} has no such heading"
    return None
