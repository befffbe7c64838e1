"""What fills a feature repository: apply definitions, compute rows from events, put them online, seed demo accounts."""

import contextlib
import hashlib
import io
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from feast import FeatureStore

from tidegate.features import demo_seed
from tidegate.features.batch import request as requests
from tidegate.features.batch.compute import ASKING, PROCESSES, Progress, Step, alone
from tidegate.features.batch.compute import compute as compute_batch
from tidegate.features.batch.export import export_events
from tidegate.features.batch.inputs import BatchInputError, BatchInputs, event_files
from tidegate.features.batch.materialise import Erasures, Materialised, NothingErased, materialise
from tidegate.features.batch.run_directory import Published
from tidegate.features.batch.split import accounts
from tidegate.features.events.columns import microseconds, moment
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.feature import Service
from tidegate.features.history import OFFLINE
from tidegate.features.online import EVENTS, OnlineChoice, OnlineKind
from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.features.repository import close_repository, configuration, open_repository, write_configuration
from tidegate.features.risk import NO_RISK, RiskChoice
from tidegate.features.services import definitions

Say = Callable[[str], None]
"""Takes lines for a person to read."""
_EXPORT = "export"
_ERASURES_AT_ONCE = 10_000


def apply(state: Path, online: OnlineChoice, *, progress: Say, service: Service = ACCOUNT_SIGNALS_V2) -> None:
    """Makes `state` a repository with this online store and registers the definitions. Repeating it is harmless."""
    started = time.monotonic()
    write_configuration(state, online)
    with _opened(state) as store, contextlib.redirect_stdout(io.StringIO()):
        store.apply(list(definitions(service)))
    if online.kind is OnlineKind.SQLITE:
        _let_readers_through(state / configuration(online)["online_store"]["path"])
    views = ", ".join(view.name for view in service.views)
    progress(f"applied {service.name} ({views}) for {online.kind}{_took(started)}")


def compute(
    state: Path,
    *,
    now: datetime,
    progress: Progress,
    sources: Sequence[Path] = (),
    at: Sequence[datetime] = (),
    signals: Path | None = None,
    risk: RiskChoice = NO_RISK,
    processes: int = PROCESSES,
) -> Published:
    """Computes every account's signals from events and publishes the rows, going on with what was interrupted.

    Args:
        state: The state directory.
        now: The instant, unless `at` names others.
        progress: Is told of each step.
        sources: Parquet files of events, or folders of them; none: the event log.
        at: Instants. Named, they are computed; else an interrupted run of the same sources keeps its own.
        signals: The event log, `STATE/events.db` unless told; its erasures hold for files too.
        risk: Scores the profiles.
        processes: Workers.

    Raises:
        BatchInputError: A file can't be used, or the log no longer holds all events that an instant needs.
        BatchBusyError, BatchWorkerDiedError, PartitionError, EventColumnsError: See `batch.compute`.
    """
    offline, source = state / OFFLINE, " ".join(str(path.resolve()) for path in sources) or "log"
    now_us, export = microseconds(now), offline / _EXPORT
    with alone(offline, ASKING), _event_log(state, signals) as log:
        asked = None if at else requests.unfinished(offline, source=source, now_us=now_us)
        if asked is None:
            asked = requests.Request(source, sorted({microseconds(each) for each in at or (now,)}), now_us)
            shutil.rmtree(export, ignore_errors=True)
            requests.note(offline, asked)
        if not sources and not export.exists():
            known_at = moment(asked.asked_at_us)
            try:
                _require_answerable(asked.at_us, log, _path(state, signals))
                export_events(log, export, known_at=known_at, progress=partial(_read, progress))
                _require_answerable(
                    asked.at_us, log, _path(state, signals)
                )  # what was removed meanwhile may not have been read
            except BatchInputError:
                shutil.rmtree(export, ignore_errors=True)
                requests.forget(offline)
                raise
        files = event_files(sources or [export])
        erased = _erased(_erasures(log, _path(state, signals)), files, offline)
        inputs = BatchInputs(files, asked.at_us, erased, risk.name)
        published = compute_batch(inputs, offline, progress=progress, processes=processes, risk=risk.make)
        shutil.rmtree(export, ignore_errors=True)
        requests.forget(offline)
    return published


def materialize(
    state: Path,
    *,
    until: datetime,
    progress: Say,
    service: Service = ACCOUNT_SIGNALS_V2,
    signals: Path | None = None,
) -> Materialised:
    """Writes the newest published row per account, up to and including `until`, online, with its own event time.

    Rows of accounts that the event log knows as erased are left out. Interrupted, it goes on when called again.

    Raises:
        NothingPublishedError: There are no rows.
        OnlineStoreUnavailableError: Call again to go on.
    """
    started = time.monotonic()
    with _event_log(state, signals) as log, _writer(state, service) as writer:
        done = materialise(
            state / OFFLINE,
            writer,
            service.views,
            erasures=_erasures(log, _path(state, signals)),
            store=_store_digest(state),
            until=until,
            progress=lambda part, parts: progress(f"materialised {part} of {parts} partitions{_took(started)}"),
        )
    for view, rows in done.rows.items():
        progress(f"{view}: {rows:,} rows online")
    return done


def seed(  # noqa: D417 - state, online and progress as in `apply`
    state: Path,
    online: OnlineChoice,
    *,
    count: int,
    random_seed: int,
    now: datetime,
    progress: Say,
    signals: Path | None = None,
    risk: RiskChoice = NO_RISK,
) -> None:
    """Puts demo accounts' events into the log, computes, publishes and materialises. Again later, it adds what is new.

    Args:
        count: Accounts beside the named ones.
        random_seed: Same seed and `now`, same accounts.
        now: What the histories are as of; rows carry it in whole seconds, as SQLite online stores keep no more.
        signals: The event log, `STATE/events.db` unless told.
        risk: Scores the profiles.
    """
    started, at = time.monotonic(), now.replace(microsecond=0)
    apply(state, online, progress=progress)
    with _event_log(state, signals) as log:
        appended = demo_seed.append(log, count=count, random_seed=random_seed, now=at)
        progress(f"{appended.new:,} of {appended.events:,} events are new to the log{_took(started)}")
        seen = demo_seed.versions(log, count=count)
        published = compute(state, now=at, at=[at], progress=_ignored, signals=signals, risk=risk)
        progress(f"{published.row_counts['account_profile']:,} accounts computed{_took(started)}")
        materialize(state, until=at, progress=progress, signals=signals)
        with _writer(state, ACCOUNT_SIGNALS_V2) as writer:
            demo_seed.write_unlogged(writer, log, now=at, risk=risk.make())
        demo_seed.note_computed(log, seen, now=at)
    progress(f"seeded {count:,} demo accounts and the named ones{_took(started)}")


def _require_answerable(instants_us: Sequence[int], log: SqliteEventLog, path: Path) -> None:
    since, first = log.signals_since(), moment(min(instants_us))
    if since is not None and first < since:
        allowed = since.replace(microsecond=0) + timedelta(seconds=1)
        raise BatchInputError(
            path,
            "",
            f"signals as of {first.isoformat()} can't be computed from it any more: events that they come from were"
            f" removed for their age (signals.keep_events_days). Ask for {allowed.isoformat()} or later, or name files"
            " that have the events",
        )


def _read(progress: Progress, events: int) -> None:
    progress(Step("reading the log", events, 0, "events"))


def _path(state: Path, signals: Path | None) -> Path:
    return signals or state / EVENTS


@contextlib.contextmanager
def _event_log(state: Path, signals: Path | None) -> Iterator[SqliteEventLog]:
    log = SqliteEventLog(_path(state, signals))
    try:
        yield log
    finally:
        log.close()


@contextlib.contextmanager
def _writer(state: Path, service: Service) -> Iterator[FeastOnlineWriter]:
    writer = FeastOnlineWriter(state, service=service)
    try:
        yield writer
    finally:
        writer.close()


def _erasures(log: SqliteEventLog, path: Path) -> Erasures:
    return log if path.exists() else NothingErased()  # asking would make the file


def _erased(log: Erasures, files: Sequence[Path], offline: Path) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for page in accounts(files, temporary=offline / ".temporary", at_once=_ERASURES_AT_ONCE):
        found |= {account_id: microseconds(at) for account_id, at in log.erased(page).items()}
    return found


def _store_digest(state: Path) -> str:
    """Which online store it is: a Redis by its address, a SQLite file by its inode: a new file is filled whole."""
    with _opened(state) as store:
        online = store.config.online_store
    if online.type == OnlineKind.SQLITE:
        file = state / online.path
        facts = file.stat() if file.exists() else None
        place = f"sqlite {facts and (facts.st_dev, facts.st_ino)}"
    else:
        place = f"{online.type} {getattr(online, 'connection_string', '')}"
    return hashlib.sha256(place.encode()).hexdigest()[:16]  # an address may hold a password


@contextlib.contextmanager
def _opened(state: Path) -> Iterator[FeatureStore]:
    store = open_repository(state)
    try:
        yield store
    finally:
        close_repository(store)


def _let_readers_through(database: Path) -> None:
    """Write-ahead logging, so that a materialisation does not lock lookups out. The file remembers it."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def _ignored(step: Step) -> None:
    del step


def _took(started: float) -> str:
    return f" ({time.monotonic() - started:.1f} s)"
