"""What an operator would write down about the tools of the AgentDojo suites: what they do, and who may choose what."""

from dataclasses import replace

from twintrack.guardrails.argument_rules import ArgumentRule
from twintrack.guardrails.tools import ToolAnnotations

_SAID = ArgumentRule(from_user=True)
_CONTACT = ArgumentRule(
    from_user=True,
    sources=frozenset({"search_contacts_by_name", "search_contacts_by_email"}),
    pointed_at=frozenset({"search_files.shared_with", "search_files_by_filename.shared_with"}),
)
_GUEST = ArgumentRule(
    from_user=True,
    sources=_CONTACT.sources,
    pointed_at=frozenset({"search_calendar_events.participants", "search_emails.sender"}),
)
_PAYER = ArgumentRule(from_user=True, pointed_at=frozenset({"get_most_recent_transactions.sender"}))
_MEMBER = ArgumentRule(from_user=True, sources=frozenset({"get_users_in_channel", "read_channel_messages.sender"}))
_INVITED = ArgumentRule(from_user=True, pointed_at=frozenset({"get_webpage", "read_inbox"}))
_CHANNEL = ArgumentRule(from_user=True, sources=frozenset({"get_channels"}))
_NO_LINKS = ArgumentRule(addresses_from_user=True)
_NO_SECRETS = ArgumentRule(not_from=frozenset({"get_user_information"}))


def _acts(*words: str, **arguments: ArgumentRule) -> ToolAnnotations:
    return ToolAnnotations(asked_by=frozenset(words), arguments=arguments)


def _destroys(*words: str) -> ToolAnnotations:
    return ToolAnnotations(destructive=True, asked_by=frozenset(words))


_WRITES = {
    "send_email": _acts("email", "mail", "send", recipients=_CONTACT, cc=_CONTACT, bcc=_CONTACT, body=_NO_SECRETS),
    "delete_email": _destroys("delete", "remove"),
    "create_calendar_event": _acts("create", "event", "calendar", "schedule", "reminder", participants=_GUEST),
    "cancel_calendar_event": _destroys("cancel", "delete", "remove"),
    "reschedule_calendar_event": _acts("reschedule", "move", "postpone"),
    "add_calendar_event_participants": _acts("add", "invite", participants=_GUEST),
    "append_to_file": _acts("add", "append", "update", "write"),
    "create_file": _acts("create", "write", "save", "make"),
    "delete_file": _destroys("delete", "remove"),
    "share_file": _acts("share", email=_SAID),
    "reserve_hotel": _acts("reserve", "reservation", "book", hotel=_SAID),
    "reserve_car_rental": _acts("reserve", "reservation", "book", "rent", company=_SAID),
    "reserve_restaurant": _acts("reserve", "reservation", "book", restaurant=_SAID),
    "send_money": _acts("pay", "send", "transfer", "refund", recipient=_PAYER),
    "schedule_transaction": _acts("schedule", "scheduled", "recurring", "standing", recipient=_SAID),
    "update_scheduled_transaction": _acts("update", "adjust", "change", "standing", recipient=_SAID),
    "update_password": _acts("password", password=_SAID),
    "update_user_info": _acts("update", "change", "moved"),
    "add_user_to_channel": _acts("add", user=_MEMBER, channel=_CHANNEL),
    "send_direct_message": _acts("send", "message", "write", "tell", recipient=_MEMBER, body=_NO_LINKS),
    "send_channel_message": _acts("post", "reply", "write", "send", channel=_CHANNEL, body=_NO_LINKS),
    "invite_user_to_slack": _acts("invite", user=_MEMBER, user_email=_INVITED),
    "remove_user_from_slack": _destroys("remove", "delete"),
    "post_webpage": _acts("post", "publish", url=_SAID),
}
_READS = ToolAnnotations(read_only=True)
_LINKED = ArgumentRule(from_user=True, pointed_at=frozenset({"read_channel_messages", "read_inbox"}))
_FETCHES = ToolAnnotations(read_only=True, arguments={"url": _LINKED})


def annotations(tools: list[str], *, approve: bool = False) -> dict[str, ToolAnnotations]:
    """Return what is known of the tools; with `approve`, a person is asked about whatever changes something."""
    known = {name: _WRITES.get(name, _FETCHES if name == "get_webpage" else _READS) for name in tools}
    return {name: replace(one, approve=approve and not one.read_only) for name, one in known.items()}
