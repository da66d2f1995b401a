"""Accounts from the command line: the first admin, a lost password."""

from __future__ import annotations

import os
import sys

import typer

import sql.accounts
import sql.passwords
from graphql_api.cli import terminal
from graphql_api.opening import opened
from graphql_api.settings import Settings
from sql.models import Role

PASSWORD_VARIABLE = "LAB_TUTOR_ADMIN_PASSWORD"


def create_admin(email: str, *, first_name: str, last_name: str, password_stdin: bool) -> None:
    """Make an admin."""
    settings = _settings()
    password = _password(password_stdin, variable=PASSWORD_VARIABLE)
    terminal.run(_create_admin(settings, email, first_name, last_name, password))
    terminal.answer(f"{email} is an admin")


async def _create_admin(
    settings: Settings, email: str, first_name: str, last_name: str, password: str
) -> None:
    sql.passwords.validate_password(password, email=email)
    password_hash = await sql.passwords.hash_password(password)
    async with opened(settings, graph=False) as stores, stores.database.write() as session:
        await sql.accounts.create_user(
            session,
            email=email,
            password_hash=password_hash,
            first_name=first_name,
            last_name=last_name,
            role=Role.ADMIN,
        )


def reset_password(email: str, *, password_stdin: bool) -> None:
    """Set a new password and end the account's sessions."""
    settings = _settings()
    password = _password(password_stdin, variable=None)
    terminal.run(_reset_password(settings, email, password))
    terminal.answer(f"{email} has a new password; its sessions are ended")


async def _reset_password(settings: Settings, email: str, password: str) -> None:
    sql.passwords.validate_password(password, email=email)
    password_hash = await sql.passwords.hash_password(password)
    async with opened(settings, graph=False) as stores, stores.database.write() as session:
        user = await sql.accounts.find_by_email(session, email.strip().lower())
        if user is None:
            terminal.fail(f"EMAIL: there is no account {email}")
        await sql.accounts.set_password(session, user.id, password_hash)


def _password(from_stdin: bool, *, variable: str | None) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            terminal.fail("--password-stdin: standard input holds no password", terminal.EXIT_USAGE)
        return password
    if variable is not None and os.environ.get(variable):
        return os.environ[variable]
    if not sys.stdin.isatty():
        hint = f"set {variable} or " if variable else ""
        terminal.fail(f"no terminal to ask for a password: {hint}use --password-stdin", terminal.EXIT_USAGE)
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _settings() -> Settings:
    settings = terminal.settings_or_exit()
    sql.passwords.configure(
        time_cost=settings.argon2_time_cost,
        memory_kib=settings.argon2_memory_kib,
        parallelism=settings.argon2_parallelism,
        threads=settings.hashing_threads,
    )
    return settings
