"""The command line's table of contents: each command, its options, its help."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from graphql_api.cli import accounts, courses, demo, mirror, server, terminal
from graphql_api.opening import OpeningError
from graphql_api.settings import SettingsError
from sql.errors import SqlError
from sql.models import Kind

HELP = """
Lab Tutor: a GraphQL API over SQL and a graph, for courses and what students have mastered.

Settings come from the environment (LAB_TUTOR_...) and from a .env file; docs/operating.md lists them.

Exit codes: 0 done; 1 failed, or findings were reported; 2 wrong use or settings.
"""

EXAMPLES = """
Examples:

  lab-tutor demo                                  everything at once, with example data

  lab-tutor migrate && lab-tutor serve            an empty API on http://127.0.0.1:8000/graphql

  lab-tutor create-admin ada@example.org          asks for a password

  lab-tutor import course.json --teacher t@example.org --publish

  lab-tutor mirror verify --json                  is the graph what SQL says?

  lab-tutor mirror repair --apply                 mend what verify reports
"""

app = typer.Typer(
    name="lab-tutor",
    help=HELP,
    epilog=EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
mirror_app = typer.Typer(
    name="mirror",
    help="Carry committed changes from SQL to the graph, check the graph, write it again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(mirror_app)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="E-mail address of the account.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")]


@app.command(name="serve")
def serve_command(
    host: Annotated[str | None, typer.Option(help="Address to listen on (LAB_TUTOR_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (LAB_TUTOR_PORT).")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes (LAB_TUTOR_WORKERS).")] = None,
) -> None:
    """Start the API; Ctrl-C or SIGTERM ends it after the requests at hand."""
    server.serve(host=host, port=port, workers=workers)


@app.command(name="import")
def import_command(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A course file (JSON); see --schema.")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="E-mail address of the teacher who gets the course.")
    ] = None,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave out what has findings and import the rest.")
    ] = False,
    publish: Annotated[
        bool, typer.Option("--publish", help="Show the course to students once it is in.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of course files and do nothing else.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import a course from a file: check it whole, report every finding with its path, then write.

    The same file for the same teacher is imported once; the mirror carries it to the graph afterwards.
    Exit code 1 when there are findings (with --skip-invalid: only when nothing could be imported).
    """
    if schema:
        courses.print_file_schema()
        return
    if file is None or teacher is None:
        terminal.fail("FILE and --teacher EMAIL are needed (or --schema); see: lab-tutor import --help", 2)
    courses.import_file(
        file, teacher_email=teacher, skip_invalid=skip_invalid, publish=publish, as_json=as_json
    )


@app.command()
def migrate() -> None:
    """Bring the SQL database to the newest schema; safe to repeat."""
    server.migrate()


@app.command(name="create-admin")
def create_admin_command(
    email: Email,
    first_name: Annotated[str, typer.Option(help="First name of the admin.")] = "Admin",
    last_name: Annotated[str, typer.Option(help="Last name of the admin.")] = "Lab Tutor",
    password_stdin: PasswordStdin = False,
) -> None:
    """Make an account with the role ADMIN.

    The password comes from LAB_TUTOR_ADMIN_PASSWORD, from --password-stdin, or from a prompt; never from
    an argument, which other users of the machine could read.
    """
    accounts.create_admin(email, first_name=first_name, last_name=last_name, password_stdin=password_stdin)


@app.command(name="reset-password")
def reset_password_command(email: Email, password_stdin: PasswordStdin = False) -> None:
    """Set a new password for an account and end its sessions.

    The password comes from --password-stdin or from a prompt.
    """
    accounts.reset_password(email, password_stdin=password_stdin)


@app.command(name="print-schema")
def print_schema_command() -> None:
    """Print the GraphQL schema (SDL); schema.graphql is this, committed."""
    server.print_schema()


@app.command(name="demo")
def demo_command(
    port: Annotated[
        int | None,
        typer.Option(
            help="Port of the API; 0 takes a free one. Default: LAB_TUTOR_PORT, or 8000.", min=0, max=65_535
        ),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = Path("var/demo"),
    reset: Annotated[bool, typer.Option("--reset", help="Throw the demo's data away first.")] = False,
) -> None:
    """Start a whole demonstration: two real courses, a simulated class, the graph, the API.

    The first run imports everything (a minute or two); later runs start in seconds. Ctrl-C ends it all.
    """
    demo.run(port=port, folder=folder, reset=reset)


@mirror_app.command(name="run")
def mirror_run_command() -> None:
    """Mirror until stopped; any number of these may run beside any number of API processes."""
    mirror.run()


@mirror_app.command(name="once")
def mirror_once_command() -> None:
    """Mirror what waits now, then end; exit code 1 when something could not be mirrored."""
    mirror.once()


@mirror_app.command(name="status")
def mirror_status_command(as_json: AsJson = False) -> None:
    """Say how many changes wait, since when, and how many are dead letters (then exit code 1)."""
    mirror.status(as_json=as_json)


@mirror_app.command(name="retry")
def mirror_retry_command(
    kind: Annotated[
        Kind | None, typer.Option(help="Only records of this kind.", case_sensitive=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Only the record with this key, as the list shows it.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the dead letters and leave them as they are.")
    ] = False,
) -> None:
    """List dead letters with their reasons and put them back in line: all, of one kind, or one."""
    mirror.retry(kind=kind, key=key, dry_run=dry_run)


@mirror_app.command(name="verify")
def mirror_verify_command(as_json: AsJson = False) -> None:
    """Compare the graph with SQL in both directions; exit code 1 when they differ. Changes nothing.

    With --json each finding has its kind, recordKind and key, and graphValue and sqlValue of each field.
    """
    mirror.verify_graph(as_json=as_json)


@mirror_app.command(name="repair")
def mirror_repair_command(
    apply: Annotated[
        bool, typer.Option("--apply", help="Mend what is found; without it nothing is changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Mend exactly what verify reports; without --apply only say what would be done.

    Exit code 1 when there is something to mend (without --apply), or something could not be written.
    """
    mirror.repair_graph(apply=apply, as_json=as_json)


@mirror_app.command(name="rebuild")
def mirror_rebuild_command() -> None:
    """Write everything to the graph again and remove strays of our own labels; restartable."""
    mirror.rebuild_graph()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every expected failure is a sentence and an exit code."""
    try:
        app(args=arguments)
    except (SettingsError, OpeningError) as error:
        _end(str(error), terminal.EXIT_USAGE)
    except SqlError as error:
        _end(_told(error), terminal.EXIT_FAILED)
    except KeyboardInterrupt:
        terminal.say("")
        sys.exit(terminal.EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of a pipe went away (`| head`): nothing went wrong here.
        sys.stderr.close()
        sys.exit(0)


def _told(error: SqlError) -> str:
    fields = getattr(error, "fields", None) or []
    return "\n".join([str(error), *(f"{'.'.join(one.path)}: {one.message}" for one in fields)])


def _end(message: str, code: int) -> None:
    try:
        terminal.fail(message, code)
    except typer.Exit as ending:
        sys.exit(ending.exit_code)
