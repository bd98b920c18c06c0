"""What people who write Python get: clients of two generators list, create and meet an error at a running server."""
import argparse
import json
import pathlib
import sys
import time


def origin(url):
    """The documents' paths begin with what a base URL ends with."""
    return url.rpartition("/")[0]


def wait(look):
    for _ in range(100):
        if look():
            return
        time.sleep(0.1)
    raise AssertionError("a job has not come to its end")


def with_openapi_generator(ready):
    """Outsend, with the client of openapi-generator: a job and its files."""
    import outsend_client as outsend

    configuration = outsend.Configuration(host=origin(ready["outsend"]), api_key={"key": ready["demo"]["outsend_key"]})
    with outsend.ApiClient(configuration) as client:
        jobs = outsend.JobsApi(client)
        assert ready["demo"]["story"]["job"] in [job.id for job in jobs.jobs_list()]
        rows = outsend.JobsCreateTypedRequest(items=[{"email": "ada@mailinator.com"}, {"email": "linus@@example.com"}])
        made = jobs.jobs_create_typed("verify-emails", rows)
        assert (made.job_type, made.status, made.grid_points_count) == ("verify_emails", "pending", 2), made
        wait(lambda: jobs.jobs_get(made.id).status == "done")
        assert [row["category"] for row in jobs.jobs_items(made.id).items] == ["disposable", "syntax"]
        # a file is its bytes, in every format
        assert jobs.jobs_download(made.id, format="csv").startswith("\ufeffemail;".encode())
        assert jobs.jobs_download(made.id, format="xlsx").startswith(b"PK")
        assert json.loads(jobs.jobs_download(made.id, format="json"))[0]["email"] == "ada@mailinator.com"
        try:
            jobs.jobs_get("j_00000000000000000000000000")
        except outsend.exceptions.NotFoundException as error:
            assert error.data.detail == "Job not found.", error
        else:
            raise AssertionError("a job that is not there was found")


def with_openapi_python_client(ready):
    """OpenScouter and Outset, with the clients of openapi-python-client: a study, seen from both."""
    from openscouter_api import AuthenticatedClient, Client
    from openscouter_api.api.auth import auth_sign_in
    from openscouter_api.api.jobs import jobs_create, jobs_get, jobs_list
    from openscouter_api.models import AuthSignInBody, Error, JobsCreateBody
    from outset_api import AuthenticatedClient as OutsetClient
    from outset_api.api.studies import studies_list, studies_partial_update
    from outset_api.models import ErrorResponse, PatchedStudy

    base = origin(ready["openscouter"])
    who = AuthSignInBody.from_dict(ready["demo"]["openscouter"]["business"])
    session = auth_sign_in.sync(client=Client(base_url=base), body=who).data
    client = AuthenticatedClient(base_url=base, token=session.access_token)
    study = {"title": "Generated", "description": "From a generated client.", "prototypeUrl": "https://example.com/",
             "prototypeType": "url", "tasks": [{"title": "Pay", "description": "Buy any item."}],
             "targeting": {"countries": ["FR"], "testerCount": 1}}
    made = jobs_create.sync(client=client, body=JobsCreateBody.from_dict(study)).data
    assert made.status == "draft", made
    assert made.job_id in [known.job_id for known in jobs_list.sync(client=client).data]
    missing = jobs_get.sync_detailed(made.job_id[:-26] + "0" * 26, client=client)
    assert missing.status_code == 404 and isinstance(missing.parsed, Error), missing

    # a key is no bearer's
    key = ready["demo"]["outset_key"]
    client = OutsetClient(base_url=origin(ready["outset"]), token=key, prefix="Api-Key")
    seen = next(known for known in studies_list.sync(client=client).results if known.name == "Generated")
    refused = studies_partial_update.sync(seen.id, client=client, body=PatchedStudy(completion_url="nowhere"))
    assert isinstance(refused, ErrorResponse) and refused.errors[0].field == "completion_url", refused
    changed = studies_partial_update.sync(seen.id, client=client, body=PatchedStudy(completion_url="https://example.com/done"))
    assert changed.completion_url == "https://example.com/done", changed


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready", required=True, help="what the server told on its standard output")
    parser.add_argument("--generated", required=True, help="the folder of the generated clients")
    options = parser.parse_args()
    folder = pathlib.Path(options.generated)
    sys.path[:0] = [str(folder / "python/outsend"), str(folder)]
    told = json.loads(pathlib.Path(options.ready).read_text())
    with_openapi_generator(told)
    with_openapi_python_client(told)
    print("clients of openapi-generator and openapi-python-client list, create and meet an error")
