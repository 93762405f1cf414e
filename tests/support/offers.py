"""Minimal offers, written for the tests: what a stranger or a thin client sends."""

FINGERPRINT = ":".join(["A5"] * 32)


def offer(direction="sendonly", video="H264/90000", payload_type=96, fmtp="packetization-mode=1;profile-level-id=42e01f"):
    lines = [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
        f"m=video 9 UDP/TLS/RTP/SAVPF {payload_type}", "c=IN IP4 0.0.0.0", "a=mid:0", f"a={direction}", "a=rtcp-mux",
        "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=setup:actpass", f"a=rtpmap:{payload_type} {video}",
    ]
    if fmtp:
        lines.append(f"a=fmtp:{payload_type} {fmtp}")
    return "\r\n".join(lines) + "\r\n"
