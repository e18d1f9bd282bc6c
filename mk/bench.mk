# Speed of the whole server, next to a program that only answers and one that only syncs
# (bench/README.md). BENCH_ARGS: python3 bench/run.py --help.
BENCH_PROGRAMS := $(O)/bench/driver $(O)/bench/ceiling $(O)/bench/loop

.PHONY: bench bench-programs
bench-programs: $(BENCH_PROGRAMS)
bench: programs bench-programs
	$(Q)python3 bench/run.py --build $(O) $(BENCH_ARGS)

# Any server of the protocol, or several: BENCH_ARGS="--url http://host:8080/state/project".
.PHONY: bench-url
bench-url: bench-programs
	$(Q)python3 -B bench/compare.py --build $(O) $(BENCH_ARGS)

# Ordinary clients next to crowds of slow ones.
.PHONY: bench-slow
bench-slow: programs bench-programs
	$(Q)python3 -B bench/slow.py --build $(O) $(BENCH_ARGS)

$(O)/bench/driver: $(O)/bench/driver.o $(O)/bench/driver_options.o $(O)/bench/workload.o \
                   $(O)/bench/http_client.o $(O)/bench/process_watch.o
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ -lcrypto
$(O)/bench/ceiling: $(O)/bench/ceiling.o
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ -lfcgi
$(O)/bench/loop: $(O)/bench/loop.o
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
$(O)/bench/%.o: bench/%.c
	@mkdir -p $(@D); echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
-include $(wildcard $(O)/bench/*.d)

# Lists of many states.
.PHONY: bench-list
bench-list: programs $(O)/bench/fill_store
	$(Q)STATEWARD_BUILD=$(O) python3 -B bench/list.py $(BENCH_ARGS)
$(O)/bench/fill_store: $(O)/bench/fill_store.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Pairs of storage and lock next to the ceilings of Redis, Postgres and S3.
.PHONY: bench-pairs
bench-pairs: programs bench-programs $(O)/bench/s3_loop tools
	$(Q)python3 -B bench/run_pairs.py --build $(O) $(BENCH_ARGS)
$(O)/bench/s3_loop: $(O)/bench/s3_loop.o $(O)/libstateward.a
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# What a request costs as a store grows; the picture in docs/performance.md. BENCH_ARGS="--out FILE" writes
# the figures elsewhere.
SCALE_FIGURES := docs/pictures/scale.tsv
.PHONY: bench-scale
bench-scale: programs $(O)/bench/fill_store
	$(Q)STATEWARD_BUILD=$(O) python3 -B bench/scale.py --out $(SCALE_FIGURES) $(BENCH_ARGS); \
	  echo $$? >$(O)/bench/scale.exit
	$(Q)$(MAKE) --no-print-directory $(SCALE_FIGURES:.tsv=.svg)
	$(Q)exit $$(cat $(O)/bench/scale.exit)

# Crowds of clients: 16, 200 and 1,000 at once, and where their requests wait.
.PHONY: bench-crowd
bench-crowd: programs bench-programs
	$(Q)python3 -B bench/crowd.py --build $(O) $(BENCH_ARGS)

# Start to first answer, memory of idle workers, and what clients see of reloads.
.PHONY: bench-start
bench-start: programs bench-programs $(O)/bench/fill_store
	$(Q)STATEWARD_BUILD=$(O) python3 -B bench/start.py $(BENCH_ARGS)

# What the steps of a request cost by themselves, on tmpfs.
.PHONY: bench-floor
bench-floor: $(O)/bench/floor
	$(Q)dir=$$(mktemp -d /dev/shm/stateward-floor-XXXXXX); log=$$(mktemp); $(O)/bench/floor $$dir $$log 20000; \
	  code=$$?; rm -rf $$dir $$log; exit $$code
$(O)/bench/floor: $(O)/bench/floor.o $(O)/bench/workload.o $(O)/bench/http_client.o
	@echo "  LINK  $@"
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ -lcrypto -lzstd
