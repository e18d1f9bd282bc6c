// A folder that counts only while its marker file is there: an unmounted disk leaves an empty
// folder behind, and what is not in that one proves nothing.
//
// One look at the marker per use: as long as it is the very file that was accepted (device, inode,
// time of change), the folder that was opened with it is used again.
// Thread-safe.
#ifndef STATEWARD_BASE_MARKED_FOLDER_H_
#define STATEWARD_BASE_MARKED_FOLDER_H_

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/files.h"
#include "stateward/bytes.h"
#include "stateward/disk.h"
#include "stateward/result.h"

namespace stateward {

class MarkedFolder {
 private:
  struct Folder {
    Fd fd;
    Journal journal = Journal::kNotKnown;
  };

 public:
  // The open folder; it stays open while somebody has it.
  class Root {
   public:
    explicit Root(std::shared_ptr<const Folder> folder) : folder_(std::move(folder)) {}
    int get() const { return folder_->fd.get(); }
    // Of the file system that it lies on; as long as it is open, nobody can mount another there.
    Journal journal() const { return folder_->journal; }

   private:
    std::shared_ptr<const Folder> folder_;
  };
  // Says whether the folder may be used, from its marker's text.
  using Accept = std::function<Status(ByteView text, int root)>;

  // `disk` must outlive it. `limit`: of the marker's bytes.
  MarkedFolder(Disk& disk, std::string dir, const std::string& marker, size_t limit);

  // kNotFound: no folder, or no marker in it; else what `accept` says, which is asked whenever the
  // marker is another file than the one accepted last.
  Result<Root> Open(const Accept& accept);
  // `accept` is asked again.
  void Forget();

 private:
  Disk& disk_;
  const std::string dir_;
  const std::string marker_;
  const std::string marker_path_;
  const size_t limit_;
  std::mutex mutex_;
  std::shared_ptr<const Folder> root_;  // null: nothing accepted, or no longer
  DiskStat accepted_;
};

}  // namespace stateward

#endif  // STATEWARD_BASE_MARKED_FOLDER_H_
