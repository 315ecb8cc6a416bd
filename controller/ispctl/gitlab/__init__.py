"""What GitLab is told, and asked: the note of a plan on its merge request, and who approved it.

Hides python-gitlab, which only this package loads. Imported by cli alone.
"""

from ispctl.gitlab.approvals import Approvals
from ispctl.gitlab.notes import MergeRequest, Posted, put_note

__all__ = ["Approvals", "MergeRequest", "Posted", "put_note"]
