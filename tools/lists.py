"""Lists of answers that jobs sample: their names, and what each job fixes of them."""

ANSWERS = "answers"
"""The only list of a job that samples one."""
DIVERGENCE = "divergence"
"""Answers on which a candidate's divergence from the base is taken."""
FITTING_SAMPLES = 8
"""Answers to each prompt that the founding annotators compare."""
HOT = 1.4
"""Temperature of the degraded checkpoint: hot enough to be worse, not so hot that nothing is left
that a null has not."""
HEAT = {"anchor": 1.0, "degraded": HOT}
"""Temperature of each list of the sabotage control."""
