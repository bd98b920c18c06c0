"""The key that signs access tokens, replaced step by step by `outscout signing-key rotate --stack`. The emulator does not update nested
stacks, so this is a stack of its own: it has the parameters that the command works by, and shows what they come to."""
import json
import os
import subprocess
import time

import translation

STACK, SECRET, SHOWN = "rotation", "rotation/signing-key", "/rotation/jwks"
PATIENCE = 60
TEMPLATE = {
    "Parameters": {"OpenScouterJwks": {"Type": "String"}, "OpenScouterSigningKeySecret": {"Type": "String"}, "Stage": {"Type": "String"}},
    "Resources": {"Shown": {"Type": "AWS::SSM::Parameter", "Properties": {
        "Name": SHOWN, "Type": "String", "Value": {"Fn::Sub": "${Stage} ${OpenScouterSigningKeySecret} ${OpenScouterJwks}"}}}}}


class Rotation:
    def __init__(self, run):
        self.run = run
        self.environment = {**os.environ, **run.keys, "AWS_ENDPOINT_URL": run.options.endpoint}
        self.formation, self.secrets = run.clients("cloudformation"), run.clients("secretsmanager")

    def command(self, *arguments):
        return subprocess.run([self.run.options.command, "signing-key", *arguments], capture_output=True, text=True,
                              env=self.environment, check=False)

    def begin(self):
        """What an operator makes before the first deployment."""
        keys = json.loads(self.command("new").stdout)
        self.secrets.create_secret(Name=SECRET, SecretString=json.dumps(keys["signing_key"]))
        parameters = {"OpenScouterJwks": json.dumps(keys["jwks"]), "OpenScouterSigningKeySecret": SECRET, "Stage": "development"}
        self.formation.create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE), Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()])
        self.settled("CREATE_COMPLETE")
        return keys["signing_key"]["kid"]

    def settled(self, wanted):
        began = time.monotonic()
        while (status := self.formation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]) != wanted:
            assert status.endswith("_IN_PROGRESS") and time.monotonic() - began < PATIENCE, status
            time.sleep(0.2)

    def step(self):
        done = self.command("rotate", "--stack", STACK, "--region", translation.REGION)
        assert done.returncode == 0, done.stderr
        assert '"d"' not in done.stdout + done.stderr, "a private key is shown"
        self.settled("UPDATE_COMPLETE")
        return json.loads(done.stdout)

    def keys(self):
        """The keys that the stack's resources are told of; the other parameters are as they were."""
        value = self.run.clients("ssm").get_parameter(Name=SHOWN)["Parameter"]["Value"]
        stage, secret, keys = value.split(" ", 2)
        assert (stage, secret) == ("development", SECRET), value
        assert '"d"' not in keys, "a private key is published"
        return json.loads(keys)["keys"]

    def published(self):
        return [key["kid"] for key in self.keys()]

    def signing(self, stage="AWSCURRENT"):
        return json.loads(self.secrets.get_secret_value(SecretId=SECRET, VersionStage=stage)["SecretString"])["kid"]


def rotated(run):
    """Published before it signs, signing before the old one goes, and that not before a day is over."""
    rotation = Rotation(run)
    old = rotation.begin()
    told = rotation.step()
    new = told["kids"][1]
    assert (told["done"], told["kids"], rotation.published()) == ("published", [old, new], [old, new]), told
    assert (rotation.signing(), rotation.signing("AWSPENDING")) == (old, new)
    told = rotation.step()
    assert (told["done"], told["kids"], rotation.published()) == ("signs", [new, old], [new, old]), told
    assert (rotation.signing(), rotation.signing("AWSPREVIOUS")) == (new, old)
    early = rotation.command("rotate", "--stack", STACK)
    assert early.returncode == 1 and "may work until" in early.stderr, early
    # a deployment that brings the old order back: the functions are started anew
    keys = {"OpenScouterJwks": json.dumps({"keys": rotation.keys()[::-1]})}
    rotation.formation.update_stack(StackName=STACK, UsePreviousTemplate=True, Parameters=[
        {"ParameterKey": name, **({"ParameterValue": keys[name]} if name in keys else {"UsePreviousValue": True})}
        for name in TEMPLATE["Parameters"]])
    rotation.settled("UPDATE_COMPLETE")
    assert rotation.published() == [old, new]
    assert rotation.step()["done"] == "signs" and rotation.published() == [new, old] and rotation.signing() == new
    missing = rotation.command("rotate", "--stack", "nowhere")
    assert missing.returncode == 3, missing
    rotation.formation.delete_stack(StackName=STACK)
    rotation.secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    return f"{old} signed, and then {new}, each published before and after"
