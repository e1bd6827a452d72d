"""One profile, one owner: the lock, the socket, what is said over it, and what a stranger or a dead owner can do."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.gui.scripted import ANNA, CHANNEL, DRAFT, NOW, PURSE, ScriptedBackend, app_view, channel, failed, order
from tests.support.waiting import eventually
from wallet.app.backend import Commands
from wallet.app.owner import door as door_module
from wallet.app.owner import frames, hello, local
from wallet.app.owner.calls import READING, calls
from wallet.app.owner.claim import Owner, own_or_raise, own_or_visit
from wallet.app.owner.guest import Guest, lock_window, raise_window
from wallet.app.snapshots import Phase
from wallet.chain.envelope import Envelope
from wallet.keys.secret import Secret
from wallet.protocol.addresses import show_address
from wallet.protocol.errors import WalletError
from wallet.wire.frames import RemoteError

ROOT = Path(__file__).parents[2]


class Served(ScriptedBackend):
    """A scripted backend with a password."""

    def check_password(self, password: Secret) -> None:
        if password != Secret("right"):
            raise WalletError("KEYS_WRONG_PASSWORD")


class Window:
    """A front that answers what a test says."""

    def __init__(self) -> None:
        self.raised: list[str] = []
        self.locks = 0
        self.asked: list[str] = []
        self.answer: Future[bool] = Future()

    def raise_window(self, token: str) -> None:
        self.raised.append(token)

    def lock_window(self) -> None:
        self.locks += 1

    def ask(self, text: str) -> Future[bool]:
        self.asked.append(text)
        return self.answer


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture
def owner(tmp_path: Path, served: Served) -> Iterator[Owner]:
    made = Owner(tmp_path / "p")
    made.serve(served)
    yield made
    made.close()


@pytest.fixture
def guest(owner: Owner) -> Iterator[Guest]:
    with contextlib.closing(Guest(owner.profile.path)) as made:
        yield made


# --- the same commands ------------------------------------------------------------------------------------------------


def test_every_command_of_the_window_crosses(guest: Guest) -> None:
    names = {name for name in vars(Commands) if name[0] != "_"}
    assert set(calls()) == names
    assert all(callable(getattr(guest, name)) for name in names)
    assert READING < names


def test_a_snapshot_arrives_as_it_left(guest: Guest, served: Served) -> None:
    """All of it: amounts beyond 64 bits, enums, bytes, nested rows."""
    big = order(3, price=2**200, amount=10**60)
    served.answers["order"] = done(big)
    assert guest.view(b"", b"").result(10) == served.shown
    assert guest.order(big.id).result(10) == big
    assert guest.count_states(CHANNEL).result(10) == len(served.recorded)
    assert guest.states(CHANNEL, (3, 5)).result(10) == [served.rows[5], served.rows[3]]


def done(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def test_progress_and_results_of_long_work(guest: Guest) -> None:
    told: list[tuple[int, int]] = []
    assert guest.verify_history(CHANNEL, lambda at, of: told.append((at, of))).result(10) == 119
    assert told[-1] == (119, 119)


def test_errors_keep_code_parameters_and_whose_voice_it_is(guest: Guest, served: Served) -> None:
    served.answers["order"] = failed(WalletError("ORDER_NOT_FOUND", order=b"\x01\x02"))
    with pytest.raises(WalletError) as caught:
        guest.order(bytes(32)).result(10)
    assert (caught.value.code, caught.value.params) == ("ORDER_NOT_FOUND", {"order": "0x0102"})
    served.answers["order"] = failed(RemoteError("KEYS_WRONG_PASSWORD", {"x": "y"}))
    with pytest.raises(RemoteError):
        guest.order(bytes(32)).result(10)
    served.answers["order"] = failed(ZeroDivisionError("secret words"))
    with pytest.raises(WalletError, match="OWNER_FAILED") as caught:
        guest.order(bytes(32)).result(10)
    assert "secret words" not in str(caught.value)


# --- leave to act -----------------------------------------------------------------------------------------------------


def place(guest: Guest) -> Future[bytes]:
    return guest.place_order(CHANNEL, "ETH/USDT", "buy", 3_000_000_000, 5 * 10**17, "good_till_time")


def acted(served: Served) -> list[str]:
    return [call[0] for call in served.calls if call[0] not in READING]


def test_nobody_acts_without_password_or_window(guest: Guest, served: Served) -> None:
    with pytest.raises(WalletError, match="OWNER_UNASKED"):
        place(guest).result(10)
    for _ in range(3):
        with pytest.raises(WalletError, match="KEYS_WRONG_PASSWORD"):
            guest.permit(Secret("wrong")).result(10)
    with pytest.raises(WalletError, match="OWNER_REFUSED"):
        guest.permit(Secret("right")).result(10)  # no more guesses on this connection
    assert acted(served) == []


def test_the_password_is_leave_for_this_connection_alone(owner: Owner, guest: Guest, served: Served) -> None:
    guest.permit(Secret("right")).result(10)
    assert place(guest).result(10) == bytes(32)
    assert acted(served) == ["place_order"]
    with contextlib.closing(Guest(owner.profile.path)) as other, pytest.raises(WalletError, match="OWNER_UNASKED"):
        place(other).result(10)


def test_the_user_at_the_window_is_asked_with_the_very_amounts(owner: Owner, guest: Guest, served: Served) -> None:
    window = Window()
    owner.attend(window)
    waiting = place(guest)
    eventually(lambda: window.asked)
    assert window.asked == ["Buy 0.5 ETH at a limit of 3000 USDT in channel 0x00010203 with Demo broker"]
    assert acted(served) == []
    window.answer.set_result(True)
    assert waiting.result(10) == bytes(32)
    window.answer = done(False)
    with pytest.raises(WalletError, match="OWNER_REFUSED"):
        guest.withdraw(CHANNEL).result(10)
    assert acted(served) == ["place_order"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"phase": Phase.DISPUTED}, "CHANNEL_DISPUTED"),
        ({"phase": Phase.FINALIZING, "exit_at": NOW}, "CHANNEL_LEAVING"),
        ({"phase": Phase.WITHDRAWN}, "CHANNEL_NOT_OPEN"),
    ],
)
def test_an_order_that_cannot_be_is_refused_without_asking_anybody(
    owner: Owner, guest: Guest, served: Served, more: dict[str, Any], code: str
) -> None:
    window = Window()
    owner.attend(window)
    served.shown = app_view(channel=channel(**more))
    with pytest.raises(WalletError, match=code):
        place(guest).result(10)
    assert window.asked == []
    assert acted(served) == []


def test_every_acting_command_has_a_question() -> None:
    from wallet.app.messages import known

    acting = (call.name for call in calls().values() if call.acts)
    missing = [name for name in acting if not known("ASK-" + name.upper().replace("_", "-"))]
    assert missing == []


def test_a_guest_who_leaves_takes_his_question_with_him(owner: Owner, served: Served) -> None:
    window = Window()
    owner.attend(window)
    guest = Guest(owner.profile.path)
    waiting = place(guest)
    eventually(lambda: window.asked)
    guest.close()
    eventually(window.answer.cancelled)
    with pytest.raises(WalletError, match="OWNER_LOST"):
        waiting.result(10)
    assert acted(served) == []


# --- who is there -----------------------------------------------------------------------------------------------------


def test_the_socket_is_its_users_alone_and_none_is_left(owner: Owner) -> None:
    path = owner.profile.path / local.NAME
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    owner.close()
    assert not path.exists()


def test_no_network_and_no_abstract_socket_is_opened(owner: Owner) -> None:
    links = []
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # of this very listing
            links.append(str(path.readlink()))
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    unix = [row.split() for row in Path("/proc/net/unix").read_text().splitlines()[1:]]
    named = [row[7] for row in unix if row[6] in inodes and len(row) > 7]
    assert named
    assert all(not name.startswith("@") for name in named)
    for table in ("tcp", "tcp6"):
        rows = [row.split() for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
        assert [row for row in rows if row[3] == "0A" and row[9] in inodes] == []  # listening


def test_another_user_is_sent_away(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_peer", lambda _: os.geteuid() + 1)
    with pytest.raises(WalletError, match="OWNER_STRANGER"):
        Guest(owner.profile.path)
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(5)
    with contextlib.closing(line):
        line.connect(str(owner.profile.path / local.NAME))
        with contextlib.suppress(ConnectionError):
            line.sendall(frames.encode(hello.guest("talk")))
            assert line.recv(1) == b""  # not a word


def test_the_kernel_says_who_it_is() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with contextlib.closing(one), contextlib.closing(other):
        assert local.is_same_user(one)
        assert local._peer(other) == os.geteuid()


def test_a_path_longer_than_the_kernel_takes(tmp_path: Path, served: Served) -> None:
    deep = tmp_path / ("a" * 100) / ("ü" * 60)
    before = set(Path("/tmp").glob("cw-*"))
    owner = Owner(deep)
    try:
        owner.serve(served)
        with contextlib.closing(Guest(deep)) as guest:
            assert guest.view(b"", b"").result(10) == served.shown
        assert (deep / local.NAME).is_socket()
    finally:
        owner.close()
    assert not (deep / local.NAME).exists()
    assert set(Path("/tmp").glob("cw-*")) <= before


# --- locked, busy, silent, dying, of another version ------------------------------------------------------------------


def test_a_locked_window_says_so_and_can_be_raised(tmp_path: Path) -> None:
    owner, window = Owner(tmp_path), Window()
    try:
        assert not raise_window(owner.profile.path)
        with pytest.raises(WalletError, match="PROFILE_IN_USE"):
            own_or_visit(tmp_path, patience=0.2)  # a command that begins; it never got ready
        owner.attend(window)
        with pytest.raises(WalletError, match="OWNER_LOCKED"):
            own_or_visit(tmp_path)
        assert own_or_raise(tmp_path, "token 7") is None
        assert window.raised == ["token 7"]
    finally:
        owner.close()
    again = own_or_raise(tmp_path)
    assert again is not None
    again.close()


def test_of_another_version_the_window_still_comes_up(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    window = Window()
    owner.attend(window)
    monkeypatch.setattr(hello, "__version__", "99.0")
    assert raise_window(owner.profile.path)
    # the door's own hello says 99.0 too in this process: answer as an older one would
    old = msgspec.structs.replace(hello.owner("ready", window=True), version="0.0.1")
    monkeypatch.setattr(hello, "owner", lambda *_, **__: old)
    with pytest.raises(WalletError, match="OWNER_VERSION") as caught:
        Guest(owner.profile.path)
    assert caught.value.params == {"theirs": "0.0.1", "ours": "99.0"}


def test_more_guests_than_fit_are_told(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "MAX_GUESTS", 2)
    with contextlib.closing(Guest(owner.profile.path)) as one, contextlib.closing(Guest(owner.profile.path)) as two:
        for guest in (one, two):
            guest.view(b"", b"").result(10)
        with pytest.raises(WalletError, match="OWNER_BUSY"):
            Guest(owner.profile.path)
    eventually(lambda: can_visit(owner))


def can_visit(owner: Owner) -> bool:
    try:
        Guest(owner.profile.path).close()
    except WalletError:
        return False
    return True


def test_an_owner_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.app.owner.guest.HELLO_WITHIN", 0.2)
    tmp_path.chmod(0o700)
    with contextlib.closing(local.listen(tmp_path)), pytest.raises(WalletError, match="OWNER_SILENT"):
        Guest(tmp_path)


def test_an_owner_that_ends_lets_what_runs_go_on_for_a_moment(owner: Owner, guest: Guest, served: Served) -> None:
    answer: Future[Any] = Future()
    served.answers["order"] = answer
    waiting = guest.order(bytes(32))
    eventually(lambda: ("order", bytes(32)) in served.calls)
    ending = threading.Thread(target=owner.close)
    ending.start()
    answer.set_result(order(1))
    assert waiting.result(10) == order(1)
    ending.join(10)
    with pytest.raises(WalletError, match="OWNER_LOST"):
        guest.view(b"", b"").result(10)


HELLO = frames.encode(hello.guest("talk"))
GARBAGE = [
    b"",
    b"\xff\xff\xff\xff",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    struct.pack(">I", 5) + b"[1,2]",
    frames.encode({"program": "channel-wallet"}),
    frames.encode({**msgspec.to_builtins(hello.guest("talk")), "extra": 1}),
    HELLO + struct.pack(">I", frames.MAX_REQUEST + 1),
    HELLO + struct.pack(">I", 9) + b'{"a":1.5}',
    HELLO + struct.pack(">I", 13) + b'{"a":1,"a":2}',
]


@pytest.mark.parametrize("words", GARBAGE)
def test_who_talks_garbage_is_hung_up_on_and_nobody_else_notices(
    owner: Owner, guest: Guest, served: Served, words: bytes
) -> None:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(5)
    with contextlib.closing(line):
        line.connect(str(owner.profile.path / local.NAME))
        line.sendall(words)
        line.shutdown(socket.SHUT_WR)
        while line.recv(4096):
            pass
    assert guest.view(b"", b"").result(10) == served.shown


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "check_password", "params": {"password": "right"}},
        {"method": "__class__", "params": {}},
        {"method": "close", "params": {}},
        {"method": "order", "params": {}},
        {"method": "order", "params": {"order": 5}},
        {"method": "order", "params": {"order": "", "more": 1}},
        {"method": "order", "params": []},
        {"method": ["order"], "params": {}},
        {"method": "permit", "params": {"password": None}},
        {"method": "order"},
        {},
    ],
)
def test_only_the_commands_and_only_their_arguments(owner: Owner, served: Served, request_: dict[str, Any]) -> None:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(5)
    with contextlib.closing(line):
        line.connect(str(owner.profile.path / local.NAME))
        line.sendall(HELLO)
        frames.receive_now(line, frames.MAX_HELLO)
        line.sendall(frames.encode(request_))
        assert frames.receive_now(line, frames.MAX_ANSWER)["error"]["code"] == "OWNER_FRAME"
    assert served.calls == []


# --- processes --------------------------------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from wallet.app.owner.claim import Owner
from wallet.protocol.errors import WalletError
try:
    owner = Owner(Path(sys.argv[1]))
except WalletError as error:
    print(error.code, flush=True)
else:
    print("OWNER", flush=True)
    sys.stdin.read()
    owner.close()
"""


def start(path: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=60)


@pytest.mark.parametrize("count", [4, pytest.param(24, marks=pytest.mark.slow)])
def test_of_many_that_race_for_a_profile_exactly_one_has_it(tmp_path: Path, count: int) -> None:
    """By the profile's own name, through a link, and through ``..``: it is one profile."""
    real = tmp_path / "p"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    names = [real, tmp_path / "link", real / ".." / "p", tmp_path / "link" / "."]
    racing = [start(names[number % len(names)]) for number in range(count)]
    try:
        words = sorted(said(process) for process in racing)
    finally:
        for process in racing:
            finish(process)
    assert words == ["OWNER"] + ["PROFILE_IN_USE"] * (count - 1)


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_owner_leaves_nothing_that_hinders(tmp_path: Path, times: int) -> None:
    for _ in range(times):
        process = start(tmp_path / "p")
        assert said(process) == "OWNER"
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert (tmp_path / "p" / local.NAME).exists()  # what it left behind
        begun = time.monotonic()
        found = own_or_visit(tmp_path / "p")
        assert isinstance(found, Owner)
        assert time.monotonic() - begun < 2
        found.close()


def test_json_is_read_by_the_one_strict_decoder() -> None:
    for text in (b'{"a":-0}', b'{"a":1e3}', b'{"a":"\\ud800"}', b"[" * 40, json.dumps([]).encode()):
        with pytest.raises(WalletError):
            frames.decode(text, 4096)


# --- the owner's accounts ---------------------------------------------------------------------------------------------


def test_accounts_and_previews_cross_the_socket_whole(guest: Guest, served: Served) -> None:
    assert guest.purse(b"").result(10) == PURSE
    assert guest.prepare_send(b"", PURSE.accounts[0].address, ANNA, bytes(20), None, "fast").result(10) == DRAFT
    large = replace(PURSE.transactions[0], amount=2**255, most_fee=10**30)
    served.purse_shown = replace(PURSE, transactions=(large,))
    assert guest.purse(b"").result(10).transactions == (large,)
    assert acted(served) == []


def test_what_is_signed_is_asked_about_in_the_words_of_its_bytes(owner: Owner, guest: Guest, served: Served) -> None:
    window = Window()
    owner.attend(window)
    unsigned = Envelope(5, 7, 1, 10**9, 21_000, ANNA, 15 * 10**17, b"").unsigned()
    waiting = guest.send_prepared(b"", PURSE.accounts[0].address, unsigned)
    eventually(lambda: window.asked)
    assert window.asked == [f"Send 1.5 ETH to {show_address(ANNA)}, on the chain of Demo broker"]
    assert acted(served) == []
    window.answer.set_result(True)
    assert waiting.result(10) == b"\x99" * 32
    with pytest.raises(WalletError, match="TX_FORM"):  # no question for what is no transaction
        guest.send_prepared(b"", PURSE.accounts[0].address, b"nonsense").result(10)
    assert len(window.asked) == 1


def test_a_window_is_locked_without_a_word(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any version of the program: to lock must never fail for a form."""
    assert not lock_window(owner.profile.path)
    window = Window()
    owner.attend(window)
    monkeypatch.setattr("wallet.app.owner.hello.__version__", "0.0.1")
    assert lock_window(owner.profile.path)
    assert (window.locks, window.asked, window.raised) == (1, [], [])
