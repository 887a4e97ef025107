# SPDX-License-Identifier: MIT
"""What runners wrote on their node's disk (spec/run-record.md)."""
import struct


def fields(payload):
    """Tags and values of a record's frame (spec/run-record.md)."""
    found, at = {}, 1
    while at < len(payload):
        tag, size = payload[at], struct.unpack(">I", payload[at + 1:at + 5])[0]
        found[tag] = payload[at + 5:at + 5 + size]
        at += 5 + size
    return found


def start_of(fleet, node, task):
    """What the runner wrote on the node's own clock: when it was to start, and the mark on the Brain's clock."""
    (path,) = (fleet.folder / node).rglob(f"{task}.0.1/record")
    data, frames = path.read_bytes(), {}
    while len(data) > 8:
        size = struct.unpack(">I", data[:4])[0]
        payload, data = data[8:8 + size], data[8 + size:]
        if not payload:
            break
        frames.setdefault(payload[0], fields(payload))

    def number(kind, tag):
        return struct.unpack(">q", frames[kind][tag])[0]
    return {"local": number(3, 3) + number(6, 3), "brain": number(6, 1), "bound": number(6, 2)}
