"""The rules that no single file can break: one module for each part of the tree, all found by `repo.checks`.

They judge by the arithmetic that the rest of the program uses, so they know `desired` and `platforms`; nothing else of
`repo` does.
"""
