"""GStreamer's webrtcbin as a camera (WHIP) or a viewer (WHEP). Prints one JSON object.

usage: gst_peer.py camera|viewer URL SECONDS      token in LATCHKEY_TOKEN
"""
import json
import os
import ssl
import sys
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

CAMERA = ("videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=25/1 ! "
          "x264enc tune=zerolatency speed-preset=ultrafast bitrate=1000 key-int-max=50 ! h264parse config-interval=-1 ! "
          "rtph264pay aggregate-mode=zero-latency ! "
          "application/x-rtp,media=video,encoding-name=H264,payload=96 ! webrtcbin name=peer bundle-policy=max-bundle")


class Peer:
    def __init__(self, role, url, seconds):
        self.role, self.url = role, url
        self.loop = GLib.MainLoop()
        self.frames = 0
        self.resource = None
        self.error = None
        if role == "camera":
            self.pipeline = Gst.parse_launch(CAMERA)
            self.webrtc = self.pipeline.get_by_name("peer")
        else:
            self.pipeline = Gst.Pipeline.new(None)
            self.webrtc = Gst.ElementFactory.make("webrtcbin", "peer")
            self.webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
            self.pipeline.add(self.webrtc)
            caps = Gst.Caps.from_string("application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,"
                                        "packetization-mode=(string)1,profile-level-id=(string)42e01f")
            self.webrtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, caps)
            self.webrtc.connect("pad-added", self.on_pad)
        self.webrtc.connect("on-negotiation-needed", self.on_negotiation)
        self.webrtc.connect("notify::ice-gathering-state", self.on_gathering)
        GLib.timeout_add(int(seconds * 1000), self.loop.quit)

    def http(self, method, url, body=None):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        request = urllib.request.Request(url, data=body, method=method)
        request.add_header("Authorization", "Bearer " + os.environ["LATCHKEY_TOKEN"])
        if body:
            request.add_header("Content-Type", "application/sdp")
        return urllib.request.urlopen(request, timeout=20, context=context)

    def on_negotiation(self, element):
        def created(promise, *_):
            # The reply owns the offer: it has to outlive the call.
            promise.wait()
            reply = promise.get_reply()
            text = reply.get_value("offer").sdp.as_text()
            _, message = GstSdp.SDPMessage.new_from_text(text)
            offer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.OFFER, message)
            element.emit("set-local-description", offer, Gst.Promise.new())

        element.emit("create-offer", None, Gst.Promise.new_with_change_func(created))

    def on_gathering(self, element, _):
        if element.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE and not self.resource:
            GLib.idle_add(self.post)

    def post(self):
        try:
            offer = self.webrtc.get_property("local-description").sdp.as_text()
            reply = self.http("POST", self.url, offer.encode())
            self.resource = reply.headers["Location"]
            _, message = GstSdp.SDPMessage.new_from_text(reply.read().decode())
            answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
            self.webrtc.emit("set-remote-description", answer, Gst.Promise.new())
        except Exception as error:  # whatever it is, it goes into the report
            self.error = f"{error} {getattr(error, 'read', lambda: b'')()}"
            self.loop.quit()
        return False

    def on_pad(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        chain = Gst.parse_bin_from_description("rtph264depay ! h264parse ! openh264dec ! fakesink name=end sync=false signal-handoffs=true", True)
        self.pipeline.add(chain)
        chain.get_by_name("end").connect("handoff", self.on_frame)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def on_frame(self, *_):
        self.frames += 1

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        state = self.webrtc.get_property("connection-state").value_nick
        deleted = self.http("DELETE", self.resource).status if self.resource else None
        self.pipeline.set_state(Gst.State.NULL)
        print(json.dumps({"frames": self.frames, "state": state, "delete": deleted, "error": self.error}), flush=True)


Gst.init(None)
Peer(sys.argv[1], sys.argv[2], float(sys.argv[3])).run()
