"""PJSIP's user agent as a phone, in a process of its own: `python -m tests.asterisk.pjsip_phone` with a plan on stdin.

The plan is JSON: port, exten, user, password, codec (as PJSIP names it, such as GSM/8000), seconds, record (WAV to
write), say ([[seconds, WAV], ...]), digits ([[seconds, "12#"], ...]) and digits_by (rfc4733 or info). Times count from
the media's start. It answers with JSON: reason, codec, said and pressed: when each WAV and each row of digits truly
began, in seconds of the recording.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pjsua2 as pj

CLOCK = 16000  # of PJSIP's bridge: wide enough for G.722


def endpoint(codec: str) -> Any:
    """One without sound card or threads, that offers one codec."""
    made = pj.Endpoint()
    made.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 1
    config.uaConfig.threadCnt, config.uaConfig.mainThreadOnly = 0, True
    config.medConfig.clockRate = config.medConfig.sndClockRate = CLOCK
    config.medConfig.ecTailLen, config.medConfig.noVad = 0, True
    made.libInit(config)
    transport = pj.TransportConfig()
    transport.port = 0
    transport.boundAddress = transport.publicAddress = "127.0.0.1"
    made.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    made.libStart()
    made.audDevManager().setNullDev()
    for known in made.codecEnum2():
        made.codecSetPriority(known.codecId, 255 if known.codecId.startswith(codec) else 0)
    return made


class Call(pj.Call):  # type: ignore[misc]
    """Follows the state of the one call, and records what is heard."""

    def __init__(self, account: Any, recorder: Any) -> None:
        super().__init__(account)
        self.recorder = recorder
        self.media: Any = None
        self.media_at = 0.0
        self.codec = ""
        self.reason = ""

    def onCallState(self, _: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.reason = f"{info.lastStatusCode} {info.lastReason}"

    def onCallMediaState(self, _: Any) -> None:
        if self.media is None:
            self.media = self.getAudioMedia(-1)
            self.media.startTransmit(self.recorder)
            self.media_at = time.monotonic()
            self.codec = self.getStreamInfo(0).codecName


def account_for(plan: dict[str, Any]) -> Any:
    config = pj.AccountConfig()
    config.idUri = f"sip:{plan['user']}@127.0.0.1"
    config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    if plan.get("password"):
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", plan["user"], 0, plan["password"]))
    account = pj.Account()
    account.create(config)
    return account


def play(path: str, media: Any) -> Any:
    """Play a WAV to the call; the player has to be kept."""
    player = pj.AudioMediaPlayer()
    player.createPlayer(path, pj.PJMEDIA_FILE_NO_LOOP)
    player.startTransmit(media)
    return player


def press(call: Call, digits: str, how: str) -> None:
    """Keys, 160 ms each: events in the RTP stream (RFC 4733) or SIP INFO."""
    param = pj.CallSendDtmfParam()
    param.method = pj.PJSUA_DTMF_METHOD_SIP_INFO if how == "info" else pj.PJSUA_DTMF_METHOD_RFC2833
    param.digits, param.duration = digits, 160
    call.sendDtmf(param)


def main() -> None:
    """Carry out the plan."""
    plan = json.load(sys.stdin)
    made = endpoint(plan["codec"])
    account = account_for(plan)
    recorder = pj.AudioMediaRecorder()
    recorder.createRecorder(plan["record"])
    call = Call(account, recorder)
    call.makeCall(f"sip:{plan['exten']}@127.0.0.1:{plan['port']}", pj.CallOpParam(True))
    todo = sorted([*(plan.get("say") or []), *(plan.get("digits") or [])])
    players, said, pressed = [], [], []
    give_up = time.monotonic() + plan["seconds"] + 5
    while time.monotonic() < give_up and not call.reason:
        made.libHandleEvents(5)
        now = time.monotonic() - call.media_at if call.media is not None else -1.0
        while call.media is not None and todo and todo[0][0] <= now:
            _, what = todo.pop(0)
            if what.endswith(".wav"):
                players.append(play(what, call.media))
                said.append(now)
            else:
                press(call, what, plan["digits_by"])
                pressed.append(now)
        if now > plan["seconds"]:
            call.hangup(pj.CallOpParam(True))
            plan["seconds"] = 1e9
    result = {"reason": call.reason, "codec": call.codec, "said": said, "pressed": pressed}
    # every port has to go before libDestroy: one that is left over aborts the process
    call.media = call.recorder = None
    del players, recorder, call, account
    made.libDestroy()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
