#include "base/marked_folder.h"

#include <CppUTest/TestHarness.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace stateward {
namespace {

std::string TextOf(ByteView text) { return std::string(text.AsString()); }

}  // namespace

TEST_GROUP(MarkedFolder) {
  char place[40] = "/tmp/stateward-mark-XXXXXX";
  int asked = 0;
  std::string seen;

  void setup() override {
    CHECK(mkdtemp(place) != nullptr);
    Make("a", "one");
  }
  void teardown() override {
    [[maybe_unused]] int r = system(("rm -rf " + std::string(place)).c_str());
  }

  std::string Path(const std::string& name) { return std::string(place) + "/" + name; }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(Path(name)) << text;
  }
  void Make(const std::string& folder, const std::string& marker) {
    CHECK_EQUAL(0, mkdir(Path(folder).c_str(), 0700));
    Write(folder + "/marker", marker);
  }
  void Move(const std::string& from, const std::string& to) {
    CHECK_EQUAL(0, rename(Path(from).c_str(), Path(to).c_str()));
  }
  Result<MarkedFolder::Root> Open(MarkedFolder * folder) {
    return folder->Open([this](ByteView text, int) {
      ++asked;
      seen = TextOf(text);
      return seen == "bad" ? Status::Unavailable("bad") : Status();
    });
  }
  void Absent(MarkedFolder * folder) {
    Result<MarkedFolder::Root> root = Open(folder);
    CHECK_FALSE(root.ok());
    CHECK(root.status().code() == Code::kNotFound);
  }
  bool Has(const MarkedFolder::Root& root, const char* name) {
    DiskStat stat;
    return PosixDisk().StatAt(root.get(), name, &stat) == 0;
  }
};

TEST(MarkedFolder, AsksOnceAboutAMarkerThatStays) {
  MarkedFolder folder(PosixDisk(), Path("a"), "marker", 10);
  for (int i = 0; i < 3; ++i) CHECK(Open(&folder).ok());
  CHECK_EQUAL(1, asked);
}

TEST(MarkedFolder, AsksAgainAboutAnExchangedMarker) {
  MarkedFolder folder(PosixDisk(), Path("a"), "marker", 10);
  CHECK(Open(&folder).ok());
  Write("new", "two");
  Move("new", "a/marker");
  CHECK(Open(&folder).ok());
  CHECK_EQUAL(std::string("two"), seen);
  Write("new", "bad");
  Move("new", "a/marker");
  CHECK(Open(&folder).status().code() == Code::kUnavailable);
  CHECK(Open(&folder).status().code() == Code::kUnavailable);
  CHECK_EQUAL(4, asked);
}

// What an unmounted disk looks like: the folder is there, and empty.
TEST(MarkedFolder, AnEmptyFolderInItsPlaceIsAbsentUntilItIsBack) {
  MarkedFolder folder(PosixDisk(), Path("a"), "marker", 10);
  CHECK(Open(&folder).ok());
  Move("a", "away");
  Absent(&folder);
  CHECK_EQUAL(0, mkdir(Path("a").c_str(), 0700));
  Absent(&folder);
  CHECK_EQUAL(0, rmdir(Path("a").c_str()));
  Move("away", "a");
  CHECK(Open(&folder).ok());
}

TEST(MarkedFolder, ACopyInItsPlaceIsTheOneThatIsLookedInto) {
  MarkedFolder folder(PosixDisk(), Path("a"), "marker", 10);
  CHECK(Open(&folder).ok());
  Make("copy", "one");
  Write("copy/only in the copy", "");
  Move("a", "away");
  Move("copy", "a");
  Result<MarkedFolder::Root> root = Open(&folder);
  CHECK(root.ok());
  CHECK(Has(*root, "only in the copy"));
}

// The marker alone is moved into another folder: the same file, but not where it was accepted.
TEST(MarkedFolder, AMovedMarkerIsAskedAbout) {
  MarkedFolder folder(PosixDisk(), Path("a"), "marker", 10);
  CHECK(Open(&folder).ok());
  CHECK_EQUAL(0, mkdir(Path("b").c_str(), 0700));
  Move("a/marker", "b/marker");
  Absent(&folder);
  Move("a", "away");
  Move("b", "a");
  Write("a/only here", "");
  Result<MarkedFolder::Root> root = Open(&folder);
  CHECK(root.ok());
  CHECK(Has(*root, "only here"));
}

TEST(MarkedFolder, AMarkerThatIsTooLongIsDamaged) {
  Write("a/marker", "longer than ten");
  MarkedFolder folder(PosixDisk(), Path("a"), "marker", 10);
  CHECK(Open(&folder).status().code() == Code::kCorruption);
}

}  // namespace stateward
