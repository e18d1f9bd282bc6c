# kill -9 at random moments and at every step of a write: nothing acknowledged may be lost
# (tests/e2e/prove_crash.py).
KILLS ?= 10000
# Every call of PosixDisk() meets the test's disk first; the rest is the program as it is shipped.
WRAP_DISK := -Wl,--wrap=_ZN9stateward9PosixDiskEv

.PHONY: prove-audit prove-crash prove-crash-commands prove-crash-pair prove-linear prove-late prove-crash-small prove-power-cut killpoints
killpoints: $(O)/stateward-killpoints $(O)/statewardctl-killpoints
$(O)/statewardctl-killpoints: $(O)/src/cli/main.o $(O)/tests/killpoints/kill_points.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) $(WRAP_DISK) -o $@ $^ $(LDLIBS)
$(O)/stateward-killpoints: $(O)/src/main.o $(O)/tests/killpoints/kill_points.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) $(WRAP_DISK) -o $@ $^ $(LDLIBS)

prove-crash: programs killpoints
	$(Q)python3 -B tests/e2e/prove_crash.py --kills $(KILLS)
# The same on a service: PAIR=postgres+postgres, s3+s3, fs+redis, …
PAIR ?= postgres+postgres
prove-crash-pair: programs killpoints
	$(Q)python3 -B tests/e2e/prove_crash.py --pair $(PAIR) --kills $(KILLS)
# The commands that change a state, on each of the proofs' pairs: DEATHS of each command by chance.
DEATHS ?= 20
prove-crash-commands: programs killpoints
	$(Q)set -e; for pair in fs+local postgres+postgres s3+redis; do echo "$$pair:"; \
	  python3 -B tests/e2e/prove_crash.py --only commands --pair $$pair --deaths $(DEATHS); done
# Linearizability over every pair, longer than in `make test`.
LINEAR_OPS     ?= 20000
LINEAR_SECONDS ?= 120
prove-linear: programs build/prove-locks
	$(Q)LINEAR_PAIRS=all LINEAR_OPS=$(LINEAR_OPS) LINEAR_SECONDS=$(LINEAR_SECONDS) python3 -B tests/e2e/run.py test_linear
# Plan locks with the real client, over minutes.
.PHONY: prove-plan-locks
prove-plan-locks: programs
	$(Q)python3 -B tests/e2e/prove_plan_locks.py
# Writes that arrive late, longer than in `make test`.
prove-late: programs
	$(Q)LATE_IN_FULL=1 python3 -B tests/e2e/run.py test_late_write
# 10,000 writes while the server is killed: none without its line in the audit trail.
prove-audit: programs
	$(Q)AUDIT_WRITES=10000 python3 -B tests/e2e/run.py test_audit.Audit.test_no_write_without_its_line
# Copies of a disk at a random moment; needs root, loop devices, xfsprogs, e2fsprogs, btrfs-progs.
CUTS ?= 20
prove-power-cut: programs
	$(Q)python3 -B tests/e2e/prove_power_cut.py --cuts $(CUTS)
# Part of `make test`.
prove-crash-small: programs killpoints
	$(Q)python3 -B tests/e2e/prove_crash.py --kills 300
-include $(wildcard $(O)/tests/killpoints/*.d)

# With a real terraform-backend, which is no part of this project: ORIGINAL=PROGRAM, built from its sources.
.PHONY: prove-original
prove-original: programs
	$(Q)ORIGINAL=$(ORIGINAL) python3 -B tests/e2e/prove_original.py

# 300 states from each of six places, with runs that are killed, and the store they are in to another storage.
.PHONY: prove-moves
prove-moves: programs
	$(Q)python3 -B tests/e2e/prove_moves.py
