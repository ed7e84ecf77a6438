"""As much SIP as one call over UDP needs (RFC 3261, RFC 3264): messages, and the dialog of a caller."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

TELEPHONE_EVENT = 101  # RTP payload type that we offer for RFC 4733 digits


@dataclass(frozen=True)
class Message:
    """A request or response; headers that appear more than once are all in `headers`."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @classmethod
    def parse(cls, data: bytes) -> Message:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = tuple(
            (name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        )
        return cls(first, headers, body)

    def __getitem__(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    @property
    def status(self) -> int | None:
        """The code of a response, None for a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else None

    @property
    def method(self) -> str:
        """Of a request; of a response the method that it answers."""
        return self["cseq"].split()[1] if self.status else self.first.split()[0]

    def answer(self, status: str = "200 OK") -> bytes:
        """A response to this request, without a body."""
        copied = [
            f"{key}: {value}\r\n" for key, value in self.headers if key in ("via", "from", "to", "call-id", "cseq")
        ]
        return f"SIP/2.0 {status}\r\n{''.join(copied)}Content-Length: 0\r\n\r\n".encode()


class Dialog:
    """The caller's half of a dialog: makes its requests and follows its answers."""

    def __init__(self, host: str, port: int, pbx: tuple[str, int], exten: str, user: str, name: str = "") -> None:
        self._local = f"{host}:{port}"
        self._uri = f"sip:{exten}@{pbx[0]}:{pbx[1]}"
        self._target = self._uri
        self._user = user
        self._name = f'"{name}" ' if name else ""
        self._from_tag = f"{random.getrandbits(32):08x}"
        self._call_id = f"{random.getrandbits(64):016x}"
        self._to_tag = ""
        self._sequence = 0
        self._branch = ""

    def request(self, method: str, body: str = "", content_type: str = "application/sdp") -> bytes:
        """A new request in this dialog."""
        self._sequence += 1
        self._branch = f"z9hG4bK{random.getrandbits(48):012x}"
        return self._message(method, self._sequence, self._branch, body, content_type)

    def cancel(self) -> bytes:
        """CANCEL of the INVITE that is unanswered."""
        return self._message("CANCEL", self._sequence, self._branch, "", "")

    def ack(self, response: Message) -> bytes:
        """ACK for a final answer to an INVITE, whose tag and contact the dialog takes over."""
        tag = re.search(r"tag=([^;\s]+)", response["to"])
        self._to_tag = tag[1] if tag else ""
        branch = self._branch
        if response.status == 200:
            contact = re.search(r"<([^>]+)>", response["contact"])
            self._target = contact[1] if contact else self._uri
            branch = f"z9hG4bK{random.getrandbits(48):012x}"
        return self._message("ACK", int(response["cseq"].split()[0]), branch, "", "")

    def _message(self, method: str, sequence: int, branch: str, body: str, content_type: str) -> bytes:
        lines = [
            f"{method} {self._target if self._to_tag else self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._local};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: {self._name}<sip:{self._user}@{self._local}>;tag={self._from_tag}",
            f"To: <{self._uri}>" + (f";tag={self._to_tag}" if self._to_tag else ""),
            f"Call-ID: {self._call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:{self._user}@{self._local}>",
            *([f"Content-Type: {content_type}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def offer(host: str, port: int, payload_type: int, ptime_ms: int, direction: str) -> str:
    """An SDP offer of one codec and telephone events; `direction` is sendrecv, sendonly or inactive."""
    name = {0: "PCMU", 8: "PCMA"}[payload_type]
    lines = [
        "v=0",
        f"o=- 1 {random.getrandbits(30)} IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {payload_type} {TELEPHONE_EVENT}",
        f"a=rtpmap:{payload_type} {name}/8000",
        f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000",
        f"a=fmtp:{TELEPHONE_EVENT} 0-15",
        f"a=ptime:{ptime_ms}",
        f"a={direction}",
    ]
    return "\r\n".join(lines) + "\r\n"


def media_address(sdp: str) -> tuple[str, int]:
    """Where an answer wants its RTP."""
    host = re.search(r"^c=IN IP4 (\S+)", sdp, re.MULTILINE)
    port = re.search(r"^m=audio (\d+)", sdp, re.MULTILINE)
    assert host, sdp
    assert port, sdp
    return host[1], int(port[1])
