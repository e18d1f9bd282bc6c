# Debian packages, in build/deb (debhelper). `make deb` compiles them from a clean copy of the sources;
# with STATEWARD_PROGRAMS=build/release it takes programs that are there already: the tests do that.
.PHONY: deb test-packages test-deb test-deb-13 container container-deps test-container
deb:
	$(Q)tools/deps.sh deb
	$(Q)packaging/build_deb.sh build/deb
test-packages: programs
	$(Q)python3 -B tests/packages/build_test.py
# Boots a fresh Debian with them (systemd-nspawn, as root) and does what an administrator does.
test-deb: programs
	$(Q)STATEWARD_PROGRAMS=$(O) packaging/build_deb.sh build/deb
	$(Q)python3 -B tests/packages/life.py
# The same in Debian 13, with packages that are made there; the manual pages of `make install` come from the programs here.
test-deb-13: programs
	$(Q)packaging/build_for.sh trixie build/deb-trixie
	$(Q)STATEWARD_SUITE=trixie python3 -B tests/packages/life.py
container-deps:
	$(Q)tools/deps.sh container
# An OCI image with them and nginx, in build/container (mmdebstrap, umoci; as root). The test unpacks it and
# starts it in namespaces of its own.
container: container-deps deb
	$(Q)packaging/container/build.sh build/container
test-container: container-deps programs
	$(Q)STATEWARD_PROGRAMS=$(O) packaging/build_deb.sh build/deb
	$(Q)packaging/container/build.sh build/container
	$(Q)python3 -B tests/packages/container_test.py
