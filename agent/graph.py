"""The loop, drawn once. Read this after logs/vocabulary.py.

observe -> diagnose -> decide -+-> act -> trial -> gate -+-> commit -> record -+
   ^                           |     |       |           +-> ask -> answer     |
   |                           |     |       |                        +-> commit, or (no) record
   |                           |     |       |                        +-> wait: the process ends
   |                           |     +-------+-----------+-> (refused) record  |
   |                           +-> ask -> answer -> record                     |
   |                           +-> (stop) record -> end                        |
   +---------------------------------------------------------------------------+
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agent.act import act
from agent.answer import answer, ask
from agent.observe import observe
from agent.settle import commit, gate, record
from agent.state import Context, Turn
from agent.think import decide, diagnose
from agent.trial import trial

Loop = CompiledStateGraph[Turn, Context, Turn, Turn]


def build(checkpointer: Any = None) -> Loop:
    """Wire the steps; every path ends in `record`, even a refusal, but one that waits."""
    graph = StateGraph(Turn, context_schema=Context)
    graph.add_node(observe)
    graph.add_node(diagnose)
    graph.add_node(decide)
    graph.add_node(act)
    graph.add_node(trial)
    graph.add_node(gate)
    graph.add_node(commit)
    graph.add_node(ask)
    graph.add_node(answer)
    graph.add_node(record)

    graph.add_edge(START, "observe")
    graph.add_edge("observe", "diagnose")
    graph.add_edge("diagnose", "decide")
    graph.add_conditional_edges("decide", way, ["act", "ask", "record"])
    graph.add_conditional_edges("act", way, ["trial", "record"])
    graph.add_conditional_edges("trial", way, ["gate", "record"])
    graph.add_conditional_edges("gate", way, ["commit", "ask", "record"])
    graph.add_edge("commit", "record")
    graph.add_edge("ask", "answer")
    graph.add_conditional_edges(
        "answer", way, {"commit": "commit", "record": "record", "wait": END}
    )
    graph.add_conditional_edges("record", way, {"observe": "observe", "end": END})
    return graph.compile(checkpointer=checkpointer)


def way(state: Turn) -> str:
    """Where the last step said to go."""
    return state["way"]
