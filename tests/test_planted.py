"""Another user's link in a folder that all may write into is followed by nobody. Needs root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from f2b.daemon.process import PidFile
from f2b.errors import SourceError
from f2b.log import Log
from f2b.planted import planted
from f2b.source.handle import open_log
from f2b.store import Store

NOBODY = 65534


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """A link of nobody's to a file of root's, in a folder like /tmp."""
    (tmp_path / "secret").write_text("kept\n")
    folder = tmp_path / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    link = folder / "link"
    link.symlink_to(tmp_path / "secret")
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    return link


def test_link_when_planted_then_no_log_is_read_through_it(link: Path) -> None:
    with pytest.raises(SourceError, match="another user's link"):
        open_log(str(link))


def test_link_when_planted_then_nothing_is_written_through_it(link: Path) -> None:
    with pytest.raises(PermissionError):
        Log(str(link))
    with pytest.raises(PermissionError):
        PidFile(str(link)).write()
    store = Store(str(link))
    assert "another user's link" in store.trouble
    store.close()
    assert (link.parent.parent / "secret").read_text() == "kept\n"


def test_link_when_it_is_ours_or_its_folder_is_not_for_all_then_it_is_followed(link: Path) -> None:
    assert planted(str(link))
    link.parent.chmod(0o755)
    os.close(open_log(str(link)))
    link.parent.chmod(0o1777)
    os.chown(link, 0, 0, follow_symlinks=False)
    os.close(open_log(str(link)))
