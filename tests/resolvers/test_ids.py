"""Global ids: one spelling, opaque, and nothing but what this API gave out."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers import ids

UUID = "2f1c9c8e-8f5e-4b0e-9f43-0c1d2e3f4a5b"


def test_ids_follow_the_examples_of_the_contract() -> None:
    assert ids.encode("course", 1) == "Y291cnNlOjE"
    assert ids.encode("user", 7) == "dXNlcjo3"
    assert ids.decode("Y291cnNlOjE", "course") == 1


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("user", 2**63 - 1),
        ("ch", UUID),
        ("men", (UUID, UUID)),
        ("rel", (UUID, "PART_OF", UUID)),
        ("mas", (7, UUID)),
    ],
)
def test_an_id_comes_back_as_its_key(prefix: str, key: ids.Key) -> None:
    assert ids.decode_any(ids.encode(prefix, key)) == (prefix, key)


@pytest.mark.parametrize(
    "text",
    [
        "course:0",
        "course:-1",
        "course:01",
        "course:٣",
        "course:9223372036854775808",
        "course:1:2",
        "course:",
        "course",
        "ch:" + UUID.upper(),
        "rel:" + UUID + ":LIKES:" + UUID,
        "nobody:1",
        "course:1\x00",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    given_id = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    with pytest.raises(ids.MalformedId):
        ids.decode_any(given_id)


@pytest.mark.parametrize("value", ["", "=", "Y291cnNlOjE=", "Y291cnNlOjF", "é", "a" * 500, "Y291cnNlOjE\n"])
def test_one_spelling_only(value: str) -> None:
    with pytest.raises(ids.MalformedId):
        ids.decode_any(value)


def test_an_id_of_another_type_is_refused() -> None:
    with pytest.raises(ids.MalformedId):
        ids.decode(ids.encode("user", 1), "course")


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(value: str) -> None:
    try:
        prefix, key = ids.decode_any(value)
    except ids.MalformedId:
        return
    assert ids.encode(prefix, key) == value


def test_known_ids_are_those_of_encode_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "MOST_KNOWN", 3)
    kept = ids.KnownIds("skill")
    for number in range(10):
        key = f"{number:08}-0000-0000-0000-000000000000"
        assert kept[key] == kept[key] == ids.encode("skill", key)
        assert len(kept) <= 3
    # Equal as keys of a dict, but not the same text: what is wrong in the graph stays visible.
    assert [kept[each] for each in (1, True, 1.0)] == [ids.encode("skill", each) for each in (1, True, 1.0)]
    people = ids.KnownIds("user")
    assert [people[each] for each in (7, 7, "7")] == [ids.encode("user", 7)] * 3
    assert list(people) == [7]
