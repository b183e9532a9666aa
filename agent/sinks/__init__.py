"""What leaves the house, one way: sinks are told what was logged, and nothing comes back."""
