"""What is so now? Read-only answers behind ispstat: git, the RADIUS database, and nothing else is asked.

One module a verb, each a query that returns values; `present` turns them into text, JSON or CSV. Imported by cli only.
Unknown is never empty: what a source did not tell is None in a value and "unknown" in a text.
"""
