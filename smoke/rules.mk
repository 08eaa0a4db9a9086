# The instance that people try, and everything that is tested end to end.
.PHONY: demo
demo: deps all ## a real VM in an instance of its own: the whole of banger on this machine
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
