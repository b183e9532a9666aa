# For fingers that type `make`; everything happens in ./run
.PHONY: demo test test-slow check setup tree
demo test test-slow check setup tree:
	@./run $@
