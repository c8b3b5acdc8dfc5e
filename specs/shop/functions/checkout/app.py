"""Prices, quotes and orders.

    {}                                              the price list
    {"items": {"espresso": 2}}                      a quote
    {"items": {"espresso": 2}, "order": "A-1"}      the same, and the order goes on the queue
"""

import json
import os

from shop import log, money


def send(body):
    """Puts an order on the queue."""
    import boto3  # part of Lambda's Python; only an order needs it

    sqs = boto3.client("sqs")
    return sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps(body))["MessageId"]


def handler(event, context=None, send=send):
    currency = os.environ.get("CURRENCY", "EUR")
    items = event.get("items")
    if not items:
        return {"prices": {name: money.show(cents, currency) for name, cents in money.PRICES.items()}}
    try:
        cents = money.total(items)
    except ValueError as error:
        return {"error": str(error)}
    answer = {"total": money.show(cents, currency)}
    if order := event.get("order"):
        answer["message"] = send({"order": order, "cents": cents, "currency": currency})
        log.write("INFO", "ordered", order=order, cents=cents)
    return answer
