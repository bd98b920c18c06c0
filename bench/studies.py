"""The studies that outscout and the reference server are both filled with."""
import datetime
import json

BASE = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
PAGE = 10


def study_id(number):
    return f"00000000-0000-4000-8000-{number:012}"


def detail(number):
    return f"/v1/studies/{study_id(number)}/"


def write(file, count, first=0):
    """Writes studies with consecutive numbers, as `outscout study import` reads them."""
    rows = [{
        "id": study_id(number), "name": f"Study {number}", "status": "open" if number % 2 else "paused",
        "created_at": (BASE + datetime.timedelta(seconds=number)).isoformat(), "tasks": ["Look around"],
    } for number in range(first, first + count)]
    file.write_text(json.dumps(rows))


def requests(count, first=0):
    """What is asked of so many studies: name, method, path and body."""
    last, one = count // PAGE, detail(first + count // 2)
    return [
        ("list page 1", "GET", "/v1/studies/", None),
        ("list last page", "GET", f"/v1/studies/?page={last}", None),
        ("list middle page", "GET", f"/v1/studies/?page={last // 2}", None),
        ("retrieve", "GET", one, None),
        ("PATCH", "PATCH", one, b'{"completion_url":"https://b.test/"}'),
    ]
