// The whole server above a disk that loses what was not synced. After each answer the power is cut
// and another server is started on what is left: what was acknowledged must be there.
#include "doubles/power_cut_world.h"

namespace stateward {

using namespace power_cut;  // NOLINT: the world's own words

namespace {

// A worker dies at one of its syncs, when others can see already what it made; its client repeats
// the request, and another worker finds it done, or half done. That one's 200 must hold, too.
void DieAtEachSync(bool journal) {
  const std::vector<Step> steps = Steps();
  for (size_t at = 0; at < steps.size(); ++at) {
    const Step& step = steps[at];
    Reply reply;
    for (int syncs = 0; reply.status != step.status; ++syncs) {
      CHECK_TEXT(syncs < 20, "it ends at its last sync");
      World world(journal, journal);
      std::unique_ptr<Server> server = world.Process();
      for (size_t i = 0; i < at; ++i) server->Ask(steps[i].method, steps[i].query, steps[i].body);
      world.disk().syncs_left = syncs;
      reply = server->Ask(step.method, step.query, step.body);
      world.disk().syncs_left = INT_MAX;
      server = world.Process();
      LONGS_EQUAL(step.status, server->Ask(step.method, step.query, step.body).status);
      const std::string lost = world.LostAfter(step);
      STRCMP_EQUAL_TEXT("", lost.c_str(), ("died at sync " + std::to_string(syncs)).c_str());
    }
  }
}

}  // namespace

TEST_GROUP(PowerCut){};

TEST(PowerCut, NothingAcknowledgedIsLost) { STRCMP_EQUAL("", World().Run().c_str()); }

// The model must be able to fail: a server that does not sync loses at once.
TEST(PowerCut, WithoutSyncItIsLost) {
  for (bool files : {false, true}) {
    for (bool folders : {false, true}) {
      if (files && folders) continue;
      World world;
      world.disk().sync_files = files;
      world.disk().sync_folders = folders;
      CHECK(!world.Run().empty());
    }
  }
}

// A file that has its name but still no link in its inode is taken away by the file system's check.
TEST(PowerCut, WithoutAJournalNothingIsLostEither) {
  // The model must be able to fail: a journal that is not there.
  for (bool known : {false, true}) {
    World world(false, known);
    CHECK_EQUAL(known, !world.Run().empty());
  }
}

// From each step on: each of them syncs what it needs, and none lives on the syncs of an earlier.
TEST(PowerCut, WithoutSyncFromAStepOnThatStepIsLost) {
  const std::vector<Step> steps = Steps();
  for (size_t from = 0; from < steps.size(); ++from) {
    World world;
    std::unique_ptr<Server> server = world.Process();
    for (size_t i = 0; i <= from; ++i) {
      const Step& step = steps[i];
      world.disk().sync_files = i < from;
      world.disk().sync_folders = i < from;
      LONGS_EQUAL(step.status, server->Ask(step.method, step.query, step.body).status);
      CHECK_TEXT(world.LostAfter(step).empty() == (i < from), step.name);
    }
  }
}

TEST(PowerCut, RepeatsSettleWhatADeadWorkerLeft) { DieAtEachSync(true); }
TEST(PowerCut, RepeatsSettleWhatADeadWorkerLeftWithoutAJournal) { DieAtEachSync(false); }

}  // namespace stateward
