"""The graph the peers serve, in their own idiom: MessagesState, ChatOpenAI with streaming, ToolNode.

Copied beside a configuration file and loaded by the peer's Python, not by ours: it imports nothing of ours.
"""

# LangGraph's builders defeat strict typing.
# pyright: reportUnknownMemberType=false
import os

from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

HISTORY_LIMIT = 60  # as ours: else turn 500 of a thread would measure how long a prompt the model gets
SYSTEM = ("system", "You answer questions with the tools you have.")


async def database_query(sql: str) -> str:
    """Run one read-only PostgreSQL SELECT."""
    del sql  # answered without a database, which favours the peers
    return os.environ["BENCHMARK_TOOL_RESULT"]


MODEL = ChatOpenAI(model=os.environ["BENCHMARK_MODEL"], streaming=True, max_retries=0).bind_tools([database_query])


async def think(state: MessagesState) -> MessagesState:
    """One model call."""
    answer = await MODEL.ainvoke([SYSTEM, *state["messages"][-HISTORY_LIMIT:]])
    return {"messages": [answer]}


builder = StateGraph(MessagesState)
builder.add_node("think", think)
builder.add_node("tools", ToolNode([database_query]))
builder.add_edge(START, "think")
builder.add_conditional_edges("think", tools_condition)
builder.add_edge("tools", "think")
graph = builder.compile()
