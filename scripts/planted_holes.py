"""Break the guard of each requirement of docs/security.md and show that an attack comes through.

For every hole: copy the project, replace one text by another (the text must be there exactly once), and run the
tests that are named for it. At least one has to fail.

    .venv/bin/python scripts/planted_holes.py [--sound] [--list] [WORD ...]

Only the copies are changed. Runs on SQLite and the embedded engine, 5 to 60 seconds
a hole, two at a time. Exit code 1 when a hole was seen by nobody.
"""

from __future__ import annotations

import sys
from pathlib import Path

if str(Path(__file__).parents[1]) not in sys.path:
    sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.planted_bugs import Bug, _bug, main

LIMITS, HTTP, BODIES = "graphql_api/limits.py", "graphql_api/http.py", "graphql_api/bodies.py"
SOCKETS, STREAMS, EXECUTION = "graphql_api/sockets.py", "graphql_api/streams.py", "graphql_api/execution.py"
APP, ERRORS, TOKENS = "graphql_api/app.py", "graphql_api/errors.py", "graphql_api/tokens.py"
POLICY, ACCOUNTS, PASSWORDS = "resolvers/policy.py", "sql/accounts.py", "sql/passwords.py"
DOOR = "tests/graphql_api"
SECURITY, SHAPES, WIRE = f"{DOOR}/test_security.py", f"{DOOR}/test_shapes.py", f"{DOOR}/test_streams.py"
E2E = "tests/e2e"

HOLES: tuple[Bug, ...] = (
    _bug(
        "S1",
        "fields are not counted",
        LIMITS,
        "if counts.fields > bounds.max_fields:",
        "if counts.fields > 10**9:",
        f"{DOOR}/test_limits.py::test_limits",
    ),
    _bug(
        "S1",
        "the depth is not looked at",
        LIMITS,
        "if visit.depth > greatest:",
        "if visit.depth > 10**9:",
        f"{DOOR}/test_limits.py::test_limits",
    ),
    _bug(
        "S1",
        "variables do not count for the cost",
        EXECUTION,
        "self._cost.check_request(request.query, document.node, operation, request.variables)",
        "self._cost.check_request(request.query, document.node, operation, {})",
        f"{DOOR}/test_cost.py::test_what_passes_the_limit_is_refused_with_its_number",
    ),
    _bug(
        "S2",
        "the first of a batch is answered",
        HTTP,
        'raise HttpError(400, "Batches are not served: send one request at a time.")',
        "body = body[0]",
        f"{DOOR}/test_http.py::test_shapes_of_a_post",
    ),
    _bug(
        "S3",
        "bytes are not counted",
        BODIES,
        "                if size > bound:\n                    whose",
        "                if size > 10**9:\n                    whose",
        f"{SECURITY}::test_a_chunked_body_is_counted_as_it_comes",
    ),
    _bug(
        "S3",
        "a body may take its time",
        BODIES,
        "asyncio.timeout(bounds.body_timeout_seconds)",
        "asyncio.timeout(3_600)",
        f"{SECURITY}::test_a_body_that_never_ends_is_cut",
    ),
    _bug(
        "S4",
        "any number of ids",
        "resolvers/graph_roots.py",
        "GREATEST_NODES = 100\n",
        "GREATEST_NODES = 1_000\n",
        f"{SECURITY}::test_pages_and_lists_of_ids_have_bounds_through_variables_too",
    ),
    _bug(
        "S5",
        "mutations by GET",
        HTTP,
        "if operation.operation is not OperationType.QUERY:",
        "if operation.operation is OperationType.SUBSCRIPTION:",
        f"{DOOR}/test_http.py::test_queries_by_get_and_nothing_else",
    ),
    _bug(
        "S5",
        "any type of body",
        HTTP,
        "if kind.strip().lower() != JSON:",
        "if not kind:",
        f"{DOOR}/test_http.py::test_shapes_of_a_post",
    ),
    _bug(
        "S6",
        "sockets from any origin",
        SOCKETS,
        "if self.streams.is_foreign(websocket):",
        "if not websocket:",
        f"{WIRE}::test_a_browser_of_another_origin_opens_nothing",
    ),
    _bug(
        "S6",
        "any sub-protocol",
        SOCKETS,
        'await websocket.close(NOT_ACCEPTABLE, "Subprotocol not acceptable")\n                    return',
        "pass",
        f"{WIRE}::test_close_codes",
    ),
    _bug(
        "S6",
        "streams without end for an account",
        STREAMS,
        "self.settings.max_streams_per_person",
        "10**9",
        f"{WIRE}::test_a_person_has_a_bounded_number_of_streams",
    ),
    _bug(
        "S7",
        "the text of what happened is told",
        ERRORS,
        '"Something went wrong here; the incident id finds it in the log."',
        "repr(error)",
        f"{DOOR}/test_http.py::test_an_unexpected_error_is_masked",
        f"{SHAPES}::test_what_fails_before_the_execution_is_masked",
    ),
    _bug(
        "S8",
        "introspection in production",
        EXECUTION,
        "rules.append(NoIntrospection)",
        "pass",
        f"{SECURITY}::test_production_shows_nothing_of_its_schema",
    ),
    _bug(
        "S9",
        "answers may stand in frames",
        "graphql_api/headers.py",
        "; frame-ancestors 'none'\"",
        '"',
        f"{SECURITY}::test_headers_of_every_answer",
    ),
    _bug(
        "S10",
        "many parameters by GET",
        HTTP,
        'raise HttpError(400, f"A request by GET has at most {GREATEST_PARAMETERS} parameters.") from None',
        "raise",
        f"{SHAPES}::test_any_shape_gets_a_4xx_with_a_code",
    ),
    _bug(
        "S11",
        "all errors are told",
        ERRORS,
        "GREATEST_COUNT = 10\n",
        "GREATEST_COUNT = 1_000\n",
        f"{DOOR}/test_http.py::test_at_most_ten_errors",
    ),
    _bug(
        "S12",
        "the driver logs its values",
        "graphql_api/log.py",
        'logging.getLogger("aiosqlite").setLevel("WARNING")',
        "pass",
        f"{SECURITY}::test_no_secret_reaches_the_log",
    ),
    _bug(
        "S12",
        "a statement that fails is logged with its values",
        "sql/session.py",
        '"hide_parameters": True,',
        '"hide_parameters": False,',
        f"{SECURITY}::test_no_secret_reaches_the_log",
    ),
    _bug(
        "S13",
        "a teacher sees every student",
        ACCOUNTS,
        "return or_(User.id == viewer_id, User.role == Role.TEACHER, own_student)",
        "return or_(User.id == viewer_id, User.role == Role.TEACHER, User.role == Role.STUDENT, own_student)",
        f"{E2E}/test_permissions.py::test_every_question",
    ),
    _bug(
        "S13",
        "a student sees enrollments of others by id",
        "sql/enrollments.py",
        "        return statement.where(Enrollment.student_id == viewer_id)\n    if viewer_role is Role.TEACHER:",
        "        return statement\n    if viewer_role is Role.TEACHER:",
        f"{E2E}/test_hidden_nodes.py",
    ),
    _bug(
        "S14",
        "a teacher sees addresses",
        "resolvers/fields.py",
        "viewer.role is models.Role.ADMIN) else None",
        "viewer.role is not models.Role.STUDENT) else None",
        f"{E2E}/test_permissions.py::test_an_email_is_shown_to_its_owner_and_admins",
    ),
    _bug(
        "S14",
        "a hidden record is forbidden, an absent one not there",
        POLICY,
        "        if course is None:\n            raise sql_errors.NotFound(kind, key)\n",
        "        if course is None and key in courses:\n            raise Forbidden()\n"
        "        if course is None:\n            raise sql_errors.NotFound(kind, key)\n",
        f"{E2E}/test_hidden_nodes.py",
    ),
    _bug(
        "S14",
        "an absent record costs a statement less than a hidden one",
        POLICY,
        "    found = await sql.courses.visible_courses(\n        session, sorted(",
        "    if not courses:\n        raise sql_errors.NotFound(kind, keys[0])\n"
        "    found = await sql.courses.visible_courses(\n        session, sorted(",
        f"{E2E}/test_hidden_and_absent.py",
    ),
    _bug(
        "S14",
        "of a batch only the first record is asked about",
        "resolvers/mastery.py",
        "[value.skill_id for value in values])",
        "[values[0].skill_id])",
        f"{E2E}/test_hidden_and_absent.py",
    ),
    _bug(
        "S13",
        "what was made under a key is shown for ever",
        "resolvers/writing.py",
        "receipt.write_id\n                if allowed is not None:\n                    await allowed(session)\n",
        "receipt.write_id\n",
        f"{E2E}/test_hidden_and_absent.py",
    ),
    _bug(
        "S15",
        "who sees a course changes it",
        POLICY,
        "        if not runs(viewer, course):\n            raise",
        "        if not course:\n            raise",
        f"{E2E}/test_permissions.py::test_every_mutation",
    ),
    _bug(
        "S16",
        "an unknown account costs no hash",
        PASSWORDS,
        "            await _off_loop(functools.partial(_verify, _hashing.decoy, password))\n",
        "            pass\n",
        f"{SECURITY}::test_an_unknown_account_costs_what_a_known_one_does",
    ),
    _bug(
        "S16",
        "a receipt holds a quick hash of the password",
        "resolvers/accounts.py",
        'return dataclasses.replace(input, password="", idempotency_key=key)',
        "return dataclasses.replace(input, idempotency_key=key)",
        f"{E2E}/test_mutations_accounts.py::test_no_quick_hash_of_a_password_is_kept",
    ),
    _bug(
        "S17",
        "attempts from one address are not limited",
        "resolvers/accounts.py",
        " or by_address > settings.login_attempts_per_address:",
        ":",
        f"{DOOR}/test_addresses.py",
    ),
    _bug(
        "S17",
        "X-Forwarded-For is believed without a proxy",
        "graphql_api/cli/server.py",
        '"proxy_headers": bool(settings.trusted_proxies),\n        '
        '"forwarded_allow_ips": list(settings.trusted_proxies),\n',
        '"proxy_headers": True,\n',
        f"{DOOR}/test_addresses.py",
    ),
    _bug(
        "S17",
        "aliases are one attempt",
        "resolvers/accounts.py",
        "    await _limit_attempts(context, email)\n    async with context.database.read() as session:",
        "    if not context.loaders.get('limited'):\n        await _limit_attempts(context, email)\n"
        "        context.loaders['limited'] = True\n    async with context.database.read() as session:",
        f"{DOOR}/test_accounts.py::test_a_hundred_aliases_are_a_hundred_attempts",
    ),
    _bug(
        "S18",
        "a token that ended is remembered",
        TOKENS,
        "if held is not None and time.time() - LEEWAY_SECONDS < held[1]:",
        "if held is not None:",
        f"{DOOR}/test_tokens.py::test_a_token_that_held_is_refused_once_it_has_ended",
    ),
    _bug(
        "S18",
        "a token without an end",
        TOKENS,
        'options={"require": ["exp", "nbf", "iat", "iss", "aud", "sub"]},',
        'options={"require": ["sub"]},',
        f"{DOOR}/test_tokens.py::test_a_forged_token_is_refused",
    ),
    _bug(
        "S18",
        "reuse does not end the family",
        "sql/tokens.py",
        "            await _revoke_family(session, known.family)\n",
        "",
        f"{DOOR}/test_accounts.py::test_a_refresh_token_serves_once_and_its_reuse_ends_the_family",
    ),
    _bug(
        "S18",
        "a repeated registration opens a closed account",
        "resolvers/accounts.py",
        "if repeated and not await _may_log_in(context, user, input.password):",
        "if not user:",
        f"{E2E}/test_mutations_accounts.py",
    ),
    _bug(
        "S19",
        "a socket outlives its token",
        SOCKETS,
        'await self._close(UNAUTHORIZED, "The access token has ended")',
        "pass",
        f"{WIRE}::test_a_socket_ends_with_its_token",
    ),
    _bug(
        "S19",
        "a stream outlives its account",
        "resolvers/events.py",
        "if person is None or not person.active:",
        "if person is None:",
        f"{WIRE}::test_a_stream_ends_with_the_account_behind_it",
    ),
    _bug(
        "S20",
        "any text is a name in a statement",
        "graph/plan.py",
        'raise ValueError(f"not a name: {path!r}")',
        "pass",
        "tests/graph/test_compiler.py::test_no_client_text_reaches_the_statement",
    ),
    _bug(
        "S21",
        "numbers beyond 64 bits",
        "resolvers/ids.py",
        "_GREATEST_INTEGER = 2**63 - 1",
        "_GREATEST_INTEGER = 2**80",
        "tests/resolvers/test_ids.py",
    ),
    _bug(
        "S22",
        "no deadline",
        EXECUTION,
        "            async with asyncio.timeout(self.settings.operation_deadline_seconds):\n                result",
        "            async with asyncio.timeout(3_600):\n                result",
        f"{SECURITY}::test_an_operation_ends_at_its_deadline",
    ),
    _bug(
        "S23",
        "the graph's password is in a repr",
        "graph/client.py",
        "password: str = field(repr=False)",
        "password: str",
        "tests/graph/test_client.py::test_no_repr_shows_the_password",
    ),
    _bug(
        "S23",
        "SQL goes on in clear where TLS is refused",
        "graphql_api/settings.py",
        'options = re.sub(r"(^|&)sslmode=", r"\\1ssl=", options)',
        'options, mark = "", ""',
        f"{DOOR}/test_tls.py",
    ),
    _bug(
        "S24",
        "an audit that nobody could make passes",
        "scripts/audit.sh",
        "    exit 3\n",
        "    continue\n",
        "tests/contract/test_audit.py",
    ),
    _bug(
        "S24",
        "the image runs as root",
        "Containerfile",
        "USER 10001\n",
        "",
        "tests/contract/test_image.py",
    ),
    _bug(
        "S25",
        "addresses are mirrored",
        "mirror/rows.py",
        '("id", "role"), ("first_name", "last_name"), _TIMES',
        '("id", "role"), ("first_name", "last_name", "email"), _TIMES',
        "tests/mirror/test_worker.py::test_no_e_mail_address_reaches_the_graph",
        f"{SECURITY}::test_the_graph_holds_no_secret",
    ),
)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], HOLES, __doc__ or ""))
