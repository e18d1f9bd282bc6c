# `make pictures`: docs/pictures/*.svg from the texts next to them: .dot by Debian's graphviz, .tsv (figures,
# written by `make bench-scale`) by bench/draw_scale.py. The last line names the text that a picture was drawn
# from; tests/e2e/test_docs.py compares it.
.PHONY: pictures
PICTURE_TEXTS := $(wildcard docs/pictures/*.dot docs/pictures/*.tsv)
pictures: $(addsuffix .svg,$(basename $(PICTURE_TEXTS)))
docs/pictures/%.svg: docs/pictures/%.dot
	$(Q)dot -Tsvg $< > $@
	$(Q)echo "<!-- $$(sha256sum < $< | cut -c1-64) -->" >> $@
docs/pictures/%.svg: docs/pictures/%.tsv bench/draw_scale.py
	$(Q)python3 -B bench/draw_scale.py < $< > $@
	$(Q)echo "<!-- $$(sha256sum < $< | cut -c1-64) -->" >> $@
