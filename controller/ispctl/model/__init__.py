"""The nouns people write, and the shape of a message about them. No I/O, no clock.

Annotations are not postponed in here: pydantic reads all of them whenever a command starts, and would compile each.
"""
