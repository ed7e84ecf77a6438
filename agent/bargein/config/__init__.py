"""The configuration: one TOML file, every key overridable by `BARGEIN_SECTION__KEY` in the environment."""

from __future__ import annotations

import difflib
import json
import os
import re
import socket
import typing
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from .toml_file import ConfigError as ConfigError
from .toml_file import read_tables

SEARCH = ("bargein.toml", "/etc/bargein/bargein.toml")
PREFIX = "BARGEIN_"
BOOLEANS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)
LOOPBACK = ("127.0.0.0/8", "::1/128")

Check = Callable[[Any], None]  # raises ValueError, which says what is expected


def parse_address(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[V6]:PORT` -> (host, port). Raises ValueError."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    if not colon or not host or (":" in host and not bracketed) or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"expected HOST:PORT, such as 127.0.0.1:9092 or [::1]:9092, not {text!r}")
    return host, int(port)


def networks(peers: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    """Peers as networks; a single address is a network of one. Raises ValueError."""
    return [ip_network(peer, strict=False) for peer in peers]


def _address_or_nothing(text: str) -> None:
    if text:
        parse_address(text)


def _check_url(text: str) -> None:
    if not text.startswith(("sqlite:///", "postgresql://")):
        raise ValueError("expected sqlite:///FILE or postgresql://USER@HOST/NAME")


def _check_web(text: str) -> None:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected http://HOST:PORT/v1 or https://HOST/v1")


def _check_header(text: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", text):
        raise ValueError("expected the name of a header, such as Authorization or api-key")


def _check_json_object(text: str) -> None:
    if text and not isinstance(json.loads(text), dict):
        raise ValueError('expected a JSON object, such as {"reasoning_effort": "low"}')


def _checked(default: Any, check: Callable[..., Any]) -> Any:
    return field(default=default, metadata={"check": check})


def _between(default: Any, low: float, high: float) -> Any:
    def check(value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"expected {low:g} to {high:g}, not {value!r}")

    return field(default=default, metadata={"check": check})


@dataclass(frozen=True, slots=True)
class AudioSocketConfig:
    """Where Asterisk connects with the audio of a call."""

    listen: str = _checked("127.0.0.1:9092", parse_address)
    advertise: str = _checked("", _address_or_nothing)  # what FastAGI tells Asterisk; "": same as listen
    unregistered: Literal["reject", "accept"] = "reject"  # a call id that FastAGI never gave out
    peers: tuple[str, ...] = _checked(LOOPBACK, networks)  # addresses that may connect; an empty list allows none
    max_calls: int = _between(200, 1, 100_000)
    max_pending: int = _between(64, 1, 100_000)  # connections that have not yet sent their id
    id_timeout_ms: int = _between(5000, 100, 60_000)  # how long to wait for the id
    wideband: bool = True  # 16 kHz for callers who hear it, as with G.722; false: 8 kHz for all
    drain_s: int = _between(60, 0, 86_400)  # after SIGTERM, the time for calls in progress to finish


@dataclass(frozen=True, slots=True)
class FastAgiConfig:
    """Where the dialplan asks for a call id, and for the result of the call."""

    listen: str = _checked("127.0.0.1:4573", parse_address)
    peers: tuple[str, ...] = _checked(LOOPBACK, networks)
    max_connections: int = _between(256, 1, 100_000)
    timeout_ms: int = _between(5000, 100, 60_000)  # how long to wait for each line of a request or an answer
    ami: str = _checked("", _address_or_nothing)  # of Asterisk: who is there for a queue during a call; "": not asked
    id_valid_s: int = _between(60, 1, 3600)  # an unused id expires after this time


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The processes that serve calls."""

    workers: int = _between(0, 0, 256)  # 0: one per core
    admission: bool = True  # refuse new calls that would harm those in progress
    metrics: str = _checked("", _address_or_nothing)  # HOST:PORT of /metrics and /healthz; "": none


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """The database."""

    url: str = _checked("sqlite:///bargein.db", _check_url)
    queue: int = _between(20_000, 100, 10_000_000)  # writes that may wait for the database, per process
    spool: str = ""  # a directory for rows that wait; "": FILE-spool beside an SQLite file, else bargein-spool
    spool_mb: int = _between(256, 0, 1_000_000)  # its maximum size
    server: str = ""  # this server's name in the rows; "": the name of the host

    @property
    def server_name(self) -> str:
        """The name of this server in rows and recordings."""
        return self.server or socket.gethostname()


@dataclass(frozen=True, slots=True)
class DialogueConfig:
    """What to say and how to react."""

    flow: str = "shop"  # a shipped flow's name, or the path of a YAML file (relative to this file)
    language: str = ""  # "": as the flow says
    planner: Literal["flow", "llm"] = "flow"
    filler_ms: int = _between(800, 0, 60_000)  # if an answer takes longer, say "One moment."; 0: never


@dataclass(frozen=True, slots=True)
class LlmConfig:
    """A language model behind an OpenAI-compatible chat endpoint, for `planner = "llm"`."""

    url: str = _checked("http://127.0.0.1:8000/v1", _check_web)
    model: str = ""
    api_key_env: str = "OPENAI_API_KEY"  # the name of the variable that holds the key, never the key
    api_key_header: str = _checked("Authorization", _check_header)  # Azure: "api-key"
    temperature: float = _between(0.4, -1, 2)  # -1: not sent
    max_tokens: int = _between(300, 0, 32_768)  # 0: not sent
    context_tokens: int = _between(8000, 500, 10_000_000)  # older turns are left out of a longer request
    extra: str = _checked("", _check_json_object)  # more members of each request, as JSON; null leaves one out
    first_token_ms: int = _between(4000, 100, 120_000)  # how long the caller waits for a word of the model, at most
    timeout_ms: int = _between(20_000, 100, 600_000)  # for a whole answer
    preemptive: bool = False  # ask before it is certain that the caller is done: at most one unused request a turn


@dataclass(frozen=True, slots=True)
class HearingConfig:
    """How readily the agent stops talking."""

    sensitivity: float = _between(0.5, 0, 1)  # 0: only clear speech stops the agent, 1: anything does
    overlap: Literal["duck", "pause"] = "duck"  # what the agent does at a sound that may be nothing
    duck_db: float = _between(12.0, 0, 40)  # how much lower it talks meanwhile


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """How long a silence ends the caller's turn. Between the bounds it follows the sound, the words and the pace."""

    min_ms: int = _between(300, 100, 5000)
    max_ms: int = _between(1320, 100, 10_000)
    story_ms: int = _between(360, 100, 10_000)  # at least, where the caller answers in their own words
    longest_s: int = _between(60, 5, 3600)  # a longer turn is ended and answered: a radio never pauses


@dataclass(frozen=True, slots=True)
class SpeechConfig:
    """The speech-to-text and text-to-speech engines."""

    stt: str = "whisper"
    stt_model: str = ""  # "": the one that comes with the engine; else a directory, a name or a URL
    stt_url: str = ""  # of stt = "openai": http://HOST:PORT/v1, of "wyoming": tcp://HOST:PORT
    stt_workers: int = _between(2, 1, 64)  # recognitions at a time
    stt_process: bool = True  # of "whisper": in a process of its own, at a lower priority
    tts: str = "hibari"
    tts_url: str = ""  # of tts = "openai": http://HOST:PORT/v1, of "wyoming": tcp://HOST:PORT
    tts_model: str = ""  # of tts = "openai"
    voice: str = ""  # "": the language's default
    api_key_env: str = "OPENAI_API_KEY"  # of "openai": the variable that holds the key, never the key
    cache_dir: str = ""  # "": bargein in the user's cache directory
    cache_mb: int = _between(256, 0, 1_000_000)


@dataclass(frozen=True, slots=True)
class RecordingConfig:
    """Both legs of a call as a stereo WAV; off by default."""

    enabled: bool = False
    directory: str = "recordings"


@dataclass(frozen=True, slots=True)
class PrivacyConfig:
    """What the server must not store about a call."""

    words: bool = True  # false: no words of callers or of the agent, no slots and no summary in the database
    numbers: bool = True  # false: no caller's number or name in the database
    audio: bool = True  # false: no recordings, whatever the dialplan asks for
    keep_calls_days: int = _between(0, 0, 36_500)  # `bargein prune` deletes older calls; 0: none
    keep_words_days: int = _between(0, 0, 36_500)  # the words of older calls; 0, here and below: as long as the call
    keep_numbers_days: int = _between(0, 0, 36_500)
    keep_audio_days: int = _between(0, 0, 36_500)


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What goes to stderr (the journal, under systemd)."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True)
class Config:
    """All settings. `source` is the file they came from, None when there was none."""

    audiosocket: AudioSocketConfig = field(default_factory=AudioSocketConfig)
    fastagi: FastAgiConfig = field(default_factory=FastAgiConfig)
    server: ServerConfig = field(default_factory=ServerConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    dialogue: DialogueConfig = field(default_factory=DialogueConfig)
    llm: LlmConfig = field(default_factory=LlmConfig)
    hearing: HearingConfig = field(default_factory=HearingConfig)
    endpoint: EndpointConfig = field(default_factory=EndpointConfig)
    speech: SpeechConfig = field(default_factory=SpeechConfig)
    recording: RecordingConfig = field(default_factory=RecordingConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    log: LogConfig = field(default_factory=LogConfig)
    source: Path | None = None

    @classmethod
    def load(cls, path: str | Path | None = None, env: Mapping[str, str] | None = None) -> Config:
        """The file at `path`, else the first of SEARCH that exists, else defaults; then `env` over it.

        Raises ConfigError with one line that names the key and what was expected.
        """
        found = Path(path) if path else next((Path(p) for p in SEARCH if os.path.isfile(p)), None)
        values = _checked_tables(read_tables(found) if found else {}, str(found))
        flow = values.get("dialogue", {}).get("flow", "")
        if found and flow.endswith((".yaml", ".yml")):
            values["dialogue"]["flow"] = str(found.parent / flow)
        for section, overrides in _from_environment(os.environ if env is None else env).items():
            values.setdefault(section, {}).update(overrides)
        config = cls.of(values, found)
        if config.endpoint.min_ms > config.endpoint.max_ms:
            raise ConfigError(f"{found or 'configuration'}: endpoint.min_ms is larger than endpoint.max_ms")
        return config

    @classmethod
    def of(cls, values: Mapping[str, Mapping[str, Any]], source: Path | None = None) -> Config:
        """The configuration with these values by section and key; the others are defaults."""
        made: dict[str, Any] = {}
        for name, kind in SECTIONS.items():
            given = values.get(name, {}).items()  # JSON has lists where we have tuples
            made[name] = kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in given})
        return cls(**made, source=source)

    def values(self) -> dict[str, dict[str, Any]]:
        """All values by section and key: what `of` takes."""
        return {name: asdict(getattr(self, name)) for name in SECTIONS}


SECTIONS: dict[str, type[Any]] = {name: of for name, of in typing.get_type_hints(Config).items() if name != "source"}


def _checked_tables(tables: Mapping[str, Any], source: str) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = {}
    for section, table in tables.items():
        _known(section, SECTIONS, "section", f"{source}: ")
        if not isinstance(table, dict):
            raise ConfigError(f"{source}: {section} is a section: write [{section}] and its keys under it")
        for key, value in table.items():
            _known(key, _keys(section), "key", f"{source}: ", f"{section}.")
            values.setdefault(section, {})[key] = _accept(section, key, value, f"{source}: {section}.{key}")
    return values


def _from_environment(env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    names = {f"{PREFIX}{s}__{k}".upper(): (s, k) for s in SECTIONS for k in _keys(s)}
    slips = {name.replace("__", "_", 1) for name in names}  # one underscore too few
    values: dict[str, dict[str, Any]] = {}
    for name, text in env.items():
        if not name.startswith(PREFIX) or ("__" not in name and name not in slips):
            continue
        _known(name, names, "variable", "environment: ")
        section, key = names[name]
        value = _from_text(_keys(section)[key], text)
        values.setdefault(section, {})[key] = _accept(section, key, value, f"environment: {name}")
    return values


def _keys(section: str) -> dict[str, Any]:
    return typing.get_type_hints(SECTIONS[section])


def _known(name: str, known: typing.Collection[str], what: str, where: str, prefix: str = "") -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    names = ", ".join(prefix + other for other in sorted(known))
    hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {names}"
    raise ConfigError(f"{where}unknown {what} {prefix + name!r}; {hint}")


def _from_text(kind: Any, text: str) -> Any:
    """The text as a `kind`. Other text is returned unchanged, and `_accept` refuses it."""
    if kind is bool:
        return BOOLEANS.get(text.strip().lower(), text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    if typing.get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _accept(section: str, key: str, value: Any, name: str) -> Any:
    """The value as its field holds it. Raises ConfigError that begins with `name`."""
    kind = _keys(section)[key]
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
        if value not in choices:
            raise ConfigError(f"{name}: expected one of {', '.join(choices)}, not {value!r}")
    elif typing.get_origin(kind) is tuple:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ConfigError(f"{name}: expected a list of strings, not {value!r}")
        value = tuple(value)
    else:
        value = float(value) if kind is float and type(value) is int else value
        if type(value) is not kind:
            words = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}
            given = "something else" if key == "url" else repr(value)  # a URL may hold a password
            raise ConfigError(f"{name}: expected {words[kind]}, not {given}")
    check: Check | None = SECTIONS[section].__dataclass_fields__[key].metadata.get("check")
    try:
        if check:
            check(value)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error
    return value
