"""A queue member's SIP phone: it is called, answers, hears, presses keys and hangs up."""

from __future__ import annotations

import asyncio
import random
import re
import time

from . import g711
from .audio import hears
from .phone import HOST, Phone, _Udp
from .sip import Message, media_address, offer
from .stub import tone

CALLER = 700  # Hz


class Member(Phone):
    """`async with Member(pbx.sip_port, pbx.member_port) as member: await member.answered(5)`.

    It answers each call after `rings_s`, or never (None).
    """

    def __init__(self, pbx_port: int, port: int, *, rings_s: float | None = 0.3) -> None:
        super().__init__(pbx_port, user="member")
        self.invitations: list[Message] = []
        self._port = port
        self.rings_s = rings_s
        self._tag = f"{random.getrandbits(32):08x}"
        self._sequence_out = 0

    async def __aenter__(self) -> Member:
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._on_sip), (HOST, self._port))
        self._rtp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._on_rtp), (HOST, 0))
        self._rtp_port = self._rtp.get_extra_info("sockname")[1]
        return self

    async def rung(self, timeout_s: float, times: int = 1) -> None:
        """Wait until it was called so often."""
        give_up = time.monotonic() + timeout_s
        while len(self.invitations) < times:
            assert time.monotonic() < give_up, "the member was not called"
            await asyncio.sleep(0.02)

    async def answered(self, timeout_s: float) -> None:
        """Wait until the call is up."""
        await asyncio.wait_for(self._answered.wait(), timeout_s)

    async def hang_up(self) -> None:
        """BYE of the called side."""
        invite = self.invitations[-1]
        contact = re.search(r"<([^>]+)>", invite["contact"])
        assert contact
        self._sequence_out += 1
        lines = [
            f"BYE {contact[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self._port};branch=z9hG4bK{random.getrandbits(48):012x};rport",
            "Max-Forwards: 70",
            f"From: {invite['to']};tag={self._tag}",
            f"To: {invite['from']}",
            f"Call-ID: {invite['call-id']}",
            f"CSeq: {self._sequence_out} BYE",
            "Content-Length: 0",
        ]
        self._sip.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), self._pbx)
        await asyncio.wait_for(self._ended.wait(), 5)

    def _on_sip(self, data: bytes, address: tuple[str, int]) -> None:
        message = Message.parse(data)
        if message.status is not None:
            if message.method == "BYE":
                self._end("hung up")
        elif message.method == "INVITE":
            self._on_invite(message)
        elif message.method == "ACK":
            if not self._answered.is_set():
                self.answered_at = time.monotonic()
                self._answered.set()
                self._sending = asyncio.create_task(self._send())
        else:
            self._sip.sendto(message.answer(), address)
            if message["call-id"] != self.invitations[-1]["call-id"]:
                return  # of a call before
            if message.method == "BYE":
                self._end("remote hung up")
            elif message.method == "CANCEL":
                self._sip.sendto(self._answer(self.invitations[-1], "487 Request Terminated"), self._pbx)

    def _on_invite(self, invite: Message) -> None:
        if invite["cseq"] in {known["cseq"] for known in self.invitations if known["call-id"] == invite["call-id"]}:
            return  # sent again: the answer is on its way
        self.invitations.append(invite)
        self._answered.clear()
        self._ended.clear()
        self.received.clear()
        self._sip.sendto(self._answer(invite, "180 Ringing"), self._pbx)
        if self.rings_s is not None:
            asyncio.get_running_loop().call_later(self.rings_s, self._accept, invite)

    def _accept(self, invite: Message) -> None:
        if not self._ended.is_set() and invite is self.invitations[-1]:
            self._remote = media_address(invite.body)
            self._sip.sendto(self._answer(invite, "200 OK", self._rtp_port), self._pbx)

    def _answer(self, invite: Message, status: str, rtp_port: int = 0) -> bytes:
        sdp = offer(HOST, rtp_port, g711.PCMU, 20, "sendrecv") if rtp_port else ""
        head = invite.answer(status).decode().partition("Content-Length")[0]
        head = head.replace(f"to: {invite['to']}", f"to: {invite['to']};tag={self._tag}")
        more = f"Contact: <sip:member@{HOST}:{self._port}>\r\n"
        more += "Content-Type: application/sdp\r\n" if sdp else ""
        return f"{head}{more}Content-Length: {len(sdp)}\r\n\r\n{sdp}".encode()


async def connected(phone: Phone, member: Member) -> bool:
    """Whether the member hears the caller."""
    phone.say(tone(1.0, CALLER))
    for _ in range(100):
        if hears(member.heard(), CALLER):
            return True
        await asyncio.sleep(0.05)
    return False
