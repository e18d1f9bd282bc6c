# The man page and what shells need to complete, in build/man and build/completion.
.PHONY: man completion
man: build/man/statewardctl.1
completion: build/completion/statewardctl.bash build/completion/_statewardctl
build/man/statewardctl.1: $(O)/statewardctl
	$(Q)mkdir -p $(@D); $< reference man > $@
build/completion/statewardctl.bash: $(O)/statewardctl
	$(Q)mkdir -p $(@D); $< reference bash > $@
build/completion/_statewardctl: $(O)/statewardctl
	$(Q)mkdir -p $(@D); $< reference zsh > $@

# `make reference`: what is made from the tables of commands and stands in the repository.
.PHONY: reference
reference: programs
	$(Q)sed -i '/^<!-- `make reference` writes what follows/q' docs/commands.md
	$(Q)$(O)/statewardctl reference markdown >> docs/commands.md
