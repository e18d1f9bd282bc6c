# `make reference`: what is made from the tables of commands and stands in the repository.
.PHONY: reference
reference: programs
	$(Q)sed -i '/^<!-- `make reference` writes what follows/q' docs/commands.md
	$(Q)$(O)/statewardctl reference markdown >> docs/commands.md
