"""A chat model as a decider: it is asked once in a turn, and the log keeps what came of it.

    consult    what is asked: digest of the prompt, the model, the guidance      then the question
    consulted  what came back: digest of the raw answer, tries, tokens, seconds
    decide     a Decision: of the model (`llm:MODEL`), or of the decision table with the reason
               why not of the model (`llm-fallback:REASON`)

A step that runs again finds its entries: no question is asked twice, and one that was cut off by
a crash counts as unanswered. The decision is a function of the view and of what is stored.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from agent.config import Config
from agent.deciders import View
from agent.deciding.briefing import messages_of, predictable, schema_of
from agent.deciding.guidance import Guidance
from agent.deciding.guidance import read as read_guidance
from agent.deciding.menu import barred, possible
from agent.deciding.ready import endpoint_of
from agent.deciding.reply import Reply
from agent.deciding.reply import read as read_reply
from agent.listener import Listener
from agent.rules import decide as by_rules
from agent.rules import train_always
from agent.workspace import Workspace
from logs.errors import UsageError
from logs.journal import Journal
from logs.vocabulary import Alternative, Decision, Digest, EntryKind, Intervention, Word
from tools.chat import Heard, ask

ASKS, HEARS = "consult", "consulted"
"""The two entries that come before that of the decision."""
WHY_NOT = {
    "unreachable": "the endpoint cannot be reached",
    "dropped": "the connection broke off",
    "timed-out": "no answer came in time",
    "redirected": "the endpoint sends elsewhere, and nobody follows",
    "too-long": "the answer, or its reason, is too long",
    "not-a-completion": "the endpoint answers something else than a chat completion",
    "refused": "the model refused to answer",
    "cut-off": "the answer was cut off at the limit of tokens",
    "empty": "the answer is empty",
    "not-json": "the answer is not one JSON object",
    "invalid": "the answer does not have the agreed form",
    "off-menu": "the answer is not on the menu of what is possible now",
    "interrupted": "the session was interrupted while the answer was awaited",
    "guidance": "the guidance cannot be read, and nothing is decided without it",
}
"""Reason -> what it means; `http-STATUS` is any other status."""
FREE = frozenset({"unreachable", "redirected", "guidance"})
"""Failures before any model could have worked."""


class Exchange(Word):
    """What the log keeps of a question that was asked: the entry `consulted`."""

    prompt: Digest | None
    """What was asked, as it was stored; None if nothing was."""
    answer: Digest | None
    """The raw text of the answer, as it was stored."""
    failed: str
    """Why there is no answer to read; empty if there is one."""
    tries: tuple[str, ...] = ()
    schema_given: bool = False
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    tokens_most: tuple[int, int] | None = None
    """In and out, where the endpoint may have worked and did not count: no token is shorter than
    a byte, and no answer longer than was asked for."""


@dataclass(frozen=True, slots=True)
class Language:
    """Asks a chat model; whatever is wrong with its answer, the decision table decides."""

    workspace: Workspace
    journal: Journal
    listener: Listener

    def __call__(self, view: View) -> Decision:
        """The decision for this turn."""
        exchange = self._known(view) or self._asked(view)
        stored = exchange.answer and self.workspace.store.get(exchange.answer).decode("utf-8")
        return decision_of(view, self._config.decider.model, exchange.failed, stored or "")

    @property
    def _config(self) -> Config:
        return self.workspace.config

    def _known(self, view: View) -> Exchange | None:
        """What came of a question of this turn that was asked before."""
        session = self._config.session.name
        heard = self.journal.find(session, view.iteration, HEARS)
        if heard:
            return Exchange.model_validate(heard.body)
        asked = self.journal.find(session, view.iteration, ASKS)
        if asked is None:
            return None
        failed = "" if asked.body["prompt"] is None else "interrupted"
        return self._heard(view, asked.body["prompt"], Heard(failed=failed or "guidance"))

    def _asked(self, view: View) -> Exchange:
        """Ask, with the question in the log before it leaves this machine."""
        endpoint = endpoint_of(self._config.decider)
        try:
            guidance = read_guidance(self.workspace.root, self._config.decider.guidance)
        except UsageError as error:
            self._log(view, ASKS, {"prompt": None, "guidance": None, "saw": error.saw})
            return self._heard(view, None, Heard(failed="guidance"))
        menu = possible(view)
        messages = messages_of(view, menu, guidance)
        prompt = self.workspace.store.put_json(list(messages))
        self._log(view, ASKS, self._question(prompt, guidance))
        of = self._config.decider
        heard = ask(
            endpoint,
            messages,
            schema=schema_of(view, menu),
            max_tokens=of.max_tokens,
            temperature=of.temperature,
        )
        return self._heard(view, prompt, heard)

    def _question(self, prompt: Digest, guidance: Guidance | None) -> dict[str, object]:
        said = {"digest": guidance.digest, "text": guidance.text} if guidance else None
        of = self._config.decider
        return {"prompt": prompt, "model": of.model, "endpoint": of.endpoint, "guidance": said}

    def _heard(self, view: View, prompt: Digest | None, heard: Heard) -> Exchange:
        text = heard.text.encode("utf-8", "replace")
        exchange = Exchange(
            prompt=prompt,
            answer=self.workspace.store.put(text) if text else None,
            failed=heard.failed,
            tries=heard.tries,
            schema_given=heard.schema,
            tokens_in=heard.tokens_in,
            tokens_out=heard.tokens_out,
            seconds=heard.seconds,
            tokens_most=self._most(prompt, heard),
        )
        self._log(view, HEARS, exchange)
        return exchange

    def _most(self, prompt: Digest | None, heard: Heard) -> tuple[int, int] | None:
        free = heard.failed in FREE or heard.failed.startswith("http-")
        if prompt is None or free or None not in (heard.tokens_in, heard.tokens_out):
            return None
        return len(self.workspace.store.get(prompt)), self._config.decider.max_tokens

    def _log(self, view: View, step: str, body: Word | Mapping[str, object]) -> None:
        entry = self.journal.append(
            EntryKind.CONSULTED,
            session=self._config.session.name,
            iteration=view.iteration,
            step=step,
            body=body,
        )
        self.listener.entry(entry)


def decision_of(view: View, model: str, failed: str, answer: str) -> Decision:
    """The decision that follows from an answer; a pure function, so that a log can be replayed.

    Args:
        view: what the decider saw.
        model: who was asked.
        failed: why there is no answer, or an empty text.
        answer: the raw text of the answer.
    """
    if failed:
        return _fallback(view, failed)
    reply = read_reply(answer)
    if isinstance(reply, str):
        return _fallback(view, reply)
    menu = possible(view)
    chosen = reply.item(menu)
    if chosen is None:
        return _fallback(view, "off-menu", reply)
    item, arguments = chosen
    table = by_rules(view)
    others = (i.intervention for i in menu if i.intervention is not item.intervention)
    return Decision(
        iteration=view.iteration,
        intervention=item.intervention,
        rule=f"llm:{model}",
        because=reply.because,
        evidence=(*train_always(view).evidence, f"confidence {reply.confidence}"),
        alternatives=(
            Alternative(
                intervention=table.intervention,
                because=f"the decision table would choose it by {table.rule}: {table.because}",
            ),
            *(
                Alternative(intervention=other, because="on the menu, and not chosen")
                for other in dict.fromkeys(others)
            ),
            *barred(view),
        ),
        predicted=reply.predicted(predictable(view)),
        arguments=arguments,
    )


def _fallback(view: View, reason: str, reply: Reply | None = None) -> Decision:
    """What the decision table says, and why the model does not decide."""
    table = by_rules(view)
    why_not = WHY_NOT.get(reason, f"the endpoint answers {json.dumps(reason)}")
    wanted = reply.intervention if reply else ""
    passed = [
        Alternative(intervention=Intervention(wanted), because=f"the model's choice: {why_not}")
        for wanted in [wanted]
        if wanted in list(Intervention)
    ]
    update = {
        "rule": f"llm-fallback:{reason}",
        "because": f"{why_not}, so the decision table decides by {table.rule}: {table.because}",
        "alternatives": (*passed, *table.alternatives),
    }
    return table.model_copy(update=update)
