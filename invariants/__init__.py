"""The law: policy language, exact evaluator, z3 proofs, tiers, gate and gold vault."""
