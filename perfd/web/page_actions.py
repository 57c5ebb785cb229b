"""What pages change: forms that work without JavaScript, answered by a redirect."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import msgspec
from aiohttp import web

from perfd.errors import BadInput, Refused, TooLarge
from perfd.web.api_tickets import ACTIONS
from perfd.web.caller import caller_of
from perfd.web.context import CONTEXT
from perfd.web.endpoint import in_words
from perfd.web.links import ticket_path
from perfd.web.session import COOKIE, LIFETIME, issue

_LONGEST = 16 * 1024  # bytes of a form
_MOST_FIELDS = 32


async def act(request: web.Request) -> web.Response:
    """Apply a ticket action. The access rules were asked before: the form comes from this site."""
    fields = await form(request)
    action = fields.pop("action", "")
    if action not in ACTIONS:
        raise BadInput(f"There is no action {action!r}. Known: {', '.join(ACTIONS)}.")
    body = ACTIONS[action][1]
    known = {name: value for name, value in fields.items() if value}
    try:
        details = msgspec.convert(known, body, strict=False)
    except msgspec.ValidationError as problem:
        raise BadInput(in_words(problem)) from None
    given = msgspec.structs.asdict(details)
    actor = "page" if given.pop("actor") == "api" else known["actor"]
    ticket_id = request.match_info["id"]
    await request.app[CONTEXT].desk.act(ticket_id, action, actor=actor, **given)
    return see(ticket_path(ticket_id))


async def sign_in(request: web.Request) -> web.Response:
    """Take the token once and give a session cookie for it."""
    context = request.app[CONTEXT]
    if not context.access.from_own_page(caller_of(request)):
        raise Refused("Sign in from perfd's own page.")
    fields = await form(request)
    token = context.access.token
    if token is None or not context.access.is_token(fields.get("token", "")):
        raise Refused("That is not the token. It is the one line in the file of auth.token_file.")
    response = see(local(fields.get("to", "/")))
    response.set_cookie(
        COOKIE,
        issue(token, context.clock.now()),
        max_age=int(LIFETIME),
        httponly=True,
        secure=request.secure,
        samesite="Lax",
    )
    return response


async def sign_out(_: web.Request) -> web.Response:
    """End the session."""
    response = see("/")
    response.del_cookie(COOKIE)
    return response


async def form(request: web.Request) -> dict[str, str]:
    """The fields of a form, bounded; the last of two with one name counts."""
    if (request.content_length or 0) > _LONGEST:
        raise TooLarge(f"A form may have at most {_LONGEST // 1024} KiB.")
    if request.content_type != "application/x-www-form-urlencoded":
        raise BadInput("This takes a form (application/x-www-form-urlencoded).")
    # Not request.post(), which decodes by whatever charset the sender names.
    body = bytearray()
    async for piece in request.content.iter_chunked(_LONGEST):
        body += piece
        if len(body) > _LONGEST:
            raise TooLarge(f"A form may have at most {_LONGEST // 1024} KiB.")
    try:
        fields = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise BadInput(f"A form may have at most {_MOST_FIELDS} fields.") from None
    return {name: value.strip() for name, value in fields}


def see(path: str) -> web.Response:
    """Look there now: a reload does not send the form again."""
    return web.Response(status=303, headers={"Location": path})


def local(path: str) -> str:
    """A path of this site, or the overview: nobody is sent elsewhere after signing in."""
    parts = urlsplit(path)
    plain = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if plain and not parts.netloc and path.isprintable() else "/"


def routes() -> list[web.RouteDef]:
    """All forms."""
    return [
        web.post("/tickets/{id}/act", act),
        web.post("/signin", sign_in),
        web.post("/signout", sign_out),
    ]
