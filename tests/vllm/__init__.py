"""Tests that draw by vLLM; they need its environment: `./run test-vllm`."""
