"""Which paths may have changed: inotify, and a look once a second at what inotify cannot watch."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from f2b.loop import Loop, Timer
from f2b.source import inotify
from f2b.source.inotify import Inotify

EVERY = 1.0
"""Seconds between two looks at what is polled."""

# MASK_ADD: a folder may also be watched as a file, where a glob covers it, perhaps under another name.
_FILE = inotify.MASK_ADD | inotify.MODIFY | inotify.ATTRIB | inotify.MOVE_SELF | inotify.DELETE_SELF
_ENTRY = inotify.CREATE | inotify.MOVED_TO | inotify.MOVED_FROM | inotify.DELETE
_FOLDER = inotify.MASK_ADD | _ENTRY | inotify.MOVE_SELF | inotify.DELETE_SELF
_EXHAUSTED = {errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM}

MOUNTS = Path("/proc/self/mountinfo")
_REMOTE = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "fuse", "glusterfs", "lustre", "virtiofs")
"""How the names of file systems begin that others may write to: inotify tells only of what this host does."""

Sign = tuple[int, int, int, int, int] | None


class Watch:
    """Calls `changed(path)` for a watched file, a watched folder, or an entry of one, that may have changed.

    A path may be missing; it is told once it is there. `tell` hears, once, why files are polled.
    """

    def __init__(
        self,
        loop: Loop,
        changed: Callable[[str], object],
        tell: Callable[[str], object],
        polling: bool = False,
        every: float = EVERY,
    ) -> None:
        self._loop = loop
        self._changed = changed
        self._tell = tell
        self._every = every
        self._told = False
        self._wanted: dict[str, int] = {}
        self._descriptors: dict[str, list[int]] = {}
        """At most two a path: of the file that bears it, and of the one before, for late lines."""
        self._paths: dict[int, set[str]] = {}
        self._polled: dict[str, Sign] = {}
        self._timer: Timer | None = None
        self._remote: frozenset[int] = frozenset()
        self._inotify = None if polling else self._start()

    @property
    def backend(self) -> str:
        """`inotify` or `polling`."""
        return "inotify" if self._inotify else "polling"

    @property
    def complete(self) -> bool:
        """Whether the kernel tells of everything, so that nothing has to be looked at."""
        return self._inotify is not None and not self._polled

    def set(self, files: Iterable[str], folders: Iterable[str], again: bool = True) -> None:
        """Watch exactly these; `again`: look up by its name, once more, what is watched already."""
        wanted = dict.fromkeys(folders, _FOLDER)
        for path in files:
            wanted[path] = wanted.get(path, 0) | _FILE
        for path in set(self._wanted) - set(wanted):
            self._drop(path)
        if again:
            self._remote = _remote_devices()
        before, self._wanted = self._wanted, wanted
        for path, mask in wanted.items():
            if again or before.get(path) != mask or not self._descriptors.get(path):
                self._place(path)
        self._look_later()

    def add(self, path: str) -> None:
        """Watch a file besides."""
        self._wanted[path] = self._wanted.get(path, 0) | _FILE
        self._place(path)
        self._look_later()

    def close(self) -> None:
        """Stop watching."""
        self.set((), ())
        if self._timer:
            self._timer.cancel()
        if self._inotify:
            self._loop.unwatch(self._inotify.fileno())
            self._inotify.close()
            self._inotify = None

    def _start(self) -> Inotify | None:
        try:
            queue = Inotify()
        except OSError as error:
            self._explain(error)
            return None
        self._loop.watch(queue.fileno(), self._read)
        return queue

    def _explain(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            self._tell(
                f"inotify is exhausted or missing ({error.strerror}): logs are looked at once a second; "
                "raise fs.inotify.max_user_watches and fs.inotify.max_user_instances by sysctl"
            )

    def _place(self, path: str) -> None:
        """Watch what bears this name now: by inotify if that is possible, else by looking."""
        if self._inotify and not self._is_remote(path):
            try:
                descriptor = self._inotify.add(path, self._wanted[path])
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._explain(error)
                elif error.errno == errno.ENOENT and self._descriptors.get(os.path.dirname(path)):  # noqa: PTH120 - text
                    self._polled.pop(path, None)  # its folder tells when it comes
                    return
            else:
                self._polled.pop(path, None)
                self._note(path, descriptor)
                return
        if path not in self._polled:
            self._polled[path] = _sign(path)

    def _is_remote(self, path: str) -> bool:
        sign = _sign(path) if self._remote else None
        return sign is not None and sign[0] in self._remote

    def _note(self, path: str, descriptor: int) -> None:
        known = self._descriptors.setdefault(path, [])
        if descriptor in known[-1:]:
            return
        if descriptor in known:
            known.remove(descriptor)
        known.append(descriptor)
        self._paths.setdefault(descriptor, set()).add(path)
        for old in known[:-2]:
            self._release(path, old)
        del known[:-2]

    def _release(self, path: str, descriptor: int) -> None:
        paths = self._paths.get(descriptor, set())
        paths.discard(path)
        if paths or descriptor not in self._paths:
            return
        del self._paths[descriptor]
        if self._inotify:
            try:
                self._inotify.remove(descriptor)
            except OSError:
                pass  # the file is gone, and the kernel dropped its watch

    def _drop(self, path: str) -> None:
        self._polled.pop(path, None)
        for descriptor in self._descriptors.pop(path, ()):
            self._release(path, descriptor)

    def _read(self) -> None:
        assert self._inotify
        hit: dict[str, None] = {}
        for descriptor, mask, name in self._inotify.read():
            if mask & inotify.OVERFLOW:  # something was lost: look at everything
                hit.update(dict.fromkeys(self._wanted))
            if name and not mask & _ENTRY:
                continue
            for path in self._paths.get(descriptor, ()):
                hit[os.path.join(path, name) if name else path] = None  # noqa: PTH118 - text, at every event
            if mask & inotify.IGNORED:
                self._vanish(descriptor)
        for path in hit:
            if path in self._wanted:
                self._place(path)
            self._changed(path)

    def _vanish(self, descriptor: int) -> None:
        for path in self._paths.pop(descriptor, ()):
            self._descriptors[path].remove(descriptor)

    def _poll(self) -> None:
        self._timer = None
        for path, before in list(self._polled.items()):
            now = _sign(path)
            if now != before:
                self._polled[path] = now
                self._place(path)
                self._changed(path)
        self._look_later()

    def _look_later(self) -> None:
        if self._polled and not self._timer:
            self._timer = self._loop.after(self._every, self._poll)


def _sign(path: str) -> Sign:
    """Return what differs whenever a file was written, replaced or made readable; None if it is not there."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _remote_devices() -> frozenset[int]:
    """Return the devices that other hosts write to; see proc_pid_mountinfo(5)."""
    found = set()
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        mount, _, source = line.partition(" - ")
        if source.startswith(_REMOTE):
            major, minor = mount.split(" ")[2].split(":")
            found.add(os.makedev(int(major), int(minor)))
    return frozenset(found)
