"""What GitLab is told: the note of a plan on its merge request. Hides python-gitlab, which only this package loads.

Imported by cli alone.
"""

from ispctl.gitlab.notes import MergeRequest, Posted, put_note

__all__ = ["MergeRequest", "Posted", "put_note"]
