# `make pictures`: docs/pictures/*.svg from the texts next to them (Debian's graphviz). The last line names
# the text that a picture was drawn from; tests/e2e/test_docs.py compares it.
.PHONY: pictures
pictures: $(patsubst %.dot,%.svg,$(wildcard docs/pictures/*.dot))
docs/pictures/%.svg: docs/pictures/%.dot
	$(Q)dot -Tsvg $< > $@
	$(Q)echo "<!-- $$(sha256sum < $< | cut -c1-64) -->" >> $@
