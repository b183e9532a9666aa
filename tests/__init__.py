"""The contract: each test is a sentence that must stay true."""
