"""The interface for programs in OpenAPI's words (spec.openapis.org, 3.1). Pure."""

from __future__ import annotations

from typing import Any

from f2b import __version__

Schema = dict[str, Any]


def _object(required: list[str] | None = None, **properties: Schema) -> Schema:
    names = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names}


def _content(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _answers(done: Schema, *wrong: str) -> Schema:
    refusals = {status: {"description": _WRONG[status], "content": _content(_reference("Error"))} for status in wrong}
    return {"200": {"description": "Done.", "content": _content(done)}, **refusals}


_WRONG = {
    "400": "The request makes no sense.",
    "401": "The token is missing, or wrong.",
    "403": "There is no token: the page is read-only. Or the request is from another site.",
    "409": "The server refuses, for an address that must not be locked out, say.",
    "429": "Too many wrong tokens.",
    "503": "The server does not answer.",
}
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MOMENT: Schema = {"type": "number", "description": "Seconds since 1970."}
_FLAG: Schema = {"type": "boolean"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_IP: Schema = {"type": "string", "description": "An address or a network.", "examples": ["192.0.2.7"]}
_JAIL: Schema = {"type": "string", "description": "A jail; empty: from every port, or in every jail."}
_LOCK = [{"token": list[str]()}]


def _query(name: str, schema: Schema, text: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": text}


def _operation(summary: str, answers: Schema, **more: object) -> Schema:
    return {"summary": summary, "operationId": summary.split(":")[0].replace(" ", ""), "responses": answers, **more}


def _body(schema: Schema) -> Schema:
    return {"required": True, "content": _content(schema)}


_CHANGED = ("400", "401", "403", "409", "429", "503")
_PATHS: Schema = {
    "/api/status": {
        "get": _operation("status: how the server and its jails stand", _answers(_reference("Status"), "401", "503"))
    },
    "/api/banned": {
        "get": _operation(
            "banned: who is banned, newest first",
            _answers(_object(total=_COUNT, bans={"type": "array", "items": _reference("Ban")}), "400", "401", "503"),
            parameters=[
                _query("q", _TEXT, "A part of an address, an address, or a network."),
                _query("jail", _TEXT, "Only of this jail."),
                _query("offset", _COUNT, "Leave out so many."),
                _query("limit", _COUNT, "At most so many; else all."),
            ],
        )
    },
    "/api/ban": {
        "post": _operation(
            "ban: keep somebody out",
            _answers(_object(banned=_COUNT, hits=_TEXTS), *_CHANGED),
            security=_LOCK,
            requestBody=_body(
                _object(
                    ["ip"],
                    ip=_IP,
                    jail=_JAIL,
                    seconds={"type": ["number", "null"], "description": "For so long; -1 for ever, else the jail's."},
                    force={"type": "boolean", "description": "Even who must not be locked out."},
                )
            ),
        )
    },
    "/api/unban": {
        "post": _operation(
            "unban: let somebody in again",
            _answers(_object(unbanned=_COUNT), *_CHANGED),
            security=_LOCK,
            requestBody=_body(_object(["ip"], ip=_IP, jail=_JAIL)),
        )
    },
}
DESCRIPTION: Schema = {
    "openapi": "3.1.0",
    "info": {
        "title": "f2b",
        "version": __version__,
        "description": "How f2b does, who is banned; ban and unban. Reading needs the token if `private = yes`.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "servers": [{"url": "/"}],
    "paths": _PATHS,
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Error": _object(error=_TEXT),
            "Ban": _object(
                jail=_TEXT,
                id=_IP,
                time=_MOMENT,
                end={"type": ["number", "null"], "description": "Seconds since 1970; null: never."},
                failures=_COUNT,
                bancount={"type": "integer", "description": "How many times it was banned in this jail."},
            ),
            "Jail": _object(
                name=_TEXT,
                state={"enum": ["up", "idle", "waiting", "down"]},
                reason=_TEXT,
                backend=_TEXT,
                failed=_COUNT,
                failed_total=_COUNT,
                banned=_COUNT,
                banned_total=_COUNT,
                lag={"type": "integer", "description": "Bytes of its logs that are not read yet."},
                files=_TEXTS,
                journalmatch=_TEXTS,
            ),
            "Status": _object(
                version=_TEXT,
                pid=_COUNT,
                enforcing=_FLAG,
                reason=_TEXT,
                started=_MOMENT,
                jails={"type": "array", "items": _reference("Jail")},
                problems=_TEXTS,
            ),
        },
    },
}
