"""Finds out whether a program wrote to the disk."""
import ctypes
import os
import pathlib
import struct

from box import stat_of_all

_LIBC = ctypes.CDLL(None, use_errno=True)
IN_CREATE, IN_MOVED_TO, IN_NONBLOCK = 0x100, 0x80, 0o4000


class CreatedFiles:
    """Names of the files that were made below a folder, also those that are gone again (inotify).

    Sub-folders that exist at the start are watched, too.
    """

    def __init__(self, folder):
        self.fd = _LIBC.inotify_init1(IN_NONBLOCK)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self.folders = {}
        for path, _, _ in os.walk(folder):
            watch = _LIBC.inotify_add_watch(self.fd, path.encode(), IN_CREATE | IN_MOVED_TO)
            if watch < 0:
                raise OSError(ctypes.get_errno(), f"inotify_add_watch {path}")
            self.folders[watch] = path

    def names(self):
        found = []
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return found
            at = 0
            while at < len(data):
                watch, _, _, size = struct.unpack_from("iIII", data, at)
                name = data[at + 16:at + 16 + size].rstrip(b"\0").decode(errors="replace")
                found.append(os.path.join(self.folders[watch], name))
                at += 16 + size

    def close(self):
        os.close(self.fd)


def tree(pid):
    """A process and its descendants."""
    children = {}
    for number, text in stat_of_all():
        children.setdefault(int(text.split()[1]), []).append(number)
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def written_bytes(pid):
    """Bytes that a process and its descendants gave to file systems on disk, deleted files too
    (not: sockets, pipes, tmpfs)."""
    total = 0
    for each in tree(pid):
        try:
            text = pathlib.Path(f"/proc/{each}/io").read_text()
        except OSError:
            continue
        total += int(text.split("write_bytes: ")[1].split()[0])
    return total
