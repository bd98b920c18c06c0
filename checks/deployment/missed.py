"""What `outscout doctor` tells of a deployment, and the letters that it puts back."""
import json
import subprocess
import time

import translation
import walks

STACK = "outscout"


class Doctor:
    """The command, with the credentials and the places of the run."""

    def __init__(self, run, there):
        self.run, self.there = run, there
        self.environment = {**there.environment, "AWS_ENDPOINT_URL": run.options.endpoint}
        self.queues, self.streams = run.clients("sqs"), run.clients("dynamodbstreams")

    def asked(self, *more):
        """What is found, by what it is about and where; the exit code says whether a problem is among it."""
        done = subprocess.run([self.there.program, "doctor", "--stack", STACK, "--json", *more], capture_output=True, text=True,
                              env=self.environment, check=False)
        assert done.stdout, done.stderr
        told = json.loads(done.stdout)
        problems = [finding for finding in told["findings"] if finding["level"] == "problem"]
        assert (done.returncode, told["problems"]) == (bool(problems), len(problems)), (done.returncode, told)
        assert all(finding["level"] == "ok" or finding["do"] for finding in told["findings"]), told
        assert "hush" not in done.stdout + done.stderr, "what a letter carries is shown"
        return told["findings"]

    def queue(self, name):
        return self.run.root.physical(name)

    def waiting(self, name):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.queues.get_queue_attributes(QueueUrl=self.queue(name), AttributeNames=names)["Attributes"]
        return sum(int(told[each]) for each in names)

    def missed_tick(self, function):
        """As EventBridge Scheduler sends it."""
        attributes = {
            "ERROR_CODE": "AWS.Scheduler.InternalServerError", "ERROR_MESSAGE": "hush", "EXECUTION_ID": "e", "IS_PAYLOAD_TRUNCATED": "false",
            "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts", "RETRY_ATTEMPTS": "2", "SCHEDULED_TIME": "2026-12-01T08:00:00Z",
            "SCHEDULE_ARN": f"arn:aws:scheduler:{translation.REGION}:000000000000:schedule/group/BackgroundWorkMinute",
            "TARGET_ARN": f"arn:aws:lambda:{translation.REGION}:000000000000:function:{function}"}
        self.queues.send_message(
            QueueUrl=self.queue("MissedSchedules"), MessageBody=json.dumps({"detail": "hush"}),
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()})

    def missed_records(self, function, stream, shard, first, last):
        """As Lambda sends it: where the records stand, not what they are."""
        body = {
            "requestContext": {
                "requestId": "r", "functionArn": f"arn:aws:lambda:{translation.REGION}:000000000000:function:{function}",
                "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 4},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0", "timestamp": "2026-12-01T08:00:00.000Z",
            "DDBStreamBatchInfo": {
                "shardId": shard, "startSequenceNumber": first, "endSequenceNumber": last, "batchSize": 1, "streamArn": stream,
                "approximateArrivalOfFirstRecord": "2026-12-01T08:00:00Z", "approximateArrivalOfLastRecord": "2026-12-01T08:00:00Z"}}
        self.queues.send_message(QueueUrl=self.queue("MissedChanges"), MessageBody=json.dumps(body))

    def last_work(self):
        """Where the stream's last record of new work stands."""
        table = self.run.root.physical("MainTable")
        stream = self.run.clients("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
        found = None
        for shard in self.streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
            iterator = self.streams.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
            iterator = iterator["ShardIterator"]
            while iterator:
                page = self.streams.get_records(ShardIterator=iterator)
                for record in page["Records"]:
                    if record["eventName"] == "INSERT" and record["dynamodb"]["Keys"]["sk"]["S"].startswith("WORK#"):
                        found = (stream, shard["ShardId"], record["dynamodb"]["SequenceNumber"])
                iterator = page.get("NextShardIterator") if page["Records"] else None
        assert found, "the stream has no record of work"
        return found


def about(findings, what, place=""):
    return [finding for finding in findings if finding["what"] == what and finding["where"].startswith(place)]


def levels(findings):
    return sorted(finding["level"] for finding in findings)


def examined(run, there):
    """A deployment that is whole has no problem; one that was changed past its templates has."""
    doctor = Doctor(run, there)
    # what the emulator leaves out of the template it does when it is asked
    recovery = {"PointInTimeRecoveryEnabled": True}
    run.clients("dynamodb").update_continuous_backups(
        TableName=run.root.physical("MainTable"), PointInTimeRecoverySpecification=recovery)
    for table in ("MainTable", "HotTable"):
        specification = {"Enabled": True, "AttributeName": "ttl"}
        run.clients("dynamodb").update_time_to_live(TableName=run.root.physical(table), TimeToLiveSpecification=specification)
    assert "nothing says it" in about(doctor.asked(), "schema")[0]["found"]
    told = there.command("migrate")
    assert (told["from"], told["schema"]) == (1, 1), told
    whole = doctor.asked()
    wrong = [finding for finding in whole if finding["level"] != "ok"]
    assert not wrong, wrong
    for what, number in (("stack", 4), ("table", 2), ("schema", 1), ("stream mapping", 2), ("dead letters", 2)):
        assert len(about(whole, what)) == number, (what, about(whole, what))
    lambdas, function = run.clients("lambda"), run.root.physical("BackgroundReactor")
    (mapping,) = lambdas.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    (found,) = about(doctor.asked(), "stream mapping", "BackgroundReactor")
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert found["level"] == "problem" and mapping["UUID"] in found["do"], found
    return f"{len(whole)} findings, a mapping that was switched off among the next ones"


def put_back(run, there):
    """A letter goes when its function took what it was about: the mail of a sign-up comes, with the stream's mapping off."""
    doctor, address = Doctor(run, there), "frank@example.com"
    work = run.root.physical("BackgroundWork")
    lambdas = run.clients("lambda")
    (mapping,) = lambdas.list_event_source_mappings(FunctionName=work)["EventSourceMappings"]
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    time.sleep(62 - time.time() % 60 if time.time() % 60 > 30 else 0)  # no tick in between
    there.apis["outsend"].call("POST", "/api/auth/signup", 200,
                               {"email": address, "password": walks.PASSWORD, "accept_responsibility": True})
    stream, shard, number = doctor.last_work()
    doctor.missed_records(work, stream, shard, number, number)
    began = time.monotonic()
    told = doctor.asked()
    assert levels(about(told, "dead letters")) == ["ok", "problem"] and len(about(told, "dead letter", "MissedChanges")) == 1, told
    assert doctor.waiting("MissedChanges") == 1, "to look takes nothing away"
    (done,) = about(doctor.asked("--put-back"), "dead letter")
    assert done["level"] == "ok" and done["found"].endswith("handed to BackgroundWork"), done
    walks.wait_for(lambda: any(address in to for to, _ in there.mails()), 10)
    waited = time.monotonic() - began
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert doctor.waiting("MissedChanges") == 0

    doctor.missed_tick(work)
    doctor.missed_records(work, stream, "shardId-00000000000000000001-00000000", number, number)  # a shard that is gone
    doctor.missed_tick("somebody-elses")
    doctor.queues.send_message(QueueUrl=doctor.queue("MissedChanges"), MessageBody="hush")
    assert len(about(doctor.asked(), "dead letter")) == 4
    told = doctor.asked("--put-back")
    assert levels(about(told, "dead letter", "MissedSchedules")) == ["ok", "problem"], told
    assert levels(about(told, "dead letter", "MissedChanges")) == ["problem", "warning"], told
    again = doctor.asked("--put-back")
    assert levels(about(again, "dead letter")) == ["problem", "problem"], again
    for name in ("MissedSchedules", "MissedChanges"):
        assert doctor.waiting(name) == 1, "what nobody took stays"
        doctor.queues.purge_queue(QueueUrl=doctor.queue(name))
    return f"the mail came {waited:.0f} s after its letter; of four others two were handed over, two stay"
