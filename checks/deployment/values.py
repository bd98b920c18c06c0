"""The values that a template's functions (`!Ref`, `!Sub`, …) have in a stack that stands."""
import re

REGION, ACCOUNT = "us-east-1", "000000000000"


class Stack:
    """One stack: its parameters' values, its resources by logical id, and what the store, the queues and the like are named."""

    def __init__(self, clients, stack, source, parameters):
        self.clients, self.source = clients, source
        formation = clients("cloudformation")
        (told,) = formation.describe_stacks(StackName=stack)["Stacks"]
        self.id, self.name, self.status = told["StackId"], told["StackName"], told["StackStatus"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in told.get("Outputs", [])}
        pages = formation.get_paginator("list_stack_resources").paginate(StackName=stack)
        self.resources = {each["LogicalResourceId"]: each for page in pages for each in page["StackResourceSummaries"]}
        defaults = {name: parameter.get("Default") for name, parameter in source["Parameters"].items()}
        self.parameters = {name: text(value) for name, value in {**defaults, **parameters}.items()}
        self.nested = {}

    def physical(self, name):
        return self.resources[name]["PhysicalResourceId"]

    def logical(self, physical):
        """The logical id behind a physical one, or the physical one where it is nobody's."""
        return next((name for name, each in self.resources.items() if each["PhysicalResourceId"] == physical), physical)

    def holds(self, condition):
        """Whether a condition of the template is true."""
        return self.truth(self.source["Conditions"][condition])

    def truth(self, test):
        ((function, given),) = test.items()
        match function:
            case "Condition":
                return self.holds(given)
            case "Fn::Equals":
                return text(self.value(given[0])) == text(self.value(given[1]))
            case "Fn::Not":
                return not self.truth(given[0])
            case "Fn::And":
                return all(map(self.truth, given))
            case "Fn::Or":
                return any(map(self.truth, given))
        raise KeyError(function)

    def value(self, given):
        """What a part of the template comes to; without what is `AWS::NoValue`."""
        if isinstance(given, list):
            return [value for value in map(self.value, given) if value is not None]
        if not isinstance(given, dict):
            return given
        if len(given) == 1:
            ((function, argument),) = given.items()
            if function == "Ref":
                return self.reference(argument)
            if function.startswith("Fn::"):
                return self.called(function, argument)
        return {name: value for name, value in ((name, self.value(member)) for name, member in given.items()) if value is not None}

    def called(self, function, argument):
        match function:
            case "Fn::GetAtt":
                name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
                return self.attribute(name, attribute)
            case "Fn::If":
                return self.value(argument[1] if self.holds(argument[0]) else argument[2])
            case "Fn::Join":
                return argument[0].join(self.value(argument[1]))
            case "Fn::Select":
                return self.value(argument[1])[int(argument[0])]
            case "Fn::Split":
                return self.value(argument[1]).split(argument[0])
            case "Fn::Sub":
                return self.substituted(argument)
        raise KeyError(function)

    def substituted(self, argument):
        pattern, own = argument if isinstance(argument, list) else (argument, {})

        def one(found):
            name = found[1]
            if name in own:
                return text(self.value(own[name]))
            return text(self.attribute(*name.split(".", 1)) if "." in name else self.reference(name))
        return re.sub(r"\$\{([^!}]+)\}", one, pattern)

    def reference(self, name):
        pseudo = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
                  "AWS::StackName": self.name, "AWS::StackId": self.id, "AWS::NoValue": None}
        if name in pseudo:
            return pseudo[name]
        return self.parameters[name] if name in self.source["Parameters"] else self.physical(name)

    def attribute(self, name, attribute):
        """What `!GetAtt` returns, asked of the service itself."""
        if attribute.startswith("Outputs."):
            return self.nested[name].outputs[attribute.removeprefix("Outputs.")]
        kind, physical = self.resources[name]["ResourceType"], self.physical(name)
        match kind, attribute:
            case "AWS::DynamoDB::Table", "Arn":
                return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{physical}"
            case "AWS::DynamoDB::Table", "StreamArn":
                return self.clients("dynamodb").describe_table(TableName=physical)["Table"]["LatestStreamArn"]
            case "AWS::S3::Bucket", "Arn":
                return f"arn:aws:s3:::{physical}"
            case "AWS::SQS::Queue", "Arn":
                return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{physical.rsplit('/', 1)[1]}"
            case "AWS::SQS::Queue", "QueueName":
                return physical.rsplit("/", 1)[1]
            case "AWS::Lambda::Function", "Arn":
                return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{physical}"
            case "AWS::IAM::Role", "Arn":
                return f"arn:aws:iam::{ACCOUNT}:role/{physical}"
        raise KeyError(f"{kind} {attribute}")


def text(value):
    """A value as CloudFormation hands it on."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value
