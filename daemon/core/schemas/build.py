#!/usr/bin/env python3
"""Turns AWS's resource type schemas into the compact table that evenkeel carries.

usage: build.py SCHEMAS [-o aws-resources.bin]
  SCHEMAS   the folder cfnlint/data/schemas of an installed cfn-lint (PyPI, MIT-0), which ships AWS's published schemas

The same input gives the same bytes. Prose (descriptions, titles, examples, addresses) stays out; everything that
validation, replacement decisions and drift need stays in.

Layout: b"EKSCHEM1", the index's length (u32, little endian), the index (deflated JSON:
{"date", "source", "types": {name: block}, "blocks": [[offset, length]]}), then the blocks, each a deflated JSON object
{name: schema}. Types of one service share blocks, so that a look-up inflates little. Keys of a shape:
t type(s), r reference to a definition, p properties, a additional properties (false, true or a shape), pp pattern
properties, i items, q required, e enum, x pattern, l length [min, max], n number [min, max], c item count [min, max],
u unique items, o false where the order of items does not matter, any/one/all combinations, f format.
Python 3 standard library only."""
import argparse, json, os, struct, zlib

BLOCK = 120_000  # characters of JSON after which a service's types go into another block
LIMITS = {"l": ("minLength", "maxLength"), "n": ("minimum", "maximum"), "c": ("minItems", "maxItems")}


def shape(node):
    if not isinstance(node, dict):
        return {}
    out = {}
    if "$ref" in node:
        out["r"] = node["$ref"].rsplit("/", 1)[-1] if "/definitions/" in node["$ref"] else node["$ref"]
    if "type" in node:
        out["t"] = node["type"] if isinstance(node["type"], list) else [node["type"]]
    if node.get("properties"):
        out["p"] = {k: shape(v) for k, v in sorted(node["properties"].items())}
    if "additionalProperties" in node:
        more = node["additionalProperties"]
        out["a"] = more if isinstance(more, bool) else shape(more)
    if node.get("patternProperties"):
        out["pp"] = [[k, shape(v)] for k, v in sorted(node["patternProperties"].items())]
    if isinstance(node.get("items"), dict):
        out["i"] = shape(node["items"])
    if isinstance(node.get("required"), list) and node["required"]:
        out["q"] = sorted(node["required"])
    if isinstance(node.get("enum"), list):
        out["e"] = node["enum"]
    elif "const" in node:
        out["e"] = [node["const"]]
    if node.get("enumCaseInsensitive"):
        out["ei"] = node["enumCaseInsensitive"]
    if isinstance(node.get("pattern"), str):
        out["x"] = node["pattern"]
    for short, (low, high) in LIMITS.items():
        pair = [node.get(low), node.get(high)]
        if any(isinstance(v, (int, float)) and not isinstance(v, bool) for v in pair):
            out[short] = [v if isinstance(v, (int, float)) else None for v in pair]
    if node.get("uniqueItems"):
        out["u"] = True
    if node.get("insertionOrder") is False:
        out["o"] = False
    for short, long in (("any", "anyOf"), ("one", "oneOf"), ("all", "allOf")):
        if isinstance(node.get(long), list):
            out[short] = [shape(v) for v in node[long]]
    if isinstance(node.get("format"), str):
        out["f"] = node["format"]
    return out


def paths(pointers):
    """`/properties/VpcConfig/SubnetIds` as `VpcConfig.SubnetIds`; items of lists as `*`."""
    out = set()
    for pointer in pointers or []:
        parts = [p for p in pointer.split("/") if p]
        if parts and parts[0] == "properties":
            parts = parts[1:]
        parts = [p for i, p in enumerate(parts) if not (p in ("properties", "items") and i)]
        out.add(".".join(parts))
    return sorted(out)


def schema(raw):
    out = {"s": shape(raw)}
    if raw.get("definitions"):
        out["d"] = {k: shape(v) for k, v in sorted(raw["definitions"].items())}
    for short, long in (("ro", "readOnlyProperties"), ("co", "createOnlyProperties"), ("cc", "conditionalCreateOnlyProperties"),
                        ("wo", "writeOnlyProperties"), ("dp", "deprecatedProperties"), ("id", "primaryIdentifier")):
        if raw.get(long):
            out[short] = [p.split("/")[-1] for p in raw[long]] if short == "id" else paths(raw[long])
    tagging = raw.get("tagging") or {}
    if tagging.get("taggable", raw.get("taggable", True)) and (tagging or raw.get("taggable")):
        out["tag"] = {"p": (tagging.get("tagProperty") or "/properties/Tags").split("/")[-1],
                      "c": tagging.get("tagOnCreate", True), "u": tagging.get("tagUpdatable", True)}
    handlers = {k: sorted(set((v or {}).get("permissions") or [])) for k, v in (raw.get("handlers") or {}).items()}
    if handlers:
        out["h"] = dict(sorted(handlers.items()))
    return out


def dump(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def deflate(text):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(text.encode()) + packer.flush()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("schemas")
    ap.add_argument("-o", "--output", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "aws-resources.bin"))
    a = ap.parse_args()
    date = json.load(open(os.path.join(a.schemas, "version.json")))["schema_date"]
    types = {}
    folder = os.path.join(a.schemas, "resources")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            raw = json.load(open(os.path.join(folder, name), encoding="utf-8"))
            if raw["typeName"].startswith("AWS::"):
                types[raw["typeName"]] = dump(schema(raw))
    blocks, where, current, size, service = [], {}, [], 0, None
    def close():
        nonlocal current, size
        if current:
            blocks.append("{" + ",".join(current) + "}")
            current, size = [], 0
    for name in sorted(types):
        own = name.split("::")[1]
        if own != service or size > BLOCK:
            close()
            service = own
        where[name] = len(blocks)
        current.append(f"{json.dumps(name)}:{types[name]}")
        size += len(types[name])
    close()
    packed = [deflate(b) for b in blocks]
    offsets, at = [], 0
    for b in packed:
        offsets.append([at, len(b)])
        at += len(b)
    index = deflate(dump({"date": date, "source": "cfn-lint", "types": where, "blocks": offsets}))
    with open(a.output, "wb") as f:
        f.write(b"EKSCHEM1" + struct.pack("<I", len(index)) + index + b"".join(packed))
    print(f"{len(types)} types of {date}, {len(blocks)} blocks, {os.path.getsize(a.output)} bytes")


if __name__ == "__main__":
    main()
