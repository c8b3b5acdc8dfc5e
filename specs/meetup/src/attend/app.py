"""Notes each sign-up of a batch and announces it."""

import json
import os

from params import get_ssm_parameter


def handler(event, context):
    records = (event or {}).get("Records", [])
    if records:
        import boto3

        database = get_ssm_parameter(os.environ["DB_URL_PARAMETER"])
        print(f"writing {len(records)} sign-ups to {database.split('@')[-1]}")
        for record in records:
            boto3.client("sns").publish(TopicArn=os.environ["REMINDERS"], Message=json.loads(record["body"])["email"])
    return {"attending": len(records)}
