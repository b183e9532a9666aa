"""`/inbox`: what waits for people, the riskiest first; `/inbox/CH`: one case, prepared."""

from argparse import Namespace
from typing import Any

from agent import commands_inbox
from agent import inbox as papers
from agent.view.asked import Asked
from agent.view.frame import Page
from agent.view.pages.decision import options
from agent.view.place import Place
from logs.vocabulary import Outcome, Tier

RISK = (Tier.FORBIDDEN, Tier.HIGH, Tier.MEDIUM, Tier.LOW)
TYPED = 8
"""Hex digits of a proposal's name that a person types before an answer is signed."""


def inbox(place: Place, asked: Asked) -> Page:
    """What waits, then what was answered where `all` is asked for."""
    if place.log is None:
        return Page("inbox", "Inbox", "plimsoll inbox list", {"proposals": [], "all": False})
    every = asked.query.get("all") == "1"
    rows = commands_inbox.list_pending(options(place, asked, all=every)).data
    tiers = {p.digest: p.verdict.tier for p in papers.pending_in(place.journal)}
    shown = [row | {"tier": str(tiers[row["digest"]])} for row in rows]
    shown.sort(key=lambda row: RISK.index(Tier(row["tier"])))
    command = "plimsoll inbox list" + (" --all" if every else "")
    return Page("inbox", "Inbox", command, {"proposals": shown, "all": every})


def case(place: Place, asked: Asked) -> Page:
    """One proposal: what would change, what the law says, who said what, and how to answer."""
    ref = asked.parts["proposal"]
    data = commands_inbox.show(options(place, asked, proposal=ref)).data
    pending = papers.named(place.journal, ref)
    rulings = [
        {
            "invariant": r.invariant,
            "outcome": str(r.outcome),
            "say": r.say,
            "values": list(r.values),
        }
        for r in sorted(pending.verdict.rulings, key=lambda r: r.outcome is Outcome.HOLDS)
    ]
    data = data | {"rulings": rulings, "asked_at": pending.asked.at}
    more = {
        "open": pending.open and data["standing"] == "waits",
        "typed": TYPED,
        "pending": pending,
    }
    wish = str(pending.proposal.intervention).replace("_", " ").capitalize()
    title = f"{wish}, {pending.digest[:12]}"
    command = f"plimsoll inbox show {pending.digest[:12]}"
    return Page("case", title, command, data, more, session=pending.asked.session)


def answering(place: Place, digest: str, decision: str, reason: str) -> Namespace:
    """The options of `plimsoll approve` and `reject`, as the page fills them in."""
    asked: dict[str, Any] = {"proposal": digest, "reason": reason, "key": str(place.key)}
    rest = {"signed": None, "statement": False, "dry_run": False}
    return options(place, Asked(), **asked, **rest, decision=decision)
