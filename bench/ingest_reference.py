"""The reference of the ingestion benchmark: the endpoint as one would write it with FastAPI, pydantic and SQLite.

It checks the same fields, keeps each event as a row, knows an event that comes again by (session, eventId), and writes
a batch in one transaction."""
import datetime
import os
import re
import sqlite3
from typing import Annotated, Literal
from urllib.parse import urlsplit

import pydantic
from fastapi import FastAPI, Header, HTTPException

PIXELS = 10_000_000
LEEWAY = datetime.timedelta(seconds=60)
SESSIONS = dict(pair.split("=") for pair in os.environ["REFERENCE_SESSIONS"].split(","))
STARTED = datetime.datetime.now(datetime.UTC)

Pixels = Annotated[float, pydantic.Field(ge=-PIXELS, le=PIXELS)]
Id = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(str_strip_whitespace=True, strict=False)


class Viewport(Model):
    width: Annotated[float, pydantic.Field(gt=0)]
    height: Annotated[float, pydantic.Field(gt=0)]


class Event(Model):
    eventType: Literal["click", "scroll", "input", "focus", "blur", "navigation", "error"]
    targetSelector: Annotated[str, pydantic.Field(min_length=1, max_length=1024)]
    timestamp: datetime.datetime
    x: Pixels | None = None
    y: Pixels | None = None
    scrollY: Pixels | None = None
    inputLength: Annotated[float, pydantic.Field(ge=0)] | None = None
    viewport: Viewport | None = None
    eventId: Id | None = None
    taskId: Annotated[str, pydantic.Field(max_length=64)] | None = None
    url: Annotated[str, pydantic.Field(max_length=2048)] | None = None
    scrollDepth: Annotated[float, pydantic.Field(ge=0, le=1)] | None = None
    timeOnElementMs: Annotated[float, pydantic.Field(ge=0)] | None = None

    @pydantic.field_validator("url")
    @classmethod
    def bare(cls, value):
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https URL")
        if parts.username or parts.password:
            raise ValueError("must not contain credentials")
        return f"{parts.scheme}://{parts.hostname}{parts.path}"


class Batch(Model):
    sessionId: str
    batch: Annotated[list[dict], pydantic.Field(max_length=500)]


app = FastAPI()
store = sqlite3.connect(os.environ["REFERENCE_FILE"], isolation_level=None, check_same_thread=False)
store.executescript("""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS events (
  session TEXT NOT NULL, event_id TEXT, kind TEXT NOT NULL, selector TEXT NOT NULL, at INTEGER NOT NULL, x REAL, y REAL,
  scroll_y REAL, input_length REAL, width REAL, height REAL, task TEXT, url TEXT, scroll_depth REAL, dwell REAL);
CREATE UNIQUE INDEX IF NOT EXISTS once ON events (session, event_id);
""")
INSERT = f"INSERT OR IGNORE INTO events VALUES ({','.join('?' * 15)})"


def reason(error):
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


@app.post("/api/data/events")
async def events(body: Batch, authorization: Annotated[str, Header()]):
    if SESSIONS.get(re.sub("^Token ", "", authorization)) != body.sessionId:
        raise HTTPException(404, "Session not found")
    earliest, latest = STARTED - LEEWAY, datetime.datetime.now(datetime.UTC) + LEEWAY
    rows, rejections = [], []
    for index, item in enumerate(body.batch):
        try:
            event = Event.model_validate(item)
        except pydantic.ValidationError as error:
            rejections.append({"index": index, "reason": reason(error)})
            continue
        if not earliest <= event.timestamp <= latest:
            rejections.append({"index": index, "reason": "timestamp: is outside the session"})
            continue
        view = event.viewport
        rows.append((body.sessionId, event.eventId, event.eventType, event.targetSelector,
                     int(event.timestamp.timestamp() * 1000), event.x, event.y, event.scrollY, event.inputLength,
                     view and view.width, view and view.height, event.taskId, event.url, event.scrollDepth,
                     event.timeOnElementMs))
    store.execute("BEGIN IMMEDIATE")
    kept = store.executemany(INSERT, rows).rowcount
    store.execute("COMMIT")
    data = {"sessionId": body.sessionId, "accepted": len(rows), "rejected": len(rejections), "rejections": rejections,
            "duplicates": len(rows) - kept}
    return {"success": True, "data": data, "error": None, "metadata": None}
