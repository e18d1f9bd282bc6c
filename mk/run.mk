# `make run` tries Stateward on this machine: own folder, own port, own nginx.
.PHONY: run
run:
	$(Q)tools/deps.sh run
	$(Q)$(MAKE) --no-print-directory -j$(shell nproc) all
	$(Q)tools/try.sh
