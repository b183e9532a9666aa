"""Deciders beside the decision table: chance, and a chat model that is asked."""
