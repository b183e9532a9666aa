"""The hands and eyes: sampling, judging, training, instruments, the store, the micro-world."""
