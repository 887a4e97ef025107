# SPDX-License-Identifier: MIT
"""The rooms as CMake declares them; shared by tools/arrows and tools/tidy."""
import pathlib
import re
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"


@dataclass
class Room:
    name: str                       # "brain/work"
    folder: pathlib.Path
    depends: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    test_depends: list[str] = field(default_factory=list)


def calls(text: str, function: str):
    """The argument words of each call of a CMake function, comments removed."""
    text = re.sub(r"#.*", "", text)
    for match in re.finditer(rf"\b{function}\s*\(([^)]*)\)", text):
        yield match.group(1).split()


def rooms() -> dict[str, Room]:
    found = {}
    for path in sorted(SRC.rglob("CMakeLists.txt")):
        for words in calls(path.read_text(), "octo_room"):
            room = Room(words[0], path.parent)
            lists = {"DEPENDS": room.depends, "LIBRARIES": room.libraries, "SOURCES": room.sources,
                     "PROTOS": room.sources, "TESTS": room.tests, "TEST_DEPENDS": room.test_depends}
            current = None
            for word in words[1:]:
                if word in lists:
                    current = lists[word]
                elif current is not None:
                    current.append(word)
            found[room.name] = room
    return found


def order() -> list[str]:
    """Room names in the order of their layering."""
    text = (SRC / "CMakeLists.txt").read_text()
    return [name for words in calls(text, "add_subdirectory") for name in words[:1]] or list(rooms())


def tracked(*endings: str) -> list[pathlib.Path]:
    """Files of the tree that belong to it, by ending."""
    skip = {"build", "build-asan", ".git", "__pycache__"}
    return sorted(path for path in ROOT.rglob("*") if path.is_file() and path.name.endswith(endings)
                  and not skip.intersection(path.relative_to(ROOT).parts))
