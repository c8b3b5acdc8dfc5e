"""Takes a sign-up and puts it on the queue. Without an address it says what it needs."""

import json
import os


def handler(event, context):
    address = (event or {}).get("email", "")
    if "@" not in address:
        return {"ok": False, "environment": os.environ["ENVIRONMENT"], "needs": "email"}
    import boto3

    boto3.client("sqs").send_message(QueueUrl=os.environ["SIGN_UPS"], MessageBody=json.dumps({"email": address}))
    return {"ok": True}
