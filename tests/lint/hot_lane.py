#!/usr/bin/python3
"""After start-up the hot loop does not allocate, format, lock, wait or parse JSON with the library.

Functions of the hot files that run before the loop starts or after it has ended, or that the cold
loop calls, are listed below by name; all others are checked. What they call elsewhere is not followed.

SPDX-License-Identifier: Apache-2.0
"""
import re

from _tree import files, finish, text

BANNED = re.compile(
    r"\b(malloc|calloc|realloc|free|strdup|strndup|aligned_alloc|posix_memalign|asprintf|\w*printf|puts|fputs|"
    r"fopen|fread|fwrite|json_\w+|pthread_mutex_\w+|pthread_cond_\w+|uv_mutex_\w+|uv_cond_\w+|uv_queue_work|"
    r"log_\w+|sleep|usleep|nanosleep|uv_sleep|getenv|system|zmq_poll|zmq_ctx_\w+|abort|exit)\s*\(")
FUNCTION = re.compile(r"^[A-Za-z_][^;{}=]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", re.M | re.S)
COMMENT = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\])*\"", re.S)

HOT_FILES = [*files(".c", under="daemon/flow"), *files(".c", under="encoders/kernels")]
HOT_FILES += [path for path in files(".c", under="daemon/loop")]
CALLBACKS = re.compile(r"\.(?:run|reset)\s*=\s*(\w+)")

COLD = {
    "encoders/kernels/kernels.c": {"first_allowed": "once, when the kernels are chosen",
                                   "kernels_check_env": "start"},
    "daemon/loop/zsock.c": {"take_breath": "under a flood, 50 us every 100 ms, on purpose"},
    "daemon/flow/hot.c": {"hot_stop": "the main thread, which waits for the end of the loop"},
    "daemon/flow/ingest.c": {"ingest_init": "start", "ingest_fini": "end", **dict.fromkeys(
        ("source_new", "source_free", "source_list_new", "source_list_free"),
        "the cold loop makes and frees sources")},
    "daemon/flow/publish.c": {"publisher_init": "start", "publisher_close": "end",
                              "init_part": "no memory for a message: nothing else can be done"},
    "daemon/flow/subscribers.c": {"subscribers_init": "start", "subscribers_fini": "end"},
    "daemon/flow/stream.c": dict.fromkeys(
        ("init_topics", "reserve", "stream_new", "stream_free"), "the cold loop makes and frees streams"),
    "daemon/flow/stream_copy.c": {"stream_copy_fini": "the cold loop frees what came back"},
    "daemon/flow/streams.c": dict.fromkeys(
        ("build_slots", "build_cadences", "build_groups", "build_scratch", "stream_set_new", "stream_set_free"),
        "the cold loop makes and frees sets"),
}


def without_comments(source):
    """Comments and string constants become blanks, so that line numbers stay."""
    return COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), source)


def functions(path):
    source = without_comments(text(path))
    for match in FUNCTION.finditer(source):
        yield match[1], match[2], source.count("\n", 0, match.start(2)) + 1


def check(path, only=None):
    cold = COLD.get(str(path), {})
    found = set()
    for name, body, line in functions(path):
        found.add(name)
        if name in cold or only is not None and name not in only:
            continue
        for call in BANNED.finditer(body):
            at = line + body.count("\n", 0, call.start())
            yield f"{path}:{at}: {name}() is hot and calls {call[1]}()"
    for name in sorted(set(cold) - found):
        yield f"tests/lint/hot_lane.py: {path} has no function {name}() any more"
    if only is None and not found:
        yield f"tests/lint/hot_lane.py: found no function in {path}"


faults = [fault for path in HOT_FILES for fault in check(path)]
for path in files(".c", under="encoders"):
    if path.parent.name == "encoders":
        faults += check(path, set(CALLBACKS.findall(text(path))))
finish(faults)
