"""aiortc, an independent WebRTC implementation, as a camera (WHIP) or a viewer (WHEP). Prints one JSON object.

usage: aiortc_peer.py camera|viewer URL SECONDS [--codec h264|vp8]      token in LATCHKEY_TOKEN
"""
import argparse
import asyncio
import fractions
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

import av
import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcrtpsender import RTCRtpSender


class MovingBar(MediaStreamTrack):
    """640x360 at 25 fps: a bright bar that walks over a dark ground."""

    kind = "video"

    def __init__(self):
        super().__init__()
        self.count = 0
        self.began = time.monotonic()

    async def recv(self):
        due = self.began + self.count / 25
        await asyncio.sleep(max(0, due - time.monotonic()))
        picture = numpy.full((360, 640, 3), 30, dtype=numpy.uint8)
        left = (self.count * 8) % 560
        picture[:, left : left + 80] = 220
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = self.count * 3600
        frame.time_base = fractions.Fraction(1, 90000)
        self.count += 1
        return frame


def http(method, url, token, body=None):
    request = urllib.request.Request(url, data=body.encode() if body else None, method=method)
    request.add_header("Authorization", f"Bearer {token}")
    if body:
        request.add_header("Content-Type", "application/sdp")
    with urllib.request.urlopen(request, timeout=20) as reply:
        return reply.status, reply.headers, reply.read().decode()


async def connect(peer, url, token):
    await peer.setLocalDescription(await peer.createOffer())
    status, headers, answer = await asyncio.to_thread(http, "POST", url, token, peer.localDescription.sdp)
    assert status == 201, status
    assert headers["Content-Type"] == "application/sdp", headers["Content-Type"]
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return headers["Location"]


def prefer(transceiver, codec):
    wanted = [c for c in RTCRtpSender.getCapabilities("video").codecs if c.mimeType.lower() == f"video/{codec}"]
    transceiver.setCodecPreferences(wanted)


async def camera(peer, args, token):
    track = MovingBar()
    peer.addTrack(track)
    prefer(peer.getTransceivers()[0], args.codec)
    resource = await connect(peer, args.url, token)
    await asyncio.sleep(args.seconds)
    return {"frames": track.count, "state": peer.connectionState}, resource


async def viewer(peer, args, token):
    columns, frames = [], 0

    async def watch(track):
        nonlocal frames
        while True:
            frame = await track.recv()
            frames += 1
            grey = frame.to_ndarray(format="gray")
            columns.append(int(grey.mean(axis=0).argmax()))

    tasks = []
    peer.on("track", lambda track: tasks.append(asyncio.ensure_future(watch(track))) if track.kind == "video" else None)
    transceiver = peer.addTransceiver("video", direction="recvonly")
    prefer(transceiver, args.codec)
    resource = await connect(peer, args.url, token)
    await asyncio.sleep(args.seconds)
    for task in tasks:
        task.cancel()
    return {"frames": frames, "different": len(set(columns)), "state": peer.connectionState}, resource


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["camera", "viewer"])
    parser.add_argument("url")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--codec", default="h264")
    args = parser.parse_args()
    token = os.environ["LATCHKEY_TOKEN"]
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        report, resource = await (camera if args.role == "camera" else viewer)(peer, args, token)
        status, _, _ = await asyncio.to_thread(http, "DELETE", resource, token)
        report["delete"] = status
    finally:
        await peer.close()
    print(json.dumps(report), flush=True)


asyncio.run(main())
