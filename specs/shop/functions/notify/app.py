"""Turns a charge into what the customer reads."""

import json
import os

from shop import log, money


def text(charged):
    support = os.environ.get("SUPPORT", "help@shop.example.com")
    amount = money.show(charged["cents"], charged["currency"])
    return f"Thank you! Order {charged['order']} is paid: {amount}. Questions? {support}"


def handler(event, context=None):
    messages = [text(json.loads(record["Sns"]["Message"])) for record in event.get("Records", [])]
    for message in messages:
        log.write("INFO", "notified", text=message)
    return {"messages": messages}
