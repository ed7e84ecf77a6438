"""The configuration: what is accepted, and one clear line for what is not."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import pytest

from bargein.config import LOOPBACK, SECTIONS, Config, ConfigError, networks, parse_address


def load(text: str, tmp_path: Path, env: dict[str, str] | None = None) -> Config:
    file = tmp_path / "x.toml"
    file.write_text(text)
    return Config.load(file, env or {})


def test_defaults_listen_on_loopback_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = Config.load(None, {})
    assert config == Config()
    assert (config.audiosocket.listen, config.fastagi.listen) == ("127.0.0.1:9092", "127.0.0.1:4573")
    assert config.audiosocket.peers == config.fastagi.peers == LOOPBACK
    assert (config.audiosocket.unregistered, config.recording.enabled) == ("reject", False)


def test_every_kind_of_value(tmp_path: Path) -> None:
    text = """
    [audiosocket]
    listen = "[::1]:9092"
    unregistered = "accept"
    peers = ["10.0.0.0/8", "192.0.2.7"]
    [hearing]
    sensitivity = 1
    [recording]
    enabled = true
    [endpoint]
    min_ms = 200
    """
    config = load(text, tmp_path)
    assert config.audiosocket.peers == ("10.0.0.0/8", "192.0.2.7")
    assert config.recording.enabled is True
    assert config.endpoint.min_ms == 200
    assert type(config.hearing.sensitivity) is float
    assert config.source == tmp_path / "x.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[store]\nulr = "x"', "unknown key 'store.ulr'; did you mean store.url?"),
        ('[llm]\nurl = "localhost:11434/v1"', "llm.url: expected http://HOST:PORT/v1 or https://HOST/v1"),
        ('[sotre]\nurl = "x"', "unknown section 'sotre'; did you mean store?"),
        (
            "[store]\nzzz = 1",
            "unknown key 'store.zzz'; known are store.queue, store.server, store.spool, store.spool_mb, store.url",
        ),
        ("[privacy]\nkeep_words_days = -1", "privacy.keep_words_days: expected 0 to 36500, not -1"),  # not: for ever
        ("store = 3", r"store is a section: write \[store\]"),
        ('[endpoint]\nmin_ms = "300"', "endpoint.min_ms: expected a whole number, not '300'"),
        ("[endpoint]\nmin_ms = true", "endpoint.min_ms: expected a whole number, not True"),
        ("[endpoint]\nmin_ms = 300.5", "endpoint.min_ms: expected a whole number, not 300.5"),
        ("[endpoint]\nmin_ms = 5", "endpoint.min_ms: expected 100 to 5000, not 5"),
        ("[endpoint]\nmin_ms = 1350", "endpoint.min_ms is larger than endpoint.max_ms"),
        ("[hearing]\nsensitivity = nan", "hearing.sensitivity: expected 0 to 1, not nan"),
        ('[recording]\nenabled = "yes"', "recording.enabled: expected true or false, not 'yes'"),
        ('[audiosocket]\nlisten = "9092"', "audiosocket.listen: expected HOST:PORT, such as"),
        (
            '[audiosocket]\nunregistered = "maybe"',
            "audiosocket.unregistered: expected one of reject, accept, not 'maybe'",
        ),
        ('[audiosocket]\npeers = ["10.0.0.0/99"]', "audiosocket.peers: '10.0.0.0/99' does not appear to be"),
        ('[audiosocket]\npeers = "10.0.0.1"', "audiosocket.peers: expected a list of strings"),
        ("[audiosocket\n", "not valid TOML: .*line 1"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        load(text, tmp_path)
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{tmp_path}/x.toml: ")


TOML = '[dialogue]\n\tflow = "grüße"\n[audiosocket]\npeers = []\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_as_any_editor_may_save_it(encoding: str, end: str, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(TOML.replace("\n", end).encode(encoding))
    config = Config.load(file, {})
    assert (config.dialogue.flow, config.audiosocket.peers) == ("grüße", ())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (TOML.encode("utf-16-le"), "zero bytes, as UTF-16 without a byte order mark; save the file as UTF-8"),
        (TOML.encode("latin-1"), "not UTF-8 text in line 2; save the file as UTF-8"),
        (b"\xef\xbb\xbf\xff", "not UTF-8 text in line 1"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        (b"[store]\n[store]\n", "once only"),
        (b"[store]\nqueue = 500\nqueue = 600\n", "once only"),
        ("[store]\nurl = \u201csqlite:///x.db\u201d\n".encode(), "write plain quotes"),
        ("[store]\nqueue\u00a0= 500\n".encode(), "no-break space"),
        ("[log]\n\u200blevel = 'info'\n".encode(), "zero width space"),
        (b"[store]\nqueue: 500\n", "write KEY = VALUE"),
        (b"; mine\n[store]\n", "begins with #"),
        (b"[log]\nlevel = info\n", "text stands in quotes"),
        (b"[server]\nadmission = True\n", "write true or false$"),
        (b"[server]\nadmission = on  # always\n", "write true or false$"),
        (b"[log]\nlevel = on-hold\n", "text stands in quotes"),
        (b"[audiosocket]\nlisten = 127.0.0.1:9092\n", "text stands in quotes"),
        (b"[audiosocket]\nlisten = 0.0.0.0\n", "text stands in quotes"),
        (b"[store]\nqueue = 10s\n", "has no unit"),
        (b"[store]\nqueue = 1.5 GB\n", "has no unit"),
        ("[log]\nlevel = '\U0001f469\u200d\U0001f4bb' x\n".encode(), r"line 2, column \d+\)$"),
        (b'[log]\nlevel = "info\n', "a quote is missing"),
        (b'[store]\nspool = "C:\\spool"\n', "between single quotes"),
        (b"[store]\nqueue = 500;\n", "nothing may follow"),
        (b"[store.more]\nx = 1\n", "unknown key 'store.more'"),
        (b'store.url = ["postgresql://u:geheim@h/x"]', "store.url: expected a string, not something else"),
        (b"[endpoint]\nmin_ms = 2026-01-01", "endpoint.min_ms: expected a whole number"),
        (b"[[store]]\n", r"write \[store\]"),
        (b"[store]\nqueue = " + b"9" * 5000, "a number is too long"),
        (b"a = " + b"[" * 3000 + b"]" * 3000, "too many brackets"),
    ],
)
def test_a_file_that_is_no_configuration_is_one_line(data: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(data)
    with pytest.raises(ConfigError, match=said) as error:
        Config.load(file, {})
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)
    assert "geheim" not in str(error.value)


def test_an_empty_variable_for_the_peers_allows_nobody(tmp_path: Path) -> None:
    for text in ("", "  ", ","):
        config = load("", tmp_path, {"BARGEIN_AUDIOSOCKET__PEERS": text, "BARGEIN_FASTAGI__PEERS": text})
        assert config.audiosocket.peers == config.fastagi.peers == ()


def test_a_wrong_database_url_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load('[store]\nurl = "mysql://root:secret@db/x"', tmp_path)
    assert "store.url: expected sqlite:///FILE" in str(error.value)
    assert "secret" not in str(error.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        Config.load(tmp_path / "none.toml", {})
    (tmp_path / "latin.toml").write_bytes(b"# \xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        Config.load(tmp_path / "latin.toml", {})


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    env = {
        "BARGEIN_STORE__URL": "sqlite:///y.db",
        "BARGEIN_RECORDING__ENABLED": "yes",
        "BARGEIN_HEARING__SENSITIVITY": "0.25",
        "BARGEIN_AUDIOSOCKET__PEERS": "10.0.0.0/8, ::1",
        "BARGEIN_ENDPOINT__MIN_MS": "250",
        "BARGEIN_ID": "not ours",
        "HOME": "/",
    }
    config = load('[store]\nurl = "sqlite:///x.db"\nqueue = 500', tmp_path, env)
    assert (config.store.url, config.store.queue) == ("sqlite:///y.db", 500)
    assert config.recording.enabled is True
    assert config.hearing.sensitivity == 0.25
    assert config.audiosocket.peers == ("10.0.0.0/8", "::1")
    assert config.endpoint.min_ms == 250


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BARGEIN_STORE__ULR", "x", "unknown variable 'BARGEIN_STORE__ULR'; did you mean BARGEIN_STORE__URL?"),
        ("BARGEIN_STORE_URL", "x", "unknown variable 'BARGEIN_STORE_URL'; did you mean BARGEIN_STORE__URL?"),
        ("BARGEIN_ENDPOINT__MIN_MS", "soon", "BARGEIN_ENDPOINT__MIN_MS: expected a whole number, not 'soon'"),
        ("BARGEIN_RECORDING__ENABLED", "perhaps", "expected true or false, not 'perhaps'"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"environment: .*{said}"):
        load("", tmp_path, {name: value})


def test_other_variables_of_that_name_are_none_of_ours(tmp_path: Path) -> None:
    load("", tmp_path, {"BARGEIN_HOME": "x", "BARGEIN_LLM_API_KEY": "secret", "BARGEIN": "1"})


def test_every_key_has_a_variable(tmp_path: Path) -> None:
    for section, kind in SECTIONS.items():
        for key in typing.get_type_hints(kind):
            default = getattr(kind(), key)
            text = ",".join(default) if isinstance(default, tuple) else str(default)
            name = f"BARGEIN_{section}__{key}".upper()
            assert getattr(getattr(load("", tmp_path, {name: text}), section), key) == default


def test_the_first_file_found_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bargein.toml").write_text("[store]\nqueue = 123")
    assert Config.load(None, {}).store.queue == 123
    (tmp_path / "other.toml").write_text("[store]\nqueue = 456")
    assert Config.load("other.toml", {}).store.queue == 456


def test_a_flow_file_is_beside_the_configuration(tmp_path: Path) -> None:
    assert load('[dialogue]\nflow = "my.yaml"', tmp_path).dialogue.flow == str(tmp_path / "my.yaml")
    assert load('[dialogue]\nflow = "/srv/my.yaml"', tmp_path).dialogue.flow == "/srv/my.yaml"
    assert load('[dialogue]\nflow = "shop"', tmp_path).dialogue.flow == "shop"


def test_nothing_can_be_changed_afterwards() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().store.url = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:9092", ("127.0.0.1", 9092)), ("[::1]:0", ("::1", 0)), ("pbx.example:65535", ("pbx.example", 65535))],
)
def test_an_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "9092", ":9092", "::1:9092", "host:", "host:x", "host:65536", "host:-1", "host:²"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected HOST:PORT"):
        parse_address(text)


def test_a_lone_address_is_a_network_of_one() -> None:
    assert [str(network) for network in networks(("192.0.2.7", "10.1.2.3/8"))] == ["192.0.2.7/32", "10.0.0.0/8"]
