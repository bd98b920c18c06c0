"""Deploys the templates with the functions' binaries into an emulator of AWS that is not ours, compares what stands there with what
the templates say, and asks it: checks/deploy starts what this talks to."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import traceback
import zipfile

import boto3
import botocore.config
import requests

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import missed  # noqa: E402
import rotation  # noqa: E402
import translation  # noqa: E402
import walks  # noqa: E402
from comparison import Comparison  # noqa: E402
from tampering import tamper  # noqa: E402
from values import Stack  # noqa: E402

BUCKET, STACK, SECRET = "binaries", "outscout", "outscout/openscouter/signing-key"
IDENTITY = "outscout.example"
PATIENCE = 240  # seconds for the stacks; for a schedule of each minute half of it


class Run:
    """One emulator, and the table of what was done there."""

    def __init__(self, options):
        self.options, self.rows, self.failed = options, [], False
        self.keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": translation.REGION}
        self.made, self.bucket = {}, BUCKET

    def clients(self, service):
        if service not in self.made:
            self.made[service] = boto3.client(
                service, endpoint_url=self.options.endpoint, region_name=translation.REGION, aws_access_key_id="test",
                aws_secret_access_key="test", config=botocore.config.Config(max_pool_connections=20, retries={"max_attempts": 1}))
        return self.made[service]

    def step(self, name, work):
        """Does one step; what goes wrong is told, and is no reason to leave the others out."""
        began = time.monotonic()
        try:
            told, done = work(), "ok"
        except Exception as error:  # a check's failure, whatever it is
            told, done, self.failed = (str(error) or repr(error)).splitlines()[0][:300], "FAILED", True
            traceback.print_exc()
        self.rows.append((name, done, time.monotonic() - began, told))
        print(f"{name}: {told} ({time.monotonic() - began:.1f} s)", flush=True)
        return done == "ok"

    def table(self):
        print(f"\n{'step':<24}{'':<8}{'seconds':>8}  what")
        for name, done, seconds, told in self.rows:
            print(f"{name:<24}{done:<8}{seconds:>8.1f}  {told}")


def pack(run, sources):
    """One upload for each binary, as `sam package` makes them. Symbols are left out, as in a release build."""
    binaries = pathlib.Path(run.options.binaries)
    crates = sorted({crate for source in sources.values() for crate in translation.crates(source).values()})
    paths = {crate: next((path for path in (binaries / crate / "bootstrap", binaries / crate) if path.is_file()), None)
             for crate in crates}
    missing = [crate for crate, path in paths.items() if path is None]
    assert not missing, f"no binaries in {binaries}: {', '.join(missing)}"
    run.clients("s3").create_bucket(Bucket=BUCKET)
    strip = shutil.which("strip")

    def one(crate):
        binary = paths[crate]
        if strip:
            binary = pathlib.Path(run.options.work) / crate
            subprocess.run([strip, "-o", binary, paths[crate]], check=True)
        packed = pathlib.Path(run.options.work) / f"{crate}.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            member = zipfile.ZipInfo("bootstrap")
            member.external_attr, member.compress_type = 0o755 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(member, binary.read_bytes(), compresslevel=1)
        size = packed.stat().st_size
        run.clients("s3").put_object(Bucket=BUCKET, Key=f"{crate}.zip", Body=packed.read_bytes())
        for path in (packed, pathlib.Path(run.options.work) / crate):
            path.unlink(missing_ok=True)
        return size
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = list(pool.map(one, crates))
    return f"{len(sizes)} binaries, {sum(sizes) / 1e6:.0f} MB packed"


def prepare(run):
    """What an operator does before the first deployment: the signing key, its secret, the identity that mails come from."""
    told = subprocess.run([run.options.command, "signing-key", "new"], capture_output=True, text=True, check=True)
    keys = json.loads(told.stdout)
    run.clients("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(keys["signing_key"]))
    for identity in (IDENTITY, f"no-reply@{IDENTITY}"):
        run.clients("sesv2").create_email_identity(EmailIdentity=identity)
    endpoint = run.options.endpoint
    run.parameters = {
        "Stage": "development", "MailIdentity": IDENTITY, "MailSender": f"no-reply@{IDENTITY}", "AlarmEmail": f"alarms@{IDENTITY}",
        "Architecture": run.options.architecture, "OpenScouterJwks": json.dumps(keys["jwks"]),
        "StoreEndpoint": endpoint, "MailEndpoint": endpoint, "SecretsEndpoint": endpoint,
        "GatewayEndpoint": endpoint}
    return "signing key, secret, mail identity"


def translate(run, sources):
    """Uploads the nested templates and then the root, which names them."""
    uploads, run.templates, needed = {}, {}, dict.fromkeys(translation.LEFT_OUT, 0)
    for api in [*translation.APIS, None]:
        made = translation.transformed(sources[api], BUCKET, uploads)
        deployed, counts = translation.adapted(made)
        run.templates[api] = (made, deployed)
        needed = {entry: number + counts[entry] for entry, number in needed.items()}
        run.clients("s3").put_object(Bucket=BUCKET, Key=f"{api or 'root'}.json", Body=json.dumps(deployed).encode())
        uploads[f"functions/{api}/template.yaml"] = f"{run.options.endpoint}/{BUCKET}/{api}.json"
    for entry, number in needed.items():
        what, instead = translation.LEFT_OUT[entry]
        print(f"  left out, {number} times: {what}; {instead}")
    return f"{len(run.templates)} templates"


def deploy(run, sources):
    formation = run.clients("cloudformation")
    formation.create_stack(
        StackName=STACK, TemplateURL=f"{run.options.endpoint}/{BUCKET}/root.json",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in run.parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"])
    began = time.monotonic()
    while (status := formation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]) == "CREATE_IN_PROGRESS":
        assert time.monotonic() - began < PATIENCE, f"the stack is not there after {PATIENCE} s"
        time.sleep(0.5)
    if status != "CREATE_COMPLETE":
        events = formation.describe_stack_events(StackName=STACK)["StackEvents"]
        reasons = [f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}" for event in events
                   if event["ResourceStatus"].endswith("FAILED") and event.get("ResourceStatusReason")]
        raise AssertionError(f"{status}: {'; '.join(reasons)}")
    run.root = Stack(run.clients, STACK, sources[None], run.parameters)
    run.apis = {}
    for name, resource in sources[None]["Resources"].items():
        if resource["Type"] == translation.APPLICATION:
            api = resource["Properties"]["Location"].split("/")[1]
            handed = run.root.value(resource["Properties"].get("Parameters", {}))
            run.apis[api] = run.root.nested[name] = Stack(run.clients, run.root.physical(name), sources[api], handed)
    return f"{1 + len(run.apis)} stacks"


def compare(run):
    comparison = Comparison(run.clients, run.root, run.apis, run.templates)
    comparison.all()
    for problem in comparison.problems:
        print(f"  {problem}")
    told = ", ".join(f"{number} {what}" for what, number in comparison.counted.items())
    assert not comparison.problems, f"{len(comparison.problems)} differences ({told})"
    return told


def tampered(run):
    """Each difference made on purpose is told, and so is nothing where there is none: `compare` ran before."""
    told = tamper(run)
    comparison = Comparison(run.clients, run.root, run.apis, run.templates)
    comparison.all()
    missed = [each for each in told if not any(problem.startswith(each) for problem in comparison.problems)]
    assert not missed, f"not told: {'; '.join(missed)}"
    return f"{len(told)} differences made on purpose, all told"


def system(run):
    """Where the walks go: the gateway by each API's own host name, the command line with the deployment's tables."""
    port = run.options.endpoint.rsplit(":", 1)[1]
    apis = {}
    for api, stack in run.apis.items():
        gateway = next(name for name, each in stack.source["Resources"].items() if each["Type"] == "AWS::Serverless::Api")
        stage = stack.source["Resources"][gateway]["Properties"]["StageName"]
        host = f"{stack.physical(gateway)}.execute-api.localhost:{port}"
        apis[api] = walks.Api(f"{run.options.endpoint}/{stage}", f"/{stage}", {"Host": host})
    environment = {**os.environ, **run.keys, "AWS_ENDPOINT_URL_DYNAMODB": run.options.endpoint,
                   "OUTSCOUT_MAIN_TABLE": run.root.physical("MainTable"), "OUTSCOUT_HOT_TABLE": run.root.physical("HotTable")}

    def mails():
        told = requests.get(f"{run.options.endpoint}/_ministack/ses/messages", timeout=walks.PATIENCE).json()["messages"]
        return [(mail["To"], mail["BodyText"]) for account in told.values() for mail in account]
    return walks.System(apis, run.options.command, ["--cloud"], mails, run.options.work, environment)


def scheduled(run, there):
    """With its stream's mapping off, only the schedule of each minute can bring the work function what a sign-up leaves it: a mail."""
    client, api, address = run.clients("lambda"), there.apis["outsend"], "erin@example.com"
    function = run.root.physical("BackgroundWork")
    (mapping,) = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    told = client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    assert told["State"] in ("Disabling", "Disabled"), told["State"]
    signed_up = {"email": address, "password": walks.PASSWORD, "accept_responsibility": True}
    api.call("POST", "/api/auth/signup", 200, signed_up)
    began = time.monotonic()
    walks.wait_for(lambda: any(address in to for to, _ in there.mails()), PATIENCE // 2)
    waited = time.monotonic() - began
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    return f"the minute's sweep sent a mail after {waited:.0f} s, with the stream's mapping off"


def main():
    parser = argparse.ArgumentParser()
    for name in ("endpoint", "binaries", "command", "work", "architecture"):
        parser.add_argument("--" + name, required=True)
    run = Run(parser.parse_args())
    sources = {api: translation.template(api) for api in [None, *translation.APIS]}
    stands = all(run.step(name, work) for name, work in (
        ("binaries", lambda: pack(run, sources)), ("before", lambda: prepare(run)),
        ("templates", lambda: translate(run, sources)), ("stacks", lambda: deploy(run, sources))))
    if stands:
        run.step("comparison", lambda: compare(run))
        there = system(run)
        run.step("Outset", lambda: walks.outset(there))
        run.step("Outsend", lambda: walks.outsend(there))
        run.step("OpenScouter", lambda: walks.openscouter(there))
        run.step("schedule", lambda: scheduled(run, there))
        run.step("doctor", lambda: missed.examined(run, there))
        run.step("dead letters", lambda: missed.put_back(run, there))
        run.step("tampering", lambda: tampered(run))
        run.step("key rotation", lambda: rotation.rotated(run))
    run.table()
    if run.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
