// The double must keep the contract too, or what is proved with it proves nothing.
#include "doubles/mem_storage.h"

#include <CppUTest/TestHarness.h>

#include <memory>
#include <string>

#include "conformance/storage_cases.h"

namespace stateward {
namespace {

class MemFixture : public StorageFixture {
 public:
  std::shared_ptr<Storage> Open() override { return storage_; }
  void RemoveMarker() override { storage_->RemoveMarker(); }
  void PutLegacy(const std::string& legacy_id, const std::string& blob) override {
    storage_->legacy[legacy_id].assign(blob.begin(), blob.end());
  }
  bool PutStranger() override { return false; }

 private:
  std::shared_ptr<MemStorage> storage_ = std::make_shared<MemStorage>();
};

}  // namespace

TEST_GROUP(MemConforms) { MemFixture fixture; };

STORAGE_CONFORMS(MemConforms)

}  // namespace stateward
