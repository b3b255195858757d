"""The keys of those who may decide: pair one, list them, revoke one."""

from typing import Annotated

import typer
from rich.console import Console

from api.cli import approver, shapes
from api.cli.client import Client, Fields, with_stack
from pilothouse.errors import NotFoundError

console = Console(highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]


def pair(
    *,
    name: Annotated[str, typer.Option(help="How you are called in the books.")] = "owner",
) -> None:
    """Make a key of your own and let it decide, once. It stays in secrets/approver.pem of the stack's home.

    [bold]Examples[/]

    bin/pilothouse approvals pair

    bin/pilothouse approvals pair --name ada
    """
    asked = approver.pairing(name)
    paired = with_stack(lambda client: client.call("POST", "/api/approvers", json=asked))
    typer.echo(f"'{paired['name']}' may decide now, with the key {shapes.short(paired['id'])}")


def approvers(*, as_json: AsJson = False) -> None:
    """Whose signatures count, and whose no longer.

    [bold]Example[/]

    bin/pilothouse approvals approvers
    """
    found: list[Fields] = with_stack(_list)
    if as_json:
        shapes.print_json(found)
        return
    mine = approver.own_public_key()
    table = shapes.table("key", "since", "until", "name")
    for each in found:
        until = shapes.instant(each["revoked_at"]) if each["revoked_at"] else ""
        name = shapes.one_line(each["name"]) + (" (your key)" if each["public_key"] == mine else "")
        table.add_row(shapes.short(each["id"]), shapes.instant(each["paired_at"]), until, name)
    console.print(table)


def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, or the beginning of it: see `approvers`.")],
    *,
    yes: Yes = False,
) -> None:
    """Let a key decide no more, for good: one that was lost, or of someone who left. Signed with yours.

    [bold]Example[/]

    bin/pilothouse approvals revoke 3f2a9c10
    """
    found = [each for each in with_stack(_list) if each["id"].startswith(key.lower())]
    if len(found) != 1:
        raise NotFoundError(f"{len(found)} keys begin with {key}", hint="bin/pilothouse approvals approvers")
    name, key_id = found[0]["name"], found[0]["id"]
    if not yes:
        typer.confirm(f"let the key {shapes.short(key_id)} of '{name}' decide no more, for good?", abort=True)
    statement = approver.signed(key_id, "revoke")
    with_stack(lambda client: client.call("POST", f"/api/approvers/{key_id}/revoke", json=statement))
    typer.echo(f"the key {shapes.short(key_id)} of '{name}' decides no more")


async def _list(client: Client) -> list[Fields]:
    return (await client.call("GET", "/api/approvers"))["approvers"]
