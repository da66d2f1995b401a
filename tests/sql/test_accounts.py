"""Accounts: registration, passwords, sessions, roles, profiles, log-in attempts, lists of people."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from sql import accounts, errors, models, passwords, tokens
from sql.models import Credential, Enrollment, Kind, LoginAttempt, Metadata, RefreshToken, Role, User
from sql.pages import InvalidCursor, Page
from sql.session import Database
from tests.sql import campus
from tests.sql.campus import audited, changed, marks, paths, person, refusal

DAY = timedelta(days=1)
VALID = {
    "email": "ada@example.org",
    "password_hash": "hash",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "role": Role.STUDENT,
    "teacher_registration_allowed": False,
}


# —— Registration ——


async def test_registration_writes_person_credentials_mark_and_audit(database: Database) -> None:
    async with database.write() as session:
        user = await accounts.register(session, **VALID | {"email": "  Ada@Example.ORG "})
    async with database.read() as session:
        row = (await session.scalars(select(User))).one()
        hashed = await accounts.password_hash(session, user.id)
    assert (row.email, row.first_name, row.last_name) == ("ada@example.org", "Ada", "Lovelace")
    assert (row.role, row.active, row.version) == (Role.STUDENT, True, 1)
    assert hashed == "hash"
    assert await marks(database) == {(Kind.USER, str(user.id)): (1, False)}
    assert await audited(database) == [(user.id, "register", "USER", str(user.id))]


async def test_a_teacher_registers_only_where_that_is_allowed(database: Database) -> None:
    async with refusal(database, errors.InvalidInput) as refused:
        await accounts.register(refused.session, **VALID | {"role": Role.TEACHER})
    assert list(paths(refused.error)) == ["role"]
    async with database.write() as session:
        user = await accounts.register(
            session, **VALID | {"role": Role.TEACHER, "teacher_registration_allowed": True}
        )
    assert user.role is Role.TEACHER


async def test_nobody_registers_as_admin_and_every_value_at_fault_is_named(database: Database) -> None:
    async with refusal(database, errors.InvalidInput) as refused:
        await accounts.register(
            refused.session,
            **VALID
            | {
                "email": "no address",
                "first_name": " ",
                "last_name": "x" * 101,
                "role": Role.ADMIN,
                "teacher_registration_allowed": True,
            },
        )
    found = paths(refused.error)
    assert set(found) == {"email", "firstName", "lastName", "role"}
    assert found["lastName"] == "lastName must have 1 to 100 characters, not 101."


@pytest.mark.parametrize("name", ["a\x00b", "a\ud800b", "a\x07b", "", "\t"])
async def test_names_that_can_not_be_kept_are_refused(sqlite_database: Database, name: str) -> None:
    async with refusal(sqlite_database, errors.InvalidInput) as refused:
        await accounts.register(refused.session, **VALID | {"first_name": name})
    assert list(paths(refused.error)) == ["firstName"]


@pytest.mark.parametrize(
    "email",
    [
        *("", "ada", "ada@", "@example.org", "ada@example", "a b@example.org", "a\x00@example.org"),
        *("a@exa\x85mple.org", "a\ud800@example.org", f"{'a' * 64}@{'b' * 190}.org", "a@b..org", "a@@b.org"),
    ],
)
async def test_an_address_that_is_none_is_refused(sqlite_database: Database, email: str) -> None:
    async with refusal(sqlite_database, errors.InvalidInput) as refused:
        await accounts.register(refused.session, **VALID | {"email": email})
    assert "254 characters" in paths(refused.error)["email"]


async def test_an_address_is_taken_in_any_case(database: Database) -> None:
    await person(database, "ada@example.org")
    async with refusal(database, errors.Conflict) as refused:
        await accounts.register(refused.session, **VALID | {"email": "ADA@example.org"})
    assert (refused.error.code, refused.error.path) == ("DUPLICATE", ("email",))


async def test_of_two_registrations_at_once_one_is_a_conflict(database: Database) -> None:
    async def register() -> object:
        try:
            async with database.write() as session:
                return await accounts.register(session, **VALID)
        except errors.Conflict as error:
            return error.path

    outcomes = await asyncio.gather(register(), register())
    assert [outcome for outcome in outcomes if not isinstance(outcome, User)] == [("email",)]


@pytest.mark.parametrize("email", ["nobody@example.org", "a\x00b@example.org", "\ud800@example.org"])
async def test_an_unknown_address_finds_nobody(database: Database, email: str) -> None:
    async with database.read() as session:
        assert await accounts.find_by_email(session, email) is None


# —— Passwords ——


@pytest.mark.parametrize(
    "password", ["correct horse battery", "x7#kPq9!mZ2w", "Пароль-для-курса", "a" * 5 + "q8W-rT5 zu"]
)
def test_good_passwords_pass(password: str) -> None:  # fmt: skip
    passwords.validate_password(password, email="ada@example.org")


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("x7#kPq9!mZ2", "12 to 128 characters, not 11"),
        ("x7#kPq9!mZ2w" * 11, "12 to 128 characters, not 132"),
        ("Password1234", "guessed first"),
        ("aaaaaaaaaaaaaaa", "guessed first"),
        ("abcdeabcdeabcde", "guessed first"),
        ("abcdefghijklmn", "guessed first"),
        ("98765432109876", "guessed first"),
        ("x7#kPq9!mZ\x00w", "can not be stored"),
        ("x7#kPq9!mZ\ud800w", "can not be stored"),
        ("ada.lovelace1", "your e-mail address"),
    ],
)
def test_weak_passwords_are_refused(password: str, said: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        passwords.validate_password(password, email="Ada.Lovelace@example.org", field="newPassword")
    assert [field.path for field in caught.value.fields] == [("newPassword",)]
    assert said in caught.value.fields[0].message


def test_the_common_list_is_long_and_holds_only_what_the_length_lets_through() -> None:
    common = passwords._common()
    assert len(common) >= 200
    assert all(len(entry) >= passwords.LEAST_LENGTH and entry == entry.casefold() for entry in common)


async def test_hashes_verify_and_ask_for_todays_costs() -> None:
    passwords.configure(time_cost=1, memory_kib=64, parallelism=1, threads=2)
    hashed = await passwords.hash_password("correct horse battery")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify_password(hashed, "correct horse battery")
    assert not await passwords.verify_password(hashed, "correct horse batterz")
    assert not await passwords.verify_password(hashed, "\ud800")
    assert not await passwords.verify_password("no hash", "correct horse battery")
    assert not await passwords.verify_password(None, "a password that nobody has")
    assert not await passwords.verify_password(None, "a password that nobody has")
    assert not passwords.needs_rehash(hashed)
    passwords.configure(time_cost=2, memory_kib=64, parallelism=1, threads=2)
    assert passwords.needs_rehash(hashed)


async def test_hashing_leaves_the_event_loop_free() -> None:
    passwords.configure(time_cost=3, memory_kib=32_768, parallelism=1, threads=1)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await asyncio.gather(*(passwords.hash_password("correct horse battery") for _ in range(3)))
    ticking.cancel()
    passwords.configure(time_cost=1, memory_kib=64, parallelism=1, threads=2)
    assert ticks > 100


# —— Sessions ——


async def test_a_token_is_stored_as_a_hash_only(database: Database) -> None:
    user = await person(database, "ada@example.org")
    async with database.write() as session:
        issued = await tokens.issue(session, user.id, lifetime=DAY)
    text = str(await campus.contents(database))
    assert issued.token not in text
    assert len(issued.token) >= 43
    assert timedelta(hours=23) < issued.expires_at - models.now() <= DAY


async def test_rotation_gives_a_new_token_of_the_family(database: Database) -> None:
    user = await person(database, "ada@example.org")
    async with database.write() as session:
        issued = await tokens.issue(session, user.id, lifetime=DAY)
    async with database.write() as session:
        outcome = await tokens.rotate(session, issued.token, lifetime=DAY)
    assert outcome is not None
    assert outcome[0].id == user.id
    assert outcome[1].token != issued.token
    async with database.read() as session:
        rows = list(await session.scalars(select(RefreshToken)))
    assert len({row.family for row in rows}) == 1
    assert sorted(row.used_at is not None for row in rows) == [False, True]


async def test_a_token_used_twice_ends_its_family_for_good_and_no_other(database: Database) -> None:
    user = await person(database, "ada@example.org")
    async with database.write() as session:
        stolen = await tokens.issue(session, user.id, lifetime=DAY)
        elsewhere = await tokens.issue(session, user.id, lifetime=DAY)
    async with database.write() as session:
        outcome = await tokens.rotate(session, stolen.token, lifetime=DAY)
    assert outcome is not None
    async with database.write() as session:
        assert await tokens.rotate(session, stolen.token, lifetime=DAY) is None
    async with database.write() as session:
        assert await tokens.rotate(session, outcome[1].token, lifetime=DAY) is None
    async with database.write() as session:
        assert await tokens.rotate(session, elsewhere.token, lifetime=DAY) is not None
    assert await audited(database) == [(None, "refreshTokenReused", "USER", str(user.id))]


async def test_of_two_rotations_at_once_one_succeeds(database: Database) -> None:
    user = await person(database, "ada@example.org")
    async with database.write() as session:
        issued = await tokens.issue(session, user.id, lifetime=DAY)

    async def rotate() -> bool:
        async with database.write() as session:
            return await tokens.rotate(session, issued.token, lifetime=DAY) is not None

    assert sorted(await asyncio.gather(rotate(), rotate(), rotate())) == [False, False, True]


@pytest.mark.parametrize("token", ["", "unknown", "x" * 10_000, "\x00", "\ud800"])
async def test_an_unknown_token_is_no_session(database: Database, token: str) -> None:
    before = await campus.contents(database)
    async with database.write() as session:
        assert await tokens.rotate(session, token, lifetime=DAY) is None
        assert await tokens.revoke(session, token) == 0
    assert await campus.contents(database) == before


async def test_an_expired_token_and_an_inactive_account_do_not_go_on(database: Database) -> None:
    user = await person(database, "ada@example.org")
    async with database.write() as session:
        expired = await tokens.issue(session, user.id, lifetime=timedelta(seconds=-1))
        valid = await tokens.issue(session, user.id, lifetime=DAY)
        await session.execute(update(User).values(active=False))
    async with database.write() as session:
        assert await tokens.rotate(session, expired.token, lifetime=DAY) is None
        assert await tokens.revoke(session, expired.token, everywhere=True) == 0
        assert await tokens.rotate(session, valid.token, lifetime=DAY) is None


async def test_logging_out_ends_one_session_or_all(database: Database) -> None:
    user = await person(database, "ada@example.org")
    other = await person(database, "bob@example.org")
    async with database.write() as session:
        issued = [await tokens.issue(session, user.id, lifetime=DAY) for _ in range(3)]
        theirs = await tokens.issue(session, other.id, lifetime=DAY)
    async with database.write() as session:
        assert await tokens.revoke(session, issued[0].token) == 1
    async with database.write() as session:
        # The session is over: its token has no power over the others.
        assert await tokens.revoke(session, issued[0].token, everywhere=True) == 0
        assert await tokens.revoke(session, issued[1].token, everywhere=True) == 2
    async with database.write() as session:
        for one in issued:
            assert await tokens.rotate(session, one.token, lifetime=DAY) is None
        assert await tokens.rotate(session, theirs.token, lifetime=DAY) is not None


async def test_a_new_password_ends_every_session(database: Database) -> None:
    user = await person(database, "ada@example.org")
    async with database.write() as session:
        issued = await tokens.issue(session, user.id, lifetime=DAY)
    async with database.write() as session:
        await accounts.set_password(session, user.id, "new hash")
    async with database.write() as session:
        assert await accounts.password_hash(session, user.id) == "new hash"
        assert await tokens.rotate(session, issued.token, lifetime=DAY) is None
    assert await audited(database) == [(user.id, "changePassword", "USER", str(user.id))]


async def test_a_rehash_keeps_the_sessions(database: Database) -> None:
    user = await person(database, "ada@example.org")
    async with database.write() as session:
        issued = await tokens.issue(session, user.id, lifetime=DAY)
        await accounts.replace_hash(session, user.id, "stronger")
    async with database.write() as session:
        assert await accounts.password_hash(session, user.id) == "stronger"
        assert await tokens.rotate(session, issued.token, lifetime=DAY) is not None


async def test_attempts_are_counted_by_account_and_by_address(database: Database) -> None:
    window = timedelta(minutes=15)

    async def attempt(email: str, address: str) -> tuple[int, int]:
        async with database.write() as session:
            return await accounts.count_attempt(session, email=email, address=address, window=window)

    assert await attempt("ada@example.org", "::1") == (1, 1)
    assert await attempt("ada@example.org", "::2") == (2, 1)
    assert await attempt("bob@example.org", "::1") == (1, 2)
    assert await attempt("a\x00\ud800" + "x" * 300, "y" * 100) == (1, 1)
    async with database.write() as session:
        await session.execute(update(LoginAttempt).values(attempted_at=models.now() - window))
    assert await attempt("ada@example.org", "::1") == (1, 1)


async def test_attempts_at_once_are_counted_one_after_the_other(database: Database) -> None:
    """Each of them sees all that came before: by sending them together nobody gets one more."""
    number = 8

    async def attempt(email: str, address: str) -> tuple[int, int]:
        async with database.write() as session:
            counted = await accounts.count_attempt(session, email=email, address=address, window=DAY)
            await asyncio.sleep(0.05)  # not committed yet, while the others count
            return counted

    by_account = await asyncio.gather(*(attempt("ada@example.org", f"192.0.2.{n}") for n in range(number)))
    assert sorted(found for found, _ in by_account) == list(range(1, number + 1))
    by_address = await asyncio.gather(*(attempt(f"{n}@example.org", "::1") for n in range(number)))
    assert sorted(found for _, found in by_address) == list(range(1, number + 1))
    # In either order, and across: nobody waits for nobody.
    crossed = [attempt(f"{'ab'[n % 2]}@example.org", f"::{n // 2 % 2}") for n in range(number)]
    assert len(await asyncio.gather(*crossed)) == number


async def test_old_attempts_go(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "CLEAN_UP_EVERY", 1)
    for _ in range(2):
        async with sqlite_database.write() as session:
            await accounts.count_attempt(session, email="a@b.org", address="::1", window=DAY)
            await session.execute(update(LoginAttempt).values(attempted_at=models.now() - 2 * DAY))
    async with sqlite_database.read() as session:
        assert await session.scalar(select(func.count()).select_from(LoginAttempt)) == 1


# —— Names and roles ——


async def test_an_update_changes_what_is_given(database: Database) -> None:
    user = await person(database, "ada@example.org")
    async with database.write() as session:
        after = await accounts.update_user(
            session, actor_id=user.id, user_id=user.id, first_name="Augusta", expected_version=1
        )
    assert (after.first_name, after.last_name, after.version) == ("Augusta", "Lovelace", 2)
    assert await marks(database) == {(Kind.USER, str(user.id)): (2, False)}
    before = await campus.contents(database)
    async with database.write() as session:
        await accounts.update_user(session, actor_id=user.id, user_id=user.id, first_name="Augusta")
    assert await campus.contents(database) == before


async def test_updates_are_refused(database: Database) -> None:
    user = await person(database, "ada@example.org")
    async with refusal(database, errors.StaleVersion) as refused:
        await accounts.update_user(
            refused.session, actor_id=user.id, user_id=user.id, first_name="A", expected_version=7
        )
    assert refused.error.current_version == 1
    async with refusal(database, errors.InvalidInput) as refused:
        await accounts.update_user(
            refused.session, actor_id=user.id, user_id=user.id, first_name=None, last_name="x" * 101
        )
    assert set(paths(refused.error)) == {"firstName", "lastName"}
    async with refusal(database, errors.NotFound) as refused:
        await accounts.update_user(refused.session, actor_id=user.id, user_id=999, first_name="A")
    assert (refused.error.kind, refused.error.key) == ("USER", "999")


async def test_of_two_updates_with_one_expected_version_one_is_stale(database: Database) -> None:
    user = await person(database, "ada@example.org")

    async def rename(name: str) -> bool:
        try:
            async with database.write() as session:
                early = await session.get_one(User, user.id)
                await asyncio.sleep(0.02)
                await accounts.update_user(
                    session, actor_id=1, user_id=user.id, first_name=name, expected_version=1
                )
                assert early.first_name == name
        except errors.StaleVersion:
            return False
        return True

    assert sorted(await asyncio.gather(rename("A"), rename("B"))) == [False, True]


async def test_a_former_student_leaves_courses_and_profile(database: Database) -> None:
    teacher = await person(database, "t@example.org", Role.TEACHER)
    student = await person(database, "s@example.org")
    made = await campus.course(database, teacher)
    await campus.enroll(database, made, student)
    async with database.write() as session:
        entry = await accounts.set_metadata(
            session, actor_id=student.id, student_id=student.id, key="goal", value="AI"
        )
    before = await marks(database)
    async with database.write() as session:
        after = await accounts.set_user_role(
            session, actor_id=teacher.id, user_id=student.id, role=Role.TEACHER
        )
    assert (after.role, after.version) == (Role.TEACHER, 2)
    assert changed(before, await marks(database)) == {
        (Kind.USER, str(student.id)): (2, False),
        (Kind.ENROLLMENT, f"{made.id}:{student.id}"): (2, True),
        (Kind.METADATA, entry.id): (2, True),
    }
    async with database.read() as session:
        assert list(await session.scalars(select(Enrollment))) == []
        assert list(await session.scalars(select(Metadata))) == []
    assert (await audited(database))[-1] == (teacher.id, "setUserRole", "USER", str(student.id))


async def test_the_same_role_again_changes_nothing(database: Database) -> None:
    admin = await person(database, "root@example.org", Role.ADMIN)
    before = await campus.contents(database)
    async with database.write() as session:
        await accounts.set_user_role(session, actor_id=admin.id, user_id=admin.id, role=Role.ADMIN)
    assert await campus.contents(database) == before


async def test_a_teacher_with_courses_and_the_last_admin_keep_their_roles(database: Database) -> None:
    admin = await person(database, "root@example.org", Role.ADMIN)
    teacher = await person(database, "t@example.org", Role.TEACHER)
    await campus.course(database, teacher)
    for role in (Role.STUDENT, Role.ADMIN):
        async with refusal(database, errors.Conflict) as refused:
            await accounts.set_user_role(refused.session, actor_id=admin.id, user_id=teacher.id, role=role)
        assert (refused.error.code, refused.error.path) == ("IN_USE", ("role",))
    async with refusal(database, errors.Conflict) as refused:
        await accounts.set_user_role(refused.session, actor_id=admin.id, user_id=admin.id, role=Role.STUDENT)
    assert refused.error.code == "WRONG_STATE"
    async with refusal(database, errors.NotFound) as refused:
        await accounts.set_user_role(refused.session, actor_id=admin.id, user_id=999, role=Role.STUDENT)


async def test_two_admins_who_demote_each_other_leave_one(database: Database) -> None:
    admins = [await person(database, f"{name}@example.org", Role.ADMIN) for name in "ab"]

    async def demote(one: User) -> bool:
        try:
            async with database.write() as session:
                await accounts.set_user_role(session, actor_id=1, user_id=one.id, role=Role.STUDENT)
        except errors.Conflict:
            return False
        return True

    assert sorted(await asyncio.gather(*map(demote, admins))) == [False, True]


# —— Learner profiles ——


async def test_a_profile_entry_is_written_once_and_replaced(database: Database) -> None:
    student = await person(database, "s@example.org")

    async def write(value: str) -> Metadata:
        async with database.write() as session:
            return await accounts.set_metadata(
                session, actor_id=student.id, student_id=student.id, key="goal", value=value
            )

    first = await write("AI")
    before = await campus.contents(database)
    assert (await write("AI")).id == first.id
    assert await campus.contents(database) == before
    second = await write("")
    assert (second.id, second.value, second.version) == (first.id, "", 2)
    assert (await marks(database))[Kind.METADATA, first.id] == (2, False)
    async with database.write() as session:
        await accounts.remove_metadata(session, actor_id=student.id, metadata_id=first.id)
    assert (await marks(database))[Kind.METADATA, first.id] == (3, True)
    async with refusal(database, errors.NotFound) as refused:
        await accounts.remove_metadata(refused.session, actor_id=student.id, metadata_id=first.id)
    assert refused.error.kind == "METADATA"


async def test_a_profile_has_its_bounds_and_belongs_to_a_student(database: Database) -> None:
    student = await person(database, "s@example.org")
    teacher = await person(database, "t@example.org", Role.TEACHER)
    async with database.write() as session:
        for number in range(accounts.GREATEST_METADATA):
            await accounts.set_metadata(
                session, actor_id=1, student_id=student.id, key=f"key {number:02}", value="v"
            )
    async with refusal(database, errors.InvalidInput) as refused:
        await accounts.set_metadata(refused.session, actor_id=1, student_id=student.id, key="more", value="v")
    assert paths(refused.error) == {"key": "A profile has at most 50 entries."}
    async with refusal(database, errors.InvalidInput) as refused:
        await accounts.set_metadata(
            refused.session, actor_id=1, student_id=student.id, key="x" * 101, value="y" * 1_001
        )
    assert set(paths(refused.error)) == {"key", "value"}
    for nobody in (teacher.id, 999):
        async with refusal(database, errors.NotFound) as refused:
            await accounts.set_metadata(refused.session, actor_id=1, student_id=nobody, key="k", value="v")
        assert refused.error.path == ("studentId",)
    async with database.read() as session:
        found = await accounts.metadata_of(session, [student.id, teacher.id])
    assert [entry.key for entry in found[student.id]] == [f"key {number:02}" for number in range(50)]


async def test_one_key_written_twice_at_once_is_one_entry(database: Database) -> None:
    student = await person(database, "s@example.org")

    async def write(value: str) -> str:
        async with database.write() as session:
            entry = await accounts.set_metadata(
                session, actor_id=1, student_id=student.id, key="goal", value=value
            )
            return entry.id

    assert len(set(await asyncio.gather(write("a"), write("b"), write("c")))) == 1


# —— Lists ——


async def test_an_admin_finds_everybody_and_a_teacher_own_students(database: Database) -> None:
    admin = await person(database, "root@example.org", Role.ADMIN, "Rut", "Root")
    teacher = await person(database, "t@example.org", Role.TEACHER, "Tea", "Cher")
    mine = await person(database, "m@example.org", first="Über", last="Mine")
    await person(database, "o@example.org", first="Not", last="Mine")
    await campus.enroll(database, await campus.course(database, teacher), mine)

    async def names(viewer: User, **values: object) -> list[str]:
        async with database.read() as session:
            found = await accounts.list_users(
                session,
                viewer_id=viewer.id,
                viewer_role=viewer.role,
                page=Page(),
                with_total=True,
                **values,  # type: ignore[arg-type]
            )
        assert found.total_count == len(found.rows)
        return [row.first_name for row in found.rows]

    assert sorted(await names(admin)) == ["Not", "Rut", "Tea", "Über"]
    assert await names(teacher) == ["Über"]
    assert await names(mine) == []
    assert await names(admin, role=Role.TEACHER) == ["Tea"]
    assert await names(admin, active=False) == []
    assert await names(admin, search="mINE über") == ["Über"]
    assert await names(admin, search="ÜB") == ["Über"]
    assert await names(admin, search="ine") == []
    assert await names(admin, search="T@EXAMPLE") == ["Tea"]
    assert await names(teacher, search="m@example") == []
    assert await names(admin, search="%") == []
    assert await names(admin, search="\x00") == []
    assert await names(admin, search="\ud800") == []


async def test_pages_meet_without_gap_in_both_directions(database: Database) -> None:
    admin = await person(database, "root@example.org", Role.ADMIN, "Z", "Z")
    for number in range(7):
        await person(database, f"p{number}@example.org", first=f"F{number % 2}", last=f"L{number % 3}")

    async def page(page: Page) -> accounts.Slice:
        async with database.read() as session:
            return await accounts.list_users(
                session, viewer_id=admin.id, viewer_role=Role.ADMIN, page=page, with_total=True
            )

    whole = await page(Page(first=100))
    ids = [row.id for row in whole.rows]
    assert [(row.last_name, row.first_name, row.id) for row in whole.rows] == sorted(
        (row.last_name, row.first_name, row.id) for row in whole.rows
    )
    forward: list[int] = []
    slice_ = await page(Page(first=3))
    assert (slice_.has_next, slice_.has_previous, slice_.total_count) == (True, False, 8)
    while True:
        forward += [row.id for row in slice_.rows]
        if not slice_.has_next:
            break
        slice_ = await page(Page(first=3, after=slice_.cursors[-1]))
        assert slice_.has_previous
    assert forward == ids
    backward: list[int] = []
    slice_ = await page(Page(first=None, last=3))
    assert (slice_.has_next, slice_.has_previous) == (False, True)
    while True:
        backward = [row.id for row in slice_.rows] + backward
        if not slice_.has_previous:
            break
        slice_ = await page(Page(first=None, last=3, before=slice_.cursors[0]))
    assert backward == ids


@pytest.mark.parametrize(
    "values",
    [
        *('["a","b"]', '["a","b",1,2]', '[1,"b",1]', '["a","b","c"]', '["a","b",true]', '["a","b",null]'),
        *(
            '["a","b",9223372036854775808]',
            '["a\\u0000","b",1]',
            '["a\\ud800","b",1]',
            "{}",
            "[",
            "[NaN,1,1]",
        ),
        *('["a","b",{"t":"2026-01-01T00:00:00+00:00"}]', "[" * 5_000, '["a","b",' + "9" * 5_000 + "]"),
    ],
)
async def test_a_foreign_cursor_is_refused(database: Database, values: str) -> None:
    cursor = base64.urlsafe_b64encode(values.encode()).rstrip(b"=").decode()
    for page in (Page(after=cursor), Page(first=None, last=5, before=cursor)):
        with pytest.raises(InvalidCursor):
            async with database.read() as session:
                await accounts.list_users(session, viewer_id=1, viewer_role=Role.ADMIN, page=page)


@pytest.mark.parametrize("cursor", ["", "*", "é", "\ud800", "a", "YQ", "AAAA"])
async def test_what_is_no_cursor_at_all_is_refused(sqlite_database: Database, cursor: str) -> None:
    with pytest.raises(InvalidCursor) as caught:
        async with sqlite_database.read() as session:
            await accounts.list_users(session, viewer_id=1, viewer_role=Role.ADMIN, page=Page(after=cursor))
    assert caught.value.argument == "after"


async def test_the_longest_names_make_a_cursor_that_clients_may_send(sqlite_database: Database) -> None:
    await person(sqlite_database, "s@example.org", first="𝕏" * 100, last="𝕐" * 100)
    async with sqlite_database.read() as session:
        found = await accounts.list_users(session, viewer_id=1, viewer_role=Role.ADMIN, page=Page())
        assert len(found.cursors[0]) < 2_000
        after = Page(after=found.cursors[0])
        assert (
            await accounts.list_users(session, viewer_id=1, viewer_role=Role.ADMIN, page=after)
        ).rows == []


async def test_who_sees_whom(database: Database) -> None:
    teacher = await person(database, "t@example.org", Role.TEACHER)
    other = await person(database, "u@example.org", Role.TEACHER)
    student = await person(database, "s@example.org")
    await campus.enroll(database, await campus.course(database, teacher), student)
    async with database.write() as session:
        entry = await accounts.set_metadata(
            session, actor_id=1, student_id=student.id, key="goal", value="AI"
        )
    async with database.read() as session:
        for viewer, people, entries in (
            (teacher, {teacher.id, other.id, student.id}, {entry.id}),
            (other, {teacher.id, other.id}, set()),
            (student, {teacher.id, other.id, student.id}, {entry.id}),
        ):
            seen = await accounts.visible_users(
                session,
                [teacher.id, other.id, student.id],
                viewer_id=viewer.id,
                viewer_role=viewer.role,
            )
            assert set(seen) == people
            profile = await accounts.visible_metadata(
                session, [entry.id], viewer_id=viewer.id, viewer_role=viewer.role
            )
            assert set(profile) == entries
        assert set(await accounts.users_by_ids(session, [student.id, 999])) == {student.id}
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(Credential)) == 3
