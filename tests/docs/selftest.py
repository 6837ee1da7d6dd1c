"""The tests of these tests: each a function whose name says what holds."""

import os
import pathlib
import tempfile

import compare
import links
from markdown import Document
from ready import Failed, NoCluster
from session import Session


def _document(text, name="a.md", directory=None):
    directory = pathlib.Path(directory or tempfile.gettempdir())
    path = directory / name
    path.write_text(text)
    return Document(directory, path)


def _block(comment):
    with tempfile.TemporaryDirectory() as directory:
        return _document(f"# A\n\n{comment}\n```\ntrue\n```\n", directory=directory)


def an_output_is_what_was_printed():
    assert compare.matches("a\nb\n", "a\nb\n")
    assert not compare.matches("a\nb\n", "a\nb\nc\n")
    assert not compare.matches("a\nc\n", "a\nb\n")
    assert not compare.matches("a\nb\n", "a\n")


def dots_stand_for_lines_or_for_a_part_of_one():
    assert compare.matches("a\n...\nz\n", "a\nb\nc\nz\n")
    assert compare.matches("a\n...\nz\n", "a\nz\n")
    assert compare.matches("x=... y=2\n", "x=1 y=2\n")
    assert not compare.matches("a\n...\nz\n", "a\nb\n")
    assert not compare.matches("x=... y=2\n", "x=1 y=3\n")


def what_differs_each_time_is_not_compared():
    assert compare.matches("time=2026-01-01T00:00:00Z connect_ms=1.5\n",
                           "time=2027-02-02T11:11:11.111Z connect_ms=0.2\n")
    assert not compare.matches("port 8443\n", "port 8444\n")


def a_port_that_a_client_was_given_is_not_compared_and_one_below_those_is():
    for port in (32768, 60999):
        assert compare.matches("client=127.0.0.1:52294\n", f"client=127.0.0.1:{port}\n")
    assert not compare.matches("client=127.0.0.1:52294\n", "client=127.0.0.1:31999\n")


def commit_and_machine_of_a_version_are_not_compared():
    assert compare.matches("commit 39272985880e\n", "commit 0123456789ab\n")
    assert compare.matches("commit 39272985880e\n", "commit unknown\n")
    assert not compare.matches("commit 39272985880e\n", "commit\n")
    assert compare.matches("kernel Linux 6.1.0 x86_64\n", "kernel Linux 6.12.9-arm64 aarch64\n")


def a_block_says_how_it_is_checked():
    assert not _block("<!-- run -->").problems
    assert not _block("<!-- not run: it takes a week -->").problems
    assert _block("").problems
    assert _block("<!-- not run -->").problems
    assert _block("<!-- run: exit 3 -->").blocks[0].words() == ["exit 3"]


def a_link_leads_to_a_file_and_a_heading_in_it():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        _document("# The `first` one\n", "b.md", root)
        good = _document("[x](b.md#the-first-one) [y](b.md) [z](https://example.com/)\n",
                         directory=root)
        assert not list(links.problems([good], root))
        bad = _document("[x](b.md#second) [y](c.md)\n", directory=root)
        assert len(list(links.problems([bad], root))) == 2


def _without_cluster(wanted):
    """What becomes of a block for a cluster where there is none."""
    before = os.environ.pop("SEALWAY_DOCS_CLUSTER", None)
    try:
        if wanted:
            os.environ["SEALWAY_DOCS_CLUSTER"] = "1"
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            Session(root, root, {"SEALWAY_BIN": "/bin/true"}, None).do(
                _block("<!-- run: cluster -->").blocks[0])
    except (Failed, NoCluster) as why:
        return type(why)
    finally:
        os.environ.pop("SEALWAY_DOCS_CLUSTER", None)
        if before is not None:
            os.environ["SEALWAY_DOCS_CLUSTER"] = before
    return None


def without_a_cluster_its_blocks_are_skipped_or_fail_where_one_is_wanted():
    assert _without_cluster(wanted=False) is NoCluster
    assert _without_cluster(wanted=True) is Failed


ALL = (an_output_is_what_was_printed, dots_stand_for_lines_or_for_a_part_of_one,
       what_differs_each_time_is_not_compared,
       a_port_that_a_client_was_given_is_not_compared_and_one_below_those_is,
       commit_and_machine_of_a_version_are_not_compared, a_block_says_how_it_is_checked,
       a_link_leads_to_a_file_and_a_heading_in_it,
       without_a_cluster_its_blocks_are_skipped_or_fail_where_one_is_wanted)
