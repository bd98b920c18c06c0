"""The fixture of outset 16: as studies for `outscout study import`, and loaded into the reference server."""
import datetime
import json
import sys


def studies():
    for number in range(25):
        status = {21: "draft", 23: "closed"}.get(number, "paused" if number % 2 else "open")
        at = f"2025-07-01T12:{number:02}:00Z"
        yield {
            "id": f"0b5e7c1a-4d2f-4e8c-9a6b-0000000000{number:02}",
            "name": f"Study {number:02}",
            "status": status,
            "created_at": at,
            "updated_at": at,
            "completion_url": None,
            "target_url": "https://proto.test/app?v=2",
            "tasks": [] if number == 21 else [{"title": "Look around"}],
        }


def load():
    from reference import Study

    for study in studies():
        at = datetime.datetime.fromisoformat(study["created_at"])
        Study.objects.create(
            id=study["id"], name=study["name"], status=study["status"], active=study["status"] == "open",
            created_at=at, updated_at=at,
        )


if __name__ == "__main__":
    if sys.argv[1:] == ["load"]:
        load()
    else:
        print(json.dumps(list(studies())))
