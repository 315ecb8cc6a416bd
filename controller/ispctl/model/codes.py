"""Every code a message may carry, with its name. A test keeps this and the sections of `docs/errors.md` equal."""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    # E00x-E02x: reading git and YAML
    "E001": "not-a-repository",
    "E002": "empty-repository",
    "E003": "unknown-revision",
    "E004": "wrong-suffix",
    "E005": "git-unusable",
    "E006": "symlink",
    "E007": "submodule",
    "E008": "too-large",
    "E009": "not-utf8",
    "E010": "yaml-syntax",
    "E011": "duplicate-key",
    "E012": "several-documents",
    "E013": "anchor-or-alias",
    "E014": "tag",
    "E015": "too-deep",
    "E016": "not-a-mapping",
    "E017": "bad-file-name",
    "E018": "key-not-text",
    "E019": "control-character",
    "E020": "git-failed",
    # E03x-E05x: a file against its model
    "E030": "unknown-key",
    "E031": "missing-key",
    "E032": "wrong-value",
    "E033": "quote-it",
    "E034": "empty-value",
    # E10x-E19x: rules across files
    # E20x are secrets
    "E200": "bad-recipient",
    "E201": "missing-age-key",
    "E202": "wrong-age-key",
    "E203": "unreadable-age-key",
    "E204": "unreadable-keyring",
    "E205": "clear-secret",
    "E206": "damaged-secret",
    "E207": "unknown-sealing-key",
    "E208": "sealed-for-another",
    "E209": "unfit-secret",
    "E210": "cannot-write-secrets",
    "E211": "no-such-place",
    # E30x: the database
    "E300": "bad-dsn",
    "E301": "no-database",
    "E302": "broken-database",
    "E303": "no-tables",
    "E304": "database-not-ours",
    "E305": "newer-schema",
    "E306": "older-schema",
    "E307": "database-locked",
    "E308": "no-permission",
    "E309": "disk-full",
    "E310": "unserved-database",
    "E311": "database-failed",
    "E312": "another-run",
    "E313": "changed-meanwhile",
    "E314": "not-ours-adopt-first",
    "E315": "unfit-value",
    "E316": "unknown-attribute",
    "E317": "unfit-name",
    "E318": "held-back",
    # E40x: the RADIUS server and the lab
    "E401": "server-setting",
    "E402": "server-folder",
    "E403": "freeradius-missing",
    "E404": "port-taken",
    "E405": "server-config-refused",
    "E406": "server-not-ready",
    "E407": "lab-folder",
    "E408": "lab-not-running",
    "E409": "stand-ins-not-ready",
    "E410": "stand-in-refused",
    # E50x: live sessions
    "E501": "unfit-change",
    "E502": "nas-silent",
    "E503": "change-refused",
    "E504": "change-unsupported",
    "E505": "change-not-kept",
    # E60x: plans that are refused
    # W7xx are warnings
}
