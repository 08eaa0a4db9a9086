# The instance that people try, and everything that is tested end to end.
# `deps` in a make of its own: the flags of libraries are looked up when a Makefile is read.
.PHONY: demo
demo: ## a real VM in an instance of its own: the whole of banger on this machine
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all
	@smoke/demo

.PHONY: demo-clean
demo-clean: ## remove the demo with all it made
	@smoke/instance down demo

.PHONY: smoke
smoke: all ## scenarios with real guests
	@smoke/run

.PHONY: test
test: ## all that this machine can run, with one closing sum
	@smoke/test

.PHONY: full
full: all ## the long runs of smoke/full; STAGE=name for one of them
	@SMOKE_LIMIT=$${SMOKE_LIMIT:-86400} smoke/run $(if $(STAGE),smoke/full/$(STAGE).t,smoke/full/*.t)
