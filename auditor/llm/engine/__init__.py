"""Calls sent so that each answer is paid for once, whatever dies, within limits, a budget and what the endpoint bears.

the caller's thread      all work on the database: cache, limits, marks, replies       `running`
a thread of its own      the network: one asyncio loop with the openai client          `sending`
"""

from auditor.llm.engine.once import ask_once
from auditor.llm.engine.running import run_calls
from auditor.llm.engine.stops import BudgetSpent, EndpointDown, NoPrice, Stopped

__all__ = ["BudgetSpent", "EndpointDown", "NoPrice", "Stopped", "ask_once", "run_calls"]
