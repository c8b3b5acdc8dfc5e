"""The functions without AWS: python3 -m unittest discover specs/shop/tests"""

import importlib.util
import json
import os
import sys
import unittest
from pathlib import Path

SHOP = Path(__file__).parent.parent
sys.path.insert(0, str(SHOP / "layers/shared/python"))
os.environ["LOG_LEVEL"] = "ERROR"


def load(name):
    spec = importlib.util.spec_from_file_location(name, SHOP / "functions" / name / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Checkout(unittest.TestCase):
    checkout = load("checkout")

    def test_an_empty_call_answers_with_the_prices(self):
        self.assertEqual(self.checkout.handler({})["prices"]["beans"], "14.90 EUR")

    def test_a_quote_adds_up_and_sends_nothing(self):
        answer = self.checkout.handler({"items": {"espresso": 2, "filter": 1}}, send=self.fail)
        self.assertEqual(answer, {"total": "5.60 EUR"})

    def test_an_order_goes_on_the_queue(self):
        sent = []
        answer = self.checkout.handler({"items": {"beans": 1}, "order": "A-1"}, send=lambda body: sent.append(body) or "id")
        self.assertEqual(sent, [{"order": "A-1", "cents": 1490, "currency": "EUR"}])
        self.assertEqual(answer["message"], "id")

    def test_what_is_not_sold_is_said(self):
        self.assertIn("we do not sell", self.checkout.handler({"items": {"tea": 1}})["error"])
        self.assertIn("not a number", self.checkout.handler({"items": {"beans": 0}})["error"])


class Charge(unittest.TestCase):
    charge = load("charge")

    def test_only_the_order_that_failed_comes_back(self):
        told = []
        good = {"messageId": "1", "body": json.dumps({"order": "A-1", "cents": 1490, "currency": "EUR"})}
        bad = {"messageId": "2", "body": json.dumps({"order": "A-2"})}
        os.environ["LOG_LEVEL"] = "ERROR"
        answer = self.charge.handler({"Records": [good, bad]}, publish=told.append)
        self.assertEqual(answer, {"batchItemFailures": [{"itemIdentifier": "2"}]})
        self.assertEqual([charged["order"] for charged in told], ["A-1"])


class Notify(unittest.TestCase):
    notify = load("notify")

    def test_the_customer_reads_order_and_amount(self):
        message = json.dumps({"order": "A-1", "cents": 1490, "currency": "EUR"})
        answer = self.notify.handler({"Records": [{"Sns": {"Message": message}}]})
        self.assertIn("Order A-1 is paid: 14.90 EUR", answer["messages"][0])


if __name__ == "__main__":
    unittest.main()
