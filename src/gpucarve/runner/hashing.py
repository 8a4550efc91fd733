"""`hash`: MD5, SHA-1 and SHA-256 of passwords of eight letters, in the shape of a mask attack.

Whole digests of some thousand passwords are compared with hashlib's; a password that was hidden must be found; then the
rate is taken, and the host's own rate by hashlib beside it.

Boundary: one workload.
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
from array import array
from collections.abc import Callable
from typing import Any, NamedTuple

from gpucarve.runner.device import U32, Buffer, Device, Shape
from gpucarve.runner.outcome import Outcome, check, differing
from gpucarve.runner.sizes import Sizes
from gpucarve.runner.timing import series

_LETTERS = 26
_HALVES = _LETTERS**4
_SIDE = 64  # whole digests are compared of so many first halves times so many second ones
_MOST_FOUND = 1000
_LAUNCH = 0.15  # seconds a launch should take, so that its ends do not count
_HOST_SECONDS = 0.4
_THREADS = 256


class Algorithm(NamedTuple):
    """A hash: its kernels' ending, hashlib's name for it, whether its words are big-endian."""

    name: str
    ending: str
    big: bool


ALGORITHMS = (Algorithm("MD5", "md5", False), Algorithm("SHA-1", "sha1", True), Algorithm("SHA-256", "sha256", True))


class Halves(NamedTuple):
    """The tables of first and second halves on the device, and how many second halves there are."""

    firsts: Buffer
    seconds: Buffer
    second_count: int


def run(device: Device, sizes: Sizes) -> Outcome:
    """Hash, check, measure."""
    count = min(_HALVES, device.processors * (2048 if device.is_gpu else 512)) // _THREADS * _THREADS
    halves = Halves(device.allocate(4 * _HALVES), device.allocate(4 * count), count)
    device.write(halves.firsts, b"".join(_half(number) for number in range(_HALVES)))
    device.write(halves.seconds, b"".join(_half(number) for number in range(count)))
    checks, taken, host = [], [], {}
    for algorithm in ALGORITHMS:
        checks.append(_digests(device, algorithm, halves))
        checks.append(_hidden(device, algorithm, halves))
        taken.append(_rate(device, algorithm, halves, sizes))
        host[algorithm.name] = _on_host(algorithm)
    device.release(halves.firsts)
    device.release(halves.seconds)
    facts = {"threads": count, "host_hashes_a_second": host, "host_processes": _processes()}
    return Outcome(checks, taken, facts)


def _half(number: int) -> bytes:
    """Four letters."""
    return bytes(97 + number // _LETTERS**place % _LETTERS for place in range(4))


def _digests(device: Device, algorithm: Algorithm, halves: Halves) -> dict[str, Any]:
    words = hashlib.new(algorithm.ending).digest_size // 4
    out = device.allocate(4 * words * _SIDE * _SIDE)
    kernel = device.kernel("hash", f"digests_{algorithm.ending}")
    shape = Shape(_SIDE * _SIDE // _THREADS, _THREADS)
    kernel.launch(shape, halves.firsts, U32(_SIDE), halves.seconds, U32(_SIDE), out)
    found = device.read(out, 0, out.size)
    device.release(out)
    expected = b"".join(
        _hashed(algorithm, _half(first) + _half(second)) for second in range(_SIDE) for first in range(_SIDE)
    )
    if algorithm.big:
        swapped = array("I", found)
        swapped.byteswap()
        found = swapped.tobytes()
    return check(f"{algorithm.name} digests", "host", differing(found, expected, 4 * words), _SIDE * _SIDE)


def _hashed(algorithm: Algorithm, password: bytes) -> bytes:
    return hashlib.new(algorithm.ending, password, usedforsecurity=False).digest()


def _search(device: Device, algorithm: Algorithm, halves: Halves, first_count: int, digest: bytes) -> _Search:
    words = struct.unpack(f"{'>' if algorithm.big else '<'}{len(digest) // 4}I", digest)
    wanted = device.allocate(len(digest))
    device.write(wanted, struct.pack(f"<{len(words)}I", *words))
    found = device.allocate(4 + 8 * _MOST_FOUND)
    device.write(found, bytes(4))
    kernel = device.kernel("hash", f"search_{algorithm.ending}")
    shape = Shape(halves.second_count // _THREADS, _THREADS)

    def launch() -> None:
        kernel.launch(shape, halves.firsts, U32(first_count), halves.seconds, wanted, U32(1), found)

    return _Search(launch, wanted, found)


class _Search(NamedTuple):
    launch: Callable[[], None]
    wanted: Buffer
    found: Buffer


def _hidden(device: Device, algorithm: Algorithm, halves: Halves) -> dict[str, Any]:
    """Three passwords: the first that is tried, the last, and one between. Each must be found, and no other."""
    first_count = 256
    places = ((0, 0), (first_count - 1, halves.second_count - 1), (first_count // 3, halves.second_count // 5))
    wrong = 0
    for first, second in places:
        password = _half(first) + _half(second)
        search = _search(device, algorithm, halves, first_count, _hashed(algorithm, password))
        search.launch()
        content = device.read(search.found, 0, search.found.size)
        device.release(search.found)
        device.release(search.wanted)
        count = min(struct.unpack_from("<I", content)[0], _MOST_FOUND)
        pairs = struct.unpack_from(f"<{2 * count}I", content, 4)
        passwords = {_half(pairs[at]) + _half(pairs[at + 1]) for at in range(0, 2 * count, 2)}
        digest = _hashed(algorithm, password)
        confirmed = {each for each in passwords if _hashed(algorithm, each) == digest}
        wrong += confirmed != {password}
    return check(f"{algorithm.name} passwords found", "host", wrong, len(places))


def _rate(device: Device, algorithm: Algorithm, halves: Halves, sizes: Sizes) -> dict[str, Any]:
    """Launches of a length that suits the device, searching for a digest that no password of letters has."""
    digest = _hashed(algorithm, b"no such password")
    first_count = 64
    while True:
        search = _search(device, algorithm, halves, first_count, digest)
        search.launch()
        seconds = device.timed(search.launch)
        if seconds >= _LAUNCH / 2 or first_count == _HALVES:
            break
        first_count = min(_HALVES, max(2 * first_count, int(first_count * _LAUNCH / seconds)))
        device.release(search.found)
        device.release(search.wanted)
    taken = series(device, algorithm.name, first_count * halves.second_count, "H", search.launch, sizes)
    device.release(search.found)
    device.release(search.wanted)
    return taken


def _processes() -> int:
    return len(os.sched_getaffinity(0))


def _on_host(algorithm: Algorithm) -> float:
    """Hashes a second of hashlib on every processor, a process each."""
    pipes = [_counting(algorithm) for _ in range(_processes())]
    total = 0.0
    for child, end in pipes:
        with os.fdopen(end, "rb") as stream:
            total += float(stream.read() or 0)
        os.waitpid(child, 0)
    return total


def _counting(algorithm: Algorithm) -> tuple[int, int]:
    """Start a process that hashes for a while and says its rate."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        new, count, begin = getattr(hashlib, algorithm.ending), 0, time.perf_counter()
        while time.perf_counter() - begin < _HOST_SECONDS:
            for number in range(1000):
                new(number.to_bytes(8, "little")).digest()
            count += 1000
        os.write(writing, str(count / (time.perf_counter() - begin)).encode())
    finally:
        os._exit(0)
