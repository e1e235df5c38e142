"""From what was typed to a query: language, plan, names, spelling, snippets. No ranking."""
