"""An image in a file, as `docker save` and `make image ARCHIVE=` write it: what is said, what is inside."""

import json
import sys
import tarfile


class Image:
    """`config` is the image's configuration, `members` its last word on each path, without a slash before."""

    def __init__(self, path):
        self._archive = tarfile.open(path)
        self.manifest = json.load(self._archive.extractfile("manifest.json"))[0]
        self.config = json.load(self._archive.extractfile(self.manifest["Config"]))
        self.layers = [self._layer(name) for name in self.manifest["Layers"]]
        self.members = {}
        self._origin = {}
        for layer in self.layers:
            for member in layer:
                self._add(layer, member)

    def _layer(self, name):
        return tarfile.open(fileobj=self._archive.extractfile(name))

    def _add(self, layer, member):
        path = member.name.removeprefix("./").strip("/")
        if path.rpartition("/")[2].startswith(".wh."):
            raise ValueError(f"{path}: a layer that takes away is not understood")
        if path not in ("", "."):
            self.members[path] = member
            self._origin[path] = layer

    def read(self, path):
        """The bytes of a file; links are followed within their directory."""
        member = self.members[path]
        if member.issym():
            return self.read(path.rpartition("/")[0] + "/" + member.linkname)
        return self._origin[path].extractfile(member).read()

    def files(self):
        """Paths of all regular files."""
        return sorted(path for path, member in self.members.items() if not member.isdir() and not member.issym())

    def unpack(self, directory):
        """Everything, with its owners and modes, below `directory`: takes root."""
        for layer in self.layers:
            layer.extractall(directory, numeric_owner=True)


def stanza(text):
    """The fields of a record of dpkg's, the first line of each."""
    fields = {}
    for line in text.splitlines():
        key, colon, value = line.partition(": ")
        if colon and not line.startswith(" "):
            fields[key] = value
    return fields


if __name__ == "__main__":
    Image(sys.argv[1]).unpack(sys.argv[2])
