"""The nouns people write, and the shape of a message about them. No I/O, no clock.

Annotations are not postponed in here: all are read when the first file of a model is, and each would be compiled then.
"""
