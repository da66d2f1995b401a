"""Mutations of accounts, sessions, roles and learner profiles."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update

from resolvers import ids
from sql import models
from tests.api_fixtures import Actor, Api
from tests.e2e.mutation_cases import (
    A_UUID,
    Row,
    ask,
    conflict,
    credentials,
    cypher,
    done,
    forget_attempts,
    invalid,
    last_audited,
    missing,
    refuse,
    stale,
    state,
    unchanged,
    unknown,
)
from tests.e2e.test_course_life import Course

PASSWORD = "correct horse battery staple"
SESSION = (
    "session { accessToken refreshToken accessExpiresAt refreshExpiresAt user { id role email firstName } }"
)
ADA: dict[str, Any] = {
    "email": "Ada@Example.org",
    "firstName": "Ada",
    "lastName": "Lovelace",
    "password": PASSWORD,
    "role": "STUDENT",
}
PEOPLE = "MATCH (p) WHERE p:STUDENT OR p:TEACHER RETURN labels(p), p.id, p.first_name ORDER BY p.id"


async def viewer(api: Api, access_token: str) -> Any:
    """Return who a token belongs to; the code of the refusal for one that does not hold."""
    response = await api.http.post(
        "/graphql",
        json={"query": "{ me { id } }"},
        headers={"authorization": f"Bearer {access_token}"},
    )
    body = response.json()
    return body["errors"][0]["extensions"]["code"] if "errors" in body else body["data"]["me"]


async def test_an_account_is_made_and_signed_in_and_out(api: Api) -> None:
    made = await api.ok("register", None, SESSION, **ADA)
    assert made["sync"]["state"] == "SYNCED"
    session = made["session"]
    me = session["user"]
    assert me == {"id": me["id"], "role": "STUDENT", "email": "ada@example.org", "firstName": "Ada"}
    key = ids.decode(me["id"], "user")
    assert await last_audited(api) == (key, "register")
    assert await cypher(api, PEOPLE) == [[["STUDENT"], key, "Ada"]]
    (properties,) = await cypher(api, "MATCH (s:STUDENT) RETURN keys(s)")
    assert not {"email", "password", "password_hash"} & set(properties[0])
    assert await viewer(api, session["accessToken"]) == {"id": me["id"]}

    given = {"email": " ADA@example.ORG ", "password": PASSWORD}
    logged_in = (await api.ok("logIn", None, SESSION, **given))["session"]
    assert logged_in["user"] == me
    refreshed = (await api.ok("refresh", None, SESSION, refreshToken=logged_in["refreshToken"]))["session"]
    assert refreshed["user"] == me
    assert refreshed["refreshToken"] != logged_in["refreshToken"]
    # A spent token ends its family, and nobody else's.
    await refuse(api, None, [("refresh", {"refreshToken": "nonsense"}, credentials())])
    reused = await api.mutate("refresh", None, refreshToken=logged_in["refreshToken"])
    assert reused["code"] == "INVALID_CREDENTIALS"
    ended = await api.mutate("refresh", None, refreshToken=refreshed["refreshToken"])
    assert ended["code"] == "INVALID_CREDENTIALS"
    session = (await api.ok("refresh", None, SESSION, refreshToken=session["refreshToken"]))["session"]

    ada = Actor(me["id"], key, me["email"], session["accessToken"])
    change = {"currentPassword": PASSWORD, "newPassword": "another good password"}
    changed = (await api.ok("changePassword", ada, SESSION, **change))["session"]
    assert changed["user"] == me
    assert await last_audited(api) == (key, "changePassword")
    over = await api.mutate("refresh", None, refreshToken=session["refreshToken"])
    assert over["code"] == "INVALID_CREDENTIALS"
    assert (await api.mutate("logIn", None, **given))["code"] == "INVALID_CREDENTIALS"
    given["password"] = change["newPassword"]
    third = (await api.ok("logIn", None, SESSION, **given))["session"]
    one = await api.ok("logOut", None, "endedSessions", refreshToken=third["refreshToken"])
    assert one["endedSessions"] == 1
    again = await api.ok("logOut", None, "endedSessions", refreshToken=third["refreshToken"])
    assert again["endedSessions"] == 0
    await api.ok("logIn", None, **given)
    every = await api.ok(
        "logOut", None, "endedSessions", refreshToken=changed["refreshToken"], everywhere=True
    )
    assert every["endedSessions"] == 2
    assert (await api.mutate("refresh", None, refreshToken=changed["refreshToken"]))["code"]


async def test_people_change_in_both_stores(api: Api) -> None:
    student, admin = await api.student(), await api.admin()
    teacher = await api.teacher()
    course = await Course(api, teacher).write()
    await api.ok("enrollStudents", teacher, courseId=course.id, studentIds=[student.id])
    fields = "user { __typename id firstName lastName role version }"
    user = (
        await done(api, "updateUser", student, fields, id=student.id, firstName="Grace", expectedVersion=1)
    )["user"]
    expected = {
        "__typename": "Student",
        "id": student.id,
        "firstName": "Grace",
        "lastName": "Lovelace",
        "role": "STUDENT",
        "version": 2,
    }
    assert user == expected
    named = "MATCH (s {id: $id}) WHERE s:STUDENT OR s:TEACHER RETURN s.first_name, labels(s)"
    assert await cypher(api, named, id=student.key) == [["Grace", ["STUDENT"]]]
    await unchanged(api, "updateUser", admin, id=student.id, lastName="Lovelace")

    entry = "metadata { id key value updatedAt }"
    goal = (await done(api, "setMetadata", student, entry, key="goal", value="an A"))["metadata"]
    assert (goal["key"], goal["value"]) == ("goal", "an A")
    profile = "MATCH (:STUDENT {id: $id})-[:HAS_METADATA]->(m) RETURN m.key, m.value ORDER BY m.key"
    assert await cypher(api, profile, id=student.key) == [["goal", "an A"]]
    await unchanged(api, "setMetadata", student, studentId=student.id, key="goal", value="an A")
    by_admin = await done(api, "setMetadata", admin, entry, studentId=student.id, key="goal", value="")
    assert by_admin["metadata"]["id"] == goal["id"]
    assert await cypher(api, profile, id=student.key) == [["goal", ""]]
    removed = await done(api, "removeMetadata", student, "removedId", id=goal["id"])
    assert removed["removedId"] == goal["id"]
    assert await cypher(api, profile, id=student.key) == []

    # A student with evidence becomes a teacher: label, enrollment and profile go, evidence stays in SQL.
    await done(api, "setMetadata", student, key="goal", value="an A")
    one = {"studentId": student.id, "skillId": course.skills[0], "score": 1, "idempotencyKey": "a"}
    await done(api, "recordAssessments", teacher, assessments=[one])
    before = await state(api)
    promoted = (await done(api, "setUserRole", admin, fields, id=student.id, role="TEACHER"))["user"]
    assert promoted == {
        **expected,
        "__typename": "Teacher",
        "role": "TEACHER",
        "version": promoted["version"],
    }
    assert await cypher(api, named, id=student.key) == [["Grace", ["TEACHER"]]]
    kinds = "ENROLLED_IN_CLASS|HAS_METADATA|MASTERS_SKILL|HAS_PROGRESS"
    edges = await cypher(api, f"MATCH (n {{id: $id}})-[r:{kinds}]->() RETURN type(r)", id=student.key)
    assert edges == []
    after = await state(api)
    assert after["assessments"] == before["assessments"]
    assert (after["enrollments"], after["metadata_entries"]) == (0, 0)
    await unchanged(api, "setUserRole", admin, id=student.id, role="TEACHER")
    await done(api, "setUserRole", admin, fields, id=student.id, role="STUDENT")
    assert await cypher(api, named, id=student.key) == [["Grace", ["STUDENT"]]]
    # An operator is in no graph.
    await done(api, "setUserRole", admin, id=student.id, role="ADMIN")
    assert await cypher(api, named, id=student.key) == []


async def test_refusals_of_sessions(api: Api) -> None:
    made = (await api.ok("register", None, SESSION, **ADA))["session"]
    ada = Actor(made["user"]["id"], 0, "", made["accessToken"])
    other = {**ADA, "email": "b@example.org"}
    rows: list[Row] = [
        ("register", ADA, conflict("DUPLICATE", None, path=["input", "email"])),
        ("register", {**other, "role": "ADMIN"}, invalid("role", "STUDENT or TEACHER")),
        ("logIn", {"email": "ada@example.org", "password": "wrong"}, credentials()),
        ("logIn", {"email": "ada@example.org", "password": "x" * 10_000}, credentials()),
        ("logIn", {"email": "nobody@example.org", "password": PASSWORD}, credentials()),
        ("logIn", {"email": "", "password": ""}, credentials()),
        ("logIn", {"email": "a\x00b", "password": "\x00"}, credentials()),
        ("refresh", {"refreshToken": ""}, credentials()),
        ("refresh", {"refreshToken": "x" * 10_000}, credentials()),
        ("refresh", {"refreshToken": made["accessToken"]}, credentials()),
    ]
    for email in ("", "ada", "a@b", "a b@example.org", "a@example.org\x00", "a" * 310 + "@example.org"):
        rows.append(("register", {**other, "email": email}, invalid("email", "must be an address")))
    for password, says in (
        ("short", "12 to 128 characters, not 5"),
        ("p" * 129, "12 to 128 characters, not 129"),
        ("aaaaaaaaaaaa", "guessed first"),
        ("abcdefghijklm", "guessed first"),
        ("correct horse\x00", "can not be stored"),
    ):
        rows.append(("register", {**other, "password": password}, invalid("password", says)))
    for field in ("firstName", "lastName"):
        for name, says in (
            ("", "not 0"),
            ("  ", "blank"),
            ("n" * 101, "1 to 100"),
            ("\x07", "can not be stored"),
        ):
            rows.append(("register", {**other, field: name}, invalid(field, says)))
    await refuse(api, None, rows)
    new = "another good password"
    await refuse(
        api,
        ada,
        [
            ("changePassword", {"currentPassword": "wrong", "newPassword": new}, credentials()),
            ("changePassword", {"currentPassword": "", "newPassword": new}, credentials()),
            (
                "changePassword",
                {"currentPassword": PASSWORD, "newPassword": "short"},
                invalid("newPassword", "12 to 128 characters, not 5"),
            ),
            (
                "changePassword",
                {"currentPassword": PASSWORD, "newPassword": "n" * 10_000},
                invalid("newPassword", "12 to 128"),
            ),
        ],
    )
    for token in ("", "nonsense", "x" * 10_000):
        ended = await api.ok("logOut", None, "endedSessions", refreshToken=token, everywhere=True)
        assert ended["endedSessions"] == 0


async def test_a_registration_is_done_once_under_a_key(api: Api) -> None:
    given = {**ADA, "idempotencyKey": "one-key"}
    first = (await api.ok("register", None, SESSION, **given))["session"]
    before = await state(api)
    again = (await api.ok("register", None, SESSION, **given))["session"]
    assert again["user"] == first["user"]
    after = await state(api)
    # Signed in anew; nothing else.
    assert after.pop("refresh_tokens") == before.pop("refresh_tokens") + 1
    assert after == before
    await refuse(
        api,
        None,
        [
            ("register", {**given, "password": "another good password"}, conflict("KEY_REUSED")),
            ("register", {**given, "firstName": "Bob"}, conflict("KEY_REUSED")),
        ],
    )
    # A stranger's key is nobody else's: it neither shows nor is in the way.
    other = (await api.ok("register", None, SESSION, **{**given, "email": "b@example.org"}))["session"]
    assert other["user"]["id"] != first["user"]["id"]


async def test_a_registration_under_a_key_signs_nobody_in_whom_a_log_in_would_not(api: Api) -> None:
    given = {**ADA, "idempotencyKey": "one-key"}
    session = (await api.ok("register", None, SESSION, **given))["session"]
    user_id = ids.decode(session["user"]["id"], "user")
    async with api.database.write() as writing:
        await writing.execute(update(models.User).where(models.User.id == user_id).values(active=False))
    await refuse(api, None, [("register", given, conflict("KEY_REUSED"))])
    async with api.database.write() as writing:
        await writing.execute(update(models.User).where(models.User.id == user_id).values(active=True))
    await api.ok("register", None, SESSION, **given)
    await forget_attempts(api)
    # Who knows the password of then does not come in by the key either.
    actor = Actor(session["user"]["id"], user_id, "", session["accessToken"])
    await api.ok(
        "changePassword",
        actor,
        currentPassword=given["password"],
        newPassword="another good password",
    )
    await refuse(api, None, [("register", given, conflict("KEY_REUSED"))])


async def test_no_quick_hash_of_a_password_is_kept(api: Api) -> None:
    """What is kept under a key is the same whatever the password was: no copy of it can be guessed from."""
    kept = []
    for password in ("a first good password", "another good password"):
        given = {**ADA, "password": password, "idempotencyKey": "one-key"}
        made = (await api.ok("register", None, SESSION, **given))["session"]
        async with api.database.write() as writing:
            kept.append(
                list(
                    await writing.execute(
                        select(models.IdempotencyReceipt.key, models.IdempotencyReceipt.input_hash)
                    )
                )
            )
            await writing.execute(delete(models.IdempotencyReceipt))
            user_id = ids.decode(made["user"]["id"], "user")
            await writing.execute(delete(models.User).where(models.User.id == user_id))
    assert len(kept[0]) == 1
    assert kept[0] == kept[1]


async def test_attempts_are_limited(api: Api) -> None:
    query = 'mutation { logIn(input: {email: "ada@example.org", password: "wrong"}) { __typename } }'
    for _ in range(10):
        assert "errors" not in await api.ask(query)
    body = await api.ask(query)
    assert body["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert body["errors"][0]["extensions"]["retryAfterMs"] > 0
    await forget_attempts(api)
    assert "errors" not in await api.ask(query)


async def test_refusals_of_people(api: Api) -> None:
    student, other, teacher, admin = (
        await api.student(),
        await api.student("Other"),
        await api.teacher(),
        await api.admin(),
    )
    course = await Course(api, teacher).write()
    theirs = (await done(api, "setMetadata", other, "metadata { id }", key="goal", value="B"))["metadata"][
        "id"
    ]
    rows: list[Row] = []
    for given in [*unknown("user"), other.id, teacher.id]:
        rows += [
            ("updateUser", {"id": given, "firstName": "N"}, missing("USER")),
            ("setMetadata", {"studentId": given, "key": "k", "value": "v"}, missing("USER", "studentId")),
        ]
    for given in [*unknown("meta"), ids.encode("meta", A_UUID), theirs]:
        rows.append(("removeMetadata", {"id": given}, missing("METADATA")))
    me = {"id": student.id}
    for field in ("firstName", "lastName"):
        for name, says in (("", "not 0"), (" ", "blank"), ("n" * 10_000, "1 to 100"), (None, "null")):
            rows.append(("updateUser", {**me, field: name}, invalid(field, says)))
    rows.append(("updateUser", {**me, "firstName": "N", "expectedVersion": 99}, stale(1)))
    for key, says in (("", "1 to 100 characters"), (" ", "blank"), ("k" * 101, "not 101")):
        rows.append(("setMetadata", {"key": key, "value": "v"}, invalid("key", says)))
    rows.append(("setMetadata", {"key": "k", "value": "v" * 1_001}, invalid("value", "0 to 1000")))
    await refuse(api, student, rows)
    by_admin: list[Row] = []
    for given in unknown("user"):
        by_admin += [
            ("updateUser", {"id": given, "firstName": "N"}, missing("USER")),
            ("setUserRole", {"id": given, "role": "STUDENT"}, missing("USER")),
        ]
    by_admin += [
        # Only students have a profile.
        ("setMetadata", {"studentId": teacher.id, "key": "k", "value": "v"}, missing("USER", "studentId")),
        ("setMetadata", {"key": "k", "value": "v"}, missing("USER", "studentId")),
        ("setUserRole", {"id": admin.id, "role": "TEACHER"}, conflict("WRONG_STATE", path=["input", "role"])),
        ("setUserRole", {"id": teacher.id, "role": "STUDENT"}, conflict("IN_USE", path=["input", "role"])),
        ("setUserRole", {"id": teacher.id, "role": "ADMIN"}, conflict("IN_USE")),
    ]
    await refuse(api, admin, by_admin)
    # An archived course is still a course of the teacher.
    await done(api, "archiveCourse", teacher, id=course.id)
    await refuse(api, admin, [("setUserRole", {"id": teacher.id, "role": "STUDENT"}, conflict("IN_USE"))])
    for number in range(49):
        await api.ok("setMetadata", student, key=f"key {number}", value="v")
    await done(api, "setMetadata", student, key="the fiftieth", value="v")
    await refuse(
        api, student, [("setMetadata", {"key": "one more", "value": "v"}, invalid("key", "at most 50"))]
    )
    assert (
        len((await ask(api, student, "student(id: $id) { metadata { id } }", id=student.id))["metadata"])
        == 50
    )
