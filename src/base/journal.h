// Whether a file system keeps a journal of its names and counts of links.
#ifndef STATEWARD_BASE_JOURNAL_H_
#define STATEWARD_BASE_JOURNAL_H_

namespace stateward {

// True when the file system of the open file or folder is known to write a new name and the file's
// count of links in one step, so that a sync of the folder makes both last: xfs, btrfs, and ext4
// with a journal. ext2, ext3 and ext4 have one number in statfs(2), journal or not; the kernel says
// in /sys/fs/ext4/<device>/journal_task what serves the journal ("<none>": there is none). False
// for everything else, and when that file cannot be read.
// Takes tens of microseconds; the answer holds as long as the descriptor is open. Thread-safe.
bool KeepsJournal(int fd);

}  // namespace stateward

#endif  // STATEWARD_BASE_JOURNAL_H_
