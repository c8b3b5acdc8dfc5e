"""Reminds whoever signed up."""


def handler(event, context):
    addresses = [record["Sns"]["Message"] for record in (event or {}).get("Records", [])]
    for address in addresses:
        print(f"reminding {address}")
    return {"reminded": len(addresses)}
