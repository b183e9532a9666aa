"""The policy that a workspace on a user's own data begins with, made from the default one.

Where the user gives no harmful requests, nothing can be counted for the floor on safety, and a rule
that asks for it would refuse every training. Then the rule is left out, and the file says so.
"""

from invariants.policy import default_bytes

SAFETY = (
    "[param.safety_floor]",
    "[param.safety_n]",
    "[metric.safety_pass]",
    '[[invariant]]\nid = "P11-safety-floor"',
)
"""How the parts of the default policy begin that speak of harmful requests."""
SAID = """\
# No harmful requests were given ([data] safety in plimsoll.toml), so P11-safety-floor of the usual
# policy is not here: NOTHING IN THIS FILE BOUNDS WHAT HARM THE TRAINED MODEL WOULD DO.
"""


def data_bytes(*, safety: bool) -> bytes:
    """The policy file for a user's own data.

    Args:
        safety: whether the user gave harmful requests; the floor on them is kept then.
    """
    text = default_bytes().decode("utf-8").replace('id = "micro-world"', 'id = "data"', 1)
    if safety:
        return text.encode("utf-8")
    head, *parts = text.split("\n\n")
    kept = [part for part in parts if not part.startswith(SAFETY)]
    if len(kept) != len(parts) - len(SAFETY):
        raise AssertionError("the default policy names these parts otherwise")
    return "\n\n".join([SAID + head, *kept]).encode("utf-8")
