"""Questions to a language model, behind one small interface.

``open_llm(settings, store=...)`` gives a LanguageModel, or None where no endpoint is set: whoever
asks must then answer by rules. ``model.ask(prompt, data, answer_type)`` returns a checked pydantic
object. What a model says stays unchecked beyond its form: callers hold it against their facts.
"""

from llm.answers import Answer, AnswerStore, Budget, Call, MemoryStore, Usage
from llm.model import LanguageModel, open_llm
from llm.prompts import Prompt, load_prompt

__all__ = [
    "Answer", "AnswerStore", "Budget", "Call", "LanguageModel", "MemoryStore", "Prompt", "Usage",
    "load_prompt", "open_llm",
]  # fmt: skip
