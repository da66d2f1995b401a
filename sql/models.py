"""Tables of the system of record.

No relationship() anywhere: a row never loads another one behind the reader's back.
Every time is UTC and timezone-aware. `version` is the number that `sql.sync_state.record`
gave to the row's last change; the mirror guards graph writes with it and clients pass it
back as expectedVersion.
"""

from __future__ import annotations

import enum
import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAME_LENGTH = 100
TITLE_LENGTH = 255
DESCRIPTION_LENGTH = 1_000
URL_LENGTH = 2_048
REASON_LENGTH = 2_000
EVIDENCE_LENGTH = 2_000
DEFINITION_LENGTH = 4_000
SUMMARY_LENGTH = 10_000


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware moment, stored as UTC; a naive value is a programming error."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        # SQLite keeps no offset: what was stored is UTC.
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a fresh random identifier (uuid4, 36 characters)."""
    return str(uuid.uuid4())


class Role(enum.StrEnum):
    STUDENT = "STUDENT"
    TEACHER = "TEACHER"
    ADMIN = "ADMIN"


class CourseLevel(enum.StrEnum):
    BACHELOR = "BACHELOR"
    MASTER = "MASTER"
    PHD = "PHD"


class PublicationStatus(enum.StrEnum):
    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"


class ExtractionStatus(enum.StrEnum):
    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


class EdgeOrigin(enum.StrEnum):
    EXTRACTED = "EXTRACTED"
    TEACHER = "TEACHER"


class PrerequisiteStatus(enum.StrEnum):
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"


class ConceptRelationType(enum.StrEnum):
    PREREQUISITE = "PREREQUISITE"
    PART_OF = "PART_OF"
    IS_A = "IS_A"
    USED_FOR = "USED_FOR"
    RELATED_TO = "RELATED_TO"


class ResourceKind(enum.StrEnum):
    READING = "READING"
    VIDEO = "VIDEO"


class MasteryTrend(enum.StrEnum):
    IMPROVING = "IMPROVING"
    STABLE = "STABLE"
    DECLINING = "DECLINING"


class MasteryCategory(enum.StrEnum):
    NOT_STARTED = "NOT_STARTED"
    STRUGGLING = "STRUGGLING"
    DEVELOPING = "DEVELOPING"
    PROFICIENT = "PROFICIENT"
    MASTERED = "MASTERED"


class Kind(enum.StrEnum):
    """Kinds of mirrored records. The key of each is text; see KEY_SHAPES."""

    USER = "USER"
    COURSE = "COURSE"
    ENROLLMENT = "ENROLLMENT"
    CHAPTER = "CHAPTER"
    CHAPTER_SEQUENCE = "CHAPTER_SEQUENCE"
    THEORY = "THEORY"
    THEORY_SEQUENCE = "THEORY_SEQUENCE"
    SKILL = "SKILL"
    SKILL_PREREQUISITE = "SKILL_PREREQUISITE"
    CONCEPT = "CONCEPT"
    CONCEPT_MENTION = "CONCEPT_MENTION"
    CONCEPT_RELATION = "CONCEPT_RELATION"
    RESOURCE = "RESOURCE"
    METADATA = "METADATA"
    MASTERY = "MASTERY"
    PROGRESS = "PROGRESS"


# Parts of each key, joined by ":" in sync_state.key. Parts hold no ":".
KEY_SHAPES: dict[Kind, tuple[str, ...]] = {
    Kind.USER: ("user_id",),
    Kind.COURSE: ("course_id",),
    Kind.ENROLLMENT: ("course_id", "student_id"),
    Kind.CHAPTER: ("chapter_id",),
    Kind.CHAPTER_SEQUENCE: ("course_id",),
    Kind.THEORY: ("theory_id",),
    Kind.THEORY_SEQUENCE: ("chapter_id",),
    Kind.SKILL: ("skill_id",),
    Kind.SKILL_PREREQUISITE: ("prerequisite_id", "dependent_id"),
    Kind.CONCEPT: ("concept_id",),
    Kind.CONCEPT_MENTION: ("theory_id", "concept_id"),
    Kind.CONCEPT_RELATION: ("source_id", "type", "target_id"),
    Kind.RESOURCE: ("resource_id",),
    Kind.METADATA: ("metadata_id",),
    Kind.MASTERY: ("student_id", "skill_id"),
    Kind.PROGRESS: ("assessment_id",),
}


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
        list[str]: JSON(),
    }


# SQLite only autoincrements INTEGER PRIMARY KEY; PostgreSQL gets a bigint.
BigId = BigInteger().with_variant(Integer(), "sqlite")


def _enum(cls: type[enum.StrEnum]) -> Enum:
    return Enum(cls, native_enum=False, length=20, create_constraint=False, validate_strings=True)


class Timestamps:
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class Versioned(Timestamps):
    version: Mapped[int] = mapped_column(BigInteger(), default=0)


class User(Versioned, Base):
    __tablename__ = "users"
    # Ids are never used again: a token, an audit entry or a graph tombstone may outlive the row.
    __table_args__ = (
        Index("ix_users_last_name", "last_name", "first_name", "id"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower case
    first_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    last_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    role: Mapped[Role] = mapped_column(_enum(Role))
    active: Mapped[bool] = mapped_column(default=True)


class Credential(Timestamps, Base):
    __tablename__ = "credentials"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(255))


class RefreshToken(Base):
    __tablename__ = "refresh_tokens"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256, hexadecimal
    family: Mapped[str] = mapped_column(String(36), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime] = mapped_column()
    used_at: Mapped[datetime | None] = mapped_column()
    revoked_at: Mapped[datetime | None] = mapped_column()


class LoginAttempt(Base):
    """One log-in attempt, counted by account and by address; kept for an hour."""

    __tablename__ = "login_attempts"
    __table_args__ = (
        Index("ix_login_attempts_email_at", "email", "attempted_at"),
        Index("ix_login_attempts_address_at", "address", "attempted_at"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    address: Mapped[str] = mapped_column(String(64))
    attempted_at: Mapped[datetime] = mapped_column(default=now)


class Metadata(Versioned, Base):
    __tablename__ = "metadata_entries"
    __table_args__ = (UniqueConstraint("student_id", "key"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    student_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(NAME_LENGTH))
    value: Mapped[str] = mapped_column(String(DESCRIPTION_LENGTH))


class Course(Versioned, Base):
    __tablename__ = "courses"
    __table_args__ = (UniqueConstraint("teacher_id", "title"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    teacher_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION_LENGTH))
    level: Mapped[CourseLevel] = mapped_column(_enum(CourseLevel), default=CourseLevel.BACHELOR)
    publication_status: Mapped[PublicationStatus] = mapped_column(
        _enum(PublicationStatus), default=PublicationStatus.DRAFT
    )
    extraction_status: Mapped[ExtractionStatus] = mapped_column(
        _enum(ExtractionStatus), default=ExtractionStatus.NOT_STARTED
    )
    archived_at: Mapped[datetime | None] = mapped_column()


class Enrollment(Versioned, Base):
    __tablename__ = "enrollments"
    __table_args__ = (UniqueConstraint("course_id", "student_id"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    student_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    enrolled_at: Mapped[datetime] = mapped_column(default=now)


class Chapter(Versioned, Base):
    """`order` runs from 0 without gaps in a course; not unique in SQL, as a reorder passes through equal values."""

    __tablename__ = "chapters"
    __table_args__ = (Index("ix_chapters_course_order", "course_id", "order"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION_LENGTH))
    order: Mapped[int] = mapped_column()


class Theory(Versioned, Base):
    __tablename__ = "theories"
    __table_args__ = (Index("ix_theories_chapter_order", "chapter_id", "order"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), index=True)
    chapter_id: Mapped[str] = mapped_column(ForeignKey("chapters.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    summary: Mapped[str | None] = mapped_column(String(SUMMARY_LENGTH))
    order: Mapped[int] = mapped_column()


class Skill(Versioned, Base):
    __tablename__ = "skills"
    __table_args__ = (UniqueConstraint("course_id", "name_key"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    name_key: Mapped[str] = mapped_column(String(NAME_LENGTH * 3))  # sql.keys.name_key(name)
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION_LENGTH))


class SkillTheory(Base):
    """HAS_SKILL: mirrored with the skill."""

    __tablename__ = "skill_theories"
    skill_id: Mapped[str] = mapped_column(ForeignKey("skills.id", ondelete="CASCADE"), primary_key=True)
    theory_id: Mapped[str] = mapped_column(
        ForeignKey("theories.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class SkillConcept(Base):
    """REQUIRES_CONCEPT: mirrored with the skill."""

    __tablename__ = "skill_concepts"
    skill_id: Mapped[str] = mapped_column(ForeignKey("skills.id", ondelete="CASCADE"), primary_key=True)
    concept_id: Mapped[str] = mapped_column(
        ForeignKey("concepts.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class SkillPrerequisite(Versioned, Base):
    """Only APPROVED rows are mirrored; REJECTED ones stay so that an extraction does not propose them again."""

    __tablename__ = "skill_prerequisites"
    __table_args__ = (
        CheckConstraint("prerequisite_id <> dependent_id", name="not_itself"),
        CheckConstraint("strength > 0 AND strength <= 1", name="strength_bounds"),
    )
    prerequisite_id: Mapped[str] = mapped_column(
        ForeignKey("skills.id", ondelete="CASCADE"), primary_key=True
    )
    dependent_id: Mapped[str] = mapped_column(
        ForeignKey("skills.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str | None] = mapped_column(String(REASON_LENGTH))
    strength: Mapped[float] = mapped_column(default=1.0)
    origin: Mapped[EdgeOrigin] = mapped_column(_enum(EdgeOrigin), default=EdgeOrigin.TEACHER)
    status: Mapped[PrerequisiteStatus] = mapped_column(
        _enum(PrerequisiteStatus), default=PrerequisiteStatus.APPROVED
    )
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    decided_at: Mapped[datetime | None] = mapped_column()


class Concept(Versioned, Base):
    __tablename__ = "concepts"
    __table_args__ = (UniqueConstraint("course_id", "key"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    key: Mapped[str] = mapped_column(String(NAME_LENGTH * 3))  # sql.keys.name_key(name)
    definition: Mapped[str | None] = mapped_column(String(DEFINITION_LENGTH))
    text_evidence: Mapped[str | None] = mapped_column(String(EVIDENCE_LENGTH))
    aliases: Mapped[list[str]] = mapped_column(default=list)
    by_hand: Mapped[bool] = mapped_column(default=False)  # a person made it: never removed as unused


class ConceptAlias(Base):
    """One row for each alias, so that an alias is found by key; uniqueness against names is a rule in sql.concepts."""

    __tablename__ = "concept_aliases"
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(NAME_LENGTH * 3), primary_key=True)
    concept_id: Mapped[str] = mapped_column(ForeignKey("concepts.id", ondelete="CASCADE"), index=True)


class ConceptMention(Versioned, Base):
    __tablename__ = "concept_mentions"
    theory_id: Mapped[str] = mapped_column(ForeignKey("theories.id", ondelete="CASCADE"), primary_key=True)
    concept_id: Mapped[str] = mapped_column(
        ForeignKey("concepts.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    definition: Mapped[str | None] = mapped_column(String(DEFINITION_LENGTH))
    text_evidence: Mapped[str | None] = mapped_column(String(EVIDENCE_LENGTH))
    source_document: Mapped[str | None] = mapped_column(String(TITLE_LENGTH))


class ConceptRelation(Versioned, Base):
    __tablename__ = "concept_relations"
    __table_args__ = (CheckConstraint("source_id <> target_id", name="not_itself"),)
    source_id: Mapped[str] = mapped_column(ForeignKey("concepts.id", ondelete="CASCADE"), primary_key=True)
    type: Mapped[ConceptRelationType] = mapped_column(_enum(ConceptRelationType), primary_key=True)
    target_id: Mapped[str] = mapped_column(
        ForeignKey("concepts.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str | None] = mapped_column(String(REASON_LENGTH))
    origin: Mapped[EdgeOrigin] = mapped_column(_enum(EdgeOrigin), default=EdgeOrigin.TEACHER)
    source_sha256: Mapped[str | None] = mapped_column(String(64))  # document that said it; null when by hand


class ConceptMerge(Base):
    """A reversible merge: `moved` holds what undoing needs."""

    __tablename__ = "concept_merges"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), index=True)
    target_id: Mapped[str | None] = mapped_column(ForeignKey("concepts.id", ondelete="SET NULL"))
    source_names: Mapped[list[str]] = mapped_column(default=list)
    moved: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str | None] = mapped_column(String(REASON_LENGTH))
    merged_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    merged_at: Mapped[datetime] = mapped_column(default=now)
    undone_at: Mapped[datetime | None] = mapped_column()


class Resource(Versioned, Base):
    __tablename__ = "resources"
    __table_args__ = (UniqueConstraint("course_id", "url"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    kind: Mapped[ResourceKind] = mapped_column(_enum(ResourceKind))
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    url: Mapped[str] = mapped_column(String(URL_LENGTH))


class ResourceTheory(Base):
    """HAS_READING, HAS_VIDEO: mirrored with the resource."""

    __tablename__ = "resource_theories"
    resource_id: Mapped[str] = mapped_column(ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True)
    theory_id: Mapped[str] = mapped_column(
        ForeignKey("theories.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class ResourceConcept(Base):
    """COVERS_CONCEPT: mirrored with the resource."""

    __tablename__ = "resource_concepts"
    resource_id: Mapped[str] = mapped_column(ForeignKey("resources.id", ondelete="CASCADE"), primary_key=True)
    concept_id: Mapped[str] = mapped_column(
        ForeignKey("concepts.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Assessment(Versioned, Base):
    """The evidence, append only; mirrored as PROGRESS. `mastery_after` is recomputed when late evidence arrives."""

    __tablename__ = "assessments"
    __table_args__ = (
        UniqueConstraint("course_id", "idempotency_key"),
        Index("ix_assessments_student_course", "student_id", "course_id", "assessed_at", "id"),
        CheckConstraint("score >= 0 AND score <= 1", name="score_bounds"),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    student_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    skill_id: Mapped[str] = mapped_column(ForeignKey("skills.id", ondelete="RESTRICT"), index=True)
    score: Mapped[float] = mapped_column()
    item_key: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    idempotency_key: Mapped[str] = mapped_column(String(64))
    assessed_at: Mapped[datetime] = mapped_column()
    recorded_at: Mapped[datetime] = mapped_column(default=now)
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    mastery_after: Mapped[float] = mapped_column(default=0.0)
    retracted_at: Mapped[datetime | None] = mapped_column()
    retracted_reason: Mapped[str | None] = mapped_column(String(REASON_LENGTH))


class Mastery(Versioned, Base):
    """The seven properties at the skill's last assessment, and the meters behind them."""

    __tablename__ = "masteries"
    student_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    skill_id: Mapped[str] = mapped_column(
        ForeignKey("skills.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), index=True)
    current_mastery: Mapped[float] = mapped_column()
    confidence: Mapped[float] = mapped_column()
    predicted_next: Mapped[float] = mapped_column()
    trend: Mapped[MasteryTrend | None] = mapped_column(_enum(MasteryTrend))
    num_assessments: Mapped[int] = mapped_column()
    mastery_category: Mapped[MasteryCategory] = mapped_column(_enum(MasteryCategory))
    assessed_at: Mapped[datetime] = mapped_column()  # of the last assessment; MASTERS_SKILL.updated_at
    state: Mapped[dict[str, Any]] = mapped_column(default=dict)


class MasterySnapshot(Base):
    """A pinned, versioned set of skill intercepts b and question offsets d, learned from everybody's answers."""

    __tablename__ = "mastery_snapshots"
    __table_args__ = (UniqueConstraint("course_id", "number"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column()
    skill_intercepts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    item_offsets: Mapped[dict[str, Any]] = mapped_column(default=dict)
    pinned: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)


class ExtractionRun(Timestamps, Base):
    __tablename__ = "extraction_runs"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), index=True)
    status: Mapped[ExtractionStatus] = mapped_column(
        _enum(ExtractionStatus), default=ExtractionStatus.NOT_STARTED
    )
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    started_at: Mapped[datetime | None] = mapped_column()
    finished_at: Mapped[datetime | None] = mapped_column()
    write_id: Mapped[str | None] = mapped_column(String(36))  # sync_writes.id that collects all its records
    leased_until: Mapped[datetime | None] = mapped_column()
    leased_by: Mapped[str | None] = mapped_column(String(100))


class ExtractionDocument(Timestamps, Base):
    __tablename__ = "extraction_documents"
    __table_args__ = (Index("ix_extraction_documents_run", "run_id", "position"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    run_id: Mapped[str] = mapped_column(ForeignKey("extraction_runs.id", ondelete="CASCADE"))
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column()
    filename: Mapped[str] = mapped_column(String(TITLE_LENGTH))
    sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[ExtractionStatus] = mapped_column(
        _enum(ExtractionStatus), default=ExtractionStatus.NOT_STARTED
    )
    unchanged: Mapped[bool] = mapped_column(default=False)
    theory_id: Mapped[str | None] = mapped_column(ForeignKey("theories.id", ondelete="SET NULL"))
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the document as given, without its text
    findings: Mapped[list[Any]] = mapped_column(default=list)
    last_error: Mapped[str | None] = mapped_column(String(REASON_LENGTH))


class CourseSource(Timestamps, Base):
    """What a document said last, by file name: a changed document replaces exactly this."""

    __tablename__ = "course_sources"
    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id", ondelete="CASCADE"), primary_key=True)
    filename: Mapped[str] = mapped_column(String(TITLE_LENGTH), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    theory_id: Mapped[str | None] = mapped_column(ForeignKey("theories.id", ondelete="SET NULL"))
    wrote: Mapped[dict[str, Any]] = mapped_column(default=dict)  # keys of the records this document wrote


class CourseImport(Timestamps, Base):
    """One course file imported for a teacher: makes `lab-tutor import` idempotent by content hash and resumable."""

    __tablename__ = "course_imports"
    __table_args__ = (UniqueConstraint("teacher_id", "sha256"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    teacher_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    course_id: Mapped[int | None] = mapped_column(ForeignKey("courses.id", ondelete="SET NULL"))
    sha256: Mapped[str] = mapped_column(String(64))
    pieces_done: Mapped[int] = mapped_column(default=0)
    pieces_total: Mapped[int] = mapped_column(default=0)
    key_ids: Mapped[dict[str, Any]] = mapped_column(default=dict)  # file key -> record id, to resume
    finished_at: Mapped[datetime | None] = mapped_column()


class AuditEntry(Base):
    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_course", "course_id", "occurred_at"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(default=now, index=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    action: Mapped[str] = mapped_column(String(60))  # name of the mutation
    record_kind: Mapped[str] = mapped_column(String(30))
    record_key: Mapped[str] = mapped_column(String(120))
    course_id: Mapped[int | None] = mapped_column(BigInteger())  # no foreign key: entries outlive the course
    changes: Mapped[list[Any]] = mapped_column(default=list)  # [{field, before, after}], at most 50


class IdempotencyReceipt(Base):
    """What a create answered to a client's idempotency key; kept for 24 hours."""

    __tablename__ = "idempotency_receipts"
    user_id: Mapped[int] = mapped_column(BigInteger(), primary_key=True)  # 0 for an anonymous caller
    mutation: Mapped[str] = mapped_column(String(60), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    input_hash: Mapped[str] = mapped_column(String(64))
    record_key: Mapped[str] = mapped_column(String(120))
    write_id: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class SyncRecord(Base):
    """How far the graph is with one record. `version > applied_version` means dirty.

    A deleted record keeps its row as a tombstone: the kind's table has no row for the key any more.
    """

    __tablename__ = "sync_records"
    __table_args__ = (
        Index("ix_sync_records_due", "dead_at", "next_attempt_at"),
        Index("ix_sync_records_changed", "changed_at", "id"),
        # Only what waits for the graph: claims read from its front, kind by kind.
        Index(
            "ix_sync_records_in_line",
            "kind",
            "changed_at",
            "id",
            sqlite_where=text("dead_at IS NULL AND next_attempt_at IS NOT NULL"),
            postgresql_where=text("dead_at IS NULL AND next_attempt_at IS NOT NULL"),
        ),
        UniqueConstraint("kind", "key"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[Kind] = mapped_column(_enum(Kind))
    key: Mapped[str] = mapped_column(String(120))
    version: Mapped[int] = mapped_column(BigInteger(), default=1)
    applied_version: Mapped[int] = mapped_column(BigInteger(), default=0)
    projection_version: Mapped[int] = mapped_column(default=0)  # of the code that applied it
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(default=now)
    leased_until: Mapped[datetime | None] = mapped_column()
    leased_by: Mapped[str | None] = mapped_column(String(100))
    last_error: Mapped[str | None] = mapped_column(String(500))
    changed_at: Mapped[datetime] = mapped_column(default=now)
    applied_at: Mapped[datetime | None] = mapped_column(index=True)
    dead_at: Mapped[datetime | None] = mapped_column()
    deleted: Mapped[bool] = mapped_column(default=False)


class SyncWrite(Base):
    """One mutation: its id is the sync token that names all records of the write; kept for 24 hours."""

    __tablename__ = "sync_writes"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    main_version: Mapped[int] = mapped_column(BigInteger(), default=0)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class SyncWriteRecord(Base):
    __tablename__ = "sync_write_records"
    write_id: Mapped[str] = mapped_column(ForeignKey("sync_writes.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[Kind] = mapped_column(_enum(Kind), primary_key=True)
    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger())
