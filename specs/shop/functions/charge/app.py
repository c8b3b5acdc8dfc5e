"""Charges each order of a batch and tells the topic. An order that fails comes back alone."""

import json
import os

from shop import log, money


def publish(charged):
    """Tells the topic; `kind` is what subscribers filter on."""
    import boto3  # part of Lambda's Python

    boto3.client("sns").publish(
        TopicArn=os.environ["TOPIC_ARN"],
        Message=json.dumps(charged),
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "charged"}},
    )


def charge(order):
    """What a payment provider would do at PAYMENT_URL; here it only refuses what is not an amount."""
    if not isinstance(order.get("cents"), int) or order["cents"] <= 0:
        raise ValueError(f"order {order.get('order')!r} has no amount")
    return {**order, "via": os.environ.get("PAYMENT_URL", "")}


def handler(event, context=None, publish=publish):
    failed = []
    for record in event.get("Records", []):
        try:
            charged = charge(json.loads(record["body"]))
            publish(charged)
            log.write("INFO", "charged", order=charged["order"], amount=money.show(charged["cents"], charged["currency"]))
        except Exception as error:  # whatever it was, only this order is tried again
            log.write("ERROR", "not charged", id=record.get("messageId"), reason=str(error))
            failed.append({"itemIdentifier": record.get("messageId")})
    return {"batchItemFailures": failed}
