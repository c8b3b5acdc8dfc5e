#!/usr/bin/env python3
"""Turns AWS's resource type schemas into the compact table that evenkeel carries.

usage: build.py SCHEMAS [-o aws-resources.bin]
  SCHEMAS   the folder cfnlint/data/schemas of an installed cfn-lint (PyPI, MIT-0), which ships AWS's published schemas

The same input gives the same bytes. Prose (descriptions, titles, examples, addresses) stays out; everything that
validation, replacement decisions and drift need stays in.

Layout, numbers as u32 in little endian: b"EKSCHEM2"; the header's length and the header (deflated JSON: {"date",
"source", "blocks": [[offset, length]]}, offsets from the end of the names); how many types there are and a record for
each, sorted by name: where its name begins among the names, its block, and where its schema begins in the inflated
block, with its length; the length of the names, and the names, one after the other. Then the blocks, each a deflated
run of JSON objects. So a look-up searches the records in place, inflates one block and reads one schema; types of one
service share blocks. Keys of a shape:
t type(s), r reference to a definition, p properties, a additional properties (false, true or a shape), pp pattern
properties, i items, q required, e enum, x pattern (as Rust's regex crate reads it), l length [min, max], n number [min, max], c item count [min, max],
u unique items, o false where the order of items does not matter, any/one/all combinations, f format,
k key count [min, max], dr what a property needs beside it, de what it excludes, rx exactly one of, ro at least one of.
Python 3 standard library only."""
import argparse, ast, json, os, re, struct, zlib

BLOCK = 120_000  # bytes of JSON after which a service's types go into another block
LIMITS = {"l": ("minLength", "maxLength"), "n": ("minimum", "maximum"), "c": ("minItems", "maxItems"),
          "k": ("minProperties", "maxProperties")}


class Untranslatable(Exception):
    """A pattern that Rust's regex crate cannot take: look-around, a back-reference."""


def translate(pattern):
    """An ECMA (or, in cfn-lint's own, Python) pattern in the syntax of Rust's regex crate."""
    out = []
    i = 0
    while i < len(pattern):
        c = pattern[i]
        if c == "\\":
            text, i = escape(pattern, i, inside=False)
            out.append(text)
        elif c == "[":
            text, i = char_class(pattern, i)
            out.append(text)
        elif c == "(":
            if pattern.startswith("(?", i) and not re.match(r"\(\?(:|P?<[A-Za-z_]\w*>|[imsu]+[:)])", pattern[i:]):
                raise Untranslatable(pattern)
            out.append(c)
            i += 1
        elif c == "{" and not re.match(r"\{\d+(,\d*)?\}", pattern[i:]):
            out.append("\\{")
            i += 1
        elif c == "}" and not re.search(r"(?<!\\)\{\d+(,\d*)?$", pattern[:i]):
            out.append("\\}")
            i += 1
        else:
            out.append(c)
            i += 1
    return "".join(out)


def escape(pattern, i, inside):
    if i + 1 >= len(pattern):
        raise Untranslatable(pattern)
    c = pattern[i + 1]
    plain = {"d": "0-9", "w": "0-9A-Za-z_"}
    if c in plain:
        return (plain[c] if inside else f"[{plain[c]}]"), i + 2
    negated = {"D": "[^0-9]", "W": "[^0-9A-Za-z_]"}
    if c in negated:
        return negated[c], i + 2
    if c in "sSnrtfv" or (c in "bB" and not inside):
        return "\\" + c, i + 2
    if c in "AZz" and not inside:
        return ("^" if c == "A" else "$"), i + 2
    if c in "pP":
        m = re.match(r"\\[pP](\{[\w=]+\}|\w)", pattern[i:])
        if m:
            return m.group(0), i + m.end()
    m = re.match(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]+\})", pattern[i:])
    if m:
        return m.group(0), i + m.end()
    if c == "0":
        return "\\x00", i + 2
    if c.isdigit() or c in "k<>":
        if c in "<>":
            return c, i + 2
        raise Untranslatable(pattern)
    if c.isalpha():
        return c, i + 2
    return ("\\" + c if c.isascii() else c), i + 2


def char_class(pattern, i):
    """A `[...]`. ECMA takes `[`, `&&`, `--` and a hyphen beside a class as they are; Rust does not."""
    j = i + 1
    negated = pattern.startswith("^", j)
    j += negated
    atoms = []  # (text, is a set)
    while True:
        if j >= len(pattern):
            raise Untranslatable(pattern)
        c = pattern[j]
        if c == "]":
            if not atoms:
                return ("[\\s\\S]" if negated else "[^\\s\\S]"), j + 1
            break
        if c == "\\":
            text, k = escape(pattern, j, inside=True)
            atoms.append((text, pattern[j + 1] in "dDwWsSpP"))
            j = k
        else:
            special = c == "[" or (c in "&~" and pattern.startswith(c, j + 1))
            atoms.append((("\\" + c) if special else c, False))
            j += 1
    out = []
    k = 0
    while k < len(atoms):
        text, is_set = atoms[k]
        between = k + 2 < len(atoms) and atoms[k + 1][0] == "-"
        if not is_set and between and not atoms[k + 2][1]:
            low, high = text, atoms[k + 2][0]
            out.append(f"{dash(low)}-{dash(high)}")
            k += 3
        else:
            out.append(dash(text))
            k += 1
    return "[" + ("^" if negated else "") + "".join(out) + "]", j + 1


def dash(text):
    return "\\-" if text == "-" else text


def rust_pattern(pattern):
    """The pattern as Rust's regex crate reads it; as it is where the crate cannot take it anyway (look-around)."""
    try:
        return translate(pattern)
    except Untranslatable:
        return pattern


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
        out["pp"] = [[rust_pattern(k), shape(v)] for k, v in sorted(node["patternProperties"].items())]
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
        out["x"] = rust_pattern(node["pattern"])
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
    needs = {k: v for k, v in (node.get("dependencies") or {}).items() if isinstance(v, list)}
    needs.update(node.get("dependentRequired") or {})
    for short, value in (("dr", needs), ("de", node.get("dependentExcluded")), ("rx", node.get("requiredXor")),
                         ("ro", node.get("requiredOr"))):
        if value:
            out[short] = value
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


def attributes(package):
    """What `Fn::GetAtt` reads beyond read-only properties, by type: True for every property, else a list of names.

    CloudFormation publishes it nowhere; cfn-lint's authors gathered it."""
    tree = ast.parse(open(os.path.join(package, "schema", "_getatts.py"), encoding="utf-8").read())
    found = {"AWS::CloudFormation::Stack": ["Outputs"]}
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("_all_property_types", "_exceptions"):
            value = ast.literal_eval(node.value)
            found.update(value if isinstance(value, dict) else {name: True for name in value})
    return found


def dump(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("schemas")
    ap.add_argument("-o", "--output", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "aws-resources.bin"))
    a = ap.parse_args()
    date = json.load(open(os.path.join(a.schemas, "version.json")))["schema_date"]
    package = os.path.join(os.path.abspath(a.schemas), "..", "..")
    version = re.search(r'"([\d.]+)"', open(os.path.join(package, "version.py")).read()).group(1)
    getatt = attributes(package)
    types = {}
    folder = os.path.join(a.schemas, "resources")
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            raw = json.load(open(os.path.join(folder, name), encoding="utf-8"))
            if raw["typeName"].startswith("AWS::"):
                made = schema(raw)
                if raw["typeName"] in getatt:
                    made["at"] = getatt[raw["typeName"]]
                types[raw["typeName"]] = dump(made)
    blocks, records, names, service = [], [], [], None
    for name in sorted(types, key=str.encode):
        own = name.split("::")[1]
        if own != service or len(blocks[-1]) > BLOCK:
            blocks.append(b"")
            service = own
        schema_text = types[name].encode()
        records.append((sum(map(len, names)), len(blocks) - 1, len(blocks[-1]), len(schema_text)))
        names.append(name.encode())
        blocks[-1] += schema_text
    packed = [deflate(b) for b in blocks]
    offsets, at = [], 0
    for b in packed:
        offsets.append([at, len(b)])
        at += len(b)
    header = deflate(dump({"date": date, "source": f"cfn-lint {version}", "blocks": offsets}).encode())
    number = lambda value: struct.pack("<I", value)
    table = b"".join(number(value) for record in records for value in record)
    named = b"".join(names)
    with open(a.output, "wb") as f:
        f.write(b"EKSCHEM2" + number(len(header)) + header + number(len(records)) + table)
        f.write(number(len(named)) + named + b"".join(packed))
    print(f"{len(types)} types of {date}, {len(blocks)} blocks, {os.path.getsize(a.output)} bytes")


if __name__ == "__main__":
    main()
