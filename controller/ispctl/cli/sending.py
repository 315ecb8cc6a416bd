"""`ispctl statement --send`, `ispctl reset-password --notify`, `ispctl outbox`: what goes to people by e-mail,
once, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from ispctl.cli.common import FormatOption, Session, clock, say, say_json
from ispctl.model.problem import Problem, Refusal
from ispctl.structs import Struct, field

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ispctl.model.document import Document
    from ispctl.model.subscriber import Subscriber
    from ispctl.notices import Letter, Mail
    from ispctl.repo import Holding, Snapshot
    from ispctl.store import Message
    from ispctl.verbs.draft import Draft

State = Literal["queued", "sending", "sent", "failed"]
ENGLISH: Final = "en"
WAITING: Final[tuple[State, ...]] = ("queued", "sending", "failed")


class Shown(Struct):
    """A statement as JSON has it, in words and as a PDF; `subject`: the title of its page, in its language."""

    said: dict[str, Any] = field(repr=False)
    language: str
    subject: str
    text: str = field(repr=False)
    octets: bytes = field(repr=False)


def send_statement(
    session: Session, shared: Snapshot, document: Document[Subscriber], shown: Shown, *, again: bool
) -> None:
    """Send a statement to its subscriber, as he is written to now, unless it went. Raises Refusal."""
    from zoneinfo import ZoneInfo

    from ispctl.digests import sha256
    from ispctl.notices import Letter, deliver
    from ispctl.report.plan_json import dumps

    channel = _mail(session, shared)
    to = _address(document, f"give it as a file: ispctl statement {document.value.id} --pdf --out FILE")
    said = shown.said
    id, since, until = said["id"], said["since"], said["until"]
    digest = sha256((shown.language + dumps(said)).encode()).hexdigest()
    letter = Letter(
        key=f"statement {id} {digest}",
        kind="statement",
        subscriber=id,
        about=f"{since} to {until} in {shown.language}",
        to=to,
        subject=shown.subject or f"Statement of account {id}, {since} to {until}",
        text=shown.text,
        attached=f"statement-{id}-{since}-{until}.pdf",
        octets=shown.octets,
    )
    with session.store(shared) as store:
        done = deliver(store, letter, channel, session.actor, clock, again=again)
    sent = _local(done.sent, ZoneInfo(shared.policy.value.timezone))
    what = f"{id}, {letter.about}"
    if done.again:
        say(f"already sent {sent}: {what}; nothing was sent. With --again it goes once more")
    elif done.perhaps_twice:
        say(f"sent: {what}. An earlier attempt was interrupted, so it may arrive twice")
    else:
        say(f"sent: {what}")


class PasswordLetter(Struct):
    """A new password on its way to whom it belongs; the server and the address were looked at before it was set."""

    session: Session
    shared: Snapshot
    held: Holding
    channel: Mail
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    language: str

    def holds(self, draft: Draft) -> bool:
        """Whether it tells the password that the service has there."""
        return draft.service(self.held.owner).service.password == self.held.service.password

    def promise(self, commit: str) -> None:
        """Write down that it is to go, before others have the commit. Raises Refusal."""
        from ispctl.notices import promise

        with self.session.store(self.shared) as store:
            promise(store, self._letter(commit), self.session.actor, clock())

    def take_back(self, commit: str) -> None:
        """The commit was not taken. Where that cannot be written down, a letter waits that nobody needs."""
        with suppress(Refusal), self.session.store(self.shared) as store:
            store.take_back_message(self._letter(commit).key)

    def send(self, commit: str) -> None:
        """Send it once for each commit. Raises Refusal."""
        from ispctl.notices import deliver

        with self.session.store(self.shared) as store:
            deliver(store, self._letter(commit), self.channel, self.session.actor, clock)

    def _letter(self, commit: str) -> Letter:
        from ispctl.notices import Letter

        id, owner = self.held.document.value.id, self.held.owner
        return Letter(
            key=f"password {owner} {commit}",
            kind="password",
            subscriber=id,
            about=owner if self.language == ENGLISH else f"{owner} in {self.language}",
            to=self.to,
            subject=self.subject,
            text=self.text,
            secret=True,
        )


class Letters(Struct):
    """Promises of a verb."""

    those: Sequence[PasswordLetter] = field(repr=False)

    def promise(self, commit: str) -> None:
        """Raises Refusal."""
        for letter in self.those:
            letter.promise(commit)

    def take_back(self, commit: str) -> None:
        """The commit was not taken."""
        for letter in self.those:
            letter.take_back(commit)


def password_letter(session: Session, draft: Draft, held: Holding, clear: str, language: str) -> PasswordLetter:
    """`clear`: what it tells. Raises Refusal E752, E753 where it could not be sent, E750 where there are no words for
    it."""
    from ispctl.report import letters

    path = letters.password_path(language)
    own = draft.there(path)
    if own is None and language != ENGLISH:
        raise Refusal(Problem("E750", f"there is no {path}", advice=f"Commit one, or take the language {ENGLISH}"))
    service, id = held.service, held.document.value.id
    subject, text = letters.password(id, service.login, clear, language, own)
    to = _address(held.document, f"leave notify out and say it: ispctl secrets show service/{held.owner}/password")
    return PasswordLetter(session, draft.head, held, _mail(session, draft.head), to, subject, text, language)


def outbox(
    context: typer.Context,
    state: Annotated[State | None, typer.Option("--state", help="Default: all that did not go.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="So many, newest first.")] = 100,
    format: FormatOption = "text",
) -> None:
    """What was to be sent to people and did not go, why, and how to send it once more. Nothing sends it by itself."""
    from zoneinfo import ZoneInfo

    session: Session = context.obj
    with session.repository() as repository:
        shared = repository.part("HEAD", ())
        with session.store(shared, readonly=True) as store:
            found = store.messages((state,) if state else WAITING, limit)
    zone = ZoneInfo(shared.policy.value.timezone)
    items = [_item(one, zone) for one in found]
    if format == "json":
        say_json({"version": 1, "items": items})
    else:
        say("\n".join(map(_line, items)) or ("Nothing is there." if state else "Nothing waits."))


def _item(one: Message, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "state": one.state,
        "kind": one.kind,
        "id": one.subscriber,
        "about": one.about,
        "attempts": one.attempts,
        "unsure": one.unsure,
        "error": one.error,
        "by": one.by,
        "made": _local(one.made, zone),
        "tried": _local(one.tried, zone) if one.tried else None,
        "command": _command(one),
    }


def _command(one: Message) -> str:
    """What sends it once more. A password is not kept for that: another one is made."""
    if one.kind == "password":
        owner, _, language = one.about.partition(" in ")
        words = ["ispctl", "reset-password", owner, "--notify", *_in(language or ENGLISH), "--direct"]
        return " ".join(words)
    since, _, until, _, language = one.about.split()
    words = ["ispctl", one.kind, one.subscriber, "--from", since, "--to", until, *_in(language)]
    again = one.state == "sent" or (one.state == "sending" and one.unsure)
    return " ".join([*words, "--send", *(["--again"] if again else [])])


def _in(language: str) -> list[str]:
    return [] if language == ENGLISH else ["--language", language]


def _line(item: dict[str, Any]) -> str:
    why = f": {item['error']}" if item["error"] else ""
    times = f"{item['attempts']} attempt{'s' if item['attempts'] != 1 else ''}"
    return f"{item['state']}  {item['kind']} of {item['id']}, {item['about']}; {times}{why}\n    {item['command']}"


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat(timespec="seconds")


def _address(document: Document[Subscriber], otherwise: str) -> str:
    """`otherwise`: how what would be sent gets to whoever has none. Raises Refusal E752."""
    found = document.value.profile.email
    if found:
        return found
    id = document.value.id
    advice = f"ispctl edit {id} profile.email=…, or {otherwise}"
    raise Refusal(Problem("E752", f"{id} has no e-mail address", document.where("profile"), advice))


def _mail(session: Session, shared: Snapshot) -> Mail:
    """The server of inventory/targets.yaml, each value overridden by the environment. Raises Refusal E753."""
    from ispctl.model.network import MailTarget
    from ispctl.model.reading import read
    from ispctl.notices import Mail

    named = shared.targets.value.mail if shared.targets else None
    url = session.env.get(f"{session.prefix}_MAIL__URL") or (named.url if named else None)
    sender = session.env.get(f"{session.prefix}_MAIL__SENDER") or (named.sender if named else None)
    if not (url and sender):
        advice = 'Write mail: {url: "smtps://user@host", sender: …} into inventory/targets.yaml'
        raise Refusal(Problem("E753", "no mail server is named", advice=advice))
    try:
        target = read(MailTarget, {"url": url, "sender": sender})
    except ValueError:
        text = f"{session.prefix}_MAIL__URL or {session.prefix}_MAIL__SENDER is not one"
        raise Refusal(Problem("E753", text, advice="Write smtps://user@host:port, and an address")) from None
    return Mail(target.url, target.sender, session.env.get(f"{session.prefix}_MAIL_PASSWORD", ""))
