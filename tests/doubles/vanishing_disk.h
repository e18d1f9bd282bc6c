// A Disk on real files on which an empty folder goes when somebody opens it: another process makes
// its first entry just then (MakeFolderDurably).
#ifndef STATEWARD_TESTS_DOUBLES_VANISHING_DISK_H_
#define STATEWARD_TESTS_DOUBLES_VANISHING_DISK_H_

#include <string>

#include "doubles/forgetful_disk.h"

namespace stateward {

class VanishingDisk : public ForgetfulDisk {
 public:
  enum class When : uint8_t { kNever, kBeforeItIsOpened, kBeforeItIsListed };
  std::string folder;  // as the last part of the path names it
  When when = When::kNever;

  int OpenAt(int dir, const char* path, int flags, uint32_t mode) override {
    const std::string name(path);
    const bool hit = name.substr(name.rfind('/') + 1) == folder;
    if (hit && when == When::kBeforeItIsOpened) RemoveDirAt(dir, path);
    const int fd = ForgetfulDisk::OpenAt(dir, path, flags, mode);
    if (hit && when == When::kBeforeItIsListed) RemoveDirAt(dir, path);
    return fd;
  }
};

}  // namespace stateward

#endif  // STATEWARD_TESTS_DOUBLES_VANISHING_DISK_H_
