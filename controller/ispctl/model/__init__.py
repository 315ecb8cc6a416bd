"""The nouns people write, and the shape of a message about them. No I/O, no clock.

Annotations are not postponed in here: they are read when a command reads the first file of a model, and each would be compiled.
"""
