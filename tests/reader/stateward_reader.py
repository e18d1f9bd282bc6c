#!/usr/bin/env python3
"""Reads one record of a Stateward store without Stateward, for the bad day and for the tests.

Written from docs/formats.md alone. Needs Debian's python3-cryptography and python3-zstandard.
"""
import argparse
import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TAG = 16
FIXED = struct.Struct(">4sBBBB16s32s32sHH")
KINDS = {1: "state", 2: "tombstone", 3: "no-op", 4: "purged", 5: "moved"}
TEXTS = {1: "project", 2: "name", 3: "tenant", 6: "lineage", 7: "terraform_version",
         10: "writer", 11: "operation", 12: "lock_id", 17: "note", 19: "moved_to"}
NUMBERS = {5: "serial", 8: "size", 13: "lock_base", 14: "time_ms", 15: "newest_version", 18: "pinned",
           20: "imported_ms"}
REQUIRED = {"project", "name", "kind", "size", "sha256"}


class Damaged(Exception):
    """The record cannot be read: damaged, moved, or made with another key."""


def expect(condition, why):
    if not condition:
        raise Damaged(why)


def extract(salt, key):
    return hmac.digest(salt or bytes(64), key, "sha512")


def expand(prk, info, length):
    return hmac.digest(prk, info + b"\x01", "sha512")[:length]


def key_id(key):
    return expand(extract(b"", key), b"stateward key id", 16)


def audit_key(store_secret):
    prk = hmac.digest(bytes(32), store_secret, "sha256")
    return hmac.digest(prk, b"stateward audit v1\x01", "sha256")


def read_audit_trail(key, lines):
    """The events of one chain, in order, each checked. `lines`: bytes without line ends."""
    events = []
    for number, line in enumerate(lines, 1):
        body, mark, tail = line.rpartition(b',"mac":"')
        expect(mark and len(tail) == 66 and tail.endswith(b'"}'), f"line {number} is none")
        expect(hmac.digest(key, body, "sha256").hex() == tail[:64].decode(),
               f"line {number} was changed")
        event = json.loads(line)
        if events:
            last = events[-1]
            expect(event["chain"] == last["chain"] and event["seq"] == last["seq"] + 1 and
                   event["prev"] == last["mac"], f"line {number} does not follow")
        events.append(event)
    return events


def state_id(tenant, project, name):
    text = b"stateward state v1"
    for part in (tenant, project, name):
        part = part.encode()
        text += struct.pack(">I", len(part)) + part
    return hashlib.sha256(text).digest()


def read_info(data):
    info = {}
    last_tag = 0
    while data:
        expect(len(data) >= 3, "sealed info ends within a field")
        tag, length = struct.unpack_from(">BH", data)
        value, rest = data[3:3 + length], data[3 + length:]
        expect(len(value) == length, "sealed info ends within a field")
        expect(tag > last_tag, "sealed info out of order")
        last_tag, data = tag, rest
        if tag in TEXTS:
            info[TEXTS[tag]] = value.decode()
        elif tag in NUMBERS:
            expect(length == 8, "a number without 8 bytes")
            info[NUMBERS[tag]] = int.from_bytes(value, "big")
        elif tag == 4:
            expect(length == 1 and value[0] in KINDS, "unknown kind of record")
            info["kind"] = KINDS[value[0]]
        elif tag == 9:
            expect(length == 32, "a digest without 32 bytes")
            info["sha256"] = value.hex()
        elif tag == 16:
            expect(length == 48, "an audit line without 48 bytes")
            info["audit"] = (value[:8].hex(), int.from_bytes(value[8:16], "big"), value[16:].hex())
    expect(REQUIRED <= info.keys(), "sealed info lacks a field")
    expect(("newest_version" in info) == (info["kind"] == "no-op"),
           "a no-op record names the newest version, and nothing else does")
    expect(("moved_to" in info) == (info["kind"] == "moved"),
           "a forwarding record names the new address, and nothing else does")
    return info


class Header:
    def __init__(self, record):
        expect(record[:4] == b"STWD", "not a record")
        expect(len(record) >= FIXED.size, "truncated")
        (_, version, suite, flags, self.chunk_log2, self.key_id, self.message_id, self.commitment,
         self.info_size, wrapped_size) = FIXED.unpack_from(record)
        expect(version == 1 and suite == 1 and flags in (0, 1), "unknown version, suite or flag")
        expect(12 <= self.chunk_log2 <= 24, "unknown chunk size")
        expect(self.info_size <= 8192 and wrapped_size <= 4096, "lengths out of bounds")
        self.zstd = flags == 1
        self.raw = record[:FIXED.size + wrapped_size]
        expect(len(self.raw) == FIXED.size + wrapped_size, "truncated")
        self.wrapped = self.raw[FIXED.size:]


def split_body(body, chunk):
    full = chunk + TAG
    pieces = [body[at:at + full] for at in range(0, len(body), full)]
    expect(pieces and len(pieces[-1]) >= TAG, "truncated")
    expect(len(pieces) == 1 or len(pieces[-1]) > TAG, "an empty last chunk")
    return pieces


def unbind(unwrapped, store, state):
    """The data key in what a key service unwrapped, if it is for this place."""
    expect(len(unwrapped) == 64, "what was wrapped is no data key")
    place = hashlib.sha256(b"stateward wrapped key v1" + store + state).digest()
    expect(hmac.compare_digest(unwrapped[32:], place), "the wrapped key is of another place")
    return unwrapped[:32]


def open_record(key, store, state, number, record):
    """Returns (info, document). `key` is the key that the header names, or what the wrapped key
    unwraps to."""
    header = Header(record)
    if header.wrapped:
        key = unbind(key, store, state)
    else:
        expect(header.key_id == key_id(key), "key %s unknown" % header.key_id.hex())
    prk = extract(header.message_id, key)
    commitment = expand(prk, b"stateward v1 commit", 32)
    expect(hmac.compare_digest(commitment, header.commitment), "made with another key")
    cipher = AESGCM(expand(prk, b"stateward v1 enc", 32))
    aad = header.raw + store + state + struct.pack(">Q", number)

    def open_chunk(counter, sealed, last):
        expect(len(sealed) >= TAG, "truncated")
        nonce = bytes(7) + struct.pack(">IB", counter, last)
        try:
            return cipher.decrypt(nonce, sealed, aad)
        except InvalidTag:
            raise Damaged("does not open") from None

    body_at = len(header.raw) + header.info_size + TAG
    expect(len(record) >= body_at, "truncated")
    info = read_info(open_chunk(0, record[len(header.raw):body_at], 0))
    pieces = split_body(record[body_at:], 1 << header.chunk_log2)
    stream = b"".join(open_chunk(i, piece, int(i == len(pieces)))
                      for i, piece in enumerate(pieces, 1))
    document = unpack(stream, info["size"]) if header.zstd else stream
    expect(len(document) == info["size"], "another size than it says")
    expect(not document or hashlib.sha256(document).hexdigest() == info["sha256"],
           "another digest than it says")
    return info, document


def open_cache(key, store, name, record):
    """The rows of the cache entry `name`."""
    _, document = open_record(key, store, state_id("", "", "cache " + name), 0, record)
    rows = json.loads(document)["rows"]
    for row in rows:
        if name.startswith("list"):
            expect(state_id(row["tenant"], row["project"], row["name"]).hex() == row["id"],
                   "a row of another state")
            expect(row["id"].startswith(name[5:]), "a row of another entry")
    return rows


def unpack(stream, size):
    frame = zstandard.ZstdDecompressor(max_window_size=1 << 23).decompressobj()
    try:
        document = frame.decompress(stream)
    except zstandard.ZstdError as error:
        raise Damaged(str(error)) from None
    expect(not frame.unused_data and len(document) == size, "more than one frame")
    return document


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key-file", required=True, help="file with the key in base64")
    parser.add_argument("--store-id", required=True, help="32 hexadecimal digits")
    parser.add_argument("--state-id", required=True, help="64 hexadecimal digits")
    parser.add_argument("--version", required=True, type=int)
    parser.add_argument("record")
    args = parser.parse_args()
    key = base64.b64decode(pathlib.Path(args.key_file).read_text().strip(), validate=True)
    info, document = open_record(key, bytes.fromhex(args.store_id), bytes.fromhex(args.state_id),
                                 args.version, pathlib.Path(args.record).read_bytes())
    print(json.dumps(info), file=sys.stderr)
    sys.stdout.buffer.write(document)


if __name__ == "__main__":
    main()
