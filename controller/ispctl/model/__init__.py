"""The nouns people write, and the shape of a message about them. No I/O, no clock."""
